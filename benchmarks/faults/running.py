"""Many reads under faults, and the table of what came of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from rich.table import Table

from benchmarks.faults.mixture import Mixture
from benchmarks.faults.reading import Outcome, Reader
from benchmarks.faults.serving import serve
from emcatalog.catalog import open_catalog
from emcatalog.mirror import use_mirror

KINDS = ("exact", "refused", "wrong", "foreign", "hang")


@dataclass(frozen=True)
class Result:
    """What came of each read, and how many faults there were of each kind."""

    outcomes: tuple[Outcome, ...]
    injected: Counter[str]

    def count(self, kind: str, way: str = "") -> int:
        """Reads of that outcome, by that way or by all."""
        return sum(o.kind == kind and way in ("", o.way) for o in self.outcomes)


def run(root: Path, numbers: Sequence[int], seed: int, rate: float) -> Result:
    """Do the reads of those numbers, some side by side; ``root`` holds the sample."""
    mixture = Mixture(seed, rate)
    truths = _truths(root)
    with (
        use_mirror(),
        serve(root, mixture) as places,
        ThreadPoolExecutor(12) as pool,
    ):
        reader = Reader(places, truths, mixture)
        found = tuple(pool.map(lambda n: reader.outcome(n, seed), numbers))
    return Result(found, mixture.injected)


def _truths(root: Path) -> dict[str, NDArray[Any]]:
    """Every dataset as it is read from disk."""
    with use_mirror(root):
        catalog = open_catalog()
        return {
            name: catalog[name].to_xarray().values
            for name in (f"dataset{n}" for n in range(1, 6))
        }


def tables(result: Result) -> tuple[Table, Table, Table]:
    """Outcomes of each way, faults of each kind, and errors of each class."""
    reads = Table("way", *KINDS, "slowest, s", title="reads")
    ways = sorted({outcome.way for outcome in result.outcomes})
    for way in [*ways, ""]:
        slowest = max(o.seconds for o in result.outcomes if way in ("", o.way))
        counts = [str(result.count(kind, way)) for kind in KINDS]
        reads.add_row(way or "all", *counts, f"{slowest:.1f}")
    faults = Table("fault", "injected", title="faults")
    for kind, number in sorted(result.injected.items()):
        faults.add_row(kind, str(number))
    faults.add_row("all", str(result.injected.total()))
    errors = Table("error", "reads", title="refused with")
    classes = Counter(o.error for o in result.outcomes if o.error)
    for name, number in classes.most_common():
        errors.add_row(name, str(number))
    return faults, reads, errors

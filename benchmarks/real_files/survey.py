"""A whole run over one folder: the other libraries, the sweep, and both together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.real_files.asking import ask, oracles
from benchmarks.real_files.findings import Finding, Row
from benchmarks.real_files.side_by_side import Comparison, is_numbers, side_by_side
from benchmarks.real_files.sweep import TIMEOUT, Folder, Report, sweep


@dataclass(frozen=True)
class Survey:
    """What came of one folder; ``unasked`` are rows of which no file was found."""

    findings: list[Finding]
    comparisons: list[Comparison]
    unasked: tuple[Row, ...]


def survey(
    folder: Folder,
    *,
    peers: bool = True,
    jobs: int = 2,
    timeout: float = TIMEOUT,
    reporter: Callable[[str], Report] = lambda title: lambda done, total, path: None,
) -> Survey:
    """Sweep the folder; with ``peers``, ask the other libraries first.

    ``reporter`` gives, for each of the two, what is told of its progress.
    """
    pairs = [(item, folder.rows(item)) for item in folder.items]
    readings = ask(pairs, jobs, timeout, reporter("peers")) if peers else []
    found = sweep(
        folder,
        peers=oracles(readings),
        jobs=jobs,
        timeout=timeout,
        report=reporter("emcatalog"),
    )
    rows: dict[str, list[Row]] = {}
    for item, about in pairs:
        numbers = [row for row in about if is_numbers(row)]
        if numbers and not item.kind.startswith("series of"):
            rows[item.path] = numbers
    beside = side_by_side(readings, found, rows) if peers else []
    return Survey(found, beside, folder.expected.unasked())


def expected_of(root: Path, given: Path | None) -> Path | None:
    """The file that tells what to expect: the given one, or the folder's own."""
    own = root / "EXPECTED.csv"
    return given or (own if own.is_file() else None)

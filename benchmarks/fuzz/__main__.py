"""The command: campaigns, their table, and replays of kept inputs."""

from __future__ import annotations

import argparse
import importlib.util
import re
import warnings
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.fuzz.campaign import Order, Tally, prepare, strict
from benchmarks.fuzz.watching import ENGINES, run

console = Console()


def main(words: Sequence[str] | None = None) -> int:
    """Run what the command line says; 1 if a law was broken."""
    given = _parser().parse_args(words)
    prepare()
    if given.replay:
        return _replay(given.targets[0], given.replay)
    from benchmarks.fuzz.target import targets

    known = targets()
    if given.list:
        for target in known.values():
            console.print(f"{target.name:20} {target.about}")
        return 0
    names = given.targets or list(known)
    if unknown := sorted(set(names) - set(known)):
        raise SystemExit(f"no target {', '.join(unknown)}; known: {', '.join(known)}")
    orders = [
        Order(name, given.runs, given.seconds, given.seed, given.real) for name in names
    ]
    with ThreadPoolExecutor(given.jobs) as pool:
        tallies = list(pool.map(lambda order: _one(order, given), orders))
    found = dict(zip(names, tallies, strict=True))
    console.print(table(found))
    return int(any(tally.failures for tally in found.values()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("benchmarks.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="all if none")
    parser.add_argument("--runs", type=int, default=100_000, help="inputs of each")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="of each")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--engine", choices=("mutate", "atheris"), default="mutate")
    parser.add_argument("--jobs", type=int, default=1, help="targets at a time")
    parser.add_argument(
        "--real", action="store_true", help="more seeds: of the sample, and real files"
    )
    parser.add_argument("--out", type=Path, help="a folder for inputs that fail")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="try one input")
    parser.add_argument("--list", action="store_true", help="list the targets")
    return parser


def _one(order: Order, given: argparse.Namespace) -> Tally:
    engine = given.engine
    if engine == "atheris" and importlib.util.find_spec("atheris") is None:
        raise SystemExit("atheris is not installed: pip install emcatalog[fuzz]")
    tally = run(order, ENGINES[engine])
    rate = tally.runs / max(tally.seconds, 1e-9)
    console.print(f"{order.target}: {tally.runs} inputs, {rate:.0f}/s")
    for law, (data, detail) in tally.failures.items():
        console.print(f"  BROKEN {law}", markup=False)
        if given.out:
            _save(given.out / order.target, law, data, detail)
    return tally


def _save(folder: Path, law: str, data: bytes, detail: str) -> None:
    """Keep an input that broke a law, made small where that is safe."""
    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"\W+", "-", law).strip("-")[:100]
    place = folder / f"{name}-{zlib.crc32(data):08x}"
    place.write_bytes(data)
    place.with_name(f"{place.name}.txt").write_text(detail, "utf-8", "replace")
    if not law.startswith(("crash", "hang", "memory", "slow")):
        place.write_bytes(_small(folder.name, law, data))


def _small(target: str, law: str, data: bytes) -> bytes:
    from benchmarks.fuzz.laws import judge
    from benchmarks.fuzz.reducing import reduced
    from benchmarks.fuzz.target import targets

    chosen = targets()[target]
    with warnings.catch_warnings():
        strict()
        return reduced(data, lambda part: judge(chosen, part).broken == law)


def _replay(target: str, place: Path) -> int:
    from benchmarks.fuzz.laws import judge
    from benchmarks.fuzz.target import targets

    with warnings.catch_warnings():
        strict()
        verdict = judge(targets()[target], place.read_bytes(), twice=True)
    console.print(verdict.outcome, markup=False)
    console.print(verdict.detail, markup=False)
    if verdict.broken:
        console.print(f"BROKEN {verdict.broken}", markup=False)
    return int(bool(verdict.broken))


def table(found: dict[str, Tally]) -> Table:
    """Inputs, speed, outcomes and failures of each target."""
    shown = Table("target", "inputs", "per second", "kinds", "read", "edges", "broken")
    for name, tally in found.items():
        rate = tally.runs / max(tally.seconds, 1e-9)
        read = sum(n for k, n in tally.outcomes.items() if k.startswith("read"))
        shown.add_row(
            name,
            f"{tally.runs:,}",
            f"{rate:.0f}",
            str(len(tally.outcomes)),
            f"{100 * read / max(1, tally.runs):.0f} %",
            str(tally.coverage or ""),
            str(len(tally.failures)),
        )
    return shown


if __name__ == "__main__":
    raise SystemExit(main())

"""The command: ``python -m benchmarks.blocks``."""

from __future__ import annotations

import argparse
import contextlib
import shlex
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.blocks import environments, volumes
from benchmarks.blocks import page as pages
from benchmarks.blocks.contestants import CONTESTANTS, OURS
from benchmarks.blocks.figures import verdicts
from benchmarks.blocks.process import Limits
from benchmarks.blocks.rounds import Bench, Outcome
from benchmarks.blocks.task import Contestant
from benchmarks.reads.tasks import chosen

ABOUT = """\
How soon many blocks are planned, and how fast they come into a training loop.

Contestants are emcatalog (read ahead in process; a DataLoader of PyTorch without
workers, and with two), the same by hand over TensorStore and zarr-python, and xbatcher,
zarrdataset, torch-em and cellmap-data, each in an environment of its own. They take
turns at the same stores; every block is compared with the source. Tasks:

  plan/1e6, plan/2.6e7       milliseconds and memory until the first block's place
  zarr2-64/anywhere          random places; also zarr3-shards/anywhere
  zarr2-64/tiles             shuffled tiles; also zarr3-shards/tiles

Figures mean something on an idle machine.
"""
EPILOG = """\
examples:
  python -m benchmarks.blocks --quick
  python -m benchmarks.blocks --environments ENVS --make --write docs/blocks-measured.md

--make installs the libraries in ENVS, once: 5 GB, some minutes. Lists are separated by
semicolons and may hold * and ?. The status is 1 if a voxel was wrong or emcatalog
failed, 2 if something asked for is not there. A missed target is told, and is no
failure.
"""
ROUNDS, QUICK_ROUNDS = 9, 1
QUICK_CONTESTANTS = ("emcatalog, read ahead", "TensorStore by hand, read ahead")
QUICK_TASKS = ("plan/*", "zarr2-64/anywhere", "zarr3-shards/tiles")
TASKS = (
    *volumes.PLANS,
    *(f"{form}/{order}" for form in volumes.FORMATS for order in ("anywhere", "tiles")),
)


def parser() -> argparse.ArgumentParser:
    """The arguments."""
    made = argparse.ArgumentParser(
        prog="python -m benchmarks.blocks",
        description=ABOUT,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = made.add_argument
    add("--quick", action="store_true", help="small volumes, two contestants")
    add("--only", metavar="LIST", default="", help="only these tasks")
    add("--contestants", metavar="LIST", default="", help="only these contestants")
    add("--rounds", metavar="N", type=int, help="rounds that count (9; quick: 1)")
    add("--environments", metavar="FOLDER", type=Path, help="where libraries live")
    add("--make", action="store_true", help="install those that are not there")
    add("--seconds", metavar="N", type=float, default=600.0, help="most for an answer")
    add("--memory", metavar="GIB", type=float, default=12.0, help="most of a process")
    add("--stores", metavar="FOLDER", type=Path, help="keep what is written, for later")
    add("--write", metavar="MD", type=Path, help="write the page of the documentation")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write; the exit status."""
    given = parser().parse_args(arguments)
    console, err = Console(highlight=False), Console(stderr=True, highlight=False)
    if not console.is_terminal:
        console.width = 132
    few = given.quick
    try:
        names = chosen(TASKS, _listed(given.only) or (QUICK_TASKS if few else ()))
        asked = _listed(given.contestants) or (QUICK_CONTESTANTS if few else ())
        picked = chosen([c.name for c in CONTESTANTS], asked)
    except ValueError as error:
        err.print(str(error), style="red", markup=False)
        return 2
    there, pythons, absent = _there(given, [c for c in CONTESTANTS if c.name in picked])
    rounds = given.rounds or (QUICK_ROUNDS if few else ROUNDS)
    limits = Limits(given.seconds, int(given.memory * 2**30))
    with contextlib.ExitStack() as stack:
        folder = given.stores or Path(
            stack.enter_context(tempfile.TemporaryDirectory())
        )
        folder.mkdir(parents=True, exist_ok=True)
        status = stack.enter_context(err.status(""))
        bench = Bench(pythons, rounds, limits, status.update)
        outcomes = [
            _run(bench, name, folder.resolve(), there, console, few) for name in names
        ]
    found = verdicts(outcomes)
    pages.show_verdicts(console, found)
    for name, why in absent.items():
        console.print(f"{name} is left out: {why}", style="yellow", markup=False)
    if given.write:
        text = pages.page(outcomes, found, absent, written_as(given))
        given.write.write_text(text, "utf-8")
    ours = {one.name for one in OURS}
    return int(any(o.wrong or ours & o.failures.keys() for o in outcomes))


def _run(
    bench: Bench,
    name: str,
    folder: Path,
    there: Sequence[Contestant],
    console: Console,
    quick: bool,
) -> Outcome:
    """One task, and its table."""
    if name in volumes.PLANS:
        task = volumes.empty(folder, name, volumes.PLANS[name])
        small = volumes.empty(folder, "plan/small", (256, 256, 256))
        outcome = bench.plan(task, small, there)
    else:
        outcome = bench.load(volumes.loading(folder, name, quick), there)
    pages.show(console, outcome)
    return outcome


def _there(
    given: argparse.Namespace, picked: Sequence[Contestant]
) -> tuple[list[Contestant], dict[str, Path], dict[str, str]]:
    """Who can run here, each environment's Python, and why others cannot."""
    pythons: dict[str, Path] = {}
    absent: dict[str, str] = {}
    for name in dict.fromkeys(c.environment for c in picked):
        try:
            if given.make and given.environments and name:
                given.environments.mkdir(parents=True, exist_ok=True)
                environments.make(given.environments.resolve(), name)
        except RuntimeError as error:
            absent[name] = str(error)
            continue
        if found := environments.python_of(given.environments, name):
            pythons[name] = found.absolute()
        else:
            absent[name] = "no environment"
    return [c for c in picked if c.environment in pythons], pythons, absent


def written_as(given: argparse.Namespace) -> str:
    """What was asked for, without the paths of this machine."""
    words = ["python -m benchmarks.blocks", *(["--quick"] if given.quick else [])]
    for name in ("only", "contestants", "rounds"):
        value = vars(given)[name]
        words += [f"--{name} {shlex.quote(str(value))}"] if value else []
    words += ["--environments ENVS"] if given.environments else []
    words += ["--make"] if given.make else []
    return " ".join([*words, "--write docs/blocks-measured.md"])


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


if __name__ == "__main__":
    sys.exit(main())

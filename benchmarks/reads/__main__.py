"""The command: ``python -m benchmarks.reads``."""

from __future__ import annotations

import argparse
import contextlib
import math
import shlex
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from benchmarks.reads import report
from benchmarks.reads.engines import CHUNKED, OURS
from benchmarks.reads.limits import LIMITS
from benchmarks.reads.page import page
from benchmarks.reads.paged_engines import PAGED_ENGINES
from benchmarks.reads.paged_limits import PAGED_LIMITS
from benchmarks.reads.peers import CHUNKED_PEERS
from benchmarks.reads.rounds import Crew, Outcome, Plan, installed, run
from benchmarks.reads.task import Engine, Format, Serving, Stored
from benchmarks.reads.tasks import (
    QUICK,
    QUICK_ENGINES,
    Stage,
    all_formats,
    chosen,
    planned,
    served,
)
from benchmarks.reads.verdicts import verdicts

ABOUT = """\
How fast blocks are read, by emcatalog, by other libraries, and at most.

Volumes like those of electron microscopes are written in every format, served from the
disk, from nginx, and by a proxy that is 30 ms away and gives 25 MB/s to a connection.
Engines, each in a process of its own, take turns at the same random blocks; every block
is compared with the truth. A task is called FORMAT/SERVING/ASKED, such as

  zarr2-64/disk/single     one block after the other
  zarr2-64/disk/stream     eight blocks anywhere at once
  jpeg-shards/proxy/batch  eight blocks at once, near each other on a disk

and gives a table: milliseconds per block, speed as a share of what is possible
(decoding alone, a memory copy, the wire alone) and of raw TensorStore, CPU seconds for
10^9 bytes, requests, bytes moved over bytes needed, and memory. Then comes what was to
be shown, and whether it was. Figures mean something on an idle machine.
"""
EPILOG = """\
examples:
  python -m benchmarks.reads --quick
  python -m benchmarks.reads --only 'zarr2-64/*' --rounds 20 --stores /tmp/stores
  python -m benchmarks.reads --serving proxy --engines 'emcatalog*,TensorStore*'
  python -m benchmarks.reads --real SECTIONS --write docs/reading.md

Lists are separated by commas and may hold * and ?. The status is 1 if a voxel was wrong
or emcatalog failed, 2 if something asked for is not there. A missed target is told, and
is no failure.
"""
ENGINES: tuple[Engine, ...] = (
    *LIMITS,
    *PAGED_LIMITS,
    *CHUNKED,
    *CHUNKED_PEERS,
    *PAGED_ENGINES,
)
ROUNDS, QUICK_ROUNDS, QUICK_SECONDS = 15, 3, 75
"""Rounds that count, and seconds for all tasks of a quick run."""

WIDE = 132


def parser() -> argparse.ArgumentParser:
    """The arguments."""
    made = argparse.ArgumentParser(
        prog="python -m benchmarks.reads",
        description=ABOUT,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = made.add_argument
    add("--quick", action="store_true", help="small volumes, few formats: two minutes")
    add("--formats", metavar="LIST", default="", help="only these formats")
    add("--serving", metavar="LIST", default="", help="of disk, nginx, proxy")
    add("--only", metavar="LIST", default="", help="only these tasks, by their names")
    add("--engines", metavar="LIST", default="", help="only these engines")
    add("--rounds", metavar="N", type=int, help="rounds that count (15; quick: 3)")
    add("--seed", metavar="N", type=int, default=0, help="where the blocks lie")
    add("--fresh", action="store_true", help="new processes for each task: for memory")
    add("--cold", action="store_true", help="files leave the page cache before a turn")
    add("--real", metavar="FOLDER", type=Path, help="PNG sections of a real stack, too")
    add("--stores", metavar="FOLDER", type=Path, help="keep what is written, for later")
    add("--write", metavar="MD", type=Path, help="write the page of the documentation")
    return made


@dataclass
class Run:
    """What is run, and what has come of it."""

    given: argparse.Namespace
    engines: Sequence[Engine]
    formats: dict[str, Format]
    names: list[str]
    console: Console
    outcomes: list[Outcome] = field(default_factory=list)

    def all(self, folder: Path, bar: Progress) -> None:
        """Write what is missing, serve it, and let engines take turns."""
        at = bar.add_task("", total=len(self.names))
        written = {}
        for name in dict.fromkeys(name.partition("/")[0] for name in self.names):
            bar.update(at, description=f"writing {name}")
            written[name] = self.formats[name].write(folder, self.given.quick)
        for kind in get_args(Serving):
            names = [name for name in self.names if name.split("/")[1] == kind]
            if not names:
                continue
            try:
                with served(folder, kind) as server:
                    stage = Stage(folder, kind, server, self.given.quick)
                    self._tasks(stage, names, written, bar)
            except RuntimeError as error:
                self.console.print(f"{kind}: {error}", style="yellow", markup=False)

    def _tasks(
        self,
        stage: Stage,
        names: Sequence[str],
        written: dict[str, Stored],
        bar: Progress,
    ) -> None:
        at = bar.task_ids[0]
        plan = Plan(
            self.given.rounds or (QUICK_ROUNDS if self.given.quick else ROUNDS),
            self.given.seed,
            self.given.cold,
            QUICK_SECONDS / len(self.names) if self.given.quick else math.inf,
            lambda text: bar.update(at, description=text),
        )
        with Crew.called(fresh=self.given.fresh) as crew:
            for name in names:
                form, _, asked = name.split("/")
                task = stage.task(self.formats[form], written[form], asked)
                outcome = run(task, self.engines, plan, crew, stage.server)
                self.outcomes.append(outcome)
                report.show(self.console, outcome)
                bar.advance(at)


def main(
    arguments: Sequence[str] | None = None, engines: Sequence[Engine] = ENGINES
) -> int:
    """Measure, print and write; the exit status."""
    given = parser().parse_args(arguments)
    console, err = Console(highlight=False), Console(stderr=True, highlight=False)
    if not console.is_terminal:
        console.width = WIDE
    there, absent = installed(engines)
    try:
        asked = _asked(given, there, console)
    except ValueError as error:
        err.print(str(error), style="red", markup=False)
        return 2
    with contextlib.ExitStack() as stack:
        folder = given.stores or Path(
            stack.enter_context(tempfile.TemporaryDirectory())
        )
        folder.mkdir(parents=True, exist_ok=True)
        asked.all(folder.resolve(), stack.enter_context(_bar(err)))
    found = verdicts(asked.outcomes)
    report.show_verdicts(console, found)
    if given.write:
        text = page(asked.outcomes, found, absent, written_as(given))
        given.write.write_text(text, "utf-8")
    return int(any(o.wrong or OURS in o.failures for o in asked.outcomes))


def _asked(
    given: argparse.Namespace, engines: Sequence[Engine], console: Console
) -> Run:
    """What the arguments ask for. Raises ValueError for names that nothing has."""
    formats = all_formats(given.real)
    servings = chosen(get_args(Serving), _listed(given.serving))
    names = planned(chosen(list(formats), _listed(given.formats)), servings)
    quick = QUICK if given.quick and not (given.formats or given.serving) else ()
    few = QUICK_ENGINES if given.quick else ()
    picked = chosen([e.name for e in engines], _listed(given.engines) or few)
    return Run(
        given,
        [engine for engine in engines if engine.name in picked],
        formats,
        chosen(names, _listed(given.only) or quick),
        console,
    )


def written_as(given: argparse.Namespace) -> str:
    """What was asked for, without the paths of this machine."""
    words = ["python -m benchmarks.reads"]
    for name in ("quick", "fresh", "cold"):
        words += [f"--{name}"] if vars(given)[name] else []
    for name in ("formats", "serving", "only", "engines", "rounds", "seed"):
        value = vars(given)[name]
        words += [f"--{name} {shlex.quote(str(value))}"] if value else []
    words += ["--real SECTIONS"] if given.real else []
    return " ".join([*words, "--write docs/reading.md"])


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _bar(console: Console) -> Progress:
    parts = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    return Progress(
        *parts, console=console, transient=True, disable=not console.is_terminal
    )


if __name__ == "__main__":
    sys.path.append(str(Path(__file__).parents[2] / "tests"))  # its servers
    sys.exit(main())

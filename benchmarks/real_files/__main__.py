"""The command: ``python -m benchmarks.real_files PATH``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from benchmarks.real_files import report
from benchmarks.real_files.findings import Finding, Row, shown
from benchmarks.real_files.page import page, versions
from benchmarks.real_files.side_by_side import Comparison
from benchmarks.real_files.survey import expected_of, survey
from benchmarks.real_files.sweep import TIMEOUT, Report, gather

ABOUT = """\
Open everything in a folder through the drivers, read every voxel, and compare.

PATH is any folder (or one file or store). What is there is found by first bytes,
suffixes and the metadata of Zarr, N5 and precomputed stores; files whose names differ
in one number only are opened as a series as well. An EXPECTED.csv in PATH tells what
independent readers found; where it has no row, the libraries that are installed
(peers) are asked. Each thing comes to one of these:

  equal            voxels and calibration are as expected
  calibr. differs  the voxels are, voxel size or origin are not
  WRONG            other voxels than expected: the worst that can happen
  as peers         no row is there, and every other library reads the same
  unlike a peer    no row is there, and another library reads something else
  read             read to the end, and nothing is there to compare with
  empty            metadata without any voxel
  refused          an error of ours that says what it is
  FOREIGN          an error that is not ours: a fault
  HANG, CRASH      no end in time, or the process died: faults
"""
EPILOG = """\
examples:
  python -m benchmarks.real_files ~/data/microscope
  python -m benchmarks.real_files ../shared/realdata --no-peers --only 'dm/*'
  python -m benchmarks.real_files ../shared/realdata --write docs/real-files.md

The status is 1 if anything is WRONG, FOREIGN, HANG or CRASH, or a calibration differs;
2 if a PATH is not there.
"""


def parser() -> argparse.ArgumentParser:
    """The arguments."""
    made = argparse.ArgumentParser(
        prog="python -m benchmarks.real_files",
        description=ABOUT,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = made.add_argument
    add("paths", metavar="PATH", nargs="+", type=Path, help="folder, file or store")
    add(
        "--expected",
        metavar="CSV",
        type=Path,
        help="what to expect, by paths relative to PATH (default: PATH/EXPECTED.csv)",
    )
    add("--no-peers", action="store_true", help="ask no other libraries")
    add("--jobs", metavar="N", type=int, default=2, help="processes (default: 2)")
    add(
        "--timeout",
        metavar="S",
        type=float,
        default=TIMEOUT,
        help="seconds for one file or store (default: %(default)g)",
    )
    add(
        "--only", metavar="GLOB", default="", help="only paths that fit, such as 'dm/*'"
    )
    add("--write", metavar="MD", type=Path, help="write the page of the documentation")
    add("--json", metavar="FILE", type=Path, help="write every finding as JSON")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Sweep, print and write; the exit status."""
    given = parser().parse_args(arguments)
    err = Console(stderr=True, highlight=False)
    found: list[Finding] = []
    beside: list[Comparison] = []
    unasked: list[Row] = []
    for path in given.paths:
        try:
            folder = gather(path, given.expected, given.only)
        except (OSError, ValueError) as error:
            text = getattr(error, "strerror", None) or error
            err.print(f"{shown(str(path))}: {text}", markup=False, style="red")
            return 2
        with _bar(err) as bar:
            one = survey(
                folder,
                peers=not given.no_peers,
                jobs=given.jobs,
                timeout=given.timeout,
                reporter=lambda title, bar=bar: _reporter(bar, title),  # type: ignore[misc]
            )
        found += one.findings
        beside += one.comparisons
        unasked += () if given.only else one.unasked
    report.show(Console(highlight=False), found, beside, unasked)
    _write(given, found, beside)
    return int(report.failed(found))


def _write(
    given: argparse.Namespace, found: list[Finding], beside: list[Comparison]
) -> None:
    """The files that were asked for."""
    if given.json:
        facts = {
            "versions": versions(),
            "findings": [finding.as_json() for finding in found],
            "side_by_side": [vars(comparison) for comparison in beside],
        }
        text = json.dumps(facts, indent=1, ensure_ascii=False)
        given.json.write_bytes(text.encode("utf-8", "backslashreplace"))
    if given.write:
        expected = expected_of(given.paths[0], given.expected)
        given.write.write_text(page(found, beside, expected), "utf-8")


def _bar(console: Console) -> Progress:
    parts = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    return Progress(
        *parts, console=console, transient=True, disable=not console.is_terminal
    )


def _reporter(bar: Progress, title: str) -> Report:
    task = bar.add_task(title, total=None)

    def moved(done: int, total: int, path: str) -> None:
        name = escape(f"{title} {shown(path)[-40:]}")
        bar.update(task, total=total, completed=done, description=name)

    return moved


if __name__ == "__main__":
    sys.exit(main())

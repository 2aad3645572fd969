"""The sweep: every item of some folders through the drivers, in worker processes."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from pathlib import Path

from benchmarks.real_files.discover import DRIVERS, discover
from benchmarks.real_files.examine import SERIES
from benchmarks.real_files.expected import Table, read_expected
from benchmarks.real_files.findings import UNREADABLE, Finding, Item, Outcome, Row
from benchmarks.real_files.series import members_of
from benchmarks.real_files.workers import Answer, Task, perform
from emcatalog.driver.registry import driver
from emcatalog.errors import UnknownNameError

EXAMINE = "benchmarks.real_files.examine:examine"
TIMEOUT = 60.0
_MARGIN = 0.7
"""Share of the time after which reading stops in good order."""

Report = Callable[[int, int, str], None]
"""Told how many items are done, of how many, and the last one's path."""


@dataclass(frozen=True)
class Folder:
    """What is swept at once: items, and the rows that tell what they should be."""

    items: tuple[Item, ...]
    expected: Table = field(default_factory=Table)

    def rows(self, item: Item) -> tuple[Row, ...]:
        """The rows about an item; of a series, those of its sections."""
        if not item.kind.startswith("series of"):
            return self.expected.about(item.path, item.stored.paths)
        found, members = [], members_of(item)
        for member in members:
            rows = self.expected.about(member.relative_to(item.root).as_posix())
            found += [replace(row, item=SERIES) for row in rows if row.item == "0"]
        return tuple(found) if len(found) == len(members) else ()


def installed() -> dict[str, str]:
    """Drivers by kind, those that are there."""
    found = {}
    for kind, name in DRIVERS.items():
        try:
            driver(name)
        except UnknownNameError:
            continue
        except Exception:  # noqa: BLE001, S110 - the worker that meets it tells of it
            pass
        found[kind] = name
    return found


def gather(
    root: Path,
    expected: Path | None = None,
    only: str = "",
    drivers: Mapping[str, str] | None = None,
) -> Folder:
    """The items below ``root`` whose paths fit the pattern ``only``, and their rows.

    Rows are those of the file ``expected``, or of an EXPECTED.csv in ``root``. Raises
    OSError if ``root`` or ``expected`` is not there, ValueError for a CSV without the
    columns.
    """
    if not os.path.lexists(root):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(root))
    place = expected or root / "EXPECTED.csv"
    table = read_expected(place) if expected or place.is_file() else Table()
    items = discover(root.absolute(), installed() if drivers is None else drivers)
    chosen = tuple(i for i in items if not only or fnmatch(i.path, only))
    return Folder(chosen, table)


def sweep(
    folder: Folder,
    *,
    peers: Mapping[str, Sequence[Row]] | None = None,
    jobs: int = 2,
    timeout: float = TIMEOUT,
    report: Report = lambda done, total, path: None,
) -> list[Finding]:
    """What comes of every item, in the order of the paths.

    ``peers`` are rows of other libraries by path, for items of which EXPECTED.csv has
    none. An item that takes longer than ``timeout`` seconds hangs.
    """
    found, tasks = [], []
    for item in folder.items:
        rows = folder.rows(item)
        if not item.driver:
            found.append(_untried(item, rows))
            continue
        beside = () if rows else tuple((peers or {}).get(item.path, ()))
        arguments = (item, rows, beside, timeout * _MARGIN)
        tasks.append(Task(item, EXAMINE, arguments))
    for done, answer in enumerate(perform(tasks, jobs, timeout), start=1):
        found += _findings(answer)
        report(done, len(tasks), answer.task.key.path)
    order = {(i.path, i.kind): n for n, i in enumerate(folder.items)}
    return sorted(found, key=lambda f: order[f.path, f.kind])


def _untried(item: Item, rows: Sequence[Row]) -> Finding:
    """What no driver is asked for; a file that cannot be opened may be a volume."""
    outcome = Outcome.REFUSED if item.kind == UNREADABLE else Outcome.NONE
    notes = ("EXPECTED.csv has a row for it",) if rows else ()
    return Finding(item.path, item.kind, outcome, detail=item.why, notes=notes)


def _findings(answer: Answer) -> Iterator[Finding]:
    item: Item = answer.task.key
    if not answer.failure:
        yield from answer.value
        return
    kinds = {"hang": Outcome.HANG, "crash": Outcome.CRASH}
    outcome = kinds.get(answer.failure, Outcome.FOREIGN)
    detail = answer.detail
    if outcome is Outcome.FOREIGN:
        detail = f"{answer.failure}: {detail}"
    yield Finding(item.path, item.kind, outcome, driver=item.driver, detail=detail)

"""One item, in a worker process: open, read every voxel, compare."""

from __future__ import annotations

import hashlib
import os
import time
import traceback
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.real_files.compare import Verdict, arranged, compare
from benchmarks.real_files.discover import STORE_FILES
from benchmarks.real_files.findings import AXES, Finding, Item, Outcome, Row
from benchmarks.real_files.reading import stacks
from benchmarks.real_files.stack import OutOfTimeError, Stack
from emcatalog.errors import EmcatalogError

MISTAKES = (TypeError, AttributeError, NameError, AssertionError)
"""What a program raises that is not right itself."""

SPARSE = ("ngff", "precomputed")
"""Drivers whose volumes may lack chunks."""

SERIES = "section"
"""``item`` of a row that is about one section of a series."""


def examine(
    item: Item, rows: Sequence[Row], peers: Sequence[Row], seconds: float
) -> list[Finding]:
    """What comes of ``item``: a finding for each level of each image in it.

    ``rows`` are those of EXPECTED.csv; ``peers`` those of other libraries, which count
    where there is no other. Reading stops in good order after ``seconds``.
    """
    deadline = time.monotonic() + seconds
    blank = Finding(item.path, item.kind, Outcome.READ, driver=item.driver)
    found, images = [], []
    try:
        for one in stacks(item):
            if isinstance(one, EmcatalogError):
                found.append(_refused(blank, item, one))
                continue
            if one.options not in images:
                images.append(one.options)
            number = images.index(one.options)
            mine = [r for r in rows if _meant(r, item, one, number)]
            theirs = [r for r in peers if _meant(r, item, one, number)]
            part = replace(blank, part=_part(one))
            found.append(_guarded(part, item, one, (mine, theirs), deadline))
    except EmcatalogError as error:
        found.append(_refused(blank, item, error))
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        found.append(_foreign(blank, error))
    return [replace(found[0], part="")] if len(found) == 1 else found


def _part(stack: Stack) -> str:
    kept = {
        n: v for n, v in stack.options.items() if n not in ("voxel_size_nm", "axes")
    }
    return " ".join([*(f"{n}={v}" for n, v in kept.items()), f"level={stack.level}"])


def _meant(row: Row, item: Item, stack: Stack, number: int) -> bool:
    """Whether the row is about this level of this image."""
    if row.item == SERIES:
        return True
    _, scale, key = row.path.removeprefix(item.path).partition("#")
    if not scale and row.path == item.path:
        return row.item == str(number) and not stack.level
    if key == f"mip{stack.level}":
        return True
    key = key if scale else row.path.removeprefix(f"{item.path}/")
    # where a chunked level lies tells which one it is
    place = str(getattr(stack.first, "url", "")).rstrip("/")
    return place.endswith(f"/{key}")


def _guarded(
    blank: Finding,
    item: Item,
    stack: Stack,
    rows: tuple[Sequence[Row], Sequence[Row]],
    deadline: float,
) -> Finding:
    """The finding; what one image raises hides no other."""
    sizes, kind = stack.sizes, str(stack.first.dtype)
    part = replace(blank, shape=tuple(sizes[a] for a in AXES), dtype=kind)
    try:
        return _finding(part, item, stack, rows, deadline)
    except OutOfTimeError as error:
        lost = " and not compared" if any(rows) else ""
        return replace(part, detail=f"read in part{lost}: {error}")
    except EmcatalogError as error:
        return _refused(part, item, error)
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        return _foreign(part, error)


def _finding(
    part: Finding,
    item: Item,
    stack: Stack,
    rows: tuple[Sequence[Row], Sequence[Row]],
    deadline: float,
) -> Finding:
    """By the rows, else by other libraries, else by reading alone."""
    expected, peers = rows
    if expected and expected[0].item == SERIES:
        return _sections(part, stack, expected, deadline)
    if expected:
        return _judged(part, [compare(stack, r, item, deadline) for r in expected])
    if empty := _emptiness(item, stack, deadline):
        return replace(part, outcome=Outcome.EMPTY, detail=empty)
    if peers:
        return _beside(part, item, stack, peers, deadline)
    stack.read_all(deadline, sparse=item.driver in SPARSE)
    return part


def _emptiness(item: Item, stack: Stack, deadline: float) -> str:
    """Why nothing but fill values can be read; empty if there is more."""
    if item.driver not in SPARSE:
        return ""
    if _is_bare(item):
        return "metadata without chunks"
    return "" if stack.is_stored(deadline) else "fill values only"


def _judged(part: Finding, verdicts: Sequence[Verdict]) -> Finding:
    worst = min(verdicts, key=lambda v: (v.voxels, v.calibration))
    outcome = Outcome.EQUAL if worst.calibration else Outcome.CALIBRATION
    outcome = outcome if worst.voxels else Outcome.WRONG
    notes = tuple(dict.fromkeys(n for v in verdicts for n in v.notes))
    return replace(part, outcome=outcome, detail=worst.detail, notes=notes)


def _beside(
    part: Finding, item: Item, stack: Stack, peers: Sequence[Row], deadline: float
) -> Finding:
    """Against other libraries where nothing else is known; all are named."""
    verdicts = [(row.reader, compare(stack, row, item, deadline)) for row in peers]
    agreed = tuple(name for name, v in verdicts if v.voxels and v.calibration)
    others = "; ".join(
        f"{name}: {v.detail}" for name, v in verdicts if name not in agreed
    )
    outcome = Outcome.DIFFERS if others else Outcome.PEERS
    return replace(part, outcome=outcome, detail=others, agreed=agreed)


def _sections(
    part: Finding, stack: Stack, rows: Sequence[Row], deadline: float
) -> Finding:
    """A series: each of its sections against the row of its file, in order."""
    sizes = stack.sizes
    if sizes["z"] != len(rows):
        detail = f"{sizes['z']} sections of {len(rows)} files"
        return replace(part, outcome=Outcome.WRONG, detail=detail)
    for z, row in enumerate(rows):
        if time.monotonic() > deadline:
            raise OutOfTimeError(f"{z} of {len(rows)} sections in the time given")
        order = arranged(row, sizes | {"z": 1}) if row.letters and not row.bad else ""
        box = {a: slice(0, n) for a, n in sizes.items()} | {"z": slice(z, z + 1)}
        voxels = stack.read(box, order or "ctzyx").tobytes()
        if not order or hashlib.sha256(voxels).hexdigest()[:16] != row.digest:
            detail = f"section {z} has other voxels than {Path(row.path).name}"
            return replace(part, outcome=Outcome.WRONG, detail=detail)
    return replace(part, outcome=Outcome.EQUAL, notes=(f"{len(rows)} sections",))


def _is_bare(item: Item) -> bool:
    """Whether a store has no file beside its metadata."""
    if not Path(item.places[0]).is_dir():
        return False
    unlisted: list[OSError] = []
    walk = os.walk(item.places[0], onerror=unlisted.append)
    files = (name for _, _, names in walk for name in names)
    bare = all(name in STORE_FILES or name.startswith(".") for name in files)
    return bare and not unlisted


def _refused(part: Finding, item: Item, error: EmcatalogError) -> Finding:
    """The error's own words, without paths of this machine."""
    if mistake := _mistake(error):
        return _foreign(part, mistake)
    text = f"{error.got}; expected {error.expected}" if error.expected else error.got
    return replace(part, outcome=Outcome.REFUSED, detail=_local(text, item))


def _mistake(error: BaseException) -> Exception | None:
    """A mistake in our own code behind a refusal: such an error blames the file."""
    cause = error.__cause__
    if cause is None or not isinstance(cause, MISTAKES):
        return _mistake(cause) if cause else None
    *_, last = traceback.extract_tb(cause.__traceback__) or [None]
    ours = last and any(p.startswith("emcatalog") for p in Path(last.filename).parts)
    return cause if ours else None


def _local(text: str, item: Item) -> str:
    return text.replace(f"{item.root}/", "").replace(str(item.root), ".")


def _foreign(part: Finding, error: Exception) -> Finding:
    """An error that is not ours, and the line that it came from."""
    *_, last = traceback.extract_tb(error.__traceback__) or [None]
    place = f" at {Path(last.filename).name}:{last.lineno}" if last else ""
    text = f"{type(error).__name__}: {str(error)[:300]}{place}"
    return replace(part, outcome=Outcome.FOREIGN, detail=text)

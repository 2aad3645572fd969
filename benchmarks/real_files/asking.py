"""Asks the other libraries, in worker processes, and keeps what each of them read."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from benchmarks.real_files.findings import Item, Row
from benchmarks.real_files.peers import BY_NAME, PEERS, Array
from benchmarks.real_files.workers import Task, perform

LARGEST = 2**29
"""Bytes of a file that the libraries are asked about at most."""

NUMBERS = re.compile(r"bool|[<>]?(u?int|float)\d+|[<>|][biuf]\d+")
"""Types of which the same numbers may come in another one."""

READ = "benchmarks.real_files.asking:read_with"


@dataclass(frozen=True)
class Reading:
    """What a library made of an item: arrays, or why there are none.

    ``failure`` is ``error``, ``hang`` or ``crash``. ``digests`` has, for each row, all
    that count as the same voxels: C and Fortran order, stored and native byte order.
    """

    peer: str
    item: Item
    rows: tuple[Row, ...] = ()
    digests: tuple[frozenset[str], ...] = ()
    failure: str = ""
    detail: str = ""


def read_with(name: str, item: Item, dtypes: frozenset[str]) -> Reading:
    """What the library makes of the item; called in a worker.

    All that it raises is an ``error``: a refusal and a traceback are the same here.
    The same numbers in a wider type count as one of ``dtypes``, if that is expected.
    """
    peer, found, failure = BY_NAME[name], _Found(dtypes), ""
    try:
        for array in peer.arrays(item):
            try:
                found.add(array, f"{name} {peer.version}")
            except Exception as error:  # noqa: BLE001 - other arrays may be well
                failure = _told(error, item)
    except Exception as error:  # noqa: BLE001 - whatever it raises is its answer
        failure = _told(error, item)
    rows, digests = tuple(found.rows), tuple(found.digests)
    return Reading(name, item, rows, digests, "error" if failure else "", failure)


def _told(error: Exception, item: Item) -> str:
    text = f"{type(error).__name__}: {error}".replace(f"{item.root}/", "")
    return text[:300]


@dataclass
class _Found:
    """The arrays of one item, numbered for each path."""

    dtypes: frozenset[str]
    rows: list[Row] = field(default_factory=list)
    digests: list[frozenset[str]] = field(default_factory=list)

    def add(self, given: Array, reader: str) -> None:
        """Read an array and take it in."""
        array, letters = np.asarray(given.read()), given.letters
        if len(letters) == array.ndim - 1 and array.shape[-1] in (3, 4):
            letters += "s"
        if letters == "zyx":
            letters = letters[-array.ndim :]
        letters = letters if len(letters) == array.ndim else ""
        number = str(sum(row.path == given.path for row in self.rows))
        kind = str(array.dtype.newbyteorder("="))
        alike = _digests(array, self.dtypes)
        self.rows.append(
            Row(given.path, number, array.shape, kind, alike[0], letters, given.axes,
                reader)
        )  # fmt: skip
        self.digests.append(frozenset(alike))


def _digests(array: np.ndarray[Any, Any], dtypes: frozenset[str]) -> list[str]:
    """The digest in C order and native bytes first, then the others that count."""
    if array.dtype == bool:  # some give True as 255
        array = array.view(np.uint8) != 0
    forms = [array.astype(array.dtype.newbyteorder("="), copy=False)]
    if array.dtype.kind in "iuf":
        for dtype in dtypes - {str(forms[0].dtype)}:
            with np.errstate(all="ignore"):
                other = array.astype(dtype)
            if np.array_equal(other.astype(array.dtype), array):
                forms.append(other)
    orders: tuple[Literal["C", "F"], ...] = ("C", "F")
    texts = (form.tobytes(order) for form in forms for order in orders)
    return [hashlib.sha256(text).hexdigest()[:16] for text in texts]


def ask(
    items: Sequence[tuple[Item, Sequence[Row]]],
    jobs: int,
    timeout: float,
    report: Callable[[int, int, str], None],
) -> list[Reading]:
    """What every library that is installed makes of the items of its kinds.

    Each item comes with the rows that are known of it. Large files are not asked for.
    """
    tasks = [
        Task((peer.name, item), READ, (peer.name, item, _numbers(rows)))
        for item, rows in items
        for peer in PEERS
        if item.driver and item.kind in peer.kinds and peer.version and _is_small(item)
    ]
    found = []
    for done, answer in enumerate(perform(tasks, jobs, timeout), start=1):
        name, item = answer.task.key
        failed = Reading(name, item, failure=answer.failure, detail=answer.detail)
        found.append(failed if answer.failure else answer.value)
        report(done, len(tasks), f"{name} {item.path}")
    return sorted(found, key=lambda r: (r.item.path, r.item.kind, r.peer))


def _numbers(rows: Sequence[Row]) -> frozenset[str]:
    return frozenset(row.dtype for row in rows if NUMBERS.fullmatch(row.dtype))


def _is_small(item: Item) -> bool:
    place = Path(item.places[0])
    return place.is_dir() or (place.is_file() and place.stat().st_size < LARGEST)


def oracles(readings: Sequence[Reading]) -> Mapping[str, tuple[Row, ...]]:
    """Rows by the path of the item, of the libraries that could read it."""
    found: dict[str, tuple[Row, ...]] = {}
    for reading in readings:
        path = reading.item.path
        found[path] = (*found.get(path, ()), *reading.rows)
    return found

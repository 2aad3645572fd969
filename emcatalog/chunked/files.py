"""Chunks in files of this machine, looked at before TensorStore reads them.

It reads any file whole: one of many gigabytes would take all memory, and a pipe would
be waited for without end.
"""

from __future__ import annotations

import functools
import math
import stat
import time
from pathlib import Path

from emcatalog.chunked.keys import Cell, Keys
from emcatalog.chunked.kvstore import local_folder
from emcatalog.errors import CorruptError
from emcatalog.geometry import Region
from emcatalog.recheck import RECHECK_SECONDS

SMALL = 2**20
"""Bytes that a file may have whatever its chunk is."""

MOST_SEEN = 2**16
"""Chunks of a folder that are remembered; one takes about 250 bytes."""


def most_bytes(shape: tuple[int, ...], itemsize: int) -> int:
    """Bytes that a chunk of ``shape`` may take as it is stored.

    No encoding makes a chunk much larger than its voxels.
    """
    return 4 * math.prod(shape) * itemsize + SMALL


def ensure_files(keys: Keys, region: Region, itemsize: int) -> None:
    """Raise CorruptError for a chunk below ``region`` (z, y, x) that is no such file.

    It looks at chunks that are files of their own on this machine, and not at those in
    shards and zip files; at each once in `RECHECK_SECONDS`, since looking has its cost.
    """
    first = next(keys.cells(region), None)
    if first is None or not (folder := local_folder(keys.store_of(first))):
        return
    cells = list(keys.cells(region))
    seen = _seen(folder, int(time.monotonic() // RECHECK_SECONDS))
    if seen.issuperset(cells):
        return
    for cell in cells:
        _ensure_file(folder, keys, cell, itemsize)
    if len(seen) >= MOST_SEEN:
        seen.clear()
    seen.update(cells)


@functools.lru_cache(maxsize=64)
def _seen(folder: str, period: int) -> set[Cell]:
    """The chunks of a folder that were looked at in this period."""
    return set()


def _ensure_file(folder: str, keys: Keys, cell: Cell, itemsize: int) -> None:
    name = keys.key(cell).decode()
    for suffix, _ in keys.packings:
        try:
            facts = Path(f"{folder}{name}{suffix}").stat()
        except OSError:  # it is absent, or TensorStore tells why it is not read
            continue
        if stat.S_ISDIR(facts.st_mode):
            continue  # which TensorStore refuses
        if not stat.S_ISREG(facts.st_mode):
            raise CorruptError(
                got=f"a pipe, socket or device where the chunk {name} would be",
                expected="a regular file",
                hint="put the file of the chunk in its place",
            )
        shape = keys.shape(cell)
        if facts.st_size > most_bytes(shape, itemsize):
            raise CorruptError(
                got=f"a file of {facts.st_size} bytes as the chunk {name}",
                expected=f"about {math.prod(shape) * itemsize} bytes, as its voxels "
                "have",
                hint="the file is damaged, or not of this volume",
            )

"""Chunks in files of this machine, looked at before TensorStore reads them.

It reads any file whole: one of many gigabytes would take all memory, and a pipe would
be waited for without end.
"""

from __future__ import annotations

import functools
import json
import math
import os
import stat
import time

from emcatalog.cache import RECHECK_SECONDS
from emcatalog.chunked.keys import Cell, Keys
from emcatalog.errors import CorruptError
from emcatalog.geometry import Region

SMALL = 2**20
"""Bytes that a file may have whatever its chunk is."""


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
    period = int(time.monotonic() // RECHECK_SECONDS)
    for cell in keys.cells(region):
        folder = _folder(keys.store_of(cell))
        if not folder:
            return
        name = keys.key(cell).decode()
        for suffix, _ in keys.packings:
            if (size := _size(f"{folder}{name}{suffix}", period)) > SMALL:
                _ensure_size(size, keys, cell, itemsize)


def _ensure_size(size: int, keys: Keys, cell: Cell, itemsize: int) -> None:
    shape = keys.shape(cell)
    if size > most_bytes(shape, itemsize):
        raise CorruptError(
            got=f"a file of {size} bytes as the chunk {keys.key(cell).decode()}",
            expected=f"about {math.prod(shape) * itemsize} bytes, as its voxels have",
            hint="the file is damaged, or not of this volume",
        )


@functools.lru_cache(maxsize=2**15)
def _size(path: str, period: int) -> int:
    """Bytes of a file; -1 if it is absent. CorruptError for a pipe and its like."""
    try:
        facts = os.stat(path)  # noqa: PTH116 - a Path would cost as much as asking
    except OSError:  # TensorStore tells why it is not read
        return -1
    if stat.S_ISREG(facts.st_mode):
        return facts.st_size
    if stat.S_ISDIR(facts.st_mode):
        return -1  # which TensorStore refuses
    raise CorruptError(
        got=f"a pipe, socket or device where a chunk would be ({path})",
        expected="a regular file",
        hint="put the file of the chunk in its place",
    )


@functools.lru_cache(maxsize=1024)
def _folder(store: str) -> str:
    """The folder of a key-value store (JSON text); empty if it is none."""
    members = json.loads(store)
    return str(members["path"]) if members["driver"] == "file" else ""

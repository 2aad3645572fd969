"""Which cells of a result are written: one line for each, in a file that only grows."""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_LINE = re.compile(rb"([0-9]{1,18}) ([0-9a-f]{8})\n")


class Journal:
    """Cells that are written, with the checksums of their voxels.

    A line is ``NUMBER CHECKSUM``. The last one may be torn, if the process was killed:
    from the first that is none on all are cut off, and these cells are written again.
    Many threads may write.
    """

    def __init__(self, path: Path, count: int) -> None:
        self._path = path
        self._lock = threading.Lock()
        self.done: NDArray[np.bool_] = np.zeros(count, np.bool_)
        self.sums: NDArray[np.uint32] = np.zeros(count, np.uint32)
        self._read()

    def add(self, cell: int, told: int) -> None:
        """Cell ``cell`` is written, and its voxels have the checksum ``told``."""
        line = b"%d %08x\n" % (cell, told)
        with self._lock:
            with self._path.open("ab", buffering=0) as file:
                file.write(line)
            self.sums[cell], self.done[cell] = told, True

    def forget(self, cells: list[int]) -> None:
        """These are to be written again."""
        self.done[cells] = False
        fresh = self._path.with_suffix(".new")
        kept = np.flatnonzero(self.done).tolist()
        lines = (b"%d %08x\n" % (cell, self.sums[cell]) for cell in kept)
        with fresh.open("wb") as file:
            file.writelines(lines)
        os.replace(fresh, self._path)  # noqa: PTH105 - it is there

    def _read(self) -> None:
        if not self._path.exists():
            return
        whole = 0
        with self._path.open("rb") as file:
            for line in file:
                found = _LINE.fullmatch(line)
                if not found or int(found[1]) >= self.done.size:
                    break
                cell = int(found[1])
                self.done[cell], self.sums[cell] = True, int(found[2], 16)
                whole += len(line)
        os.truncate(self._path, whole)

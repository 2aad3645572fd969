"""Whether blocks are the source's voxels, at the places where they are said to lie.

Of a block that does not say where it lies, the place is looked for: the first row of
voxels is searched in the whole source, and the block is compared at each hit.
"""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.blocks.task import Start


class Truth:
    """The voxels (z, y, x) of an ``.npy`` file: a memory map that can be searched."""

    def __init__(self, path: str) -> None:
        self.voxels = np.load(path, mmap_mode="r")
        self._begin = Path(path).stat().st_size - self.voxels.nbytes
        with Path(path).open("rb") as file:
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def close(self) -> None:
        """Let go of the file."""
        self._bytes.close()

    def fault(self, block: Any, start: Start | None) -> str:
        """What is wrong with a block; empty if nothing is."""
        if start is None:
            return "" if self.found(block) else "a block that is nowhere in the source"
        right = self._at(start, block.shape)
        if block.shape != right.shape:
            return f"a block of {block.shape} voxels at {tuple(start)}"
        differ = int(np.count_nonzero(block != right))
        return f"{differ} wrong voxels at {tuple(start)}" if differ else ""

    def found(self, block: Any) -> Start | None:
        """Where the block lies, if it is anywhere."""
        row = block[0, 0].astype(self.voxels.dtype).tobytes()
        size = self.voxels.itemsize
        at = self._bytes.find(row, self._begin)
        while at >= 0:
            number, rest = divmod(at - self._begin, size)
            start = [int(n) for n in np.unravel_index(number, self.voxels.shape)]
            if rest == 0 and np.array_equal(block, self._at(start, block.shape)):
                return start
            at = self._bytes.find(row, at + 1)
        return None

    def _at(self, start: Start, shape: Sequence[int]) -> Any:
        z, y, x = (slice(a, a + n) for a, n in zip(start, shape, strict=True))
        return self.voxels[z, y, x]

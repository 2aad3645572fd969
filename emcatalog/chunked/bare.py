"""Chunks that are bare voxels once they are unpacked: put in their places directly.

TensorStore would copy each of them twice more, and open an array for that.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emcatalog.chunked.keys import Cell, ChunkKeys
from emcatalog.chunked.unpack import damaged_chunk
from emcatalog.geometry import Region


@dataclass(frozen=True)
class Bare:
    """Chunks of one precomputed scale that hold nothing but their voxels.

    They run as x, y, z and channels do, x fastest: the format's encoding ``raw``.
    ``dtype`` is NumPy's name with the byte order, ``channel`` the one that is read.
    """

    keys: ChunkKeys
    dtype: str
    channel: int = 0

    def voxels(self, cell: Cell, content: bytes) -> NDArray[np.generic]:
        """The voxels z, y, x of one chunk. Raises CorruptError for another length."""
        shape, dtype = self.keys.shape(cell), np.dtype(self.dtype)
        wanted = int(np.prod(shape)) * dtype.itemsize
        if len(content) != wanted:
            raise damaged_chunk(
                f"{len(content)} bytes in {self.keys.plain(cell).decode()}",
                f"{wanted} bytes, those of its voxels",
            )
        channels: NDArray[np.generic] = np.frombuffer(content, dtype)
        voxels: NDArray[np.generic] = channels.reshape(shape[::-1])[self.channel]
        return voxels


def assembled(
    region: Region, bare: Bare, chunks: Iterable[tuple[Cell, bytes]]
) -> NDArray[np.generic]:
    """The voxels of ``region`` (z, y, x); those of chunks that are not there are 0.

    Raises CorruptError for a chunk that has not as many bytes as its voxels.
    """
    out: NDArray[np.generic] = np.zeros(region.shape, np.dtype(bare.dtype))
    for cell, content in chunks:
        box = bare.keys.box(cell)
        shared = box.intersect(region)
        voxels = bare.voxels(cell, content)[shared.relative_to(box.start).slices]
        if shared == region:
            return voxels
        out[shared.relative_to(region.start).slices] = voxels
    return out

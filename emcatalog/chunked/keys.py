"""How the chunks of an array are named: the contract, and precomputed's own names.

Unsharded precomputed chunks are files ``x0-x1_y0-y1_z0-z1``; sharded ones are numbered
by a compressed Morton code. Written from the format's public description, "Precomputed
volume" and "Sharded format", in the Neuroglancer documentation.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from emcatalog.geometry import Region, Triple

Cell = tuple[int, ...]
"""Which chunk of the lattice: an index for each stored dimension, in stored order."""

PLAIN = (("", ""),)
PACKED_FILES = (*PLAIN, (".gz", "gzip"), (".br", "br"), (".zstd", "zstd"))
"""Suffixes that cloud-volume gives to files on disk, in the order they are tried."""


class Keys(Protocol):
    """The names of an array's chunks, for chunks that are not TensorStore's to find.

    An implementation is a frozen dataclass: it is pickled, and used by many threads.
    """

    def store_of(self, cell: Cell) -> str:
        """The key-value store of a chunk, TensorStore's spec as JSON text."""

    @property
    def packings(self) -> tuple[tuple[str, str], ...]:
        """How chunks are packed: (suffix of the key, compression), tried in turn.

        Compressions are those of `emcatalog.chunked.unpack`; `PLAIN` is none.
        """

    def cells(self, region: Region) -> Iterator[Cell]:
        """The chunks in which the voxels of ``region`` (z, y, x) lie."""

    def key(self, cell: Cell) -> bytes:
        """The key of a chunk in its store, without a suffix."""

    def plain(self, cell: Cell) -> bytes:
        """The key under which the array's spec looks for a chunk."""

    def shape(self, cell: Cell) -> tuple[int, ...]:
        """Voxels that a chunk holds along each stored dimension."""


@dataclass(frozen=True)
class ChunkKeys:
    """The chunks of one precomputed scale; triples are x, y, z, as it stores them.

    ``folder`` is the key-value store of the scale's folder (JSON text), ``name`` the
    folder's own name; ``sharding`` is the scale's sharding (JSON text), or empty.
    ``packings`` are as in `Keys`: `PACKED_FILES` for files that may carry the suffix of
    their compression, as cloud-volume writes them to disk. ``channels`` lie in every
    chunk.
    """

    folder: str
    offset: Triple
    size: Triple
    chunk: Triple
    sharding: str = ""
    packings: tuple[tuple[str, str], ...] = PLAIN
    name: str = ""
    channels: int = 1

    @property
    def store(self) -> str:
        """The folder, or the shards in it."""
        if not self.sharding:
            return self.folder
        spec = {
            "driver": "neuroglancer_uint64_sharded",
            "metadata": json.loads(self.sharding),
            "base": json.loads(self.folder),
        }
        return json.dumps(spec, sort_keys=True)

    def store_of(self, cell: Cell) -> str:
        """The same for every chunk."""
        return self.store

    @property
    def grid(self) -> Triple:
        """Chunks along x, y and z."""
        x, y, z = (-(-n // c) for n, c in zip(self.size, self.chunk, strict=True))
        return x, y, z

    def cells(self, region: Region) -> Iterator[Cell]:
        """Chunks x, y, z, counted from 0, that ``region`` (z, y, x) meets."""
        start, stop = region.start[::-1], region.stop[::-1]
        return itertools.product(
            *(
                range(a // c, -(-b // c))
                for a, b, c in zip(start, stop, self.chunk, strict=True)
            )
        )

    def key(self, cell: Cell) -> bytes:
        """The key of the chunk at ``cell`` in `store`.

        >>> ChunkKeys("", (0, 0, 0), (100, 64, 64), (64, 64, 64)).key((1, 0, 0))
        b'64-100_0-64_0-64'
        """
        if self.sharding:
            return morton(cell, self.grid).to_bytes(8, "big")
        return self._file(cell).encode()

    def plain(self, cell: Cell) -> bytes:
        """The file of the chunk, below the folder that holds the scale."""
        return f"{self.name}/{self._file(cell)}".encode()

    def shape(self, cell: Cell) -> tuple[int, ...]:
        """Voxels along x, y, z and channels; chunks are cut where the scale ends."""
        sides = zip(cell, self.size, self.chunk, strict=True)
        return (*(min(c, n - i * c) for i, n, c in sides), self.channels)

    def box(self, cell: Cell) -> Region:
        """The voxels z, y, x of the scale that the chunk holds."""
        x, y, z = (i * c for i, c in zip(cell, self.chunk, strict=True))
        i, j, k, _ = self.shape(cell)
        return Region((z, y, x), (z + k, y + j, x + i))

    def _file(self, cell: Cell) -> str:
        corners = zip(cell, self.offset, self.chunk, self.shape(cell), strict=False)
        starts = [(offset + i * chunk, n) for i, offset, chunk, n in corners]
        return "_".join(f"{start}-{start + n}" for start, n in starts)


def morton(cell: Cell, grid: Triple) -> int:
    """The compressed Morton code of ``cell`` in a grid of chunks, both x, y, z.

    Bits of x, y and z take turns, lowest first; an axis has only as many bits as the
    grid needs there.

    >>> [morton((x, y, 0), (3, 2, 1)) for x, y in ((1, 0), (0, 1), (2, 1))]
    [1, 2, 6]
    """
    widths = [(n - 1).bit_length() for n in grid]
    code, place = 0, 0
    for bit in range(max(widths)):
        for index, width in zip(cell, widths, strict=True):
            if bit < width:
                code |= (index >> bit & 1) << place
                place += 1
    return code

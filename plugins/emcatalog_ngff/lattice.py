"""How Zarr and N5 name the chunks of an array, for those that are transcoded.

Written from the specifications of Zarr v2 ("Storing a single array"), Zarr v3 ("Chunk
key encoding") and N5.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from emcatalog.chunked import PLAIN, Axes, Cell
from emcatalog.geometry import Region


@dataclass(frozen=True)
class Naming:
    """A key is ``prefix`` and the indices of the chunk, between separators."""

    prefix: str
    separator: str


SLASHED = Naming("", "/")
"""As N5 names its blocks: ``0/12/3``."""


@dataclass(frozen=True)
class Lattice:
    """The chunks of an array, `emcatalog.chunked.Keys` for it.

    ``store`` is TensorStore's key-value store of the array's folder as JSON text,
    ``chunk`` the voxels of a chunk along each stored dimension.
    """

    store: str
    chunk: tuple[int, ...]
    axes: Axes
    naming: Naming
    packings: tuple[tuple[str, str], ...] = PLAIN

    def store_of(self, cell: Cell) -> str:
        """The same for every chunk."""
        return self.store

    def cells(self, region: Region) -> Iterator[Cell]:
        """The chunks in which the voxels of ``region`` (z, y, x) lie."""
        spans = {d: (index, index + 1) for d, index in self.axes.fixed}
        for d, a, b in zip(self.axes.order, region.start, region.stop, strict=True):
            if d is not None:
                spans[d] = a, b
        return itertools.product(
            *(
                range(spans[d][0] // n, -(-spans[d][1] // n))
                for d, n in enumerate(self.chunk)
            )
        )

    def key(self, cell: Cell) -> bytes:
        """The key of a chunk in `store`.

        >>> axes = Axes((0, 1, 2))
        >>> Lattice("", (8, 8, 8), axes, Naming("c/", "/")).key((0, 12, 3))
        b'c/0/12/3'
        """
        indices = self.naming.separator.join(map(str, cell))
        return f"{self.naming.prefix}{indices}".encode()

    def plain(self, cell: Cell) -> bytes:
        """The same: only what is in the chunk changes."""
        return self.key(cell)

    def shape(self, cell: Cell) -> tuple[int, ...]:
        """Voxels of the chunk; those at the edges are whole, or smaller in N5."""
        return self.chunk

"""Where the results of tiles meet: cut off at the cores, or blended over the halos.

A tile's core is a *cell*: what is written at once. Results overlap by two halos around
each face between cells. Cropped, a cell is what its own tile gave. Blended, a result
fades out while its neighbour fades in; ``i`` and ``j`` are tiles, ``|`` is the face::

    weight of i   1 1 1 1 .9 .6|.4 .1 0 0
    weight of j   0 0 0 0 .1 .4|.6 .9 1 1

A weight is the rise at a tile's first face less the rise at its last one, so the sum
telescopes: it is one at each voxel, whatever the halo and wherever the volume ends.
"""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from emcatalog.blocks.kept import Kept
from emcatalog.blocks.tiles import Lattice
from emcatalog.geometry import Region, Triple

Voxels = NDArray[Any]


class Joint(Protocol):
    """How results become cells. ``cut`` is for one thread, the rest for many."""

    def wanted(self, tile: int) -> bool:
        """Whether the result of ``tile`` is still needed."""

    def cut(self, tile: int, result: Voxels) -> Voxels:
        """A copy of that part of a result, (z, y, x) last, that is written."""

    def cells(self, tile: int, part: Voxels) -> Iterator[tuple[int, Voxels]]:
        """Cells that are complete with ``part``; each is written before the next."""

    def left(self) -> Iterator[tuple[int, Voxels]]:
        """Cells that an earlier run could have completed."""


class Crop:
    """Each cell is what its own tile gave; ``done`` are the cells that are written."""

    def __init__(self, lattice: Lattice, done: NDArray[np.bool_]) -> None:
        self._seams, self._lattice, self._done = Seams(lattice), lattice, done

    def wanted(self, tile: int) -> bool:
        """Whether its cell is not written yet."""
        return not self._done[tile]

    def cut(self, tile: int, result: Voxels) -> Voxels:
        """The core of the result."""
        start = self._lattice.place(tile).start
        return taken(result, self._seams.cell(tile), start)

    def cells(self, tile: int, part: Voxels) -> Iterator[tuple[int, Voxels]]:
        """The cell of the tile."""
        yield tile, part

    def left(self) -> Iterator[tuple[int, Voxels]]:
        """None."""
        return iter(())


class Blend:
    """Cells are weighted means of all results there; results wait in ``kept``.

    Cells are float64, sums of whole weights in the order of the tiles: the same to the
    last bit for any number of threads and after any restart.
    """

    def __init__(self, lattice: Lattice, done: NDArray[np.bool_], kept: Kept) -> None:
        self._seams = Seams(lattice)
        self._lattice, self._done, self._kept = lattice, done, kept
        self._lock = threading.Lock()
        self._taken: set[int] = set()
        for tile in kept.tiles():
            self._release(tile)

    def wanted(self, tile: int) -> bool:
        """Whether a cell that it reaches is not written, and its result not kept."""
        return tile not in self._kept and not self._is_over(tile)

    def cut(self, tile: int, result: Voxels) -> Voxels:
        """All to which the tile gives weight."""
        support = self._seams.support(tile)
        return taken(result, support, self._lattice.place(tile).start)

    def cells(self, tile: int, part: Voxels) -> Iterator[tuple[int, Voxels]]:
        """Cells whose last result this is."""
        self._kept.put(tile, part)
        yield from self._complete(tile)

    def left(self) -> Iterator[tuple[int, Voxels]]:
        """Cells all of whose results an earlier run kept."""
        for tile in self._kept.tiles():
            yield from self._complete(tile)

    def _complete(self, tile: int) -> Iterator[tuple[int, Voxels]]:
        around = self._seams.around
        with self._lock:
            ready = [
                cell
                for cell in around(tile)
                if not self._done[cell]
                and cell not in self._taken
                and all(other in self._kept for other in around(cell))
            ]
            self._taken.update(ready)
        for cell in ready:
            yield cell, self._mean(cell)
            with self._lock:
                self._taken.discard(cell)
                for other in around(cell):
                    self._release(other)

    def _mean(self, cell: int) -> Voxels:
        region, seams = self._seams.cell(cell), self._seams
        own = self._kept.get(cell)
        total = np.zeros((*own.shape[:-3], *region.shape))
        for tile in seams.around(cell):
            support = seams.support(tile)
            shared = support.intersect(region)
            part = taken(self._kept.get(tile), shared, support.start, np.float64)
            for axis, weight in enumerate(seams.weights(tile, shared)):
                part *= weight.reshape([-1 if a == axis else 1 for a in range(3)])
            total[(..., *shared.relative_to(region.start).slices)] += part
        return np.asarray(total / seams.whole)

    def _is_over(self, tile: int) -> bool:
        return all(self._done[cell] for cell in self._seams.around(tile))

    def _release(self, tile: int) -> None:
        if self._is_over(tile):
            self._kept.drop(tile)


class Seams:
    """Which tile has which weight where; weights are whole parts of `whole`.

    Tile and cell have the same number. A tile reaches as far beyond its cell as the
    halo is wide.
    """

    def __init__(self, lattice: Lattice) -> None:
        within = lattice.space.member.within
        self._first, self._stop = within.start, within.stop
        self._core, self._counts, self._halo = (
            lattice.core,
            lattice.counts,
            lattice.halo,
        )

    @property
    def whole(self) -> int:
        """The sum of all weights at each voxel."""
        return math.prod(map(_parts, self._halo))

    def cell(self, number: int) -> Region:
        """The voxels of a cell."""
        return self._reach(number, (0, 0, 0))

    def support(self, number: int) -> Region:
        """Where a tile has weight."""
        return self._reach(number, self._halo)

    def around(self, number: int) -> list[int]:
        """Tiles that reach cell ``number``, in order, and cells that it reaches."""
        place = self._place(number)
        far = [-(-h // c) for h, c in zip(self._halo, self._core, strict=True)]
        axes = zip(place, far, self._counts, strict=True)
        near = (range(max(0, at - d), min(n, at + d + 1)) for at, d, n in axes)
        _, rows, columns = self._counts
        return [(z * rows + y) * columns + x for z, y, x in itertools.product(*near)]

    def weights(self, tile: int, region: Region) -> list[NDArray[np.int64]]:
        """Weights of a tile along z, y and x; of a voxel it is their product."""
        axes = enumerate(zip(self._place(tile), region.slices, strict=True))
        return [self._along(axis, at, part) for axis, (at, part) in axes]

    def _along(self, axis: int, at: int, part: slice) -> NDArray[np.int64]:
        voxels = np.arange(part.start, part.stop)
        first, core, halo = self._first[axis], self._core[axis], self._halo[axis]
        whole = np.full(voxels.shape, _parts(halo))
        face = first + at * core
        rise = _rise(voxels, face, halo) if at else whole
        last = at == self._counts[axis] - 1
        return rise if last else rise - _rise(voxels, face + core, halo)

    def _reach(self, number: int, halo: Triple) -> Region:
        axes = zip(
            self._place(number), self._first, self._stop, self._core, halo, strict=True
        )
        ends = [
            (max(first, first + at * core - h), min(stop, first + (at + 1) * core + h))
            for at, first, stop, core, h in axes
        ]
        (z, z2), (y, y2), (x, x2) = ends
        return Region((z, y, x), (z2, y2, x2))

    def _place(self, number: int) -> Triple:
        _, rows, columns = self._counts
        rest, right = divmod(number, columns)
        top, down = divmod(rest, rows)
        return top, down, right


def _parts(halo: int) -> int:
    """Of how many parts a weight is made: voxel centres lie at odd ones."""
    return 4 * halo or 1


def _rise(voxels: NDArray[np.int64], face: int, halo: int) -> NDArray[np.int64]:
    """From 0 to `_parts`, in a straight line from a halo before ``face`` to one after.

    >>> _rise(np.arange(6), 3, 2)
    array([0, 1, 3, 5, 7, 8])
    """
    if not halo:
        return (voxels >= face).astype(np.int64)
    return np.clip(2 * (voxels - face + halo) + 1, 0, 4 * halo)


def taken(voxels: Voxels, region: Region, start: Triple, dtype: Any = None) -> Voxels:
    """A copy of ``region`` of ``voxels`` (z, y, x last) of which ``start`` is first."""
    part = voxels[(..., *region.relative_to(start).slices)]
    return np.array(part, dtype or voxels.dtype, order="C")

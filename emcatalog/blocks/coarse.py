"""A first look at all of an array, on a level that is small enough for it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emcatalog.blocks.members import Channel
from emcatalog.blocks.missing import held
from emcatalog.errors import MemoryLimitError
from emcatalog.geometry import DIGITS, Grid, Region, Triple

Voxels = NDArray[np.generic]

PIECE = 2**21
"""Voxels that are read as one at most."""


@dataclass(frozen=True, eq=False)
class Look:
    """A level of an array, beside the voxels of the dataset that it belongs to.

    ``channel`` is read in the voxels of ``grid``; ``fine`` are those of the dataset,
    and ``region`` are the voxels of ``grid`` that lie in the part of the dataset where
    blocks do. A voxel of ``grid`` stands for the fine ones whose centres lie in it.
    ``steps`` are the levels that it is coarser.
    """

    channel: Channel
    grid: Grid
    fine: Grid
    region: Region
    steps: int = 0

    def first(self, axis: int, voxel: int) -> int:
        """The first fine voxel along ``axis`` that belongs to ``voxel``, or to later.

        It may lie outside the dataset.
        """
        size, step = self.grid.voxel_size[axis], self.fine.voxel_size[axis]
        face = self.grid.origin[axis] + (voxel - 0.5) * size
        return math.ceil(round((face - self.fine.origin[axis]) / step, DIGITS))

    @property
    def most(self) -> Triple:
        """Fine voxels along z, y and x that can belong to one voxel."""
        pairs = zip(self.grid.voxel_size, self.fine.voxel_size, strict=True)
        z, y, x = (math.ceil(round(a / b, DIGITS)) for a, b in pairs)
        return z, y, x

    def pieces(self, cell: Triple = (1, 1, 1)) -> Iterator[Region]:
        """``region`` in pieces of whole cells and, as far as possible, whole chunks."""
        yield from self.region.tiles(self.piece(cell))

    def piece(self, cell: Triple = (1, 1, 1)) -> Triple:
        """The shape of a piece: about that of a chunk, a multiple of ``cell``."""
        chunk = zip(self.channel.volume.chunks, self.region.stop, strict=True)
        sides = [min(c, n) for c, n in chunk]
        while math.prod(sides) > PIECE:
            longest = sides.index(max(sides))
            sides[longest] = -(-sides[longest] // 2)
        z, y, x = (-(-s // c) * c for s, c in zip(sides, cell, strict=True))
        return z, y, x

    def read(
        self, regions: Iterable[Region]
    ) -> Iterator[tuple[Region, Voxels, NDArray[np.bool_]]]:
        """``(region, its voxels, which of them are real)`` as they come."""
        wanted = list(regions)
        for index, voxels in self.channel.read_many(wanted):
            real = held(self.channel, wanted[index], voxels)
            if real is None:
                real = np.broadcast_to(np.bool_(True), voxels.shape)
            yield wanted[index], voxels, real


def looks(channel: Channel, fine: Grid, within: Region) -> Iterator[Look]:
    """``channel`` as it is, and each of its coarser levels, finest first."""
    yield Look(channel, fine, fine, within)
    for number, volume in enumerate(channel.coarser, 1):
        region = _covering(volume.grid, fine, within)
        if region.size:
            coarse = Channel(volume, (0, 0, 0), channel.entry)
            yield Look(coarse, volume.grid, fine, region, number)


def finest(channel: Channel, fine: Grid, within: Region, limit: int) -> Look:
    """The finest level whose voxels take no more than ``limit`` bytes.

    Raises MemoryLimitError if none is so small.
    """
    found = list(looks(channel, fine, within))
    for look in found:
        if size(look) <= limit:
            return look
    coarsest = found[-1]
    shape = " x ".join(map(str, coarsest.region.shape))
    raise MemoryLimitError(
        entry=channel.entry,
        got=f"{shape} voxels (z, y, x) on the coarsest level, {size(coarsest)} bytes",
        expected=f"a level that can be looked at as a whole, in {limit} bytes",
        hint=f"scan={size(coarsest)}, a part of the dataset with .sel, or an array "
        "that has coarser levels",
    )


def size(look: Look) -> int:
    """Bytes of what is looked at."""
    return look.region.size * look.channel.volume.dtype.itemsize


def cells_of(look: Look, least: Triple, most: int) -> Triple:
    """The shape of cells, at least ``least``, of which the region has ``most`` or less.

    They grow along the axis on which they are shortest.
    """
    cell, steps = list(least), look.grid.voxel_size
    while math.prod(counts(look.region, cell)) > most:
        lengths = [
            c * s if c < n else math.inf
            for c, s, n in zip(cell, steps, look.region.stop, strict=True)
        ]
        cell[lengths.index(min(lengths))] *= 2
    z, y, x = cell
    return z, y, x


def counts(region: Region, cell: Iterable[int]) -> Triple:
    """Cells along z, y and x, on the lattice from voxel 0 on, that ``region`` meets."""
    ends = zip(region.start, region.stop, cell, strict=True)
    z, y, x = (-(-stop // c) - start // c for start, stop, c in ends)
    return z, y, x


def _covering(grid: Grid, fine: Grid, within: Region) -> Region:
    """The voxels of ``grid`` in which centres of fine voxels lie."""
    low, high = [], []
    for axis, part in enumerate(within.slices):
        step, size = fine.voxel_size[axis], grid.voxel_size[axis]
        edge = fine.origin[axis] - grid.origin[axis] + size / 2
        ends = [
            math.floor(round((edge + i * step) / size, DIGITS))
            for i in (part.start, part.stop - 1)
        ]
        low.append(min(max(ends[0], 0), grid.shape[axis]))
        high.append(max(low[-1], min(ends[1] + 1, grid.shape[axis])))
    return Region((low[0], low[1], low[2]), (high[0], high[1], high[2]))

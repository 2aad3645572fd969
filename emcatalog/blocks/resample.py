"""The voxels of one grid on another: at the nearest voxel, or between its neighbours.

Along each axis a new voxel is a sum of a few old ones, which are added one after the
other, so that every machine gets the same numbers.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emcatalog.blocks.members import Channel, Member
from emcatalog.errors import OptionError
from emcatalog.geometry import DIGITS, Grid, Lengths, Region, Triple
from emcatalog.volume import Volume, ensure_fits, ensure_inside

Voxels = NDArray[np.generic]

ALIGNED = 0.01
"""Voxels by which two grids may differ at their far ends and still be one."""


@dataclass(frozen=True)
class Taps:
    """Which old voxels make the new ones of an axis.

    New voxel ``i`` is the sum of the old voxels ``places[t, i]``, counted from
    ``start``, times ``weights[t, i]``. ``stop`` is where those end.
    """

    start: int
    stop: int
    places: NDArray[np.intp]
    weights: NDArray[np.float64]

    @classmethod
    def of(cls, centres: NDArray[np.float64], ratio: float, count: int) -> Taps:
        """Taps for new voxels at ``centres``, in old voxels, of which are ``count``.

        ``ratio`` is the size of a new voxel in old ones. A larger voxel is the mean of
        what it covers, a smaller one lies between two neighbours; 0 takes the voxel
        that contains the centre. Beyond the ends the outermost voxel is repeated.
        """
        reach = max(ratio, 1.0) / 2 if ratio else 0.0
        low = np.round(centres - reach + 0.5, DIGITS)
        first = np.floor(low).astype(np.intp)
        number = math.ceil(round(2 * reach, DIGITS)) + 1 if ratio else 1
        places = first + np.arange(number)[:, None]
        if ratio:
            # how much of old voxel p, from p to p + 1, lies below the new one
            high = low + 2 * reach
            covered = np.minimum(places + 1, high) - np.maximum(places, low)
            weights = np.round(np.maximum(covered, 0) / (2 * reach), 2 * DIGITS)
        else:
            weights = np.ones(places.shape)
        held = np.clip(places, 0, count - 1)
        start, stop = int(held.min()), int(held.max()) + 1
        return cls(start, stop, held - start, weights)

    def applied(self, voxels: Voxels, axis: int) -> Voxels:
        """The new voxels along ``axis``; floats, if they are made of several."""
        if len(self.places) == 1:
            alone: Voxels = voxels.take(self.places[0], axis)
            return alone
        few = voxels.dtype.itemsize < 4 or voxels.dtype == np.float32
        exact = np.dtype(np.float32 if few else np.float64)
        parts = (
            voxels.take(places, axis).astype(exact) * _upright(weights, axis, exact)
            for places, weights in zip(self.places, self.weights, strict=True)
        )
        # in this order on every machine, as no product of matrices is
        total: Voxels = functools.reduce(np.add, parts)
        return total

    def all_of(self, real: NDArray[np.bool_], axis: int) -> NDArray[np.bool_]:
        """Whether all the old voxels of each new one are real."""
        parts = (
            real.take(places, axis) | _upright(weights == 0, axis, real.dtype)
            for places, weights in zip(self.places, self.weights, strict=True)
        )
        both: NDArray[np.bool_] = functools.reduce(np.logical_and, parts)
        return both


@dataclass(frozen=True, eq=False)
class Resampled:
    """A `emcatalog.volume.Volume`: a channel with the voxels of another ``grid``.

    ``theirs`` is the grid of the channel. ``smooth`` says whether voxels are made of
    their neighbours, or the nearest is taken, as labels need it. The dtype is kept, and
    whole numbers are rounded.
    """

    channel: Channel
    theirs: Grid
    grid: Grid
    smooth: bool

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Voxel type, in native byte order."""
        return self.channel.volume.dtype

    @property
    def chunks(self) -> Triple:
        """All of it: pieces of storage have no faces here."""
        return self.grid.shape

    def read(self, region: Region) -> Voxels:
        """Voxels of ``region``, of all that they are made of."""
        taps = self._taps(region)
        return self._made(self.channel.read(_region(taps)), taps)

    def read_many(self, regions: Sequence[Region]) -> Iterator[tuple[int, Voxels]]:
        """``(index into regions, its voxels)`` as they come, each index once."""
        taps = [self._taps(region) for region in regions]
        for index, voxels in self.channel.read_many([_region(part) for part in taps]):
            yield index, self._made(voxels, taps[index])

    def stored(self, region: Region) -> NDArray[np.bool_]:
        """Which voxels are made of stored ones alone."""
        taps = self._taps(region)
        real = self.channel.stored(_region(taps))
        for axis, part in enumerate(taps):
            real = part.all_of(real, axis)
        return real

    def _taps(self, region: Region) -> list[Taps]:
        ensure_inside(region, self.grid)
        ensure_fits(region.shape, np.dtype(np.float64))
        return [self._along(axis, region.slices[axis]) for axis in range(3)]

    def _along(self, axis: int, part: slice) -> Taps:
        step, size = self.theirs.voxel_size[axis], self.grid.voxel_size[axis]
        places = self.grid.origin[axis] + np.arange(part.start, part.stop) * size
        centres = (places - self.theirs.origin[axis]) / step
        ratio = size / step if self.smooth else 0.0
        return Taps.of(centres, ratio, self.theirs.shape[axis])

    def _made(self, voxels: Voxels, taps: list[Taps]) -> Voxels:
        for axis, part in enumerate(taps):
            voxels = part.applied(voxels, axis)
        if voxels.dtype == self.dtype:
            return np.ascontiguousarray(voxels)
        if self.dtype.kind in "iu":
            voxels = np.rint(voxels)
        return np.ascontiguousarray(voxels.astype(self.dtype))


def resampled(member: Member, voxel_size: Lengths) -> Member:
    """The member with voxels of ``voxel_size`` nm, from its first face on.

    It is the member itself, if it has them. What does not fill a voxel at the far ends
    is left out.
    """
    grid = member.grid
    if alike(grid, voxel_size):
        return member
    if member.riders:
        raise OptionError(
            got=f"a member with riders in voxels of {grid.voxel_size} nm",
            expected=f"voxels of {voxel_size} nm",
            hint="resample the arrays when they are made members of a plan",
        )
    axes = list(zip(grid.origin, grid.shape, grid.voxel_size, voxel_size, strict=True))
    z, y, x = (round(o - old / 2 + new / 2, DIGITS) for o, _, old, new in axes)
    counts = (int(round(n * old / new, DIGITS)) for _, n, old, new in axes)
    a, b, c = (max(1, count) for count in counts)
    return onto(member, Grid((a, b, c), voxel_size, (z, y, x)))


def onto(member: Member, grid: Grid) -> Member:
    """The member in the voxels of ``grid``, where their centres lie in it."""
    low, high = [], []
    for axis in range(3):
        part = member.within.slices[axis]
        edge, step = member.grid.edges(axis)[0], member.grid.voxel_size[axis]
        low.append(edge + part.start * step)
        high.append(edge + part.stop * step)
    within = grid.covering((low[0], low[1], low[2]), (high[0], high[1], high[2]))
    volume = Resampled(member.image, member.grid, grid, is_smooth(member))
    image, steps = member.image, grid.voxel_size
    is_known = is_in_place(image.volume, image.offset, member.grid)
    coarser = tuple(
        level
        for level in (*([image.volume] if is_known else []), *image.coarser)
        if all(a >= b for a, b in zip(level.grid.voxel_size, steps, strict=True))
    )
    channel = Channel(volume, (0, 0, 0), image.entry, coarser)
    return Member(
        member.name, channel, grid, within, member.level, member.record, member.kind
    )


def is_in_place(volume: Volume, offset: Triple, grid: Grid) -> bool:
    """Whether ``volume`` tells the same nanometres of its voxels as ``grid`` does.

    Voxel 0 of ``grid`` is the one at ``offset``. Labels may have been assigned anew.
    """
    axes = zip(
        volume.grid.origin, offset, grid.origin, volume.grid.voxel_size, strict=True
    )
    gaps = (abs(first + o * s - origin) / s for first, o, origin, s in axes)
    return alike(grid, volume.grid.voxel_size) and all(gap <= ALIGNED for gap in gaps)


def is_smooth(member: Member) -> bool:
    """Whether voxels between its voxels mean something: in an image, of numbers."""
    return member.kind == "image" and member.image.volume.dtype.kind in "iuf"


def alike(grid: Grid, voxel_size: Lengths) -> bool:
    """Whether the voxels of ``grid`` have this size, to its far ends."""
    axes = zip(grid.shape, grid.voxel_size, voxel_size, strict=True)
    return all(abs(a - b) * n <= ALIGNED * a for n, a, b in axes)


def _upright(values: Voxels, axis: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """One value for each voxel along ``axis``."""
    shape = [1, 1, 1]
    shape[axis] = -1
    return values.astype(dtype).reshape(shape)


def _region(taps: list[Taps]) -> Region:
    z, y, x = taps
    return Region((z.start, y.start, x.start), (z.stop, y.stop, x.stop))

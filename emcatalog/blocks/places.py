"""Where blocks lie: the place of one block, and all places of a member.

Voxels are counted in the array that was given, from 0; z, y, x always.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from emcatalog.accessor.places import sides
from emcatalog.blocks.members import Member
from emcatalog.errors import GeometryError, OptionError, UnitError
from emcatalog.geometry import DIGITS, Grid, Lengths, Region, Triple
from emcatalog.index import nanometres

Box = tuple[Lengths, Lengths]
"""Where something begins and ends, from face to face, in nanometres."""


@dataclass(frozen=True, slots=True)
class Place:
    """A box of voxels of one dataset; it may stick out, where blocks are padded.

    ``start`` and ``shape`` are voxels (z, y, x) of ``dataset`` at ``level``; ``origin``
    is the centre of the first voxel and ``voxel_size`` the size of each, in nm.
    ``member`` is the dataset's number in its plan. ``write`` are the voxels for which
    this block alone is responsible, if the sampler says so: see `Tiles`.
    """

    member: int
    dataset: str
    level: int
    start: Triple
    shape: Triple
    voxel_size: Lengths
    origin: Lengths
    write: Region | None = field(default=None)

    @property
    def stop(self) -> Triple:
        """The voxel after the last along z, y and x."""
        z, y, x = (a + n for a, n in zip(self.start, self.shape, strict=True))
        return z, y, x

    @property
    def box(self) -> Box:
        """Where it begins and ends, from face to face, in nanometres."""
        axes = zip(self.origin, self.voxel_size, self.shape, strict=True)
        pairs = [(o - s / 2, o - s / 2 + n * s) for o, s, n in axes]
        (z, z2), (y, y2), (x, x2) = (
            (round(a, DIGITS), round(b, DIGITS)) for a, b in pairs
        )
        return (z, y, x), (z2, y2, x2)

    @property
    def grid(self) -> Grid:
        """Its voxels in nanometres."""
        return Grid(self.shape, self.voxel_size, self.origin)


@dataclass(frozen=True)
class Space:
    """Where blocks of ``size`` voxels may begin in a member.

    Of an axis that is long enough, blocks lie wholly inside; of one that is too short
    all of it lies in the block, which then sticks out at one end or at both.
    """

    number: int
    member: Member
    size: Triple
    padded: bool = False

    @property
    def origins(self) -> tuple[range, range, range]:
        """The first voxels that blocks may have along z, y and x."""
        z, y, x = (
            range(min(a, b - n), max(a, b - n) + 1)
            for a, b, n in zip(*self._ends, self.size, strict=True)
        )
        return z, y, x

    @property
    def count(self) -> int:
        """Number of different places of blocks."""
        return math.prod(map(len, self.origins))

    @property
    def tiles(self) -> int:
        """Number of blocks that cover the member once."""
        sizes = zip(self.member.within.shape, self.size, strict=True)
        return math.prod(-(-n // s) for n, s in sizes)

    @property
    def _ends(self) -> tuple[Triple, Triple]:
        return self.member.within.start, self.member.within.stop

    def numbered(self, number: int) -> Triple:
        """The first voxel of place ``number``, of `count`; x runs fastest."""
        z, y, x = self.origins
        rest, right = divmod(number, len(x))
        top, down = divmod(rest, len(y))
        return z[top], y[down], x[right]

    def place(
        self, start: Triple, shape: Triple | None = None, write: Region | None = None
    ) -> Place:
        """The block that begins at voxel ``start``."""
        grid = self.member.grid
        axes = zip(grid.origin, start, grid.voxel_size, strict=True)
        # adding 0.0 turns -0.0 into 0.0
        z, y, x = (round(o + a * s, DIGITS) + 0.0 for o, a, s in axes)
        return Place(
            self.number,
            self.member.name,
            self.member.level,
            start,
            shape or self.size,
            grid.voxel_size,
            (z, y, x),
            write,
        )

    def check(self) -> None:
        """Raise GeometryError for a block that is larger than the member."""
        shape = self.member.within.shape
        if self.padded or all(s <= n for s, n in zip(self.size, shape, strict=True)):
            return
        least = tuple(min(s, n) for s, n in zip(self.size, shape, strict=True))
        raise GeometryError(
            entry=self.member.name,
            got=f"blocks of {_by(self.size)} voxels in {_by(shape)} voxels (z, y, x)",
            expected="blocks that fit into the volume",
            hint=f"pad='reflect', 'edge' or 'constant', or size={least}",
        )


def voxels(size: Any, voxel_size: Lengths) -> Triple:
    """The shape that ``size`` means where voxels have ``voxel_size`` nm.

    One number or three (z, y, x); whole numbers are voxels, texts and quantities are
    lengths, of which as many voxels are taken as come nearest. Raises OptionError and
    UnitError for anything else.

    >>> voxels(("1 um", 256, 256), (50.0, 4.0, 4.0))
    (20, 256, 256)
    """
    one = isinstance(size, str) or not np.iterable(size)
    parts = [size] * 3 if one else list(size)
    if len(parts) != 3:
        raise OptionError(
            got=f"the size {size!r:.60}", expected="one number or three: z, y, x"
        )
    return sides(_voxels(p, s) for p, s in zip(parts, voxel_size, strict=True))


def _voxels(part: Any, step: float) -> Any:
    if isinstance(part, numbers.Integral):
        return part
    if isinstance(part, numbers.Real):
        raise UnitError(
            got=f"the size {part!r}, which may be voxels or nanometres",
            expected="whole voxels, or a length with its unit",
            hint=f"{round(float(part))}, or '{float(part):g} nm'",
        )
    length = float(nanometres(part))
    if not 0 < length < math.inf:
        raise UnitError(got=f"the size {part!r}", expected="a positive length")
    return max(1, round(length / step))


def spaces(members: Iterable[Member], size: Any, padded: bool) -> Iterator[Space]:
    """The space of blocks of ``size`` in each member, checked."""
    for number, member in enumerate(members):
        shape = voxels(size, member.grid.voxel_size)
        space = Space(number, member, shape, padded)
        space.check()
        yield space


def _by(shape: Triple) -> str:
    return " x ".join(map(str, shape))

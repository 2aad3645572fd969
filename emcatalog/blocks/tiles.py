"""Tiles: blocks that cover a volume without a gap, and which voxels each one writes.

A block of 8 voxels with a halo of 2 writes its 4 inner ones, its core. Cores lie side
by side from the first voxel on. Here of an axis of 14 voxels (``#`` is written by this
block, ``-`` is read for it, ``.`` is padded):

    edge="shift"     ####----             blocks that would stick out are moved
                       --####--           inside, so that all have one size;
                           --####--       the last writes what is left
                           ------##

    edge="pad"     ..####--               blocks stick out, and are padded
                       --####--
                           --####--
                               --##....

    edge="partial"   ####--               blocks are cut, and differ in size
                       --####--
                           --####--
                               --##

    edge="drop"      --####--             whole blocks only; what they leave,
                         --####--         nobody writes

Except with "drop", every voxel is written by exactly one block.
"""

from __future__ import annotations

import functools
import math
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from emcatalog.blocks.counter import Counter, whole
from emcatalog.blocks.places import Place, Space
from emcatalog.blocks.shuffle import Permutation
from emcatalog.errors import OptionError
from emcatalog.geometry import Region, Triple

EDGES = ("shift", "pad", "partial", "drop")


@dataclass(frozen=True)
class Tiles:
    """A grid of blocks over each dataset; each voxel is written by one of them.

    ``halo`` are voxels on each side that a block reads and does not write: one number,
    or three (z, y, x). ``edge`` says what happens where blocks do not fit; the module
    draws it. ``shuffle`` gives them in another order in each epoch, else they come
    dataset by dataset, along x first. `Place.write` are the voxels that are written.
    """

    halo: int | Triple = 0
    edge: str = "shift"
    shuffle: bool = False

    def over(self, spaces: tuple[Space, ...]) -> TilePlaces:
        """The sampler of these spaces."""
        if self.edge not in EDGES:
            raise OptionError(
                got=f"edge={self.edge!r:.60}", expected=", ".join(map(repr, EDGES))
            )
        halo = _halo(self.halo)
        lattices = tuple(Lattice(space, halo, self.edge) for space in spaces)
        for lattice in lattices:
            lattice.check()
        return TilePlaces(lattices, self.shuffle)


@dataclass(frozen=True)
class Lattice:
    """The tiles of one dataset."""

    space: Space
    halo: Triple
    edge: str

    @property
    def core(self) -> Triple:
        """Voxels that a block writes along z, y and x, where nothing cuts them."""
        sizes = zip(self.space.size, self.halo, strict=True)
        z, y, x = (size - 2 * halo for size, halo in sizes)
        return z, y, x

    @property
    def counts(self) -> Triple:
        """Blocks along z, y and x."""
        z, y, x = map(self._count, range(3))
        return z, y, x

    @property
    def left_out(self) -> Triple:
        """Voxels along z, y and x that no block writes: none unless edge is "drop"."""
        shape = self.space.member.within.shape
        if self.edge != "drop":
            return 0, 0, 0
        z, y, x = (
            n - k * c for n, k, c in zip(shape, self.counts, self.core, strict=True)
        )
        return z, y, x

    def place(self, number: int) -> Place:
        """Tile ``number``; along x first."""
        _, rows, columns = self.counts
        rest, right = divmod(number, columns)
        top, down = divmod(rest, rows)
        axes = [self._along(axis, i) for axis, i in enumerate((top, down, right))]
        (z, z2), (y, y2), (x, x2) = (block for block, _ in axes)
        (a, a2), (b, b2), (c, c2) = (write for _, write in axes)
        shape = (z2 - z, y2 - y, x2 - x)
        write = Region((a, b, c), (a2, b2, c2))
        return self.space.place((z, y, x), shape, write)

    def check(self) -> None:
        """Raise OptionError for a halo that leaves no core, or for blocks nowhere."""
        member = self.space.member
        if min(self.core) < 1:
            raise OptionError(
                entry=member.name,
                got=f"a halo of {self.halo} in blocks of {self.space.size} voxels "
                "(z, y, x)",
                expected="blocks larger than two halos",
            )
        if self.edge == "pad" and not self.space.padded:
            raise OptionError(
                entry=member.name,
                got="edge='pad' with pad='never'",
                expected="what stands beyond the volume",
                hint="pad='reflect', 'edge' or 'constant'; or edge='shift'",
            )

    def _ends(self, axis: int) -> tuple[int, int]:
        within = self.space.member.within
        return within.start[axis], within.stop[axis]

    def _count(self, axis: int) -> int:
        first, stop = self._ends(axis)
        core, size = self.core[axis], self.space.size[axis]
        if self.edge == "drop" and stop - first >= size:
            return (stop - first - size) // core + 1
        return -(-(stop - first) // core)

    def _along(self, axis: int, number: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """Where tile ``number`` of an axis begins and ends, and what it writes."""
        first, stop = self._ends(axis)
        core, halo, size = self.core[axis], self.halo[axis], self.space.size[axis]
        low = first + number * core
        if self.edge == "drop":
            return (low, low + size), (low + halo, low + halo + core)
        write = (low, min(low + core, stop))
        if self.edge == "partial":
            return (max(first, low - halo), min(stop, write[1] + halo)), write
        start = low - halo
        if self.edge == "shift":
            start = (
                max(first, min(start, stop - size)) if stop - first >= size else first
            )
        return (start, start + size), write


@dataclass(frozen=True)
class TilePlaces:
    """The sampler of `Tiles`."""

    lattices: tuple[Lattice, ...]
    shuffle: bool = False
    redraws: bool = False

    def __len__(self) -> int:
        return self._ends[-1]

    def place(self, at: Counter) -> Place:
        """The tile at this index, in the order of the epoch."""
        index, ends = at.index, self._ends
        if self.shuffle:
            index = Permutation(ends[-1], at.seed, at.epoch, "tiles")[index]
        number = bisect_right(ends, index)
        return self.lattices[number].place(index - (ends[number - 1] if number else 0))

    def describe(self) -> str:
        """What it does, and what it leaves out."""
        first = self.lattices[0]
        order = "shuffled" if self.shuffle else "in order"
        text = f"tiles with a halo of {first.halo}, edge={first.edge!r}, {order}"
        left = [(item.space.member.name, item.left_out) for item in self.lattices]
        gone = [f"{voxels} voxels of {name}" for name, voxels in left if any(voxels)]
        return f"{text}; nobody writes {', '.join(gone)}" if gone else text

    @functools.cached_property
    def _ends(self) -> tuple[int, ...]:
        counts = (math.prod(lattice.counts) for lattice in self.lattices)
        return tuple(accumulate(counts))


def _halo(halo: Any) -> Triple:
    given = [halo] * 3 if not np.iterable(halo) else list(halo)
    if len(given) != 3:
        raise OptionError(
            got=f"halo={halo!r:.60}", expected="one number, or three: z, y, x"
        )
    z, y, x = (whole(part, "halo") for part in given)
    return z, y, x

"""Blocks in an order that visits storage piece by piece, and is still shuffled.

In a wholly shuffled order each block meets chunks that were read long ago and are no
longer held. Here blocks that lie in one piece of storage make a group; groups come in
random order, ``mix`` of them at a time, and the blocks of these in random order. So a
chunk is read while its group has its turn, and blocks in a row still come from several
places of several datasets. Nothing is sorted or kept: a place costs some microseconds.
"""

from __future__ import annotations

import functools
import itertools
import math
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace

from emcatalog.accessor.places import sides
from emcatalog.blocks.arrays import ArrayVolume
from emcatalog.blocks.counter import Counter, whole
from emcatalog.blocks.groups import Groups
from emcatalog.blocks.places import Place, Space
from emcatalog.blocks.samplers import Random, RandomPlaces, Sampler
from emcatalog.blocks.tiles import Lattice, TilePlaces, Tiles
from emcatalog.errors import OptionError
from emcatalog.geometry import Triple

MOST = 4
"""Blocks of a group along an axis, unless the piece is given."""


@dataclass(frozen=True)
class Visits:
    """The blocks of ``way``, `Tiles` or `Random`, in groups that share storage.

    ``piece`` are the voxels (one number, or z, y, x) that should be visited together,
    such as those of a shard; by default so many chunks that at least two blocks fit
    along each axis. Blocks of ``mix`` groups are mixed: the more, the better shuffled,
    and the more must be held. Tiles come each once in an epoch; of random places each
    is as likely as any other, but those of a group lie together.
    """

    way: Tiles | Random
    mix: int = 4
    piece: int | Triple | None = None

    def over(self, spaces: tuple[Space, ...]) -> Sampler:
        """The sampler of these spaces. Raises OptionError for another way."""
        mix = whole(self.mix, "mix", least=1)
        piece = None if self.piece is None else sides(self.piece)
        if isinstance(self.way, Tiles):
            shuffled = replace(self.way, shuffle=True)
            return TileVisits(shuffled.over(spaces), mix, piece)
        if isinstance(self.way, Random):
            return RandomVisits(self.way.over(spaces), mix, piece)
        raise OptionError(
            got=f"visits of {type(self.way).__name__}", expected="Tiles or Random"
        )


@dataclass(frozen=True)
class TileVisits:
    """The sampler of `Visits` of `Tiles`."""

    tiles: TilePlaces
    mix: int
    piece: Triple | None
    redraws: bool = False

    def __len__(self) -> int:
        return len(self.tiles)

    def place(self, at: Counter) -> Place:
        """The tile at this index, in the order of the epoch."""
        size = self.patches[0].size
        number = Groups(len(self), size, self.mix, at.seed, at.epoch)[at.index]
        turn = bisect_right(self._ends, number)
        patch = self.patches[turn]
        first = self._ends[turn - 1] if turn else 0
        return self.tiles.lattices[patch.lattice].place(patch.tile(number - first))

    def describe(self) -> str:
        """What it does."""
        size = self.patches[0].size
        return f"{self.tiles.describe()}; {size} in a group, {self.mix} groups mixed"

    @functools.cached_property
    def patches(self) -> tuple[Patch, ...]:
        """All tiles of all datasets; those in the largest groups first."""
        found = itertools.chain.from_iterable(
            _patches(number, lattice, self.piece)
            for number, lattice in enumerate(self.tiles.lattices)
        )
        return tuple(sorted(found, key=lambda patch: -patch.size))

    @functools.cached_property
    def _ends(self) -> tuple[int, ...]:
        return tuple(itertools.accumulate(patch.count for patch in self.patches))


@dataclass(frozen=True)
class Patch:
    """Tiles of lattice number ``lattice`` in groups of one shape.

    ``first`` is the first tile, ``groups`` are counted along z, y and x, as the tiles
    of each, ``shape``, and all tiles of the lattice, ``counts``.
    """

    lattice: int
    counts: Triple
    first: Triple
    groups: Triple
    shape: Triple

    @property
    def size(self) -> int:
        """Tiles of a group."""
        return math.prod(self.shape)

    @property
    def count(self) -> int:
        """All its tiles."""
        return math.prod(self.groups) * self.size

    def tile(self, number: int) -> int:
        """The number that the lattice gives to its tile ``number``: group by group."""
        group, inside = divmod(number, self.size)
        pairs = zip(_split(group, self.groups), _split(inside, self.shape), strict=True)
        axes = zip(self.first, pairs, self.shape, strict=True)
        z, y, x = (a + g * n + i for a, (g, i), n in axes)
        _, rows, columns = self.counts
        return (z * rows + y) * columns + x


def _patches(number: int, lattice: Lattice, piece: Triple | None) -> Iterator[Patch]:
    counts = lattice.counts
    sizes = _piece(lattice.space, lattice.core, piece)
    axes = []
    for axis, (size, core) in enumerate(zip(sizes, lattice.core, strict=True)):
        begins = lattice.space.member.within.start[axis]
        offset = lattice.space.member.image.offset[axis]
        lead = (begins + offset) % size // core
        axes.append(list(_stretches(counts[axis], max(1, size // core), lead)))
    for z, y, x in itertools.product(*axes):
        first, groups, shape = zip(z, y, x, strict=True)
        yield Patch(number, counts, first, groups, shape)


def _stretches(count: int, size: int, lead: int) -> Iterator[tuple[int, int, int]]:
    """``count`` tiles of an axis: the first, groups and tiles of each, of each stretch.

    All groups have ``size`` but for the first, which ``lead`` are missing from, and the
    last.

    >>> list(_stretches(11, 4, 1))
    [(0, 1, 3), (3, 2, 4)]
    """
    head = min(count, -lead % size)
    groups, tail = divmod(count - head, size)
    stretches = ((0, 1, head), (head, groups, size), (count - tail, 1, tail))
    return (stretch for stretch in stretches if stretch[1] * stretch[2])


def _piece(space: Space, core: Triple, given: Triple | None) -> Triple:
    """Voxels along z, y and x that are visited together."""
    if given is not None:
        return given
    volume = space.member.image.volume
    # of an array in memory no piece is better than another
    chunks = (1, 1, 1) if isinstance(volume, ArrayVolume) else volume.chunks
    pairs = zip(chunks, core, strict=True)
    z, y, x = (min(c * -(-2 * n // c), max(MOST * n, 1)) for c, n in pairs)
    return z, y, x


def _split(number: int, shape: Triple) -> Triple:
    rest, right = divmod(number, shape[2])
    top, down = divmod(rest, shape[1])
    return top, down, right


@dataclass(frozen=True)
class RandomVisits:
    """The sampler of `Visits` of `Random`.

    One place of a group is drawn from all, and the blocks of the group begin in the
    piece of storage in which that one does. So all places remain equally likely.
    """

    random: RandomPlaces
    mix: int
    piece: Triple | None
    redraws: bool = True

    def __len__(self) -> int:
        return len(self.random)

    def place(self, at: Counter) -> Place:
        """A random place in the piece of its group; another attempt is anywhere."""
        if at.attempt:
            return self.random.place(at)
        order = Groups(len(self), self.size, self.mix, at.seed, at.epoch)
        group = order[at.index] // self.size
        draws = Counter(at.seed, at.epoch, group).draws("visit")
        space = self.random.spaces[self.random.mixture.draw(draws)]
        anchor = space.numbered(draws.below(space.count))
        own = at.draws("place")
        z, y, x = (near[own.below(len(near))] for near in self._near(space, anchor))
        return space.place((z, y, x))

    def describe(self) -> str:
        """What it does."""
        return f"random places, {self.size} in a piece, {self.mix} pieces mixed"

    @functools.cached_property
    def size(self) -> int:
        """Blocks of a group: as many as cover the largest piece once."""
        return max(
            math.prod(
                max(1, p // n)
                for p, n in zip(_piece(s, s.size, self.piece), s.size, strict=True)
            )
            for s in self.random.spaces
        )

    def _near(self, space: Space, anchor: Triple) -> Iterator[range]:
        """Along each axis the places that begin in the same piece."""
        offset = space.member.image.offset
        piece = _piece(space, space.size, self.piece)
        for a, o, p, places in zip(anchor, offset, piece, space.origins, strict=True):
            first = (a + o) // p * p - o
            yield range(max(first, places.start), min(first + p, places.stop))

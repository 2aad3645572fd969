"""Where blocks are taken: the contract of a sampler, random places and given ones.

What a user writes (`Random`, `Tiles`, `Stratified`, `Points`) is a `Way`: a few numbers
that fit any datasets. ``over`` the spaces of a plan's members it is a `Sampler`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from emcatalog.accessor.places import Starts, around, inside
from emcatalog.blocks.counter import Counter, whole
from emcatalog.blocks.mixing import Mixture, Weights
from emcatalog.blocks.places import Place, Space
from emcatalog.errors import EmcatalogError, OptionError
from emcatalog.geometry import AXES
from emcatalog.index import VoxelIndex


class Sampler(Protocol):
    """Places of blocks: picklable, with no state, and as cheap for many as for few."""

    @property
    def redraws(self) -> bool:
        """Whether another attempt at an index gives another place."""

    def __len__(self) -> int:
        """Number of blocks of an epoch."""

    def place(self, at: Counter) -> Place:
        """Where the block ``at.index`` lies, below `len`; a pure function of ``at``."""

    def describe(self) -> str:
        """What it does, in some words, for the plan's ``repr``."""


class Way(Protocol):
    """What makes a sampler of the places in which blocks may lie."""

    def over(self, spaces: tuple[Space, ...]) -> Sampler:
        """The sampler of these spaces. Raises OptionError for what does not fit."""


@dataclass(frozen=True)
class Random:
    """Random places: every place that a block may have is as likely as any other.

    ``count`` blocks make an epoch; by default as many as would cover the datasets once.
    ``weights`` say how often each dataset is met: see `Mixture.of`.
    """

    count: int | None = None
    weights: Weights = "volume"

    def over(self, spaces: tuple[Space, ...]) -> RandomPlaces:
        """The sampler of these spaces."""
        mixture = Mixture.of([space.member for space in spaces], self.weights)
        return RandomPlaces(spaces, mixture, epoch_size(self.count, spaces))


@dataclass(frozen=True)
class RandomPlaces:
    """The sampler of `Random`."""

    spaces: tuple[Space, ...]
    mixture: Mixture
    count: int
    redraws: bool = True

    def __len__(self) -> int:
        return self.count

    def place(self, at: Counter) -> Place:
        """A dataset by its weight, and a place in it; another attempt stays in it."""
        space = self.spaces[0]
        if len(self.spaces) > 1:
            space = self.spaces[self.mixture.draw(at.first().draws("dataset"))]
        return space.place(space.numbered(at.draws("place").below(space.count)))

    def describe(self) -> str:
        """What it does."""
        return "random places"


@dataclass(frozen=True)
class Points:
    """Blocks around given places: ``centers`` are rows of z, y, x in nanometres.

    Texts and quantities are lengths, too. For several datasets it is a mapping of their
    names to rows. How a block lies around its centre, `emcatalog.accessor` says.
    """

    centers: Any

    def over(self, spaces: tuple[Space, ...]) -> GivenPlaces:
        """The sampler; LabelError for a block that sticks out, unless it is padded."""
        named = {space.member.name: space for space in spaces}
        given = self.centers
        if not isinstance(given, Mapping):
            given = dict.fromkeys(named, given) if len(named) == 1 else {}
        if not given or not set(given) <= set(named):
            raise OptionError(
                got=f"points for {', '.join(map(str, given)) or 'no dataset by name'}",
                expected=f"a mapping with names among {', '.join(named)}",
            )
        rows = {name: _starts(named[name], rows) for name, rows in given.items()}
        spaces = tuple(named[name] for name in rows)
        starts = np.concatenate(list(rows.values()))
        if not len(starts):
            raise OptionError(got="no points", expected="one row of z, y, x at least")
        ends = np.cumsum([len(part) for part in rows.values()])
        return GivenPlaces(spaces, tuple(map(int, ends)), starts)


@dataclass(frozen=True, eq=False)
class GivenPlaces:
    """The sampler of `Points`: ``starts`` are the first voxels, dataset by dataset."""

    spaces: tuple[Space, ...]
    ends: tuple[int, ...]
    starts: Starts = field(repr=False)
    redraws: bool = False

    def __len__(self) -> int:
        return len(self.starts)

    def place(self, at: Counter) -> Place:
        """The place that was given, in every epoch."""
        z, y, x = self.starts[at.index].tolist()
        return self.spaces[bisect_right(self.ends, at.index)].place((z, y, x))

    def describe(self) -> str:
        """What it does."""
        return "given places, in their order"


def epoch_size(count: int | None, spaces: tuple[Space, ...]) -> int:
    """``count``, or the number of blocks that cover all spaces once."""
    if count is None:
        return sum(space.tiles for space in spaces)
    return whole(count, "count", least=1)


def _starts(space: Space, centers: Any) -> Starts:
    member, within = space.member, space.member.within
    indexes = tuple(
        VoxelIndex.from_centres(dim, member.grid.centres(axis), size)
        for axis, (dim, size) in enumerate(
            zip(AXES, member.grid.voxel_size, strict=True)
        )
    )
    try:
        starts = around(indexes, centers, space.size)
        if space.padded:
            return starts
        cropped = tuple(
            VoxelIndex.from_centres(dim, index.index[part], index.step)
            for dim, index, part in zip(AXES, indexes, within.slices, strict=True)
        )
        return inside(starts - within.start, space.size, cropped) + within.start
    except EmcatalogError as error:
        error.about(member.name)
        raise

"""Blocks where something is: around voxels of a mask, of labels, or of the image.

What is wanted is told voxel by voxel. It is counted once, when the plan is made, on the
finest level that is small enough; only the counts of cells are kept. A block is drawn
in three steps, each exact: a voxel of that level, each of the wanted ones as likely; a
voxel of the dataset in it, which is read, and taken if it is wanted itself; and any
place of a block that contains it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from emcatalog.blocks.coarse import finest
from emcatalog.blocks.counter import Counter, Draws
from emcatalog.blocks.datasets import member
from emcatalog.blocks.hits import Hits, Wanted, checked, hit_cells, tally, wanted_of
from emcatalog.blocks.members import MAIN, Channel
from emcatalog.blocks.mixing import Mixture, Weights, is_share
from emcatalog.blocks.places import Place, Space
from emcatalog.blocks.riders import with_rider
from emcatalog.blocks.samplers import Random, RandomPlaces
from emcatalog.errors import MissingError, OptionError, suggest
from emcatalog.geometry import Region
from emcatalog.units import parse_bytes

SCAN = "64 MiB"
"""What is read of each dataset, at most, when a plan is made."""

TRIES = 1000
"""Voxels that are looked at for one block."""


@dataclass(frozen=True)
class Foreground:
    """Random blocks, each with a wanted voxel in it: every one as likely as any other.

    ``of`` says where to look: the name of a rider, ``"image"`` for the image itself, or
    an array or source that lies where the dataset does, in any voxels; for several
    datasets a mapping of their names to them. ``wanted`` are values, or a function that
    gives True or False for each voxel of an array, by default where it is not 0.
    ``share`` is the part of the blocks that is chosen so, the others are those of
    `Random`; ``count`` and ``weights`` are as there. ``scan`` bounds the bytes that are
    looked at when the plan is made; more of them show smaller things.
    """

    of: Any = "labels"
    wanted: Any = None
    count: int | None = None
    weights: Weights = "volume"
    share: float = 1.0
    scan: int | str = SCAN

    def over(self, spaces: tuple[Space, ...]) -> WantedPlaces:
        """The sampler of these spaces.

        Raises MissingError where nothing is wanted, GeometryError for an array that
        lies elsewhere, MemoryLimitError for one that is too large to be looked at.
        """
        check_share(self.share)
        wanted = wanted_of(self.wanted)
        random = Random(self.count, self.weights).over(spaces)
        met = [s for s, part in zip(spaces, random.mixture.shares, strict=True) if part]
        hits = tuple(_hits(space, self.of, wanted, self.scan) for space in met)
        shares = Mixture.of([space.member for space in met], _among(self.weights, met))
        group = Group("wanted voxels", hits, shares)
        return WantedPlaces((group,), random, self.share)


@dataclass(frozen=True, eq=False)
class Group:
    """Voxels of one class in each of some datasets, and how often each is met."""

    name: str
    hits: tuple[Hits, ...]
    mixture: Mixture

    def place(self, hits: Hits, draws: Draws) -> Place:
        """A place of a block that contains one of ``hits``."""
        for _ in range(TRIES):
            voxel = hits.attempt(draws)
            if voxel is not None:
                return containing(hits.space, voxel, draws)
        raise MissingError(
            entry=hits.mask.entry,
            got=f"{TRIES} places in turn where a coarse level shows {self.name}, and "
            "none of them at the voxels themselves",
            expected="coarse levels that are made of the finest one",
            hint="a larger scan= looks at a finer level",
        )


@dataclass(frozen=True, eq=False)
class WantedPlaces:
    """The sampler of `Foreground` and `Balanced`: each group is met equally often."""

    groups: tuple[Group, ...]
    random: RandomPlaces
    share: float = 1.0
    redraws: bool = True

    def __len__(self) -> int:
        return len(self.random)

    def place(self, at: Counter) -> Place:
        """A place with a wanted voxel, or any; voxels of the mask are read for it."""
        # another attempt keeps class and dataset: else those with gaps were met less
        draws = at.first().draws("class")
        if self.share < 1 and draws.unit() >= self.share:
            return self.random.place(at)
        group = self.groups[draws.below(len(self.groups))]
        hits = group.hits[0]
        if len(group.hits) > 1:
            hits = group.hits[group.mixture.draw(draws)]
        return group.place(hits, at.draws("voxel"))

    def describe(self) -> str:
        """What it does, and on which levels it looked."""
        told = ", ".join(group.name for group in self.groups[:9])
        more = ", ..." if len(self.groups) > 9 else ""
        part = f" in {self.share:.0%} of the blocks" if self.share < 1 else ""
        return f"random places that contain {told}{more}{part}"


def check_share(share: float) -> None:
    """Raise OptionError for a part that is none, or nothing."""
    if not is_share(share) or not 0 < share <= 1:
        raise OptionError(
            got=f"share={share!r:.60}", expected="a number above 0, up to 1"
        )


def containing(space: Space, voxel: tuple[int, ...], draws: Draws) -> Place:
    """Any of the places whose block contains ``voxel``, each as likely."""
    start = []
    for origins, side, here in zip(space.origins, space.size, voxel, strict=True):
        low = max(origins.start, here - side + 1)
        high = min(origins.stop - 1, here)
        start.append(low + draws.below(high - low + 1))
    z, y, x = start
    return space.place((z, y, x))


def mask_of(space: Space, of: Any) -> tuple[Channel, Region]:
    """The array that ``of`` names, in the voxels of the dataset, and where it lies.

    Raises OptionError for a name that no rider has, and GeometryError for an array that
    does not overlap the dataset.
    """
    image = space.member
    if isinstance(of, str):
        known = {MAIN: image.image, **image.riders}
        if of not in known:
            raise OptionError(
                entry=image.name,
                got=f"of={of!r:.60}",
                expected="the image, or an array that rides along",
                hint=f"{suggest(of, known)}; {{'image': ..., {of!r:.60}: ...}} as a "
                "dataset takes labels along",
            )
        return known[of], image.within
    given = of
    if isinstance(of, Mapping):
        if image.name not in of:
            raise OptionError(
                got=f"masks for {', '.join(map(str, of)) or 'nothing'}",
                expected=f"one for {image.name}, too",
                hint="weights of 0 leave a dataset out",
            )
        given = of[image.name]
    name = f"mask of {image.name}"
    mask = member(name, given, image.grid.voxel_size)
    # between two labels there is none: the nearest is taken
    joined = with_rider(image, name, replace(mask, kind="segmentation"), resample=True)
    return joined.riders[name], joined.within


def _hits(space: Space, of: Any, wanted: Wanted, scan: int | str) -> Hits:
    mask, within = mask_of(space, of)
    look = finest(mask, space.member.grid, within, parse_bytes(str(scan)))
    cell = hit_cells(look)
    found = tally(look, cell, lambda voxels: [(True, checked(wanted, voxels))])
    if not found:
        shape = " x ".join(map(str, look.region.shape))
        raise MissingError(
            entry=mask.entry,
            got=f"no wanted voxel among {shape} (z, y, x), on level "
            f"{space.member.level + look.steps}",
            expected="some foreground",
            hint="another wanted=, a larger scan= that looks at a finer level, or "
            f"weights of 0 for {space.member.name!r}",
        )
    numbers, ends = found[True]
    return Hits(space, mask, wanted, look, cell, numbers, ends)


def _among(weights: Weights, spaces: list[Space]) -> Weights:
    """The weights of these datasets alone."""
    if not isinstance(weights, Mapping):
        return weights
    return {space.member.name: weights[space.member.name] for space in spaces}

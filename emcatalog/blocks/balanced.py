"""Blocks that show each class of a label volume equally often."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from emcatalog.blocks.coarse import Look, finest
from emcatalog.blocks.foreground import (
    SCAN,
    Group,
    WantedPlaces,
    check_share,
    mask_of,
)
from emcatalog.blocks.hits import Among, Hits, Tally, Voxels, hit_cells, tally
from emcatalog.blocks.members import Channel
from emcatalog.blocks.mixing import Mixture, Weights
from emcatalog.blocks.places import Space
from emcatalog.blocks.samplers import Random
from emcatalog.errors import MissingError, OptionError
from emcatalog.units import parse_bytes

MOST_CLASSES = 256
"""Labels of more kinds than these are those of objects, not of classes."""


@dataclass(frozen=True)
class Balanced:
    """Random blocks, each with a voxel of a class in it; each class equally often.

    ``of``, ``count``, ``share`` and ``scan`` are those of `Foreground`. ``classes`` are
    values of the labels, by default all that are found but ``ignore``. Of the datasets
    that have a class, each is met by its ``weights``; of the voxels of a class in a
    dataset, each as often as any other.
    """

    of: Any = "labels"
    classes: Sequence[Any] | None = None
    ignore: Sequence[Any] = (0,)
    count: int | None = None
    weights: Weights = "volume"
    share: float = 1.0
    scan: int | str = SCAN

    def over(self, spaces: tuple[Space, ...]) -> WantedPlaces:
        """The sampler of these spaces.

        Raises MissingError for a class that is not found, OptionError for more than
        `MOST_CLASSES`, and what `Foreground` raises.
        """
        check_share(self.share)
        random = Random(self.count, self.weights).over(spaces)
        pairs = list(zip(spaces, random.mixture.shares, strict=True))
        found = [(_found(space, self), share) for space, share in pairs if share]
        known = {value for each, _ in found for value in each.cells}
        wanted = list(self.classes if self.classes is not None else sorted(known))
        groups = tuple(_group(value, found) for value in wanted)
        if not groups:
            raise MissingError(
                got=f"no labels but {list(self.ignore)}",
                expected="voxels of some class",
                hint="a larger scan= looks at a finer level; ignore=() takes all",
            )
        return WantedPlaces(groups, random, self.share)


@dataclass(frozen=True, eq=False)
class Found:
    """What is seen of one dataset's labels."""

    space: Space
    mask: Channel
    look: Look
    cell: tuple[int, int, int]
    cells: Tally

    def hits(self, value: Any) -> Hits:
        """The voxels of one class."""
        numbers, ends = self.cells[value]
        wanted = Among((value,))
        return Hits(self.space, self.mask, wanted, self.look, self.cell, numbers, ends)


def _found(space: Space, way: Balanced) -> Found:
    mask, within = mask_of(space, way.of)
    if mask.volume.dtype.kind not in "iub":
        raise OptionError(
            entry=mask.entry,
            got=f"labels of {mask.volume.dtype}",
            expected="whole numbers",
            hint="Foreground(..., wanted=a function) takes any voxels",
        )
    look = finest(mask, space.member.grid, within, parse_bytes(str(way.scan)))
    cell, seen = hit_cells(look), set[Any]()

    def classes(voxels: Voxels) -> Iterator[tuple[Any, Any]]:
        present = np.unique(voxels).tolist()
        if way.classes is not None:
            present = [value for value in present if value in way.classes]
        else:
            present = [value for value in present if value not in way.ignore]
        seen.update(present)
        if len(seen) > MOST_CLASSES:
            raise OptionError(
                entry=mask.entry,
                got=f"labels of more than {MOST_CLASSES} kinds",
                expected="classes",
                hint="classes=[...] chooses some; Foreground() takes labels of objects "
                "as one class",
            )
        return ((value, voxels == value) for value in present)

    return Found(space, mask, look, cell, tally(look, cell, classes))


def _group(value: Any, found: Sequence[tuple[Found, int]]) -> Group:
    having = [(each, share) for each, share in found if value in each.cells]
    if not having:
        levels = ", ".join(
            f"level {each.space.member.level + each.look.steps} of {each.mask.entry}"
            for each, _ in found
        )
        raise MissingError(
            got=f"no voxel of class {value!r:.60} on {levels}",
            expected="some of each class",
            hint="a larger scan= looks at a finer level; or leave the class out",
        )
    mixture = Mixture(tuple(accumulate(share for _, share in having)))
    hits = tuple(each.hits(value) for each, _ in having)
    return Group(f"class {value}", hits, mixture)

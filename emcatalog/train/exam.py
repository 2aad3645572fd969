"""The exam: what a model knows of voxels that it never saw, beside what is trivial."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emcatalog.blocks import Block, Member, Place, Plan, Tiles, plan
from emcatalog.geometry import Region
from emcatalog.train.course import LABELS, Parts
from emcatalog.train.model import Model
from emcatalog.train.score import Score, Tally

HALO = (4, 8, 8)
"""Voxels (z, y, x) around a tile that are seen and not judged."""

SIZE = (32, 64, 64)
"""Voxels of a tile, its halo with it (z, y, x)."""

HALF = 0.5
"""A voxel that is more likely than this is taken; nothing is tuned."""

REACH = 6.0
"""Thresholds of brightness lie up to so many standard deviations from the mean."""


@dataclass(frozen=True, eq=False)
class Marks:
    """How one held-out part was answered.

    ``model``, the best ``threshold`` of brightness, chosen on the held-out part itself
    and so in its favour, and ``everything``: all voxels taken, whatever they are.
    """

    model: Score
    threshold: Score
    everything: Score


@dataclass(frozen=True, eq=False)
class Answers:
    """One plane (y, x) of a held-out part: image, truth, and how likely it was said.

    ``image`` is on the scale of `Parts.scale`; ``z`` is the plane's centre in nm, and
    ``voxel_size`` the side of a pixel in nm.
    """

    image: NDArray[np.float32]
    truth: NDArray[np.bool_]
    likely: NDArray[np.float32]
    z: float
    voxel_size: float


Watch = Callable[[str, float], object]


def marks(model: Model, parts: Parts, watch: Watch | None = None) -> dict[str, Marks]:
    """Judge ``model`` by the held-out part of each dataset, tile by tile.

    ``watch`` is told the dataset and the share done. Raises what reading raises.
    """
    found: dict[str, Marks] = {}
    for number, member in enumerate(parts.held_out):
        if watch is not None:
            watch(member.name, number / len(parts.held_out))
        found[member.name] = _marks(model, parts, member)
    return found


def _marks(model: Model, parts: Parts, member: Member) -> Marks:
    tiles = _tiles(parts, member)
    read = tiles.read_many(range(len(tiles)))
    pairs = [_tallies(model, block) for _, block in read]
    likely, bright = (
        functools.reduce(operator.add, part) for part in zip(*pairs, strict=True)
    )
    return Marks(likely.above(HALF), bright.best(), bright.everything())


def _tiles(parts: Parts, member: Member) -> Plan:
    """Blocks that cover a held-out part, with its edges mirrored where they end."""
    return plan(
        {member.name: member},
        SIZE,
        Tiles(HALO, "pad"),
        pad="reflect",
        normalize=parts.scale,
    )


def _tallies(model: Model, block: Block) -> tuple[Tally, Tally]:
    """Of one tile, how likely voxels were said to be, and how bright they are."""
    inner = _inner(block)
    truth = (block.riders[LABELS] == model.course.wanted)[inner]
    said = model(block.data[None])[0][inner]
    bright = block.data[inner]
    return Tally.of(said, truth, 0.0, 1.0), Tally.of(bright, truth, -REACH, REACH)


def _inner(block: Block) -> tuple[slice, slice, slice]:
    """The voxels of a tile that it alone is responsible for."""
    place = block.place
    write = place.write or Region(place.start, place.stop)
    axes = zip(write.start, write.stop, place.start, strict=True)
    z, y, x = (slice(a - s, b - s) for a, b, s in axes)
    return z, y, x


def together(found: Mapping[str, Marks]) -> Marks:
    """The marks of all datasets as one: their voxels are counted together.

    Each has a best threshold of its own, which is more than one threshold could do.
    """
    each = list(found.values())
    nothing = Score(0, 0, 0)
    return Marks(
        sum((one.model for one in each), nothing),
        sum((one.threshold for one in each), nothing),
        sum((one.everything for one in each), nothing),
    )


def answers(model: Model, parts: Parts) -> dict[str, Answers]:
    """Of each held-out part the plane (y, x) with the most wanted voxels, answered.

    To find it each part is read whole: MemoryLimitError for one that is too large.
    """
    return {member.name: _answer(model, parts, member) for member in parts.held_out}


def _answer(model: Model, parts: Parts, member: Member) -> Answers:
    """The plane as it was judged: put together of the same tiles."""
    within, grid = member.within, member.grid
    wanted = member.read(within)[LABELS] == model.course.wanted
    deep = int(wanted.sum(axis=(1, 2)).argmax())
    z = within.start[0] + deep
    image, likely = np.zeros((2, *within.shape[1:]), np.float32)
    tiles = _tiles(parts, member)
    crossed = [n for n in range(len(tiles)) if _crosses(tiles.place(n), z)]
    for _, block in tiles.read_many(crossed):
        _, down, across = _inner(block)
        inner = (z - block.place.start[0], down, across)
        _, y, x = block.place.start
        _, top, left = within.start
        rows = slice(down.start + y - top, down.stop + y - top)
        columns = slice(across.start + x - left, across.stop + x - left)
        image[rows, columns] = block.data[inner]
        likely[rows, columns] = model(block.data[None])[0][inner]
    centre = grid.origin[0] + z * grid.voxel_size[0]
    return Answers(image, wanted[deep], likely, centre, grid.voxel_size[1])


def _crosses(place: Place, z: int) -> bool:
    """Whether a tile is responsible for voxels of plane ``z``."""
    write = place.write or Region(place.start, place.stop)
    return write.start[0] <= z < write.stop[0]

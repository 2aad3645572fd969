"""Blocks where much is to be seen: places weighted by what a coarse level shows."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emcatalog.blocks.coarse import Look, cells_of, counts, finest
from emcatalog.blocks.counter import Counter, Draws
from emcatalog.blocks.foreground import SCAN, mask_of
from emcatalog.blocks.mixing import Mixture, Weights, is_share
from emcatalog.blocks.places import Place, Space
from emcatalog.blocks.samplers import epoch_size
from emcatalog.errors import MissingError, OptionError
from emcatalog.geometry import Region, Triple
from emcatalog.units import parse_bytes

Weight = Callable[[Any, Any], float]
"""How much a cell counts, by ``(its voxels, which of them are real)``."""

CELLS = 2**18
"""Cells that are weighed, at most."""


def contrast(voxels: NDArray[Any], real: NDArray[np.bool_]) -> float:
    """The standard deviation of the voxels that are real: 0 where all are alike."""
    return float(voxels[real].std(dtype=np.float64)) if real.any() else 0.0


@dataclass(frozen=True)
class Weighted:
    """Random blocks, more of them where ``weight`` is larger.

    Cells about as large as a block are weighed once, when the plan is made, on the
    finest level that fits into ``scan`` bytes: ``weight(voxels, real)`` gives a number
    of at least 0 for the voxels of a cell (z, y, x; those of the coarse level) and
    which of them are real. A place is as likely as the cell is heavy that contains the
    block's middle voxel. By default it is `contrast`, which leaves out empty resin.
    ``of``, ``count`` and ``weights`` are those of `Foreground`.
    """

    weight: Weight = contrast
    of: Any = "image"
    count: int | None = None
    weights: Weights = "volume"
    scan: int | str = SCAN

    def over(self, spaces: tuple[Space, ...]) -> WeightedPlaces:
        """The sampler of these spaces.

        Raises MissingError where nothing has a weight, OptionError for weights that are
        none, and what `Foreground` raises.
        """
        mixture = Mixture.of([space.member for space in spaces], self.weights)
        scales = tuple(
            _scale(space, self) if share else None
            for space, share in zip(spaces, mixture.shares, strict=True)
        )
        return WeightedPlaces(scales, mixture, epoch_size(self.count, spaces))


@dataclass(frozen=True, eq=False)
class Scale:
    """The places of one dataset: ``ends`` are sums of weights times places by cell."""

    space: Space
    look: Look
    cell: Triple
    numbers: NDArray[np.int64] = field(repr=False)
    ends: NDArray[np.int64] = field(repr=False)

    def place(self, draws: Draws) -> Place:
        """A cell by its weight, and any place in it."""
        number = draws.below(int(self.ends[-1]))
        turn = int(np.searchsorted(self.ends, number, "right"))
        shape = counts(self.look.region, self.cell)
        where = np.unravel_index(int(self.numbers[turn]), shape)
        ranges = origins(self.space, self.look, self.cell)
        z, y, x = (axis[int(i)] for axis, i in zip(ranges, where, strict=True))
        start = tuple(part[draws.below(len(part))] for part in (z, y, x))
        return self.space.place((start[0], start[1], start[2]))


@dataclass(frozen=True, eq=False)
class WeightedPlaces:
    """The sampler of `Weighted`."""

    scales: tuple[Scale | None, ...]
    mixture: Mixture
    count: int
    redraws: bool = True

    def __len__(self) -> int:
        return self.count

    def place(self, at: Counter) -> Place:
        """A dataset by its weight, and a place in it by the weight of its cell."""
        scale = self.scales[0]
        if len(self.scales) > 1:
            scale = self.scales[self.mixture.draw(at.first().draws("dataset"))]
        assert scale is not None  # noqa: S101 - such have no share of the mixture
        return scale.place(at.draws("place"))

    def describe(self) -> str:
        """What it does."""
        return "random places, weighted"


def origins(space: Space, look: Look, cell: Triple) -> list[list[range]]:
    """Along z, y and x, the first voxels of blocks whose middle lies in each cell.

    Beyond the first and the last cell there is none: they hold all that is left.
    """
    found = []
    for axis, whole in enumerate(space.origins):
        half, side = space.size[axis] // 2, cell[axis]
        first = look.region.start[axis] // side + 1
        last = -(-look.region.stop[axis] // side)
        cuts = [look.first(axis, i * side) - half for i in range(first, last)]
        inner = [min(max(cut, whole.start), whole.stop) for cut in cuts]
        ends = [whole.start, *inner, whole.stop]
        found.append([range(a, b) for a, b in itertools.pairwise(ends)])
    return found


def _scale(space: Space, way: Weighted) -> Scale:
    channel, within = mask_of(space, way.of)
    look = finest(channel, space.member.grid, within, parse_bytes(str(way.scan)))
    least = [max(1, n // most) for n, most in zip(space.size, look.most, strict=True)]
    cell = cells_of(look, (least[0], least[1], least[2]), CELLS)
    shape = counts(look.region, cell)
    weights = np.zeros(math.prod(shape))
    for region, voxels, real in look.read(look.region.tiles(cell)):
        weights[_number(region, look.region, cell, shape)] = _weighed(
            way.weight, voxels, real
        )
    lengths = [[len(part) for part in axis] for axis in origins(space, look, cell)]
    places = np.einsum("i,j,k", *(np.array(axis, np.int64) for axis in lengths)).ravel()
    heaviest = float(weights[places > 0].max(initial=0))
    if not heaviest:
        raise MissingError(
            entry=channel.entry,
            got=f"weights of 0 in all of {math.prod(shape)} cells",
            expected="a cell that counts",
            hint="another weight=; a volume may be missing, or all alike",
        )
    # sums stay below 2**62
    most = min(2**40, 2**62 // max(1, int(places.sum())))
    parts = np.maximum(np.rint(weights / heaviest * most), weights > 0)
    sums = parts.astype(np.int64) * places
    some = np.flatnonzero(sums)
    return Scale(space, look, cell, some, np.cumsum(sums[some]))


def _number(region: Region, whole: Region, cell: Triple, shape: Triple) -> int:
    axes = zip(region.start, whole.start, cell, strict=True)
    z, y, x = (a // side - low // side for a, low, side in axes)
    return (z * shape[1] + y) * shape[2] + x


def _weighed(weight: Weight, voxels: Any, real: NDArray[np.bool_]) -> float:
    told: Any = weight(voxels, real)
    if not is_share(told):
        raise OptionError(
            got=f"the weight {told!r:.60}",
            expected="a number of at least 0 for each cell",
            hint="weight(voxels, real) is asked with the voxels of a cell, and which "
            "of them are there",
        )
    return float(told)

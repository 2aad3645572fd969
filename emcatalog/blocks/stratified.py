"""Stratified places: random, yet spread evenly over all of a dataset in each epoch.

The places that a block may have are numbered so that neighbours have numbers close by:
the box of first voxels is halved along its longest side, and the halves in turn. Block
``i`` of ``n`` takes a number at random from the ``i``-th of ``n`` equal stretches. So
the blocks of one epoch lie apart, and still every place is exactly as likely as any
other, however the numbers of places and blocks divide.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from emcatalog.blocks.counter import Counter
from emcatalog.blocks.mixing import Mixture, Weights
from emcatalog.blocks.places import Place, Space
from emcatalog.blocks.samplers import epoch_size
from emcatalog.blocks.shuffle import Permutation
from emcatalog.geometry import Lengths, Triple


@dataclass(frozen=True)
class Stratified:
    """Random places, one in each of ``count`` equal parts of the datasets.

    Arguments are those of `Random`. The datasets have their shares of the ``count``
    blocks in every epoch, to within one block, and the blocks come in random order.
    """

    count: int | None = None
    weights: Weights = "volume"

    def over(self, spaces: tuple[Space, ...]) -> StratifiedPlaces:
        """The sampler of these spaces."""
        mixture = Mixture.of([space.member for space in spaces], self.weights)
        shares = mixture.apportioned(epoch_size(self.count, spaces))
        return StratifiedPlaces(spaces, tuple(accumulate(shares)))


@dataclass(frozen=True)
class StratifiedPlaces:
    """The sampler of `Stratified`; ``ends`` are those of the datasets' strata."""

    spaces: tuple[Space, ...]
    ends: tuple[int, ...]
    redraws: bool = True

    def __len__(self) -> int:
        return self.ends[-1]

    def place(self, at: Counter) -> Place:
        """A random place of the stratum that has its turn; then any of its dataset."""
        stratum = Permutation(self.ends[-1], at.seed, at.epoch, "strata")[at.index]
        dataset = bisect_right(self.ends, stratum)
        first = self.ends[dataset - 1] if dataset else 0
        space, strata = self.spaces[dataset], self.ends[dataset] - first
        drawn = at.draws("place").below(space.count)
        if at.attempt:  # the stratum may hold nothing else
            return space.place(space.numbered(drawn))
        # of count * strata numbers each place has as many as there are strata
        number = ((stratum - first) * space.count + drawn) // strata
        fine = max(1, space.count // strata)
        steps = space.member.grid.voxel_size
        return space.place(near(number, space.origins, steps, fine))

    def describe(self) -> str:
        """What it does."""
        return "random places, one in each of equal parts"


def near(
    number: int, origins: Sequence[range], steps: Lengths, fine: int = 1
) -> Triple:
    """The place ``number`` where numbers close by are places close by.

    ``origins`` are the places along z, y and x, ``steps`` apart. Boxes of no more than
    ``fine`` places are not halved further. Each number has one place, and each place
    one number.

    >>> [near(i, (range(1), range(2), range(4)), (1.0, 1.0, 1.0))[1:] for i in range(4)]
    [(0, 0), (0, 1), (1, 0), (1, 1)]
    """
    low, sides = [r.start for r in origins], [len(r) for r in origins]
    while (size := math.prod(sides)) > fine:
        axis = max(range(3), key=lambda a: (sides[a] - 1) * steps[a])
        half = sides[axis] // 2
        first = size // sides[axis] * half
        if number < first:
            sides[axis] = half
        else:
            number -= first
            low[axis] += half
            sides[axis] -= half
    rest, right = divmod(number, sides[2])
    top, down = divmod(rest, sides[1])
    return low[0] + top, low[1] + down, low[2] + right

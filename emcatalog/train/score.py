"""Scores: how well numbers tell wanted voxels from others, at one threshold or any."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 1000
"""Thresholds that are tried."""

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Score:
    """What an answer got right: wanted voxels it ``found``, and others it took.

    >>> score = Score(found=30, missed=10, wrong=20)
    >>> round(score.dice, 3), score.iou
    (0.667, 0.5)
    """

    found: int
    missed: int
    wrong: int

    @property
    def dice(self) -> float:
        """Twice the voxels of both over the sum of either's; 1 where both have none."""
        total = 2 * self.found + self.missed + self.wrong
        return 2 * self.found / total if total else 1.0

    @property
    def iou(self) -> float:
        """Voxels of both over voxels of any (Jaccard); 1 where both have none."""
        total = self.found + self.missed + self.wrong
        return self.found / total if total else 1.0

    def __add__(self, other: Score) -> Score:
        return Score(
            self.found + other.found,
            self.missed + other.missed,
            self.wrong + other.wrong,
        )


@dataclass(frozen=True, eq=False)
class Tally:
    """How many wanted voxels, and how many others, have which value.

    Values from ``low`` to ``high`` are counted in `BINS` equal bins, those beyond in
    the first and the last. The counts of blocks may be added up: so a volume of any
    size is judged exactly, and no voxel of it is kept.

    >>> values, wanted = np.array([0.1, 0.2, 0.8, 0.9]), np.array([0, 0, 1, 1])
    >>> tally = Tally.of(values, wanted == 1, 0, 1)
    >>> tally.above(0.5), tally.everything().dice, tally.best().dice
    (Score(found=2, missed=0, wrong=0), 0.6666666666666666, 1.0)
    """

    low: float
    high: float
    wanted: Counts
    others: Counts

    @classmethod
    def of(
        cls, values: NDArray[Any], wanted: NDArray[np.bool_], low: float, high: float
    ) -> Tally:
        """Count ``values``, of which those are wanted that ``wanted`` says."""
        share = (np.asarray(values, np.float64) - low) / (high - low)
        bins = np.clip(np.floor(share * BINS), 0, BINS - 1).astype(np.int64)
        yes = np.bincount(bins[wanted], minlength=BINS)
        no = np.bincount(bins[~wanted], minlength=BINS)
        return cls(low, high, yes, no)

    def __add__(self, other: Tally) -> Tally:
        wanted, others = self.wanted + other.wanted, self.others + other.others
        return Tally(self.low, self.high, wanted, others)

    def above(self, threshold: float) -> Score:
        """The answer that takes all voxels of at least ``threshold``."""
        cut = round((threshold - self.low) / (self.high - self.low) * BINS)
        return self._taking(slice(cut, None))

    def everything(self) -> Score:
        """The answer that takes all voxels: the best that looks at none of them."""
        return self._taking(slice(None))

    def best(self) -> Score:
        """The best answer of any threshold, whether it takes what is below or above."""
        return max(self._answers(), key=lambda score: score.dice)

    def _answers(self) -> Iterator[Score]:
        for cut in range(BINS):
            yield self._taking(slice(cut, None))
            yield self._taking(slice(cut))

    def _taking(self, bins: slice) -> Score:
        found = int(self.wanted[bins].sum())
        missed = int(self.wanted.sum()) - found
        return Score(found, missed, int(self.others[bins].sum()))

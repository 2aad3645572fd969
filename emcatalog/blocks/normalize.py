"""Blocks on one scale of values: by the statistics of their dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emcatalog.blocks.block import Block
from emcatalog.blocks.counter import Counter
from emcatalog.blocks.members import Member
from emcatalog.blocks.statistics import LOOKED_AT, PERCENTS, Statistics, measure
from emcatalog.errors import OptionError, suggest

HOW = ("percentile", "zscore")


@dataclass(frozen=True)
class Normalize:
    """A step that brings the voxels of each dataset to one scale.

    "percentile" takes the ``low``-th percentile to 0 and the ``high``-th to 1, and cuts
    off what is beyond if ``clip``; "zscore" takes the mean to 0 and one standard
    deviation to 1. ``told`` is what `measure` gives: statistics of each dataset.
    ``dtype`` is that of the blocks: a float, or for percentiles a whole number, of
    which 1 is the largest. Voxels that are no numbers become 0 where the mask says so;
    riders stay as they are.

    Raises OptionError for a dataset of which all voxels are alike, for percentages that
    cannot be, and for a block of a dataset without statistics.

    >>> import xarray as xr
    >>> from emcatalog.blocks import plan
    >>> from emcatalog.geometry import Grid
    >>> from emcatalog.index import voxel_coords
    >>> grid = Grid((4, 4, 4), (8.0, 8.0, 8.0))
    >>> array = xr.DataArray(np.arange(64).reshape(4, 4, 4), voxel_coords(grid))
    >>> blocks = plan({"cells": array}, 4)
    >>> step = Normalize(measure(blocks.members), "zscore")
    >>> data = blocks.then(step)[0].data
    >>> data.dtype, round(float(data.mean()), 6), round(float(data.std()), 6)
    (dtype('float32'), 0.0, 1.0)
    """

    told: Mapping[str, Statistics]
    how: str = "percentile"
    low: float = 1.0
    high: float = 99.0
    clip: bool = True
    dtype: str = "float32"

    def __post_init__(self) -> None:
        if self.how not in HOW:
            raise OptionError(
                got=f"{self.how!r:.60}", expected=", ".join(map(repr, HOW))
            )
        if not 0 <= self.low < self.high <= 100:
            raise OptionError(
                got=f"percentiles {self.low!r:.40} to {self.high!r:.40}",
                expected="0 <= low < high <= 100",
                hint="they are percentages: 0.5 and 99.5, not 0.005 and 0.995",
            )
        kind = _kind(self.dtype)
        if kind != "f" and (kind not in "iu" or self.how == "zscore" or not self.clip):
            raise OptionError(
                got=f"dtype={self.dtype!r:.40} with {self.how!r}, clip={self.clip}",
                expected="a float, or whole numbers with clipped percentiles",
            )
        for each in self.told.values():
            self.scale(each)

    def __call__(self, block: Block, at: Counter) -> Block:
        """The block with its values on the scale."""
        if block.dataset not in self.told:
            raise OptionError(
                entry=block.dataset,
                got="a dataset without statistics",
                expected=f"one of {', '.join(self.told)}",
                hint=suggest(block.dataset, self.told)
                + "; measure(plan.members) has all of a plan",
            )
        low, step = self.scale(self.told[block.dataset])
        # float32 has digits for 24 bits
        exact = np.dtype("f4" if block.data.dtype.itemsize <= 2 else "f8").type
        data = (block.data.astype(exact) - exact(low)) / exact(step)
        data = data.astype(np.float32, copy=False)
        if block.data.dtype.kind == "f" and block.real is not None:
            data[~block.real & ~np.isfinite(data)] = 0
        return replace(block, data=self._typed(data))

    def scale(self, told: Statistics) -> tuple[float, float]:
        """What becomes 0, and how much is 1.

        Raises OptionError for a dataset of which all voxels are alike.
        """
        if self.how == "zscore":
            low, step = told.mean, told.std
        else:
            low = told.percentile(self.low)
            step = told.percentile(self.high) - low
        if step > 0:
            return low, step
        if told.low == told.high:
            raise OptionError(
                entry=told.dataset,
                got=f"a volume of which all {told.voxels} voxels that were looked at "
                f"are {told.low:g}",
                expected="values that differ",
                hint="leave the dataset out, or normalize=None",
            )
        raise OptionError(
            entry=told.dataset,
            got=f"{low:g} as percentile {self.low:g} and {self.high:g}",
            expected="percentiles that differ",
            hint=f"others: values go from {told.low:g} to {told.high:g}; much of the "
            "volume may be empty",
        )

    def _typed(self, data: NDArray[np.float32]) -> NDArray[Any]:
        if self.how == "percentile" and self.clip:
            np.clip(data, 0, 1, out=data)
        if _kind(self.dtype) == "f":
            return data.astype(self.dtype, copy=False)
        most = np.iinfo(self.dtype).max
        # no number is none of the whole ones
        data = np.nan_to_num(data, copy=False, nan=0.0)
        return np.rint(data.astype(np.float64) * most).astype(self.dtype)


def _kind(dtype: str) -> str:
    try:
        return np.dtype(dtype).kind
    except TypeError:
        return "?"


def normalized(members: Sequence[Member], normalize: Any) -> Normalize:
    """The step that ``normalize`` names: "percentile", "zscore", or what it is.

    Statistics of each dataset, by name, mean percentiles. Without them they are looked
    up now, which reads some of each dataset.
    """
    if isinstance(normalize, Normalize):
        return normalize
    if isinstance(normalize, Statistics) and len(members) == 1:
        normalize = {members[0].name: normalize}
    if isinstance(normalize, Mapping):
        missing = [each.name for each in members if each.name not in normalize]
        if missing:
            raise OptionError(
                got=f"no statistics of {', '.join(missing)}",
                expected="those of each dataset, by name",
                hint="measure(arrays) looks at all",
            )
        return Normalize(normalize)
    if normalize not in HOW:
        raise OptionError(
            got=f"normalize={normalize!r:.60}",
            expected=f"None, {', '.join(map(repr, HOW))}, statistics of each dataset, "
            "or Normalize(...)",
        )
    return Normalize(measure(members, PERCENTS, nbytes=LOOKED_AT), normalize)

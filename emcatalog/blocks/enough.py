"""Whether a block shows enough: for ``where`` of a plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from emcatalog.blocks.block import Block
from emcatalog.blocks.hits import checked, wanted_of
from emcatalog.blocks.members import MAIN, MASK
from emcatalog.blocks.mixing import is_share
from emcatalog.errors import OptionError, suggest


@dataclass(frozen=True)
class Enough:
    """True for a block of which at least ``least`` of the voxels are wanted.

    ``of`` is the name of a rider, ``"image"``, or ``"mask"`` for voxels that are real;
    ``wanted`` is that of `Foreground`. What is not real is not wanted.

    >>> import xarray as xr
    >>> from emcatalog.blocks import Random, plan
    >>> from emcatalog.geometry import Grid
    >>> from emcatalog.index import voxel_coords
    >>> grid = Grid((4, 4, 40), (8.0, 8.0, 8.0))
    >>> bright = xr.DataArray(np.indices(grid.shape)[2] > 30, voxel_coords(grid))
    >>> blocks = plan(bright, 4, Random(100), where=Enough(0.5, "image"))
    >>> min(float(block.data.mean()) for block in blocks)
    0.5
    """

    least: float = 0.01
    of: str = "labels"
    wanted: Any = None

    def __post_init__(self) -> None:
        if not is_share(self.least) or not 0 < self.least <= 1:
            raise OptionError(
                got=f"least={self.least!r:.60}", expected="a part: above 0, up to 1"
            )

    def __call__(self, block: Block) -> bool:
        """Whether the block is taken. OptionError if it has no such array."""
        arrays = {MAIN: block.data, MASK: block.mask, **block.riders}
        if self.of not in arrays:
            raise OptionError(
                entry=block.dataset,
                got=f"of={self.of!r:.60}",
                expected="the image, its mask, or an array that rides along",
                hint=suggest(self.of, arrays),
            )
        found = checked(wanted_of(self.wanted), arrays[self.of]) & block.mask
        return bool(np.count_nonzero(found) >= self.least * found.size)

"""Local contrast: each voxel against those around it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emcatalog.blocks.block import Block
from emcatalog.blocks.counter import Counter
from emcatalog.blocks.places import voxels
from emcatalog.errors import OptionError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LocalContrast:
    """A step that takes the local mean away, and divides by the local deviation.

    Both are those of the real voxels in a box of ``size`` around each voxel: a number
    or three, of voxels, or texts such as ``"200 nm"``; even sides become odd. ``floor``
    is added to the deviation, in units of the block's own deviation, so that noise in
    empty resin is not blown up. At a block's faces boxes are cut: give tiles a halo of
    half a box. The result is float32; what is not real becomes 0.

    >>> import xarray as xr
    >>> from emcatalog.blocks import plan
    >>> from emcatalog.geometry import Grid
    >>> from emcatalog.index import voxel_coords
    >>> grid = Grid((8, 8, 8), (8.0, 8.0, 8.0))
    >>> ramp = xr.DataArray(np.indices(grid.shape).sum(0), voxel_coords(grid))
    >>> block = plan(ramp, 8).then(LocalContrast("24 nm"))[0]
    >>> abs(float(block.data[4, 4, 4])) < 1e-6  # a slope is no contrast
    True
    """

    size: Any = 31
    floor: float = 0.1

    def __post_init__(self) -> None:
        if not self.floor > 0:
            raise OptionError(got=f"floor={self.floor}", expected="a positive number")

    def __call__(self, block: Block, at: Counter) -> Block:
        """The block with its local contrast alone."""
        sides = voxels(self.size, block.place.voxel_size)
        reach = tuple(side // 2 for side in sides)
        real = block.mask
        if block.data.dtype.kind == "f":
            real = real & np.isfinite(block.data)
        data = np.where(real, block.data, 0).astype(np.float64)
        count = box_sum(real.astype(np.float64), reach)
        # about the block's mean, so that squares keep their digits
        data -= (data.sum() / max(1, np.count_nonzero(real))) * real
        np.maximum(count, 1, out=count)
        mean = box_sum(data, reach) / count
        spread = np.maximum(box_sum(data * data, reach) / count - mean * mean, 0)
        whole = float(data[real].std()) if real.any() else 0.0
        deviation = np.sqrt(spread) + self.floor * (whole or 1.0)
        made = np.where(real, (data - mean) / deviation, 0).astype(np.float32)
        return replace(block, data=made)


def box_sum(data: Floats, reach: tuple[int, ...]) -> Floats:
    """The sum over the box of ``reach`` voxels to both sides of each voxel.

    Boxes are cut at the faces. It takes as long for large boxes as for small ones.

    >>> box_sum(np.ones((1, 1, 5)), (0, 0, 1))
    array([[[2., 3., 3., 3., 2.]]])
    """
    for axis, far in enumerate(reach):
        count = data.shape[axis]
        sums = np.zeros([n + (a == axis) for a, n in enumerate(data.shape)], np.float64)
        after = tuple(slice(1 if a == axis else 0, None) for a in range(data.ndim))
        np.cumsum(data, axis, out=sums[after])
        places = np.arange(count)
        high = np.minimum(places + far + 1, count)
        low = np.maximum(places - far, 0)
        data = sums.take(high, axis) - sums.take(low, axis)
    return data

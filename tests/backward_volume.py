"""A volume in memory that answers backwards, and its arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from emcatalog.driver.array import to_dataset
from emcatalog.driver.chunks import dask_chunks
from emcatalog.geometry import AXES, Grid, Region
from emcatalog.record import Record
from emcatalog.volume import Pyramid

SHAPE = (20, 24, 28)
GRID = Grid(SHAPE, (2.96, 4.0, 8.0), (100.0, -40.0, 0.0))
WHOLE = np.arange(np.prod(SHAPE), dtype=np.uint16).reshape(SHAPE)


@dataclass(frozen=True)
class Memory:
    """A volume that answers backwards, and tells what it was asked for at once."""

    grid: Grid
    dtype: np.dtype[Any] = WHOLE.dtype
    chunks: tuple[int, int, int] = (4, 4, 4)
    asked: list[list[Region]] = field(default_factory=list, compare=False)

    def read(self, region: Region) -> Any:
        return np.ascontiguousarray(WHOLE[region.slices])

    def read_many(self, regions: Any) -> Any:
        self.asked.append(list(regions))
        for index in reversed(range(len(regions))):
            yield index, self.read(regions[index])

    def stored(self, region: Region) -> Any:
        return self.read(region) % 2 == 0


def lazy(volume: Any = None) -> xr.DataArray:
    return to_dataset(Pyramid((volume or Memory(GRID),), Record()), 0, "x", {})["image"]


def on_dask(volume: Any = None) -> xr.DataArray:
    volume = volume or Memory(GRID)
    sizes = dask_chunks(volume, {"z": 8})
    pyramid = Pyramid((volume,), Record())
    return to_dataset(pyramid, 0, "x", {}, sizes)["image"]


def ordinary() -> xr.DataArray:
    """Read from a file by something else: no VoxelIndex, but a unit."""
    array = lazy().load().drop_indexes(AXES)
    return array.set_xindex("z").set_xindex("y").set_xindex("x")

"""A volume in memory that tells what is read, and its dask array."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from emcatalog.driver.array import VolumeArray
from emcatalog.driver.lazy import LazyArray, lazy_array
from emcatalog.geometry import Grid, Region

SHAPE = (9, 12, 13)
CHUNKS = ((4, 4, 1), (4, 8), (8, 5))
WHOLE = np.arange(np.prod(SHAPE), dtype=np.uint16).reshape(SHAPE)
GRID = Grid(SHAPE, (8.0, 8.0, 8.0))
U1, U2 = np.dtype(np.uint8), np.dtype(np.uint16)


@dataclass(frozen=True)
class Memory:
    """A volume whose voxels are their own numbers; large ones are zeros."""

    grid: Grid
    dtype: np.dtype[Any] = U2
    chunks: tuple[int, int, int] = (4, 4, 4)
    seen: list[Region] = field(default_factory=list, compare=False)

    def __dask_tokenize__(self) -> object:
        return self.grid, self.chunks

    def read(self, region: Region) -> Any:
        self.seen.append(region)
        if self.grid.shape == SHAPE:
            return np.ascontiguousarray(WHOLE[region.slices])
        return np.zeros(region.shape, self.dtype)

    def read_many(self, regions: Any) -> Any:
        return enumerate(map(self.read, regions))

    def stored(self, region: Region) -> Any:
        return np.ones(region.shape, np.bool_)


def small() -> LazyArray:
    return lazy_array(VolumeArray(Memory(GRID), "small").window, CHUNKS)


def regions(array: Any) -> list[Region]:
    """What is read to compute ``array``, which comes from `small`."""
    volume = array.window.source.volume
    volume.seen.clear()
    array.compute(scheduler="sync")
    return list(volume.seen)

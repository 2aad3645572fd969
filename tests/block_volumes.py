"""Volumes for the tests of blocks: voxels that are their own numbers, some missing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from emcatalog.driver.array import to_dataset
from emcatalog.geometry import Grid, Region, Triple
from emcatalog.index import voxel_coords
from emcatalog.record import Claim, Record
from emcatalog.volume import Pyramid

HEMIBRAIN = Grid((34432, 39552, 41408), (8.0, 8.0, 8.0))


def numbered(shape: Triple, dtype: Any = np.uint32) -> Any:
    """Voxels that differ, none of them 0."""
    return np.arange(1, 1 + np.prod(shape)).reshape(shape).astype(dtype)


def labelled(grid: Grid, voxels: Any = None) -> xr.DataArray:
    """An array in memory."""
    voxels = numbered(grid.shape) if voxels is None else voxels
    return xr.DataArray(voxels, voxel_coords(grid))


@dataclass(frozen=True)
class Sparse:
    """A volume in chunks, some of them absent; it counts what it is asked for.

    Where ``whole`` is None it is too large to be held: all is 7.
    """

    grid: Grid
    whole: Any = None
    chunks: Triple = (4, 4, 4)
    absent: frozenset[Triple] = frozenset()
    broken: bool = False
    seen: list[Region] = field(default_factory=list, compare=False)
    asked: list[Region] = field(default_factory=list, compare=False)

    @property
    def dtype(self) -> Any:
        return np.dtype(np.uint8) if self.whole is None else self.whole.dtype

    def __dask_tokenize__(self) -> object:
        return self.grid, self.chunks, self.absent

    def read(self, region: Region) -> Any:
        self.seen.append(region)
        assert all(b <= n for b, n in zip(region.stop, self.grid.shape, strict=True))
        if self.broken:
            from emcatalog.errors import TruncatedError

            raise TruncatedError(got="7 bytes", expected="64")
        if self.whole is None:
            return np.full(region.shape, 7, np.uint8)
        return np.where(self.held(region), self.whole[region.slices], 0).astype(
            self.dtype
        )

    def read_many(self, regions: Any) -> Any:
        for index in reversed(range(len(regions))):
            yield index, self.read(regions[index])

    def stored(self, region: Region) -> Any:
        self.asked.append(region)
        return self.held(region)

    def held(self, region: Region) -> Any:
        out = np.ones(region.shape, np.bool_)
        for cell in self.absent:
            low = tuple(i * c for i, c in zip(cell, self.chunks, strict=True))
            high = tuple(a + c for a, c in zip(low, self.chunks, strict=True))
            inner = region.intersect(Region(low, high))
            if inner.size:
                out[inner.relative_to(region.start).slices] = False
        return out


def sparse(shape: Triple = (12, 16, 20), **options: Any) -> Sparse:
    """A small volume in chunks of 4 voxels a side."""
    grid = Grid(shape, (8.0, 4.0, 4.0), (100.0, 0.0, -8.0))
    return Sparse(grid, numbered(shape), **options)


def lazy(volume: Any) -> xr.DataArray:
    """The array that a driver makes of a volume."""
    record = Record((Claim("organism", "Mus musculus", "file", "a test"),))
    return to_dataset(Pyramid((volume,), record), 0, "x", {})["image"]

"""Any labelled array as a volume, and where its voxels lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from emcatalog.accessor.axes import labelled
from emcatalog.accessor.source import window_of
from emcatalog.errors import GeometryError
from emcatalog.geometry import AXES, Grid, Lengths, Region, Triple
from emcatalog.index.axis import SLACK
from emcatalog.volume import Volume, ensure_fits, ensure_inside


@dataclass(frozen=True, eq=False)
class ArrayVolume:
    """A `emcatalog.volume.Volume` of an array that is no slice of one of ours.

    ``variable`` may be NumPy's, dask's or anything that xarray reads; its chunks are
    not known to be absent, so all of it is stored.
    """

    grid: Grid
    variable: xr.Variable

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Voxel type, in native byte order."""
        dtype: np.dtype[np.generic] = self.variable.dtype.newbyteorder("=")
        return dtype

    @property
    def chunks(self) -> Triple:
        """All of it: what is stored as one piece is not known."""
        return self.grid.shape

    def read(self, region: Region) -> NDArray[np.generic]:
        """Voxels of ``region``: always a copy, computed if need be."""
        ensure_inside(region, self.grid)
        ensure_fits(region.shape, self.dtype)
        return np.array(self.variable[region.slices].values, self.dtype, order="C")

    def read_many(
        self, regions: Sequence[Region]
    ) -> Iterator[tuple[int, NDArray[np.generic]]]:
        """Each region in turn."""
        return enumerate(map(self.read, regions))

    def stored(self, region: Region) -> NDArray[np.bool_]:
        """True everywhere."""
        ensure_inside(region, self.grid)
        return np.ones(region.shape, np.bool_)


def volume_of(array: xr.DataArray) -> tuple[Volume, Triple, Grid]:
    """What to read of ``array``: a volume, its voxel at which the array begins, a grid.

    Slices of our own arrays are read past xarray and dask. Raises GeometryError and
    UnitError for an array that is not z, y, x with evenly spaced centres in nm.
    """
    grid = grid_of(array)
    window: Any = window_of(array)
    if window is not None and _is_box(window):
        z, y, x = window.places
        return window.source.volume, (z.start, y.start, x.start), grid
    return ArrayVolume(grid, array.variable), (0, 0, 0), grid


def _is_box(window: Any) -> bool:
    """Whether it is each voxel of a box of a volume, and no mask of one."""
    whole = all(isinstance(p, range) and p.step == 1 for p in window.places)
    return whole and not window.source.mask


def grid_of(array: xr.DataArray) -> Grid:
    """The voxels of a labelled array, which must be z, y, x without gaps and rising."""
    if set(AXES) <= set(array.dims) and array.dims != AXES:
        more = [str(dim) for dim in array.dims if dim not in AXES]
        raise GeometryError(
            got=f"an array with the dimensions {', '.join(map(str, array.dims))}",
            expected="z, y, x",
            hint=f".isel({more[0]}=0), or a rider for each"
            if more
            else ".transpose('z', 'y', 'x')",
        )
    indexes = labelled(array)
    for dim, index in zip(AXES, indexes, strict=True):
        _check_spacing(dim, index.index.to_numpy(), index.step)
    origin: Any = tuple(float(index.index[0]) for index in indexes)
    steps: Lengths = tuple(index.step for index in indexes)  # type: ignore[assignment]
    shape: Any = tuple(map(int, array.shape))
    return Grid(shape, steps, origin)


def _check_spacing(dim: str, labels: NDArray[Any], step: float) -> None:
    ideal = labels[0] + step * np.arange(labels.size)
    if np.abs(ideal - labels).max() <= max(SLACK, 1e-6 * step):
        return
    spacing = float(labels[1] - labels[0])
    raise GeometryError(
        got=f"voxels of {step:g} nm whose centres along {dim!r} lie {spacing:g} nm "
        "apart",
        expected="rising centres, without gaps and of one spacing",
        hint="take a coarser level instead of every n-th voxel; .sortby turns an axis "
        "round; emcatalog.index.relabel tells the voxel size of what was computed",
    )

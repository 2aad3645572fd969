"""Coordinates with a VoxelIndex: for a grid, and for an array read from a file."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import xarray as xr

from emcatalog.errors import GeometryError
from emcatalog.geometry import AXES, Grid
from emcatalog.index.voxels import VoxelIndex


def voxel_coords(grid: Grid) -> xr.Coordinates:
    """Coordinates z, y, x of ``grid``: voxel centres in nm, each with a VoxelIndex.

    >>> voxel_coords(Grid((3, 1, 1), (2.96, 4.0, 4.0)))["z"].values.tolist()
    [0.0, 2.96, 5.92]
    """
    variables: dict[Hashable, xr.Variable] = {}
    indexes: dict[Hashable, xr.Index] = {}
    for axis, dim in enumerate(AXES):
        step = grid.voxel_size[axis]
        index = VoxelIndex.from_centres(dim, grid.centres(axis), step)
        variables |= index.create_variables()
        indexes[dim] = index
    return xr.Coordinates(variables, indexes)


def relabel(
    array: xr.DataArray, voxel_size: Mapping[Hashable, object] | None = None
) -> xr.DataArray:
    """Give each coordinate of ``array`` that is in nanometres its VoxelIndex again.

    A file keeps the labels but not the index, and so does what makes new labels:
    coarsen, interp, pad, broadcast. The voxel size is the spacing of the labels, or
    what ``voxel_size`` says for a dimension: needed for one voxel, or where slices were
    left out. A VoxelIndex that is there stays, unless ``voxel_size`` names its
    dimension. Raises GeometryError for labels that are not evenly spaced, and where no
    coordinate has ``attrs["units"] == "nm"``.

    >>> da = xr.DataArray([1, 2], {"z": ("z", [0.0, 8.0], {"units": "nm"})})
    >>> relabel(da).xindexes["z"].step
    8.0
    """
    given = dict(voxel_size or {})
    dims = [d for d in array.dims if d in array.coords]
    dims = [d for d in dims if array.coords[d].attrs.get("units") == "nm"]
    missing = [d for d in given if d not in dims]
    if missing or not dims:
        raise GeometryError(
            got=f"an array with coordinates in nm along {dims}",
            expected=f"coordinates in nm along {missing or 'one dimension at least'}",
            hint="set attrs['units'] = 'nm' on the coordinates that are",
        )
    for dim in map(str, dims):
        if dim not in given and isinstance(array.xindexes.get(dim), VoxelIndex):
            continue
        bare = array.drop_indexes(dim) if dim in array.xindexes else array
        array = bare.set_xindex(dim, VoxelIndex, step=given.get(dim))
    return array

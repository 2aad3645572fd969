"""The axes of an array: z, y and x, labelled by the centres of voxels."""

from __future__ import annotations

import xarray as xr

from emcatalog.errors import GeometryError, UnitError
from emcatalog.geometry import AXES
from emcatalog.index import VoxelIndex, relabel


def labelled(array: xr.DataArray) -> tuple[VoxelIndex, ...]:
    """The indexes of z, y and x; made from the labels where they are ordinary ones.

    Raises GeometryError for an array without these dimensions, for one without voxels
    and for labels that are not evenly spaced, and UnitError for labels that are not in
    nanometres.
    """
    missing = [dim for dim in AXES if dim not in array.dims]
    if missing or 0 in (array.sizes[dim] for dim in AXES):
        raise GeometryError(
            got=f"an array with {dict(array.sizes)}",
            expected="dimensions z, y and x, with a voxel at least along each",
            hint="da.rename(...) names dimensions; .isel(z=slice(3, 4)) keeps one",
        )
    return tuple(_index(array, dim) for dim in AXES)


def _index(array: xr.DataArray, dim: str) -> VoxelIndex:
    index = array.xindexes.get(dim)
    if isinstance(index, VoxelIndex):
        return index
    unit = array.coords[dim].attrs.get("units") if dim in array.coords else None
    if unit != "nm":
        raise UnitError(
            got=f"the dimension {dim!r} "
            + (f"in {unit!r}" if unit else "without a coordinate in nanometres"),
            expected="voxel centres in nanometres",
            hint=f"assign them, with attrs['units'] = 'nm' on da[{dim!r}]",
        )
    made = relabel(array.coords[dim]).xindexes[dim]
    assert isinstance(made, VoxelIndex)  # noqa: S101 - what relabel is for
    return made

"""VoxelIndex lives on: what xarray, dask, pint and files do to an indexed array."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pint
import pint_xarray  # noqa: F401 - registers the accessor
import pytest
import xarray as xr
from xarray.backends import BackendEntrypoint

from emcatalog.errors import GeometryError, OptionError, UnitError
from emcatalog.geometry import AXES, Grid
from emcatalog.index import VoxelIndex, relabel, voxel_coords

GRID = Grid((12, 10, 8), (2.96, 4.0, 8.0), (0.0, 2.0, -8.0))


@pytest.fixture
def da():
    values = np.arange(960, dtype=np.float32).reshape(GRID.shape)
    return xr.DataArray(values, voxel_coords(GRID), AXES, name="em")


def steps(obj):
    """The voxel size along each indexed axis; fails on an index of another kind."""
    assert all(isinstance(i, VoxelIndex) for i in obj.xindexes.values())
    return {dim: index.step for dim, index in obj.xindexes.items()}


def bare(obj):
    """The array as a file gives it back: labels without an index."""
    return obj.drop_indexes(list(obj.xindexes))


FULL = {"z": 2.96, "y": 4.0, "x": 8.0}


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a.chunk(z=4),
        lambda a: a.isel(z=slice(2, 9)),
        lambda a: a.isel(z=slice(None, None, -3)),
        lambda a: a.isel(z=[5, 1, 1]),
        lambda a: a.isel(z=np.arange(12) % 2 == 0),
        lambda a: a.isel(z=xr.Variable("z", [3, 4])),
        lambda a: a.sel(z=slice("3 nm", "20 nm"), y=[2, 6]),
        lambda a: a.copy(deep=True),
        copy.copy,
        copy.deepcopy,
        lambda a: pickle.loads(pickle.dumps(a)),
        lambda a: a.roll(z=3, roll_coords=True),
        lambda a: a + a,
        lambda a: a.astype("float64") / 2,
        lambda a: a.transpose("x", "y", "z"),
        lambda a: a.where(a > 3),
        lambda a: a.where(a.z > 9, drop=True),
        lambda a: a.sortby("z", ascending=False),
        lambda a: a.shift(z=1),
        lambda a: a.diff("z"),
        lambda a: a.rolling(z=3).mean(),
        lambda a: a.to_dataset()["em"],
        lambda a: xr.DataTree.from_dict({"/s0": a.to_dataset()})["s0/em"],
        lambda a: xr.concat([a, a], "channel"),
        lambda a: xr.concat([a.isel(z=slice(5)), a.isel(z=slice(5, None))], "z"),
        lambda a: xr.align(a, a.isel(z=slice(3, 9)), join="inner")[0],
        lambda a: xr.align(a, a.isel(z=slice(3, 9)), join="outer")[1],
        lambda a: xr.align(a, a, join="exact")[0],
        lambda a: a.isel(z=slice(4)).reindex_like(a),
        lambda a: a.pint.quantify().pint.dequantify(),
        lambda a: xr.merge([a, a.rename("other")])["em"],
        lambda a: a.groupby("z").map(lambda part: part),
        lambda a: xr.map_blocks(lambda part: part, a.chunk(z=4)),
    ],
)
def test_the_index_survives(da, change):
    assert steps(change(da)) == FULL


def test_scalars_drop_the_index_of_their_axis(da):
    assert steps(da.isel(z=3)) == {"y": 4.0, "x": 8.0}
    assert steps(da.sel(z=3).mean("y")) == {"x": 8.0}


def test_rename_moves_the_index(da):
    assert steps(da.rename(z="depth")) == {"depth": 2.96, "y": 4.0, "x": 8.0}
    assert da.rename(z="depth").sel(depth="3 nm").depth == 2.96
    with pytest.raises(KeyError, match="along 'depth'"):
        da.rename(z="depth").sel(depth=1e6)


def test_concat_of_the_parts_is_the_whole(da):
    parts = [da.sel(z=slice(a, b)) for a, b in [(0, 10), (10, 20), (20, None)]]
    whole = xr.concat(parts, "z")
    xr.testing.assert_identical(whole, da)
    assert whole.xindexes["z"].equals(da.xindexes["z"])
    assert whole.sel(z="25 nm").z == da.sel(z="25 nm").z
    blocks = [[p.isel(y=slice(5)), p.isel(y=slice(5, None))] for p in parts]
    nested = xr.combine_nested(blocks, ["z", "y"], combine_attrs="override")
    xr.testing.assert_identical(nested, da)
    flat = [b.to_dataset() for row in blocks for b in row]
    xr.testing.assert_identical(xr.combine_by_coords(flat)["em"], da)


def test_arithmetic_aligns_by_label(da):
    both = da.isel(z=slice(0, 8)) + da.isel(z=slice(4, 12))
    assert both.z.attrs == {"units": "nm", "long_name": "voxel centre, z axis"}
    xr.testing.assert_identical(both, 2 * da.isel(z=slice(4, 8)))


def test_other_voxel_sizes_are_never_joined(da):
    coarse = Grid((6, 10, 8), (5.92, 4.0, 8.0), (71.04, 2.0, -8.0))
    other = xr.DataArray(np.zeros(coarse.shape), voxel_coords(coarse), AXES)
    message = "voxel sizes 2.96, 5.92 nm along 'z'; expected one voxel size"
    with pytest.raises(GeometryError, match=message):
        xr.concat([da, other], "z")
    for join in ("inner", "outer", "left"):
        with pytest.raises(GeometryError, match="two levels of a pyramid"):
            xr.align(da, other, join=join)
    with pytest.raises(GeometryError, match=r"sizes 2\.96, 5\.92"):
        da + other
    plain = da.drop_indexes("z").set_xindex("z")
    with pytest.raises(GeometryError, match=r"sizes 2\.96, none"):
        xr.concat([da, plain], "z")


def test_equality_includes_the_voxel_size(da):
    index = da.xindexes["z"]
    assert index.equals(VoxelIndex.from_centres("z", da.z.values, 2.96))
    assert not index.equals(VoxelIndex.from_centres("z", da.z.values, 8))
    assert not index.equals(VoxelIndex.from_centres("y", da.z.values, 2.96))
    assert not index.equals(da.drop_indexes("z").set_xindex("z").xindexes["z"])


class Source(BackendEntrypoint):
    """A backend that hands out coordinates as our driver does."""

    def open_dataset(self, filename_or_obj, *, drop_variables=None):
        variable = xr.Variable(AXES, np.zeros(GRID.shape, np.uint8))
        return xr.Dataset({"em": variable}, voxel_coords(GRID))


@pytest.mark.parametrize("chunks", [None, {}, {"z": 4}])
def test_open_dataset_keeps_the_index(chunks):
    opened = xr.open_dataset("memory://volume", engine=Source, chunks=chunks)
    assert steps(opened) == FULL
    assert opened.sel(z="3 nm").z == 2.96


def test_a_tree_of_levels_selects_on_each(da):
    half = Grid((6, 5, 4), (5.92, 8.0, 16.0))
    level = xr.Dataset({"em": (AXES, np.zeros(half.shape))}, voxel_coords(half))
    tree = xr.DataTree.from_dict({"/s0": da.to_dataset(), "/s1": level})
    found = tree.sel(z=slice(0, 12))
    assert found["s0"].sizes["z"] == 5
    assert found["s1"].sizes["z"] == 3


def test_quantified_arrays_select_by_quantity(da):
    ureg = pint.get_application_registry()
    physical = da.pint.quantify()
    window = slice(0.003 * ureg.um, 0.02 * ureg.um)
    expected = da.sel(z=slice(3, 20)).values
    assert np.array_equal(physical.sel(z=window).pint.magnitude, expected)
    assert np.array_equal(physical.pint.sel(z=window).pint.magnitude, expected)
    assert physical.sel(z=0.003 * ureg.um).pint.magnitude.shape == (10, 8)


def test_reindex_needs_a_plain_index(da):
    with pytest.raises(ValueError, match="conflicting indexes"):
        da.reindex(z=[0.0, 2.96])
    assert da.drop_indexes("z").set_xindex("z").reindex(z=[0.0]).sizes["z"] == 1


@pytest.mark.parametrize("kind", ["netcdf", "zarr"])
def test_a_file_keeps_the_labels_and_relabel_the_meaning(da, kind, tmp_path):
    path = tmp_path / kind
    if kind == "netcdf":
        da.to_netcdf(path, engine="netcdf4")
        again = xr.load_dataarray(path, engine="netcdf4")
    else:
        da.to_zarr(path, consolidated=False)
        again = xr.load_dataarray(path, engine="zarr", consolidated=False)
    assert not isinstance(again.xindexes["z"], VoxelIndex)
    xr.testing.assert_identical(relabel(again), da)
    assert steps(relabel(again)) == FULL


@pytest.mark.parametrize("size", [2.96, 1 / 3, 5.24, 8.0])
def test_relabel_finds_the_voxel_size(size):
    grid = Grid((9000, 2, 2), (size,) * 3, (123.4, 0.0, 0.0))
    da = xr.DataArray(np.zeros(grid.shape, np.uint8), voxel_coords(grid), AXES)
    turned = relabel(bare(da.isel(z=slice(None, None, -1))))
    assert turned.xindexes["z"].step == pytest.approx(size, abs=1e-9)


def test_coarser_voxels_are_relabelled(da):
    coarse = relabel(da.coarsen(z=2).mean())
    assert steps(coarse) == {"z": 5.92, "y": 4.0, "x": 8.0}
    assert coarse.sel(z=slice(0, 5.92)).sizes["z"] == 1


def test_relabel_asks_for_a_voxel_size_where_labels_do_not_tell(da):
    for kept in ([0, 1, 3], [4], slice(0, 0)):
        odd = bare(da.isel(z=kept))
        with pytest.raises(GeometryError, match="along 'z' that are not evenly spaced"):
            relabel(odd)
        assert steps(relabel(odd, {"z": "2.96 nm"})) == FULL


def test_relabel_keeps_an_index_that_is_there(da):
    assert steps(relabel(da[::3])) == FULL
    assert steps(relabel(da[::3], {"z": "8.88 nm"})) == FULL | {"z": 8.88}


def test_relabel_needs_coordinates_in_nanometres(da):
    with pytest.raises(GeometryError, match="attrs"):
        relabel(xr.DataArray([1, 2], {"z": [0.0, 1.0]}))
    with pytest.raises(GeometryError, match="along \\['t'\\]"):
        relabel(da, {"t": 8})
    mixed = bare(da).expand_dims(channel=["a"])
    assert isinstance(relabel(mixed).xindexes["z"], VoxelIndex)
    assert not isinstance(relabel(mixed).xindexes["channel"], VoxelIndex)


def test_set_xindex(da):
    plain = da.drop_indexes("z")
    assert plain.set_xindex("z", VoxelIndex, step=3).xindexes["z"].step == 3
    assert steps(plain.set_xindex("z", VoxelIndex)) == FULL
    with pytest.raises(OptionError, match="the option 'steps'"):
        plain.set_xindex("z", VoxelIndex, steps=3)
    plain = xr.DataArray([1, 2], {"z": ("z", [0.0, 0.008], {"units": "um"})})
    with pytest.raises(UnitError, match="coordinate 'z' in 'um'"):
        plain.drop_indexes("z").set_xindex("z", VoxelIndex, step=8)

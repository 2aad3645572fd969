"""VoxelIndex: which voxel a label selects, against a NumPy oracle, and its messages."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pint
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from emcatalog.errors import GeometryError, LabelError, OptionError, UnitError
from emcatalog.geometry import AXES, Grid
from emcatalog.index import VoxelIndex, nanometres, voxel_coords
from voxel_lines import laws, lines, regular

OTHER = pint.UnitRegistry()


@pytest.mark.parametrize(
    ("count", "step", "origin"),
    [
        (564, 2.96, 0.0),
        (564, 2.96, 1.48),
        (564, 2.96, 4.0),
        (41394, 8.0, 4.0),
        (41394, 2.96, 0.0),
        (5000, 1 / 3, 0.0),
        (1, 4.0, 0.0),
    ],
)
def test_every_label_hits_its_voxel(count, step, origin):
    da = regular(count, step, origin)
    typed = [origin + i * step for i in range(count)]
    assert np.array_equal(da.sel(z=typed), da)
    assert np.array_equal(da.sel(z=da.z), da)
    for i in {0, 1, 3, count // 2, count - 1} & set(range(count)):
        assert da.sel(z=typed[i]) == i


@laws
@given(lines(), st.data())
def test_a_scalar_selects_the_voxel_that_contains_it(da, data):
    step, labels = da.xindexes["z"].step, da.z.values
    i = data.draw(st.integers(0, len(labels) - 1))
    part = data.draw(st.floats(-0.499, 0.499))
    assert da.sel(z=labels[i] + part * step) == i
    assert da[::-1].sel(z=labels[i] + part * step) == i
    mixed = np.random.default_rng(i).permutation(len(labels))
    assert da[mixed].sel(z=labels[i] + part * step) == i


def test_noise_in_the_last_digits_moves_no_label_over_a_face():
    da = regular(564, 2.96)
    for i in range(1, 564):
        face = i * 2.96 - 1.48
        for label in (face, np.nextafter(face, 0), np.nextafter(face, 1e9)):
            assert da.sel(z=label) == i


def test_a_face_belongs_to_the_voxel_above_it_and_the_last_face_to_none():
    da = regular(3, 8.0)
    assert da.sel(z=-4) == 0
    assert da.sel(z=4) == 1
    assert da[::-1].sel(z=4) == 1
    with pytest.raises(LabelError, match="from -4 nm up to, but without, 20 nm"):
        da.sel(z=20)


@laws
@given(lines(), st.floats(-1e7, 1e7))
def test_a_position_outside_is_an_error_and_inside_never(da, label):
    step, labels = da.xindexes["z"].step, da.z.values
    beside = 2e-6
    if labels[0] - step / 2 + beside < label < labels[-1] + step / 2 - beside:
        assert abs(da.z.values[int(da.sel(z=label))] - label) <= step / 2 + beside
    elif not labels[0] - step / 2 - beside < label < labels[-1] + step / 2 + beside:
        with pytest.raises(LabelError):
            da.sel(z=label)


def test_a_label_outside_names_the_axis_the_label_and_the_extent():
    da = regular(41394, 8.0, 4.0)
    with pytest.raises(KeyError) as caught:
        da.sel(z=400000)
    assert str(caught.value) == (
        "got the label 400000 nm (400 µm) along 'z'; expected a position from 0 nm "
        "up to, but without, 331152 nm (331.152 µm). Try: labels are nanometres; "
        "'1.2 um' is converted; .isel counts voxels"
    )


def test_several_labels_outside_are_counted():
    with pytest.raises(LabelError, match=r"label 5000 nm along 'z' and 1 more"):
        regular().sel(z=[0, 5000, 6000])


def test_a_strided_axis_has_gaps():
    da = regular()[::2]
    assert da.xindexes["z"].step == 8
    assert da.sel(z=[16, 19.9, 12]).values.tolist() == [2, 2, 2]
    with pytest.raises(LabelError, match=r"has a gap.*they are 8 nm wide.*nearest"):
        da.sel(z=8)
    assert da.sel(z=8, method="nearest") == 2


@pytest.mark.parametrize("label", [math.nan, math.inf, -math.inf, [0.0, math.nan]])
def test_labels_that_are_no_positions(label):
    with pytest.raises(LabelError, match=r"nan|inf"):
        regular().sel(z=label)


def test_huge_labels_are_outside_and_quiet():
    for label in (1e308, -1e308, 10**400, Decimal("1e30"), "1e300 m"):
        with pytest.raises(LabelError):
            regular().sel(z=label)


def test_overlapping_voxels_are_ambiguous_but_can_be_nearest():
    halves = xr.concat([regular(4), regular(4, origin=28.0)], "z")
    assert halves.sel(z=8) == 1
    with pytest.raises(LabelError, match="overlap"):
        halves.sel(z=26)
    assert halves.sel(z=27, method="nearest") == 0


def test_an_axis_without_voxels():
    empty = regular()[:0]
    assert empty.sel(z=slice(0, 100)).sizes["z"] == 0
    for method in (None, "nearest"):
        with pytest.raises(LabelError, match="no voxels left"):
            empty.sel(z=0, method=method)


def test_arrays_of_labels_keep_order_dims_and_coordinates():
    da = regular()
    for labels in ([16, 0, 16], (16, 0, 16), np.array([17, -3, 14], np.float32)):
        assert da.sel(z=labels).values.tolist() == [2, 0, 2]
    points = xr.DataArray([8.0, 24.0], {"p": ["a", "b"]}, ("p",))
    assert da.sel(z=points).dims == ("p",)
    assert da.sel(z=points).p.values.tolist() == ["a", "b"]
    flat = xr.Variable(("a", "b"), [[0, 8, 16], [1, 9, 17]])
    assert da.sel(z=flat).dims == ("a", "b")
    assert da.sel(z=flat).values.tolist() == [[0, 1, 2], [0, 1, 2]]
    assert da.sel(z=da.z[3]) == 3
    assert da.sel(z=[]).size == 0


def test_pointwise_selection_in_three_dimensions():
    grid = Grid((4, 5, 6), (2.96, 4.0, 8.0))
    da = xr.DataArray(np.arange(120).reshape(4, 5, 6), voxel_coords(grid), AXES)
    z, y, x = (xr.DataArray(v, dims="p") for v in ([2.96, 8.88], [4, 0], [40, 8]))
    assert da.sel(z=z, y=y, x=x).values.tolist() == [41, 91]
    assert da.loc[2.96, 4:12, :].shape == (2, 6)


def test_labels_with_a_unit_attribute_are_converted():
    points = xr.DataArray([0.008, 0.016], dims="p", attrs={"units": "um"})
    assert regular().sel(z=points).values.tolist() == [1, 2]
    with pytest.raises(UnitError, match="second"):
        nanometres(xr.DataArray([1.0], attrs={"units": "second"}, dims="p"))


@laws
@given(lines(), st.floats(-1e3, 1e3), st.integers(0, 9))
def test_nearest_is_the_nearest_centre(da, offset, seed):
    labels = da.z.values
    wanted = labels[0] + offset
    least = np.abs(labels - wanted).min()
    for view in (da, da[::-1], da[np.random.default_rng(seed).permutation(da.size)]):
        chosen = float(view.sel(z=wanted, method="nearest").z)
        assert abs(chosen - wanted) == pytest.approx(least, abs=2e-6)


def test_of_two_nearest_the_higher_one_as_in_pandas():
    da = regular()
    plain = da.drop_indexes("z").set_xindex("z")
    assert da.sel(z=4, method="nearest") == plain.sel(z=4, method="nearest") == 1
    assert da.sel(z=1e6, method="nearest") == 127


@pytest.mark.parametrize("tolerance", [2, "2 nm", OTHER.Quantity(2, "nm")])
def test_tolerance_is_a_length(tolerance):
    da = regular()
    assert da.sel(z=10, method="nearest", tolerance=tolerance) == 1
    with pytest.raises(LabelError, match="within 2 nm of a centre"):
        da.sel(z=11, method="nearest", tolerance=tolerance)


@pytest.mark.parametrize(
    ("label", "options"),
    [
        (0, {"method": "pad"}),
        (0, {"method": "ffill"}),
        (0, {"tolerance": 1}),
        (0, {"method": "nearest", "tolerance": -1}),
        (0, {"method": "nearest", "tolerance": [1, 2]}),
        (slice(0, 8), {"method": "nearest"}),
    ],
)
def test_unknown_methods_say_which_exist(label, options):
    with pytest.raises(OptionError, match=r"nearest|at least 0|beside a slice"):
        regular().sel(z=label, **options)


def test_voxel_coords_of_a_grid():
    coords = voxel_coords(Grid((4, 5, 6), (2.96, 4.0, 8.0), (0.0, 2.0, -8.0)))
    assert list(coords) == list(AXES)
    assert coords["z"].values.tolist() == [0.0, 2.96, 5.92, 8.88]
    assert coords["x"].attrs == {"units": "nm", "long_name": "voxel centre, x axis"}
    assert [coords.xindexes[dim].step for dim in AXES] == [2.96, 4.0, 8.0]
    assert all(coords[dim].dtype == np.float64 for dim in AXES)


@pytest.mark.parametrize(
    ("centres", "step", "message"),
    [
        ([0, 8], 0, "voxel size 0.0 nm along 'z'"),
        ([0, 8], -8, "at least 0.001 nm"),
        ([0, 8], math.nan, "finite length"),
        ([0, 8], [8, 8], "one finite length"),
        ([0, math.nan], 8, "1 of them not finite"),
        ([[0, 8]], 8, r"of shape \(1, 2\)"),
    ],
)
def test_impossible_axes_are_refused(centres, step, message):
    with pytest.raises(GeometryError, match=message):
        VoxelIndex.from_centres("z", centres, step)


def test_index_sel_result_is_public_in_xarray():
    # the one type of xarray that an index must return
    assert xr.IndexSelResult({"z": 1}).dim_indexers == {"z": 1}


def test_representations_name_the_voxel_size():
    index = regular().xindexes["z"]
    assert "step=8.0" in repr(index)
    assert index._repr_inline_(70) == "VoxelIndex(step=8 nm)"

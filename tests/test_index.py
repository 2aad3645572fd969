"""VoxelIndex: the laws of `.sel` against a NumPy oracle, and its messages."""

from __future__ import annotations

import math
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pint
import pytest
import xarray as xr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from emcatalog.errors import GeometryError, LabelError, OptionError, UnitError
from emcatalog.geometry import AXES, Grid
from emcatalog.index import VoxelIndex, nanometres, voxel_coords

laws = settings(derandomize=True, deadline=None, max_examples=100)
SIZES = st.sampled_from([2.96, 4.0, 5.24, 8.0, 1.0, 30.0, 1 / 3, 0.5, 3.3])
ORIGINS = st.sampled_from([0.0, 4.0, 1.48, -17.3, 123456.789012])
OTHER = pint.UnitRegistry()


def line(centres, step, dim="z"):
    """Voxels that hold their own position, on one labelled axis."""
    coords = xr.Coordinates.from_xindex(VoxelIndex.from_centres(dim, centres, step))
    return xr.DataArray(np.arange(len(centres)), coords, (dim,))


def regular(count=128, step=8.0, origin=0.0):
    return line(origin + np.arange(count) * step, step)


@st.composite
def lines(draw, most=60):
    return regular(draw(st.integers(1, most)), draw(SIZES), draw(ORIGINS))


def bounds(da):
    """Positions in and near a volume; many lie exactly on a centre or a face."""
    step, labels = da.xindexes["z"].step, da.z.values
    some = list(labels) + list(labels - step / 2) + [labels.max() + step / 2]
    near = st.floats(labels.min() - 3 * step, labels.max() + 3 * step)
    return st.none() | near | st.sampled_from(some)


# scalars


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


# slices


@pytest.mark.parametrize("origin", [0.0, 4.0])
def test_1024_nm_at_8_nm_are_128_voxels(origin):
    assert regular(1000, 8.0, origin).sel(z=slice(0, 1024)).sizes["z"] == 128


@laws
@given(lines(), st.data())
def test_a_slice_is_the_mask_of_centres(da, data):
    start, stop = data.draw(bounds(da)), data.draw(bounds(da))
    step = data.draw(st.sampled_from([None, 1, 2, 3]))
    low = -math.inf if start is None else np.round(start, 6)
    high = math.inf if stop is None else np.round(stop, 6)
    labels, half = da.z.values, da.xindexes["z"].step / 2
    kept = da.values[(labels >= low) & (labels < high)]
    ends = np.round([labels[0] - half, labels[-1] + half], 6)
    if max(low, high) <= ends[0] or min(low, high) >= ends[1]:
        with pytest.raises(LabelError, match="wholly outside"):
            da.sel(z=slice(start, stop, step))
        return
    assert da.sel(z=slice(start, stop, step)).values.tolist() == kept[::step].tolist()


@laws
@given(lines(), st.data())
def test_every_direction_is_half_open_along_its_travel(da, data):
    start, stop = data.draw(bounds(da)), data.draw(bounds(da))
    step = data.draw(st.integers(1, 3))
    values = np.round(da.z.values, 6)
    high = math.inf if start is None else np.round(start, 6)
    low = -math.inf if stop is None else np.round(stop, 6)
    down = da.values[(values > low) & (values <= high)][::-step].tolist()
    try:
        found = da.sel(z=slice(start, stop, -step)).values.tolist()
    except LabelError:
        assert not down
        with pytest.raises(LabelError):
            da[::-1].sel(z=slice(start, stop, step))
        return
    assert found == down
    if da.size > 1:
        assert da[::-1].sel(z=slice(start, stop, step)).values.tolist() == down
        up = da.sel(z=slice(stop, start, step)).values.tolist()
        assert da[::-1].sel(z=slice(stop, start, -step)).values.tolist() == up


@laws
@given(lines(), st.lists(st.floats(0, 1), max_size=6))
def test_tiles_partition_the_axis(da, cuts):
    low, high = da.z.values[0], da.z.values[-1]
    ends = [None, *sorted(low + c * (high - low) for c in cuts), None]
    tiles = [da.sel(z=slice(a, b)) for a, b in pairwise(ends)]
    assert np.concatenate(tiles).tolist() == da.values.tolist()


@laws
@given(lines(), st.integers(0, 99), st.data())
def test_a_shuffled_axis_keeps_its_order(da, seed, data):
    mixed = da[np.random.default_rng(seed).permutation(da.size)]
    index = mixed.indexes["z"]
    assume(not (index.is_monotonic_increasing or index.is_monotonic_decreasing))
    start, stop = sorted(data.draw(st.tuples(*[st.sampled_from(da.z.values)] * 2)))
    labels = mixed.z.values
    up = mixed.values[(labels >= start) & (labels < stop)]
    assert mixed.sel(z=slice(start, stop)).values.tolist() == up.tolist()
    down = mixed.values[(labels > start) & (labels <= stop)][::-2]
    assert mixed.sel(z=slice(stop, start, -2)).values.tolist() == down.tolist()


def test_a_descending_axis_is_walked_downwards():
    down = regular(100)[::-1]
    found = down.sel(z=slice(200, 100)).z.values
    assert (found[0], found[-1]) == (200, 104)
    assert down.sel(z=slice(100, 200)).size == 0
    assert regular(100).sel(z=slice(200, 100)).size == 0


def test_slices_that_stick_out_are_cut_and_empty_ones_inside_are_empty():
    da = regular()
    assert da.sel(z=slice(-1e6, 1e6)).sizes == da.sizes
    assert da.sel(z=slice(100, 100)).size == 0
    assert da.sel(z=slice(101, 103)).size == 0


@pytest.mark.parametrize(
    "bounds", [(2000, 3000), (1020, None), (None, -4), (-900, -800), (3000, 2000)]
)
def test_a_slice_wholly_outside_names_the_extent(bounds):
    match = r"slice along 'z' from .* wholly outside.*overlaps -4 nm to 1020 nm.*Try:"
    with pytest.raises(LabelError, match=match):
        regular().sel(z=slice(*bounds))


@pytest.mark.parametrize("step", [0, 2.0, "8 nm", True, OTHER.Quantity(8, "nm")])
def test_a_slice_step_counts_voxels(step):
    with pytest.raises(OptionError, match=r"whole number|or more"):
        regular().sel(z=slice(0, 100, step))


def test_bad_ends_of_slices():
    with pytest.raises(LabelError, match="None leaves an end open"):
        regular().sel(z=slice(0, math.inf))
    with pytest.raises(OptionError, match="2 labels as one end of a slice"):
        regular().sel(z=slice([0, 8], 100))


# arrays


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


# nearest


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


# units


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("1.2 um", 1200),
        ("1 µm", 1000),
        ("1 μm", 1000),
        ("500 nm", 500),
        ("500nm", 500),
        (" 2 micrometer ", 2000),
        ("2 micrometres", 2000),
        ("1e-3 mm", 1000),
        ("-.5 micron", -500),
        ("80 Å", 8),
    ],
)
def test_texts_with_a_unit(text, length):
    assert nanometres(text) == pytest.approx(length, abs=1e-9)
    assert regular(500, 8.0, -1000.0).sel(z=text).z == 8 * ((length + 4) // 8)


@pytest.mark.parametrize("registry", [OTHER, pint.get_application_registry()])
def test_quantities_of_any_registry(registry):
    da = regular()
    assert da.sel(z=0.030 * registry.um) == 4
    assert da.sel(z=0.030 * registry.um, method="nearest") == 4
    window = slice(0.1 * registry.um, 200 * registry.nm)
    assert da.sel(z=window).equals(da.sel(z=slice(100, 200)))
    assert da.sel(z=slice("0.1 um", None)).equals(da.sel(z=slice(100, None)))
    many = registry.Quantity([0.0, 0.008], "um")
    assert da.sel(z=many).values.tolist() == [0, 1]
    assert da.sel(z=[0 * registry.nm, "8 nm", 16]).values.tolist() == [0, 1, 2]
    assert da.sel(z=np.array(["8 nm", "0.1 um"])).values.tolist() == [1, 13]
    assert da.sel(z=xr.Variable("p", many)).values.tolist() == [0, 1]


def test_registries_of_other_numbers():
    exact = pint.UnitRegistry(non_int_type=Decimal)
    assert nanometres(exact.Quantity(Decimal("1.2"), "um")) == 1200


class Astronomical(float):
    unit = "kpc"


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("5 s", r"'5 s', of dimension \[time\]; expected a number in nanometres"),
        (OTHER.Quantity(5, "nm**2"), r"of dimension \[length\] \*\* 2"),
        (OTHER.Quantity(5), "of dimension dimensionless"),
        ("100", "without a unit.*Try: the number 100, or '100 nm'"),
        ("12 voxels", "unknown unit 'voxels'.*isel counts voxels"),
        ("4 pixel", r"of dimension \[printing_unit\]"),
        ("", "not a number and one unit"),
        ("um", "not a number and one unit"),
        ("1 nm + 1 nm", "not a number and one unit"),
        ("2 nm**99999999", "not a number and one unit"),
        ("9" * 1000 + " nm", r"'9{63}\.\.\., a text that is not"),
        (True, "a truth value or a mask"),
        (np.array([True, False]), "use .isel or .where for a mask"),
        (1j, "of type complex"),
        (None, "of type NoneType"),
        ({"a": 1}, "of type dict"),
        (np.datetime64("2020-01-01"), "of type datetime64"),
        ([1, [2, 3]], "lists of different lengths"),
        (Astronomical(3), "a quantity of another library"),
    ],
)
def test_what_is_no_length(label, message):
    with pytest.raises(UnitError, match=message):
        regular(2).sel(z=label)


# construction


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

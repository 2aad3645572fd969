"""VoxelIndex: which voxels a slice selects, against the mask of a NumPy oracle."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pint
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from emcatalog.errors import LabelError, OptionError
from voxel_lines import laws, lines, regular

OTHER = pint.UnitRegistry()


def bounds(da):
    """Positions in and near a volume; many lie exactly on a centre or a face."""
    step, labels = da.xindexes["z"].step, da.z.values
    some = list(labels) + list(labels - step / 2) + [labels.max() + step / 2]
    near = st.floats(labels.min() - 3 * step, labels.max() + 3 * step)
    return st.none() | near | st.sampled_from(some)


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

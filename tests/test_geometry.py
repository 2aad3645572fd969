"""Grid and Region against a NumPy oracle: a volume small enough to count voxels."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emcatalog.errors import GeometryError
from emcatalog.geometry import DIGITS, Grid, Region

laws = settings(derandomize=True, deadline=None, max_examples=100)
SIZES = st.sampled_from([2.96, 4.0, 5.24, 8.0, 1.0, 30.0, 1 / 3, 0.5, 3.3])
ORIGINS = st.sampled_from([0.0, 4.0, 1.48, -17.3, 123456.789012])
INDEX = st.integers(0, 12)
TRIPLE = st.tuples(INDEX, INDEX, INDEX)


@st.composite
def regions(draw):
    pairs = [sorted([draw(INDEX), draw(INDEX)]) for _ in range(3)]
    return Region(tuple(a for a, _ in pairs), tuple(b for _, b in pairs))


@st.composite
def grids(draw):
    shape = tuple(draw(st.integers(1, 40)) for _ in range(3))
    size = tuple(draw(SIZES) for _ in range(3))
    return Grid(shape, size, tuple(draw(ORIGINS) for _ in range(3)))


def painted(region):
    """The voxels of a region in a volume of 13 x 13 x 13."""
    volume = np.zeros((13, 13, 13), int)
    volume[region.slices] += 1
    return volume


@laws
@given(regions())
def test_shape_and_size_are_those_of_the_selected_voxels(region):
    part = np.zeros((13, 13, 13))[region.slices]
    assert region.shape == part.shape
    assert region.size == part.size


@laws
@given(regions(), regions())
def test_intersection_is_the_voxels_of_both(a, b):
    assert np.array_equal(painted(a.intersect(b)), painted(a) & painted(b))
    assert a.intersect(b).size == b.intersect(a).size
    assert a.intersect(a) == a


@laws
@given(regions(), st.tuples(*[st.integers(1, 7)] * 3))
def test_tiles_partition_a_region_along_the_lattice(region, shape):
    seen = np.zeros((13, 13, 13), int)
    for tile in region.tiles(shape):
        assert tile.size
        cells = zip(tile.start, tile.stop, shape, strict=True)
        assert all(a // n == (b - 1) // n for a, b, n in cells)
        seen += painted(tile)
    assert np.array_equal(seen, painted(region))


@laws
@given(regions(), TRIPLE)
def test_relative_to_keeps_the_shape_and_moves_the_start(region, corner):
    if any(c > a for c, a in zip(corner, region.start, strict=True)):
        with pytest.raises(GeometryError, match="indices count from 0"):
            region.relative_to(corner)
        return
    moved = region.relative_to(corner)
    assert moved.shape == region.shape
    assert moved.start == tuple(np.subtract(region.start, corner))


@pytest.mark.parametrize(
    ("start", "stop"), [((-1, 0, 0), (1, 1, 1)), ((2, 0, 0), (1, 1, 1))]
)
def test_impossible_regions_are_refused(start, stop):
    with pytest.raises(GeometryError, match="0 <= start <= stop"):
        Region(start, stop)


@laws
@given(grids(), st.integers(0, 2))
def test_centres_are_origin_plus_voxels(grid, axis):
    centres = grid.centres(axis)
    exact = [
        round(grid.origin[axis] + i * grid.voxel_size[axis], DIGITS)
        for i in range(grid.shape[axis])
    ]
    assert centres.dtype == np.float64
    assert np.allclose(centres, exact, rtol=0, atol=1.01e-6)
    assert (np.diff(centres) > 0).all()


@laws
@given(grids(), st.integers(0, 2))
def test_edges_are_half_a_voxel_beyond_the_centres(grid, axis):
    low, high = grid.edges(axis)
    centres, half = grid.centres(axis), grid.voxel_size[axis] / 2
    assert low == pytest.approx(centres[0] - half, abs=2e-6)
    assert high == pytest.approx(centres[-1] + half, abs=2e-6)
    assert high - low == pytest.approx(grid.extent[axis], abs=2e-6)


@laws
@given(grids(), st.data())
def test_covering_is_the_mask_of_centres(grid, data):
    bounds = st.floats(-2e2, 2e2) | st.sampled_from([-math.inf, math.inf])
    low = tuple(grid.origin[a] + data.draw(bounds) for a in range(3))
    high = tuple(grid.origin[a] + data.draw(bounds) for a in range(3))
    region = grid.covering(low, high)
    for axis in range(3):
        centres = grid.centres(axis)
        inside = (centres >= round(low[axis], DIGITS)) & (
            centres < round(high[axis], DIGITS)
        )
        assert np.array_equal(np.flatnonzero(inside), np.arange(*_ends(region, axis)))


def _ends(region, axis):
    return region.start[axis], region.stop[axis]


@laws
@given(grids(), st.data())
def test_boxes_that_share_a_face_share_no_voxel(grid, data):
    low, high = grid.edges(0)
    cut = data.draw(st.floats(low, high) | st.sampled_from(list(grid.centres(0))))
    rest = [grid.edges(1), grid.edges(2)]
    below = grid.covering((low, *(a for a, _ in rest)), (cut, *(b for _, b in rest)))
    above = grid.covering((cut, *(a for a, _ in rest)), (high, *(b for _, b in rest)))
    assert below.stop[0] == above.start[0]
    assert below.size + above.size == grid.region.size


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((0, 1, 1), (1.0, 1.0, 1.0)), "at least one voxel"),
        (((1, 1, 1), (1.0, 0.0, 1.0)), "three positive lengths"),
        (((1, 1, 1), (1.0, math.nan, 1.0)), "three positive lengths"),
        (((1, 1, 1), (1.0, math.inf, 1.0)), "three positive lengths"),
        (((1, 1, 1), (1.0, 1.0, 1.0), (0.0, math.nan, 0.0)), "three finite positions"),
        (((1, 1), (1.0, 1.0, 1.0)), "three numbers: z, y, x"),
        (((1, 1, 1), (1.0, 1.0)), "three numbers: z, y, x"),
    ],
)
def test_impossible_grids_are_refused(arguments, message):
    with pytest.raises(GeometryError, match=message):
        Grid(*arguments)


def test_values_are_hashable_and_pickle():
    grid = Grid((2, 3, 4), (2.96, 4.0, 4.0))
    assert pickle.loads(pickle.dumps(grid)) == grid
    assert len({grid.region, Region((0, 0, 0), (2, 3, 4))}) == 1


def test_a_negative_zero_origin_is_zero():
    assert np.signbit(Grid((1, 1, 1), (1.0,) * 3, (-0.0,) * 3).centres(0)).sum() == 0


@pytest.mark.parametrize("shape", [(0, 1, 1), (1, -2, 1)])
def test_tiles_without_voxels_are_refused(shape):
    with pytest.raises(GeometryError, match="at least one voxel"):
        list(Region((0, 0, 0), (2, 2, 2)).tiles(shape))


def test_a_box_must_have_numbers_as_bounds():
    grid = Grid((2, 2, 2), (8.0, 8.0, 8.0))
    with pytest.raises(GeometryError, match="bounds that are numbers"):
        grid.covering((math.nan, 0.0, 0.0), (8.0, 8.0, 8.0))
    everything = grid.covering((-math.inf,) * 3, (math.inf,) * 3)
    assert everything == grid.region

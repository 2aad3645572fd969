"""Splits: parts that share no voxel, and lie as far apart as was asked."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from block_volumes import Sparse, labelled, lazy, numbered
from emcatalog.blocks import Points, Random, Stratified, Tiles, members, plan, split
from emcatalog.errors import GeometryError, LabelError, OptionError, UnitError
from emcatalog.geometry import AXES, Grid, Region

GRID = Grid((60, 24, 24), (5.0, 4.0, 4.0), (1000.0, 0.0, 0.0))
PARTS = {"train": 8, "validation": 1, "test": 1}


@given(
    st.lists(st.floats(0.01, 100), min_size=1, max_size=5),
    st.floats(0, 200),
    st.integers(1, 300),
    st.floats(1, 50),
    st.sampled_from(AXES),
)
def test_parts_lie_apart(
    sizes: list[float], buffer: float, count: int, step: float, axis: str
) -> None:
    number = AXES.index(axis)
    shape, steps = [2, 2, 2], [3.0, 3.0, 3.0]
    shape[number], steps[number] = count, step
    grid = Grid((shape[0], shape[1], shape[2]), (steps[0], steps[1], steps[2]))
    parts = {f"p{i}": size for i, size in enumerate(sizes)}
    try:
        told = split(labelled(grid), parts, buffer, axis)
    except GeometryError:
        assume(False)
    assert list(told) == list(parts)
    found = [part.within for (part,) in told.values()]
    ends = [(w.start[number], w.stop[number]) for w in found]
    gaps = [b[0] - a[1] for a, b in itertools.pairwise(ends)]
    assert ends[0][0] == 0
    assert ends[-1][1] == count
    assert all(gap * step >= buffer - 1e-5 for gap in gaps)
    assert all((gap - 1) * step < buffer for gap in gaps if gap)
    left = count - sum(gaps)
    for (low, high), size in zip(ends, sizes, strict=True):
        assert abs((high - low) - left * size / sum(sizes)) <= 1
    for axis_number in {0, 1, 2} - {number}:
        assert all(w.shape[axis_number] == 2 for w in found)


def test_a_part_never_shows_another() -> None:
    """Whatever is asked of the test part: it reads no voxel of the training part."""
    volume = Sparse(GRID, numbered(GRID.shape))
    parts = split({"v": lazy(volume)}, PARTS, "30 nm")
    (test,) = parts["test"]
    low, high = test.within.start[0], test.within.stop[0]
    assert parts["train"][0].within.stop[0] <= low - 6
    ways: list[Any] = [
        Random(50),
        Stratified(50),
        Tiles(halo=1),
        Tiles(halo=2, edge="pad"),
        Points({"v": [(1000 + 5 * low, 40, 40)]}),
    ]
    for way in ways:
        volume.seen.clear()
        for block in plan(test, 8, way, pad="reflect"):
            place = block.place
            inside = np.arange(place.start[0], place.stop[0])
            expected = (inside >= low) & (inside < high)
            np.testing.assert_array_equal(block.mask.any((1, 2)), expected)
        assert all(r.start[0] >= low and r.stop[0] <= high for r in volume.seen)


def test_voxels_and_boxes_are_those_of_the_whole() -> None:
    source = labelled(GRID)
    for parts in split(source, PARTS, 10).values():
        made = plan(parts, 4, Random(20))
        for block in made:
            cut = tuple(map(slice, block.place.start, block.place.stop))
            np.testing.assert_array_equal(block.data, source.values[cut])
            np.testing.assert_array_equal(block.to_xarray().z, source.z[cut[0]])


def test_points_of_a_part() -> None:
    train, test = split(labelled(GRID), {"train": 1, "test": 1}, "50 nm").values()
    centre = [(1100, 40, 40)]
    assert plan(train, 4, Points(centre)).place(0).start == (18, 8, 8)
    with pytest.raises(LabelError, match="sticks out along 'z'"):
        plan(test, 4, Points(centre))


def test_each_dataset_is_cut_along_its_longest_axis_in_nm() -> None:
    arrays = {
        "tall": labelled(GRID),
        "wide": labelled(Grid((60, 24, 24), (4.0, 4.0, 20.0))),
    }
    parts = split(arrays, {"a": 1, "b": 1}, 40)
    assert [m.within for m in parts["a"]] == [
        Region((0, 0, 0), (26, 24, 24)),
        Region((0, 0, 0), (60, 24, 11)),
    ]
    again = split(parts["a"], {"c": 1, "d": 3}, axis="y")
    assert again["d"][1].within == Region((0, 6, 0), (60, 24, 11))
    assert [m.name for m in members(again["d"])] == ["tall", "wide"]


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"buffer": "1 um"}, GeometryError, "v: got 60 voxels along 'z', for 3 parts"),
        ({"axis": "y", "buffer": 48}, GeometryError, "a smaller buffer, another axis"),
        ({"axis": "c"}, OptionError, "got axis='c'; expected 'z', 'y' or 'x'"),
        ({"parts": {}}, OptionError, "a positive size for each name"),
        ({"parts": {"a": 1, "b": 0}}, OptionError, "a positive size for each name"),
        ({"parts": {"a": 1, "b": "x"}}, OptionError, "a positive size for each name"),
        ({"buffer": -1}, UnitError, "buffer=-1"),
        ({"buffer": [1, 2]}, UnitError, "one length of at least 0"),
    ],
)
def test_splits_that_cannot_be(options: Any, kind: Any, message: str) -> None:
    with pytest.raises(kind) as caught:
        split({"v": labelled(GRID)}, **{"parts": PARTS, **options})
    assert message in str(caught.value)


def test_a_block_larger_than_its_part_is_told() -> None:
    parts = split({"v": labelled(GRID)}, PARTS)
    with pytest.raises(GeometryError, match=r"in 6 x 24 x 24 .* size=\(6, 8, 8\)"):
        plan(parts["test"], 8)

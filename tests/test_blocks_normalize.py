"""Statistics: bounded, exact, seen once, kept; and values on one scale."""

from __future__ import annotations

import itertools
import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from block_levels import FINE, levels, shown
from block_volumes import Sparse, labelled, lazy, sparse
from emcatalog.blocks import (
    Block,
    Counter,
    LocalContrast,
    Normalize,
    Random,
    measure,
    plan,
    read_statistics,
    write_statistics,
)
from emcatalog.blocks.coarse import looks
from emcatalog.blocks.contrast import box_sum
from emcatalog.blocks.members import Channel
from emcatalog.blocks.statistics import sample
from emcatalog.errors import ContentError, FormatError, MissingError, OptionError
from emcatalog.geometry import Grid, Region

SHAPE = FINE.shape
SIDE = st.integers(1, 30)


def drawn(dtype: Any = np.uint8, shape: Any = SHAPE) -> Any:
    return np.random.default_rng(1).integers(3, 200, shape).astype(dtype)


@pytest.mark.parametrize("dtype", ["u1", ">u2", "i4", "f4", "f8"])
def test_statistics_are_those_of_numpy(dtype: str) -> None:
    voxels = drawn(dtype)
    told = measure({"a": labelled(FINE, voxels)})["a"]
    assert told.mean == pytest.approx(voxels.mean(), rel=1e-11)
    assert told.std == pytest.approx(voxels.std(), rel=1e-11)
    assert (told.low, told.high) == (voxels.min(), voxels.max())
    for percent, value in told.percentiles:
        assert value == pytest.approx(np.percentile(voxels, percent), rel=1e-11)
    assert told.percentile(50) == pytest.approx(np.median(voxels))
    assert (told.voxels, told.left_out, told.share) == (voxels.size, 0, 1)


@pytest.mark.parametrize("dtype", ["f4", "u1"])
def test_what_is_missing_does_not_count(dtype: str) -> None:
    voxels = drawn(dtype)
    if dtype == "f4":
        voxels[2], voxels[3], voxels[4, 0, 0] = np.nan, np.inf, -np.inf
    absent = frozenset({(2, 0, 0), (2, 3, 4)})
    volume = replace(sparse(absent=absent), whole=voxels)
    real = volume.held(volume.grid.region) & np.isfinite(voxels)
    told = measure({"a": lazy(volume)})["a"]
    assert told.mean == pytest.approx(voxels[real].mean(dtype=float), rel=1e-11)
    assert told.high == voxels[real].max()
    assert told.voxels == real.sum()
    assert told.left_out == (~real).sum()


def test_the_finest_level_that_is_small_enough_is_looked_at() -> None:
    wholes = [drawn(), drawn(shape=(6, 8, 10)) + 1, drawn(shape=(3, 4, 5)) + 2]
    for limit, level in ((10**6, 0), (3839, 1), (480, 1), (479, 2)):
        volumes = levels(*wholes)
        told = measure({"a": shown(volumes, "image")}, nbytes=limit)["a"]
        assert told.level == level
        assert told.voxel_size == volumes[level].grid.voxel_size
        assert told.mean == pytest.approx(wholes[level].mean(), rel=1e-11)
        read = [sum(region.size for region in v.seen) for v in volumes]
        assert read == [v.whole.size if v is volumes[level] else 0 for v in volumes]


def test_a_crop_is_looked_at_alone() -> None:
    volumes = levels(drawn(), drawn(shape=(6, 8, 10)))
    cut = shown(volumes, "image").isel(z=slice(4, 8), y=slice(2, 9), x=slice(6, None))
    told = measure({"a": cut}, nbytes=300)["a"]
    part = volumes[1].whole[2:4, 1:5, 3:]
    assert (told.level, told.voxels) == (1, part.size)
    assert told.mean == pytest.approx(part.mean(), rel=1e-11)
    moved = cut.assign_coords(z=cut.z + 4)  # its levels tell other nanometres now
    assert measure({"a": moved}, nbytes=300)["a"].level == 0


@settings(max_examples=50, deadline=None)
@given(st.tuples(SIDE, SIDE, SIDE), st.integers(1, 4000), st.data())
def test_a_sample_is_bounded_and_lies_evenly(
    shape: Any, limit: int, data: st.DataObject
) -> None:
    start = tuple(data.draw(st.integers(0, n - 1)) for n in shape)
    volume = Sparse(Grid(shape, (8.0, 4.0, 4.0)))
    channel = Channel(volume, (0, 0, 0), "x")
    (look,) = looks(channel, volume.grid, Region(start, shape))
    pieces = sample(look, limit)
    assert pieces == sample(look, limit)
    assert len(set(pieces)) == len(pieces)
    assert sum(p.size for p in pieces) <= max(limit, 64)
    seen = np.zeros(shape, int)
    for piece in pieces:
        assert piece.size
        assert all(a >= b for a, b in zip(piece.start, start, strict=True))
        seen[piece.slices] += 1
    assert seen.max() == 1
    if limit >= look.region.size:
        assert seen[look.region.slices].all()


def test_a_volume_without_coarse_levels_is_looked_at_in_part() -> None:
    grid = Grid((4000, 4000, 4000), (8.0, 8.0, 8.0))
    volume = Sparse(grid, chunks=(64, 64, 64))
    with pytest.raises(OptionError, match=r"all 16\d{6} voxels that were looked at"):
        plan({"a": lazy(volume)}, 8, normalize="zscore")
    assert 0.9 * 2**24 < sum(region.size for region in volume.seen) <= 2**24
    for axis in range(3):
        starts = {region.start[axis] // 1000 for region in volume.seen}
        assert starts == {0, 1, 2, 3}


def test_statistics_are_looked_up_once() -> None:
    volumes = levels(drawn(), drawn(shape=(6, 8, 10)))
    arrays = {"a": shown(volumes, "image")}
    made = plan(arrays, 4, Random(20), normalize="percentile")
    before = len(volumes[0].seen)
    blocks = [made[i].data for i in range(20)]
    assert len(volumes[0].seen) - before == 20
    again = pickle.loads(pickle.dumps(made))
    for index, data in enumerate(blocks):
        np.testing.assert_array_equal(again[index].data, data)


def test_statistics_are_written_and_read(tmp_path: Path) -> None:
    told = measure({"a": labelled(FINE), "b": labelled(FINE, drawn())}, [0.3, 99])
    path = tmp_path / "statistics.json"
    write_statistics(path, told)
    assert read_statistics(path) == told
    assert pickle.loads(pickle.dumps(told)) == told
    document = json.loads(path.read_text("utf-8"))
    assert document["b"]["level"] == 0
    assert len(document["b"]["sha256"]) == 64
    assert document["b"]["sha256"] != document["a"]["sha256"]
    for name, value in (
        ("mean", "much"),
        ("voxels", 1.5),
        ("voxel_size", [1, 2]),
        ("percentiles", [[1, 2, 3]]),
        ("percentiles", [[1, None]]),
        ("time", 7),
        ("std", None),
    ):
        path.write_text(json.dumps({"a": {**document["a"], name: value}}), "utf-8")
        with pytest.raises(FormatError, match=name):
            read_statistics(path)
    path.write_text("<html>")
    with pytest.raises(ContentError):
        read_statistics(path)


def block_of(voxels: Any, **options: Any) -> Block:
    return plan({"a": labelled(FINE, voxels)}, SHAPE, Random(1), **options)[0]


def test_percentiles_and_deviations() -> None:
    voxels = drawn("i2")
    low, high = np.percentile(voxels, [1, 99])
    data = block_of(voxels, normalize="percentile").data
    assert data.dtype == np.float32
    expected = np.clip((voxels - low) / (high - low), 0, 1)
    np.testing.assert_allclose(data, expected, atol=1e-6)
    data = block_of(voxels, normalize="zscore").data
    np.testing.assert_allclose(data, (voxels - voxels.mean()) / voxels.std(), atol=1e-5)
    told = measure({"a": labelled(FINE, voxels)})
    as_bytes = Normalize(told, low=0.5, high=99.5, dtype="uint8")
    data = block_of(voxels, normalize=as_bytes).data
    low, high = np.percentile(voxels, [0.5, 99.5])
    assert data.dtype == np.uint8
    expected = np.rint(np.clip((voxels - low) / (high - low), 0, 1) * 255)
    assert np.abs(data - expected).max() <= 1
    wide = Normalize(told, clip=False)
    assert block_of(voxels, normalize=wide).data.max() > 1
    for known in (told, told["a"]):
        np.testing.assert_array_equal(
            block_of(voxels, normalize=known).data,
            block_of(voxels, normalize="percentile").data,
        )


def test_large_numbers_keep_their_digits() -> None:
    voxels = drawn("u4") + np.uint32(2**31)
    data = block_of(voxels, normalize="zscore").data
    np.testing.assert_allclose(data, (voxels - voxels.mean()) / voxels.std(), atol=1e-4)


def test_no_numbers_become_zero_where_the_mask_says_so() -> None:
    voxels = drawn(np.float32)
    voxels[0, 0, 0], voxels[1, 1, 1] = np.nan, np.inf
    block = block_of(voxels, normalize="zscore", missing="mask")
    assert block.data[0, 0, 0] == 0
    assert not block.mask[0, 0, 0]
    assert np.argwhere(np.isinf(block.data)).tolist() == [[1, 1, 1]]  # it is stored
    block = block_of(voxels, normalize="zscore", missing="fill")
    assert np.isnan(block.data[0, 0, 0])


def test_riders_stay_as_they_are() -> None:
    arrays = {"image": labelled(FINE), "labels": labelled(FINE, drawn())}
    block = plan({"a": arrays}, 4, Random(3), normalize="percentile")[1]
    plain = plan({"a": arrays}, 4, Random(3))[1]
    np.testing.assert_array_equal(block.riders["labels"], plain.riders["labels"])
    assert block.riders["labels"].dtype == np.uint8
    assert plain.data.dtype == np.uint32  # nobody asked for another


ZEROS = np.zeros(SHAPE, np.uint8)
MOSTLY = ZEROS.copy()
MOSTLY[0, 0, :5] = 9


@pytest.mark.parametrize(
    ("voxels", "normalize", "error", "message"),
    [
        (ZEROS, "percentile", OptionError, "all 3840 voxels that were looked at are 0"),
        (ZEROS, "zscore", OptionError, "Try: leave the dataset out"),
        (
            MOSTLY,
            "percentile",
            OptionError,
            "got 0 as percentile 1 and 99",
        ),
        (ZEROS * np.nan, "zscore", MissingError, "no value in 3840 voxels on level 0"),
        (MOSTLY, "minmax", OptionError, "got normalize='minmax'"),
        (MOSTLY, {}, OptionError, "no statistics of a"),
    ],
)
def test_volumes_without_a_scale(
    voxels: Any, normalize: Any, error: Any, message: str
) -> None:
    with pytest.raises(error) as caught:
        plan({"a": labelled(FINE, voxels)}, 4, normalize=normalize)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"low": 99, "high": 1}, "expected 0 <= low < high <= 100"),
        ({"low": 0.005, "high": 101}, "0.5 and 99.5, not 0.005"),
        ({"low": float("nan")}, "expected 0 <= low < high <= 100"),
        ({"low": 7}, "got percentile 7; expected one of 0, 0.1"),
        ({"how": "max"}, "got 'max'; expected 'percentile', 'zscore'"),
        ({"how": "zscore", "dtype": "uint8"}, "whole numbers with clipped"),
        ({"dtype": "bool"}, "dtype='bool'"),
        ({"dtype": "small"}, "dtype='small'"),
    ],
)
def test_scales_that_cannot_be(options: Any, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        Normalize(measure({"a": labelled(FINE)}), **options)
    assert message in str(caught.value)


def test_statistics_that_cannot_be() -> None:
    for percents in ([], [-1], [101], ["x"], [float("nan")], 5):
        with pytest.raises(OptionError, match="numbers from 0 to 100"):
            measure(labelled(FINE), percents)
    made = plan({"a": labelled(FINE)}, 4)
    step = Normalize(measure({"b": labelled(FINE)}))
    with pytest.raises(OptionError, match="a: got a dataset without statistics"):
        made.then(step)[0]


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(*[st.integers(1, 6)] * 3),
    st.tuples(*[st.integers(0, 4)] * 3),
    st.integers(0, 99),
)
def test_box_sums_are_sums_of_boxes(shape: Any, reach: Any, seed: int) -> None:
    data = np.random.default_rng(seed).integers(0, 9, shape).astype(float)
    found = box_sum(data, reach)
    for place in itertools.product(*map(range, shape)):
        box = tuple(
            slice(max(0, i - r), i + r + 1) for i, r in zip(place, reach, strict=True)
        )
        assert found[place] == data[box].sum()


def test_local_contrast_is_that_of_the_real_voxels_around() -> None:
    voxels = drawn(np.float32)
    voxels[1, 2, 3] = np.nan
    step = LocalContrast((3, 5, "20 nm"), floor=0.25)
    block = block_of(voxels, missing="mask")
    made = step(block, Counter(0, 0, 0))
    real = np.isfinite(voxels)
    for place in [(0, 0, 0), (1, 2, 4), (5, 7, 9), (11, 15, 19)]:
        box = tuple(
            slice(max(0, i - r), i + r + 1)
            for i, r in zip(place, (1, 2, 2), strict=True)
        )
        near = voxels[box][real[box]].astype(float)
        floor = 0.25 * voxels[real].std(dtype=float)
        expected = (voxels[place] - near.mean()) / (near.std() + floor)
        assert made.data[place] == pytest.approx(expected, rel=1e-4)
    assert made.data[1, 2, 3] == 0
    assert made.data.dtype == np.float32
    flat = step(block_of(ZEROS), Counter(0, 0, 0))
    assert not flat.data.any()
    shifted = step(block_of(drawn("u2") + np.uint16(5000)), Counter(0, 0, 0))
    np.testing.assert_allclose(
        shifted.data, step(block_of(drawn("u2")), Counter(0, 0, 0)).data, atol=1e-5
    )
    with pytest.raises(OptionError, match="floor=0"):
        LocalContrast(floor=0)

"""Resampling: what NumPy and xarray say of it, and pieces that equal the whole."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from block_volumes import labelled, lazy, sparse
from emcatalog.blocks import Member, Random, Tiles, members, plan, split
from emcatalog.catalog import open_catalog
from emcatalog.errors import GeometryError, OptionError
from emcatalog.geometry import Grid, Region
from emcatalog.index import voxel_coords
from emcatalog.mirror import use_mirror

STEPS = st.tuples(*[st.sampled_from([1.0, 2.0, 2.5, 3.0, 7.0])] * 3)
SHAPE = (7, 9, 8)


def image(grid: Grid, voxels: Any) -> xr.DataArray:
    """An array that says that it is an image."""
    return xr.DataArray(voxels, voxel_coords(grid), attrs={"kind": "image"})


def random(grid: Grid, dtype: Any, seed: int = 0) -> Any:
    values = np.random.default_rng(seed).uniform(1, 250, grid.shape)
    return values.astype(dtype)


def mean_over(voxels: Any, old: Grid, new: Grid, axis: int) -> Any:
    """The mean of a line of voxels over new ones, by its integral; or np.interp."""
    places = new.origin[axis] + np.arange(new.shape[axis]) * new.voxel_size[axis]
    if new.voxel_size[axis] <= old.voxel_size[axis]:
        at = old.origin[axis] + np.arange(old.shape[axis]) * old.voxel_size[axis]
        return np.apply_along_axis(lambda f: np.interp(places, at, f), axis, voxels)
    low, half = old.edges(axis)[0], new.voxel_size[axis] / 2
    faces = low + np.arange(old.shape[axis] + 1) * old.voxel_size[axis]

    def mean(line: Any) -> Any:
        integral = np.concatenate([[0], np.cumsum(line)]) * old.voxel_size[axis]
        ends = [np.interp(places + side, faces, integral) for side in (-half, half)]
        return (ends[1] - ends[0]) / (2 * half)

    return np.apply_along_axis(mean, axis, voxels)


def whole(member: Member) -> Any:
    return member.image.read(member.grid.region)


@settings(max_examples=40)
@given(STEPS, STEPS)
def test_images_are_interpolated_and_averaged(old: Any, new: Any) -> None:
    grid = Grid(SHAPE, old, (5.0, -3.0, 0.0))
    voxels = random(grid, np.float64)
    (member,) = members(image(grid, voxels), new, resample=True)
    assert member.grid.voxel_size == new
    for axis in range(3):
        before, after = grid.edges(axis), member.grid.edges(axis)
        assert after[0] == pytest.approx(before[0])
        if member.grid.shape[axis] > 1:
            assert before[1] - new[axis] < after[1] <= before[1] + 1e-6
    if all(n * s >= t for n, s, t in zip(SHAPE, old, new, strict=True)):
        expected = voxels
        for axis in range(3):
            expected = mean_over(expected, grid, member.grid, axis)
        np.testing.assert_allclose(whole(member), expected, rtol=1e-5)


@settings(max_examples=40)
@given(STEPS, STEPS)
def test_labels_are_those_of_the_voxel_that_contains_the_centre(
    old: Any, new: Any
) -> None:
    grid = Grid(SHAPE, old, (5.0, -3.0, 0.0))
    source = labelled(grid)
    (member,) = members(source, new, resample=True)
    inside = member.within
    coords = voxel_coords(member.grid)
    cut = {d: coords[d].values[s] for d, s in zip("zyx", inside.slices, strict=True)}
    np.testing.assert_array_equal(member.image.read(inside), source.sel(cut))


@pytest.mark.parametrize("kind", ["image", ""])
@pytest.mark.parametrize("dtype", ["u1", "i2", "f4", "f8"])
def test_pieces_are_the_whole_to_the_last_bit(kind: str, dtype: str) -> None:
    grid = Grid((20, 24, 28), (7.0, 4.0, 4.0))
    source = image(grid, random(grid, dtype)).assign_attrs(kind=kind)
    made = plan(source, (5, 6, 7), Tiles(halo=1), voxel_size=5, resample=True)
    expected = whole(made.members[0])
    assert expected.dtype == np.dtype(dtype)
    for _, block in pickle.loads(pickle.dumps(made)).read_many(range(len(made))):
        cut = tuple(map(slice, block.place.start, block.place.stop))
        np.testing.assert_array_equal(block.data, expected[cut])
        assert block.place.voxel_size == (5.0, 5.0, 5.0)
        assert block.data.flags.c_contiguous


def test_whole_numbers_are_rounded_and_keep_their_range() -> None:
    grid = Grid((8, 8, 8), (4.0, 4.0, 4.0))
    for value in (0, 1, 255):
        source = image(grid, np.full(grid.shape, value, np.uint8))
        for size in (3.0, 4.3, 9.0):
            (member,) = members(source, size, resample=True)
            assert (whole(member) == value).all()
    pairs = image(grid, np.tile(np.array([0, 255], np.uint8), (8, 8, 4)))
    (member,) = members(pairs, (4, 4, 8), resample=True)
    assert set(whole(member).ravel().tolist()) == {128}


def test_voxels_that_are_of_this_size_are_read_as_they_are() -> None:
    source = lazy(sparse())
    (plain,), (same,) = members(source), members(source, (8, 4, 4), resample=True)
    assert same.image.volume is plain.image.volume
    assert members(source, 4)[0].grid.voxel_size == (8.0, 4.0, 4.0)


@pytest.mark.parametrize("size", [(8.0, 8.0, 8.0), (16.0, 2.0, 4.0), (8.0, 4.0, 4.0)])
def test_labels_of_other_voxels_ride_along_when_asked(size: Any) -> None:
    ours = Grid((12, 16, 20), (8.0, 4.0, 4.0))
    theirs = Grid((5, 7, 9), size, (10.0, 9.0, 13.0))
    arrays = {"d": {"image": labelled(ours), "labels": labelled(theirs)}}
    with pytest.raises(GeometryError, match="resample=True"):
        members(arrays)
    made = plan(arrays, (2, 3, 4), Random(30), resample=True)
    for block in made:
        told = block.to_xarray()
        labels = labelled(theirs).sel({d: told[d].values for d in "zyx"})
        np.testing.assert_array_equal(told.labels, labels)
        np.testing.assert_array_equal(
            told.image, labelled(ours).sel({d: told[d].values for d in "zyx"})
        )


def test_missing_voxels_are_missing_wherever_they_are_mixed_in() -> None:
    volume = sparse(absent=frozenset({(1, 1, 1)}))
    source = lazy(volume).assign_attrs(kind="image")
    made = plan(
        source, (6, 10, 12), Random(1), missing="mask", voxel_size=3, resample=True
    )
    (member,) = made.members
    real = made.members[0].image.stored(member.grid.region)
    centres = [voxel_coords(member.grid)[d].values for d in "zyx"]
    for axis, (values, old) in enumerate(zip(centres, (8, 4, 4), strict=True)):
        first = (volume.grid.origin[axis] + 4 * old, volume.grid.origin[axis] + 7 * old)
        near = (values > first[0] - old) & (values < first[1] + old)
        other = tuple(a for a in range(3) if a != axis)
        np.testing.assert_array_equal((~real).any(other), near)


def test_the_five_at_one_voxel_size(sample_root: Path) -> None:
    """One grid spacing for all: blocks of one shape are of one size in nm."""
    with use_mirror(sample_root):
        catalog = open_catalog()
        arrays = {f"dataset{n}": catalog[f"dataset{n}"] for n in range(1, 6)}
        made = plan(
            arrays, 6, Random(20, "equal"), voxel_size=40, resample=True, pad="edge"
        )
        for block in made:
            sides = [b - a for a, b in zip(*block.box, strict=True)]
            assert sides == pytest.approx([240] * 3)
            assert block.data.dtype == catalog[block.dataset].volume.dtype


def test_what_cannot_be_resampled() -> None:
    grid = Grid((8, 8, 8), (4.0, 4.0, 4.0))
    group = members({"image": labelled(grid), "labels": labelled(grid)})
    with pytest.raises(OptionError, match="a member with riders"):
        members(group, 8, resample=True)
    part = split(labelled(grid), {"a": 1, "b": 1}, axis="x")["b"]
    (made,) = members(part, 2, resample=True)
    assert made.within == Region((0, 0, 8), (16, 16, 16))

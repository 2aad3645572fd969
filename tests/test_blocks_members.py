"""Members: what may be a dataset of a plan, at which level, with which riders."""

from __future__ import annotations

import importlib
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from block_volumes import labelled, lazy, numbered, sparse
from chunked_volumes import volume_of
from emcatalog.blocks import Points, Random, Tiles, members, plan
from emcatalog.blocks.arrays import ArrayVolume
from emcatalog.blocks.missing import held
from emcatalog.catalog import open_catalog
from emcatalog.driver import driver
from emcatalog.driver.array import to_mask
from emcatalog.errors import (
    GeometryError,
    MemoryLimitError,
    NotFoundError,
    OptionError,
    UnitError,
)
from emcatalog.geometry import Grid, Region
from emcatalog.mirror import use_mirror
from emcatalog.record import Record
from emcatalog.volume import Pyramid, allowing

SHAPE = (12, 16, 20)
GRID = Grid(SHAPE, (8.0, 4.0, 4.0), (100.0, 0.0, -8.0))
FIVE = [f"dataset{n}" for n in range(1, 6)]


@pytest.mark.parametrize("name", FIVE)
def test_blocks_of_every_driver_are_their_source(name: str, sample_root: Path) -> None:
    """Data and labels, voxel for voxel, in the order of a plan and all at once."""
    with use_mirror(sample_root):
        source = open_catalog()[name]
        truth = driver("ngff")(f"{sample_root}/labels/{name}/semantic")
        image, labels = source.read().values, truth.read().values
        size = tuple(min(9, n) for n in image.shape)
        arrays = {name: {"image": source, "labels": truth}}
        made = plan(arrays, size, Random(8))
        for index, block in made.read_many(range(8)):
            cut = tuple(map(slice, block.place.start, block.place.stop))
            np.testing.assert_array_equal(block.data, image[cut])
            np.testing.assert_array_equal(block.riders["labels"], labels[cut])
            np.testing.assert_array_equal(block.data, made[index].data)
            assert block.mask.all()
            assert block.record.value("title") == source.record.value("title")
            assert (
                block.to_xarray().image.em.box
                == source.to_xarray().isel(dict(zip("zyx", cut, strict=True))).em.box
            )
        again = pickle.loads(pickle.dumps(made))
        np.testing.assert_array_equal(again[3].data, made[3].data)


def test_a_mix_of_all_five(sample_root: Path) -> None:
    with use_mirror(sample_root):
        catalog = open_catalog()
        arrays = {name: catalog[name] for name in FIVE}
        made = plan(arrays, 8, Random(60, "equal"), pad="reflect")
        blocks = dict(made.read_many(range(60)))
    assert {block.dataset for block in blocks.values()} == set(FIVE)
    assert {block.data.shape for block in blocks.values()} == {(8, 8, 8)}
    assert len(pickle.dumps(made)) < 2_000_000


def test_levels_are_chosen_by_voxel_size(sample_root: Path) -> None:
    with use_mirror(sample_root):
        source = open_catalog().dataset4
        grids = [volume.grid for volume in source.pyramid.levels]
        for level, grid in enumerate(grids):
            side = math.prod(grid.voxel_size) ** (1 / 3)
            (found,) = members(source, f"{side} nm")
            assert (found.level, found.grid) == (level, grid)
        coarse = plan(source, 4, Random(3), voxel_size=1e6)
        assert coarse.place(0).level == len(grids) - 1
        assert coarse.place(0).voxel_size == grids[-1].voxel_size
        assert members(source(level=1))[0].level == 1
        with pytest.raises(OptionError, match="a positive length in nanometres"):
            members(source, "-3 nm")
    with pytest.raises(NotFoundError, match="gone"):
        members({"gone": driver("ngff")("/nowhere/a.zarr")})


@pytest.mark.parametrize("kind", ["chunked", "chunked missing"])
def test_chunked_volumes(kind: str, tmp_path: Path) -> None:
    whole = numbered(SHAPE, np.uint16)
    volume = volume_of(tmp_path, whole)
    if "missing" in kind:
        gone = next(tmp_path.rglob("1.2.3"))
        gone.unlink()
        whole[4:8, 8:12, 12:16] = 0
    made = plan(lazy(volume), (5, 7, 6), Tiles(halo=1), missing="mask")
    for _, block in made.read_many(range(len(made))):
        cut = tuple(map(slice, block.place.start, block.place.stop))
        np.testing.assert_array_equal(block.data, whole[cut])
        np.testing.assert_array_equal(block.mask, whole[cut] > 0)


def test_pieces_of_one_value_are_asked_for_and_no_others() -> None:
    volume = sparse(absent=frozenset({(1, 1, 1), (1, 1, 2)}))
    (member,) = members(lazy(volume))
    region = Region((2, 3, 1), (11, 12, 18))
    voxels = volume.read(region)
    real = held(member.image, region, voxels)
    np.testing.assert_array_equal(real, volume.held(region))
    assert volume.asked == [Region((4, 4, 4), (8, 8, 12))]
    assert held(member.image, *[region, volume.whole[region.slices]]) is None
    assert len(volume.asked) == 1


def test_names_of_datasets() -> None:
    one, other = labelled(GRID), labelled(GRID).rename("cells")
    assert [m.name for m in members([one, other])] == ["array0", "cells"]
    assert [m.name for m in members(one)] == ["array0"]
    assert [m.name for m in members({"x": one, "y": other})] == ["x", "y"]
    given = members({"x": one})
    assert members(given)[0].image is given[0].image
    with pytest.raises(OptionError, match="2 arrays with 1 names"):
        members([other, other])


class Catalog:
    """What a catalog is to a plan: it has keys, and is no Mapping."""

    def keys(self) -> list[str]:
        return ["a", "b"]

    def __iter__(self) -> Any:
        return iter(self.keys())

    def __getitem__(self, name: str) -> Any:
        return labelled(GRID)


def test_catalogs_and_datasets_of_xarray() -> None:
    assert [member.name for member in members(Catalog())] == ["a", "b"]
    dataset = xr.Dataset({"image": labelled(GRID), "mito": labelled(GRID) % 2})
    (member,) = members({"d": dataset})
    assert list(member.riders) == ["mito"]
    block = plan(dataset, 5, Random(3))[1]
    np.testing.assert_array_equal(block.riders["mito"], block.data % 2)
    np.testing.assert_array_equal(block.to_xarray().mito, block.data % 2)


CANNOT: dict[str, tuple[Any, Any, str]] = {
    "nothing": ({}, OptionError, "no arrays"),
    "a list": ({"a": [1, 2]}, OptionError, "a: got a list; expected a source"),
    "numpy": ({"a": np.zeros(3)}, OptionError, "a: got a ndarray"),
    "turned": (
        {"a": labelled(GRID).transpose("x", "y", "z")},
        GeometryError,
        "dimensions x, y, z; expected z, y, x. Try: .transpose('z', 'y', 'x')",
    ),
    "channels": (
        {"a": labelled(GRID).expand_dims(c=2)},
        GeometryError,
        "Try: .isel(c=0), or a rider for each",
    ),
    "a section": ({"a": labelled(GRID).isel(z=0)}, GeometryError, "dimensions z, y"),
    "stepped": (
        {"a": lazy(sparse()).isel(y=slice(None, None, 2))},
        GeometryError,
        "voxels of 4 nm whose centres along 'y' lie 8 nm apart",
    ),
    "backwards": (
        {"a": labelled(GRID).isel(x=slice(None, None, -1))},
        GeometryError,
        "a: got voxels of 4 nm whose centres along 'x' lie -4 nm apart",
    ),
    "gaps": (
        {"a": labelled(GRID).isel(z=[0, 1, 5])},
        GeometryError,
        "without gaps and of one spacing",
    ),
    "no unit": (
        {"a": xr.DataArray(numbered(SHAPE), dims=("z", "y", "x"))},
        UnitError,
        "without a coordinate in nanometres",
    ),
}


@pytest.mark.parametrize("case", CANNOT)
def test_what_cannot_be_a_dataset(case: str) -> None:
    arrays, kind, message = CANNOT[case]
    with pytest.raises(kind) as caught:
        members(arrays)
    assert message in str(caught.value)


def test_masks_and_computed_arrays_are_read_through_xarray() -> None:
    volume = sparse(absent=frozenset({(0, 0, 0)}))
    stored = to_mask(Pyramid((volume,), Record()), 0, "x", ((12,), (16,), (20,)))
    for array in (stored, lazy(volume) + 1, lazy(volume).chunk({"x": 5}) * 2):
        (member,) = members(array)
        assert isinstance(member.image.volume, ArrayVolume)
        block = plan(array, SHAPE, Random(1))[0]
        np.testing.assert_array_equal(block.data, array)


def test_arrays_in_memory_keep_the_contract_of_volumes() -> None:
    (member,) = members(labelled(GRID))
    volume = member.image.volume
    with pytest.raises(GeometryError, match="inside the volume"):
        volume.read(Region((0, 0, 0), (13, 1, 1)))
    with pytest.raises(GeometryError, match="inside the volume"):
        volume.stored(Region((0, 0, 0), (13, 1, 1)))
    assert volume.stored(Region((0, 0, 0), (2, 3, 4))).sum() == 24
    with allowing(100), pytest.raises(MemoryLimitError):
        volume.read(GRID.region)


def moved(grid: Grid, voxels: tuple[float, float, float], shape: Any) -> Grid:
    """A grid that begins some voxels further."""
    axes = zip(grid.origin, voxels, grid.voxel_size, strict=True)
    z, y, x = (o + n * s for o, n, s in axes)
    return Grid(shape, grid.voxel_size, (z, y, x))


@pytest.mark.parametrize("shift", [(2, 3, 1), (-3, 0, 5), (-4, -4, -4), (0, 0, 0)])
@pytest.mark.parametrize("pad", ["never", "reflect"])
def test_riders_lie_where_they_are_in_nanometres(shift: Any, pad: str) -> None:
    """A crop of labels: blocks lie where both are, whatever their frames."""
    there = moved(GRID, shift, (9, 10, 11))
    image, labels = labelled(GRID), labelled(there).astype("int16")
    arrays = {"d": {"image": image, "labels": labels}}
    made = plan(arrays, 4, Random(40), pad=pad)
    (member,) = made.members
    assert member.within.start == tuple(max(0, s) for s in shift)
    for block in made:
        told = block.to_xarray()
        for name, source in (("image", image), ("labels", labels)):
            expected = source.sel({d: told[d].values for d in "zyx"}, method=None)
            np.testing.assert_array_equal(told[name], expected)
        assert block.riders["labels"].dtype == np.int16


def test_riders_are_padded_and_cut_with_their_image() -> None:
    arrays = {"image": labelled(GRID), "twice": labelled(GRID) * 2}
    for mode in ("reflect", "edge", "constant"):
        block = plan(arrays, 8, Points([(100, 0, -8)]), pad=mode)[0]
        np.testing.assert_array_equal(block.riders["twice"], block.data * 2)
        assert block.mask.sum() == 64
    window = lazy(sparse()).isel(z=slice(2, 9))
    block = plan({"image": window, "labels": lazy(sparse())}, 3, Random(5))[2]
    np.testing.assert_array_equal(block.riders["labels"], block.data)


def test_riders_are_read_together_in_bounded_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = sparse(), sparse()
    made = plan({"image": lazy(first), "labels": lazy(second)}, 4, Random(20))
    singles = [made[i] for i in range(20)]
    # of 4 bytes a voxel and 64 voxels a block, both channels: five blocks
    module = importlib.import_module("emcatalog.blocks.members")
    monkeypatch.setattr(module, "AHEAD_BYTES", 5 * 64 * 8 + 1)
    volumes = (first, second)
    for volume in volumes:
        volume.seen.clear()
    for index, block in made.read_many(range(20)):
        assert [len(volume.seen) for volume in volumes] == [(index // 5 + 1) * 5] * 2
        np.testing.assert_array_equal(block.data, singles[index].data)
        np.testing.assert_array_equal(block.riders["labels"], block.data)


def test_a_rider_has_a_name_of_its_own() -> None:
    with pytest.raises(OptionError, match="d: got an array named 'mask'"):
        members({"d": {"image": labelled(GRID), "mask": labelled(GRID)}})


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        (Grid(SHAPE, (8.0, 8.0, 8.0), GRID.origin), "those of the image, (8.0, 4.0"),
        (moved(GRID, (0, 0.5, 0), SHAPE), "(0, -0.5, 0) voxels"),
        (moved(GRID, (0, 16, 0), SHAPE), "expected one that overlaps the image"),
        (moved(GRID, (0, 0, -20), SHAPE), "expected one that overlaps the image"),
    ],
)
def test_riders_that_do_not_fit(grid: Grid, message: str) -> None:
    with pytest.raises(GeometryError) as caught:
        members({"d": {"image": labelled(GRID), "labels": labelled(grid)}})
    assert "d: got 'labels'" in str(caught.value)
    assert message in str(caught.value)

"""The faces of a driver, on a driver of the tests' own."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pint_xarray  # noqa: F401 - registers the accessor
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from emcatalog.driver import VolumeSource, backend, coarse_chunks, driver
from emcatalog.driver.array import to_dataset
from emcatalog.driver.options import coerce
from emcatalog.errors import (
    LevelError,
    MemoryLimitError,
    NotFoundError,
    OptionError,
    UnknownNameError,
)
from emcatalog.geometry import Grid, Region
from emcatalog.record import Claim, Record
from emcatalog.volume import Pyramid

SHAPE = (9, 12, 13)
U2 = np.dtype(np.uint16)
WHOLE = np.arange(np.prod(SHAPE), dtype=np.uint16).reshape(SHAPE)


@dataclass(frozen=True)
class Memory:
    """A volume whose voxels are their own numbers."""

    grid: Grid
    dtype: np.dtype[Any] = U2
    chunks: tuple[int, int, int] = (4, 4, 4)
    seen: list[tuple[int, int, int]] = field(default_factory=list, compare=False)

    def read(self, region: Region) -> Any:
        self.seen.append(region.shape)
        if self.grid.shape == SHAPE:
            return np.ascontiguousarray(WHOLE[region.slices])
        return np.zeros(region.shape, self.dtype)

    def read_many(self, regions: Any) -> Any:
        return enumerate(map(self.read, regions))

    def stored(self, region: Region) -> Any:
        return np.ones(region.shape, np.bool_)


def open_pyramid(
    urlpath: str, transport: Any, *, count: int = 2, name: str | None = None
) -> Pyramid:
    if urlpath.endswith("missing"):
        raise NotFoundError(got="nothing", expected="something")
    sizes = [2.96 * 2**n for n in range(count)]
    grids = [Grid(SHAPE, (size, 4.0, 4.0)) for size in sizes]
    claim = Claim("voxel_size_z", 2.96, "file", "a tag", "nm")
    return Pyramid(tuple(Memory(g) for g in grids), Record((claim,)))


class MemorySource(VolumeSource):
    """A driver of the tests."""

    name = "memory"
    open_pyramid = staticmethod(open_pyramid)


Engine = backend(MemorySource)


@st.composite
def indexers(draw: st.DrawFn, size: int) -> Any:
    kinds = [
        st.integers(-size, size - 1),
        st.slices(size),
        st.lists(st.integers(-size, size - 1), max_size=6).map(
            lambda places: np.array(places, int)
        ),
        st.lists(st.booleans(), min_size=size, max_size=size).map(np.array),
    ]
    return draw(st.one_of(kinds))


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.tuples(*(indexers(n) for n in SHAPE)))
def test_lazy_indexing_equals_numpy(keys: tuple[Any, ...]) -> None:
    expected = WHOLE
    for axis in (2, 1, 0):
        expected = expected[(slice(None),) * axis + (keys[axis],)]
    lazy = MemorySource("here").to_xarray()
    found = lazy.isel(z=keys[0], y=keys[1], x=keys[2])
    np.testing.assert_array_equal(found.values, expected)


def test_an_index_beyond_the_end_does_not_wrap_around() -> None:
    bare = MemorySource("here").to_xarray().drop_vars(["z", "y", "x"])
    with pytest.raises(IndexError):
        bare.isel(z=SHAPE[0], y=0, x=0).load()


def test_few_voxels_do_not_keep_their_neighbours_in_memory() -> None:
    volume = Memory(Grid((100, 100, 100), (8.0, 8.0, 8.0)), chunks=(50, 50, 50))
    array = to_dataset(Pyramid((volume,), Record()), 0, "x", {})["image"]
    few = array[::50, ::50, ::50].values
    while few.base is not None:
        few = few.base
    assert few.size == 8


def test_vectorised_indexing() -> None:
    lazy = MemorySource("here").to_xarray()
    z = xr.DataArray([1, 2, 8], dims="point")
    y = xr.DataArray([0, 5, 7], dims="point")
    found = lazy.isel(z=z, y=y)
    np.testing.assert_array_equal(found.values, WHOLE[[1, 2, 8], [0, 5, 7]])


def test_far_places_are_read_apart() -> None:
    volume = Memory(Grid((1000, 1000, 1000), (8.0, 8.0, 8.0)))
    array = to_dataset(Pyramid((volume,), Record()), 0, "x", {})["image"]
    assert array.isel(z=[0, 1, 999], y=0, x=0).values.shape == (3,)
    assert volume.seen == [(2, 1, 1), (1, 1, 1)]


def test_selecting_in_nanometres() -> None:
    array = MemorySource("here").to_dask()
    np.testing.assert_array_equal(array.sel(z=8.88).values, WHOLE[3])
    box = array.sel(z=slice("2.96 nm", "0.01 um"), y=slice(4, 12), x=0)
    np.testing.assert_array_equal(box.values, WHOLE[1:4, 1:3, 0])


def test_attributes_say_who_knows_the_voxel_size() -> None:
    source = MemorySource("here", metadata={"title": "T", "organism": "mouse"})
    attrs = source.to_dask().attrs
    assert attrs["voxel_size_nm"] == [2.96, 4.0, 4.0]
    opened = "file (as it was opened)"
    assert attrs["voxel_size_source"] == f"z: file (a tag); y: {opened}; x: {opened}"
    assert (attrs["title"], attrs["organism"]) == ("T", "Mus musculus")


def test_attributes_say_where_the_data_lies_without_secrets() -> None:
    source = MemorySource("https://me:hush@a.org/x?key=hush")
    attrs = source.to_dask().attrs
    assert (attrs["url"], attrs["protocol"]) == ("https://a.org/x", "https")
    assert MemorySource("here").to_dask().attrs["protocol"] == "file"


def test_levels_by_index_and_by_voxel_size() -> None:
    assert MemorySource("here", level="1").level_index == 1
    assert MemorySource("here", level=-1).level_index == 1
    assert MemorySource("here", voxel_nm=5.0).level_index == 1
    assert MemorySource("here", voxel_nm=1).level_index == 0
    with pytest.raises(LevelError, match="got level 2; expected 0 to 1"):
        MemorySource("here", level=2).to_dask()
    with pytest.raises(OptionError, match="a positive size"):
        MemorySource("here", voxel_nm=-3.0).to_dask()


def test_datatree_has_all_levels_with_their_own_coordinates() -> None:
    tree = MemorySource("here").to_datatree()
    assert list(tree.children) == ["s0", "s1"]
    assert float(tree["s1"].image.z[1]) == 5.92
    again = pickle.loads(pickle.dumps(tree))
    np.testing.assert_array_equal(again["s0"].image.sel(z=8.88).values, WHOLE[3])


def test_round_trips_through_netcdf_and_zarr(tmp_path: Path) -> None:
    array = MemorySource("here", metadata={"title": "T"}).to_dask()
    array.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    array.to_zarr(tmp_path / "a.zarr", zarr_format=2)
    back = xr.open_dataarray(tmp_path / "a.nc", engine="h5netcdf")
    np.testing.assert_array_equal(back.values, WHOLE)
    assert back.attrs["title"] == "T"
    assert list(back.attrs["voxel_size_nm"]) == [2.96, 4.0, 4.0]
    zarr = xr.open_dataset(tmp_path / "a.zarr", engine="zarr", consolidated=False)
    assert zarr["image"].attrs == array.attrs
    assert zarr["z"].attrs["units"] == "nm"


def test_units_are_pints() -> None:
    quantified = MemorySource("here").to_dask().pint.quantify()
    assert quantified.shape == SHAPE


def test_read_refuses_what_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    source = MemorySource("here")
    assert source.read().shape == SHAPE
    with pytest.raises(MemoryLimitError, match=r"2.742 KiB; expected at most 100 byt"):
        source.read(memory_limit=100)
    monkeypatch.setenv("EMCATALOG_MEMORY_LIMIT", "1KB")
    with pytest.raises(MemoryLimitError, match="take a smaller box with .sel"):
        source.to_xarray().values  # noqa: B018 - the access reads
    assert source.read(memory_limit="1 GiB").shape == SHAPE
    monkeypatch.setenv("EMCATALOG_MEMORY_LIMIT", "much")
    with pytest.raises(OptionError, match="the size 'much'"):
        source.read()


def test_errors_name_the_entry() -> None:
    with pytest.raises(NotFoundError, match="^driver memory: got nothing"):
        MemorySource("missing").to_dask()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"urlpath": "x", "cuont": 1}, "did you mean 'count'"),
        ({"urlpath": "x", "count": "two"}, "got count='two'; expected int"),
        ({"urlpath": "x", "count": 1.5}, "got count=1.5; expected int"),
        ({"urlpath": "x", "count": True}, "got count=True; expected int"),
        ({"urlpath": "x", "level": "deep"}, "got level='deep'; expected int"),
        ({"urlpath": 3}, "got urlpath=3; expected str"),
        ({}, "got no urlpath; expected where the data lies"),
    ],
)
def test_options_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises((OptionError, UnknownNameError), match=message):
        MemorySource(**options)


def test_text_of_templates_becomes_the_declared_type() -> None:
    assert coerce("d", "n", "2", int) == 2
    assert coerce("d", "n", "2", float) == 2.0
    assert coerce("d", "n", "null", int | None) is None
    assert coerce("d", "n", "[1, null]", list[float | None] | None) == [1, None]
    assert coerce("d", "n", "2", str) == "2"
    assert coerce("d", "n", "2", int | str) == "2"


def test_unknown_driver_is_answered_with_a_suggestion() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'precomputed'"):
        driver("precomputd")


def test_engine_opens_datasets_and_trees() -> None:
    with xr.open_dataset("x://y", engine=Engine, count=1, chunks={}) as dataset:
        assert dataset.image.chunks is not None
        assert dataset.image.sel(z=8.88).shape == SHAPE[1:]
    tree = xr.open_datatree("x://y", engine=Engine)
    assert list(tree.children) == ["s0", "s1"]
    with pytest.raises(UnknownNameError, match="did you mean 'count'"):
        xr.open_dataset("x://y", engine=Engine, cout=1)


class TestHemibrainShape:
    """41394 x 39725 x 34427 voxels: lazy must mean O(1)."""

    volume = Memory(
        Grid((41394, 39725, 34427), (8.0, 8.0, 8.0), (4.0, 4.0, 4.0)),
        np.dtype(np.uint8),
        (64, 64, 64),
    )

    def array(self) -> xr.DataArray:
        self.volume.seen.clear()
        pyramid = Pyramid((self.volume,), Record())
        return to_dataset(pyramid, 0, "hemibrain", {})["image"]

    def test_dask_graph_is_bounded(self) -> None:
        lazy = self.array().chunk(coarse_chunks(self.volume))
        assert len(lazy.__dask_graph__()) < 100_000

    def test_a_box_reads_only_itself(self) -> None:
        lazy = self.array().chunk(coarse_chunks(self.volume))
        box = lazy.sel(z=slice(0, 1024), y=slice(0, 800), x=slice(4, 516))
        assert int(box.sum()) == 0
        assert self.volume.seen == [(128, 100, 64)]

    def test_direct_read_is_one_engine_read(self) -> None:
        box = slice(1000, 1128)
        assert self.array().isel(z=box, y=box, x=box).values.shape == (128, 128, 128)
        assert self.volume.seen == [(128, 128, 128)]

"""`LazyArray` is a dask array in everything but the work that slices make."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
import tifffile
import xarray as xr
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from emcatalog.driver.array import VolumeArray, to_dataset
from emcatalog.driver.chunks import dask_chunks
from emcatalog.driver.lazy import LazyArray, lazy_array
from emcatalog.errors import CorruptError
from emcatalog.geometry import Region
from emcatalog.record import Record
from emcatalog.volume import Pyramid
from emcatalog_ngff import NgffSource
from emcatalog_tiff import TiffSource
from memory_volume import CHUNKS, GRID, SHAPE, U2, WHOLE, Memory, regions, small

PLAIN = da.from_array(WHOLE, CHUNKS)


def basic(size: int) -> st.SearchStrategy[Any]:
    slices = st.slices(size)
    return st.one_of(slices, st.integers(-size, size - 1)) if size else slices


def without_empty(chunks: Any) -> Any:
    """dask leaves some chunks without voxels where slices step."""
    return tuple(tuple(n for n in sizes if n) or (0,) for sizes in chunks)


@st.composite
def keys(draw: st.DrawFn, shape: tuple[int, ...]) -> Any:
    parts = [draw(basic(n)) for n in shape[: draw(st.integers(0, len(shape)))]]
    if draw(st.booleans()):
        parts = [Ellipsis, *(draw(basic(n)) for n in shape[len(shape) - len(parts) :])]
    return tuple(parts)


def expanded(key: tuple[Any, ...], ndim: int) -> tuple[Any, ...]:
    """The key without its ellipsis: dask itself takes negative steps wrongly else."""
    if Ellipsis not in key:
        return key
    place = key.index(Ellipsis)
    missing = (slice(None),) * (ndim - len(key) + 1)
    return (*key[:place], *missing, *key[place + 1 :])


@settings(deadline=None, derandomize=True, max_examples=150)
@given(st.data())
def test_slices_of_slices_equal_dask_and_numpy(data: st.DataObject) -> None:
    lazy, plain, truth = small(), PLAIN, WHOLE
    for _ in range(data.draw(st.integers(1, 3))):
        key = data.draw(keys(truth.shape))
        lazy, truth = lazy[key], truth[key]
        plain = plain[expanded(key, plain.ndim)]
        assert isinstance(lazy, LazyArray)
        assert lazy.shape == truth.shape
        assert lazy.chunks == without_empty(plain.chunks)
    np.testing.assert_array_equal(lazy.compute(scheduler="sync"), truth)
    assert len(lazy.dask) == lazy.npartitions


@settings(deadline=None, derandomize=True, max_examples=60)
@given(keys(SHAPE), st.data())
def test_a_slice_reads_its_own_voxels_only(key: Any, data: st.DataObject) -> None:
    array = small()[key]
    array = array[data.draw(keys(array.shape))]
    read = regions(array)
    steps = [min(abs(places.step), 5) for places in array.window.ranges]
    assert sum(region.size for region in read) <= array.size * np.prod([1, *steps])


@pytest.mark.parametrize(
    "key",
    [
        ([1, 5, 2], slice(2, 8), slice(0, 4)),
        (slice(2, 8), [3, 4], 5),
        (3, slice(None, None, -2), np.array([0, 12])),
        (WHOLE[:, 0, 0] % 2 == 0, slice(1, 3)),
        (slice(2, 8), da.from_array(np.array([1, 2]), chunks=2)),
        [0, 3],
        (None, slice(2, 8)),
        (..., None, 3),
    ],
)
def test_other_indices_are_dasks(key: Any) -> None:
    lazy, plain = small()[key], PLAIN[key]
    assert lazy.chunks == plain.chunks
    np.testing.assert_array_equal(lazy.compute(), plain.compute())


def test_a_mask_of_all_axes_is_dasks() -> None:
    mask = WHOLE % 7 == 0
    np.testing.assert_array_equal(small()[mask].compute(), WHOLE[mask])
    lazy = small()
    np.testing.assert_array_equal(lazy[lazy % 7 == 0].compute(), WHOLE[mask])


def test_fancy_indices_read_only_what_the_slices_leave() -> None:
    lazy = small()
    volume = lazy.window.source.volume  # type: ignore[union-attr]
    lazy[[1, 2], 0:2, 0:2].compute(scheduler="sync")
    assert {region.shape[1:] for region in volume.seen} == {(2, 2)}


@pytest.mark.parametrize("key", [9, (0, -13), (0, 0, 0, 0), "name", 1.5])
def test_wrong_indices_are_index_errors(key: Any) -> None:
    with pytest.raises((IndexError, KeyError, TypeError)) as caught:
        small()[key]
    with pytest.raises(type(caught.value)):
        PLAIN[key]


def test_equal_arrays_have_equal_names() -> None:
    array = small()
    assert array.name == small().name
    assert array[2:8][1:3].name == array[3:5].name
    assert array[2:8].name != array[2:7].name
    assert array[2].name != array[2:3].name
    assert dask.base.tokenize(array) == dask.base.tokenize(small())
    assert array[:] is array
    assert array.rechunk((9, 12, 13)).name != array.name


def test_pickled_and_copied_arrays_still_slice() -> None:
    array = small()[1:, 2]
    for again in (
        pickle.loads(pickle.dumps(array)),
        array.copy(),
        copy.deepcopy(array),
    ):
        assert isinstance(again[1:], LazyArray)
        assert (again.name, again.chunks) == (array.name, array.chunks)
        np.testing.assert_array_equal(again.compute(), WHOLE[1:, 2])


def test_voxels_that_were_put_in_are_kept() -> None:
    array, untouched = small(), small()
    twin = array.copy()
    array[2:4] = 7
    expected = WHOLE.copy()
    expected[2:4] = 7
    assert array.window is None
    np.testing.assert_array_equal(array[1:5, 0].compute(), expected[1:5, 0])
    np.testing.assert_array_equal(array.copy()[1:5].compute(), expected[1:5])
    again = pickle.loads(pickle.dumps(array))
    np.testing.assert_array_equal(again[2:5].compute(), expected[2:5])
    np.testing.assert_array_equal(array.rechunk(4).compute(), expected)
    for other in (twin, untouched):
        np.testing.assert_array_equal(other[1:5].compute(), WHOLE[1:5])


def test_persisted_arrays_are_in_memory() -> None:
    array = small()
    kept = array[2:8].persist(scheduler="sync")
    volume = array.window.source.volume  # type: ignore[union-attr]
    volume.seen.clear()
    np.testing.assert_array_equal(kept[1:3].compute(), WHOLE[3:5])
    assert not volume.seen


def test_chunks_of_whole_storage_chunks_are_read_as_they_are() -> None:
    array = small()
    assert isinstance(array.rechunk((8, 4, 12)), LazyArray)
    assert isinstance(array.rechunk({0: -1}), LazyArray)
    assert isinstance(array[4:].rechunk((4, None, -1)), LazyArray)
    for chunks in ((3, 4, 4), {1: 5}, "auto", 5, ((1, 8), (12,), (13,)), -1):
        lazy, plain = array.rechunk(chunks), PLAIN.rechunk(chunks)
        assert lazy.chunks == plain.chunks
        np.testing.assert_array_equal(lazy.compute(), WHOLE)
    cut_up = array[2:].rechunk((4, -1, -1))
    assert not isinstance(cut_up, LazyArray)  # it would read storage chunks twice
    np.testing.assert_array_equal(cut_up.compute(), WHOLE[2:])
    with pytest.raises(ValueError, match="chunks"):
        array.rechunk(((1, 1), (12,), (13,)))


def test_what_dask_does_with_arrays() -> None:
    array = small()
    assert float((array[1:5] + 1).mean().compute()) == (WHOLE[1:5] + 1).mean()
    np.testing.assert_array_equal(
        array.map_blocks(np.negative, dtype=U2).compute(), np.negative(WHOLE)
    )
    (better,) = dask.optimize(array[2:6, ::2])
    np.testing.assert_array_equal(better.compute(), WHOLE[2:6, ::2])
    out = np.zeros((4, 12, 13), U2)
    da.store(array[2:6], out)
    np.testing.assert_array_equal(out, WHOLE[2:6])
    both = da.concatenate([array[:3], array[3:]])
    np.testing.assert_array_equal(both.compute(), WHOLE)
    np.testing.assert_array_equal(array.T[0].compute(), WHOLE.T[0])
    np.testing.assert_array_equal(np.asarray(array.blocks[0, 1]), WHOLE[:4, 4:])
    assert "emcatalog" in repr(array)
    assert "<svg" in array._repr_html_()


def test_distributed_workers_read() -> None:
    from distributed import Client, LocalCluster

    with (
        LocalCluster(1, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster),
    ):
        box = small()[2:8, ::3]
        np.testing.assert_array_equal(box.compute(), WHOLE[2:8, ::3])
        kept = box.persist()
        np.testing.assert_array_equal(kept[1:, 1].compute(), WHOLE[3:8, 3])


def test_xarray_keeps_slicing_it() -> None:
    volume = Memory(GRID)
    sizes = dask_chunks(volume)
    array = to_dataset(Pyramid((volume,), Record()), 0, "x", {}, sizes)["image"]
    box = array.sel(z=slice(8, 40), y=slice(16, 64), x=16).isel(y=slice(1, None))
    assert isinstance(box.data, LazyArray)
    np.testing.assert_array_equal(box.values, WHOLE[1:5, 3:8, 2])
    assert box.chunksizes == {"z": (4,), "y": (5,)}
    np.testing.assert_array_equal(box.load().values, WHOLE[1:5, 3:8, 2])
    halves = xr.concat([array[:3], array[3:]], "z")
    np.testing.assert_array_equal(halves.values, WHOLE)
    np.testing.assert_array_equal(array.isel(y=[3, 1], z=0).values, WHOLE[0, [3, 1]])
    changed = array.copy()
    changed[0] = 5
    assert (changed.isel(z=0).values == 5).all()
    np.testing.assert_array_equal(array.isel(z=0).values, WHOLE[0])


def test_errors_name_the_entry() -> None:
    class Broken(Memory):
        def read(self, region: Region) -> Any:
            raise CorruptError(got="a chunk that does not decode")

    array = lazy_array(VolumeArray(Broken(GRID), "dataset9").window, CHUNKS)
    with pytest.raises(CorruptError, match="^dataset9: got a chunk"):
        array[2:4].compute()


def test_names_tell_sources_apart(tmp_path: Path) -> None:
    names = []
    for number in range(2):
        stack, store = tmp_path / f"{number}.tif", tmp_path / f"{number}.zarr"
        tifffile.imwrite(stack, WHOLE + number, photometric="minisblack")
        zarr.save_array(store, WHOLE + number, zarr_format=2)
        for _ in range(2):
            tiff = TiffSource(str(stack), voxel_size_nm=8.0).to_dask()
            plain = NgffSource(str(store), voxel_size_nm=8.0).to_dask()
            names.append((tiff.data.name, plain.data.name))
            np.testing.assert_array_equal(tiff[2:5].values, WHOLE[2:5] + number)
            np.testing.assert_array_equal(plain[2:5].values, WHOLE[2:5] + number)
    assert names[0] == names[1]
    assert names[2] == names[3]
    assert len({name for pair in names for name in pair}) == 4

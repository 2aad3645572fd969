"""The contract of a driver as tests."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import pickle
import warnings
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing.context import BaseContext
from typing import ClassVar

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray

from emcatalog.driver import VolumeSource, coarse_chunks
from emcatalog.errors import EmcatalogError, ForkError, UnknownNameError
from emcatalog.geometry import AXES, Region
from emcatalog.testing.boxes import regions
from emcatalog.testing.counting import traffic
from emcatalog.testing.many import ReadManyTests
from emcatalog.volume import Volume

SMALL = 32 * 2**20
"""Volumes up to this many voxels are compared as a whole."""


def _afresh() -> BaseContext:
    """Processes that have read nothing; of a fork server, which has imported all."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "emcatalog.chunked", "emcatalog.paged"])
    return context


def _set_environment(variables: Mapping[str, str]) -> None:
    os.environ.update(variables)


def _read_elsewhere(volume: Volume, region: Region) -> NDArray[np.generic]:
    return volume.read(region)


class VolumeTests(ReadManyTests):
    """The contract of a driver. Give the fixture ``source``; the rest is inherited.

    ``truth`` may return the voxels of the finest level (z, y, x) for comparison.
    ``damaged`` may return a source whose voxels are cut off or gone: reading all of it
    must raise. ``metadata_budget`` bounds the bytes that opening may move.
    """

    metadata_budget: ClassVar[int] = 2**20

    @pytest.fixture
    def source(self) -> VolumeSource:
        """The source under test."""
        raise NotImplementedError

    @pytest.fixture
    def truth(self) -> NDArray[np.generic] | None:
        """Voxels of the finest level, if they are known."""
        return None

    @pytest.fixture
    def damaged(self) -> VolumeSource | None:
        """A source whose voxels cannot all be had."""
        return None

    def test_opening_reads_metadata_only(self, source: VolumeSource) -> None:
        """Obligation 1."""
        with traffic() as seen:
            source.to_dask()
        assert seen.bytes <= self.metadata_budget

    def test_reads_have_shape_dtype_and_order(self, source: VolumeSource) -> None:
        """Obligation 2, on every level."""
        for volume in source.pyramid.levels:
            for region in regions(volume.grid):
                voxels = volume.read(region)
                assert voxels.shape == region.shape
                assert voxels.dtype == volume.dtype
                assert voxels.dtype.isnative
                assert voxels.flags.c_contiguous

    def test_reads_agree(
        self, source: VolumeSource, truth: NDArray[np.generic] | None
    ) -> None:
        """Obligation 3: boxes equal the whole, and the whole equals the truth."""
        for volume in source.pyramid.levels:
            if volume.grid.region.size > SMALL:
                continue
            whole = volume.read(volume.grid.region)
            for box in regions(volume.grid):
                np.testing.assert_array_equal(volume.read(box), whole[box.slices])
        if truth is not None:
            finest = source.pyramid.level(0)
            np.testing.assert_array_equal(finest.read(finest.grid.region), truth)

    def test_threads(self, source: VolumeSource) -> None:
        """Obligation 4."""
        volume = source.volume
        boxes = regions(volume.grid, count=12)
        alone = [volume.read(box) for box in boxes]
        with ThreadPoolExecutor(8) as pool:
            together = list(pool.map(volume.read, boxes * 3))
        for one, other in zip(alone * 3, together, strict=True):
            np.testing.assert_array_equal(one, other)

    def test_another_process(self, source: VolumeSource) -> None:
        """Obligation 5: pickled into a fresh process it reads the same."""
        volume, box = source.volume, regions(source.volume.grid)[-1]
        here = (dict(os.environ),)  # a fork server keeps that which it was started in
        with ProcessPoolExecutor(1, _afresh(), _set_environment, here) as pool:
            elsewhere = pool.submit(_read_elsewhere, volume, box).result(timeout=120)
        np.testing.assert_array_equal(elsewhere, volume.read(box))

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
    def test_forked_child(self, source: VolumeSource) -> None:
        """Obligation 5: a forked child reads the same or raises, and never aborts."""
        volume, box = source.volume, regions(source.volume.grid)[0]
        expected = volume.read(box)
        with warnings.catch_warnings():
            # Python warns of forks beside threads: that is what is tested
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            os._exit(_outcome_in_child(volume, box, expected))
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status == 0, "the child read something else, failed or was killed"

    def test_damage_raises(self, damaged: VolumeSource | None) -> None:
        """Obligation 6: bytes that are not there are an error, never zeros."""
        if damaged is None:
            pytest.skip("no damaged source given")
        with pytest.raises(EmcatalogError) as caught:
            damaged.read()
        assert caught.value.entry, "the error does not say what it is about"
        assert caught.value.expected
        with pytest.raises(EmcatalogError):
            list(damaged.volume.read_many([damaged.volume.grid.region] * 2))

    def test_stored(self, source: VolumeSource) -> None:
        """What is not stored reads as one fill value."""
        volume = source.volume
        for region in regions(volume.grid, count=3):
            mask = volume.stored(region)
            assert mask.shape == region.shape
            assert mask.dtype == np.bool_
            assert np.unique(volume.read(region)[~mask]).size <= 1

    def test_labels(self, source: VolumeSource) -> None:
        """Dimensions z, y, x; voxel centres in nanometres; a label hits its voxel."""
        array, grid = source.to_xarray(), source.volume.grid
        assert array.dims == AXES
        for axis, dim in enumerate(AXES):
            np.testing.assert_array_equal(array[dim], grid.centres(axis))
            assert array[dim].attrs["units"] == "nm"
        ends = [{d: array[d].values[i] for d in AXES} for i in (0, -1)]
        for labels, place in zip(ends, (0, -1), strict=True):
            found = array.sel(labels).values
            assert found == array.isel(dict.fromkeys(AXES, place)).values

    def test_dask_equals_direct(self, source: VolumeSource) -> None:
        """The dask array is chunked by whole storage chunks and reads the same."""
        array, volume = source.to_dask(), source.volume
        sizes = coarse_chunks(volume)
        assert {d: array.chunksizes[d][0] for d in AXES} == sizes
        for size, chunk, whole in zip(
            sizes.values(), volume.chunks, volume.grid.shape, strict=True
        ):
            assert size % chunk == 0 or size == whole
        box = regions(volume.grid)[-1]
        direct = volume.read(box)
        lazy = array.isel(dict(zip(AXES, box.slices, strict=True)))
        np.testing.assert_array_equal(lazy.values, direct)

    def test_attributes_are_plain(self, source: VolumeSource) -> None:
        """Strings, numbers and lists of them, which netCDF and Zarr can hold."""
        for value in source.to_xarray().attrs.values():
            for item in value if isinstance(value, list) else [value]:
                assert type(item) in (str, int, float)

    def test_levels_and_tree(self, source: VolumeSource) -> None:
        """Levels get coarser; the tree has them all; level and voxel_nm choose."""
        grids = [volume.grid for volume in source.pyramid.levels]
        assert all(a.voxel_size <= b.voxel_size for a, b in itertools.pairwise(grids))
        tree = source.to_datatree()
        assert sorted(tree.children) == sorted(f"s{i}" for i in range(len(grids)))
        coarsest = source(level=-1)
        assert coarsest.volume.grid == grids[-1]
        with pytest.raises(IndexError):
            _ = source(level=len(grids)).level_index

    def test_source_survives_pickling(self, source: VolumeSource) -> None:
        """The source, its lazy array and its dask array go through pickle."""
        box = dict(zip(AXES, regions(source.volume.grid)[-1].slices, strict=True))
        expected = source.to_xarray().isel(box).values
        for copy in (
            pickle.loads(pickle.dumps(source)).to_xarray(),
            pickle.loads(pickle.dumps(source.to_xarray())),
            pickle.loads(pickle.dumps(source.to_dask())),
        ):
            np.testing.assert_array_equal(copy.isel(box).values, expected)

    def test_discover_and_describe(self, source: VolumeSource) -> None:
        """Intake's questions are answered from metadata."""
        found = source.discover()
        assert found["shape"] == source.volume.grid.shape
        assert found["dtype"] == str(source.volume.dtype)
        assert source.describe()["attrs"]["voxel_size_nm"]

    def test_unknown_option(self, source: VolumeSource) -> None:
        """A typo in an option is answered with the right spelling."""
        with pytest.raises(UnknownNameError, match="did you mean 'level'"):
            source(levl=1)

    def test_xarray_engine(self, source: VolumeSource) -> None:
        """The engine of the driver's name opens the same array."""
        options = dict(source.options)
        place = options.pop("urlpath", "")
        if source.storage_options:
            options["storage_options"] = source.storage_options
        with xr.open_dataset(place, engine=type(source).name, **options) as dataset:
            (name,) = dataset.data_vars
            xr.testing.assert_identical(
                dataset[name].drop_attrs(), source(level=0).to_xarray().drop_attrs()
            )


def _outcome_in_child(
    volume: Volume, box: Region, expected: NDArray[np.generic]
) -> int:
    try:
        return int(not np.array_equal(volume.read(box), expected))
    except ForkError:
        return 0
    except BaseException:  # noqa: BLE001 - the child must report, not unwind
        return 2

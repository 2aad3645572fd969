"""In which chunks dask reads volumes, small and huge."""

from __future__ import annotations

from typing import Any

import dask
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from emcatalog.driver import VolumeSource
from emcatalog.driver.array import to_dataset
from emcatalog.driver.chunks import MOST_CHUNKS, coarse_chunks, dask_chunks
from emcatalog.driver.lazy import LazyArray
from emcatalog.driver.window import Window
from emcatalog.errors import OptionError
from emcatalog.geometry import Grid
from emcatalog.record import Record
from emcatalog.volume import Pyramid
from memory_volume import GRID, U1, Memory, regions


class TestChunks:
    def volume(self, shape: Any, chunks: Any, dtype: np.dtype[Any] = U1) -> Memory:
        return Memory(Grid(shape, (8.0, 8.0, 8.0)), dtype, chunks)

    @pytest.mark.parametrize(
        ("shape", "chunks", "expected"),
        [
            ((2000, 2000, 2000), (64, 64, 64), (256, 512, 512)),
            ((2000, 2000, 2000), (128, 128, 128), (256, 512, 512)),
            ((1065, 1536, 2048), (1, 1536, 2048), (16, 1536, 2048)),
            ((1065, 1536, 2048), (1, 4, 2048), (16, 1536, 2048)),
            ((100, 5496, 5500), (1, 256, 256), (2, 5496, 5500)),
            ((100, 40000, 40000), (1, 256, 256), (1, 1024, 40000)),
            ((9, 12, 13), (4, 4, 4), (9, 12, 13)),
            ((1, 12, 13), (1, 4, 4), (1, 12, 13)),
        ],
    )
    def test_sizes(self, shape: Any, chunks: Any, expected: Any) -> None:
        volume = self.volume(shape, chunks)
        assert tuple(coarse_chunks(volume, 64 * 2**20).values()) == expected

    def test_eight_mebibytes_unless_told(self) -> None:
        volume = self.volume((2000, 2000, 2000), (64, 64, 64))
        assert tuple(coarse_chunks(volume).values()) == (128, 256, 256)

    @settings(deadline=None, derandomize=True)
    @given(
        st.tuples(*[st.integers(1, 50_000)] * 3),
        st.tuples(*[st.integers(1, 600)] * 3),
        st.sampled_from([U1, np.dtype(np.float64)]),
        st.integers(1, 2**28),
    )
    def test_bounds(self, shape: Any, chunks: Any, dtype: Any, limit: int) -> None:
        volume = self.volume(shape, chunks, dtype)
        sizes = tuple(coarse_chunks(volume, limit).values())
        stored = [min(c, n) for c, n in zip(chunks, shape, strict=True)]
        count = np.prod([-(-n // s) for n, s in zip(shape, sizes, strict=True)])
        for n, s, c in zip(shape, sizes, chunks, strict=True):
            assert s % c == 0 or s == n
        assert count <= MOST_CHUNKS
        if np.prod(sizes) * dtype.itemsize > max(limit, np.prod(stored) * 8):
            # larger than asked only because there would be too many
            assert count > MOST_CHUNKS / 16

    def test_what_is_asked_for(self) -> None:
        volume = self.volume((100, 200, 300), (10, 20, 30))
        assert dask_chunks(volume, {"z": 50}) == ((50, 50), (200,), (300,))
        assert dask_chunks(volume, {"z": (60, 40)})[0] == (60, 40)
        assert dask_chunks(volume, 100)[2] == (100, 100, 100)
        assert dask_chunks(volume, -1) == ((100,), (200,), (300,))
        auto = dask_chunks(volume, "auto", 10**6)
        assert all(
            s % c == 0 for a, c in zip(auto, volume.chunks, strict=True) for s in a[:-1]
        )
        assert np.prod([max(a) for a in auto]) <= 10**6

    @pytest.mark.parametrize(
        "chunks", [{"w": 3}, {"z": 0}, {"z": (1, 2)}, "many", (1, 2), 1.5j, {"z": -7}]
    )
    def test_chunks_that_cannot_be(self, chunks: Any) -> None:
        with pytest.raises(OptionError, match="chunks=.*; expected a size in voxels"):
            dask_chunks(self.volume((100, 200, 300), (10, 20, 30)), chunks)


class TestHuge:
    """34432 x 39552 x 41408 voxels: slices cost what they hold."""

    def array(self) -> xr.DataArray:
        volume = Memory(Grid((34432, 39552, 41408), (8.0, 8.0, 8.0)), U1, (64, 64, 64))
        pyramid = Pyramid((volume,), Record())
        return to_dataset(pyramid, 0, "x", {}, dask_chunks(volume))["image"]

    def test_the_whole_is_bounded(self) -> None:
        array = self.array()
        assert array.data.npartitions <= MOST_CHUNKS

    @pytest.mark.parametrize(
        "take",
        [
            lambda a: a.isel(z=slice(1000, 1128), y=slice(0, 128), x=slice(0, 128)),
            lambda a: a.isel(z=slice(1000, 1128))[:, 0:128].isel(x=slice(0, 128)),
            lambda a: a[1000:1128, :128][:, :, :128],
            lambda a: a.sel(z=slice(8000, 9024), y=slice(0, 1024), x=slice(0, 1024)),
            lambda a: a.isel(z=slice(1127, 999, -1), y=slice(128), x=slice(128)),
        ],
    )
    def test_slices_have_a_graph_of_their_own_chunks(self, take: Any) -> None:
        box = take(self.array())
        assert len(box.data.dask.layers) == 1
        assert len(box.data.dask) == box.data.npartitions == 2
        read = regions(box.data)
        assert sum(region.size for region in read) == 128**3

    def test_reductions_have_few_tasks(self) -> None:
        box = self.array().isel(z=slice(0, 256), y=slice(0, 256), x=slice(0, 256))
        (planned,) = dask.optimize(box.mean().data)
        # reading and the sums of a chunk are one task
        assert len(planned.dask) <= 2
        assert float(box.mean()) == 0


class TestSource:
    class Source(VolumeSource):
        """A driver of the tests."""

        name = "memory"

        @staticmethod
        def open_pyramid(urlpath: str, transport: Any) -> Pyramid:
            return Pyramid((Memory(GRID),), Record())

    def test_chunks_and_their_bytes(self) -> None:
        source = self.Source("here")
        assert source.to_dask().chunksizes["z"] == (9,)
        assert source.to_dask({"z": 4}).chunksizes["z"] == (4, 4, 1)
        assert source.to_dask(chunk_bytes="256 B").chunksizes["x"] == (8, 5)
        assert isinstance(source.to_datatree()["s0"].image.data, LazyArray)
        assert source.stored()[2:4].values.all()
        with pytest.raises(OptionError, match="the size 'large'"):
            source.to_dask(chunk_bytes="large")

    def test_windows_are_of_sources(self) -> None:
        array = self.Source("here").to_dask()
        assert array.data.window == Window.whole(array.data.window.source)

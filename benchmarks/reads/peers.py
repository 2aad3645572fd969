"""Other libraries as contestants for chunked formats.

Each is called in its documented way; *tuned* ones with the options that helped here.
Nothing is kept between blocks.
"""

from __future__ import annotations

import importlib
import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from benchmarks.reads.engines import Blocks, Contestant, Fits, layout_of
from benchmarks.reads.stores import ARRAY
from benchmarks.reads.task import Engine, Reader, Task
from emcatalog.geometry import Region

ZARR, ZARR_TUNED = "zarr-python", "zarr-python (tuned)"
XARRAY_DASK = "xarray + dask"
CLOUDVOLUME = "cloud-volume"
REQUESTS = 128
"""What zarr-python may have under way when it is tuned for a server (10 by itself)."""

TOGETHER = 8
"""Threads that read the blocks of a batch with a library that has no other way."""

_ZARR = ("zarr2", "zarr3")
_PRECOMPUTED = ("raw", "gzip", "jpeg")
_CLOUDVOLUME = ("zarr2", "n5", *_PRECOMPUTED)
"""cloud-volume 12 reads no shards of Zarr v3, and Zarr and N5 not by bare HTTP."""


def zarr(task: Task) -> Reader:
    """``zarr.open_array(place)[...]``, as it comes."""
    array = _zarr_array(task)
    return Blocks(lambda region: array[region.slices])


def zarr_tuned(task: Task) -> Reader:
    """The same with more requests at a time, and the blocks of a batch on threads."""
    import zarr

    if task.serving == "disk":  # on a disk more at a time is slower
        zarr.config.set({"threading.max_workers": os.cpu_count()})
    else:
        zarr.config.set({"async.concurrency": REQUESTS})
    return _threaded(_zarr_array(task))


def zarrs(task: Task) -> Reader:
    """zarr-python with the codec pipeline of zarrs, which is written in Rust."""
    import zarr

    zarr.config.set({"codec_pipeline.path": "zarrs.ZarrsCodecPipeline"})
    return _threaded(_zarr_array(task))


def xarray(task: Task) -> Reader:
    """``xarray.open_zarr(group, chunks=None)[...].values``: no dask."""
    lazy = _open_zarr(task, None)

    def one(region: Region) -> Any:
        z, y, x = region.slices
        return lazy.isel(z=z, y=y, x=x).values

    return Blocks(one)


def xarray_dask(task: Task) -> Reader:
    """``xarray.open_zarr(group, chunks={})[...].compute()``: a task for each chunk."""
    lazy = _open_zarr(task, {})

    def one(region: Region) -> Any:
        z, y, x = region.slices
        return lazy.isel(z=z, y=y, x=x).compute().values

    return Blocks(one)


def cloudvolume(task: Task) -> Reader:
    """``CloudVolume(place)[x, y, z]``, turned to z, y, x without a copy."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        library: Any = importlib.import_module("cloudvolume")
    layout = layout_of(task)
    scheme = "precomputed"
    place = task.place if task.serving != "disk" else f"file://{task.place}"
    if layout.startswith("zarr2"):
        scheme = "zarr2"
    elif layout.startswith("n5"):
        scheme, place = "n5", place.removesuffix(f"/{ARRAY}")
    volume = library.CloudVolume(f"{scheme}://{place}", progress=False, cache=False)

    def one(region: Region) -> Any:
        z, y, x = region.slices
        return np.asarray(volume[x, y, z])[..., 0].T

    return Blocks(one)


def _zarr_array(task: Task) -> Any:
    import zarr

    return zarr.open_array(task.place, mode="r")


def _open_zarr(task: Task, chunks: dict[str, int] | None) -> Any:
    import xarray as xr

    group = task.place.removesuffix(f"/{ARRAY}")
    # by default a fill value is masked, in float32
    bare: dict[str, Any] = {"consolidated": True, "mask_and_scale": False}
    return xr.open_zarr(group, chunks=chunks, **bare)[ARRAY]


def _threaded(array: Any) -> Reader:
    pool = ThreadPoolExecutor(TOGETHER)

    def many(regions: Sequence[Region]) -> Iterator[tuple[int, Any]]:
        return enumerate(pool.map(lambda region: array[region.slices], regions))

    return Blocks(lambda region: array[region.slices], many, pool.shutdown)


_NEEDS = ("cloudvolume",)
CHUNKED_PEERS: tuple[Engine, ...] = (
    Contestant(ZARR, zarr, Fits(_ZARR), ("zarr",)),
    Contestant(ZARR_TUNED, zarr_tuned, Fits(_ZARR), ("zarr",)),
    Contestant("zarr-python (zarrs)", zarrs, Fits(_ZARR), ("zarr", "zarrs")),
    Contestant("xarray + zarr-python", xarray, Fits(_ZARR, batches=False), ("zarr",)),
    Contestant(XARRAY_DASK, xarray_dask, Fits(_ZARR, batches=False), ("zarr", "dask")),
    Contestant(CLOUDVOLUME, cloudvolume, Fits(_CLOUDVOLUME, remote=False), _NEEDS),
    Contestant(CLOUDVOLUME, cloudvolume, Fits(_PRECOMPUTED, remote=True), _NEEDS),
)
"""Other libraries, as contestants for chunked formats."""

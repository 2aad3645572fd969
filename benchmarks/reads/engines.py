"""The contestants for chunked formats: emcatalog, TensorStore as it is, and peers.

Each opens a task once and is then asked for blocks. No engine keeps voxels between
blocks unless its name says so: no other library does by itself, and a block that is
remembered tells nothing about reading. ``EMCATALOG_CACHE=0`` sees to it for ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.reads.stores import LAYOUTS
from benchmarks.reads.task import Engine, Reader, Task, Voxels
from emcatalog.geometry import Region

NO_CACHE: Mapping[str, str] = {"EMCATALOG_CACHE": "0"}
POOL = 256 * 2**20
"""Bytes that TensorStore may keep where it is told to, as ours does by itself."""

OURS = "emcatalog"
ACCESSOR = "emcatalog .em"
BARE = "emcatalog volume.read"
ONE_BY_ONE = "emcatalog (one by one)"
WITH_CACHE = "emcatalog (cache as it comes)"
TENSORSTORE = "TensorStore"
TENSORSTORE_128 = "TensorStore (128 requests)"
Many = Callable[[Sequence[Region]], Iterator[tuple[int, Voxels]]]


def layout_of(task: Task) -> str:
    """The name of a chunked layout, of whichever volume; empty for other formats.

    ``real-zarr2-64`` is ``zarr2-64`` of another volume.
    """
    name = task.stored.format.removeprefix("real-")
    return name if name in LAYOUTS else ""


@dataclass(frozen=True)
class Fits:
    """Which tasks an engine takes part in.

    ``layouts`` are beginnings of their names, ``batches`` says whether only batches
    are meant (or only single blocks), and ``remote`` whether only servers are (or only
    disks); None means both.
    """

    layouts: tuple[str, ...] = tuple(LAYOUTS)
    batches: bool | None = None
    remote: bool | None = None

    def __call__(self, task: Task) -> bool:
        """Whether the engine takes part in ``task``."""
        return (
            layout_of(task).startswith(self.layouts)
            and bool(layout_of(task))
            and self.batches in (None, task.batch > 1)
            and self.remote in (None, task.serving != "disk")
        )


@dataclass(frozen=True)
class Contestant:
    """An `Engine` made of a function that opens."""

    name: str
    open: Callable[[Task], Reader]
    fits: Callable[[Task], bool] = Fits()
    needs: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


def _nothing() -> None:
    """Close what has nothing to close."""


@dataclass(frozen=True)
class Blocks:
    """A `Reader` of functions; without ``many`` it reads one block after the other."""

    one: Callable[[Region], Any]
    many: Many | None = None
    close: Callable[[], None] = _nothing

    def read(self, region: Region) -> Voxels:
        """One block."""
        voxels: Voxels = self.one(region)
        return voxels

    def read_many(self, regions: Sequence[Region]) -> Iterator[tuple[int, Voxels]]:
        """Blocks with their places in ``regions``."""
        if self.many:
            return self.many(regions)
        return ((n, self.read(region)) for n, region in enumerate(regions))


def source(task: Task) -> Any:
    """The task's source, as the catalog would make it."""
    from emcatalog.driver.registry import driver

    return driver(task.stored.driver)(task.place, **task.stored.options)


def isel(task: Task) -> Reader:
    """``da.isel(...).values`` and, for batches, ``volume.read_many``."""
    opened = source(task)
    lazy = opened.to_xarray()

    def one(region: Region) -> Any:
        z, y, x = region.slices
        return lazy.isel(z=z, y=y, x=x).values

    return Blocks(one, opened.volume.read_many)


def one_by_one(task: Task) -> Reader:
    """A batch as a loop of ``da.isel(...).values``."""
    return Blocks(isel(task).read)


def bare(task: Task) -> Reader:
    """``volume.read``: voxels without labels."""
    return Blocks(source(task).volume.read)


def sel(task: Task) -> Reader:
    """``da.sel(...).values`` in nanometres."""
    lazy = source(task).to_xarray()
    ends = [(axis, lazy[axis].to_numpy()) for axis in "zyx"]

    def one(region: Region) -> Any:
        bounds = zip(ends, region.slices, strict=True)
        nm = {
            axis: slice(centres[s.start], centres[s.stop - 1] + 0.5)
            for (axis, centres), s in bounds
        }
        return lazy.sel(nm).values

    return Blocks(one)


def accessor(task: Task) -> Reader:
    """``da.em.block`` and, for batches, ``da.em.blocks``."""
    lazy = source(task).to_xarray()

    def many(regions: Sequence[Region]) -> Iterator[tuple[int, Any]]:
        starts = [region.start for region in regions]
        blocks = lazy.em.blocks(starts=starts, shape=regions[0].shape)
        return ((n, block.values) for n, block in blocks)

    return Blocks(
        lambda r: lazy.em.block(start=r.start, shape=r.shape).values,
        many,
    )


def ours_dask(task: Task) -> Reader:
    """``source.to_dask().isel(...).compute()``."""
    lazy = source(task).to_dask()

    def one(region: Region) -> Any:
        z, y, x = region.slices
        return lazy.isel(z=z, y=y, x=x).compute().values

    return Blocks(one)


def store(task: Task, context: Mapping[str, Any] | None = None) -> Any:
    """The stored array (z, y, x) as a TensorStore."""
    import tensorstore

    layout = LAYOUTS[layout_of(task)]
    place = f"{task.place}/"
    remote = {"driver": "http", "base_url": place}
    local = {"driver": "file", "path": place}
    spec = {
        "driver": layout.driver,
        "kvstore": local if task.serving == "disk" else remote,
        "recheck_cached_data": "open",
    }
    opened = tensorstore.open(
        spec, read=True, context=tensorstore.Context(dict(context or {}))
    ).result()
    if layout.driver == "neuroglancer_precomputed":
        opened = opened[..., 0]  # the channel
    by_x = layout.driver in ("neuroglancer_precomputed", "n5")
    return opened.transpose() if by_x else opened


def tensorstore_blocks(opened: Any) -> Reader:
    """The bare array: the reads of a batch begin at once."""

    def many(regions: Sequence[Region]) -> Iterator[tuple[int, Any]]:
        begun = [opened[r.slices].read(order="C") for r in regions]
        return ((n, future.result()) for n, future in enumerate(begun))

    return Blocks(lambda region: opened[region.slices].read(order="C").result(), many)


def tensorstore_as_it_comes(task: Task) -> Reader:
    """TensorStore with its own defaults, which keep nothing."""
    return tensorstore_blocks(store(task))


def tensorstore_128(task: Task) -> Reader:
    """TensorStore with 128 requests under way (it begins with 32)."""
    return tensorstore_blocks(store(task, {"http_request_concurrency": {"limit": 128}}))


def tensorstore_pool(task: Task) -> Reader:
    """TensorStore with 128 requests and a pool, opened anew for each batch.

    So a chunk is shared within a batch, and nothing between batches.
    """
    context = {
        "http_request_concurrency": {"limit": 128},
        "cache_pool": {"total_bytes_limit": POOL},
    }
    store(task, context)  # fails now where it cannot be opened

    def many(regions: Sequence[Region]) -> Iterator[tuple[int, Any]]:
        return tensorstore_blocks(store(task, context)).read_many(regions)

    def one(region: Region) -> Any:
        return tensorstore_blocks(store(task, context)).read(region)

    return Blocks(one, many)


_PLAIN_GZIP = tuple(name for name in LAYOUTS if name != "gzip")
"""TensorStore does not look for the suffix that cloud-volume gives to its chunks."""

CHUNKED: tuple[Engine, ...] = (
    Contestant(OURS, isel, environment=NO_CACHE),
    Contestant("emcatalog .sel", sel, Fits(batches=False), environment=NO_CACHE),
    Contestant(BARE, bare, Fits(batches=False), environment=NO_CACHE),
    Contestant(ACCESSOR, accessor, environment=NO_CACHE),
    Contestant(ONE_BY_ONE, one_by_one, Fits(batches=True), environment=NO_CACHE),
    Contestant(WITH_CACHE, isel),
    Contestant(
        "emcatalog to_dask", ours_dask, Fits(batches=False), environment=NO_CACHE
    ),
    Contestant(TENSORSTORE, tensorstore_as_it_comes, Fits(_PLAIN_GZIP)),
    Contestant(TENSORSTORE_128, tensorstore_128, Fits(_PLAIN_GZIP, remote=True)),
    Contestant("TensorStore (pool)", tensorstore_pool, Fits(_PLAIN_GZIP, batches=True)),
)
"""emcatalog and TensorStore, as contestants for chunked formats."""

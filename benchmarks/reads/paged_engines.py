"""The contestants for pages: emcatalog, libraries that read such files, and limits.

Libraries are called as their own pages show; where files lie on a server they are given
fsspec's file objects, as their users do, or if they cannot read from those, copies that
fsspec fetches. A file is opened once, except by libraries of which the one call opens
and reads. Nothing is kept between blocks.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.reads.engines import (
    NO_CACHE,
    ONE_BY_ONE,
    OURS,
    WITH_CACHE,
    Blocks,
    Contestant,
    isel,
    one_by_one,
)
from benchmarks.reads.paged_limits import (
    BY_HAND,
    MAPPED,
    MAPPED_ANEW,
    Table,
    by_hand,
    files,
    mapped,
    mapped_anew,
)
from benchmarks.reads.paged_stores import PAGED
from benchmarks.reads.task import Engine, Reader, Task, Voxels
from emcatalog.geometry import Region

TIFFFILE, TIFFFILE_ZARR = "tifffile", "tifffile + zarr-python"
NCEMPY, ROSETTASCIIO = "ncempy", "rosettasciio"
OBJECTS = "fsspec file objects (known offsets)"
MAPS_BY_NCEMPY = "memory maps by ncempy"
LAZY = "lazy rosettasciio"


@dataclass(frozen=True)
class PagedFits:
    """Which tasks an engine takes part in.

    ``drivers`` are those of the formats; ``remote`` tells whether only servers are
    meant (or only disks), ``batches`` whether only batches (or only single blocks);
    None means both. ``plain`` leaves compressed formats out, and ``slow`` batches from
    servers: for them a library that reads block after block would take many minutes.
    """

    drivers: tuple[str, ...] = ("tiff", "dm3")
    remote: bool | None = None
    batches: bool | None = None
    plain: bool = False
    slow: bool = False

    def __call__(self, task: Task) -> bool:
        """Whether the engine takes part in ``task``."""
        pages = PAGED.get(task.stored.format)
        return (
            pages is not None
            and pages.driver in self.drivers
            and self.remote in (None, task.serving != "disk")
            and self.batches in (None, task.batch > 1)
            and (pages.rows == 1 or not self.plain)
            and not (self.slow and task.batch > 1 and task.serving != "disk")
        )


def tifffile(task: Task) -> Reader:
    """Whole pages, of which the window is cut: ``asarray(key=pages)[:, y, x]``."""
    stack = contextlib.ExitStack()
    file = _tiff(task, stack)

    def one(region: Region) -> Voxels:
        z, y, x = region.slices
        voxels: Voxels = file.asarray(key=range(z.start, z.stop))
        return voxels.reshape(-1, *voxels.shape[-2:])[:, y, x]

    return Blocks(one, close=stack.close)


def tifffile_zarr(task: Task) -> Reader:
    """A Zarr store of the strips: ``zarr.open(file.aszarr())[z, y, x]``."""
    import zarr

    stack = contextlib.ExitStack()
    store = stack.enter_context(_tiff(task, stack).aszarr())
    array: Any = zarr.open(store, mode="r")
    return Blocks(lambda region: array[region.slices], close=stack.close)


def _tiff(task: Task, stack: contextlib.ExitStack) -> Any:
    import tifffile as library

    (place,) = files(task.place)
    if task.serving == "disk":
        return stack.enter_context(library.TiffFile(place))
    return stack.enter_context(library.TiffFile(_objects([place], stack)[0]))


def _objects(
    places: list[str], stack: contextlib.ExitStack, **options: Any
) -> list[Any]:
    import fsspec

    opened = [fsspec.open(place, **options) for place in places]
    return [stack.enter_context(file.open()) for file in opened]


def objects(task: Task) -> Reader:
    """``seek`` and ``read`` of exactly the rows, page after page, on open files."""
    table, stack = Table.of(task, task.place), contextlib.ExitStack()
    names = sorted(set(table.files))
    opened = dict(zip(names, _objects(names, stack, cache_type="none"), strict=True))

    def one(region: Region) -> Voxels:
        out: Voxels = np.empty(region.shape, np.uint8)
        for number, (name, begin, end) in enumerate(table.spans(region)):
            opened[name].seek(begin)
            data = opened[name].read(end - begin)
            table.cut(region, region.start[0] + number, data, out[number])
        return out

    return Blocks(one, close=stack.close)


def pillow(task: Task) -> Reader:
    """``Image.seek(page)`` and ``crop`` for each page."""
    from PIL import Image

    (place,) = files(task.place)
    image = Image.open(place)

    def one(region: Region) -> Voxels:
        z, y, x = region.slices
        out = np.empty(region.shape, np.uint8)
        for number in range(z.start, z.stop):
            image.seek(number)
            window = image.crop((x.start, y.start, x.stop, y.stop))
            out[number - z.start] = np.asarray(window)
        return out

    return Blocks(one, close=image.close)


@dataclass(frozen=True)
class BySlices:
    """Opens by no more than a list of slices, which ``cut`` is to read each time.

    They come one after the other; over HTTP those of a block are fetched before.
    """

    cut: Callable[[str, slice, slice], Voxels]

    def __call__(self, task: Task) -> Reader:
        """A reader of the task's slices."""
        places = files(task.place)

        def one(region: Region) -> Voxels:
            z, y, x = region.slices
            with _on_disk(task, places[z]) as copies:
                return np.stack([self.cut(copy, y, x) for copy in copies])

        return Blocks(one)


@contextlib.contextmanager
def _on_disk(task: Task, places: list[str]) -> Iterator[list[str]]:
    if task.serving == "disk":
        yield places
        return
    import fsspec

    with tempfile.TemporaryDirectory() as folder:
        names = [str(Path(folder, place.rpartition("/")[2])) for place in places]
        fsspec.filesystem("http").get(places, names)
        yield names


def _ncempy(place: str, y: slice, x: slice) -> Voxels:
    from ncempy.io import dm

    voxels: Voxels = dm.dmReader(place)["data"][y, x]
    return voxels


def _ncempy_map(place: str, y: slice, x: slice) -> Voxels:
    from ncempy.io import dm

    with dm.fileDM(place) as file:
        return np.array(file.getMemmap(0)[y, x])


def _rosettasciio(place: str, y: slice, x: slice) -> Voxels:
    from rsciio.digitalmicrograph import file_reader

    voxels: Voxels = file_reader(place)[0]["data"][y, x]
    return voxels


def _rosettasciio_lazy(place: str, y: slice, x: slice) -> Voxels:
    from rsciio.digitalmicrograph import file_reader

    return np.asarray(file_reader(place, lazy=True)[0]["data"][y, x])


_TIFF, _DM3 = (PagedFits((name,), slow=True) for name in ("tiff", "dm3"))
_LOCAL_TIFF, _LOCAL_DM3 = replace(_TIFF, remote=False), replace(_DM3, remote=False)
_RSCIIO = ("rsciio", "dask")

PAGED_ENGINES: tuple[Engine, ...] = (
    Contestant(OURS, isel, PagedFits(), environment=NO_CACHE),
    Contestant(ONE_BY_ONE, one_by_one, PagedFits(batches=True), environment=NO_CACHE),
    Contestant(WITH_CACHE, isel, PagedFits()),
    Contestant(MAPPED, mapped, PagedFits(remote=False, plain=True)),
    Contestant(MAPPED_ANEW, mapped_anew, PagedFits(remote=False, plain=True)),
    Contestant(BY_HAND, by_hand, PagedFits(remote=True), ("fsspec", "aiohttp")),
    Contestant(
        OBJECTS, objects, PagedFits(remote=True, slow=True), ("fsspec", "aiohttp")
    ),
    Contestant(TIFFFILE, tifffile, _TIFF, ("tifffile",)),
    Contestant(TIFFFILE_ZARR, tifffile_zarr, _TIFF, ("tifffile", "zarr")),
    Contestant("Pillow", pillow, _LOCAL_TIFF, ("PIL",)),
    Contestant(NCEMPY, BySlices(_ncempy), _DM3, ("ncempy",)),
    Contestant(MAPS_BY_NCEMPY, BySlices(_ncempy_map), _LOCAL_DM3, ("ncempy",)),
    Contestant(ROSETTASCIIO, BySlices(_rosettasciio), _DM3, _RSCIIO),
    Contestant(LAZY, BySlices(_rosettasciio_lazy), _LOCAL_DM3, _RSCIIO),
)
"""emcatalog and others, as contestants for pages."""

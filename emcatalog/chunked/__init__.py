"""Engine one: TensorStore over Zarr v2 and v3, N5 and Neuroglancer precomputed.

A driver hands over a TensorStore spec that already carries the array's metadata, so
opening a volume costs no request, in this process or in another.

Where TensorStore cannot decode the chunks, the driver also hands over how they are
named (`Keys`) and how their bytes are turned into some that it can decode; ``spec`` is
then that of an array of those. See `ChunkedVolume`.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emcatalog.chunked.bare import Bare
from emcatalog.chunked.batches import BATCH_BYTES, Reading, as_they_come
from emcatalog.chunked.engine import open_store, translated, verify
from emcatalog.chunked.files import ensure_files
from emcatalog.chunked.keys import PACKED_FILES, PLAIN, Cell, ChunkKeys, Keys
from emcatalog.chunked.kvstore import (
    above,
    child,
    folder,
    is_local,
    kvstore,
    local_path,
    zipped,
)
from emcatalog.chunked.presence import in_flight, present
from emcatalog.chunked.staged import (
    BARE_BYTES,
    PIECE_BYTES,
    REMOTE_THREADS,
    THREADS,
    ByChunk,
    Pieces,
    Stage,
    Transcode,
    far,
    fill,
    holds_suffixed,
    pieces,
)
from emcatalog.chunked.unpack import damaged_chunk, unpack
from emcatalog.errors import FormatError
from emcatalog.geometry import Grid, Region, Triple
from emcatalog.transport.sums import Sums
from emcatalog.volume import ensure_fits, ensure_inside, memory_limit

__all__ = [
    "LARGEST_CHUNK",
    "PACKED_FILES",
    "PLAIN",
    "Axes",
    "Bare",
    "ByChunk",
    "Cell",
    "ChunkKeys",
    "ChunkedVolume",
    "Keys",
    "Transcode",
    "above",
    "child",
    "damaged_chunk",
    "folder",
    "holds_suffixed",
    "kvstore",
    "local_path",
    "spec_text",
    "unpack",
    "verify",
    "zipped",
]

LARGEST_CHUNK = 2**32
"""Bytes of a decoded chunk that metadata may declare; more is damage."""


@dataclass(frozen=True)
class Axes:
    """Which dimensions of the stored array are z, y and x.

    ``order`` holds the dimension of z, of y and of x; None for an axis that is not
    stored, which then has one voxel. ``fixed`` are (dimension, index) of all others,
    such as a channel or a time point.
    """

    order: tuple[int | None, int | None, int | None]
    fixed: tuple[tuple[int, int], ...] = ()

    def view(self, store: Any, shape: Triple) -> Any:
        """The stored array with its z, y, x dimensions in this order, from 0 on.

        Raises FormatError where it has not ``shape`` (z, y, x).
        """
        for dimension, index in sorted(self.fixed, reverse=True):
            store = store[(slice(None),) * dimension + (index,)]
        gone = [dimension for dimension, _ in self.fixed]
        kept = [d for d in self.order if d is not None]
        order = [d - sum(g < d for g in gone) for d in kept]
        view = store.transpose(order)
        expected = tuple(shape[a] for a, d in enumerate(self.order) if d is not None)
        if tuple(view.shape) != expected:
            raise FormatError(
                got=f"an array of {tuple(view.shape)} voxels",
                expected=f"{expected}",
                hint="the metadata of this level and its array disagree",
            )
        return view.translate_to[(0,) * len(kept)] if kept else view


@dataclass(frozen=True)
class ChunkedVolume:
    """A `emcatalog.volume.Volume` that TensorStore reads.

    ``spec`` is a TensorStore spec as JSON text (see `spec_text`). Voxel (0, 0, 0) is
    the first voxel of the stored array, whatever its own offset is. ``dtype`` may be
    another type than the spec's, if it has as many bits: they are taken as they are.
    ``url`` is named in errors.

    ``keys`` says where the chunks lie; it is needed where TensorStore cannot tell which
    chunks are stored, and where it cannot decode them. For the latter ``transcode``
    takes the bytes of one chunk and the voxels that it holds along each stored
    dimension (`Keys.shape`), and returns the bytes of the chunk that ``spec`` describes
    - usually the bare voxels, in an array without compression. It is a module's
    function or a frozen dataclass, so that it can be pickled; it is called from several
    threads at once; it raises CorruptError for what does not decode, and checks the
    sizes that the bytes declare against the shape before it allocates anything. What
    ``keys`` says of packing is undone before. At most `staged.THREADS` chunks (or some
    MiB of small ones) are held at a time, of remote ones `staged.REMOTE_THREADS`, each
    a few times over.

    ``by_chunk`` says how the chunks of an array that TensorStore decodes are fetched
    one by one; it is needed for keeping remote ones on disk, and for refusing local
    files that are no chunks. ``sums`` are those of the zip file of which each chunk is
    a member; they are compared with what is read. ``bare`` is there for chunks that
    are nothing but their voxels when they are unpacked and transcoded: they need no
    TensorStore.
    """

    grid: Grid
    dtype: np.dtype[np.generic]
    chunks: Triple
    spec: str = field(repr=False)  # may hold headers with secrets
    axes: Axes
    url: str
    keys: Keys | None = field(default=None, repr=False)
    transcode: Transcode | None = None
    by_chunk: ByChunk | None = field(default=None, repr=False)
    sums: Sums | None = field(default=None, repr=False)
    bare: Bare | None = field(default=None, repr=False)

    def read(self, region: Region) -> NDArray[np.generic]:
        """Voxels of ``region``; absent chunks are the array's fill value."""
        self._check(region, self.dtype)
        return self._result(region, self._start(region))

    def read_many(
        self, regions: Sequence[Region]
    ) -> Iterator[tuple[int, NDArray[np.generic]]]:
        """Index and voxels of each region as they come, neighbours together.

        Regions in flight, their decoded chunks and results that are not yet taken fill
        at most `batches.BATCH_BYTES` of memory, or one region alone more than that.
        A chunk that several regions need is fetched and decoded once, if they are in
        flight together or the cache holds it.
        """
        for region in regions:
            self._check(region, self.dtype)
        reading = Reading(self._start, self._result, self.chunks, self.dtype.itemsize)
        return as_they_come(regions, reading, min(BATCH_BYTES, memory_limit()))

    def stored(self, region: Region) -> NDArray[np.bool_]:
        """Which voxels lie in chunks that the store really holds."""
        self._check(region, np.dtype(np.bool_))
        out = np.zeros(region.shape, np.bool_)
        with translated(self.url):
            tiles = region.tiles(self.chunks)
            held = present(self.keys, tiles) if self.keys else self._held(tiles)
            places = region.tiles(self.chunks)
            for tile, answer in zip(places, held, strict=True):
                out[tile.relative_to(region.start).slices] = answer
        return out

    def _held(self, tiles: Iterator[Region]) -> Iterator[bool]:
        view = self._opened()
        answers = in_flight(
            lambda tile: view[self._index(tile)].storage_statistics(
                query_not_stored=True
            ),
            tiles,
        )
        return (not answer.result().not_stored for answer in answers)

    def _check(self, region: Region, dtype: np.dtype[np.generic]) -> None:
        with translated(self.url):
            ensure_inside(region, self.grid)
        ensure_fits(region.shape, dtype)

    def _start(self, region: Region) -> Any:
        # one voxel of a chunk costs the whole chunk
        ensure_fits(self.chunks, self.dtype)
        with translated(self.url):
            if keys := self.keys or (self.by_chunk and self.by_chunk.keys):
                ensure_files(keys, region, self.dtype.itemsize)
            if self.keys and (self.transcode or self.keys.packings != PLAIN):
                return self._staged(region, ByChunk(self.spec, self.keys))
            if self.by_chunk and (self.sums or self.by_chunk.is_kept):
                return self._staged(region, self.by_chunk)
            return self._ask(self._opened(), region)

    def _staged(self, region: Region, way: ByChunk) -> Pieces:
        itemsize = self.dtype.itemsize
        stage = Stage(way.spec, way.keys, self.transcode, itemsize, self.sums)
        threads = REMOTE_THREADS if far(way.keys) else THREADS
        most = BARE_BYTES if self.bare else PIECE_BYTES

        def read(tile: Region) -> NDArray[np.generic]:
            if self.bare:
                return stage.voxels(tile, self.bare)
            with stage.opened(tile) as store:
                view = self.axes.view(store, self.grid.shape)
                return self._result(tile, self._ask(view, tile))

        voxels = np.empty(region.shape, self.dtype)
        tiles = pieces(region, self.chunks, itemsize, most)
        return fill(voxels, tiles, read, threads)

    def _opened(self) -> Any:
        return _view(open_store(self.spec), self.axes, self.grid.shape)

    def _ask(self, view: Any, region: Region) -> Any:
        return view[self._index(region)].read(order="C")

    def _result(self, region: Region, future: Any) -> NDArray[np.generic]:
        with translated(self.url):
            voxels: NDArray[np.generic] = future.result()
        return voxels.reshape(region.shape).view(self.dtype)

    def _index(self, region: Region) -> tuple[slice, ...]:
        stored = zip(region.slices, self.axes.order, strict=True)
        return tuple(part for part, dimension in stored if dimension is not None)


@functools.lru_cache(maxsize=512)
def _view(store: Any, axes: Axes, shape: Triple) -> Any:
    # made once for a store that is opened once: it costs as much as the rest of a read
    return axes.view(store, shape)


def spec_text(driver: str, kvstore: Mapping[str, Any], **members: Any) -> str:
    """A TensorStore spec as text that is equal for equal arrays, ready for pickling.

    ``members`` are those of the driver, such as ``metadata``; TensorStore takes them
    as they are and reads no metadata itself.
    """
    spec = {
        "driver": driver,
        "kvstore": dict(kvstore),
        "assume_metadata": True,
        "recheck_cached_metadata": False,
        # local files may be written again by their owner, and asking costs little
        "recheck_cached_data": True if is_local(dict(kvstore)) else "open",
        **members,
    }
    return json.dumps(spec, sort_keys=True)

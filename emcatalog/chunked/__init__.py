"""Engine one: TensorStore over Zarr v2 and v3, N5 and Neuroglancer precomputed.

A driver hands over a TensorStore spec that already carries the array's metadata, so
opening a volume costs no request, in this process or in another.
"""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emcatalog.chunked.engine import open_store, translated, verify
from emcatalog.chunked.keys import ChunkKeys
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
from emcatalog.chunked.staged import holds_suffixed, open_staged
from emcatalog.errors import FormatError
from emcatalog.geometry import Grid, Region, Triple
from emcatalog.volume import ensure_fits, ensure_inside

__all__ = [
    "Axes",
    "ChunkKeys",
    "ChunkedVolume",
    "above",
    "child",
    "folder",
    "holds_suffixed",
    "kvstore",
    "local_path",
    "spec_text",
    "verify",
    "zipped",
]

IN_FLIGHT = 8


@dataclass(frozen=True)
class Axes:
    """Which dimensions of the stored array are z, y and x.

    ``order`` holds the dimension of z, of y and of x; None for an axis that is not
    stored, which then has one voxel. ``fixed`` are (dimension, index) of all others,
    such as a channel or a time point.
    """

    order: tuple[int | None, int | None, int | None]
    fixed: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class ChunkedVolume:
    """A `emcatalog.volume.Volume` that TensorStore reads.

    ``spec`` is a TensorStore spec as JSON text (see `spec_text`). Voxel (0, 0, 0) is
    the first voxel of the stored array, whatever its own offset is. ``url`` is named
    in errors.
    """

    grid: Grid
    dtype: np.dtype[np.generic]
    chunks: Triple
    spec: str = field(repr=False)  # may hold headers with secrets
    axes: Axes
    url: str
    keys: ChunkKeys | None = field(default=None, repr=False)

    def read(self, region: Region) -> NDArray[np.generic]:
        """Voxels of ``region``; absent chunks are the array's fill value."""
        return self._result(region, self._start(region))

    def read_many(self, regions: Sequence[Region]) -> Iterator[NDArray[np.generic]]:
        """Voxels of each region in turn, with several regions in flight."""
        waiting: deque[tuple[Region, Any]] = deque()
        for region in regions:
            if len(waiting) == IN_FLIGHT:
                yield self._result(*waiting.popleft())
            waiting.append((region, self._start(region)))
        while waiting:
            yield self._result(*waiting.popleft())

    def stored(self, region: Region) -> NDArray[np.bool_]:
        """Which voxels lie in chunks that the store really holds."""
        self._check(region, np.dtype(np.bool_))
        out = np.zeros(region.shape, np.bool_)
        with translated(self.url):
            tiles = region.tiles(self.chunks)
            if self.keys:
                held = present(self.keys, region.tiles(self.chunks))
            else:
                held = self._held(region.tiles(self.chunks))
            for tile, answer in zip(tiles, held, strict=True):
                out[tile.relative_to(region.start).slices] = answer
        return out

    def _held(self, tiles: Iterator[Region]) -> Iterator[bool]:
        view = self._view(open_store(self.spec))
        answers = in_flight(
            lambda tile: view[self._index(tile)].storage_statistics(
                query_not_stored=True
            ),
            tiles,
        )
        return (not answer.not_stored for answer in answers)

    def _check(self, region: Region, dtype: np.dtype[np.generic]) -> None:
        with translated(self.url):
            ensure_inside(region, self.grid)
        ensure_fits(region.shape, dtype)

    def _start(self, region: Region) -> Any:
        self._check(region, self.dtype)
        with translated(self.url):
            view = self._view(self._open(region))
            return view[self._index(region)].read(order="C")

    def _open(self, region: Region) -> Any:
        if self.keys and self.keys.suffixed:
            # no encoding makes a chunk much larger than its voxels
            voxels = math.prod(self.chunks) * self.dtype.itemsize
            return open_staged(self.spec, self.keys, region, 4 * voxels + 2**20)
        return open_store(self.spec)

    def _result(self, region: Region, future: Any) -> NDArray[np.generic]:
        with translated(self.url):
            voxels: NDArray[np.generic] = future.result()
        return voxels.reshape(region.shape)

    def _view(self, store: Any) -> Any:
        """The stored array with its z, y, x dimensions in this order, from 0 on."""
        for dimension, index in sorted(self.axes.fixed, reverse=True):
            store = store[(slice(None),) * dimension + (index,)]
        gone = [dimension for dimension, _ in self.axes.fixed]
        kept = [d for d in self.axes.order if d is not None]
        order = [d - sum(g < d for g in gone) for d in kept]
        view = store.transpose(order)
        shape = tuple(
            self.grid.shape[a] for a, d in enumerate(self.axes.order) if d is not None
        )
        if tuple(view.shape) != shape:
            raise FormatError(
                got=f"an array of {tuple(view.shape)} voxels",
                expected=f"{shape}",
                hint="the metadata of this level and its array disagree",
            )
        return view.translate_to[(0,) * len(kept)] if kept else view

    def _index(self, region: Region) -> tuple[slice, ...]:
        stored = zip(region.slices, self.axes.order, strict=True)
        return tuple(part for part, dimension in stored if dimension is not None)


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

"""Engine one: TensorStore over Zarr v2 and v3, N5 and Neuroglancer precomputed.

A driver hands over a TensorStore spec that already carries the array's metadata, so
opening a volume costs no request, in this process or in another.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emcatalog.chunked.engine import open_store, translated
from emcatalog.chunked.kvstore import kvstore
from emcatalog.errors import FormatError
from emcatalog.geometry import Grid, Region, Triple
from emcatalog.volume import ensure_fits

__all__ = ["Axes", "ChunkedVolume", "kvstore", "spec_text"]

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
    spec: str
    axes: Axes
    url: str

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
        out = np.zeros(region.shape, np.bool_)
        with translated(self.url):
            view = self._view()
            tiles = list(region.tiles(self.chunks))
            asked = [
                view[self._index(tile)].storage_statistics(query_not_stored=True)
                for tile in tiles
            ]
            for tile, answer in zip(tiles, asked, strict=True):
                held = not answer.result().not_stored
                out[tile.relative_to(region.start).slices] = held
        return out

    def _start(self, region: Region) -> Any:
        ensure_fits(region.shape, self.dtype)
        with translated(self.url):
            return self._view()[self._index(region)].read(order="C")

    def _result(self, region: Region, future: Any) -> NDArray[np.generic]:
        with translated(self.url):
            voxels: NDArray[np.generic] = future.result()
        return voxels.reshape(region.shape)

    def _view(self) -> Any:
        """The stored array with its z, y, x dimensions in this order, from 0 on."""
        store = open_store(self.spec)
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
        "recheck_cached_data": "open",
        **members,
    }
    return json.dumps(spec, sort_keys=True)

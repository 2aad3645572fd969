"""Written: the array of a result, cell by cell, in an OME-Zarr."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from emcatalog.blocks.destination import Destination
from emcatalog.blocks.journal import Journal
from emcatalog.blocks.kept import checksum
from emcatalog.errors import CorruptError, OptionError
from emcatalog.exports.ngff import ngff
from emcatalog.geometry import Grid, Region, Triple

Voxels = NDArray[Any]

LEVEL = "s0"
LIKED_CHUNK = 64
"""Voxels along a side of a chunk, as near as the side of a shard can be divided."""


class Written:
    """The store of a result: an array of cells, and the journal of those written.

    ``cell`` is the shape of all cells but the last ones. Each is a shard, and so a file
    of its own: no two threads write the same one.
    """

    def __init__(self, place: Destination, grid: Grid, cell: Triple) -> None:
        self.place, self._grid, self._cell = place, grid, cell
        sizes = zip(grid.shape, cell, strict=True)
        z, y, x = (-(-n // c) for n, c in sizes)
        self._counts = z, y, x
        self._lock = threading.Lock()
        self.journal = Journal(place.part / "journal", z * y * x)
        self._array: Any = _opened(place.store) if place.store.exists() else None

    @property
    def kept(self) -> Path:
        """The folder for results that are not joined yet."""
        return self.place.part / "kept"

    def ready(self, leading: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        """Make the array for results of this type, with these axes before z, y, x.

        Raises OptionError if it is there and has others.
        """
        with self._lock:
            if self._array is None:
                self._array = self._created(leading, dtype)
        lead, kind = self._array.shape[:-3], self._array.dtype
        if (lead, kind) != (leading, dtype):
            raise OptionError(
                got=f"a result of {dtype}, {_channels(leading)}",
                expected=f"{kind}, {_channels(lead)}, as of the blocks before",
            )

    def write(self, cell: int, voxels: Voxels) -> None:
        """Write a cell, in the type of the array, and note it."""
        # what a killed run left of it would be read
        self._shard(cell).unlink(missing_ok=True)
        stored = voxels.astype(self._array.dtype, copy=False)
        self._array[self._index(cell)] = stored
        self.journal.add(cell, checksum(stored))

    def is_right(self, cell: int) -> bool:
        """Whether the disk gives back what was written."""
        try:
            found = np.asarray(self._array[self._index(cell)])
        except Exception:  # noqa: BLE001 - codecs raise what they like
            return False
        return checksum(found) == int(self.journal.sums[cell])

    def reject(self, cells: list[int]) -> None:
        """Forget cells that the disk does not hold. Raises CorruptError."""
        self.journal.forget(cells)
        raise CorruptError(
            entry=str(self.place.out),
            got=f"other voxels in {len(cells)} of {len(self.journal.done)} files than "
            "were written",
            expected="the same",
            hint="run it again: only these are computed anew; if that does not help, "
            "the disk may be failing",
        )

    def _created(self, leading: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
        fresh = self.place.part / "fresh"
        attributes = {**_placed(self._grid, bool(leading)), **self.place.note}
        group = zarr.create_group(
            fresh, zarr_format=3, overwrite=True, attributes=attributes
        )
        names = ("c", "z", "y", "x") if leading else ("z", "y", "x")
        group.create_array(
            LEVEL,
            shape=(*leading, *self._grid.shape),
            chunks=(*(1 for _ in leading), *map(_chunk, self._cell)),
            shards=(*leading, *self._cell),
            dtype=dtype,
            fill_value=0,
            dimension_names=names,
        )
        fresh.rename(self.place.store)
        return _opened(self.place.store)

    def _shard(self, cell: int) -> Path:
        lead = (0,) * (self._array.ndim - 3)
        key: str = self._array.metadata.encode_chunk_key((*lead, *self._at(cell)))
        return self.place.store / LEVEL / key

    def _at(self, cell: int) -> Triple:
        z, y, x = map(int, np.unravel_index(cell, self._counts))
        return z, y, x

    def _index(self, cell: int) -> Any:
        axes = zip(self._at(cell), self._cell, strict=True)
        start = [at * size for at, size in axes]
        ends = zip(start, self._cell, self._grid.shape, strict=True)
        stop = [min(a + size, n) for a, size, n in ends]
        region = Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
        return (..., *region.slices)


def _opened(store: Path) -> Any:
    array: Any = zarr.open_group(store, mode="r+")[LEVEL]
    # else a chunk of zeros would not be there, which says that nobody knows
    return array.with_config({"write_empty_chunks": True})


def _placed(grid: Grid, has_channels: bool) -> dict[str, Any]:
    """Attributes of the group; with an axis of channels first if there is one."""
    told = ngff((grid,), version="0.5", paths=(LEVEL,))
    if has_channels:
        (image,) = told["ome"]["multiscales"]
        image["axes"].insert(0, {"name": "c", "type": "channel"})
        scale, translation = image["datasets"][0]["coordinateTransformations"]
        scale["scale"].insert(0, 1.0)
        translation["translation"].insert(0, 0.0)
    return told


def _chunk(side: int) -> int:
    """The divisor of the side of a shard that is nearest to `LIKED_CHUNK`.

    >>> _chunk(128), _chunk(96), _chunk(97)
    (64, 48, 97)
    """
    divisors = [n for n in range(1, side + 1) if side % n == 0]
    return min(divisors, key=lambda n: max(n / LIKED_CHUNK, LIKED_CHUNK / n))


def _channels(leading: tuple[int, ...]) -> str:
    return f"{leading[0]} channels" if leading else "no axis of channels"

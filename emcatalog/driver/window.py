"""Window: the voxels that slices of slices leave of a volume."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from dask.base import tokenize
from numpy.typing import NDArray
from xarray.core.indexing import BasicIndexer

from emcatalog.errors import EmcatalogError
from emcatalog.geometry import Region
from emcatalog.volume import Volume

Part = int | slice


class Source(Protocol):
    """What a window looks into; `emcatalog.driver.array.VolumeArray` is one."""

    volume: Volume
    entry: str
    mask: bool
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]

    def __getitem__(self, key: BasicIndexer) -> NDArray[np.generic]:
        """Read what the slices and integers of ``key`` leave."""


@dataclass(frozen=True)
class Window:
    """Some voxels of a source: the places along z, y and x that slices have left.

    An axis with one place instead of a range is gone, as with NumPy's integers.
    Python's ranges are slices that add up:

    >>> range(100)[10:50:2][::-1]
    range(48, 8, -2)
    """

    source: Source
    places: tuple[range | int, ...]

    @classmethod
    def whole(cls, source: Source) -> Window:
        """All voxels of ``source``."""
        return cls(source, tuple(map(range, source.shape)))

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels along the axes that are left."""
        return tuple(map(len, self.ranges))

    @property
    def ndim(self) -> int:
        """Number of axes that are left."""
        return len(self.ranges)

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Voxel type."""
        return self.source.dtype

    @property
    def ranges(self) -> tuple[range, ...]:
        """The places along the axes that are left."""
        return tuple(p for p in self.places if isinstance(p, range))

    def sliced(self, key: Sequence[Part]) -> Window:
        """What a slice or an integer for each axis that is left leaves of it.

        Raises IndexError for an integer beyond the end.
        """
        parts = iter(key)
        places = (p[next(parts)] if isinstance(p, range) else p for p in self.places)
        return Window(self.source, tuple(places))

    def __getitem__(self, key: tuple[Part, ...]) -> NDArray[np.generic]:
        """Read what ``key``, as in `sliced`, leaves of it."""
        places = self.sliced(key).places
        return self.source[BasicIndexer(tuple(map(_index, places)))]

    def __dask_tokenize__(self) -> tuple[object, ...]:
        # dask takes the text of what it is given: of an object without fields
        return type(self).__name__, tokenize(self.source), self.places

    @property
    def shares(self) -> bool:
        """Whether `read_many` of its parts reads no chunk in vain.

        It would where slices step over whole chunks, or read a mask.
        """
        pairs = zip(self.places, self.source.volume.chunks, strict=True)
        steps = ((p.step, c) for p, c in pairs if isinstance(p, range))
        return not self.source.mask and all(abs(s) <= c for s, c in steps)

    def read_many(
        self, parts: Sequence[Sequence[Part]]
    ) -> Iterator[tuple[int, NDArray[np.generic]]]:
        """``(index into parts, voxels of that part)`` as they come, each index once.

        A part is a key as in `sliced`; none may be empty. What parts have in common is
        read once where the engine can.
        """
        windows = [self.sliced(part) for part in parts]
        regions = [_region(window.places) for window in windows]
        try:
            for index, block in self.source.volume.read_many(regions):
                kept = block[tuple(map(_stride, windows[index].places))]
                yield index, kept if kept.size == block.size else kept.copy()
        except EmcatalogError as error:
            error.about(self.source.entry)
            raise


def _index(places: range | int) -> Part:
    if isinstance(places, int):
        return places
    # a stop below 0 would count from the end
    stop = places.stop if places.stop >= 0 else None
    return slice(places.start, stop, places.step) if places else slice(0, 0)


def _region(places: Sequence[range | int]) -> Region:
    ends = [(p[0], p[-1]) if isinstance(p, range) else (p, p) for p in places]
    (z, z_end), (y, y_end), (x, x_end) = ((min(e), max(e) + 1) for e in ends)
    return Region((z, y, x), (z_end, y_end, x_end))


def _stride(places: range | int) -> Part:
    return slice(None, None, places.step) if isinstance(places, range) else 0

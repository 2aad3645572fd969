"""A dask array that is sliced before it has a graph.

dask slices graphs: a slice is one more layer above all chunks of its array, and what is
read is told when the graph is optimised, from the nearest slice alone. A `LazyArray`
slices what it will read instead: basic slices of basic slices are one `Window`, with
one task for each chunk that it meets, which reads just the window's part of the chunk.
All else - fancy indices, arithmetic, reductions - makes an ordinary dask array of it.
"""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from itertools import accumulate, pairwise
from typing import Any

import dask.array as da
import numpy as np
from dask.array.core import Array, normalize_chunks
from dask.base import tokenize

from emcatalog.driver.chunks import Chunks
from emcatalog.driver.window import Part, Window

_Array: Any = Array  # most of its methods have no types


class LazyArray(_Array):  # type: ignore[misc]
    """The dask array of a `Window`; made by `lazy_array`."""

    __slots__ = ("_read",)
    _read: tuple[Window, str]

    @property
    def window(self) -> Window | None:
        """What it reads; None once voxels were put into it (``array[0] = 1``)."""
        window, name = self._read
        return window if name == self.name else None

    def __getitem__(self, index: Any) -> Any:
        """Slice the window as far as ``index`` is basic; the rest is dask's."""
        parts = _expanded(index, self.shape)
        if parts is None or self.window is None:
            return super().__getitem__(index)
        if all(map(_is_basic, parts)):
            return self._sliced(self.window, parts)
        # slices first; they leave all axes where they are
        first = tuple(p if isinstance(p, slice) else slice(None) for p in parts)
        rest = tuple(slice(None) if isinstance(p, slice) else p for p in parts)
        return super(LazyArray, self._sliced(self.window, first)).__getitem__(rest)

    def _sliced(self, window: Window, parts: tuple[Part, ...]) -> LazyArray:
        left = window.sliced(parts)
        if left.places == window.places:
            return self
        kept = [range(n)[part] for n, part in zip(self.shape, parts, strict=True)]
        chunks = [
            cut(sizes, places)
            for sizes, places in zip(self.chunks, kept, strict=True)
            if isinstance(places, range)
        ]
        made: LazyArray = lazy_array(left, tuple(chunks))
        return made

    def rechunk(self, chunks: Any = "auto", *args: Any, **options: Any) -> Any:
        """Read in other chunks, where that cuts no storage chunk; else as dask does."""
        if self.window is not None and not args and not options:
            wanted = _normalized(self, chunks)
            if _whole(self.window, wanted):
                return lazy_array(self.window, wanted)
        return super().rechunk(chunks, *args, **options)

    def copy(self) -> Any:
        """An equal array, for ``array[0] = 1`` to change instead of this one."""
        if self.window is None:
            return super().copy()
        return lazy_array(self.window, self.chunks, self.name)

    def __reduce__(self) -> tuple[Any, ...]:
        if self.window is None:
            plain: tuple[Any, ...] = super().__reduce__()
            return plain
        return lazy_array, (self.window, self.chunks, self.name)


def lazy_array(window: Window, chunks: Chunks, name: str = "") -> Any:
    """A `LazyArray` that reads ``window``, one task for each of ``chunks``.

    Equal windows in equal chunks give equal names. Where dask plans queries of its own
    (``array.query-planning``) it is an ordinary dask array.
    """
    name = name or f"emcatalog-{tokenize(window, chunks)}"
    meta = np.empty((0,) * window.ndim, window.dtype)
    # inline: one layer, whose tasks are made when they are asked for
    plain = da.from_array(
        window, chunks, name=name, asarray=False, meta=meta, inline_array=True
    )
    if type(plain) is not Array:
        return plain
    array = LazyArray(plain.dask, name, plain.chunks, meta=meta)
    array._read = window, name  # noqa: SLF001 - this is its maker
    return array


def cut(chunks: tuple[int, ...], places: range) -> tuple[int, ...]:
    """Sizes of what ``places`` leave of each of ``chunks``, as dask would have them.

    >>> cut((10, 10, 10), range(5, 25, 2))
    (3, 5, 2)
    >>> cut((10, 10, 10), range(24, 9, -1))
    (5, 10)
    """
    rising = places if places.step > 0 else places[::-1]
    below = [_below(rising, edge) for edge in accumulate(chunks, initial=0)]
    sizes = [b - a for a, b in pairwise(below) if b > a] or [0]
    return tuple(sizes if places.step > 0 else sizes[::-1])


def _below(rising: range, edge: int) -> int:
    return len(range(rising.start, min(edge, rising.stop), rising.step))


def _is_basic(part: object) -> bool:
    whole = isinstance(part, numbers.Integral) and not isinstance(part, bool)
    return whole or isinstance(part, slice)


def _expanded(index: Any, shape: tuple[int, ...]) -> tuple[Any, ...] | None:
    """An index for each axis, or None where that is dask's business."""
    parts = index if isinstance(index, tuple) else (index,)
    gaps = [place for place, part in enumerate(parts) if part is Ellipsis]
    missing = (slice(None),) * (len(shape) - len(parts) + len(gaps))
    if len(gaps) == 1:
        parts = (*parts[: gaps[0]], *missing, *parts[gaps[0] + 1 :])
    elif not gaps:
        parts = (*parts, *missing)
    if len(parts) != len(shape):
        return None
    fits = all(_fits(part, n) for part, n in zip(parts, shape, strict=True))
    return parts if fits else None


def _fits(part: Any, size: int) -> bool:
    if isinstance(part, slice):
        ends = (part.start, part.stop, part.step)
        return part.step != 0 and all(e is None or _is_basic(e) for e in ends)
    if _is_basic(part):
        return bool(-size <= part < size)
    # an array that takes one axis, and gives one
    return bool(np.ndim(part) == 1) and not isinstance(part, str)


def _normalized(array: LazyArray, chunks: Any) -> Chunks:
    """Sizes along each axis, as `dask.array.rechunk` understands ``chunks``."""
    if isinstance(chunks, Mapping):
        given = {axis % array.ndim: sizes for axis, sizes in chunks.items()}
        chunks = tuple(given.get(axis) for axis in range(array.ndim))
    if isinstance(chunks, tuple | list) and len(chunks) == array.ndim:
        pairs = zip(chunks, array.chunks, strict=True)
        chunks = tuple(before if sizes is None else sizes for sizes, before in pairs)
    sizes: Chunks = normalize_chunks(
        chunks, array.shape, dtype=array.dtype, previous_chunks=array.chunks
    )
    return sizes


def _whole(window: Window, chunks: Chunks) -> bool:
    """Whether ``chunks`` meet where chunks of the storage meet."""
    stored = [
        size
        for places, size in zip(window.places, window.source.volume.chunks, strict=True)
        if isinstance(places, range)
    ]
    return all(
        places.step == 1
        and all((places.start + end) % size == 0 for end in [*accumulate(sizes)][:-1])
        for places, size, sizes in zip(window.ranges, stored, chunks, strict=True)
    )

"""What lies below an array: the window of a volume that it shows, if it is one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.core.indexing import (
    CopyOnWriteArray,
    LazilyIndexedArray,
    MemoryCachedArray,
)

from emcatalog.errors import OptionError
from emcatalog.volume import Pyramid

Part = int | slice


class Window(Protocol):
    """Some voxels of a volume, which can be sliced further and read in parts."""

    @property
    def shares(self) -> bool:
        """Whether `read_many` is the way to read parts of it."""

    def sliced(self, key: Sequence[Part]) -> Self:
        """What slices and integers leave of it."""

    def read_many(
        self, parts: Sequence[Sequence[Part]]
    ) -> Iterator[tuple[int, NDArray[np.generic]]]:
        """``(index into parts, voxels of that part)`` as they come."""


def window_of(array: xr.DataArray) -> Window | None:
    """The window that ``array`` shows: our arrays, sliced with basic slices or not.

    None for all else: what was loaded, computed, transposed or indexed otherwise.
    """
    data: Any = array.variable._data  # noqa: SLF001 - .data would load it
    keys: list[tuple[Any, ...]] = []
    while isinstance(data, LazilyIndexedArray | CopyOnWriteArray | MemoryCachedArray):
        if isinstance(data, LazilyIndexedArray):
            keys.append(data.key.tuple)
        data = data.array
    window: Window | None = getattr(data, "window", None)
    for key in reversed(keys):
        if window is None or not all(isinstance(part, Part) for part in key):
            return None
        window = window.sliced(key)
    return window


def pyramid_of(array: xr.DataArray) -> Pyramid:
    """The pyramid of the volume that ``array`` shows; OptionError if there is none."""
    source: Any = getattr(window_of(array), "source", None)
    pyramid: Pyramid | None = getattr(source, "pyramid", None)
    if pyramid is None:
        raise OptionError(
            got="an array that does not know its source any more",
            expected="one that a source gave, sliced or not, in this process",
            hint="source.record and source.raw_metadata are always there",
        )
    return pyramid

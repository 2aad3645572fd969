"""The contract of a plugin: Volume, the levels of a Pyramid, and the memory limit.

A plugin turns a URL into a `Pyramid` of volumes. A `Volume` has seven obligations, each
one a test in `emcatalog.testing`:

1. opening reads metadata only;
2. `read` returns exactly the region's shape and dtype, C order, axes z, y, x;
3. reads agree with each other and with the whole;
4. `read` may be called from many threads at once;
5. it survives pickling into another process and reads the same there;
6. a read that cannot be served raises: bytes that did not come are never zeros. What
   the format itself says is absent is the fill value, and `stored` tells where;
7. `read_many` gives each region exactly once, as `read` gives it; it may be left
   before its end.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
import psutil
from numpy.typing import NDArray

from emcatalog.errors import GeometryError, LevelError, MemoryLimitError, OptionError
from emcatalog.geometry import Grid, Region, Triple
from emcatalog.record import Record
from emcatalog.units import parse_bytes

MEMORY_VARIABLE = "EMCATALOG_MEMORY_LIMIT"
FEW_BYTES = 2**24
"""A request of no more than these is not refused for want of free memory."""

_allowed: ContextVar[int | None] = ContextVar("allowed", default=None)


@runtime_checkable
class Volume(Protocol):
    """One resolution level of one image, read by region.

    Reading is stateless: a volume holds only what is needed to find its bytes.
    """

    @property
    def grid(self) -> Grid:
        """Shape, voxel size and origin."""

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Voxel type, in native byte order."""

    @property
    def chunks(self) -> Triple:
        """What is stored as one piece along z, y, x: a chunk, a strip, a page."""

    def read(self, region: Region) -> NDArray[np.generic]:
        """Voxels of ``region``: exactly its shape and dtype, C order, z, y, x."""

    def read_many(
        self, regions: Sequence[Region]
    ) -> Iterator[tuple[int, NDArray[np.generic]]]:
        """``(index into regions, its voxels)`` as they come, each index once.

        The requests of several regions are in flight, and what regions share is
        fetched and decoded once where the engine can; so the order is the engine's.
        """

    def stored(self, region: Region) -> NDArray[np.bool_]:
        """Which voxels of ``region`` the source really holds (the rest is fill)."""


@dataclass(frozen=True)
class Pyramid:
    """The levels of one image, finest first, and what is known of it.

    ``raw`` holds the tags and attributes of the source as they are, before anything is
    made of them: a mapping of what JSON can hold.
    """

    levels: tuple[Volume, ...]
    record: Record
    raw: Mapping[str, object] = field(default_factory=dict, repr=False)

    def level(self, index: int) -> Volume:
        """The level ``index`` (0 is the finest; negative counts from the coarsest).

        Raises LevelError if the pyramid has no such level.
        """
        count = len(self.levels)
        if not -count <= index < count:
            raise LevelError(
                got=f"level {index}",
                expected=f"0 to {count - 1}" if count > 1 else "0, the only level",
                hint="voxel_nm=SIZE picks the level by voxel size in nanometres",
            )
        return self.levels[index]

    def nearest(self, voxel_nm: float) -> int:
        """Index of the level whose voxels are nearest in size to ``voxel_nm``.

        Sizes are compared as ratios of the geometric mean over z, y and x; of two
        equally near levels the finer wins. Raises OptionError unless it is positive.
        """
        if not (math.isfinite(voxel_nm) and voxel_nm > 0):
            raise OptionError(
                got=f"voxel_nm={voxel_nm}", expected="a positive size in nanometres"
            )
        sizes = [math.prod(v.grid.voxel_size) ** (1 / 3) for v in self.levels]
        return min(range(len(sizes)), key=lambda i: abs(math.log(sizes[i] / voxel_nm)))


def ensure_inside(region: Region, grid: Grid) -> None:
    """Raise GeometryError for a region that is not wholly inside the volume."""
    if any(b > n for b, n in zip(region.stop, grid.shape, strict=True)):
        raise GeometryError(
            got=f"a region up to voxel {region.stop} (z, y, x)",
            expected=f"one inside the volume of {grid.shape} voxels",
        )


def memory_limit() -> int:
    """Bytes that one request may take: EMCATALOG_MEMORY_LIMIT or half of what is free.

    The variable is a number of bytes or a size such as ``4GiB``. Raises OptionError
    if it is neither. Within `allowing` it is what was allowed there.
    """
    told = _told_limit()
    return psutil.virtual_memory().available // 2 if told is None else told


def _told_limit() -> int | None:
    allowed = _allowed.get()
    text = os.environ.get(MEMORY_VARIABLE, "")
    return parse_bytes(text) if allowed is None and text else allowed


@contextmanager
def allowing(limit: int | str | None) -> Iterator[None]:
    """Within it `memory_limit` is ``limit``, as `parse_bytes` reads it, if not None.

    Engines check each read themselves; so one that may be larger is known to them.

    >>> with allowing("1 KiB"):
    ...     memory_limit()
    1024
    """
    before = _allowed.set(_allowed.get() if limit is None else parse_bytes(str(limit)))
    try:
        yield
    finally:
        _allowed.reset(before)


def ensure_fits(shape: Sequence[int], dtype: np.dtype[np.generic]) -> None:
    """Raise MemoryLimitError before an array above `memory_limit` is allocated.

    Up to `FEW_BYTES` only a limit that somebody has set counts.
    """
    wanted = math.prod(shape) * dtype.itemsize
    # what is free is not asked for them: that takes as long as to read a small block
    if wanted <= FEW_BYTES and _told_limit() is None:
        return
    if wanted > (allowed := memory_limit()):
        shown = " x ".join(map(str, shape))
        raise MemoryLimitError(
            got=f"a request for {shown} voxels of {dtype}, {_human(wanted)}",
            expected=f"at most {_human(allowed)} at once",
            hint="take a smaller box with .sel or .isel, a coarser level, or compute "
            f"in pieces with .to_dask(); {MEMORY_VARIABLE} raises the limit",
        )


def _human(size: float) -> str:
    units = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")
    power = min(int(math.log(size, 1024)), len(units) - 1) if size else 0
    return f"{size / 1024**power:.4g} {units[power]}"

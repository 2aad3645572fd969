"""In which chunks dask reads a volume."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from dask.array.core import normalize_chunks

from emcatalog.errors import OptionError
from emcatalog.geometry import AXES
from emcatalog.volume import Volume

Chunks = tuple[tuple[int, ...], ...]
"""Sizes of the dask chunks along each axis."""

CHUNK_BYTES = 8 * 2**20
"""A dask chunk grows by whole storage chunks as long as it is no larger than this."""

MOST_CHUNKS = 90_000
"""Dask graphs of more tasks are slower to plan than to compute."""


def coarse_chunks(volume: Volume, chunk_bytes: int = CHUNK_BYTES) -> dict[str, int]:
    """Dask chunks: multiples of the storage chunks, few even for 10^13 voxels.

    A chunk holds at most ``chunk_bytes``, unless one storage chunk is larger, or there
    would be more than `MOST_CHUNKS` of them. Of a volume whose sections are stored one
    by one it is whole rows, then whole sections, then several: each strip is read once,
    and in order.
    """
    shape, size = volume.grid.shape, volume.dtype.itemsize
    sizes = [min(c, n) for c, n in zip(volume.chunks, shape, strict=True)]
    while (axis := _next_axis(sizes, shape, size, chunk_bytes)) is not None:
        sizes[axis] = min(2 * sizes[axis], shape[axis])
    return dict(zip(AXES, sizes, strict=True))


def _next_axis(
    sizes: Sequence[int], shape: Sequence[int], itemsize: int, limit: int
) -> int | None:
    """The axis along which a chunk of ``sizes`` should become longer, if any."""
    count = math.prod(-(-n // c) for c, n in zip(sizes, shape, strict=True))
    voxels = math.prod(sizes)
    by_section = sizes[0] == 1 < shape[0]
    order = (2, 1, 0) if by_section else sorted((2, 1, 0), key=lambda a: sizes[a])
    for axis in order:
        longer = min(2 * sizes[axis], shape[axis])
        fits = voxels // sizes[axis] * longer * itemsize <= limit
        if longer > sizes[axis] and (fits or count > MOST_CHUNKS):
            return axis
    return None


def dask_chunks(
    volume: Volume, wanted: Any = None, chunk_bytes: int = CHUNK_BYTES
) -> Chunks:
    """The sizes of all dask chunks, by what a user wants of them.

    ``wanted`` is what xarray's ``chunk`` takes: a size, ``"auto"``, sizes for each
    axis, or a mapping from ``z``, ``y`` and ``x`` to these; -1 is the whole axis. What
    it does not name is as in `coarse_chunks`. Raises OptionError for what is no chunk.
    """
    coarse = coarse_chunks(volume, chunk_bytes)
    if wanted is None or isinstance(wanted, Mapping):
        unknown = set(wanted or ()) - set(AXES)
        if unknown:
            raise _misfit(wanted)
        wanted = tuple({**coarse, **(wanted or {})}.values())
    try:
        sizes: Chunks = normalize_chunks(
            wanted,
            volume.grid.shape,
            limit=chunk_bytes,
            dtype=volume.dtype,
            previous_chunks=volume.chunks,
        )
    except (ValueError, TypeError, ArithmeticError) as error:
        raise _misfit(wanted) from error
    if min(map(min, sizes)) < 1:
        raise _misfit(wanted)
    return sizes


def _misfit(wanted: object) -> OptionError:
    return OptionError(
        got=f"chunks={wanted!r:.100}",
        expected="a size in voxels, 'auto', or one of these for each of z, y and x",
        hint="chunks={'z': 64, 'y': 512, 'x': 512}, or leave it out",
    )

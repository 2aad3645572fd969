"""Voxels that a source does not hold: where they are, and what is done about them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from emcatalog.blocks.arrays import ArrayVolume
from emcatalog.blocks.members import Channel
from emcatalog.blocks.resample import Resampled
from emcatalog.errors import OptionError
from emcatalog.geometry import Region, Triple

Voxels = NDArray[np.generic]

POLICIES = ("raise", "fill", "mask", "skip")
ATTEMPTS = 32
"""Places that are tried for one block whose voxels may be missing."""

FEW_PIECES = 256
"""Pieces that are looked at one by one; rows of pages may be pieces, by thousands."""


def checked(missing: object) -> str:
    """``missing``, if it is a policy; OptionError else."""
    if missing not in POLICIES:
        raise OptionError(
            got=f"missing={missing!r:.60}", expected=", ".join(map(repr, POLICIES))
        )
    return str(missing)


def held(channel: Channel, region: Region, voxels: Voxels) -> NDArray[np.bool_] | None:
    """Which of ``voxels`` are real: stored, and numbers. None if all are.

    What is absent is the fill value, so a piece of storage that has two values is
    there. Only where a piece has one value the source is asked.
    """
    real = None
    if voxels.dtype.kind == "f" and np.isnan(voxels.min(initial=np.inf)):
        real = ~np.isnan(voxels)
    if isinstance(channel.volume, ArrayVolume):
        return real
    doubtful: Region | None = region
    if not isinstance(channel.volume, Resampled):  # its voxels are mixed of pieces
        doubtful = _doubtful(channel, region, voxels)
    if doubtful is None:
        return real
    stored = channel.stored(doubtful)
    if stored.all():
        return real
    real = np.ones(voxels.shape, np.bool_) if real is None else real
    real[doubtful.relative_to(region.start).slices] &= stored
    return real


def _doubtful(channel: Channel, region: Region, voxels: Voxels) -> Region | None:
    """A box around all pieces of storage that may be of one value, if there are any."""
    starts = [a + o for a, o in zip(region.start, channel.offset, strict=True)]
    cuts = list(map(_cuts, starts, voxels.shape, channel.volume.chunks))
    alike = _corners(voxels, cuts, 0) == _corners(voxels, cuts, 1)
    if not alike.any():
        return None
    cells = np.argwhere(alike)
    if len(cells) <= FEW_PIECES:
        cells = cells[[_is_constant(voxels[_piece(cuts, cell)]) for cell in cells]]
    if not len(cells):
        return None
    low = (cut[i] for cut, i in zip(cuts, cells.min(0), strict=True))
    high = (cut[i + 1] for cut, i in zip(cuts, cells.max(0), strict=True))
    return Region(_moved(low, region.start), _moved(high, region.start))


def _cuts(start: int, count: int, chunk: int) -> NDArray[np.intp]:
    """Where pieces of ``chunk`` voxels meet in ``count`` voxels from ``start`` on."""
    inner = range(-start % chunk or chunk, count, chunk)
    return np.array([0, *inner, count])


def _corners(voxels: Voxels, cuts: list[NDArray[np.intp]], far: int) -> Voxels:
    """The first voxel of each piece, or the last; thrice as quick as `numpy.ix_`."""
    z, y, x = (cut[1:] - 1 if far else cut[:-1] for cut in cuts)
    return voxels[z[:, None, None], y[:, None], x]


def _piece(cuts: list[NDArray[np.intp]], cell: NDArray[np.intp]) -> tuple[slice, ...]:
    return tuple(slice(cut[i], cut[i + 1]) for cut, i in zip(cuts, cell, strict=True))


def _is_constant(voxels: Voxels) -> bool:
    value = voxels[0, 0, 0]
    # most pieces have two values in their first row
    return bool((voxels[0, 0] == value).all() and (voxels == value).all())


def _moved(place: Iterable[int], start: Triple) -> Triple:
    z, y, x = (int(a) + b for a, b in zip(place, start, strict=True))
    return z, y, x

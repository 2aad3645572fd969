"""Where blocks begin: from centres in nanometres, or from voxels."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emcatalog.errors import LabelError, OptionError, UnitError
from emcatalog.geometry import AXES, Triple
from emcatalog.index import VoxelIndex, nanometres

Starts = NDArray[np.int64]
"""The first voxels of blocks: a row for each, z, y, x."""


def sides(shape: int | Iterable[int]) -> Triple:
    """A shape as three numbers; one is that of a cube. Raises OptionError.

    >>> sides(64)
    (64, 64, 64)
    """
    given = (shape,) * 3 if isinstance(shape, numbers.Integral) else shape
    parts = tuple(given) if isinstance(given, Iterable) else ()
    if len(parts) != 3 or not all(map(_is_count, parts)):
        raise OptionError(
            got=f"the shape {shape!r:.60}",
            expected="voxels along z, y and x, each 1 or more, or one number",
        )
    z, y, x = map(int, parts)
    return z, y, x


def around(indexes: Sequence[VoxelIndex], centers: Any, shape: Triple) -> Starts:
    """Starts of the blocks that lie around ``centers`` (nm), rows of z, y, x.

    Raises LabelError for a centre outside the volume, UnitError for one that is no
    place.
    """
    rows = centers if isinstance(centers, np.ndarray) else [*map(_triple, centers)]
    if not len(rows):
        return np.zeros((0, 3), np.int64)
    places = nanometres(rows)
    if places.ndim != 2 or places.shape[1] != 3:
        raise UnitError(
            got=f"centres of shape {places.shape}",
            expected="z, y and x, in nanometres, for each",
        )
    starts = np.empty(places.shape, np.int64)
    for axis, (index, side) in enumerate(zip(indexes, shape, strict=True)):
        dim = AXES[axis]
        found = index.sel({dim: places[:, axis]}).dim_indexers[dim]
        starts[:, axis] = found - side // 2
    return starts


def at(starts: Any) -> Starts:
    """Starts that are given as voxels, rows of z, y, x. Raises OptionError."""
    rows = starts if isinstance(starts, np.ndarray) else [*map(_row, starts)]
    found = np.asarray(rows)
    if not found.size:
        return np.zeros((0, 3), np.int64)
    if found.dtype.kind not in "iu" or found.ndim != 2 or found.shape[1] != 3:
        raise OptionError(
            got=f"the start {rows[0]!r:.60}",
            expected="z, y and x of the first voxel, whole numbers",
            hint="centres are in nanometres, starts are voxels, as in .isel",
        )
    return found.astype(np.int64)


def inside(starts: Starts, shape: Triple, indexes: Sequence[VoxelIndex]) -> Starts:
    """``starts``, if all blocks lie inside the array; LabelError else."""
    sizes = np.array([index.index.size for index in indexes])
    low, high = starts < 0, starts + np.asarray(shape) > sizes
    if not (low | high).any():
        return starts
    row, axis = (int(i) for i in np.argwhere(low | high)[0])
    first, size, side = int(starts[row, axis]), int(sizes[axis]), shape[axis]
    raise LabelError(
        got=f"block {row}, of {' x '.join(map(str, shape))} voxels (z, y, x), which "
        f"sticks out along {AXES[axis]!r}: voxels {first} to {first + side - 1}",
        expected=f"voxels 0 to {size - 1}{_room(indexes[axis], side)}",
        hint="take a smaller shape, or move the centre; da.pad makes an array larger",
    )


def _room(index: VoxelIndex, side: int) -> str:
    """What centres leave room for ``side`` voxels of an axis."""
    labels, half = index.index.to_numpy(), side // 2
    if side > labels.size:
        return ""
    ends = labels[half], labels[labels.size - side + half]
    low, high = min(ends) - index.step / 2, max(ends) + index.step / 2
    return f"; a centre from {low:.10g} up to, but without, {high:.10g} nm has room"


def _triple(center: Any) -> Any:
    parts = list(center) if np.iterable(center) else []
    if isinstance(center, str) or len(parts) != 3:
        raise UnitError(
            got=f"the centre {center!r:.60}",
            expected="three lengths: z, y and x in nanometres",
            hint="('1.2 um', 4000, 4000)",
        )
    return parts


def _row(start: Any) -> Any:
    return list(start) if np.iterable(start) else start


def _is_count(part: Any) -> bool:
    whole = isinstance(part, numbers.Integral) and not isinstance(part, bool)
    return whole and int(part) > 0

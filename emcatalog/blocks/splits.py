"""Parts of datasets that lie apart: for training, validation and test."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import Any

from emcatalog.blocks.datasets import members
from emcatalog.blocks.members import Member
from emcatalog.blocks.mixing import is_share
from emcatalog.errors import GeometryError, OptionError, UnitError
from emcatalog.geometry import AXES, Region, Triple
from emcatalog.index import nanometres


def split(
    arrays: Any, parts: Mapping[str, float], buffer: Any = 0, axis: str | None = None
) -> dict[str, tuple[Member, ...]]:
    """Cut each dataset along an axis into parts with gaps of ``buffer`` between them.

    ``parts`` names the parts and their sizes, in any unit, in the order in which they
    lie. ``buffer`` is a length (a number of nm, a text, a quantity): from the last face
    of a part to the first of the next it is at least that far. ``axis`` is "z", "y" or
    "x"; by default the longest of each dataset, in nm. What is given back are the
    ``arrays`` of a plan: no block of one, not its halo nor its padding, shows a voxel
    of another.

    Raises GeometryError for a dataset that is too short for its parts, OptionError and
    UnitError for arguments that cannot be.

    >>> import numpy as np, xarray as xr
    >>> from emcatalog.geometry import Grid
    >>> from emcatalog.index import voxel_coords
    >>> grid = Grid((10, 2, 2), (8.0, 8.0, 8.0))
    >>> array = xr.DataArray(np.zeros(grid.shape), voxel_coords(grid))
    >>> told = split(array, {"train": 3, "test": 1}, buffer="16 nm")
    >>> [part[0].within.slices[0] for part in told.values()]
    [slice(0, 6, None), slice(8, 10, None)]
    """
    shares = _shares(parts)
    gap = _buffer(buffer)
    if axis not in (None, *AXES):
        raise OptionError(got=f"axis={axis!r:.60}", expected="'z', 'y' or 'x'")
    cut = [_cut(member, shares, gap, axis) for member in members(arrays)]
    return {
        name: tuple(pieces[number] for pieces in cut)
        for number, name in enumerate(parts)
    }


def _shares(parts: Mapping[str, float]) -> list[Fraction]:
    given = list(parts.values())
    if not given or not all(is_share(part) and part > 0 for part in given):
        raise OptionError(
            got=f"the parts {dict(parts)!r:.200}",
            expected="a positive size for each name, such as {'train': 8, 'test': 2}",
        )
    sizes = [Fraction(part) for part in given]
    return [size / sum(sizes) for size in sizes]


def _buffer(buffer: Any) -> float:
    length = nanometres(buffer)
    if length.ndim or not 0 <= length < math.inf:
        raise UnitError(
            got=f"buffer={buffer!r:.60}", expected="one length of at least 0"
        )
    return float(length)


def _cut(
    member: Member, shares: list[Fraction], buffer: float, named: str | None
) -> list[Member]:
    shape, sizes = member.within.shape, member.grid.voxel_size
    lengths = [n * s for n, s in zip(shape, sizes, strict=True)]
    axis = AXES.index(named) if named else lengths.index(max(lengths))
    # 8 nm are no two voxels of 4.0000000001 nm
    gap = math.ceil(round(buffer / sizes[axis], 6))
    left = shape[axis] - gap * (len(shares) - 1)
    ends = [0, *(int(left * end) for end in accumulate(shares))]
    if any(a >= b for a, b in pairwise(ends)):
        raise GeometryError(
            entry=member.name,
            got=f"{shape[axis]} voxels along {AXES[axis]!r}, for {len(shares)} parts "
            f"with {gap} voxels ({buffer:g} nm) between them",
            expected="a voxel at least for each part",
            hint="fewer parts, a smaller buffer, another axis, or whole datasets for "
            "each part",
        )
    first = member.within.start[axis]
    return [
        member.cropped(
            _slab(member.within, axis, first + a + i * gap, first + b + i * gap)
        )
        for i, (a, b) in enumerate(pairwise(ends))
    ]


def _slab(within: Region, axis: int, start: int, stop: int) -> Region:
    low, high = list(within.start), list(within.stop)
    low[axis], high[axis] = start, stop
    return Region(_triple(low), _triple(high))


def _triple(values: list[int]) -> Triple:
    z, y, x = values
    return z, y, x

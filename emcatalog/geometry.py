"""Grid and Region: which voxel is where, in nanometres. Pure arithmetic.

All triples are in z, y, x order. A `Grid` is regular: the centre of voxel ``i`` of an
axis lies at ``origin + i * voxel_size``. Positions are rounded to `DIGITS` decimals of
a nanometre, so that 3 * 2.96 is 8.88 and a label that a person types is found.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emcatalog.errors import GeometryError

AXES = ("z", "y", "x")
DIGITS = 6
LONGEST_AXIS = 2**25
"""Voxels along one axis. Each has a coordinate of 8 bytes; a longer axis is damage."""

LONGEST_NM = 1e18
"""Nanometres (10^6 km) that a voxel or an origin stays below; more is damage."""

Triple = tuple[int, int, int]
Lengths = tuple[float, float, float]


@dataclass(frozen=True)
class Region:
    """A half-open box of voxels: ``start <= index < stop`` on each axis.

    Raises GeometryError where a stop lies before its start or a start is negative.

    >>> Region((0, 0, 0), (2, 3, 4)).shape
    (2, 3, 4)
    """

    start: Triple
    stop: Triple

    def __post_init__(self) -> None:
        if any(a < 0 or b < a for a, b in zip(self.start, self.stop, strict=True)):
            raise GeometryError(
                got=f"a region from voxel {self.start} to {self.stop}",
                expected="0 <= start <= stop on z, y and x",
                hint="indices count from 0; the stop is not included",
            )

    @property
    def shape(self) -> Triple:
        """Voxels along z, y and x."""
        z, y, x = (b - a for a, b in zip(self.start, self.stop, strict=True))
        return z, y, x

    @property
    def size(self) -> int:
        """Number of voxels."""
        return math.prod(self.shape)

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """The region as an index into an array of the whole volume."""
        z, y, x = (slice(a, b) for a, b in zip(self.start, self.stop, strict=True))
        return z, y, x

    def relative_to(self, corner: Triple) -> Region:
        """The same voxels, counted from ``corner``."""
        return Region(_minus(self.start, corner), _minus(self.stop, corner))

    def intersect(self, other: Region) -> Region:
        """The voxels that are in both; empty (and anywhere) if there are none."""
        start = _triple(map(max, self.start, other.start))
        stop = _triple(map(min, self.stop, other.stop))
        return Region(start, _triple(map(max, start, stop)))

    def tiles(self, shape: Sequence[int]) -> Iterator[Region]:
        """Cut into tiles of the lattice of ``shape`` that starts at voxel 0.

        The tiles partition the region: no voxel is left out or met twice. Raises
        GeometryError for a tile without voxels.

        >>> [t.slices[0] for t in Region((3, 0, 0), (9, 1, 1)).tiles((4, 1, 1))]
        [slice(3, 4, None), slice(4, 8, None), slice(8, 9, None)]
        """
        if any(n < 1 for n in shape):
            raise GeometryError(
                got=f"tiles of {tuple(shape)} voxels (z, y, x)",
                expected="at least one voxel on each axis",
            )
        first = [a // n for a, n in zip(self.start, shape, strict=True)]
        last = [-(-b // n) for b, n in zip(self.stop, shape, strict=True)]
        counts = [max(0, b - a) for a, b in zip(first, last, strict=True)]
        for place in np.ndindex(*counts):
            tile = [a + int(i) for a, i in zip(first, place, strict=True)]
            start = _triple(t * n for t, n in zip(tile, shape, strict=True))
            stop = _triple((t + 1) * n for t, n in zip(tile, shape, strict=True))
            cut = self.intersect(Region(start, stop))
            if cut.size:
                yield cut


@dataclass(frozen=True)
class Grid:
    """Where the voxels of a volume lie: shape, voxel size and origin, in nanometres.

    ``origin`` is the centre of voxel (0, 0, 0). Raises GeometryError for an empty axis,
    for one longer than `LONGEST_AXIS`, and for a voxel size that is not a positive,
    finite length.

    >>> grid = Grid((564, 2520, 2596), (2.96, 4.0, 4.0))
    >>> float(grid.centres(0)[3])
    8.88
    >>> grid.extent
    (1669.44, 10080.0, 10384.0)
    """

    shape: Triple
    voxel_size: Lengths
    origin: Lengths = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        _check_triples(self)
        if any(n < 1 for n in self.shape):
            raise GeometryError(
                got=f"the shape {self.shape} (z, y, x)",
                expected="at least one voxel on each axis",
                hint="the source may be empty or its header damaged",
            )
        if any(n > LONGEST_AXIS for n in self.shape):
            raise GeometryError(
                got=f"the shape {self.shape} (z, y, x)",
                expected=f"at most {LONGEST_AXIS} voxels on each axis",
                hint="the source's metadata are damaged",
            )
        if not all(0 < s < LONGEST_NM for s in self.voxel_size):
            raise GeometryError(
                got=f"the voxel size {self.voxel_size} nm (z, y, x)",
                expected="three positive lengths",
                hint="declare the right one with voxel_size_nm=[z, y, x]",
            )
        if not all(abs(o) < LONGEST_NM for o in self.origin):
            raise GeometryError(
                got=f"the origin {self.origin} nm (z, y, x)",
                expected="three finite positions",
                hint="the transformation in the source's metadata is damaged",
            )

    @property
    def extent(self) -> Lengths:
        """Physical size along z, y and x, in nanometres."""
        pairs = zip(self.shape, self.voxel_size, strict=True)
        z, y, x = (round(n * s, DIGITS) for n, s in pairs)
        return z, y, x

    @property
    def region(self) -> Region:
        """Every voxel."""
        return Region((0, 0, 0), self.shape)

    def centres(self, axis: int) -> NDArray[np.float64]:
        """Voxel centres along ``axis`` (0 is z), in nanometres, float64.

        Formula: ``origin + i * voxel_size``, rounded to 1e-6 nm.
        """
        steps = np.arange(self.shape[axis], dtype=np.float64)
        centres = self.origin[axis] + steps * self.voxel_size[axis]
        # adding 0.0 turns -0.0 into 0.0
        return np.round(centres, DIGITS) + 0.0

    def edges(self, axis: int) -> tuple[float, float]:
        """Where the volume begins and ends along ``axis``, in nanometres."""
        low = self.origin[axis] - self.voxel_size[axis] / 2
        high = low + self.shape[axis] * self.voxel_size[axis]
        return round(low, DIGITS), round(high, DIGITS)

    def covering(self, low: Lengths, high: Lengths) -> Region:
        """The voxels whose centres lie in ``low <= centre < high`` (nanometres).

        Boxes that share a face share no voxel, so tiles partition the volume. What
        lies outside the volume is cut away; the region is empty if nothing is left.
        Raises GeometryError for a bound that is not a number.
        """
        if any(map(math.isnan, (*low, *high))):
            raise GeometryError(
                got=f"a box from {low} to {high} nm (z, y, x)",
                expected="bounds that are numbers",
                hint="an infinite bound leaves an end open",
            )
        bounds = [
            np.searchsorted(self.centres(axis), np.round([a, b], DIGITS))
            for axis, (a, b) in enumerate(zip(low, high, strict=True))
        ]
        start = _triple(int(a) for a, _ in bounds)
        return Region(start, _triple(max(int(a), int(b)) for a, b in bounds))


def _check_triples(grid: Grid) -> None:
    for name in ("shape", "voxel_size", "origin"):
        value = getattr(grid, name)
        if len(value) != 3:
            raise GeometryError(
                got=f"{name} {value}", expected="three numbers: z, y, x"
            )


def _triple(values: Iterable[int]) -> Triple:
    z, y, x = values
    return z, y, x


def _minus(a: Triple, b: Triple) -> Triple:
    return _triple(p - q for p, q in zip(a, b, strict=True))

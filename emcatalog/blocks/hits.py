"""Voxels that are wanted: found on a coarse level, then looked at exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emcatalog.blocks.coarse import Look, cells_of, counts
from emcatalog.blocks.counter import Draws
from emcatalog.blocks.members import Channel
from emcatalog.blocks.places import Space
from emcatalog.errors import CorruptError, OptionError
from emcatalog.geometry import Region, Triple

Voxels = NDArray[np.generic]
Wanted = Callable[[Any], Any]
"""True or False for each voxel of an array: pure, picklable, of the voxel alone."""

CELLS = 2**18
"""Cells in which hits are counted, at most: of each 16 bytes are kept."""


def nonzero(voxels: Voxels) -> NDArray[np.bool_]:
    """Where voxels are something: not 0, and numbers."""
    # what is no number does not even equal itself
    return np.asarray((voxels != 0) & (voxels == voxels))  # noqa: PLR0124


@dataclass(frozen=True)
class Among:
    """Where voxels have one of ``values``."""

    values: tuple[Any, ...]

    def __call__(self, voxels: Voxels) -> NDArray[np.bool_]:
        """True where they have."""
        if len(self.values) == 1:
            return np.asarray(voxels == self.values[0])
        return np.isin(voxels, self.values)


def wanted_of(given: Any) -> Wanted:
    """What is wanted: values, or a function; `nonzero` if nobody says."""
    if given is None:
        return nonzero
    if callable(given):
        return given  # type: ignore[no-any-return]
    values = tuple(given) if isinstance(given, Iterable) else (given,)
    if not values or isinstance(given, str):
        raise OptionError(
            got=f"wanted={given!r:.60}", expected="values of voxels, or a function"
        )
    return Among(values)


@dataclass(frozen=True, eq=False)
class Hits:
    """All wanted voxels of an array, of which one can be drawn.

    ``look`` is the level on which they were counted, ``cell`` the shape in which, and
    ``ends`` are the sums of hits up to each cell of ``numbers``: so much memory as the
    cells take. ``mask`` is the array in the voxels of ``space``.
    """

    space: Space
    mask: Channel
    wanted: Wanted
    look: Look
    cell: Triple
    numbers: NDArray[np.int64] = field(repr=False)
    ends: NDArray[np.int64] = field(repr=False)

    @property
    def total(self) -> int:
        """Number of wanted voxels on the level that was looked at."""
        return int(self.ends[-1])

    def attempt(self, draws: Draws) -> Triple | None:
        """A wanted voxel of the dataset; None if this draw has come to nothing.

        Each wanted voxel that belongs to a wanted one of the coarse level is drawn as
        often as any other: of a coarse voxel each fine one is tried equally often, and
        only the wanted ones are taken.
        """
        voxel = self._counted(draws.below(self.total))
        if self.look.steps == 0:
            return voxel
        found = []
        for axis, most in enumerate(self.look.most):
            first = self.look.first(axis, voxel[axis])
            found.append(first + draws.below(most))
            if found[-1] >= self.look.first(axis, voxel[axis] + 1):
                return None
        within = self.space.member.within
        ends = zip(within.start, found, within.stop, strict=True)
        if not all(low <= v < high for low, v, high in ends):
            return None
        z, y, x = found
        one = self.mask.read(Region((z, y, x), (z + 1, y + 1, x + 1)))
        return (z, y, x) if checked(self.wanted, one).item() else None

    def _counted(self, number: int) -> Triple:
        """The hit ``number`` of the coarse level."""
        turn = int(np.searchsorted(self.ends, number, "right"))
        left = number - (int(self.ends[turn - 1]) if turn else 0)
        region = _cell(self.look.region, self.cell, int(self.numbers[turn]))
        ((_, voxels, real),) = self.look.read([region])
        hits = np.argwhere(checked(self.wanted, voxels) & real)
        if left >= len(hits):
            raise CorruptError(
                entry=self.mask.entry,
                got=f"{len(hits)} wanted voxels where more were when it was looked at",
                expected="an array that stays as it is",
                hint="make the plan anew",
            )
        z, y, x = (int(a + i) for a, i in zip(region.start, hits[left], strict=True))
        return z, y, x


def checked(wanted: Wanted, voxels: Voxels) -> NDArray[np.bool_]:
    """Which of ``voxels`` are wanted; OptionError if ``wanted`` does not say so."""
    found = np.asarray(wanted(voxels))
    if found.dtype != np.bool_ or found.shape != voxels.shape:
        raise OptionError(
            got=f"{found.dtype} of shape {found.shape} from wanted={wanted!r:.60}",
            expected=f"True or False for each of {voxels.shape} voxels",
            hint="wanted=[1, 2] takes these values; a function such as lambda v: v > 0 "
            "must be a named one, to be sent to other processes",
        )
    return found


Tally = dict[Any, tuple[NDArray[np.int64], NDArray[np.int64]]]
"""For each class, the cells that have some of it, and how many."""


def tally(look: Look, cell: Triple, sorted_out: Callable[[Voxels], Any]) -> Tally:
    """What `sorted_out` finds, as ``(class, where)`` in each piece, cell by cell."""
    found: dict[Any, list[tuple[Any, Any]]] = {}
    for region, voxels, real in look.read(look.pieces(cell)):
        numbers = _numbers(look.region, cell, region)
        for name, where in sorted_out(voxels):
            sums = _sums(where & real, region, cell).ravel()
            some = np.flatnonzero(sums)
            if some.size:
                found.setdefault(name, []).append((numbers[some], sums[some]))
    return {name: _ordered(parts) for name, parts in found.items()}


def _ordered(parts: Sequence[tuple[Any, Any]]) -> tuple[Any, Any]:
    numbers = np.concatenate([part[0] for part in parts])
    sums = np.concatenate([part[1] for part in parts])
    order = np.argsort(numbers)  # pieces come in any order
    return numbers[order], np.cumsum(sums[order])


def hit_cells(look: Look) -> Triple:
    """The shape of cells in which hits are counted."""
    return cells_of(look, (1, 1, 1), CELLS)


def _sums(where: NDArray[np.bool_], region: Region, cell: Triple) -> NDArray[np.int64]:
    """How many are True in each cell that ``region`` meets."""
    sums: Any = where
    for axis, (start, stop, side) in enumerate(
        zip(region.start, region.stop, cell, strict=True)
    ):
        cuts = np.arange(start // side, -(-stop // side)) * side - start
        sums = np.add.reduceat(sums, np.maximum(cuts, 0), axis, np.int64)
    return np.asarray(sums)


def _numbers(whole: Region, cell: Triple, region: Region) -> NDArray[np.int64]:
    """The numbers of the cells that ``region`` meets, among those of ``whole``."""
    shape = counts(whole, cell)
    axes = []
    for low, start, stop, side in zip(
        whole.start, region.start, region.stop, cell, strict=True
    ):
        axes.append(np.arange(start // side, -(-stop // side)) - low // side)
    z, y, x = np.meshgrid(*axes, indexing="ij")
    return ((z * shape[1] + y) * shape[2] + x).ravel().astype(np.int64)


def _cell(whole: Region, cell: Triple, number: int) -> Region:
    """The voxels of a cell that lie in ``whole``."""
    places = np.unravel_index(number, counts(whole, cell))
    axes = zip(places, whole.start, cell, strict=True)
    z, y, x = ((int(i) + low // side) * side for i, low, side in axes)
    a, b, c = cell
    return whole.intersect(Region((z, y, x), (z + a, y + b, x + c)))

"""What stands where a block sticks out of its volume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emcatalog.blocks.places import Place
from emcatalog.errors import OptionError
from emcatalog.geometry import Region

Voxels = NDArray[np.generic]

NEVER = "never"
MODES = ("reflect", "edge", "constant")


def checked(pad: object) -> str:
    """``pad``, if it is "never" or a mode; OptionError else."""
    if pad not in (NEVER, *MODES):
        raise OptionError(
            got=f"pad={pad!r:.60}", expected=f"{NEVER!r}, {', '.join(map(repr, MODES))}"
        )
    return str(pad)


@dataclass(frozen=True)
class Cut:
    """How a block is made of the voxels that are there.

    ``region`` is read; ``take`` are the voxels of it that stand along z, y and x of the
    block, and ``inside`` is True where they stand at their own place. Both are None for
    a block that lies inside.
    """

    region: Region
    take: tuple[NDArray[np.intp], ...] | None = None
    inside: NDArray[np.bool_] | None = None
    blank: bool = False

    @classmethod
    def of(cls, place: Place, within: Region, pad: str) -> Cut:
        """What to read for ``place`` in a volume of which ``within`` may be read."""
        low = all(a >= b for a, b in zip(place.start, within.start, strict=True))
        if low and all(a <= b for a, b in zip(place.stop, within.stop, strict=True)):
            return cls(Region(place.start, place.stop))
        axes = zip(place.start, place.shape, within.start, within.stop, strict=True)
        held, inside = zip(*(_along(*axis, pad) for axis in axes), strict=True)
        first = [int(v.min()) for v in held]
        last = [int(v.max()) for v in held]
        region = Region(
            (first[0], first[1], first[2]), (last[0] + 1, last[1] + 1, last[2] + 1)
        )
        z, y, x = inside
        there = z[:, None, None] & y[:, None] & x
        take = tuple(v - a for v, a in zip(held, first, strict=True))
        return cls(region, take, there, pad == "constant")

    def filled(self, voxels: Voxels) -> Voxels:
        """The block, made of the voxels of ``region``; C order."""
        if self.take is None or self.inside is None:
            return voxels
        block = np.ascontiguousarray(voxels[np.ix_(*self.take)])
        if self.blank:
            block[~self.inside] = 0
        return block

    def spread(self, real: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
        """The mask of the block, made of that of ``region``; None if all is real."""
        if self.take is None or self.inside is None:
            return real
        return self.inside if real is None else real[np.ix_(*self.take)] & self.inside


def _along(
    start: int, count: int, first: int, stop: int, pad: str
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """The voxels that stand for those of an axis, and whether they are the same."""
    voxels = np.arange(start, start + count)
    if pad == "reflect" and stop - first > 1:
        # mirrored at the outermost voxels, which are not repeated
        period = 2 * (stop - first - 1)
        along = (voxels - first) % period
        held = first + np.minimum(along, period - along)
    else:
        held = np.clip(voxels, first, stop - 1)
    return held, held == voxels

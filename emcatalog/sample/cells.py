"""Cells that fill space: an additively weighted Voronoi diagram of stretched seeds.

Each seed measures distance along its own axis in a shorter metric, so cells are long
in different directions, as neurites are, and its weight makes it thick or thin. The
distance from a membrane is half the difference between the two nearest seeds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from emcatalog.sample.noise import Floats, uniform

FAR = 60.0
"""Membrane distances are cut off here (nm): deeper inside, nothing depends on them."""


_FEW = 3
_SMALL = 4096


class Place(NamedTuple):
    """Where points lie: arrays of one shape."""

    cell: NDArray[np.int32]
    """Index of the cell."""
    other: NDArray[np.int32]
    """Index of the nearest other cell; -1 where the membrane is `FAR` or more away."""
    depth: Floats
    """Distance from the boundary between the two, in nm, at most `FAR`."""


@dataclass(frozen=True, eq=False)
class Cells:
    """The seeds: positions (z, y, x in nm), axes, stretch and weights."""

    position: NDArray[np.float32]
    axis: NDArray[np.float32]
    stretch: NDArray[np.float32]
    weight: NDArray[np.float32]

    def locate(self, points: tuple[Floats, Floats, Floats]) -> Place:
        """Find the cell of each point; ``points`` are z, y and x arrays of one shape.

        Points that lie close together are found fastest: a bunch is halved until few
        seeds can matter for any point of it, and only those are measured.
        """
        shape = points[0].shape
        place = Place(
            np.empty(shape, np.int32),
            np.empty(shape, np.int32),
            np.empty(shape, np.float32),
        )
        self._fill(points, place)
        return place

    def _fill(self, points: tuple[Floats, Floats, Floats], place: Place) -> None:
        """Write the places of ``points`` into arrays of the same shape."""
        near = self._reachable(points)
        if len(near) <= _FEW or points[0].size <= _SMALL:
            self._measure(near, points, place)
            return
        longest = max(range(points[0].ndim), key=lambda k: points[0].shape[k])
        middle = points[0].shape[longest] // 2
        for half in (slice(None, middle), slice(middle, None)):
            cut = (slice(None),) * longest + (half,)
            z, y, x = (p[cut] for p in points)
            self._fill((z, y, x), Place(*(array[cut] for array in place)))

    def _measure(
        self,
        near: NDArray[np.int64],
        points: tuple[Floats, Floats, Floats],
        place: Place,
    ) -> None:
        """Compare the seeds ``near`` at every point."""
        cell, other, depth = place
        best = self._distance(int(near[0]), points)
        second = np.full(best.shape, np.float32(1e9))
        cell[...] = near[0]
        other[...] = -1
        for k in near[1:]:
            far = self._distance(int(k), points)
            closer = far < best
            np.copyto(other, np.int32(k), where=far < second)
            np.copyto(other, cell, where=closer)
            np.copyto(cell, np.int32(k), where=closer)
            np.minimum(second, np.maximum(best, far), out=second)
            np.minimum(best, far, out=best)
        np.minimum((second - best) * np.float32(0.5), np.float32(FAR), out=depth)
        other[depth >= FAR] = -1

    def _distance(self, k: int, points: tuple[Floats, Floats, Floats]) -> Floats:
        """Weighted distance of every point from seed ``k``."""
        along = square = np.float32(0)
        for p, centre, u in zip(points, self.position[k], self.axis[k], strict=True):
            q = p - centre
            along = along + q * u
            square = square + q * q
        square = square - along * along * self.stretch[k]
        return np.sqrt(square) - self.weight[k]

    def _reachable(self, points: tuple[Floats, Floats, Floats]) -> NDArray[np.int64]:
        """Seeds that can be nearest, or matter for the depth, at one of the points.

        A weighted distance changes by at most the distance moved, so its value in the
        middle of the bunch bounds it everywhere, give or take the radius.
        """
        low = np.array([p.min() for p in points])
        high = np.array([p.max() for p in points])
        radius = float(np.sqrt((((high - low) / 2) ** 2).sum()))
        q = (low + high) / 2 - self.position
        along = (q * self.axis).sum(axis=1)
        far = np.sqrt((q * q).sum(axis=1) - self.stretch * along**2) - self.weight
        return np.flatnonzero(far <= far.min() + 2 * radius + 2 * FAR + 1)


def scatter(seed: int, box: tuple[Floats, Floats], spacing: float) -> Cells:
    """Place seeds about ``spacing`` nm apart in a box given by its two corners.

    The box should reach some spacings beyond the volume that is looked at.
    """
    first, last = (np.floor(corner / spacing).astype(int) for corner in box)
    ranges = [np.arange(a, b + 1) for a, b in zip(first, last, strict=True)]
    index = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, 3)
    columns = [index[:, k] for k in range(3)]
    draw = [uniform(seed, *columns, np.array([k])) for k in range(8)]
    jitter = np.stack(draw[:3], axis=1)
    axis = np.stack(draw[3:6], axis=1) - 0.5
    axis /= np.sqrt((axis * axis).sum(axis=1, keepdims=True)) + 1e-9
    return Cells(
        position=((index + jitter) * spacing).astype(np.float32),
        axis=axis.astype(np.float32),
        stretch=(0.85 * draw[6]).astype(np.float32),
        weight=((draw[7] - 0.5) * spacing * 0.7).astype(np.float32),
    )

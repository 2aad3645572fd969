"""Cells that fill space: an additively weighted Voronoi diagram of stretched seeds.

Each seed measures distance along its own axis in a shorter metric, so cells are long
in different directions, as neurites are, and its weight makes it thick or thin. The
distance from a membrane is half the difference between the two nearest seeds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from emcatalog.sample.noise import Floats, uniform

FAR = 40.0
"""Membrane distances are cut off here (nm): deeper inside, nothing depends on them."""


Points: TypeAlias = tuple[Floats, Floats, Floats]
"""Positions z, y and x in nm: three arrays of one shape."""
_FEW, _MANY = 3, 12
_ENOUGH = 40_000
"""Work (seeds times points) at which halving a bunch costs more than it saves."""


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

    def locate(self, points: Points) -> Place:
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
        self._fill(np.arange(len(self.weight)), points, place)
        return place

    def _fill(self, among: NDArray[np.int64], points: Points, place: Place) -> None:
        """Write the places of ``points``, all in cells of ``among``, into ``place``."""
        near = self._reachable(among, points)
        size = points[0].size
        if len(near) <= _FEW or len(near) * size <= _ENOUGH or size < 2:
            self._measure(near, points, place)
            return
        cut: tuple[slice, ...] = (slice(None),) * _longest(points)
        middle = points[0].shape[len(cut)] // 2
        for half in (slice(None, middle), slice(middle, None)):
            z, y, x = (p[*cut, half] for p in points)
            part = Place(
                place.cell[*cut, half], place.other[*cut, half], place.depth[*cut, half]
            )
            self._fill(near, (z, y, x), part)

    def _measure(self, near: NDArray[np.int64], points: Points, place: Place) -> None:
        """Compare the seeds ``near`` at every point."""
        z, y, x = (p.ravel() for p in points)
        look = self._sort if len(near) > _MANY else self._compare
        cell, other, depth = look(near, (z, y, x))
        self._straighten((z, y, x), Place(cell, other, depth))
        np.minimum(depth, np.float32(FAR), out=depth)
        other[depth >= FAR] = -1
        for target, found in zip(place, (cell, other, depth), strict=True):
            target[...] = found.reshape(target.shape)

    def _compare(self, near: NDArray[np.int64], points: Points) -> Place:
        """Seed by seed: fast for few seeds and many points."""
        best = self._distance(near[:1], points)
        second = np.full(best.shape, np.float32(1e9))
        cell = np.full(best.shape, near[0], np.int32)
        other = cell.copy()
        for k in near[1:]:
            far = self._distance(np.array([k]), points)
            closer = far < best
            np.copyto(other, np.int32(k), where=far < second)
            np.copyto(other, cell, where=closer)
            np.copyto(cell, np.int32(k), where=closer)
            np.minimum(second, np.maximum(best, far), out=second)
            np.minimum(best, far, out=best)
        return Place(cell, other, (second - best) * np.float32(0.5))

    def _sort(self, near: NDArray[np.int64], points: Points) -> Place:
        """All seeds at once: fast for many seeds and few points; the same result."""
        z, y, x = (p[:, np.newaxis] for p in points)
        table = self._distance(near, (z, y, x))
        rows = np.arange(len(table))
        first = table.argmin(axis=-1)
        best = table[rows, first]
        table[rows, first] = np.inf
        then = table.argmin(axis=-1)
        depth = (table[rows, then] - best) * np.float32(0.5)
        return Place(near[first].astype(np.int32), near[then].astype(np.int32), depth)

    def _straighten(self, points: Points, place: Place) -> None:
        """Divide depths by their slope, so that membranes are equally thick.

        Where two seeds pull in almost the same direction, half the difference of
        their distances grows slowly; by its gradient it becomes a length again.
        """
        near = place.depth < FAR
        if not near.any():
            return
        z, y, x = (p[near] for p in points)
        square: Floats = np.zeros(len(z), np.float32)
        one = self._gradient(place.cell[near], (z, y, x))
        two = self._gradient(place.other[near], (z, y, x))
        for a, b in zip(one, two, strict=True):
            square = square + (a - b) * (a - b)
        slope = np.maximum(np.sqrt(square) * np.float32(0.5), np.float32(0.05))
        place.depth[near] /= slope

    def _gradient(self, seeds: NDArray[np.int32], points: Points) -> list[Floats]:
        """Gradient (z, y, x) of the distance of each point from its seed."""
        axes = [np.take(self.axis[:, k], seeds) for k in range(3)]
        q = [p - np.take(self.position[:, k], seeds) for k, p in enumerate(points)]
        along = q[0] * axes[0] + q[1] * axes[1] + q[2] * axes[2]
        pull = along * np.take(self.stretch, seeds)
        length = q[0] * q[0] + q[1] * q[1] + q[2] * q[2] - along * pull
        scale = 1 / np.sqrt(np.maximum(length, np.float32(1)))
        return [(a - pull * u) * scale for a, u in zip(q, axes, strict=True)]

    def _distance(self, seeds: NDArray[np.int64], points: Points) -> Floats:
        """Weighted distance of every point from ``seeds``, one or as many as points."""
        z, y, x = (p - self.position[seeds, k] for k, p in enumerate(points))
        u, v, w = (self.axis[seeds, k] for k in range(3))
        along = z * u + y * v + x * w
        square = z * z + y * y + x * x - along * along * self.stretch[seeds]
        # rounding can take a little too much away close to a seed
        return np.asarray(np.sqrt(np.maximum(square, 0)) - self.weight[seeds])

    def _reachable(self, among: NDArray[np.int64], points: Points) -> NDArray[np.int64]:
        """Seeds of ``among`` that can matter for some point.

        A weighted distance changes by at most the distance moved, so its value in the
        middle of the bunch bounds it everywhere, give or take the radius.
        """
        low = np.array([p.min() for p in points])
        high = np.array([p.max() for p in points])
        radius = float(np.sqrt((((high - low) / 2) ** 2).sum()))
        q = (low + high) / 2 - self.position[among]
        along = (q * self.axis[among]).sum(axis=1)
        square = (q * q).sum(axis=1) - self.stretch[among] * along**2
        far = np.sqrt(np.maximum(square, 0)) - self.weight[among]
        return np.asarray(among[far <= far.min() + 2 * radius + 2 * FAR + 1])


def _longest(points: Points) -> int:
    """The axis of the arrays along which the points reach farthest."""
    ndim = points[0].ndim
    reach = []
    for axis in range(ndim):
        end = tuple(-1 if k == axis else 0 for k in range(ndim))
        reach.append(sum(float(p[end] - p.flat[0]) ** 2 for p in points))
    return max(range(ndim), key=reach.__getitem__)


def scatter(
    seed: int, box: tuple[Floats, Floats], spacing: float, variety: float
) -> Cells:
    """Place seeds about ``spacing`` nm apart in a box given by its two corners.

    A few cells are thicker than the others, by up to ``variety`` spacings. The box
    should reach some spacings beyond the volume that is looked at.
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
        stretch=(0.8 * draw[6]).astype(np.float32),
        weight=(draw[7] ** 3 * spacing * variety).astype(np.float32),
    )

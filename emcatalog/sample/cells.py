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

FAR = 40.0
"""Membrane distances are cut off here (nm): deeper inside, nothing depends on them."""


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
        self._fill(np.arange(len(self.weight)), points, place)
        return place

    def _fill(
        self,
        among: NDArray[np.int64],
        points: tuple[Floats, Floats, Floats],
        place: Place,
    ) -> None:
        """Write the places of ``points``, all in cells of ``among``, into ``place``."""
        near = self._reachable(among, points)
        size = points[0].size
        if len(near) <= _FEW or len(near) * size <= _ENOUGH or size < 2:
            self._measure(near, points, place)
            return
        longest = max(range(points[0].ndim), key=lambda k: points[0].shape[k])
        middle = points[0].shape[longest] // 2
        for half in (slice(None, middle), slice(middle, None)):
            cut = (slice(None),) * longest + (half,)
            z, y, x = (p[cut] for p in points)
            self._fill(
                near,
                (z, y, x),
                Place(place.cell[cut], place.other[cut], place.depth[cut]),
            )

    def _measure(
        self,
        near: NDArray[np.int64],
        points: tuple[Floats, Floats, Floats],
        place: Place,
    ) -> None:
        """Compare the seeds ``near`` at every point."""
        depth = place.depth
        if len(near) > _MANY:
            best, second = self._sort(near, points, place)
        else:
            best, second = self._compare(near, points, place)
        np.subtract(second, best, out=depth)
        depth *= np.float32(0.5)
        self._straighten(points, place)
        np.minimum(depth, np.float32(FAR), out=depth)
        place.other[depth >= FAR] = -1

    def _compare(
        self,
        near: NDArray[np.int64],
        points: tuple[Floats, Floats, Floats],
        place: Place,
    ) -> tuple[Floats, Floats]:
        """Seed by seed: fast for few seeds and many points."""
        cell, other, _ = place
        best = self._distance(near[:1], points)
        second = np.full(best.shape, np.float32(1e9))
        cell[...] = near[0]
        other[...] = near[0]
        for k in near[1:]:
            far = self._distance(np.array([k]), points)
            closer = far < best
            np.copyto(other, np.int32(k), where=far < second)
            np.copyto(other, cell, where=closer)
            np.copyto(cell, np.int32(k), where=closer)
            np.minimum(second, np.maximum(best, far), out=second)
            np.minimum(best, far, out=best)
        return best, second

    def _sort(
        self,
        near: NDArray[np.int64],
        points: tuple[Floats, Floats, Floats],
        place: Place,
    ) -> tuple[Floats, Floats]:
        """All seeds at once: fast for many seeds and few points; the same result."""
        z, y, x = (p[..., np.newaxis] for p in points)
        table = self._distance(near, (z, y, x))
        found = []
        for target in (place.cell, place.other):
            first = table.argmin(axis=-1)[..., np.newaxis]
            target[...] = near[first[..., 0]]
            found.append(np.take_along_axis(table, first, axis=-1)[..., 0])
            np.put_along_axis(table, first, np.float32(np.inf), axis=-1)
        return found[0], found[1]

    def _straighten(self, points: tuple[Floats, Floats, Floats], place: Place) -> None:
        """Divide depths by their slope, so that membranes are equally thick.

        Where two seeds pull in almost the same direction, half the difference of
        their distances grows slowly; by its gradient it becomes a length again.
        """
        near = place.depth < FAR
        if not near.any():
            return
        spots = tuple(p[near] for p in points)
        square: Floats = np.zeros(int(near.sum()), np.float32)
        one = self._gradient(place.cell[near], spots)
        two = self._gradient(place.other[near], spots)
        for a, b in zip(one, two, strict=True):
            square = square + (a - b) * (a - b)
        slope = np.maximum(np.sqrt(square) * np.float32(0.5), np.float32(0.05))
        place.depth[near] /= slope

    def _gradient(
        self, seeds: NDArray[np.int32], points: tuple[Floats, ...]
    ) -> list[Floats]:
        """Gradient (z, y, x) of the distance of each point from its seed."""
        axes = [np.take(self.axis[:, k], seeds) for k in range(3)]
        q = [p - np.take(self.position[:, k], seeds) for k, p in enumerate(points)]
        along = q[0] * axes[0] + q[1] * axes[1] + q[2] * axes[2]
        pull = along * np.take(self.stretch, seeds)
        length = q[0] * q[0] + q[1] * q[1] + q[2] * q[2] - along * pull
        scale = 1 / np.sqrt(np.maximum(length, np.float32(1)))
        return [(a - pull * u) * scale for a, u in zip(q, axes, strict=True)]

    def _distance(
        self, seeds: NDArray[np.int64], points: tuple[Floats, Floats, Floats]
    ) -> Floats:
        """Weighted distance of every point from ``seeds``, one or as many as points."""
        z, y, x = (p - self.position[seeds, k] for k, p in enumerate(points))
        u, v, w = (self.axis[seeds, k] for k in range(3))
        along = z * u + y * v + x * w
        square = z * z + y * y + x * x - along * along * self.stretch[seeds]
        # rounding can take a little too much away close to a seed
        return np.asarray(np.sqrt(np.maximum(square, 0)) - self.weight[seeds])

    def _reachable(
        self, among: NDArray[np.int64], points: tuple[Floats, Floats, Floats]
    ) -> NDArray[np.int64]:
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

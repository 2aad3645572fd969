"""What lies inside the cells: mitochondria, synapses with their vesicles, a nucleus.

Each organelle is placed by a hash of its number, kept only where the cell around it
has room, and then evaluated as a distance from its surface, in nanometres.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emcatalog.sample.cells import FAR, Place
from emcatalog.sample.noise import Floats, uniform

Points = NDArray[np.float64]
Finder = Callable[[Points], Place]
Axes = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Mitochondrion:
    """A bent tube inside one cell; lengths in nm, vectors in z, y, x."""

    centre: Points
    axis: Points
    bend: Points
    half_length: float
    radius: float
    cell: int

    @property
    def reach(self) -> float:
        """No point of it is farther from the centre."""
        return self.half_length + self.radius + 60.0

    def measure(self, axes: Axes) -> tuple[Floats, Floats]:
        """Return, on the grid of ``axes``, signed distance and place along the tube."""
        z, y, x = (
            (axis - c).astype(np.float32).reshape(shape)
            for axis, c, shape in zip(axes, self.centre, _SHAPES, strict=True)
        )
        uz, uy, ux = self.axis.astype(np.float32)
        bz, by, bx = self.bend.astype(np.float32)
        along = (z * uz + y * uy) + x * ux
        clipped = np.clip(along, -self.half_length, self.half_length)
        arc = clipped * clipped
        dz, dy, dx = (
            p - clipped * u - arc * b
            for p, u, b in ((z, uz, bz), (y, uy, by), (x, ux, bx))
        )
        return np.sqrt(dz * dz + dy * dy + dx * dx) - np.float32(self.radius), along


_SHAPES = ((-1, 1, 1), (1, -1, 1), (1, 1, -1))


@dataclass(frozen=True, eq=False)
class Synapse:
    """A contact: vesicles in cell ``before``, a density in cell ``after``."""

    centre: Points
    before: int
    after: int
    radius: float


def candidates(seed: int, box: tuple[Points, Points], count: int) -> Points:
    """Return ``count`` points (n, 3) strewn evenly over the box."""
    low, high = box
    number = np.arange(count)
    draw = [uniform(seed, number, np.array([k])) for k in range(3)]
    return np.asarray(low + np.stack(draw, axis=1) * (high - low))


def apart(points: Points, distance: float, keep: NDArray[np.bool_]) -> list[int]:
    """Choose points of ``keep`` in their order, none nearer than ``distance``."""
    chosen: list[int] = []
    for k in np.flatnonzero(keep):
        gaps = points[chosen] - points[k]
        if not chosen or float((gaps * gaps).sum(axis=1).min()) >= distance**2:
            chosen.append(int(k))
    return chosen


def mitochondria(
    seed: int, box: tuple[Points, Points], spacing: float, find: Finder
) -> list[Mitochondrion]:
    """Place tubes about ``spacing`` nm apart where cells are thick enough."""
    low, high = box
    count = int(40 * np.prod((high - low) / spacing)) + 40
    points = candidates(seed, box, count)
    place = find(points)
    found = []
    for k in apart(points, spacing, place.depth >= FAR):
        draw = uniform(seed + 1, np.full(8, k), np.arange(8))
        axis, bend = draw[:3] - 0.5, draw[3:6] - 0.5
        axis = axis / np.sqrt(float((axis * axis).sum()))
        bend = bend - axis * float((bend * axis).sum())
        half = 150.0 + 350.0 * float(draw[6])
        found.append(
            Mitochondrion(
                centre=points[k],
                axis=axis,
                bend=bend * 0.0018,
                half_length=half,
                radius=75.0 + 70.0 * float(draw[7]),
                cell=int(place.cell[k]),
            )
        )
    return found


def synapses(
    seed: int, box: tuple[Points, Points], spacing: float, find: Finder
) -> list[Synapse]:
    """Choose contacts about ``spacing`` nm apart on the membranes."""
    low, high = box
    count = int(60 * np.prod((high - low) / spacing)) + 60
    points = candidates(seed, box, count)
    place = find(points)
    near = (place.depth < 10.0) & (place.other >= 0)
    return [
        Synapse(
            centre=points[k],
            before=int(place.cell[k]),
            after=int(place.other[k]),
            radius=110.0 + 90.0 * float(uniform(seed + 1, np.array([k]))[0]),
        )
        for k in apart(points, spacing, near)
    ]


def vesicles(
    seed: int, synapse: Synapse, radius: float, find: Finder
) -> Iterator[tuple[Points, float]]:
    """Yield centre and radius (nm) of the vesicles that wait at one synapse."""
    number = np.arange(700)
    draw = [uniform(seed, number, np.array([k])) for k in range(4)]
    reach = 2.6 * synapse.radius
    points = synapse.centre + (np.stack(draw[:3], axis=1) - 0.5) * 2 * reach
    offsets = points - synapse.centre
    place = find(points)
    room = (place.cell == synapse.before) & (place.depth > radius + 16.0)
    room &= (offsets * offsets).sum(axis=1) < reach**2
    for k in apart(points, 2.25 * radius, room):
        yield points[k], radius * (0.88 + 0.24 * float(draw[3][k]))

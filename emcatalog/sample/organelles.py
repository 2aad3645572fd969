"""What lies inside the cells: mitochondria, synapses with their vesicles, a nucleus.

Each organelle is placed by a hash of its number, kept only where the cell around it
has room, and then evaluated as a distance from its surface, in nanometres.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emcatalog.sample.cells import FAR, Place
from emcatalog.sample.noise import Floats, scramble, uniform

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

    def measure(self, points: tuple[Points, ...]) -> tuple[Floats, Floats]:
        """Return signed distance and place along the tube, for z, y, x that broadcast.

        The distance is exact in the middle of the tube and fair near its surface.
        """
        z, y, x = (
            np.asarray(p - c, np.float32)
            for p, c in zip(points, self.centre, strict=True)
        )
        uz, uy, ux = self.axis.astype(np.float32)
        bz, by, bx = self.bend.astype(np.float32)
        along = (z * uz + y * uy) + x * ux
        clipped = np.clip(along, -self.half_length, self.half_length)
        arc = clipped * clipped
        square = np.float32(0)
        for p, u, b in ((z, uz, bz), (y, uy, by), (x, ux, bx)):
            off = p - clipped * u - arc * b
            square = square + off * off
        return np.sqrt(square) - np.float32(self.radius), along


@dataclass(frozen=True, eq=False)
class Synapse:
    """A contact: vesicles in cell ``before``, a density in cell ``after``."""

    centre: Points
    before: int
    after: int
    radius: float


def candidates(seed: int, box: tuple[Points, Points], spacing: float) -> Points:
    """Return points (z, y, x, 3) strewn over the box, about ``spacing`` nm apart."""
    low, high = box
    counts = np.ceil((high - low) / spacing).astype(int)
    index = np.moveaxis(np.indices(tuple(counts)), 0, -1)
    columns = [index[..., k] for k in range(3)]
    draw = [uniform(seed, *columns, np.array([k])) for k in range(3)]
    return np.asarray(low + (index + np.stack(draw, axis=-1)) * spacing)


def apart(points: Points, distance: float, keep: NDArray[np.bool_]) -> list[int]:
    """Choose points of ``keep``, in mixed order, none nearer than ``distance``."""
    chosen: list[int] = []
    choice = np.flatnonzero(keep)
    for k in choice[np.argsort(scramble(len(points), choice), kind="stable")]:
        gaps = points[chosen] - points[k]
        if not chosen or float((gaps * gaps).sum(axis=1).min()) >= distance**2:
            chosen.append(int(k))
    return chosen


def mitochondria(
    seed: int, box: tuple[Points, Points], spacing: float, find: Finder
) -> list[Mitochondrion]:
    """Place tubes about ``spacing`` nm apart where cells are thick enough."""
    place, points = _look(candidates(seed, box, spacing / 4), find)
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


def _look(points: Points, find: Finder) -> tuple[Place, Points]:
    """Find points (..., 3), then list them: places (n) and points (n, 3)."""
    place = find(points)
    flat = Place(place.cell.ravel(), place.other.ravel(), place.depth.ravel())
    return flat, points.reshape(-1, 3)


def synapses(
    seed: int, box: tuple[Points, Points], spacing: float, find: Finder
) -> list[Synapse]:
    """Choose contacts at least ``spacing`` nm apart on the membranes."""
    place, points = _look(candidates(seed, box, spacing / 5), find)
    near = (place.depth < 10.0) & (place.other >= 0)
    return [
        Synapse(
            centre=points[k],
            before=int(place.cell[k]),
            after=int(place.other[k]),
            radius=spacing * (0.22 + 0.2 * float(uniform(seed + 1, np.array([k]))[0])),
        )
        for k in apart(points, spacing, near)
    ]


def _turned(points: Points) -> Points:
    """Rotate, so that the rows of a lattice do not follow those of the voxels."""
    z, y, x = (points[..., k] / 3 for k in range(3))
    turned = (2 * z + 2 * y - x, 2 * y + 2 * x - z, 2 * z + 2 * x - y)
    return np.stack(turned, axis=-1)


@dataclass(frozen=True, eq=False)
class Vesicles:
    """Small round bodies: centres (n, 3) and radii (n), in nm."""

    centres: Points
    radii: Points


def vesicles(seed: int, synapse: Synapse, radius: float, find: Finder) -> Vesicles:
    """Return the vesicles that wait at one synapse, in a cloud inside its cell.

    They come from a turned lattice in which each is moved, and some are missing.
    """
    reach = 2.3 * synapse.radius
    spacing = 2.7 * radius
    steps = np.arange(-int(reach / spacing), int(reach / spacing) + 1)
    index = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1)
    columns = [index[..., k] for k in range(3)]
    draw = [uniform(seed, *columns, np.array([k])) for k in range(5)]
    moves = (np.stack(draw[:3], axis=-1) - 0.5) * 1.2 * radius
    offsets = _turned(index * spacing + moves)
    crowd = 1.0 - (offsets * offsets).sum(axis=-1) / reach**2
    chosen = draw[3] < 1.8 * crowd
    points = synapse.centre + offsets[chosen]
    place = find(points)
    keep = (place.cell == synapse.before) & (place.depth > radius + 8.0)
    return Vesicles(points[keep], radius * (0.85 + 0.2 * draw[4][chosen][keep]))

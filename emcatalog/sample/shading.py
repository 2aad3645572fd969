"""How each structure looks and is labelled: painting on one tile of a picture.

Membranes are dark because heavy metals stain lipids; the matrix of a mitochondrion is
darker than cytoplasm and crossed by cristae; chromatin is patchy; vesicles are rings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emcatalog.sample import tissue as kinds
from emcatalog.sample.cells import FAR, Place
from emcatalog.sample.noise import Floats
from emcatalog.sample.organelles import Axes, Mitochondrion, Points, Synapse

Mask = NDArray[np.bool_]
_GAP = 5.0
"""Half the width of the extracellular space (nm)."""
_COLUMNS = ((-1, 1, 1), (1, -1, 1), (1, 1, -1))


@dataclass(frozen=True, eq=False)
class Tile:
    """A piece of the picture under the brush: all arrays have one shape (z, y, x)."""

    axes: Axes
    place: Place
    slow: Floats
    """Smooth noise that changes over some hundred nanometres."""
    quick: Floats
    """Smooth noise that changes over some tens of nanometres."""
    brightness: Floats
    semantic: NDArray[np.uint8]
    sharpness: float

    def meets(self, centres: Points, reach: float | Points) -> NDArray[np.bool_]:
        """Which balls (centres (..., 3) and radii in nm) come near the tile."""
        low = np.array([axis[0] for axis in self.axes])
        high = np.array([axis[-1] for axis in self.axes])
        outside = np.maximum(np.maximum(low - centres, centres - high), 0)
        return np.asarray((outside * outside).sum(axis=-1) < np.square(reach))

    def around(self, centre: Points, reach: float) -> Tile | None:
        """The part of the tile within ``reach`` (nm) of a point, if there is one."""
        cut = tuple(
            slice(*np.searchsorted(axis, (c - reach, c + reach)))
            for axis, c in zip(self.axes, centre, strict=True)
        )
        if any(s.start >= s.stop for s in cut):
            return None
        z, y, x = (axis[s] for axis, s in zip(self.axes, cut, strict=True))
        place = self.place
        return Tile(
            (z, y, x),
            Place(place.cell[cut], place.other[cut], place.depth[cut]),
            self.slow[cut],
            self.quick[cut],
            self.brightness[cut],
            self.semantic[cut],
            self.sharpness,
        )

    def columns(self) -> tuple[NDArray[np.float64], ...]:
        """The axes, shaped so that they broadcast to the tile."""
        pairs = zip(self.axes, _COLUMNS, strict=True)
        return tuple(axis.reshape(shape) for axis, shape in pairs)

    def distance(self, centre: Points) -> Floats:
        """Distance of each voxel from a point."""
        z, y, x = (
            (column - c).astype(np.float32)
            for column, c in zip(self.columns(), centre, strict=True)
        )
        return np.asarray(np.sqrt(z * z + y * y + x * x))

    def mix(self, value: float | Floats, share: Floats) -> None:
        """Move the brightness towards ``value`` by ``share`` (0 to 1)."""
        self.brightness[...] += share * (value - self.brightness)

    def label(self, kind: int, where: Mask) -> None:
        """Give the voxels in ``where`` the semantic label ``kind``."""
        self.semantic[where] = kind

    def line(self, distance: Floats, width: float) -> Floats:
        """A soft line where ``distance`` is 0: 1 in its middle, 0 at ``width`` nm.

        No line is thinner than the voxels; one that is drawn wider is paler.
        """
        wide = max(width, self.sharpness)
        t = distance * np.float32(1 / wide)
        t = np.maximum(1 - t * t, np.float32(0))
        pale = np.float32(math.sqrt(width / wide))
        return np.asarray(t * t * pale)


def step(value: Floats, low: float, high: float) -> Floats:
    """Rise smoothly from 0 at ``low`` to 1 at ``high``."""
    t = np.clip((value - np.float32(low)) * np.float32(1 / (high - low)), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def paint_membranes(tile: Tile) -> None:
    """Two dark membranes with a pale gap between them."""
    depth = tile.place.depth + np.float32(1.2) * tile.quick
    blur = min(1.0, max(0.0, (tile.sharpness - 2.0) / 4.0))
    gap = 1 - step(depth, _GAP - 3, _GAP + 3)
    tile.mix(0.50 - 0.28 * blur, gap)
    tile.mix(0.14, np.float32(0.92) * tile.line(depth - np.float32(_GAP + 4), 8.0))
    tile.label(kinds.MEMBRANE, tile.place.depth < _GAP + 8)
    tile.label(kinds.OUTSIDE, tile.place.depth < _GAP - 2)


def paint_reticulum(tile: Tile, wall: Floats, room: Mask) -> None:
    """Pale tubes with a thin dark wall; ``wall`` is the distance from their surface."""
    inside = room & (wall < 2)
    if not inside.any():
        return
    share = room.astype(np.float32)
    tile.mix(0.76, share * np.float32(0.7) * (1 - step(wall, -10, -2)))
    tile.mix(0.28, share * np.float32(0.8) * tile.line(wall, 7.0))
    tile.label(kinds.RETICULUM, inside)


def paint_mitochondrion(tile: Tile, organelle: Mitochondrion) -> None:
    """Outer membrane, inner membrane, dark matrix and cristae."""
    surface, along = organelle.measure(tile.columns())
    depth = tile.place.depth
    # depths end at FAR; far inside, the cell shall not limit the organelle
    beyond = np.maximum(depth - np.float32(FAR - 13), np.float32(0))
    room = np.float32(25) - depth - np.float32(1.5) * beyond * beyond
    room[tile.place.cell != organelle.cell] = 80
    surface = _blend(surface + 9 * tile.slow, room)
    if float(surface.min()) > 12:
        return
    inside = 1 - step(surface, -6, 0)
    tile.mix(0.44 + np.float32(0.05) * tile.quick, inside)
    phase = along * np.float32(1 / 46) + tile.slow + np.float32(0.35) * tile.quick
    crista = np.abs(phase - np.floor(phase) - np.float32(0.5)) * 46
    core = 1 - step(surface, -30, -22)
    tile.mix(0.66, np.float32(0.75) * core * tile.line(crista, 8.0))
    tile.mix(0.24, np.float32(0.7) * core * tile.line(crista - 11, 7.0))
    tile.mix(0.62, np.float32(0.6) * tile.line(surface + 10, 6.0))
    tile.mix(0.17, np.float32(0.75) * tile.line(surface + 18, 7.0))
    tile.mix(0.13, np.float32(0.9) * tile.line(surface, 9.0))
    tile.label(kinds.MITOCHONDRION, surface < 4)


def _blend(one: Floats, two: Floats) -> Floats:
    """The greater of two distances, with the edge between them rounded (60 nm)."""
    close = np.maximum(60 - np.abs(one - two), np.float32(0))
    return np.asarray(np.maximum(one, two) + close * close * np.float32(1 / 240))


def paint_vesicle(tile: Tile, centre: Points, radius: float) -> None:
    """A dark ring around a pale inside."""
    surface = tile.distance(centre) - np.float32(radius)
    tile.mix(0.80, np.float32(0.8) * (1 - step(surface, -8, -2)))
    tile.mix(0.18, np.float32(0.85) * tile.line(surface + 2, 7.0))
    tile.label(kinds.VESICLE, surface < 4)


def paint_density(tile: Tile, synapse: Synapse) -> None:
    """The dark coat under the membrane of the receiving cell, and a dark cleft."""
    place = tile.place
    faces = (place.cell == synapse.after) & (place.other == synapse.before)
    back = (place.cell == synapse.before) & (place.other == synapse.after)
    if not (faces.any() or back.any()):
        return
    distance = tile.distance(synapse.centre)
    near = 1 - step(distance, synapse.radius - 25, synapse.radius)
    coat = 1 - step(place.depth + 3 * tile.quick, 16, 34)
    tile.mix(0.16, np.float32(0.88) * near * coat * faces)
    thin = 1 - step(place.depth, 8, 18)
    tile.mix(0.16, np.float32(0.7) * near * thin * back)
    tile.label(kinds.DENSITY, faces & (near * coat > 0.5))


def paint_nucleus(
    tile: Tile, surface: Floats, core: Floats | None, clumps: Floats
) -> None:
    """Chromatin inside an envelope of two membranes with pores.

    ``surface`` is the signed distance from the inner membrane, ``core`` that from the
    nucleolus, if there is one; chromatin is dense where ``clumps`` is positive.
    """
    if float(surface.min()) > 60:
        return
    inside = 1 - step(surface, -4, 4)
    rim = 1 - step(-surface, 20, 90)
    pore = step(tile.quick, 0.75, 0.95)
    dense = np.maximum(step(clumps, -0.15, 0.5), rim * (1 - pore) * np.float32(0.9))
    shade = np.float32(0.62) - np.float32(0.25) * dense
    shade += np.float32(0.05) * tile.quick
    if core is not None:
        body = 1 - step(core + 60 * tile.slow + 8 * tile.quick, -50, 50)
        shade += body * (np.float32(0.34) + np.float32(0.05) * tile.quick - shade)
    tile.mix(shade, inside)
    wall = 1 - pore
    # a space that the voxels cannot resolve would look like beads
    clear = np.float32(min(0.8, max(0.0, (22.0 - tile.sharpness) / 10.0)))
    tile.mix(0.72, wall * clear * tile.line(surface - 14, 12.0))
    tile.mix(0.18, wall * np.float32(0.8) * tile.line(surface, 8.0))
    tile.mix(0.18, wall * np.float32(0.8) * tile.line(surface - 28, 8.0))
    tile.label(kinds.MEMBRANE, (wall > 0.5) & (surface < 34))
    tile.label(kinds.NUCLEUS, surface < -6)

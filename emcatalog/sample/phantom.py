"""The phantom: procedural tissue, defined at every point in nanometres.

`Phantom` places cells and organelles once; `Phantom.render` then evaluates brightness
and labels on any regular grid, tile by tile, so memory stays bounded and a point has
the same value whatever grid it lies on. The noise of the detector is not part of it:
that belongs to a picture, not to the tissue.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from emcatalog.geometry import Grid, Region
from emcatalog.sample import organelles as parts
from emcatalog.sample import shading, tissue
from emcatalog.sample.cells import Cells, Place, scatter
from emcatalog.sample.noise import Floats, Noise, uniform

_TILE = (16, 64, 128)
_MARGIN = 200.0
"""Organelles are placed this far beyond the extent, to be cut by its faces (nm)."""


class Phantom:
    """Tissue grown from a recipe.

    >>> recipe = tissue.Tissue(seed=1, extent=(80.0, 160.0, 160.0), sharpness=8.0)
    >>> Phantom(recipe).render(Grid((4, 8, 8), (8.0, 8.0, 8.0))).brightness.shape
    (4, 8, 8)
    """

    def __init__(self, recipe: tissue.Tissue) -> None:
        self.recipe = recipe
        seed = recipe.seed * 1000
        self._swing = [Noise(seed + k, 6.0 * recipe.wave) for k in range(3)]
        self._ripple = [Noise(seed + 60 + k, 2.0 * recipe.wave) for k in range(3)]
        fine = recipe.sharpness
        self._slow = Noise(seed + 3, max(90.0, 5 * fine))
        self._quick = Noise(seed + 4, max(15.0, 2 * fine))
        self._clumps = Noise(seed + 7, max(150.0, 7 * fine))
        self._tubes = [Noise(seed + k, recipe.mesh) for k in (5, 6)]
        self._cells = _grow(recipe, seed + 10)
        self._tints = _tints(recipe, len(self._cells.weight))
        box = (
            np.full(3, -_MARGIN),
            np.asarray(recipe.extent) + _MARGIN,
        )
        self._organelles = self._place_mitochondria(seed + 20, box)
        self._synapses = self._place_synapses(seed + 30, box)
        self._vesicles = self._place_vesicles(seed + 40)

    def render(self, grid: Grid) -> tissue.Picture:
        """Evaluate brightness and labels at the voxel centres of ``grid``."""
        picture = tissue.Picture(
            np.empty(grid.shape, np.float32),
            np.empty(grid.shape, np.uint8),
            np.empty(grid.shape, np.uint32),
        )
        axes = [grid.centres(k) for k in range(3)]
        for region in grid.region.tiles(_TILE):
            z, y, x = (axis[s] for axis, s in zip(axes, region.slices, strict=True))
            self._render_tile((z, y, x), picture, region)
        return picture

    def _render_tile(
        self, axes: parts.Axes, picture: tissue.Picture, region: Region
    ) -> None:
        warped = self._warped(axes)
        place = self._cells.locate(warped)
        slow, quick = self._slow.on_grid(axes), self._quick.on_grid(axes)
        tints = np.take(self._tints, place.cell)
        tile = shading.Tile(
            axes=axes,
            place=place,
            slow=slow,
            quick=quick,
            brightness=tints + _texture(quick, slow),
            semantic=np.full(place.cell.shape, tissue.CYTOPLASM, np.uint8),
            sharpness=self.recipe.sharpness,
        )
        self._paint(tile, warped)
        cut = region.slices
        picture.brightness[cut] = tile.brightness
        picture.semantic[cut] = tile.semantic
        outside = tile.semantic == tissue.OUTSIDE
        picture.instance[cut] = np.where(outside, 0, place.cell + 1)

    def _paint(self, tile: shading.Tile, warped: tuple[Floats, ...]) -> None:
        """Paint from the inside of the cells to their membranes."""
        room = tile.place.depth > 30
        nucleus = self.recipe.nucleus
        if nucleus is not None:
            surface, core = _nucleus_distances(nucleus, warped)
            room &= surface > 60
        self._paint_tubes(tile, room)
        for organelle in self._organelles:
            part = tile.around(organelle.centre, organelle.reach)
            if part is not None:
                shading.paint_mitochondrion(part, organelle)
        if nucleus is not None:
            clumps = self._clumps.on_grid(tile.axes) + np.float32(0.8) * tile.slow
            shading.paint_nucleus(tile, surface, core, clumps)
        self._paint_vesicles(tile)
        shading.paint_membranes(tile)
        for synapse in self._synapses:
            part = tile.around(synapse.centre, synapse.radius)
            if part is not None:
                shading.paint_density(part, synapse)

    def _paint_vesicles(self, tile: shading.Tile) -> None:
        centres, radii = self._vesicles.centres, self._vesicles.radii
        reach = radii + 8 + tile.sharpness
        for k in np.flatnonzero(tile.meets(centres, reach)):
            part = tile.around(centres[k], float(reach[k]))
            if part is not None:
                shading.paint_vesicle(part, centres[k], float(radii[k]))

    def _paint_tubes(self, tile: shading.Tile, room: shading.Mask) -> None:
        one, two = (noise.on_grid(tile.axes) for noise in self._tubes)
        # about a nanometre scale: the noise falls from 1 to 0 over half its spacing
        scale = np.float32(0.75 * self._tubes[0].spacing)
        middle = np.sqrt(one * one + two * two) * scale
        shading.paint_reticulum(tile, middle - np.float32(self.recipe.tube), room)

    def _warped(self, axes: parts.Axes) -> tuple[Floats, Floats, Floats]:
        """Where the straight cells would have the points of the grid."""
        wave, ripple = (np.float32(a) for a in self._amplitudes())
        z, y, x = (
            wave * self._swing[k].on_grid(axes)
            + ripple * self._ripple[k].on_grid(axes)
            + axes[k].astype(np.float32).reshape(_COLUMNS[k])
            for k in range(3)
        )
        return z, y, x

    def _find(self, points: parts.Points) -> Place:
        wave, ripple = self._amplitudes()
        z, y, x = (
            (
                points[..., k]
                + wave * self._swing[k].at(points)
                + ripple * self._ripple[k].at(points)
            ).astype(np.float32)
            for k in range(3)
        )
        return self._cells.locate((z, y, x))

    def _within(self, points: parts.Points) -> Place:
        """As `_find`, but points that lie out of sight are in no cell."""
        margin = self.recipe.vesicle + 10.0
        extent = np.asarray(self.recipe.extent)
        seen = ((points > -margin) & (points < extent + margin)).all(axis=-1)
        cell = np.full(len(points), -1, np.int32)
        depth = np.zeros(len(points), np.float32)
        if seen.any():
            place = self._find(points[seen])
            cell[seen], depth[seen] = place.cell, place.depth
        return Place(cell, cell.copy(), depth)

    def _amplitudes(self) -> tuple[float, float]:
        """How far membranes swing widely, and how far they ripple (nm)."""
        return self.recipe.wave, 0.28 * self.recipe.wave

    def _place_mitochondria(
        self, seed: int, box: tuple[parts.Points, parts.Points]
    ) -> list[parts.Mitochondrion]:
        if self.recipe.mitochondria <= 0:
            return []
        found = parts.mitochondria(seed, box, self.recipe.mitochondria, self._find)
        return [m for m in found if self._outside_nucleus(m.centre, 200.0)]

    def _outside_nucleus(self, centre: parts.Points, distance: float) -> bool:
        nucleus = self.recipe.nucleus
        if nucleus is None:
            return True
        offset = centre - np.asarray(nucleus.centre)
        return float((offset * offset).sum()) > (nucleus.radius + distance) ** 2

    def _place_synapses(
        self, seed: int, box: tuple[parts.Points, parts.Points]
    ) -> list[parts.Synapse]:
        if self.recipe.synapses <= 0:
            return []
        return parts.synapses(seed, box, self.recipe.synapses, self._find)

    def _place_vesicles(self, seed: int) -> parts.Vesicles:
        radius = self.recipe.vesicle
        clouds = [
            parts.vesicles(seed + k, synapse, radius, self._within)
            for k, synapse in enumerate(self._synapses)
        ]
        centres = np.concatenate([np.empty((0, 3)), *(c.centres for c in clouds)])
        radii = np.concatenate([np.empty(0), *(c.radii for c in clouds)])
        free = self._free(centres, radii + 12.0)
        return parts.Vesicles(centres[free], radii[free])

    def _free(self, centres: parts.Points, reach: parts.Points) -> shading.Mask:
        """Which balls touch neither a mitochondrion nor the nucleus."""
        points = tuple(centres[:, k] for k in range(3))
        free = np.ones(len(centres), bool)
        for organelle in self._organelles:
            free &= organelle.measure(points)[0] > reach
        if self.recipe.nucleus is not None:
            offset = centres - np.asarray(self.recipe.nucleus.centre)
            away = np.sqrt((offset * offset).sum(axis=1)) - self.recipe.nucleus.radius
            free &= away > reach + self.recipe.wave
        return free


_COLUMNS = ((-1, 1, 1), (1, -1, 1), (1, 1, -1))


def _tints(recipe: tissue.Tissue, cells: int) -> Floats:
    """Brightness of the cytoplasm of each cell."""
    draw = uniform(recipe.seed * 1000 + 50, np.arange(cells)) - 0.5
    return (recipe.cytoplasm + recipe.variety * draw).astype(np.float32)


def _texture(quick: Floats, slow: Floats) -> Floats:
    """Brightness of the cytoplasm's grain: uneven, with dark particles."""
    particles = np.maximum(quick - np.float32(0.35), np.float32(0))
    return np.asarray(
        np.float32(0.04) * quick
        + np.float32(0.02) * slow
        - np.float32(0.16) * particles
    )


def _grow(recipe: tissue.Tissue, seed: int) -> Cells:
    """Scatter the seeds of the cells; a nucleus sits in a round one of its own."""
    margin = 2.0 * recipe.cell + _MARGIN
    low = np.full(3, -margin, np.float32)
    high = (np.asarray(recipe.extent) + margin).astype(np.float32)
    cells = scatter(seed, (low, high), recipe.cell, recipe.thickness)
    if recipe.nucleus is None:
        return cells
    centre = np.asarray([recipe.nucleus.centre], np.float32)
    return replace(
        cells,
        position=np.concatenate([cells.position, centre]),
        axis=np.concatenate([cells.axis, np.zeros((1, 3), np.float32)]),
        stretch=np.append(cells.stretch, np.float32(0)),
        weight=np.append(
            cells.weight, np.float32(recipe.nucleus.radius + recipe.nucleus.soma)
        ),
    )


def _nucleus_distances(
    nucleus: tissue.Nucleus, points: tuple[Floats, ...]
) -> tuple[Floats, Floats | None]:
    """Signed distances from the nuclear membrane and from the nucleolus."""
    surface = _distance(points, nucleus.centre) - np.float32(nucleus.radius)
    if nucleus.nucleolus is None:
        return surface, None
    body = _distance(points, nucleus.nucleolus) - np.float32(0.25 * nucleus.radius)
    return surface, body


def _distance(points: tuple[Floats, ...], centre: tuple[float, float, float]) -> Floats:
    z, y, x = (p - np.float32(c) for p, c in zip(points, centre, strict=True))
    return np.asarray(np.sqrt(z * z + y * y + x * x))

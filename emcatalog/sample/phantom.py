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

_TILE = (16, 64, 64)
_MARGIN = 300.0
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
        self._warp = [Noise(seed + k, 6.0 * recipe.wave) for k in range(3)]
        self._slow = Noise(seed + 3, 90.0)
        self._quick = Noise(seed + 4, 24.0)
        self._tubes = [Noise(seed + k, 130.0) for k in (5, 6)]
        self._cells = _grow(recipe, seed + 10)
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
        tints = self._tints()[place.cell]
        tile = shading.Tile(
            axes=axes,
            place=place,
            slow=slow,
            quick=quick,
            brightness=tints + np.float32(0.025) * quick + np.float32(0.012) * slow,
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
            shading.paint_nucleus(tile, surface, core)
        self._paint_tubes(tile, room)
        for organelle in self._organelles:
            if tile.meets(organelle.centre, organelle.reach):
                shading.paint_mitochondrion(tile, organelle)
        for centre, radius in self._vesicles:
            if tile.meets(centre, radius + 20):
                shading.paint_vesicle(tile, centre, radius)
        shading.paint_membranes(tile)
        for synapse in self._synapses:
            if tile.meets(synapse.centre, synapse.radius):
                shading.paint_density(tile, synapse)

    def _paint_tubes(self, tile: shading.Tile, room: shading.Mask) -> None:
        one, two = (noise.on_grid(tile.axes) for noise in self._tubes)
        distance = np.sqrt(one * one + two * two) * np.float32(95)
        shading.paint_reticulum(tile, distance, room)

    def _warped(self, axes: parts.Axes) -> tuple[Floats, Floats, Floats]:
        """Where the straight cells would have the points of the grid."""
        z, y, x = (
            noise.on_grid(axes) * np.float32(self.recipe.wave)
            + axis.astype(np.float32).reshape(shape)
            for noise, axis, shape in zip(self._warp, axes, _COLUMNS, strict=True)
        )
        return z, y, x

    def _find(self, points: parts.Points) -> Place:
        z, y, x = (
            (points[:, k] + self._warp[k].at(points) * self.recipe.wave).astype(
                np.float32
            )
            for k in range(3)
        )
        return self._cells.locate((z, y, x))

    def _tints(self) -> Floats:
        number = np.arange(len(self._cells.weight))
        draw = uniform(self.recipe.seed * 1000 + 50, number) - 0.5
        tint = self.recipe.cytoplasm + self.recipe.variety * draw
        return tint.astype(np.float32)

    def _place_mitochondria(
        self, seed: int, box: tuple[parts.Points, parts.Points]
    ) -> list[parts.Mitochondrion]:
        if self.recipe.mitochondria <= 0:
            return []
        found = parts.mitochondria(seed, box, self.recipe.mitochondria, self._find)
        if self.recipe.nucleus is None:
            return found
        reach = self.recipe.nucleus.radius + 150
        middle = np.asarray(self.recipe.nucleus.centre)
        return [m for m in found if float(((m.centre - middle) ** 2).sum()) > reach**2]

    def _place_synapses(
        self, seed: int, box: tuple[parts.Points, parts.Points]
    ) -> list[parts.Synapse]:
        if self.recipe.synapses <= 0:
            return []
        return parts.synapses(seed, box, self.recipe.synapses, self._find)

    def _place_vesicles(self, seed: int) -> list[tuple[parts.Points, float]]:
        radius = self.recipe.vesicle
        return [
            vesicle
            for k, synapse in enumerate(self._synapses)
            for vesicle in parts.vesicles(seed + k, synapse, radius, self._find)
        ]


_COLUMNS = ((-1, 1, 1), (1, -1, 1), (1, 1, -1))


def _grow(recipe: tissue.Tissue, seed: int) -> Cells:
    """Scatter the seeds of the cells; a nucleus sits in a round one of its own."""
    margin = 2.0 * recipe.cell + _MARGIN
    low = np.full(3, -margin, np.float32)
    high = (np.asarray(recipe.extent) + margin).astype(np.float32)
    cells = scatter(seed, (low, high), recipe.cell)
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

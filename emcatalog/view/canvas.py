"""A sheet to draw on, measured in pixels from its upper left corner."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from emcatalog.view.letters import Face, letters
from emcatalog.view.theme import Theme

FINE = 3
"""A sheet is so many times finer than the picture, so that its edges become smooth."""

BLOCKS = 3.0
"""Voxels of so many pixels are shown as blocks; smaller ones are interpolated."""

SHADOW = 178
"""How much, of 255, a halo hides: it is seen on black nuclei and on white lumina."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A rectangle of pixels; ``y`` counts downwards."""

    x: float
    y: float
    width: float
    height: float

    def fine(self, grown: float = 0.0) -> tuple[int, int, int, int]:
        """Left, upper, right and lower pixel of the sheet, the last two included."""
        left, top = _fine(self.x - grown), _fine(self.y - grown)
        right = _fine(self.x + self.width + grown)
        bottom = _fine(self.y + self.height + grown)
        return left, top, max(right - 1, left), max(bottom - 1, top)


@dataclass(frozen=True)
class Style:
    """How a line is written; sizes are in pixels.

    Without a colour it is the theme's ink. The anchor is Pillow's: ``ls`` starts at a
    point of the baseline, ``ms`` has its middle there, ``rs`` ends there.
    """

    size: float
    colour: str = ""
    face: Face = "plain"
    anchor: str = "ls"
    halo: float = 0.0


@dataclass(frozen=True)
class Canvas:
    """A sheet, finer than the picture that it becomes."""

    sheet: Image.Image
    theme: Theme

    @classmethod
    def blank(cls, width: float, height: float, theme: Theme) -> Canvas:
        """An empty sheet for a picture of ``width`` by ``height`` pixels."""
        size = (math.ceil(width) * FINE, math.ceil(height) * FINE)
        return cls(Image.new("RGB", size, theme.paper), theme)

    @classmethod
    def showing(cls, voxels: NDArray[np.uint8], size: Point, theme: Theme) -> Canvas:
        """A sheet of ``size`` (width, height) filled by ``voxels``.

        Their shape is (rows, columns), with a third axis where they have colours.
        """
        image = Image.fromarray(voxels)
        fine = (max(_fine(size[0]), 1), max(_fine(size[1]), 1))
        enlarged = min(size[0] / image.width, size[1] / image.height)
        blocks = voxels.ndim == 3 or enlarged >= BLOCKS
        how = Image.Resampling.BOX if blocks else Image.Resampling.HAMMING
        return cls(image.resize(fine, how).convert("RGB"), theme)

    @property
    def draw(self) -> ImageDraw.ImageDraw:
        """Pillow's pen, in pixels of the sheet; translucent colours are blended."""
        return ImageDraw.Draw(self.sheet, "RGBA")

    def paste(self, other: Canvas, x: float, y: float) -> None:
        """Put ``other`` with its upper left corner at pixel ``x``, ``y``."""
        self.sheet.paste(other.sheet, (_fine(x), _fine(y)))

    def block(self, box: Box, colour: str, halo: float = 0, bend: float = 0) -> None:
        """Fill ``box``, its corners bent, with ``halo`` pixels of shadow around it."""
        if halo:
            self.draw.rectangle(box.fine(halo), (0, 0, 0, SHADOW))
        self.draw.rounded_rectangle(box.fine(), _fine(bend), colour)

    def line(self, points: Sequence[Point], colour: str, width: float) -> None:
        """Draw a line through ``points``, ``width`` pixels wide."""
        self.draw.line(_all_fine(points), colour, _fine(width), "curve")

    def area(self, points: Sequence[Point], colour: str) -> None:
        """Fill the polygon with the corners ``points``."""
        self.draw.polygon(_all_fine(points), colour)

    def text(self, place: Point, line: str, style: Style) -> None:
        """Write ``line`` at ``place``, a point of its baseline."""
        drawn, font, stroke = letters(line, style.face, _fine(style.size))
        (at,) = _all_fine([place])
        if style.halo:
            mask, width = Image.new("L", self.sheet.size), stroke + _fine(style.halo)
            pen = ImageDraw.Draw(mask)
            pen.text(at, drawn, SHADOW, font, style.anchor, stroke_width=width)
            self.sheet.paste("black", None, mask)
        colour = style.colour or self.theme.ink
        self.draw.text(at, drawn, colour, font, style.anchor, stroke_width=stroke)

    def picture(self) -> Image.Image:
        """The sheet in the size in which it is looked at."""
        return self.sheet.reduce(FINE)


def _fine(pixels: float) -> int:
    return round(pixels * FINE)


def _all_fine(points: Sequence[Point]) -> list[Point]:
    return [(x * FINE, y * FINE) for x, y in points]

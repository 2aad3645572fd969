"""One volume on the page: three planes that share their axes, and what they are."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PIL import Image

from emcatalog.geometry import AXES
from emcatalog.view import shade
from emcatalog.view.canvas import Box, Canvas, Style
from emcatalog.view.planes import Plane, Planes, Span
from emcatalog.view.scale import bar_length, length_text
from emcatalog.view.theme import THEMES, Theme

GAP = 6.0
HEAD = 62.0
BAR_SHARE = 0.38
"""The scale bar takes at most this share of the width of xy and xz."""

ROOM = 0.7
"""It stands in yz too, unless it would take more than this share there."""

SMALL = 36.0
"""Planes less high or wide have no room for a name, nor for a bar below its length."""

LOW = 16.0
"""Planes less high have no room for a bar beside its length."""

CORNER = (132.0, 112.0)
"""Least width and height of the corner that holds the table."""

TALLEST = 1.3
"""A panel is at most so many times as high as it is wide."""

ON_VOXELS = THEMES["dark"]
"""What stands on voxels has bright colours, whatever the page has."""

MARK = (18.0, 2.2)
"""Length and width in pixels of the marks where other planes cut."""


@dataclass(frozen=True)
class Panel:
    """What is drawn for one volume: its planes, a title and what it is."""

    planes: Planes
    title: str
    subtitle: str = ""
    aside: str = ""
    """Stands at the right end of the title's line."""

    def scale(self, width: float) -> float:
        """Pixels per nanometre with which it is ``width`` pixels wide, or less."""
        z, y, x = (self.planes.extent(axis) for axis in AXES)
        free = width - GAP
        across = min(free / (x + z), max((free - CORNER[0]) / x, 0) or math.inf)
        return min(across, (TALLEST * width - HEAD - GAP) / (y + z))

    def picture(self, width: float, theme: Theme) -> Image.Image:
        """Draw it, ``width`` pixels wide.

        The planes are laid out as an unfolded box: xz below xy and yz beside it, so
        that a thing is met in the same column or row; all have one scale.
        """
        scale = self.scale(width)
        depth, tall, wide = (self.planes.extent(a) * scale for a in AXES)
        right, below = wide + GAP, HEAD + tall + GAP
        canvas = Canvas.blank(width, below + max(depth, CORNER[1]), theme)
        canvas.text((0, 22), self.title, Style(21, face="bold"))
        canvas.text((0, 47), self.subtitle, Style(14, theme.faint))
        canvas.text((width, 22), self.aside, Style(14, theme.faint, anchor="rs"))
        shown = shade.limits(plane.values for plane in self.planes.planes)
        corners = ((0.0, HEAD), (0.0, below), (right, HEAD))
        for plane, corner in zip(self.planes.planes, corners, strict=True):
            drawing = _Drawing(self.planes, plane, scale)
            canvas.paste(drawing.canvas(shown), *corner)
        _draw_facts(canvas, right, below, self.planes)
        return canvas.picture()


@dataclass(frozen=True)
class _Drawing:
    """One plane, where a nanometre has ``scale`` pixels."""

    planes: Planes
    plane: Plane
    scale: float

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in pixels."""
        across, down = self.plane.across, self.plane.down
        extent = self.planes.extent
        return extent(across) * self.scale, extent(down) * self.scale

    def canvas(self, shown: Span) -> Canvas:
        """The plane, its values ``shown`` as black and white, and what is on it."""
        values = self.plane.values
        grey = not self.planes.labels
        voxels = shade.grey(values, *shown) if grey else shade.coloured(values)
        canvas = Canvas.showing(voxels, self.size, ON_VOXELS)
        self._draw_marks(canvas)
        if min(self.size) >= SMALL:
            self._draw_name(canvas)
        self._draw_bar(canvas)
        return canvas

    def _draw_marks(self, canvas: Canvas) -> None:
        """Mark on the frame where the two other planes cut this one."""
        (wide, tall), (long, thick) = self.size, MARK
        across, down = self._cut(self.plane.across), self._cut(self.plane.down)
        high, flat = min(long, tall / 4), min(long, wide / 4)
        for start in (0.0, tall - high):
            box = Box(across - thick / 2, start, thick, high)
            canvas.block(box, ON_VOXELS.axis(self.plane.across), halo=1.1)
        for start in (0.0, wide - flat):
            box = Box(start, down - thick / 2, flat, thick)
            canvas.block(box, ON_VOXELS.axis(self.plane.down), halo=1.1)

    def _cut(self, axis: str) -> float:
        number = AXES.index(axis)
        return (self.planes.at[number] - self.planes.edges[number][0]) * self.scale

    def _draw_name(self, canvas: Canvas) -> None:
        canvas.block(Box(8, 8, 30, 20), "#0000009e", bend=4)
        for letter, x in zip(self.plane.name, (18, 28), strict=True):
            style = Style(15, ON_VOXELS.axis(letter), "bold", "ms")
            canvas.text((x, 23), letter, style)

    def _draw_bar(self, canvas: Canvas) -> None:
        wide, tall = self.size
        nm = bar_length(self.planes.extent("x") * BAR_SHARE)
        length = nm * self.scale
        start, low = wide - 12 - length, tall < SMALL
        narrow = start < 80 if low else wide < 64
        if narrow or tall < LOW or length > ROOM * wide:
            return
        base = tall / 2 + 2.5 if low else tall - 12
        canvas.block(Box(start, base - 5, length, 5), "#ffffff", halo=1.7)
        # the text may be longer than the bar, and stands beside it in a low plane
        middle = start - 36 if low else min(start + length / 2, wide - 34)
        style = Style(14, "#ffffff", "bold", "ms", halo=2)
        canvas.text((middle, base + 2.5 if low else base - 11), length_text(nm), style)


def _draw_facts(canvas: Canvas, x: float, y: float, planes: Planes) -> None:
    """Voxels and voxel size for each axis, in the free corner of the layout."""
    theme, number = canvas.theme, Style(15, anchor="rs")
    columns = (x + 8, x + 72, x + 131)
    for place, word in zip(columns[1:], ("voxels", "nm"), strict=True):
        canvas.text((place, y + 30), word, Style(13, theme.faint, anchor="rs"))
    rows = zip(AXES, planes.shape, planes.voxel_size, strict=True)
    for line, (axis, count, size) in enumerate(rows, start=1):
        base = y + 30 + 24 * line
        canvas.text((columns[0], base), axis, Style(15, theme.axis(axis), "bold"))
        canvas.text((columns[1], base), str(count), number)
        canvas.text((columns[2], base), f"{size:.4g}", number)

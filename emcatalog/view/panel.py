"""One volume on the page: three planes that share their axes, and what they are."""

from __future__ import annotations

import math
from dataclasses import dataclass

from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch, Rectangle
from matplotlib.transforms import IdentityTransform

from emcatalog.geometry import AXES
from emcatalog.view import shade
from emcatalog.view.canvas import FONT, Box, Canvas, points
from emcatalog.view.planes import Plane, Planes, Span
from emcatalog.view.scale import bar_length, length_text
from emcatalog.view.theme import Theme

GAP = 6.0
HEAD = 62.0
BAR_SHARE = 0.38
"""The scale bar takes at most this share of the width of xy and xz."""

ROOM = 0.7
"""It stands in yz too, unless it would take more than this share there."""

CORNER = (132.0, 112.0)
"""Least width and height of the corner that holds the table."""

TALLEST = 1.3
"""A panel is at most so many times as high as it is wide."""

MARK = 18.0
"""Length in pixels of the marks where other planes cut."""


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

    def height(self, scale: float) -> float:
        """Height in pixels, where a nanometre has ``scale`` pixels."""
        z, y, _ = (self.planes.extent(axis) * scale for axis in AXES)
        return HEAD + y + GAP + max(z, CORNER[1])

    def draw(self, canvas: Canvas, x: float, y: float, width: float) -> None:
        """Draw it, ``width`` pixels wide, with its upper left corner at ``x``, ``y``.

        The planes are laid out as an unfolded box: xz below xy and yz beside it, so
        that a thing is met in the same column or row; all have one scale.
        """
        faint, scale = canvas.theme.faint, self.scale(width)
        depth, tall, wide = (self.planes.extent(a) * scale for a in AXES)
        top, right, below = y + HEAD, x + wide + GAP, y + HEAD + tall + GAP
        canvas.text(x, y + 22, self.title, 21, weight="bold")
        canvas.text(x, y + 47, self.subtitle, 14, color=faint)
        canvas.text(x + width, y + 22, self.aside, 14, color=faint, ha="right")
        places = (
            Box(x, top, wide, tall),
            Box(x, below, wide, depth),
            Box(right, top, depth, tall),
        )
        shown = limits(self.planes)
        for plane, box in zip(self.planes.planes, places, strict=True):
            _draw_plane(canvas, box, self.planes, plane, shown)
        _draw_facts(canvas, right, below, self.planes)


def limits(planes: Planes) -> Span:
    """Values shown as black and white in all three planes."""
    return shade.limits(plane.values for plane in planes.planes)


def _draw_plane(
    canvas: Canvas, box: Box, planes: Planes, plane: Plane, shown: Span
) -> None:
    axes = canvas.axes(box)
    axes.set_gid(f"plane-{plane.name}")
    left, right = planes.edges[AXES.index(plane.across)]
    top, bottom = planes.edges[AXES.index(plane.down)]
    extent = (left, right, bottom, top)
    if planes.labels:
        colours = shade.coloured(plane.values)
        axes.imshow(colours, extent=extent, aspect="auto", interpolation="nearest")
    else:
        grey = shade.grey(plane.values, *shown)
        axes.imshow(grey, "gray", extent=extent, aspect="auto", vmin=0, vmax=1)
    _draw_marks(axes, box, planes, plane, canvas.theme)
    _draw_name(axes, canvas.theme, plane)
    length = bar_length(planes.extent("x") * BAR_SHARE)
    if length <= ROOM * (right - left):
        _draw_bar(axes, box, (left, right), length)


def _draw_marks(
    axes: Axes, box: Box, planes: Planes, plane: Plane, theme: Theme
) -> None:
    """Mark on the frame where the two other planes cut this one."""
    lines = (
        (plane.across, axes.axvline, MARK / box.height),
        (plane.down, axes.axhline, MARK / box.width),
    )
    for axis, draw, share in lines:
        place = planes.at[AXES.index(axis)]
        for low, high in ((0.0, share), (1 - share, 1.0)):
            line = draw(place, low, high, color=theme.axis(axis), linewidth=1.6)
            line.set_path_effects(_halo(3.2))


def _draw_name(axes: Axes, theme: Theme, plane: Plane) -> None:
    corner = axes.transAxes.transform((0, 1))
    badge = FancyBboxPatch(
        (corner[0] + 8, corner[1] - 28),
        30,
        20,
        boxstyle="round,pad=0,rounding_size=4",
        transform=IdentityTransform(),
        facecolor=(0, 0, 0, 0.62),
        edgecolor="none",
    )
    axes.add_patch(badge)
    for letter, place in zip(plane.name, (18, 28), strict=True):
        axes.annotate(
            letter,
            (0, 1),
            (place, -23),
            "axes fraction",
            "offset pixels",
            color=theme.axis(letter),
            ha="center",
            fontsize=points(15),
            fontfamily=FONT,
            weight="bold",
        )


def _draw_bar(axes: Axes, box: Box, span: Span, length: float) -> None:
    left, right = span
    start = right - length - 12 / box.width * (right - left)
    bar = Rectangle(
        (start, 12 / box.height),
        length,
        5 / box.height,
        transform=axes.get_xaxis_transform(),
        facecolor="white",
        edgecolor="none",
        path_effects=_halo(2.4),
        gid="scale-bar",
        zorder=3,  # above the marks
    )
    axes.add_patch(bar)
    axes.annotate(
        length_text(length),
        (start + length / 2, 0),
        (0, 23),
        axes.get_xaxis_transform(),
        "offset pixels",
        color="white",
        ha="center",
        fontsize=points(14),
        fontfamily=FONT,
        weight="bold",
        path_effects=_halo(3),
    )


def _draw_facts(canvas: Canvas, x: float, y: float, planes: Planes) -> None:
    """Voxels and voxel size for each axis, in the free corner of the layout."""
    theme = canvas.theme
    columns = (x + 8, x + 72, x + 131)
    line = y + 30
    for place, word in zip(columns[1:], ("voxels", "nm"), strict=True):
        canvas.text(place, line, word, 13, color=theme.faint, ha="right")
    rows = zip(AXES, planes.shape, planes.voxel_size, strict=True)
    for axis, count, size in rows:
        line += 24
        canvas.text(columns[0], line, axis, 15, color=theme.axis(axis), weight="bold")
        canvas.text(columns[1], line, str(count), 15, ha="right")
        canvas.text(columns[2], line, f"{size:.4g}", 15, ha="right")


def _halo(width: float) -> list[patheffects.AbstractPathEffect]:
    # readable on black nuclei and on white lumina alike
    return [patheffects.withStroke(linewidth=width, foreground=(0, 0, 0, 0.7))]

"""The legend: the box of a volume with its three planes, drawn at an angle."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Polygon

from emcatalog.geometry import AXES, Lengths
from emcatalog.view.canvas import FONT, Box, Canvas, points
from emcatalog.view.planes import Planes
from emcatalog.view.scale import length_text

SLANT = (0.5, 0.36)
"""Pixels to the right and down for a pixel of depth: a cabinet projection."""

SIDE = 270.0
Point = tuple[float, float]


def draw_legend(canvas: Canvas, x: float, y: float, planes: Planes) -> float:
    """Draw the box of ``planes`` with its upper left corner at pixel ``x``, ``y``.

    Returns the pixel at which the drawing ends.
    """
    theme = canvas.theme
    extent: Lengths = (planes.extent("z"), planes.extent("y"), planes.extent("x"))
    wide = extent[2] + SLANT[0] * extent[0]
    tall = extent[1] + SLANT[1] * extent[0]
    scale = SIDE / max(wide, tall)
    axes = canvas.axes(Box(x, y, wide * scale, tall * scale))
    axes.set_xlim(0, wide)
    axes.set_ylim(tall, 0)
    for axis in AXES:
        corners = [_project(p) for p in _middle(axis, extent)]
        colour = theme.axis(axis)
        axes.add_patch(Polygon(corners, facecolor=colour, alpha=0.28, edgecolor="none"))
        axes.add_patch(Polygon(corners, fill=False, edgecolor=colour, linewidth=1.5))
    for begin, end in _edges(extent):
        (x0, y0), (x1, y1) = _project(begin), _project(end)
        axes.plot([x0, x1], [y0, y1], color=theme.faint, linewidth=0.9, clip_on=False)
    _draw_names(axes, canvas, extent)
    return y + tall * scale


def _draw_names(axes: Axes, canvas: Canvas, extent: Lengths) -> None:
    z, y, x = extent
    names: tuple[tuple[str, Point, Point], ...] = (
        ("x", (x / 2, 0), (0, 9)),
        ("y", (0, y / 2), (-10, 0)),
        ("z", (SLANT[0] * z / 2, y + SLANT[1] * z / 2), (-10, -14)),
    )
    for axis, place, offset in names:
        axes.annotate(
            f"{axis}  {length_text(extent[AXES.index(axis)])}",
            place,
            offset,
            "data",
            "offset pixels",
            color=canvas.theme.axis(axis),
            ha="center" if axis == "x" else "right",
            va="bottom" if axis == "x" else "center",
            fontsize=points(15),
            fontfamily=FONT,
            annotation_clip=False,
        )


def _project(point: Sequence[float]) -> Point:
    z, y, x = point
    return x + SLANT[0] * z, y + SLANT[1] * z


def _middle(axis: str, extent: Lengths) -> list[Lengths]:
    """Corners (z, y, x) of the middle plane at right angles to ``axis``."""
    normal = AXES.index(axis)
    corners = []
    for a, b in ((0, 0), (0, 1), (1, 1), (1, 0)):
        shares: list[float] = [a, b]
        shares.insert(normal, 0.5)
        z, y, x = (share * size for share, size in zip(shares, extent, strict=True))
        corners.append((z, y, x))
    return corners


def _edges(extent: Lengths) -> Iterator[tuple[Lengths, Lengths]]:
    """The twelve edges of the box, each as two corners (z, y, x)."""
    ends = ((0.0, size) for size in extent)
    corners = [(z, y, x) for z, y, x in itertools.product(*ends)]
    for one, other in itertools.combinations(corners, 2):
        if sum(a != b for a, b in zip(one, other, strict=True)) == 1:
            yield one, other

"""The legend: the box of a volume with its three planes, drawn at an angle."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from PIL import Image

from emcatalog.geometry import AXES, Lengths
from emcatalog.view.canvas import Canvas, Point, Style
from emcatalog.view.planes import Planes
from emcatalog.view.scale import length_text
from emcatalog.view.theme import Theme

SLANT = (0.5, 0.36)
"""Pixels to the right and down for a pixel of depth: a cabinet projection."""

SIDE = 270.0
CORNER = (110.0, 102.0)
"""Upper left corner of the box."""

PITCH = 9
"""Pixels from letter to letter of the caption, in whatever font."""


def legend(
    planes: Planes, caption: Sequence[str], width: float, theme: Theme
) -> Image.Image:
    """Draw the box of ``planes``, ``width`` pixels wide, and lines of code below it."""
    z, y, x = extent = (planes.extent("z"), planes.extent("y"), planes.extent("x"))
    flat = (x + SLANT[0] * z, y + SLANT[1] * z)
    scale = SIDE / max(flat)
    bottom = CORNER[1] + flat[1] * scale
    canvas = Canvas.blank(width, bottom + 60 + 24 * len(caption), theme)
    canvas.text((0, 22), "The planes", Style(21, face="bold"))
    told = "xy; below it xz, beside it yz; marks show where they meet"
    canvas.text((0, 47), told, Style(14, theme.faint))
    _draw_box(canvas, (z * scale, y * scale, x * scale))
    _draw_names(canvas, extent, scale)
    for number, line in enumerate(caption):
        _draw_code(canvas, bottom + 60 + 24 * number, line)
    return canvas.picture()


def _draw_box(canvas: Canvas, extent: Lengths) -> None:
    for axis in AXES:
        corners = [_project(corner) for corner in _middle(axis, extent)]
        colour = canvas.theme.axis(axis)
        canvas.area(corners, f"{colour}48")
        canvas.line([*corners, *corners[:2]], colour, 2.1)
    for begin, end in _edges(extent):
        canvas.line([_project(begin), _project(end)], canvas.theme.faint, 1.3)


def _draw_names(canvas: Canvas, extent: Lengths, scale: float) -> None:
    z, y, x = (length * scale for length in extent)
    places = (
        ((0.0, y, 0.0), (SLANT[0] * z / 2 - 10, SLANT[1] * z / 2 + 19), "rs"),
        ((0.0, y / 2, 0.0), (-10.0, 5.0), "rs"),
        ((0.0, 0.0, x / 2), (0.0, -12.0), "ms"),
    )
    for axis, length, (corner, away, anchor) in zip(AXES, extent, places, strict=True):
        place = _project(corner)
        canvas.text(
            (place[0] + away[0], place[1] + away[1]),
            f"{axis}  {length_text(length)}",
            Style(15, canvas.theme.axis(axis), anchor=anchor),
        )


def _draw_code(canvas: Canvas, y: float, line: str) -> None:
    # letter by letter: the columns hold in a font that is not monospaced
    for number, letter in enumerate(line):
        place = (PITCH * (number + 0.5), y)
        canvas.text(place, letter, Style(15, face="mono", anchor="ms"))


def _project(point: Sequence[float]) -> Point:
    z, y, x = point
    return CORNER[0] + x + SLANT[0] * z, CORNER[1] + y + SLANT[1] * z


def _middle(axis: str, extent: Lengths) -> Iterator[list[float]]:
    """Corners (z, y, x) of the middle plane at right angles to ``axis``."""
    for a, b in ((0, 0), (0, 1), (1, 1), (1, 0)):
        shares: list[float] = [a, b]
        shares.insert(AXES.index(axis), 0.5)
        yield [share * size for share, size in zip(shares, extent, strict=True)]


def _edges(extent: Lengths) -> Iterator[tuple[Sequence[float], Sequence[float]]]:
    """The twelve edges of the box, each as two corners (z, y, x)."""
    corners = itertools.product(*((0.0, size) for size in extent))
    for one, other in itertools.combinations(corners, 2):
        if sum(a != b for a, b in zip(one, other, strict=True)) == 1:
            yield one, other

"""The picture: input, truth and prediction of held-out planes, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emcatalog.train.exam import Answers
from emcatalog.view.canvas import Box, Canvas, Style
from emcatalog.view.scale import bar_length, length_text
from emcatalog.view.shade import Bytes, grey, limits
from emcatalog.view.theme import THEMES

MARGIN, GUTTER, HEADER, HEAD = 40.0, 16.0, 92.0, 36.0

PIXELS = 3.0
"""Pixels of a voxel: all planes of a page have one scale."""

TINT = (255.0, 168.0, 20.0)
"""Orange, which every eye tells from grey."""

STRENGTH = 0.55
"""How much of a voxel's colour is the tint, where it is sure."""

COLUMNS = ("input", "truth", "prediction")
THEME = THEMES["dark"]


def picture(found: Mapping[str, Answers], note: str = "") -> Any:
    """Draw a row for each dataset: its image, and truth and prediction on it in orange.

    The more likely a voxel was said to be, the more of it is orange. ``note`` is
    written below the title. The result is a `PIL.Image.Image`, all of it at one scale.
    """
    sizes = [answer.image.shape for answer in found.values()]
    wide = max(140.0, PIXELS * max(x for _, x in sizes))
    tall = sum(HEAD + PIXELS * y + GUTTER for y, _ in sizes)
    across = len(COLUMNS) * (wide + GUTTER) - GUTTER
    canvas = Canvas.blank(max(across, 560) + 2 * MARGIN, HEADER + tall + MARGIN, THEME)
    title = "Mitochondria in voxels that were never seen"
    canvas.text((MARGIN, 46), title, Style(24, face="bold"))
    canvas.text((MARGIN, 72), note, Style(14, THEME.faint))
    top = HEADER
    for name, answer in found.items():
        _draw_row(canvas, (MARGIN, top), wide, name, answer)
        top += HEAD + PIXELS * answer.image.shape[0] + GUTTER
    return canvas.picture()


def _draw_row(
    canvas: Canvas, corner: tuple[float, float], wide: float, name: str, of: Answers
) -> None:
    left, top = corner
    for number, (column, voxels) in enumerate(zip(COLUMNS, _planes(of), strict=True)):
        x = left + number * (wide + GUTTER)
        told = f"{name}  {column}" if number == 0 else column
        canvas.text((x, top + 22), told, Style(15))
        size = (PIXELS * voxels.shape[1], PIXELS * voxels.shape[0])
        canvas.paste(Canvas.showing(voxels, size, THEME), x, top + HEAD)
    _draw_bar(canvas, (left, top + HEAD), of)


def _draw_bar(canvas: Canvas, corner: tuple[float, float], of: Answers) -> None:
    rows, columns = of.image.shape
    nm = bar_length(columns * of.voxel_size * 0.6)
    length = PIXELS * nm / of.voxel_size
    x, y = corner[0] + 8, corner[1] + PIXELS * rows - 12
    canvas.block(Box(x, y, length, 4), "#ffffff", halo=1.5)
    style = Style(12, "#ffffff", "bold", "ls", halo=2)
    canvas.text((x, y - 6), length_text(nm), style)


def _planes(of: Answers) -> tuple[Bytes, Bytes, Bytes]:
    plain = grey(of.image, *limits([of.image]))
    nothing = np.zeros(of.image.shape, np.float32)
    shares = (nothing, of.truth.astype(np.float32), of.likely)
    first, second, third = (_tinted(plain, share) for share in shares)
    return first, second, third


def _tinted(plain: Bytes, share: NDArray[np.float32]) -> Bytes:
    """Red, green and blue of a plane, orange where ``share`` is 1."""
    part = STRENGTH * share[..., None]
    mixed = (1 - part) * plain[..., None] + part * np.array(TINT, np.float32)
    return np.rint(mixed).astype(np.uint8)

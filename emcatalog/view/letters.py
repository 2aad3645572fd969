"""Fonts: those of the machine, or the one that comes with Pillow."""

from __future__ import annotations

import contextlib
import unicodedata
from functools import cache
from typing import Literal

from PIL import ImageFont

Face = Literal["plain", "bold", "mono"]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

FAMILIES = (
    "DejaVuSans.ttf, DejaVuSans-Bold.ttf, DejaVuSansMono.ttf",
    "segoeui.ttf, segoeuib.ttf, consola.ttf",
    "Arial.ttf, Arial Bold.ttf, Menlo.ttc",
    "NotoSans-Regular.ttf, NotoSans-Bold.ttf, NotoSansMono-Regular.ttf",
    "LiberationSans-Regular.ttf, LiberationSans-Bold.ttf, LiberationMono-Regular.ttf",
)
"""Files of a plain, a bold and a monospaced face; the first complete family is used.

They are looked up in the folders of the system: DejaVu and the last two are met on
Linux, the second on Windows, the third on macOS.
"""

_SPELLED = str.maketrans({"×": "x", "µ": "u", "μ": "u", "–": "-", "—": "-"})
_KEPT = "·°"
"""The font of Pillow has these besides ASCII."""


def letters(line: str, face: Face, pixels: int) -> tuple[str, Font, int]:
    r"""A line as it can be drawn: its letters, their font, and a stroke for bold ones.

    The font is ``pixels`` high. What is no letter becomes a space. Without a family
    of the system it is the font of Pillow, which has one face, and few letters besides
    ASCII: those it lacks are spelled with others.

    >>> letters("two\nlines", "plain", 15)[0]
    'two lines'
    """
    line = "".join(c if c.isprintable() else " " for c in line)
    family = _family(FAMILIES)
    if family:
        return line, family[face].font_variant(size=pixels), 0
    stroke = round(pixels * 0.03) if face == "bold" else 0
    return _spelled(line), ImageFont.load_default(pixels), stroke


def _spelled(line: str) -> str:
    parts = unicodedata.normalize("NFKD", line.translate(_SPELLED))
    return "".join(
        c if c.isascii() or c in _KEPT else "?"
        for c in parts
        if not unicodedata.combining(c)
    )


@cache
def _family(families: tuple[str, ...]) -> dict[Face, ImageFont.FreeTypeFont]:
    for names in families:
        with contextlib.suppress(OSError):
            plain, bold, mono = map(ImageFont.truetype, names.split(", "))
            return {"plain": plain, "bold": bold, "mono": mono}
    return {}

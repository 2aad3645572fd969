"""Pages of orthoviews: one volume, or several beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import xarray as xr
from PIL import Image

from emcatalog.errors import GeometryError
from emcatalog.view.canvas import Canvas, Style
from emcatalog.view.legend import legend
from emcatalog.view.panel import Panel
from emcatalog.view.planes import cut
from emcatalog.view.theme import Theme
from emcatalog.view.theme import theme as theme_of

MARGIN, GUTTER, HEADER = 48, 52, 112
COLUMNS = 3


@dataclass(frozen=True)
class Words:
    """What is written on a page: a title, a line below it, and a caption.

    The caption stands in a place that the volumes leave free, if they leave one.
    """

    title: str = ""
    note: str = ""
    caption: tuple[str, ...] = ()


def orthoviews(
    array: xr.DataArray,
    at: Mapping[str, object] | None = None,
    *,
    title: str = "",
    theme: str = "dark",
) -> Image.Image:
    """Draw the planes xy, xz and yz of a labelled array (dims z, y, x; nm).

    Only the three planes are read. ``at`` places them, by axis, as for ``.sel``;
    without it they are the middle ones. Voxels keep their physical proportions; black
    and white are percentiles over the three planes. Save it with ``save``.

    >>> from emcatalog.geometry import Grid
    >>> from emcatalog.index import voxel_coords
    >>> import numpy as np
    >>> coords = voxel_coords(Grid((4, 6, 8), (50.0, 8.0, 8.0)))
    >>> picture = orthoviews(xr.DataArray(np.zeros((4, 6, 8)), coords), {"z": 60})
    """
    panel = _panel(title or _name(array), array, at)
    return _page([panel], 1006, Words(), theme_of(theme))


def gallery(
    arrays: Mapping[str, xr.DataArray],
    words: Words | None = None,
    *,
    theme: str = "dark",
) -> Image.Image:
    """Draw several volumes on one page, each equally wide.

    ``arrays`` are labelled arrays by title. A place that is left free explains the
    three planes. Raises GeometryError without any array, and for an array that has
    not the dims z, y, x and coordinates in nm.
    """
    if not arrays:
        raise GeometryError(got="no array", expected="at least one to draw")
    panels = [_panel(name, array) for name, array in arrays.items()]
    return _page(panels, 566, words or Words(), theme_of(theme))


def subtitle(array: xr.DataArray) -> str:
    """What is known of the specimen: organism, tissue and modality.

    >>> subtitle(xr.DataArray(0, attrs={"tissue": "retina", "modality": "SBF-SEM"}))
    'retina · SBF-SEM'
    """
    return _joined(array, "organism", "tissue", "modality")


def _panel(
    title: str, array: xr.DataArray, at: Mapping[str, object] | None = None
) -> Panel:
    source = " · ".join(filter(None, (_joined(array, "format"), str(array.dtype))))
    return Panel(cut(array, at), title, subtitle(array), source)


def _joined(array: xr.DataArray, *fields: str) -> str:
    return " · ".join(str(array.attrs[f]) for f in fields if array.attrs.get(f))


def _name(array: xr.DataArray) -> str:
    return str(array.attrs.get("dataset") or array.name or "")


def _page(
    panels: Sequence[Panel], width: int, words: Words, theme: Theme
) -> Image.Image:
    """Panels in rows, each ``width`` pixels wide, and what is written with them."""
    pictures = [panel.picture(width, theme) for panel in panels]
    rows = [
        max(picture.height for picture in pictures[i : i + COLUMNS])
        for i in range(0, len(pictures), COLUMNS)
    ]
    if len(pictures) % COLUMNS and len(rows) > 1:
        pictures.append(legend(panels[-1].planes, words.caption, width, theme))
    head = HEADER if words.title or words.note else 0
    across = min(COLUMNS, len(pictures)) * (width + GUTTER) - GUTTER
    down = head + sum(rows) + (len(rows) - 1) * GUTTER
    page = Image.new("RGB", (across + 2 * MARGIN, down + 2 * MARGIN), theme.paper)
    page.paste(_header(words, across, theme), (MARGIN, MARGIN))
    for place, picture in enumerate(pictures):
        row, column = divmod(place, COLUMNS)
        left = MARGIN + column * (width + GUTTER)
        top = MARGIN + head + sum(rows[:row]) + row * GUTTER
        page.paste(picture, (left, top))
    return page


def _header(words: Words, width: int, theme: Theme) -> Image.Image:
    canvas = Canvas.blank(width, HEADER, theme)
    canvas.text((0, 34), words.title, Style(36, face="bold"))
    canvas.text((0, 68), words.note, Style(18, theme.faint))
    return canvas.picture()

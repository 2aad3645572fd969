"""Pages of orthoviews: one volume, or several beside each other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import xarray as xr
from matplotlib.figure import Figure

from emcatalog.errors import GeometryError
from emcatalog.view.canvas import Canvas
from emcatalog.view.legend import draw_legend
from emcatalog.view.panel import HEAD, Panel
from emcatalog.view.planes import cut
from emcatalog.view.theme import theme as theme_of

MARGIN, GUTTER, HEADER = 48.0, 52.0, 112.0
COLUMNS = 3
MONOSPACE = "DejaVu Sans Mono"


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
) -> Figure:
    """Draw the planes xy, xz and yz of a labelled array (dims z, y, x; nm).

    Only the three planes are read. ``at`` places them, by axis, as for ``.sel``;
    without it they are the middle ones. Voxels keep their physical proportions; black
    and white are percentiles over the three planes. Save it with ``savefig``.

    >>> from emcatalog.geometry import Grid
    >>> from emcatalog.index import voxel_coords
    >>> import numpy as np
    >>> coords = voxel_coords(Grid((4, 6, 8), (50.0, 8.0, 8.0)))
    >>> figure = orthoviews(xr.DataArray(np.zeros((4, 6, 8)), coords), {"z": 60})
    """
    panel = _panel(title or _name(array), array, at)
    return _Page([panel], width=1006.0).drawn(Words(), theme)


def gallery(
    arrays: Mapping[str, xr.DataArray],
    words: Words | None = None,
    *,
    theme: str = "dark",
) -> Figure:
    """Draw several volumes on one page, each equally wide.

    ``arrays`` are labelled arrays by title. A place that is left free explains the
    three planes. Raises GeometryError without any array, and for an array that has
    not the dims z, y, x and coordinates in nm.
    """
    if not arrays:
        raise GeometryError(got="no array", expected="at least one to draw")
    panels = [_panel(name, array) for name, array in arrays.items()]
    return _Page(panels, width=566.0).drawn(words or Words(), theme)


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


@dataclass(frozen=True)
class _Page:
    """Panels in rows, each ``width`` pixels wide."""

    panels: Sequence[Panel]
    width: float

    @property
    def rows(self) -> list[float]:
        """Height of each row."""
        heights = [panel.height(panel.scale(self.width)) for panel in self.panels]
        return [max(heights[i : i + COLUMNS]) for i in range(0, len(heights), COLUMNS)]

    def corner(self, place: int, header: float) -> tuple[float, float]:
        """Upper left pixel of the panel number ``place``."""
        row, column = divmod(place, COLUMNS)
        x = MARGIN + column * (self.width + GUTTER)
        return x, MARGIN + header + sum(self.rows[:row]) + row * GUTTER

    def drawn(self, words: Words, theme: str) -> Figure:
        """The page as a figure."""
        header = HEADER if words.title else 0.0
        count = min(COLUMNS, len(self.panels))
        width = 2 * MARGIN + count * (self.width) + (count - 1) * GUTTER
        gaps = (len(self.rows) - 1) * GUTTER
        height = 2 * MARGIN + header + sum(self.rows) + gaps
        canvas = Canvas.blank(math.ceil(width), math.ceil(height), theme_of(theme))
        canvas.text(MARGIN, MARGIN + 34, words.title, 36, weight="bold")
        canvas.text(MARGIN, MARGIN + 68, words.note, 18, color=canvas.theme.faint)
        for place, panel in enumerate(self.panels):
            panel.draw(canvas, *self.corner(place, header), self.width)
        if len(self.panels) % COLUMNS and len(self.rows) > 1:
            self._explain(canvas, words, header)
        return canvas.figure

    def _explain(self, canvas: Canvas, words: Words, header: float) -> None:
        x, y = self.corner(len(self.panels), header)
        planes = self.panels[-1].planes
        canvas.text(x, y + 22, "The planes", 21, weight="bold")
        told = "xy; below it xz, beside it yz; marks show where they meet"
        canvas.text(x, y + 47, told, 14, color=canvas.theme.faint)
        bottom = draw_legend(canvas, x + 110, y + HEAD + 40, planes)
        for number, line in enumerate(words.caption):
            canvas.text(x, bottom + 60 + 24 * number, line, 15, family=MONOSPACE)

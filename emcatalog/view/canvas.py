"""A figure measured in pixels from its upper left corner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from emcatalog.view.theme import Theme

DPI = 100
FONT = "DejaVu Sans"
"""It comes with Matplotlib, so pictures are the same on every machine."""


@dataclass(frozen=True)
class Box:
    """A rectangle of pixels; ``y`` counts downwards."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Canvas:
    """A page of ``width`` by ``height`` pixels."""

    figure: Figure
    width: float
    height: float
    theme: Theme

    @classmethod
    def blank(cls, width: float, height: float, theme: Theme) -> Canvas:
        """Return an empty page. It belongs to no window and no global state."""
        figure = Figure((width / DPI, height / DPI), dpi=DPI, facecolor=theme.paper)
        FigureCanvasAgg(figure)
        return cls(figure, width, height, theme)

    def axes(self, box: Box) -> Axes:
        """Axes without ticks and frame that fill ``box``."""
        bottom = self.height - box.y - box.height
        place = (
            box.x / self.width,
            bottom / self.height,
            box.width / self.width,
            box.height / self.height,
        )
        axes = self.figure.add_axes(place)
        axes.set_axis_off()
        return axes

    def text(self, x: float, y: float, line: str, size: float, **style: Any) -> None:
        """Write ``line`` with its baseline at ``y``; ``size`` is in pixels."""
        style.setdefault("color", self.theme.ink)
        style.setdefault("va", "baseline")
        self.figure.text(
            x / self.width,
            1 - y / self.height,
            line,
            fontsize=points(size),
            fontfamily=style.pop("family", FONT),
            **style,
        )


def points(pixels: float) -> float:
    """Font size in points of letters whose size is ``pixels``."""
    return pixels * 72 / DPI

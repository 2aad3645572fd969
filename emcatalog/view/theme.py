"""Colours and sizes of the pictures."""

from __future__ import annotations

from dataclasses import dataclass

from emcatalog.errors import OptionError, suggest


@dataclass(frozen=True)
class Theme:
    """Colours of a picture; z, y and x each have one wherever they are named."""

    paper: str
    ink: str
    faint: str
    z: str
    y: str
    x: str

    def axis(self, name: str) -> str:
        """Colour of the axis ``z``, ``y`` or ``x``."""
        return {"z": self.z, "y": self.y, "x": self.x}[name]


# red, green and blue for x, y and z as in Neuroglancer, tuned to be told apart by
# readers who confuse red and green
THEMES = {
    "dark": Theme(
        paper="#0e1116",
        ink="#eef1f5",
        faint="#98a2b0",
        z="#5aa9ff",
        y="#5fd38d",
        x="#ff7a66",
    ),
    "light": Theme(
        paper="#ffffff",
        ink="#14181f",
        faint="#5d6876",
        z="#1f6fd1",
        y="#1f8a52",
        x="#cf3f2b",
    ),
}


def theme(name: str) -> Theme:
    """The theme called ``name``; raises OptionError for one that does not exist.

    >>> theme("dark").paper
    '#0e1116'
    """
    if name not in THEMES:
        raise OptionError(
            got=f"the theme {name!r}",
            expected="a theme that there is",
            hint=suggest(name, THEMES),
        )
    return THEMES[name]

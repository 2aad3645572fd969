"""What the axes of a DM image are: their sizes, calibrations, and what those measure.

DigitalMicrograph calibrates any axis with a scale, an origin (in pixels: the place of
zero) and a unit of any kind. Only lengths are axes of a volume.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from emcatalog.units import LONGEST, spellings, unit_nm
from emcatalog_dm3.tree import Group

NAMES = "xyzt"
"""Names of the axes in the order that files have; more are not read."""

SMALLEST, LARGEST = 1e-5, 1e15
"""Lengths of a pixel, in nanometres, that are believed."""

FARTHEST = 1e9
"""Pixels that an origin may lie away."""

_MEASURES = {
    "energy": {
        "ev", "kev", "mev", "gev", "ev/ch", "ev/channel", "kev/ch", "kev/channel",
        "electronvolt", "electron volt",
    },
    "time": {
        "s", "sec", "second", "ms", "millisecond", "us", "μs", "microsecond", "ns",
        "nanosecond", "ps", "fs", "min", "minute", "h", "hour",
    },
    "angle": {
        "rad", "radian", "mrad", "milliradian", "urad", "μrad", "nrad", "deg",
        "degree", "°",
    },
    "frequency": {"hz", "khz", "mhz", "ghz", "thz"},
}  # fmt: skip
_MEASURE_OF = {unit: name for name, units in _MEASURES.items() for unit in units}
_INVERSE = re.compile(
    r"(?:1|rad|cycles?)?\s*/\s*\(?([^()]+?)\)?"
    r"|([^()]+?)\s*(?:\^|\*\*)?\s*[({]?[-\u2212]1[)}]?"
)
_SPECTROSCOPY = frozenset({"eels", "cl", "x-ray", "xray", "eds", "edx", "edxs", "wds"})


@dataclass(frozen=True)
class Axis:
    """One axis: ``size`` pixels of ``scale`` ``unit`` each, zero at pixel ``origin``.

    ``scale`` is None where the tags have no number; one that is not finite is kept,
    and is no length. ``path`` is where they lie.

    >>> print(Axis("x", 2048, 0.25, -1400.0, "eV", "ImageList.1"))
    x: 2048 of 0.25 eV (energy)
    """

    name: str
    size: int
    scale: float | None
    origin: float
    unit: str
    path: str

    def __str__(self) -> str:
        if self.scale is None:
            return f"{self.name}: {self.size} of no scale"
        text = f"{self.name}: {self.size} of {self.scale:.6g} {self.unit}".rstrip()
        notes = [m for m in (quantity(self.unit),) if m not in ("", "length")]
        notes += ["runs backwards"] * self.is_backwards
        return f"{text} ({', '.join(notes)})" if notes else text

    @property
    def nm(self) -> float | None:
        """Length of a pixel in nanometres; None if it has none, or no sensible one."""
        return nanometres(self.scale, self.unit)

    @property
    def start(self) -> float | None:
        """Centre of the first pixel in nanometres, if the calibration tells."""
        if self.nm is None or abs(self.origin) > FARTHEST:
            return None
        # adding 0.0 turns -0.0 into 0.0
        return float(f"{-self.origin * self.nm:.12g}") + 0.0

    @property
    def is_backwards(self) -> bool:
        """Whether positions decrease from pixel to pixel."""
        return self.scale is not None and -math.inf < self.scale < 0

    @property
    def is_other(self) -> bool:
        """Whether it measures something that is no length, or runs backwards."""
        return self.is_backwards or quantity(self.unit) not in ("", "length")


def nanometres(scale: float | None, unit: str) -> float | None:
    """A calibration in nanometres; None if scale or unit do not make a length.

    >>> nanometres(0.008, "µm"), nanometres(0.008, "Âµm"), nanometres(1.0, "1/nm")
    (8.0, 8.0, None)
    """
    factor = unit_nm(unit)
    if scale is None or factor is None or not SMALLEST <= scale * factor < LARGEST:
        return None
    return scaled(scale, factor)


def scaled(number: float, factor: float) -> float:
    """The product of what the two numbers look like, without the noise of floats.

    >>> 0.1 * 3, scaled(0.1, 3)
    (0.30000000000000004, 0.3)
    """
    return float(Decimal(repr(number)) * Decimal(repr(factor)))


def quantity(unit: str) -> str:
    """What ``unit`` measures; empty for no unit and for one that is not known.

    >>> quantity("nm"), quantity("keV"), quantity("1/Å"), quantity("nm^-1")
    ('length', 'energy', 'reciprocal length', 'reciprocal length')
    >>> quantity("mrad"), quantity("pixels")
    ('angle', '')
    """
    if unit_nm(unit):
        return "length"
    for text in spellings(unit):
        inverse = _INVERSE.fullmatch(text)
        if inverse and unit_nm(inverse[1] or inverse[2]):
            return "reciprocal length"
        if inverse and _measure(inverse[1] or inverse[2]) == "time":
            return "frequency"
        if measure := _measure(text):
            return measure
    return ""


def _measure(text: str) -> str:
    word = text.casefold()
    # the s of seconds itself is no plural
    return _MEASURE_OF.get(word) or _MEASURE_OF.get(word.removesuffix("s"), "")


def axes_of(tags: Group, path: str) -> tuple[Axis, ...]:
    """The first four axes of an image, x first; a size that makes no sense is 0."""
    sizes = tags.group("ImageData", "Dimensions")
    found = []
    for n, name in enumerate(itertools.islice(sizes.members, len(NAMES))):
        place = ("ImageData", "Calibrations", "Dimension", str(n))
        axis = Axis(
            NAMES[n],
            sizes.whole(name) or 0,
            tags.told(*place, "Scale"),
            tags.number(*place, "Origin") or 0.0,
            tags.text(*place, "Units")[: LONGEST + 1],
            ".".join((path, *place)),
        )
        found.append(axis)
    return tuple(found)


def spectral(tags: Group, axes: Sequence[Axis]) -> str:
    """Why the image is a spectrum or a spectrum image; empty if it is none."""
    format_name = tags.text("ImageTags", "Meta Data", "Format")
    signal = tags.text("ImageTags", "Meta Data", "Signal")
    energies = [axis.name for axis in axes if quantity(axis.unit) == "energy"]
    is_line = sum(axis.size > 1 for axis in axes) <= 1
    if energies:
        return f"{', '.join(energies)} is energy"
    if "spectr" in format_name.casefold() or "spektr" in format_name.casefold():
        return f"its Format is {format_name!r}, its Signal {signal!r}"
    if is_line and signal.casefold() in _SPECTROSCOPY:
        return f"a line whose Signal is {signal!r}"
    return ""


def of_reciprocal_space(tags: Group) -> bool:
    """Whether the tags call the image a diffraction pattern or a Fourier transform."""
    format_name = tags.text("ImageTags", "Meta Data", "Format")
    inverse = tags.find("ImageTags", "Private", "FFT", "Inverse")
    return inverse is False or "diffraction" in format_name.casefold()


def not_lengths(tags: Group, axes: Sequence[Axis]) -> tuple[Axis, ...]:
    """Axes among x, y and z that tags say are no lengths, or run backwards."""
    reciprocal = "xy" if of_reciprocal_space(tags) else ""
    return tuple(
        axis
        for axis in axes[:3]
        if axis.is_other or (axis.name in reciprocal and axis.nm is None)
    )

"""What a TIFF says about itself: voxel size in nanometres, names, instrument.

A resolution in inches or centimetres that comes to a micrometre or more for a pixel
(72, 96, 300 dpi) is a setting of a screen or printer, which cameras and libraries
write without being asked. Voxels of electron microscopy are smaller, so such a value
is not taken for a voxel size. One without a unit says nothing either.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tifffile import TiffFile, TiffPage

from emcatalog.record import Claim, Value
from emcatalog_tiff.hyperstack import Hyperstack

DISPLAY_NM = 1000.0
"""A pixel per inch or centimetre of this size or more is a display setting."""

_UNITS = {
    "nm": 1.0, "nanometer": 1.0, "nanometre": 1.0, "nanometers": 1.0,
    "µm": 1e3, "um": 1e3, "micron": 1e3, "microns": 1e3, "micrometer": 1e3,
    "micrometre": 1e3, "micrometers": 1e3, "mm": 1e6, "millimeter": 1e6, "cm": 1e7,
    "centimeter": 1e7, "inch": 2.54e7, "inches": 2.54e7, "in": 2.54e7, "m": 1e9,
    "meter": 1e9, "å": 0.1, "a": 0.1, "angstrom": 0.1, "pm": 1e-3,
}  # fmt: skip
_OF_DISPLAYS = ("inch", "inches", "in", "cm", "centimeter")


def nanometres(unit: object) -> float | None:
    r"""Length of ``unit`` in nanometres; None for one that is not known.

    Spellings by programs are accepted: both micro signs, ImageJ's ``\u00B5m``, and
    UTF-8 that was read as Latin-1.

    >>> nanometres("micron"), nanometres(r"\u00B5m"), nanometres("pixel")
    (1000.0, 1000.0, None)
    """
    text = str(unit or "").strip()
    text = re.sub(r"\\u([0-9A-Fa-f]{4})", lambda m: chr(int(m[1], 16)), text)
    text = text.replace("\u03bc", "\u00b5").replace("\u00c2", "")
    text = text.replace("\u00c3\u2026", "\u00e5").replace("\u212b", "\u00e5")
    return _UNITS.get(text.casefold().replace("\u03bc", "\u00b5"))


def claims(tiff: TiffFile, stack: Hyperstack, page: TiffPage) -> tuple[Claim, ...]:
    """Everything that the file says, as claims of the source ``file``."""
    found = [*_sizes(tiff, stack, page), *_texts(stack, page)]
    return tuple(found)


def _sizes(tiff: TiffFile, stack: Hyperstack, page: TiffPage) -> Iterator[Claim]:
    """Voxel sizes, by the first of the ways that the file has."""
    ways = (
        _ome_sizes(stack.facts.get("pixels", {})),
        _imagej_sizes(tiff.imagej_metadata or {}, page),
        _instrument_sizes(tiff, page),
        _resolution_sizes(page),
    )
    said: dict[str, Claim] = {}
    for way in ways:
        for axis, size, locator in way:
            if math.isfinite(size) and size > 0:
                name = f"voxel_size_{axis}"
                claim = Claim(name, _rounded(size), "file", locator, "nm")
                said.setdefault(axis, claim)
    yield from said.values()


_Size = tuple[str, float, str]
"""Axis, nanometres, and where it stands."""


def _ome_sizes(pixels: Mapping[str, Any]) -> Iterator[_Size]:
    for axis in "ZYX":
        name = f"PhysicalSize{axis}"
        unit = nanometres(pixels.get(f"{name}Unit", "µm"))
        if unit and isinstance(size := pixels.get(name), int | float):
            yield axis.lower(), size * unit, f"OME-XML Pixels/{name}"


def _imagej_sizes(meta: Mapping[str, Any], page: TiffPage) -> Iterator[_Size]:
    for axis, key, tag in (("y", "yunit", 283), ("x", "unit", 282)):
        name = meta.get(key, meta.get("unit"))
        size = _pixel(page, tag, nanometres(name))
        if size and not (_for_display(name) and size >= DISPLAY_NM):
            yield axis, size, f"{_tag(tag)} and ImageJ unit"
    unit = nanometres(meta.get("zunit", meta.get("unit")))
    if unit and isinstance(spacing := meta.get("spacing"), int | float):
        yield "z", abs(spacing) * unit, "ImageJ spacing"


def _for_display(unit: object) -> bool:
    return str(unit).strip().casefold() in _OF_DISPLAYS


def _instrument_sizes(tiff: TiffFile, page: TiffPage) -> Iterator[_Size]:
    """Sizes in the private tags of microscopes and of Gatan's software."""
    scan = (tiff.fei_metadata or {}).get("Scan", {}) if tiff.is_fei else {}
    for axis, key in (("y", "PixelHeight"), ("x", "PixelWidth")):
        if isinstance(size := scan.get(key), int | float):
            yield axis, size * 1e9, f"FEI Scan/{key}"
    sem = (tiff.sem_metadata or {}) if tiff.is_sem else {}
    size = sem.get("ap_image_pixel_size", sem.get("ap_pixel_size", ()))
    if len(size) == 3 and isinstance(size[1], int | float):
        for axis in "yx":
            yield axis, size[1] * (nanometres(size[2]) or 0), "Zeiss AP_PIXEL_SIZE"
    for axis, scale, unit in (("y", 65010, 65013), ("x", 65009, 65012)):
        value, name = page.tags.valueof(scale), page.tags.valueof(unit)
        if isinstance(value, int | float) and (length := nanometres(name)):
            yield axis, value * length, f"DigitalMicrograph tag {scale}"


def _resolution_sizes(page: TiffPage) -> Iterator[_Size]:
    """Pixels for each inch or centimetre, unless they are of a display."""
    unit = {2: 2.54e7, 3: 1e7}.get(int(page.resolutionunit))
    for axis, tag in (("y", 283), ("x", 282)):
        size = _pixel(page, tag, unit)
        if size and size < DISPLAY_NM:
            yield axis, size, f"{_tag(tag)} and ResolutionUnit"


def _pixel(page: TiffPage, tag: int, unit: float | None) -> float | None:
    """Nanometres of a pixel whose tag holds pixels for each ``unit`` (nm)."""
    value = page.tags.valueof(tag)
    if unit is None or not isinstance(value, tuple) or len(value) != 2:
        return None
    count, per = value
    return unit * per / count if count > 0 and per > 0 else None


def _tag(number: int) -> str:
    return {282: "XResolution", 283: "YResolution"}[number]


def _rounded(size: float) -> float:
    # rationals of six digits give 19.999999999999996
    return float(f"{size:.12g}")


def _texts(stack: Hyperstack, page: TiffPage) -> Iterator[Claim]:
    image = stack.facts.get("image", {})
    given: dict[str, tuple[object, str]] = {
        "title": (image.get("Name"), "OME-XML Image/Name"),
        "acquired": (
            image.get("AcquisitionDate") or page.tags.valueof(306),
            "OME-XML AcquisitionDate or tag DateTime",
        ),
        "description": (
            image.get("Description") or _description(page),
            "OME-XML Description or tag ImageDescription",
        ),
        "instrument": (
            " ".join(str(page.tags.valueof(t) or "") for t in (271, 272)).strip(),
            "tags Make, Model",
        ),
    }
    for name, (value, locator) in given.items():
        if isinstance(value, str | int | float) and str(value).strip():
            yield Claim(name, str(value).strip()[:2000], "file", locator)
    if stack.channels:
        yield Claim("channels", stack.channels, "file", "OME-XML Channel/Name")
    window = _window(stack.facts)
    if window:
        yield Claim("display_window", window, "file", "ImageJ min, max")


def _description(page: TiffPage) -> str:
    """The description, unless it is there for programs."""
    machine = page.is_imagej or page.is_ome or page.is_shaped
    return "" if machine else page.description


def _window(facts: Mapping[str, Any]) -> Value | None:
    low, high = facts.get("min"), facts.get("max")
    if isinstance(low, int | float) and isinstance(high, int | float):
        return float(low), float(high)
    return None

"""What a TIFF says about itself: voxel size in nanometres, names, instrument.

A resolution of displays (`DISPLAY_NM`) is not taken for a voxel size. One without a
unit says nothing either.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from tifffile import TiffFile, TiffPage

from emcatalog.record import Claim, Value
from emcatalog.units import DISPLAY_NM, unit_nm
from emcatalog_tiff.damage import imagej_metadata, mapping, number, tag_value
from emcatalog_tiff.hyperstack import Hyperstack
from emcatalog_tiff.instruments import Size, instrument_sizes

SAME = 1e-3
"""Sizes that differ by a smaller part are the same: rationals are rounded."""

_OF_DISPLAYS = (2.54e7, 1e7)
_PER = {2: ("inch", 2.54e7), 3: ("cm", 1e7)}


def claims(
    tiff: TiffFile, stack: Hyperstack, page: TiffPage, note: str = ""
) -> tuple[Claim, ...]:
    """Everything that the file says, as claims of the source ``file``.

    What was not believed, and why, is the claim ``note``, after the given one.
    """
    sizes = tuple(_sizes(tiff, stack, page))
    notes = [note, _unbelieved(page, {claim.field[-1] for claim in sizes})]
    text = "; ".join(filter(None, notes))
    told = (Claim("note", text, "file", "tags"),) if text else ()
    return (*sizes, *_texts(stack, page), *told)


def _sizes(tiff: TiffFile, stack: Hyperstack, page: TiffPage) -> Iterator[Claim]:
    """Voxel sizes by every way that the file has, the most trusted first."""
    ways = (
        _ome_sizes(mapping(stack.facts.get("pixels"))),
        _imagej_sizes(imagej_metadata(tiff), page),
        instrument_sizes(page),
        _resolution_sizes(page),
    )
    said: dict[str, list[float]] = {"z": [], "y": [], "x": []}
    for way in ways:
        for axis, size, locator in way:
            known = any(math.isclose(size, s, rel_tol=SAME) for s in said[axis])
            if math.isfinite(size) and size > 0 and not known:
                said[axis].append(size)
                name = f"voxel_size_{axis}"
                yield Claim(name, _rounded(size), "file", locator, "nm")


def _ome_sizes(pixels: Mapping[str, Any]) -> Iterator[Size]:
    for axis in "ZYX":
        name = f"PhysicalSize{axis}"
        unit = unit_nm(pixels.get(f"{name}Unit", "µm"))
        if unit and (size := number(pixels.get(name))) is not None:
            yield axis.lower(), size * unit, f"OME-XML Pixels/{name}"


def _imagej_sizes(meta: Mapping[str, Any], page: TiffPage) -> Iterator[Size]:
    for axis, key, tag in (("y", "yunit", 283), ("x", "unit", 282)):
        unit = unit_nm(meta.get(key, meta.get("unit")))
        size = _pixel(page, tag, unit)
        if size and not (unit in _OF_DISPLAYS and size >= DISPLAY_NM):
            yield axis, size, f"{_tag(tag)} and ImageJ unit"
    unit = unit_nm(meta.get("zunit", meta.get("unit")))
    if unit and (spacing := number(meta.get("spacing"))) is not None:
        yield "z", abs(spacing) * unit, "ImageJ spacing"


def _resolution_sizes(page: TiffPage) -> Iterator[Size]:
    """Pixels for each inch or centimetre, unless they are of a display."""
    _, unit = _PER.get(_unit(page), ("", None))
    for axis, tag in (("y", 283), ("x", 282)):
        size = _pixel(page, tag, unit)
        if size and size < DISPLAY_NM:
            yield axis, size, f"{_tag(tag)} and ResolutionUnit"


def _unbelieved(page: TiffPage, known: set[str]) -> str:
    """Why the resolution tags are no voxel size, where nothing else is known."""
    values = [tag_value(page, tag) for tag in (282, 283)]
    told = [v for v in values if isinstance(v, tuple) and len(v) == 2 and v != (1, 1)]
    if not told or known & {"x", "y"}:
        return ""
    numbers = " x ".join(f"{a / b:.6g}" if b else f"{a}/{b}" for a, b in told)
    name, unit = _PER.get(_unit(page), ("no unit", None))
    if unit is None:
        return f"a resolution of {numbers} without a unit says nothing of voxel size"
    if any(a <= 0 or b <= 0 for a, b in told):
        return f"a resolution of {numbers} per {name} is none"
    return (
        f"a resolution of {numbers} per {name} is a setting of displays and printers "
        f"(pixels of {DISPLAY_NM:g} nm or more): not taken for a voxel size"
    )


def _pixel(page: TiffPage, tag: int, unit: float | None) -> float | None:
    """Nanometres of a pixel whose tag holds pixels for each ``unit`` (nm)."""
    value = tag_value(page, tag)
    if unit is None or not isinstance(value, tuple) or len(value) != 2:
        return None
    count, per = value
    return unit * per / count if count > 0 and per > 0 else None


def _unit(page: TiffPage) -> int:
    """The tag ResolutionUnit, which is inch where it is not told (TIFF 6.0)."""
    unit = tag_value(page, 296) if 296 in page.tags else 2
    return int(unit) if isinstance(unit, int) else 0


def _tag(number: int) -> str:
    return {282: "XResolution", 283: "YResolution"}[number]


def _rounded(size: float) -> float:
    # rationals of six digits give 19.999999999999996
    return float(f"{size:.12g}")


def _texts(stack: Hyperstack, page: TiffPage) -> Iterator[Claim]:
    image = mapping(stack.facts.get("image"))
    given: dict[str, tuple[object, str]] = {
        "title": (image.get("Name"), "OME-XML Image/Name"),
        "acquired": (
            image.get("AcquisitionDate") or tag_value(page, 306),
            "OME-XML AcquisitionDate or tag DateTime",
        ),
        "description": (
            image.get("Description") or _description(page),
            "OME-XML Description or tag ImageDescription",
        ),
        "instrument": (
            " ".join(str(tag_value(page, t) or "") for t in (271, 272)).strip(),
            "tags Make, Model",
        ),
    }
    for name, (value, locator) in given.items():
        if isinstance(value, str | int | float) and str(value).strip():
            yield Claim(name, str(value).strip()[:2000], "file", locator)
    if stack.channels:
        yield Claim("channels", stack.channels, "file", "OME-XML Channel/Name")
    turned = tag_value(page, 274)
    if isinstance(turned, int) and 1 < turned <= 8:
        yield Claim("orientation", turned, "file", "tag Orientation; pixels as stored")
    window = _window(stack.facts)
    if window:
        yield Claim("display_window", window, "file", "ImageJ min, max")


def _description(page: TiffPage) -> str:
    """The description, unless it is there for programs."""
    machine = page.is_imagej or page.is_ome or page.is_shaped
    return "" if machine else page.description


def _window(facts: Mapping[str, Any]) -> Value | None:
    low, high = number(facts.get("min")), number(facts.get("max"))
    return None if low is None or high is None else (low, high)

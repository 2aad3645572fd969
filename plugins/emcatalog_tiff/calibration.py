"""The voxel size that a TIFF tells, in nanometres, by every way that it has.

A resolution of displays (`DISPLAY_NM`) is not taken for a voxel size, and one without a
unit says nothing: such claims have a doubt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tifffile import TiffFile, TiffPage

from emcatalog.record import Claim
from emcatalog.units import DISPLAY_NM, unit_nm
from emcatalog_tiff.damage import imagej_metadata, mapping, number, tag_value
from emcatalog_tiff.hyperstack import Hyperstack
from emcatalog_tiff.instruments import instrument_sizes

_OF_DISPLAYS = (2.54e7, 1e7)
_PER = {2: ("inch", 2.54e7), 3: ("cm", 1e7)}
_NO_UNITS = frozenset({"", "px", "pixel", "pixels"})
"""What ImageJ writes where nobody calibrated."""

_RESOLUTION = {"y": 283, "x": 282}
_NAMES = {283: "YResolution", 282: "XResolution"}


def size_claims(tiff: TiffFile, stack: Hyperstack, page: TiffPage) -> tuple[Claim, ...]:
    """Voxel sizes by every way, the most trusted first; those that cannot be, too."""
    meta = imagej_metadata(tiff)
    pixels = mapping(stack.facts.get("pixels"))
    private = instrument_sizes(page)
    return (
        *_ome_sizes(pixels),
        *_imagej_sizes(meta, page),
        *(_length(axis, size, locator) for axis, size, locator in private),
        *_resolution_sizes(page, is_told=bool(_imagej_unit(meta, "unit"))),
    )


def unbelieved(sizes: tuple[Claim, ...]) -> str:
    """Why the resolution is no voxel size, where nothing else tells one of x and y."""
    found = [c for c in sizes if c.field in ("voxel_size_y", "voxel_size_x")]
    if any(not claim.doubt for claim in found):
        return ""
    told = [c for c in found if c.locator.endswith("and ResolutionUnit")]
    reasons = dict.fromkeys(claim.doubt for claim in told)
    return "; ".join(reasons)


def _length(axis: str, size: object, locator: str, unit: str = "nm") -> Claim:
    """A claim about the voxel size, with a doubt if it cannot be one."""
    factor, figure = unit_nm(unit), number(size)
    if factor and figure is not None:
        size, unit = _rounded(figure * factor), "nm"
    value = size if isinstance(size, str | int | float) else str(size)
    return Claim(f"voxel_size_{axis}", value, "file", locator, unit).examined()


def _ome_sizes(pixels: Mapping[str, Any]) -> Iterator[Claim]:
    for axis in "ZYX":
        name = f"PhysicalSize{axis}"
        if name in pixels:
            unit = str(pixels.get(f"{name}Unit", "µm"))
            yield _length(axis.lower(), pixels[name], f"OME-XML Pixels/{name}", unit)


def _imagej_sizes(meta: Mapping[str, Any], page: TiffPage) -> Iterator[Claim]:
    for axis, key in (("y", "yunit"), ("x", "unit")):
        unit, tag = _imagej_unit(meta, key), _RESOLUTION[axis]
        locator = f"{_NAMES[tag]} and ImageJ unit"
        if unit and (numbers := _rational(page, tag)):
            size = _size(numbers, 1.0)
            factor = unit_nm(unit)
            if size and factor in _OF_DISPLAYS and size * factor >= DISPLAY_NM:
                yield _doubted(axis, size * factor, locator, _why(page, unit, factor))
            elif size:
                yield _length(axis, size, locator, unit)
            else:
                yield _doubted(axis, None, locator, _why(page, unit, factor))
    unit, spacing = _imagej_unit(meta, "zunit"), meta.get("spacing")
    if spacing is not None and (unit or spacing != 1):
        is_back = isinstance(spacing, int | float) and spacing < 0
        # ImageJ counts backwards along z where slices lie so; the distance is the same
        locator = "ImageJ spacing" + " (stored as negative)" * is_back
        yield _length("z", -spacing if is_back else spacing, locator, unit)


def _imagej_unit(meta: Mapping[str, Any], key: str) -> str:
    """The unit of an axis as ImageJ wrote it; empty where nobody calibrated."""
    unit = str(meta.get(key, meta.get("unit", ""))).strip()
    return "" if unit.casefold() in _NO_UNITS else unit


def _resolution_sizes(page: TiffPage, *, is_told: bool) -> Iterator[Claim]:
    """Pixels for each inch or centimetre; ``is_told`` if ImageJ tells their unit."""
    name, unit = _PER.get(_unit(page), ("", None))
    for axis, tag in _RESOLUTION.items():
        locator = f"{_NAMES[tag]} and ResolutionUnit"
        numbers = _rational(page, tag)
        size = _size(numbers, unit) if numbers else None
        if size and size < DISPLAY_NM:
            yield _length(axis, size, locator)
        # 1 is what libraries write without being asked
        elif numbers and numbers != (1, 1) and not is_told:
            yield _doubted(axis, size, locator, _why(page, name, unit))


def _doubted(axis: str, size: float | None, locator: str, why: str) -> Claim:
    field = f"voxel_size_{axis}"
    if size is None:
        return Claim(field, "none", "file", locator, doubt=why)
    return Claim(field, _rounded(size), "file", locator, "nm", doubt=why)


def _why(page: TiffPage, name: str, unit: float | None) -> str:
    """Why the resolution, for each ``unit`` of that name, is no voxel size."""
    told = [n for n in (_rational(page, tag) for tag in (282, 283)) if n]
    numbers = " x ".join(f"{a / b:.6g}" if b else f"{a}/{b}" for a, b in told)
    if unit is None:
        return f"a resolution of {numbers} without a unit says nothing of voxel size"
    if any(a <= 0 or b <= 0 for a, b in told):
        return f"a resolution of {numbers} per {name} is none"
    return (
        f"a resolution of {numbers} per {name} is a setting of displays and printers "
        f"(pixels of {DISPLAY_NM:g} nm or more): not taken for a voxel size"
    )


def _rational(page: TiffPage, tag: int) -> tuple[int, int] | None:
    value = tag_value(page, tag)
    is_pair = isinstance(value, tuple) and len(value) == 2
    return (value[0], value[1]) if is_pair else None


def _size(numbers: tuple[int, int], unit: float | None) -> float | None:
    """What a pixel measures, of which there are so many for each unit."""
    count, per = numbers
    return unit * per / count if unit and count > 0 and per > 0 else None


def _unit(page: TiffPage) -> int:
    """The tag ResolutionUnit, which is inch where it is not told (TIFF 6.0)."""
    unit = tag_value(page, 296) if 296 in page.tags else 2
    return int(unit) if isinstance(unit, int) else 0


def _rounded(size: float) -> float:
    # rationals of six digits give 19.999999999999996
    return float(f"{size:.12g}")

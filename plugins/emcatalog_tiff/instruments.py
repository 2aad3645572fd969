"""Sizes of pixels in the private tags of microscopes and of their software.

None of the vendors has published its tags; what is read here is named in the files
themselves (texts with names and units), or was settled by tifffile.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tifffile import TiffPage

from emcatalog.units import unit_nm
from emcatalog_tiff.damage import mapping, number, tag_value

Size = tuple[str, float, str]
"""Axis, nanometres, and where it stands."""

FEI, SEM, SIS, TVIPS, TESCAN = (34680, 34682), 34118, 33560, 37706, 50431
"""Tags of FEI / Thermo Fisher, Zeiss, Olympus SIS, TVIPS and Tescan."""

_TESCAN = re.compile(rb"PixelSize([XY])\s*=\s*([0-9.]+(?:[eE][-+]?[0-9]+)?)\s*[\r\n]")


def instrument_sizes(page: TiffPage) -> Iterator[Size]:
    """Every pixel size that the private tags of ``page`` tell, in nanometres."""
    for way in (_fei, _zeiss, _sis, _tvips, _tescan, _gatan):
        yield from way(page)


def _fei(page: TiffPage) -> Iterator[Size]:
    for tag in FEI:
        scan = mapping(mapping(tag_value(page, tag)).get("Scan"))
        for axis, key in (("y", "PixelHeight"), ("x", "PixelWidth")):
            if (size := number(scan.get(key))) is not None:
                yield axis, size * 1e9, f"FEI tag {tag}, Scan/{key} (m)"


def _zeiss(page: TiffPage) -> Iterator[Size]:
    values = mapping(tag_value(page, SEM))
    for key in ("ap_image_pixel_size", "ap_pixel_size"):
        row = values.get(key)
        if not isinstance(row, tuple) or len(row) != 3:
            continue
        size, unit = number(row[1]), unit_nm(row[2])
        if size is not None and unit is not None:
            for axis in "yx":
                yield axis, size * unit, f"Zeiss tag {SEM}, {key.upper()}"
            return


def _sis(page: TiffPage) -> Iterator[Size]:
    values = mapping(tag_value(page, SIS))
    for axis in "yx":
        if (size := number(values.get(f"pixelsize{axis}"))) is not None:
            yield axis, size * 1e9, f"Olympus SIS tag {SIS}"


def _tvips(page: TiffPage) -> Iterator[Size]:
    values = mapping(tag_value(page, TVIPS))
    if values.get("Version") != 2:
        return
    for axis in "yx":
        if (size := number(values.get(f"PixelSize{axis.upper()}"))) is not None:
            yield axis, size, f"TVIPS tag {TVIPS}, PixelSize{axis.upper()} (nm)"


def _tescan(page: TiffPage) -> Iterator[Size]:
    value = tag_value(page, TESCAN)
    data = value.encode("latin-1", "replace") if isinstance(value, str) else value
    if not isinstance(data, bytes):
        return
    for axis, size in _TESCAN.findall(data):
        name = axis.decode()
        yield name.lower(), float(size) * 1e9, f"Tescan tag {TESCAN}, PixelSize{name}"


def _gatan(page: TiffPage) -> Iterator[Size]:
    for axis, scale, unit in (("y", 65010, 65013), ("x", 65009, 65012)):
        size, length = number(tag_value(page, scale)), tag_value(page, unit)
        if size is not None and (nanometres := unit_nm(length)):
            yield axis, size * nanometres, f"DigitalMicrograph tag {scale}"

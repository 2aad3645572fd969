"""How and when a page was taken, by the private tags of microscopes.

As with the sizes of pixels, none of the vendors has published its tags: what is read
here is named in the files themselves, with a unit where there is one. Units that the
texts leave out are those of HyperSpy's readers: volts, seconds and amperes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tifffile import TiffPage

from emcatalog.record import Claim
from emcatalog_tiff.damage import mapping, tag_value
from emcatalog_tiff.instruments import FEI, SEM, TESCAN, TVIPS

_FEI = (
    ("accelerating_voltage", "Beam", "HV", "V"),
    ("dwell_time", "Scan", "Dwelltime", "s"),
    ("instrument", "System", "SystemType", ""),
)
_FEI_DATES = (("User", "Date"), ("PrivateFei", "TimeOfCreation"))
_ZEISS = (
    ("accelerating_voltage", "ap_actualkv"),
    ("dwell_time", "dp_dwell_time"),
    ("beam_current", "ap_iprobe"),
    ("magnification", "ap_mag"),
    ("instrument", "sv_serial_number"),
)
_TVIPS = (
    ("accelerating_voltage", "TemHighTension", "V"),
    ("magnification", "TemMagnification", ""),
)
_TESCAN = (
    ("accelerating_voltage", "HV", "V"),
    ("dwell_time", "DwellTime", "s"),
    ("magnification", "Magnification", ""),
    ("instrument", "Device", ""),
)
_LINE = re.compile(rb"^\s*(\w+)\s*=\s*([^\r\n]*?)\s*$", re.MULTILINE)
_LARGE = re.compile(r"([0-9.]+) ?(K?) ?X")
"""Magnifications such as ``10.00 K X``."""


_SCALES = {
    "kV": (1e3, "V"), "s": (1e6, "us"), "ms": (1e3, "us"), "ns": (1e-3, "us"),
    "A": (1e9, "nA"), "pA": (1e-3, "nA"),
}  # fmt: skip
"""Units of vendors in those of the vocabulary, which need no table of units."""


def vendor_claims(page: TiffPage) -> Iterator[Claim]:
    """What the private tags of ``page`` tell of microscope, beam and scan."""
    for way in (_fei, _zeiss, _tvips, _tescan):
        for field, value, locator, unit in way(page):
            if value in (None, "", 0):  # unset
                continue
            factor, name = _SCALES.get(unit, (1.0, unit))
            figure = None if field == "instrument" else _figure(value)
            told = value if figure is None else float(f"{figure * factor:.12g}")
            yield Claim(field, told, "file", locator, name).examined()


def _figure(value: object) -> float | None:
    """The number that a tag or its text tells; None if it tells none."""
    try:
        return float(value)  # type: ignore[arg-type]  # what is none raises
    except (TypeError, ValueError, OverflowError):
        return None


def vendor_dates(page: TiffPage) -> Iterator[tuple[str, str]]:
    """Texts of private tags that tell a day, and where each stands."""
    for tag in FEI:
        values = mapping(tag_value(page, tag))
        for section, key in _FEI_DATES:
            if text := mapping(values.get(section)).get(key):
                yield str(text), f"FEI tag {tag}, {section}/{key}"
    row = mapping(tag_value(page, SEM)).get("ap_date")
    if isinstance(row, tuple) and len(row) > 1:
        yield str(row[1]), f"Zeiss tag {SEM}, AP_DATE"
    if text := _tescan_values(page).get("Date"):
        yield text, f"Tescan tag {TESCAN}, Date"


_Row = tuple[str, Any, str, str]
"""Field, value, where it stands, and its unit."""


def _fei(page: TiffPage) -> Iterator[_Row]:
    for tag in FEI:
        values = mapping(tag_value(page, tag))
        # an instrument of two beams names the one that made the picture
        beam = str(mapping(values.get("Beam")).get("Beam", "EBeam"))
        scan = str(mapping(values.get("Beam")).get("Scan", "EScan"))
        rows = (
            *_FEI,
            ("accelerating_voltage", beam, "HV", "V"),
            ("beam_current", beam, "BeamCurrent", "A"),
            ("dwell_time", scan, "Dwell", "s"),
        )
        for field, section, key, unit in rows:
            found = mapping(values.get(section)).get(key)
            yield field, found, f"FEI tag {tag}, {section}/{key}", unit


def _zeiss(page: TiffPage) -> Iterator[_Row]:
    values = mapping(tag_value(page, SEM))
    for field, key in _ZEISS:
        row = values.get(key)
        if not isinstance(row, tuple) or len(row) < 2:
            continue
        value, unit = row[1], row[2] if len(row) > 2 else ""
        if field == "magnification":
            found = _LARGE.fullmatch(f"{value} {unit}".strip())
            value = float(found[1]) * (1000 if found[2] else 1) if found else value
            unit = ""
        yield field, value, f"Zeiss tag {SEM}, {key.upper()}", str(unit)


def _tvips(page: TiffPage) -> Iterator[_Row]:
    values = mapping(tag_value(page, TVIPS))
    if values.get("Version") == 2:
        for field, key, unit in _TVIPS:
            yield field, values.get(key), f"TVIPS tag {TVIPS}, {key}", unit


def _tescan(page: TiffPage) -> Iterator[_Row]:
    values = _tescan_values(page)
    for field, key, unit in _TESCAN:
        yield field, values.get(key), f"Tescan tag {TESCAN}, {key}", unit


def _tescan_values(page: TiffPage) -> Mapping[str, str]:
    value = tag_value(page, TESCAN)
    data = value.encode("latin-1", "replace") if isinstance(value, str) else value
    if not isinstance(data, bytes):
        return {}
    return {
        key.decode("latin-1"): text.decode("latin-1")
        for key, text in _LINE.findall(data)
    }

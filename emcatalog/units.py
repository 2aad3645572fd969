r"""Units of length as files spell them, and sizes in bytes as people write them.

Units of length are told tolerant of case, plural and damaged text, because files are
written by people and instruments: ``µm`` with either of the two micro signs, ``um``,
``micron``, ``\u00B5m`` as ImageJ escapes it, UTF-8 read as Windows' encoding, UTF-16
read as bytes, C strings with what lay behind their end. What is not surely a length is
unknown, never guessed.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from emcatalog.errors import OptionError

DISPLAY_NM = 1000.0
"""Pixels of this size or more that are told by a resolution in inches, centimetres or
metres are those of a display or printer (72, 96, 300 dpi), which cameras and libraries
write without being asked. Voxels of electron microscopy are smaller."""

LONGEST = 64
"""Characters that a unit may have; longer texts are none."""

_SYMBOLS = {
    "am": 1e-9, "fm": 1e-6, "pm": 1e-3, "A": 0.1, "Å": 0.1, "nm": 1.0, "um": 1e3,
    "μm": 1e3, "mm": 1e6, "cm": 1e7, "dm": 1e8, "m": 1e9, "km": 1e12, "in": 2.54e7,
    "NM": 1.0, "UM": 1e3,
}  # fmt: skip
_WORDS = {
    "angstrom": 0.1, "ångström": 0.1, "ångstrom": 0.1, "micron": 1e3, "inch": 2.54e7,
    "inche": 2.54e7, "meter": 1e9,
    **{
        f"{prefix}meter": 10.0**power
        for prefix, power in {
            "atto": -9, "femto": -6, "pico": -3, "nano": 0, "micro": 3, "milli": 6,
            "centi": 7, "deci": 8, "kilo": 12,
        }.items()
    },
}  # fmt: skip


def unit_nm(unit: object) -> float | None:
    """Nanometres in one ``unit``; None for no unit and for one that is no length.

    Symbols are told apart by case (``mm`` and ``Mm``), words are not.

    >>> unit_nm("µm"), unit_nm("Micrometers"), unit_nm("pixel"), unit_nm(None)
    (1000.0, 1000.0, None, None)
    """
    for name in spellings(unit):
        word = name.casefold().replace("metre", "meter")
        word = word.removesuffix("(s)").removesuffix("s")
        known = _SYMBOLS.get(name) or _WORDS.get(word)
        if known:
            return known
    return None


def converted(value: float, unit: str, to: str) -> float | None:
    """``value`` in the unit ``to``; None if ``unit`` is none, or of another kind.

    Lengths are read by `unit_nm`, all else by the names that pint knows; no text
    reaches an evaluator of expressions. Energies in eV are those that a voltage gives.

    >>> converted(80, "Å", "nm"), converted(1.9, "keV", "V"), converted(5, "nm", "V")
    (8.0, 1900.0, None)
    """
    if spellings(unit)[:1] == (to,):
        return float(value)
    if to == "nm":
        factor = unit_nm(unit)
    else:
        found = (_pint_factor(name, to) for name in spellings(unit))
        factor = next((f for f in found if f), None)
    # 0.00799825 um is 7.998249999999999 nm in floats
    return float(f"{value * factor:.15g}") if factor else None


def _pint_factor(unit: str, to: str) -> float | None:
    # pint takes half a second to import, and most units are nm
    import pint

    if not re.fullmatch(r"[^\W\d_]+", unit):
        return None
    registry: Any = pint.application_registry
    known = registry.parse_unit_name(
        unit.removesuffix("eV") + "V" * unit.endswith("eV")
    )
    if not known:
        return None
    one = registry.Quantity(1, known[0][0] + known[0][1])
    return float(one.m_as(to)) if one.is_compatible_with(to) else None


def parse_bytes(text: str) -> int:
    """Read a size such as ``512``, ``64MB`` or ``4 GiB``.

    >>> parse_bytes("4 GiB")
    4294967296
    """
    units = {"": 1, "B": 1}
    for power, letter in enumerate("KMGT", start=1):
        units |= {f"{letter}B": 1000**power, f"{letter}IB": 1024**power}
    digits = text.strip().rstrip("KMGTIBkmgtib ")
    unit = text.strip()[len(digits) :].strip().upper()
    try:
        size = int(float(digits) * units[unit])
    except (ValueError, KeyError, OverflowError):
        size = -1
    if size < 0:
        raise OptionError(
            got=f"the size {text!r}", expected="bytes, or a size such as 4GiB"
        )
    return size


def spellings(unit: object) -> tuple[str, ...]:
    """What the text of a unit may mean, the likeliest first, in normal form (NFKC).

    Normal form has one of the two micro signs and one of the two ångström signs.
    There is none for what is no text, or too long for a unit.

    >>> spellings("Âµm")[-1] == "\N{GREEK SMALL LETTER MU}m"
    True
    """
    if not isinstance(unit, str) or len(unit) > LONGEST:
        return ()
    text = _without_nuls(unit)
    found = [text, text.replace("\\u00B5", "µ")]
    for encoding in ("cp1252", "latin-1"):
        once = _mended(text, encoding)
        found += [once, _mended(once, encoding)]
    return tuple(dict.fromkeys(unicodedata.normalize("NFKC", t).strip() for t in found))


def _without_nuls(text: str) -> str:
    """Every other character of UTF-16 taken for bytes; else all before a NUL."""
    for start in (0, 1):
        kept, others = text[start::2], text[1 - start :: 2]
        if others and not others.strip("\0"):
            return kept.strip("\0")
    return text.partition("\0")[0]


def _mended(text: str, encoding: str) -> str:
    """UTF-8 that was taken for a text in ``encoding``, put right."""
    try:
        return text.encode(encoding).decode()
    except UnicodeError:
        return text

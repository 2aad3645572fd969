r"""Units of length as files spell them: tolerant of case, plural and damaged text.

Files are written by people and instruments: ``µm`` with either of the two micro signs,
``um``, ``micron``, ``\u00B5m`` as ImageJ escapes it, UTF-8 read as Windows' encoding.
What is not surely a length is unknown, never guessed.
"""

from __future__ import annotations

import unicodedata

_SYMBOLS = {
    "am": 1e-9, "fm": 1e-6, "pm": 1e-3, "A": 0.1, "Å": 0.1, "nm": 1.0, "um": 1e3,
    "μm": 1e3, "mm": 1e6, "cm": 1e7, "dm": 1e8, "m": 1e9, "km": 1e12, "in": 2.54e7,
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
    if not isinstance(unit, str) or len(unit) > 64:
        return None
    for text in (unit, _mended(unit), unit.replace("\\u00B5", "µ")):
        # makes one of the two micro signs, and one of the two ångström signs
        name = unicodedata.normalize("NFKC", text.strip().strip("\0"))
        word = name.casefold().removesuffix("s").replace("metre", "meter")
        known = _SYMBOLS.get(name) or _WORDS.get(word)
        if known:
            return known
    return _SYMBOLS.get(unit.strip().lower()) if unit.strip() in ("NM", "UM") else None


def _mended(text: str) -> str:
    """UTF-8 that was taken for Windows' encoding, put right."""
    try:
        return text.encode("cp1252").decode()
    except UnicodeError:
        return text

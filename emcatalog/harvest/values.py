"""Values as archives write them: DOIs among other words, numbers as texts, clocks."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta

from emcatalog.record.terms import PIXEL_TYPES

LONGEST = 10_000
"""Characters of a text that are kept."""

_NUMBER = re.compile(
    r"[-+]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][-+]?\d{1,3})?"
)
_CONTACT = re.compile(r"[^\s@<>()\[\],;:]{1,80}@[^\s@<>()\[\],;:]{1,200}\.[a-zA-Z]{2,}")
_DOI = re.compile(r"10\.\d{4,9}/[^\s\"'<>]{1,200}")
_DIGITS = re.compile(r"(\d{1,3})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def is_silent(value: object) -> bool:
    """Whether ``value`` says nothing: null, and texts and arrays that are empty."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or value in ([], {}, ())


def tidy(text: str) -> str:
    """``text`` of at most `LONGEST` characters, without addresses of mail.

    Metadata are free of contacts.

    >>> tidy(" from the lab (me@lab.org) ")
    'from the lab (...)'
    """
    return _CONTACT.sub("...", text.strip()[: 2 * LONGEST])[:LONGEST]


def finite(value: object) -> float | None:
    """A number, or the text of one, to be calculated with; None for all else.

    >>> finite("0.5"), finite(True), finite(float("nan")), finite([1]), finite("1 nm")
    (0.5, None, None, None, None)
    """
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # false for NaN, and for what no float can hold
    return float(value) if abs(value) < 1e300 else None


def tidy_number(value: float) -> float:
    """``value`` without what binary arithmetic added to it.

    >>> tidy_number(1 / 0.1), tidy_number(8e-9 * 1e9)
    (10.0, 8.0)
    """
    return float(f"{value:.12g}") if math.isfinite(value) else value


def doi(value: object) -> str | None:
    """The DOI among the words of a text; None if there is none.

    >>> doi("10.17867/10000141d https://doi.org/10.17867/10000141d"), doi("none yet")
    ('10.17867/10000141d', None)
    >>> doi("as in (https://doi.org/10.7554/eLife.25916).")
    '10.7554/eLife.25916'
    """
    found = _DOI.search(value) if isinstance(value, str) else None
    return found[0].rstrip(".,;:)]}") if found else None


def link(value: object) -> str | None:
    """The address of the DOI among the words of a text; None if there is none.

    >>> link("doi:10.7554/eLife.25916")
    'https://doi.org/10.7554/eLife.25916'
    """
    found = doi(value)
    return f"https://doi.org/{found}" if found else None


def bits_of(value: object) -> int | None:
    """Bits of a voxel of a type, as archives name types; None for one not known.

    >>> bits_of("UNSIGNED BYTE"), bits_of("4 BIT INTEGER"), bits_of("bit"), bits_of(8)
    (8, 4, 1, None)
    """
    if not isinstance(value, str):
        return None
    name = PIXEL_TYPES.term(value) or value
    found = _DIGITS.search(name)
    return int(found[1]) if found else 1 if name == "bool" else None


def day_of_clock(value: object) -> str | None:
    """The day of milliseconds since 1970; None for a clock that was never set.

    >>> day_of_clock(1591747200000), day_of_clock(24234)
    ('2020-06-10', None)
    """
    since = finite(value)
    if since is None or not 0 <= since < 1e14:
        return None
    told = _EPOCH + timedelta(milliseconds=since)
    latest = datetime.now(UTC) + timedelta(days=1)
    is_set = _EPOCH.date() < told.date() and told <= latest
    return told.date().isoformat() if is_set else None

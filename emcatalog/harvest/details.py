"""Facts in texts that people wrote freely, where the pattern leaves no doubt.

A text of which two readings are possible says nothing here: it is kept whole, as the
description.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_N = r"(?<![\d.,x×-])(\d{1,9}(?:\.\d{1,9})?)\s*"
"""A number that is not the end of another, of a range or of a product."""

_OF = r"(?:\s+(?:of|was|is|at))?\s*[:=]?\s*"
_PER = r"(?:\s*/\s*|\s+per\s+)"
_PIXEL = r"(?:px|pixels?)"
_SECTION = r"(?:sections?|slices?)"
_LENGTH = r"(nm|um|µm|μm)\b"
_TIME = r"(usec|us|µs|μs|nsec|ns|microseconds?|nanoseconds?)\b"
_CURRENT = r"(pA|nA)\b"
_VOXEL = r"\b(?:voxel|resolution)"
_CUBE = r"(?<![\d.,x×-])(\d{1,9}(?:\.\d{1,9})?)\s*[x×]\s*\1\s*[x×]\s*\1\s*(nm)\b"
"""The three sides of a voxel that are the same, so that their order says nothing."""

LONGEST = 20_000
"""Characters of a text that are looked at."""

_PATTERNS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("accelerating_voltage",), _N + r"(kV|keV)\b"),
    (("dwell_time",), _N + _TIME + r"\s+(?:pixel\s+)?dwell"),
    (("dwell_time",), r"dwell(?:\s+time)?" + _OF + _N + _TIME),
    (("beam_current",), _N + _CURRENT + r"\s+(?:beam\s+|probe\s+)?current"),
    (("beam_current",), r"(?:beam|probe)\s+current" + _OF + _N + _CURRENT),
    (("voxel_size_y", "voxel_size_x"), _N + _LENGTH + _PER + _PIXEL + r"\s+in\s+xy\b"),
    (("voxel_size_z",), _N + _LENGTH + _PER + _SECTION + r"\s*\(z\)"),
    (("section_thickness",), _N + _LENGTH + _PER + _SECTION + r"\b"),
    (("section_thickness",), r"(?:section|slice)\s+thickness" + _OF + _N + _LENGTH),
    (("voxel_size_z", "voxel_size_y", "voxel_size_x"), _VOXEL + r"[^.]{0,60}?" + _CUBE),
    (("voxel_size_z", "voxel_size_y", "voxel_size_x"), _CUBE + r"\s+voxels?\b"),
)  # fmt: skip
_INSTRUMENT = re.compile(
    r"\b((?:FEI|Zeiss|ZEISS|JEOL|Hitachi|TESCAN|Tescan)\s+[A-Z][A-Za-z]*[- ]?\d*)\b"
)
_UNITS = {"kV": "kV", "keV": "kV", "usec": "us", "nsec": "ns"}


@dataclass(frozen=True)
class Found:
    """A fact in a text: the value, its unit, and the words that tell it.

    ``doubt`` is there where the text has several of the kind.
    """

    field: str
    value: float | str
    unit: str
    words: str
    doubt: str = ""


def facts(text: str) -> Iterator[Found]:
    """What ``text`` says of voxels, sections, beam and instrument.

    >>> [(f.field, f.value, f.unit) for f in facts("1.9kV, dwell time of 0.5 usec")]
    [('accelerating_voltage', 1.9, 'kV'), ('dwell_time', 0.5, 'us')]
    """
    found: dict[str, list[Found]] = {}
    for fields, pattern in _PATTERNS:
        for match in re.finditer(pattern, text[:LONGEST]):
            unit = _UNITS.get(match[2], match[2])
            for field in fields:
                fact = Found(field, float(match[1]), unit, match[0].strip())
                found.setdefault(field, []).append(fact)
    for match in _INSTRUMENT.finditer(text[:LONGEST]):
        fact = Found("instrument", match[1].strip(), "", match[0])
        found.setdefault("instrument", []).append(fact)
    for several in found.values():
        yield from _one(several)


def _one(facts: list[Found]) -> Iterator[Found]:
    """The fact, if there is one; else all of them, each with a doubt."""
    distinct = {(fact.value, fact.unit): fact for fact in reversed(facts)}
    many = f"the text has {len(distinct)} of the kind" if len(distinct) > 1 else ""
    for fact in reversed(distinct.values()):
        yield Found(fact.field, fact.value, fact.unit, fact.words, many)

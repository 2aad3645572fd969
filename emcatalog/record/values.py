"""What is told of a field, in the field's type, unit and terms, or why it cannot be."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from emcatalog.dates import days
from emcatalog.errors import printable, public
from emcatalog.record.fields import Field
from emcatalog.units import converted

Value = str | int | float | tuple[str | int | float, ...]

LONGEST = 10_000
"""Letters that a text may have; of longer ones the beginning is kept."""

_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([^\W\d_]*)\s*")
_DATE = re.compile(
    r"\d{4}(-\d\d)?(-\d\d)?([T ]\d\d:\d\d(:\d\d(\.\d+)?)?[Z\d:+-]{0,6})?"
)
_DOI = re.compile(r"(?:https?://(?:dx\.)?doi\.org/|doi:\s*)?(10\.\d{4,9}/\S+)", re.I)
_WANTED = {
    "text": "a text", "date": "a date such as 2018-06-11", "number": "a number",
    "doi": "a DOI such as 10.6019/EMPIAR-11759", "count": "a whole number",
    "flag": "0 or 1", "texts": "a list of texts", "numbers": "a list of numbers",
}  # fmt: skip


@dataclass(frozen=True)
class Examined:
    """A value as the field wants it, or as it was told with a ``doubt``.

    ``words`` are those that were told, if a controlled term took their place.
    """

    value: Value
    unit: str = ""
    doubt: str = ""
    words: str = ""


class _DoubtError(ValueError):
    """Why a value cannot be one of its field."""


def examine(field: Field, value: object, unit: str = "", *, own: bool) -> Examined:
    """``value`` (in ``unit``) in the field's type, unit and terms.

    A number without a unit is in the field's if it is our ``own``, by a catalog or a
    convention; of all else nobody knows what it means.

    >>> from emcatalog.record.fields import FIELDS
    >>> examine(FIELDS["accelerating_voltage"], "1.9 kV", own=False).value
    1900.0
    >>> examine(FIELDS["modality"], "SBFSEM", own=False)
    Examined(value='SBF-SEM', unit='', doubt='', words='SBFSEM')
    """
    plain = _plain(value)
    try:
        if field.is_number:
            return _number(field, plain, unit, own)
        return _term(field, _SHAPES[field.type](plain), unit)
    except _DoubtError as error:
        return Examined(kept(plain), unit, str(error))


def kept(value: object) -> Value:
    """A value that is doubted, fit for JSON: as it was told, else as text.

    >>> kept(0.0), kept(float("nan")), kept({"a": 1})
    (0.0, 'nan', "{'a': 1}")
    """
    plain: Any = _plain(value)
    if isinstance(plain, str):
        return clean(plain)
    if isinstance(plain, tuple):
        return tuple(
            p if isinstance(p, str | int | float) else str(p) for p in map(kept, plain)
        )
    if _is_finite(plain) and abs(plain) < 2**63:
        return plain  # type: ignore[no-any-return]  # a finite number
    return clean(f"{plain!s:.200}")


def wanted(field: Field) -> str:
    """What a value of the field is, for a message.

    >>> from emcatalog.record.fields import FIELDS
    >>> wanted(FIELDS["voxel_size_z"])
    'a number in nm'
    """
    return _WANTED[field.type] + (f" in {field.unit}" if field.unit else "")


def shown(value: object) -> str:
    """``value`` for a message, of bounded length."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _number(field: Field, value: Any, unit: str, own: bool) -> Examined:
    number, unit = _taken_apart(value, unit)
    if field.unit and unit != field.unit:
        if not (unit or own):
            raise _DoubtError("its unit is not told")
        known = converted(number, unit, field.unit) if unit else number
        if known is None:
            raise _DoubtError(f"{shown(unit)} is no unit that gives {field.unit}")
        number = known
    _ensure_possible(field, number)
    if field.type == "number":
        return Examined(float(number), field.unit or unit)
    if number != int(number):
        raise _DoubtError(f"{number:g} is not a whole number")
    return Examined(int(number), field.unit or unit)


def _ensure_possible(field: Field, number: float) -> None:
    for absurd, word, limit in (
        (number < field.least, "less", field.least),
        (number > field.most, "more", field.most),
    ):
        if absurd:
            value, most = (f"{n:g} {field.unit}".strip() for n in (number, limit))
            raise _DoubtError(f"{value} is {word} than {most}")


def _taken_apart(value: Any, unit: str) -> tuple[int | float, str]:
    """A number and its unit, which texts may hold; refuses what is not finite."""
    if isinstance(value, str):
        found = _NUMBER.fullmatch(value[:LONGEST])
        if not found:
            raise _DoubtError(f"{shown(value)} is not a number")
        digits, own_unit = found.groups()
        if own_unit and unit and own_unit != unit:
            raise _DoubtError(f"it has two units, {own_unit} and {unit}")
        whole = digits.lstrip("+-").isdigit() and len(digits) < 20
        value, unit = int(digits) if whole else float(digits), own_unit or unit
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _DoubtError(f"{shown(value)} is not a number")
    if not _is_finite(value):
        raise _DoubtError(f"{value!s:.20} is no finite number")
    return value, unit


def _term(field: Field, value: Value, unit: str) -> Examined:
    if field.terms is None or not isinstance(value, str):
        return Examined(value, unit)
    term = field.terms.term(value)
    if term is None and field.terms.limited:
        raise _DoubtError(f"it is none of {', '.join(field.terms.names)}")
    words = value if term not in (None, value) else ""
    return Examined(term or value, unit, words=words)


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _DoubtError(f"{shown(value)} is not a text")
    if not (text := clean(str(value))):
        raise _DoubtError("it is empty")
    return text


def _date(value: Any) -> str:
    text = _text(value)
    if _DATE.fullmatch(text) and _is_day(text):
        return text
    found = days(text)
    if len(found) != 1:
        may = (
            f"it may be {' or '.join(found)}" if found else f"{shown(text)} is no date"
        )
        raise _DoubtError(may)
    return found[0]


def _is_day(text: str) -> bool:
    day = text[:10]
    try:
        datetime.date.fromisoformat(day + "0000-01-01"[len(day) :])
    except ValueError:
        return False
    return True


def _doi(value: Any) -> str:
    if not (found := _DOI.fullmatch(_text(value).rstrip("."))):
        raise _DoubtError(f"{shown(value)} is no DOI")
    return found[1]


def _flag(value: Any) -> int:
    if value not in (0, 1) or isinstance(value, str):
        raise _DoubtError(f"{shown(value)} is neither 0 nor 1")
    return int(value)


def _texts(value: Any) -> tuple[str, ...]:
    parts = value if isinstance(value, tuple) else (value,)
    if not parts or not all(isinstance(p, str | int | float) for p in parts):
        raise _DoubtError(f"{shown(value)} is not a list of texts")
    return tuple(clean(str(part)) for part in parts)


def _numbers(value: Any) -> tuple[int | float, ...]:
    parts = value if isinstance(value, tuple) else (value,)
    if not parts or not all(map(_is_finite, parts)):
        raise _DoubtError(f"{shown(value)} is not a list of numbers")
    return parts


_SHAPES: Mapping[str, Callable[[Any], Value]] = {
    "text": _text, "date": _date, "doi": _doi, "flag": _flag, "texts": _texts,
    "numbers": _numbers,
}  # fmt: skip


def clean(text: str) -> str:
    """``text`` without what files of attributes cannot hold or terminals obey.

    Lines end as on Unix, and tabulators are spaces.

    >>> clean(" a title" + chr(0) + chr(0))
    'a title'
    """
    text = public(text.partition("\0")[0][: LONGEST + 1].strip())
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    text = printable(text)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _plain(value: object) -> object:
    """``value`` of Python's own types: numbers of NumPy and lists are others."""
    if isinstance(value, list | tuple):
        return tuple(map(_plain, value))
    if isinstance(value, datetime.datetime | datetime.date):
        return value.isoformat()
    if isinstance(value, int) and value.bit_length() > 1024:
        return math.inf  # too large for a float, and for being printed
    return value.item() if hasattr(value, "item") else value


def _is_finite(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False

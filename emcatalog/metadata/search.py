"""Finding volumes by what is believed of them: words, fields and comparisons.

A word is looked for in all texts of a row, in the entry's description, and among the
other words for its controlled terms, so ``mouse`` finds Mus musculus and ``3View``
finds SBF-SEM. Only values that are believed count; what is unknown meets no comparison.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from emcatalog.errors import OptionError, UnitError
from emcatalog.metadata.columns import fields_of
from emcatalog.metadata.formats import Cell
from emcatalog.metadata.query import Comparison, Term, Words, parse, words_of
from emcatalog.record import FIELDS, Field, Record
from emcatalog.units import converted, parse_bytes

BEGINNING = 4
"""Letters that a word needs for its longer forms to be found too."""

_SIGNS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "=": operator.eq, "!=": operator.ne,
}  # fmt: skip
Test = Callable[[str, Record], bool]
_SIZE = ("size", "bytes")
_NUMBER = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*)")


@dataclass(frozen=True)
class Query:
    """The terms of a query, checked: every field is known, every unit fits.

    >>> from emcatalog.record import Claim
    >>> mouse = Record((Claim("organism", "Mus musculus", "api"),
    ...                 Claim("voxel_size_z", 8.0, "file", unit="nm")))
    >>> query("mouse voxel_z<10nm").finds("mine", mouse)
    True
    """

    tests: tuple[Test, ...]

    def finds(self, text: str, record: Record) -> bool:
        """Whether all terms hold; ``text`` is further text of the entry."""
        return all(test(text, record) for test in self.tests)


def query(text: str) -> Query:
    """Take a query apart and check it; see `emcatalog.metadata.query`.

    Raises OptionError for what is no query, UnknownNameError with a suggestion for a
    field that does not exist, and UnitError for a quantity that does not fit a field.
    """
    return Query(tuple(_test(term) for term in parse(text)))


def _test(term: Term) -> Test:
    if isinstance(term, Words):
        return _word_test(term)
    return _size_test(term) if term.field in _SIZE else _field_test(term)


def _word_test(term: Words) -> Test:
    fields = fields_of(term.field) if term.field else tuple(FIELDS)

    def holds(text: str, record: Record) -> bool:
        said = [*_texts(record, fields), *(() if term.field else (text,))]
        return any(_says(words_of(s), term.words) for s in said) is not term.without

    return holds


def _texts(record: Record, fields: tuple[str, ...]) -> Iterator[str]:
    """Texts that are believed, and the other words for those that are terms."""
    for field in fields:
        found, terms = record.value(field), FIELDS[field].terms
        for text in found if isinstance(found, tuple) else (found,):
            if text is not None:
                yield str(text)
                yield from terms.words.get(str(text), ()) if terms else ()


def _says(said: tuple[str, ...], words: tuple[str, ...]) -> bool:
    """Whether the words stand in ``said``, one after the other."""
    starts = range(len(said) - len(words) + 1)
    return any(
        all(map(_is_form, said[i : i + len(words)], words)) for i in starts
    ) or _joined(said, words)


def _is_form(said: str, word: str) -> bool:
    return said == word or (len(word) >= BEGINNING and said.startswith(word))


def _joined(said: tuple[str, ...], words: tuple[str, ...]) -> bool:
    """Whether they differ only in where words are parted: FIBSEM and FIB-SEM."""
    parts = ("".join(said[i:j]) for i in range(len(said)) for j in range(i + 1, i + 4))
    return "".join(words) in parts


def _field_test(term: Comparison) -> Test:
    fields, compare = fields_of(term.field), _SIGNS[term.sign]
    if FIELDS[fields[0]].type == "date":
        return _date_test(term, fields[0])
    wanted = _wanted(term, FIELDS[fields[0]])

    def holds(_: str, record: Record) -> bool:
        return all(_compared(record.value(f), wanted, compare) for f in fields)

    return holds


def _compared(
    known: Cell, wanted: float | str, compare: Callable[[Any, Any], bool]
) -> bool:
    if isinstance(wanted, float) and isinstance(known, int | float):
        return compare(known, wanted)
    if isinstance(wanted, str) and isinstance(known, str):
        return compare(known.casefold(), wanted.casefold())
    return False


def _date_test(term: Comparison, field: str) -> Test:
    """Days are compared as far as the query tells them: 2024 is all of that year."""
    compare, wanted = _SIGNS[term.sign], term.value
    if not re.fullmatch(r"\d{4}(-\d\d){0,2}", wanted):
        raise _unfit(term, "a day such as 2024-01-31, a month or a year")
    return lambda _, record: _compared(
        str(record.value(field) or "")[: len(wanted)] or None, wanted, compare
    )


def _wanted(term: Comparison, field: Field) -> float | str:
    """The value to compare with, in the field's unit or terms."""
    if field.is_number or field.type == "flag":
        return _number(term, field.unit)
    if term.sign in ("=", "!=") and field.type in ("text", "doi"):
        return (field.terms and field.terms.term(term.value)) or term.value
    raise _unfit(term, "a field of numbers or dates")


def _number(term: Comparison, unit: str) -> float:
    found = _NUMBER.fullmatch(term.value)
    if not found or not math.isfinite(float(found[1])):
        raise _unfit(term, f"a number{f' with a unit such as {unit}' if unit else ''}")
    number, told = float(found[1]), found[2]
    if not told:
        return number
    known = converted(number, told, unit) if unit else None
    if known is None:
        got = f"{term.field}{term.sign}{term.value}"
        expected = (
            f"a quantity that can be told in {unit}" if unit else "a number alone"
        )
        raise UnitError(got=got, expected=expected)
    return known


def _unfit(term: Comparison, expected: str) -> OptionError:
    return OptionError(
        got=f"{term.field}{term.sign}{term.value}",
        expected=expected,
        hint=f"{term.field}:{term.value} looks for the word",
    )


def _size_test(term: Comparison) -> Test:
    limit, compare = float(parse_bytes(term.value)), _SIGNS[term.sign]
    return lambda _, record: _compared(_bytes(record), limit, compare)


def _bytes(record: Record) -> float | None:
    """Bytes of the finest level as an array."""
    import numpy as np

    counts = [record.value(field) for field in ("depth", "height", "width")]
    kind = record.value("pixel_type")
    if not all(isinstance(c, int) for c in counts):
        return None
    try:
        return float(math.prod(counts) * np.dtype(str(kind)).itemsize)  # type: ignore[arg-type]  # integers
    except TypeError:
        return None

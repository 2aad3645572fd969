"""Whether two values say the same."""

from __future__ import annotations

from decimal import Decimal

from emcatalog.record.fields import Field
from emcatalog.record.values import Value

NEAR = 0.1
"""A number that differs by more than this part of the larger is no rounding of it."""


def agree(field: Field, one: Value, other: Value) -> bool:
    """Whether one of two values is the other, or the other less precisely told.

    A number agrees with one that is rounded to fewer digits, a date with its month or
    year, a text with itself in other case, spacing and stops, a term with a broader
    one, and a list of what people tell with one that holds it. Free texts add to each
    other. Which of the two is ``one`` does not matter.

    >>> from emcatalog.record.fields import FIELDS
    >>> size = FIELDS["voxel_size_x"]
    >>> agree(size, 7.99825, 8.0), agree(size, 7.99825, 80.0)
    (True, False)
    """
    if field.free:
        return True
    if isinstance(one, tuple) and isinstance(other, tuple):
        if field.type == "texts" and field.told:
            ours, theirs = ({_folded(str(t)) for t in texts} for texts in (one, other))
            return ours <= theirs or theirs <= ours
        pairs = zip(one, other, strict=False)
        return len(one) == len(other) and all(_alike(field, a, b) for a, b in pairs)
    if isinstance(one, tuple) or isinstance(other, tuple):
        return False
    return _alike(field, one, other)


def is_narrower(field: Field, one: Value, other: Value) -> bool:
    """Whether ``one`` is a term of the field, and ``other`` a broader one.

    >>> from emcatalog.record.fields import FIELDS
    >>> is_narrower(FIELDS["modality"], "FIB-SEM", "SEM")
    True
    """
    return field.terms is not None and field.terms.is_kind(one, other)


def _alike(field: Field, one: str | float, other: str | float) -> bool:
    if one == other:
        return True
    if isinstance(one, str) and isinstance(other, str):
        if field.type == "date":
            one, other = one.replace("T", " "), other.replace("T", " ")
            return one.startswith(other) or other.startswith(one)
        kinds = is_narrower(field, one, other) or is_narrower(field, other, one)
        return kinds or _folded(one) == _folded(other)
    if isinstance(one, str) or isinstance(other, str) or field.type != "number":
        return False
    return _is_rounding(one, other) or _is_rounding(other, one)


def _folded(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(".")


def _is_rounding(rounded: float, exact: float) -> bool:
    """Whether ``rounded`` is ``exact`` with no more digits than ``rounded`` shows."""
    step = Decimal(1).scaleb(min(0, _exponent(rounded)))
    apart = abs(Decimal(repr(rounded)) - Decimal(repr(exact)))
    most = max(abs(rounded), abs(exact)) * NEAR
    return 2 * apart <= step and apart <= Decimal(most)


def _exponent(number: float) -> int:
    exponent = Decimal(repr(number)).normalize().as_tuple().exponent
    return int(exponent)

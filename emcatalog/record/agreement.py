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
    year, a text with itself in other case, spacing and stops. Order does not matter.

    >>> from emcatalog.record.fields import FIELDS
    >>> size = FIELDS["voxel_size_x"]
    >>> agree(size, 7.99825, 8.0), agree(size, 7.99825, 80.0)
    (True, False)
    """
    if isinstance(one, tuple) and isinstance(other, tuple):
        pairs = zip(one, other, strict=False)
        return len(one) == len(other) and all(_alike(field, a, b) for a, b in pairs)
    if isinstance(one, tuple) or isinstance(other, tuple):
        return False
    return _alike(field, one, other)


def _alike(field: Field, one: str | float, other: str | float) -> bool:
    if one == other:
        return True
    if isinstance(one, str) and isinstance(other, str):
        if field.type == "date":
            one, other = one.replace("T", " "), other.replace("T", " ")
            return one.startswith(other) or other.startswith(one)
        return _folded(one) == _folded(other)
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

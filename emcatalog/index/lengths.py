"""Lengths as people write them - numbers, texts, quantities - in nanometres.

Texts are taken apart by a strict pattern, a number and one word, and the word is looked
up among the units of pint: no text reaches an evaluator of expressions.
"""

from __future__ import annotations

import numbers
import re
from decimal import Decimal
from typing import Any, NoReturn

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from emcatalog.errors import UnitError

Floats = NDArray[np.float64]
LENGTH = "a number in nanometres, or a quantity or text of length such as '1.2 um'"
TRUTH = "a truth value or a mask, which is no length"
MASK_HINT = "use .isel or .where for a mask"
LONGEST_TEXT = 64
LONG_NM = 10_000.0
_TEXT = re.compile(
    r"\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*([^\W\d_]*)\s*"
)


def nanometres(value: object) -> Floats:
    """Return lengths in nanometres, float64, in the shape of ``value``.

    ``value`` is a number (taken as nanometres), a text with a unit, a pint quantity of
    any registry, or an array or list of these. A labelled array whose attrs name a
    unit is converted from it. The result is not rounded and may be infinite. Raises
    UnitError for what is not a length.

    >>> float(nanometres("0.5 nm"))
    0.5
    >>> nanometres([3, "8 nm"]).tolist()
    [3.0, 8.0]
    """
    if isinstance(value, str):
        return _from_text(value)
    if isinstance(value, xr.DataArray | xr.Variable):
        return _from_labelled(value)
    if hasattr(value, "magnitude") and hasattr(value, "dimensionality"):
        return _from_quantity(value)
    if hasattr(value, "unit") or hasattr(value, "units"):
        _refuse(value, "a quantity of another library", "use pint, or a text")
    if isinstance(value, list | tuple):
        return _from_parts(value, [nanometres(part) for part in value])
    return _from_numbers(value)


def describe(length: float) -> str:
    """Return ``length`` (nm) for a reader, with micrometres beside it where it is long.

    >>> describe(12345.5)
    '12345.5 nm (12.3455 µm)'
    """
    text = f"{length:.10g} nm"
    return f"{text} ({length / 1000:.6g} µm)" if abs(length) >= LONG_NM else text


def _from_numbers(value: object) -> Floats:
    if isinstance(value, bool | np.bool_):
        _refuse(value, TRUTH, MASK_HINT)
    if isinstance(value, numbers.Real | Decimal):
        try:
            return np.array(float(value))
        except OverflowError:
            # an integer of more than 308 digits lies outside every volume
            return np.array(np.inf)
    array = np.asarray(value)
    if array.dtype.kind in "iuf":
        return array.astype(np.float64)
    if array.dtype.kind == "b":
        _refuse(value, TRUTH, MASK_HINT)
    itself = array.ndim == 0 and array.item() is value
    if itself or array.dtype.kind not in "OUT":
        _refuse(value, f"of type {type(value).__name__}")
    parts = [nanometres(part) for part in array.ravel().tolist()]
    return _from_parts(value, parts).reshape(array.shape)


def _from_parts(value: object, parts: list[Floats]) -> Floats:
    if len({part.shape for part in parts}) > 1:
        _refuse(value, "lists of different lengths")
    return np.array(parts, np.float64)


def _from_labelled(value: xr.DataArray | xr.Variable) -> Floats:
    lengths, unit = nanometres(value.data), value.attrs.get("units")
    if isinstance(unit, str) and not hasattr(value.data, "dimensionality"):
        lengths = lengths * float(nanometres(f"1 {unit}"))
    return lengths


def _from_quantity(value: Any, written: object = None) -> Floats:
    if not value.check("[length]"):
        shown = value if written is None else written
        _refuse(shown, f"of dimension {value.dimensionality}")
    return _from_numbers(value.to("nanometer").magnitude)


def _from_text(text: str) -> Floats:
    matched = _TEXT.fullmatch(text) if len(text) <= LONGEST_TEXT else None
    if matched is None:
        _refuse(text, "a text that is not a number and one unit")
    number, unit = matched.groups()
    if not unit:
        hint = f"the number {number}, or '{number} nm'"
        _refuse(text, "a text without a unit", hint)
    # pint takes half a second to import, and most labels are numbers
    import pint

    registry: Any = pint.application_registry
    known = registry.parse_unit_name(unit)
    if not known:
        hint = "units are spelled as in pint: nm, um, mm, angstrom; .isel counts voxels"
        _refuse(text, f"the unknown unit {unit!r}", hint)
    prefix, name, _ = known[0]
    unit_nm = float(_from_quantity(registry.Quantity(1, prefix + name), text))
    return np.array(float(number) * unit_nm)


def _refuse(value: object, problem: str, hint: str = "") -> NoReturn:
    shown = repr(value)
    shown = shown if len(shown) <= LONGEST_TEXT else f"{shown[:LONGEST_TEXT]}..."
    raise UnitError(got=f"{shown}, {problem}", expected=LENGTH, hint=hint)

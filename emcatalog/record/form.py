"""Claims and records as JSON, and the schema of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emcatalog.errors import FormatError, OptionError
from emcatalog.record.claim import Claim
from emcatalog.record.fields import FIELDS, MEASURED, Field
from emcatalog.record.values import shown

OPTIONAL = ("locator", "unit", "time", "doubt")
"""Members of a claim that are texts, and left out where they are empty."""

_MEMBERS = {"field", "value", "source", *OPTIONAL}


def written_claim(claim: Claim) -> dict[str, Any]:
    """A claim as JSON holds it; empty members are left out.

    >>> written_claim(Claim("levels", 9, "file"))
    {'field': 'levels', 'value': 9, 'source': 'file'}
    """
    value = list(claim.value) if isinstance(claim.value, tuple) else claim.value
    members = {"field": claim.field, "value": value, "source": claim.source}
    texts = ((name, getattr(claim, name)) for name in OPTIONAL)
    return members | {name: text for name, text in texts if text}


def claims_of(document: object) -> tuple[Claim, ...]:
    """The claims of a JSON object with a member ``claims``.

    Raises FormatError that names what is not as it should be.
    """
    rows = document.get("claims") if isinstance(document, Mapping) else None
    if not isinstance(rows, list):
        raise _wrong(f"{shown(document)} in place of a record", "a list 'claims'")
    return tuple(_claim(row, f"claims[{i}]") for i, row in enumerate(rows))


def _claim(row: object, where: str) -> Claim:
    if not isinstance(row, Mapping) or not set(row) <= _MEMBERS:
        raise _wrong(
            f"{where} = {shown(row)}", f"members {', '.join(sorted(_MEMBERS))}"
        )
    texts = {name: row[name] for name in (*OPTIONAL, "field", "source") if name in row}
    if not all(isinstance(text, str) for text in texts.values()):
        raise _wrong(f"{where} = {shown(row)}", f"texts as {', '.join(texts)}")
    value = row.get("value")
    if isinstance(value, list):
        value = tuple(value)
    if not _is_value(value):
        raise _wrong(
            f"{where}.value = {shown(value)}", "a text, number or list of them"
        )
    try:
        claim = Claim(value=value, **{"field": "", "source": "", **texts})  # type: ignore[arg-type]  # Claim looks at them
        return claim.examined()
    except OptionError as error:
        raise _wrong(f"{where} with {error.got}", error.expected, error.hint) from None


def _is_value(value: object) -> bool:
    if isinstance(value, tuple):
        return all(isinstance(part, str | int | float) for part in value)
    return isinstance(value, str | int | float)


def _wrong(got: str, expected: str, hint: str = "") -> FormatError:
    return FormatError(
        got=got, expected=expected, hint=hint or "make the snapshot anew"
    )


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of `Record.to_json`.

    A claim without a doubt has a value of its field's type; a doubted one has what was
    told.
    """
    text = {"type": "string"}
    members: dict[str, Any] = {
        "field": {"enum": list(FIELDS)},
        "value": {"anyOf": [*_PLAIN, {"type": "array", "items": {"anyOf": _PLAIN}}]},
        "source": {"enum": list(MEASURED)},
        **dict.fromkeys(OPTIONAL, text),
    }
    claim = {
        "type": "object",
        "properties": members,
        "required": ["field", "value", "source"],
        "additionalProperties": False,
        "if": {"not": {"required": ["doubt"]}},
        "then": {"oneOf": [_of(field) for field in FIELDS.values()]},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Metadata of a volume, and who says so",
        "type": "object",
        "properties": {"claims": {"type": "array", "items": claim}},
        "required": ["claims"],
    }


_PLAIN = [{"type": "string"}, {"type": "number"}]


def _of(field: Field) -> dict[str, Any]:
    """What the schema says of claims about one field."""
    said: dict[str, Any] = {
        "field": {"const": field.name, "description": field.meaning},
        "value": _SCHEMAS[field.type] | _limits(field),
    }
    if field.unit:
        said["unit"] = {"const": field.unit}
    return {"properties": said, "required": ["unit"] if field.unit else []}


def _limits(field: Field) -> dict[str, Any]:
    if field.is_number:
        return {"minimum": field.least, "maximum": field.most}
    if field.terms and field.terms.limited:
        return {"enum": list(field.terms.names)}
    return {"examples": list(field.terms.names)} if field.terms else {}


_SCHEMAS: Mapping[str, dict[str, Any]] = {
    "text": {"type": "string", "minLength": 1},
    "date": {"type": "string", "pattern": r"^\d{4}"},
    "doi": {"type": "string", "pattern": r"^10\.\d{4,9}/\S+$"},
    "number": {"type": "number"},
    "count": {"type": "integer"},
    "flag": {"enum": [0, 1]},
    "texts": {"type": "array", "items": {"type": "string"}, "minItems": 1},
    "numbers": {"type": "array", "items": {"type": "number"}, "minItems": 1},
}

"""Rows of the table: one for each dataset, one column for each field.

A field of which only doubted values are told has no value and is ``unconfirmed``. A
measured value that the catalog's author declares, because the data is silent, is
``imputed``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from emcatalog.metadata.columns import EARLIER, FIELD_COLUMNS, VOXEL_SIZE
from emcatalog.metadata.consolidate import Described
from emcatalog.metadata.formats import Cell, Row, plain
from emcatalog.record import FIELDS, Record

_OWN = ("url", "protocol", "route", "note", "gaps", "orientation")
"""Fields that the catalog itself decides, or that nobody measures."""


def row(name: str, record: Record) -> Row:
    """What is known of one dataset, under each column of `columns.ALL`."""
    found: dict[str, Cell] = {
        column: _earlier(column, record) for column in EARLIER if column != "name"
    }
    return {
        "name": name,
        **found,
        **{field: record.value(field) for field in FIELD_COLUMNS},
        "imputed": imputed(record),
        "unconfirmed": unconfirmed(record),
        "conflicts": tuple(conflict.field for conflict in record.conflicts()),
        "sources": _sources(record),
        "as_of": max((c.time for c in record.claims), default="") or None,
    }


def rows(found: Mapping[str, Record]) -> list[Row]:
    """A row for each dataset, in the order of ``found``."""
    return [row(name, record) for name, record in found.items()]


def imputed(record: Record) -> tuple[str, ...]:
    """Measured fields whose value is declared by the catalog, not read."""
    winners = ((name, record.winner(name)) for name in FIELDS)
    return tuple(
        name
        for name, claim in winners
        if claim and claim.source == "catalog" and _is_measured(name)
    )


def unconfirmed(record: Record) -> tuple[str, ...]:
    """Fields of which something is said, but nothing that is believed."""
    said = {claim.field for claim in record.claims}
    return tuple(n for n in FIELDS if n in said and record.winner(n) is None)


def displayed(shown: Row) -> Row:
    """The row for people: what is imputed or unconfirmed says so where it stands."""
    return {column: _displayed(shown, column) for column in shown}


def document(described: Iterable[Described]) -> dict[str, Any]:
    """Everything that is known of the datasets, as JSON: rows and all claims."""
    return {"datasets": [_whole(one) for one in described]}


def _whole(one: Described) -> dict[str, Any]:
    cells = row(one.name, one.record).items()
    return {
        **{column: value for column, value in cells if value not in (None, ())},
        "conflicts": [
            {
                "field": conflict.field,
                "value": conflict.winner.value,
                "others": [claim.value for claim in conflict.losers],
                "why": one.explain(conflict.field).why,
            }
            for conflict in one.record.conflicts()
        ],
        "claims": one.record.to_json()["claims"],
    }


def _is_measured(field: str) -> bool:
    return not FIELDS[field].told and field not in _OWN


def _earlier(column: str, record: Record) -> Cell:
    """A column of the earlier tables."""
    if column == "pixel_size_in_nm":
        sizes = [plain(record.value(field)) or "?" for field in VOXEL_SIZE]
        return None if set(sizes) == {"?"} else ", ".join(sizes)
    found = record.value(EARLIER[column][0])
    doi = record.value("doi") if column == "publication_url" else None
    return f"https://doi.org/{doi}" if doi and not found else found


def _sources(record: Record) -> Cell:
    """``file: depth, height; api: title``: who is believed about what."""
    found: dict[str, list[str]] = {}
    for field in FIELDS:
        if claim := record.winner(field):
            found.setdefault(claim.source, []).append(field)
    return "; ".join(f"{who}: {', '.join(what)}" for who, what in found.items())


def _displayed(shown: Row, column: str) -> Cell:
    cell, fields = shown[column], EARLIER.get(column, (column,))
    if _among(fields, shown["imputed"]) and cell is not None:
        return f"{plain(cell)} (imputed)"
    if cell is None and _among(fields, shown["unconfirmed"]):
        return "unconfirmed"
    return cell


def _among(fields: Iterable[str], marked: Cell) -> bool:
    return isinstance(marked, tuple) and any(field in marked for field in fields)

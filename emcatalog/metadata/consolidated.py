"""The consolidated table as files: CSV, JSON, and a page for people in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from emcatalog.metadata.columns import ALL, USUAL
from emcatalog.metadata.formats import Row, to_csv, to_json, to_markdown
from emcatalog.metadata.settling import claim_rows, unsettled
from emcatalog.metadata.table import displayed, document, rows
from emcatalog.record import Record

_FACTS = ("field", "value", "unit", "source", "locator", "time")
_CLAIMS = ("field", "verdict", "value", "unit", "source", "locator", "time")


def documents(found: Mapping[str, Record]) -> dict[str, str]:
    """The files by their names; the same records give the same bytes."""
    return {
        "consolidated.csv": to_csv(rows(found), ALL),
        "consolidated.json": to_json(document(found)),
        "consolidated.md": "\n".join(_page(found)),
    }


def _page(found: Mapping[str, Record]) -> Iterator[str]:
    yield "# Metadata of the datasets\n"
    yield (
        "Written by `emcatalog metadata --write`; do not edit. *imputed*: declared by\n"
        "the catalog, measured by nobody. *unconfirmed*: said, but not by anyone who\n"
        "has the data.\n"
    )
    yield to_markdown([displayed(row) for row in rows(found)], USUAL)
    for name, record in found.items():
        yield f"## {name}\n"
        yield to_markdown(list(_believed(name, record)), _FACTS)
        yield from _disputes(name, record)


def _believed(name: str, record: Record) -> Iterator[Row]:
    """A row for each field of which something is known: who is believed."""
    explained = [(name, record.explain(field)) for field in record.fields]
    return (row for row in claim_rows(explained) if row["verdict"] == "wins")


def _disputes(name: str, record: Record) -> Iterator[str]:
    told = unsettled({name: record})
    if told:
        yield f"### {name}: what is disputed or doubted\n"
    for one in told:
        yield f"{one[1].field}: {one[1].why}.\n"
        yield to_markdown(claim_rows([one]), _CLAIMS)

"""The consolidated table as files: CSV, JSON, and a page for people in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from emcatalog.metadata.columns import ALL, USUAL
from emcatalog.metadata.consolidate import Described
from emcatalog.metadata.formats import Row, marked_down, to_csv, to_json, to_markdown
from emcatalog.metadata.settling import claim_rows, unsettled
from emcatalog.metadata.table import displayed, document, rows

_FACTS = ("field", "value", "unit", "source", "locator", "time")
_CLAIMS = ("field", "verdict", "value", "unit", "source", "locator", "time")


def documents(described: Sequence[Described]) -> dict[str, str]:
    """The files by their names; the same records give the same bytes."""
    found = {one.name: one.record for one in described}
    return {
        "consolidated.csv": to_csv(rows(found), ALL),
        "consolidated.json": to_json(document(described)),
        "consolidated.md": "\n".join(_page(described)),
    }


def _page(described: Sequence[Described]) -> Iterator[str]:
    yield "# Metadata of the datasets\n"
    yield (
        "Written by `emcatalog metadata --write`; do not edit. *imputed*: declared by\n"
        "the catalog, measured by nobody. *unconfirmed*: said, but not by anyone who\n"
        "has the data.\n"
    )
    found = {one.name: one.record for one in described}
    yield to_markdown([displayed(row) for row in rows(found)], USUAL)
    for one in described:
        yield f"## {one.name}\n"
        yield to_markdown(list(_believed(one)), _FACTS)
        yield from _disputes(one)


def _believed(one: Described) -> Iterator[Row]:
    """A row for each field of which something is known: who is believed."""
    explained = [(one.name, one.explain(field)) for field in one.record.fields]
    return (row for row in claim_rows(explained) if row["verdict"] == "wins")


def _disputes(one: Described) -> Iterator[str]:
    told = unsettled([one])
    if told:
        yield f"### {one.name}: what is disputed or doubted\n"
    for dispute in told:
        yield f"**{dispute[1].field}**: {marked_down(dispute[1].why)}\n"
        yield to_markdown(claim_rows([dispute]), _CLAIMS)

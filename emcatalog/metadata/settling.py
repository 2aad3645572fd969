"""How disagreements were settled: every claim about a field, and why one won."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from emcatalog.metadata.consolidate import Described
from emcatalog.metadata.formats import Row
from emcatalog.record import FIELDS, Explanation, Record

COLUMNS = ("dataset", "field", "verdict", "value", "unit", "source", "locator", "time",
           "why")  # fmt: skip
"""Columns of a report on claims; ``verdict`` is ``wins``, ``agrees``, ``loses``, or
``doubted`` for a value that cannot win; ``why`` is that of the verdict."""


def unsettled(described: Iterable[Described]) -> list[tuple[str, Explanation]]:
    """Each field of which claims disagree or are doubted, with its dataset's name."""
    return [
        (one.name, one.explain(field))
        for one in described
        for field in _disputed(one.record)
    ]


def claim_rows(told: Sequence[tuple[str, Explanation]]) -> list[Row]:
    """A row for each claim, the one that is believed first."""
    return [row for name, explanation in told for row in _rows(name, explanation)]


def _disputed(record: Record) -> list[str]:
    disputed = {conflict.field for conflict in record.conflicts()}
    disputed |= {claim.field for claim in record.doubts()}
    return [field for field in FIELDS if field in disputed]


def _rows(name: str, told: Explanation) -> Iterator[Row]:
    winner = (told.winner,) if told.winner else ()
    parts = (
        ("wins", winner), ("agrees", told.agreeing), ("loses", told.losers),
        ("doubted", told.doubted),
    )  # fmt: skip
    for verdict, claims in parts:
        for claim in claims:
            yield {
                "dataset": name,
                "field": told.field,
                "verdict": verdict,
                "value": claim.value,
                "unit": claim.unit,
                "source": claim.source,
                "locator": claim.locator,
                "time": claim.time,
                "why": claim.doubt or (told.why if verdict == "wins" else ""),
            }

"""What changed since the snapshot: field by field, who says what now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from emcatalog.errors import EmcatalogError
from emcatalog.metadata.consolidate import Reader
from emcatalog.metadata.entry import named
from emcatalog.metadata.formats import Row, plain
from emcatalog.metadata.reading import Reading, read
from emcatalog.metadata.snapshot import Snapshot
from emcatalog.record import Claim

COLUMNS = ("dataset", "field", "change", "source", "before", "now", "locator")
"""Columns of the report; ``change`` is ``changed``, ``new`` or ``gone``."""


@dataclass(frozen=True)
class Comparison:
    """What changed of one entry, and what is to be remarked.

    ``failed`` if something could not be read, ``compared`` unless there is no snapshot.
    """

    rows: tuple[Row, ...] = ()
    remarks: tuple[str, ...] = ()
    failed: bool = False
    compared: bool = True


def compared(reader: Reader, name: str, known: Mapping[str, Snapshot]) -> Comparison:
    """Read an entry anew and compare it with its snapshot; nothing is written."""
    try:
        source = reader.source(name)
        snapshot = known.get(source.identity)
        if snapshot is None:
            told = f"{name}: no snapshot to compare with; --refresh makes one"
            return Comparison((), (told,), compared=False)
        reading = read(source, snapshot.claims)
    except EmcatalogError as error:
        return Comparison((), (str(named(error, name)),), failed=True)
    troubles = tuple(str(named(error, name)) for error in reading.troubles)
    return Comparison(tuple(changes(name, snapshot, reading)), troubles, bool(troubles))


def changes(name: str, known: Snapshot, reading: Reading) -> Iterator[Row]:
    """A row for each field of which a source says something else than before.

    Only what was read again is compared. The order of claims does not count, and
    neither does where in a document a value stands.
    """
    again = [claim for claim in known.claims if reading.replaces(claim)]
    keys = dict.fromkeys((c.field, c.source) for c in (*again, *reading.claims))
    for field, source in keys:
        before = [c for c in again if (c.field, c.source) == (field, source)]
        now = [c for c in reading.claims if (c.field, c.source) == (field, source)]
        if _said(before) == _said(now):
            continue
        change = "changed" if before and now else "new" if now else "gone"
        yield {
            "dataset": name,
            "field": field,
            "change": change,
            "source": source,
            "before": ", ".join(_said(before)),
            "now": ", ".join(_said(now)),
            "locator": (now or before)[0].locator,
        }


def _said(claims: list[Claim]) -> list[str]:
    return sorted({f"{plain(claim.value)} {claim.unit}".strip() for claim in claims})

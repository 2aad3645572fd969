"""What a `Record` tells, in the words of the exports: only winners, nothing guessed.

Addresses of e-mail are left out of every text: exports are free of contacts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from emcatalog.errors import OptionError, public
from emcatalog.exports.licences import Licence, licence
from emcatalog.record import Claim, Record

Json = dict[str, Any]
"""A JSON object."""

_CONTACT = re.compile(r"\s*[<(]?(?:mailto:)?[\w.+-]+@[\w-]+(?:\.[\w-]+)+[>)]?")

_SAID_BY = {
    "file": "the data's own file",
    "server": "the data's server",
    "api": "the archive's interface",
    "page": "the keeper's web page",
    "paper": "the publication",
    "catalog": "the author of the catalog, declared and not measured",
    "secondary": "a description by others",
    "default": "a convention of the format",
}
_MEASURES = (
    "voxel_size_z", "voxel_size_y", "voxel_size_x", "depth", "height", "width",
    "pixel_type", "accelerating_voltage", "dwell_time", "beam_current",
    "section_thickness",
)  # fmt: skip
_CODES = {"nm": "C45", "V": "VLT", "us": "B98", "nA": "C39"}
"""Units by their codes of UN/CEFACT, which schema.org wants."""


@dataclass(frozen=True)
class Measure:
    """One measured value, and in words where it comes from."""

    field: str
    value: str | int | float
    unit: str
    source: str

    @property
    def name(self) -> str:
        """What it is called among people."""
        return self.field.replace("_", " ")

    @property
    def code(self) -> str:
        """The unit's code of UN/CEFACT; empty if there is no unit."""
        return _CODES.get(self.unit, "")

    def __str__(self) -> str:
        return f"{self.name} {self.value} {self.unit}".rstrip()


def measures(record: Record) -> Iterator[Measure]:
    """What was measured, and where each value comes from.

    >>> claim = Claim("voxel_size_z", 50.0, "catalog", "voxel_size_nm", "nm")
    >>> [f"{m}: {m.source}" for m in measures(Record((claim,)))]
    ['voxel size z 50.0 nm: the author of the catalog, declared and not measured
      (voxel_size_nm)']
    """
    for field in _MEASURES:
        claim = record.winner(field)
        if claim and isinstance(claim.value, str | int | float):
            yield Measure(field, claim.value, claim.unit, provenance(claim))


def provenance(claim: Claim) -> str:
    """In words: who says it, at which place, and when that was read."""
    locator = _CONTACT.sub("", public(claim.locator)).strip()
    place = ", ".join(filter(None, (locator, claim.time)))
    return _SAID_BY[claim.source] + (f" ({place})" if place else "")


def text(record: Record, field: str) -> str:
    """The most trusted value of ``field`` as text; empty if nothing is known.

    >>> text(Record((Claim("citation", "Miron 2020 <a.b@c.org>", "page"),)), "citation")
    'Miron 2020'
    """
    return _CONTACT.sub("", _plain(record, field)).strip()


def _plain(record: Record, field: str) -> str:
    value = record.value(field)
    if value is None:
        return ""
    return "; ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def identifier(record: Record) -> str:
    """A name for the record that is never empty, for `@id` and keys.

    >>> identifier(Record((Claim("accession", "EMPIAR-11759", "api"),)))
    'EMPIAR-11759'
    """
    names = (text(record, field) for field in ("name", "accession", "title"))
    found = next(filter(None, names), "") or PurePosixPath(location(record)).stem
    return re.sub(r"[^\w.-]+", "-", found).strip("-") or "volume"


def named_apart(records: Sequence[Record]) -> dict[str, Record]:
    """The records by name; OptionError for none, and for two of the same name."""
    named = {identifier(record): record for record in records}
    if not records or len(named) < len(records):
        names = ", ".join(identifier(record) for record in records)
        raise OptionError(
            got=f"records of the names {names}" if records else "no record",
            expected="one record or more, each of another name",
            hint="the name of a record is its field name, accession or title",
        )
    return named


def title(record: Record) -> str:
    """Title of the data, else its name."""
    return text(record, "title") or identifier(record)


def description(record: Record) -> str:
    """What is told of the data, else what is known of it in a sentence."""
    told = text(record, "description")
    if told:
        return told
    words = [text(record, f) for f in ("modality", "organism", "tissue", "accession")]
    return ", ".join([title(record), *filter(None, words)])


def location(record: Record) -> str:
    """Where the data is read; without password, signature or query."""
    return _place(_plain(record, "url"))


def downloads(record: Record) -> list[str]:
    """Addresses at which the files can be had, in the same form."""
    told = record.value("download")
    places = [_place(str(place)) for place in told] if isinstance(told, tuple) else []
    return [place for place in places if "://" in place]


def _place(told: str) -> str:
    place = public(told).partition("?")[0].removeprefix("precomputed://")
    return place.replace(" ", "%20")


def rights(record: Record) -> Licence | None:
    """The licence, if one is known."""
    told = text(record, "licence")
    return licence(told) if told else None


def publication(record: Record) -> str:
    """Address of the publication; empty if none is known."""
    number = _plain(record, "doi")
    page = public(_plain(record, "publication_url"))
    return f"https://doi.org/{number}" if number else page


def keywords(record: Record) -> list[str]:
    """What the data shows and how it was taken, as single words of each field."""
    fields = ("modality", "organism", "organ", "tissue", "cell")
    return list(dict.fromkeys(filter(None, (text(record, f) for f in fields))))

"""DataCite 4: a record as the JSON that DOIs are registered with.

Written from DataCite's metadata schema (https://schema.datacite.org).
"""

from __future__ import annotations

from emcatalog.exports.files import files, landing
from emcatalog.exports.told import (
    Json,
    description,
    keywords,
    measures,
    publication,
    rights,
    text,
    title,
)
from emcatalog.record import Record

UNKNOWN = ":unav"
"""What DataCite's appendix has for a mandatory value that is not available."""

_SPDX = "https://spdx.org/licenses/"
_TAXONOMY = "https://www.ncbi.nlm.nih.gov/taxonomy"


def datacite(record: Record) -> Json:
    """The DataCite 4 attributes of the data that ``record`` is about.

    Creators, and a publisher that no claim names, are ``:unav``, as the standard says
    for what is not available. There is no such code for the year of publication, a
    mandatory number: where no release date is known it is missing, and the document
    does not validate before its registrant adds it.

    >>> from emcatalog.record import Claim
    >>> found = datacite(Record((Claim("title", "Developing retina", "api"),)))
    >>> found["titles"], found["creators"]
    ([{'title': 'Developing retina'}], [{'name': ':unav'}])
    """
    document: Json = {
        "schemaVersion": "http://datacite.org/schema/kernel-4",
        "doi": text(record, "data_doi"),
        "url": landing(record),
        "types": {"resourceTypeGeneral": "Dataset", "resourceType": _kind(record)},
        "creators": [{"name": UNKNOWN}],
        "titles": [{"title": title(record)}],
        "publisher": {"name": text(record, "source") or UNKNOWN},
        "publicationYear": text(record, "released")[:4],
        "subjects": _subjects(record),
        "dates": _dates(record),
        "alternateIdentifiers": _alternates(record),
        "relatedIdentifiers": _related(record),
        "sizes": _sizes(record),
        "formats": _formats(record),
        "rightsList": _rights(record),
        "descriptions": _descriptions(record),
    }
    return {key: value for key, value in document.items() if value not in ("", [])}


def _kind(record: Record) -> str:
    kind = text(record, "kind") or "image"
    return " ".join(filter(None, (text(record, "modality"), kind, "volume")))


def _subjects(record: Record) -> list[Json]:
    """The keywords, each once; the organism with its number in NCBI's taxonomy."""
    subjects: dict[str, Json] = {word: {"subject": word} for word in keywords(record)}
    organism, taxon = text(record, "organism"), text(record, "taxon_id")
    if organism and taxon.isdecimal():
        subjects[organism] |= {
            "subjectScheme": "NCBI Taxonomy",
            "schemeUri": _TAXONOMY,
            "valueUri": f"{_TAXONOMY}/{taxon}",
        }
    return list(subjects.values())


def _dates(record: Record) -> list[Json]:
    kinds = {"released": "Available", "acquired": "Collected"}
    return [
        {"date": day, "dateType": kind}
        for field, kind in kinds.items()
        if (day := text(record, field))
    ]


def _alternates(record: Record) -> list[Json]:
    found = files(record)
    named = {
        "accession": text(record, "accession"),
        "location of the data": found.place if found else "",
    }
    return [
        {"alternateIdentifier": value, "alternateIdentifierType": kind}
        for kind, value in named.items()
        if value
    ]


def _related(record: Record) -> list[Json]:
    number, place = text(record, "doi"), publication(record)
    if not place:
        return []
    kind, value = ("DOI", number) if number else ("URL", place)
    return [
        {
            "relatedIdentifier": value,
            "relatedIdentifierType": kind,
            "relationType": "IsDescribedBy",
        }
    ]


def _sizes(record: Record) -> list[str]:
    sides = [text(record, axis) for axis in ("depth", "height", "width")]
    return [f"{' x '.join(sides)} voxels (z, y, x)"] if all(sides) else []


def _formats(record: Record) -> list[str]:
    found = files(record)
    media = found.encoding if found and not found.encoding.startswith("http") else ""
    return list(dict.fromkeys(filter(None, (text(record, "format"), media))))


def _rights(record: Record) -> list[Json]:
    found = rights(record)
    if not found:
        return []
    entry = {"rights": found.told, "rightsUri": found.url}
    if found.spdx:
        entry |= {
            "rightsIdentifier": found.spdx,
            "rightsIdentifierScheme": "SPDX",
            "schemeUri": _SPDX,
        }
    return [{key: value for key, value in entry.items() if value}]


def _descriptions(record: Record) -> list[Json]:
    technical = "\n".join(f"{m}; {m.source}" for m in measures(record))
    told = {
        "Abstract": description(record),
        "Methods": text(record, "preparation"),
        "TechnicalInfo": technical,
    }
    return [
        {"description": words, "descriptionType": kind}
        for kind, words in told.items()
        if words
    ]

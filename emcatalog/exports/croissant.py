"""Croissant 1.1: records as a data set that machine learning tools read.

Written from the specification (https://docs.mlcommons.org/croissant). The data set has
a record set, ``volumes``, with a row for each record; every voxel size in it stands
beside the words that say where it comes from.
"""

from __future__ import annotations

from collections.abc import Sequence

from emcatalog.exports.citation import bibtex
from emcatalog.exports.files import Files, files, landing
from emcatalog.exports.licences import Licence
from emcatalog.exports.told import (
    Json,
    description,
    keywords,
    location,
    measures,
    named_apart,
    publication,
    rights,
    text,
    title,
)
from emcatalog.record import FIELDS, Record

_TERMS = (
    "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract",
    "field", "fileObject", "fileProperty", "fileSet", "format", "includes", "isArray",
    "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet",
    "references", "regex", "repeated", "replace", "samplingRate", "separator", "source",
    "subField", "transform",
)  # fmt: skip
CONTEXT: Json = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    **{term: f"cr:{term}" for term in _TERMS},
}
"""The JSON-LD context that the specification recommends."""

DIRECTORY = "inode/directory"
"""The media type that freedesktop.org has for folders."""

_COLUMNS = (
    "modality", "organism", "organ", "tissue", "cell", "licence", "accession",
)  # fmt: skip
_TYPES = {int: "sc:Integer", float: "sc:Float", str: "sc:Text"}


def croissant(
    records: Sequence[Record], name: str = "emcatalog", version: str = ""
) -> Json:
    """A Croissant data set of ``records``: their files, and a table of the volumes.

    Of one record it has the title, licence, citation and date; of several it is a
    collection called ``name``, with all their licences and citations. ``version`` is
    that of the data set, as MAJOR.MINOR.PATCH, if it has one. What is not known is
    left out. Checksums of files on public servers are not known, and Croissant lets
    them be left out of a live data set only: so it says ``isLiveDataset``. Raises
    OptionError without records, and for two records of the same name.
    """
    named = named_apart(records)
    whole = _one(records[0]) if len(records) == 1 else _many(records, name)
    licences = [licence for r in records if (licence := rights(r))]
    cited = "\n\n".join(bibtex(record) for record in records)
    document: Json = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        **whole,
        "license": list(
            {licence.name: _licence(licence) for licence in licences}.values()
        ),
        "citeAs": cited,
        "version": version,
        "isLiveDataset": True,
        "keywords": list(dict.fromkeys(k for r in records for k in keywords(r))),
        "distribution": [
            resource
            for key, record in named.items()
            if (found := files(record))
            for resource in _resources(key, title(record), found)
        ],
        "recordSet": [_volumes(named)],
    }
    return {key: value for key, value in document.items() if value not in ("", [])}


def _one(record: Record) -> Json:
    return {
        "name": title(record),
        "description": description(record),
        "url": landing(record),
        "citation": publication(record),
        "datePublished": text(record, "released"),
    }


def _many(records: Sequence[Record], name: str) -> Json:
    titles = "; ".join(title(record) for record in records)
    dates = [found for record in records if (found := text(record, "released"))]
    return {
        "name": name,
        "description": f"{len(records)} volumes of electron microscopy: {titles}",
        # of a collection it is the day of its youngest member, if all are known
        "datePublished": max(dates) if len(dates) == len(records) else "",
    }


def _licence(licence: Licence) -> Json | str:
    """Its address, or a work that has its words for a name."""
    return licence.url or {"@type": "sc:CreativeWork", "name": licence.told}


def _resources(key: str, called: str, found: Files) -> list[Json]:
    """The file; or the folder and the files in it."""
    whole: Json = {
        "@type": "cr:FileObject",
        "@id": f"{key}/data",
        "name": f"{key}-data",
        "description": f"{called}: " + ("the folder" if found.patterns else "the file"),
        "contentUrl": found.place,
        "encodingFormat": DIRECTORY if found.patterns else found.encoding,
    }
    if not found.patterns:
        return [whole]
    parts = {
        "@type": "cr:FileSet",
        "@id": f"{key}/files",
        "name": f"{key}-files",
        "description": f"{called}: the files in the folder",
        "containedIn": {"@id": f"{key}/data"},
        "encodingFormat": found.encoding,
        "includes": list(found.patterns),
    }
    return [whole, parts]


def _volumes(named: dict[str, Record]) -> Json:
    """The record set: a row for each record, a column for each thing that is known."""
    rows = [{"name": key, **_row(record)} for key, record in named.items()]
    columns: dict[str, tuple[str, str]] = {}
    for row in rows:
        for column, value in row.items():
            columns.setdefault(column, (_TYPES[type(value)], _meaning(column)))
    return {
        "@type": "cr:RecordSet",
        "@id": "volumes",
        "name": "volumes",
        "description": "One row for each volume; lengths in nanometres, axes z, y, x",
        "key": {"@id": "volumes/name"},
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"volumes/{column}",
                "name": column,
                "description": words,
                "dataType": kind,
            }
            for column, (kind, words) in columns.items()
        ],
        "data": [{f"volumes/{c}": row.get(c) for c in columns} for row in rows],
    }


def _meaning(column: str) -> str:
    field = FIELDS[column.removesuffix("_source")]
    if column.endswith("_source"):
        return f"who says the {field.meaning}"
    return f"{field.meaning}, {field.unit}" if field.unit else field.meaning


def _row(record: Record) -> dict[str, str | int | float]:
    row: dict[str, str | int | float] = {}
    for measure in measures(record):
        row[measure.field] = measure.value
        if measure.field.startswith("voxel_size"):
            row[f"{measure.field}_source"] = measure.source
    row |= {column: told for column in _COLUMNS if (told := text(record, column))}
    return row | ({"url": place} if (place := location(record)) else {})

"""RO-Crate 1.2: records as a crate whose data entities lie on the web.

Written from the specification (https://w3id.org/ro/crate/1.2). It is a *detached*
crate: the metadata alone, without the data.
"""

from __future__ import annotations

import datetime
import re
from collections import Counter
from collections.abc import Sequence

from emcatalog.exports.citation import citation
from emcatalog.exports.files import files, landing
from emcatalog.exports.licences import Licence
from emcatalog.exports.told import (
    Json,
    Measure,
    description,
    identifier,
    keywords,
    measures,
    named_apart,
    publication,
    rights,
    text,
    title,
)
from emcatalog.record import Record

VERSION = "https://w3id.org/ro/crate/1.2"
_MIXED, _UNKNOWN = Licence("see each data set"), Licence("not known")


def ro_crate(
    records: Sequence[Record],
    name: str = "emcatalog",
    published: datetime.date | None = None,
) -> Json:
    """The RO-Crate metadata document of ``records``.

    The crate is published on the day ``published``, today unless told; each data set
    has its own day of release. What is measured is an ``additionalProperty``, whose
    description says where it comes from. What is not known is left out; only the crate
    itself must have a licence, and says if there is none for all of it. Raises
    OptionError without records, and for two records of the same name.

    >>> from emcatalog.record import Claim
    >>> record = Record((Claim("url", "https://a.org/volume.tif", "catalog"),))
    >>> [e["@id"] for e in ro_crate([record])["@graph"]][:3]
    ['ro-crate-metadata.json', './', 'https://a.org/volume.tif']
    """
    named = _places(records)
    day = published or datetime.datetime.now(datetime.UTC).date()
    root = _root(named, name, day)
    entities = [
        _descriptor(),
        root,
        *(entity for place in named for entity in _entities(place, named[place])),
        *(_work(own) for own in (_MIXED, _UNKNOWN) if root["license"] == _id(own)),
    ]
    # licences and organisms are shared
    graph = {entity["@id"]: entity for entity in entities}
    return {"@context": f"{VERSION}/context", "@graph": list(graph.values())}


def _descriptor() -> Json:
    return {
        "@id": "ro-crate-metadata.json",
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": {"@id": VERSION},
    }


def _root(named: dict[str, Record], name: str, day: datetime.date) -> Json:
    records = list(named.values())
    titles = "; ".join(title(record) for record in records)
    one = records[0] if len(records) == 1 else None
    licences = {rights(record) for record in records}
    several = f"{len(records)} volumes of electron microscopy: {titles}"
    return {
        "@id": "./",
        "@type": "Dataset",
        "name": title(one) if one else name,
        "description": description(one) if one else several,
        "datePublished": day.isoformat(),
        "license": _id(_MIXED if len(licences) > 1 else licences.pop() or _UNKNOWN),
        "hasPart": [{"@id": place} for place in named],
    }


def _places(records: Sequence[Record]) -> dict[str, Record]:
    """The records by where their data is, or by a name within the crate.

    It is a name where no claim says, and where several are made of the same files.
    """
    named = named_apart(records)
    found = {name: files(record) for name, record in named.items()}
    places = {name: one.place for name, one in found.items() if one}
    count = Counter(places.values())
    return {
        place
        if (place := places.get(name, "")) and count[place] == 1 and "://" in place
        else f"#{name}": record
        for name, record in named.items()
    }


def _entities(place: str, record: Record) -> list[Json]:
    """The data set or file of ``record``, and what it refers to."""
    found, properties = files(record), [_property(record, m) for m in measures(record)]
    licence, paper, taxon = rights(record), publication(record), _taxon(record)
    whole: Json = {
        "@id": place,
        "@type": "File" if found and not found.patterns else "Dataset",
        "name": title(record),
        "description": description(record),
        "identifier": _identifiers(record),
        "url": landing(record),
        "datePublished": text(record, "released"),
        "sdDatePublished": max((claim.time for claim in record.claims), default=""),
        "encodingFormat": found.encoding if found else "",
        "keywords": ", ".join(keywords(record)),
        "creditText": citation(record),
        "license": _id(licence) if licence else "",
        "citation": {"@id": paper} if paper else "",
        "about": {"@id": taxon["@id"]} if taxon else "",
        "additionalProperty": [{"@id": entity["@id"]} for entity in properties],
    }
    said = text(record, "citation") or paper
    article = {"@id": paper, "@type": "ScholarlyArticle", "name": said}
    others = (article if paper else None, _work(licence) if licence else None, taxon)
    return [_compact(whole), *(entity for entity in others if entity), *properties]


def _compact(entity: Json) -> Json:
    """``entity`` without what is empty; of a list of one, the one, as 1.2 asks for."""
    return {
        key: value[0] if isinstance(value, list) and len(value) == 1 else value
        for key, value in entity.items()
        if value not in ("", [])
    }


def _identifiers(record: Record) -> list[str]:
    number = text(record, "data_doi")
    names = (f"https://doi.org/{number}" if number else "", text(record, "accession"))
    return [name for name in names if name]


def _id(licence: Licence) -> Json:
    named = re.sub(r"[^a-z0-9]+", "-", licence.told.casefold()).strip("-")
    return {"@id": licence.url or f"#licence-{named}"}


def _work(licence: Licence) -> Json:
    return {
        **_id(licence),
        "@type": "CreativeWork",
        "name": licence.told,
        "description": f"The licence of data in this crate: {licence.name}",
        **({"identifier": licence.spdx} if licence.spdx else {}),
    }


def _taxon(record: Record) -> Json | None:
    """The organism as a term of NCBI's taxonomy, if its number is known."""
    number = text(record, "taxon_id")
    if not number.isdecimal():
        return None
    return {
        "@id": f"http://purl.obolibrary.org/obo/NCBITaxon_{number}",
        "@type": "DefinedTerm",
        "name": text(record, "organism") or number,
        "termCode": number,
    }


def _property(record: Record, measure: Measure) -> Json:
    entity: Json = {
        "@id": f"#{identifier(record)}-{measure.field}",
        "@type": "PropertyValue",
        "propertyID": measure.field,
        "name": measure.name,
        "value": measure.value,
        "description": f"As told by {measure.source}",
    }
    return entity | (
        {"unitText": measure.unit, "unitCode": measure.code} if measure.code else {}
    )

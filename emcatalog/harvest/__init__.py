"""Archives' APIs and pages, read for what they say of a dataset; no pixels are read.

Each module turns a parsed document into claims and is pure: ``claims(document, url)``.
`harvest` fetches, parses and stamps. What an archive answers is read with distrust: it
may be a web page, an answer of failure, or damaged, and every value in it may be
absent, of another type or absurd.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from emcatalog.harvest import (
    documents,
    dvid,
    empiar,
    neuroglancer,
    omero,
    openorganelle,
    organelle_page,
    submission,
)
from emcatalog.harvest.evidence import (
    KINDS,
    Evidence,
    declared_evidence,
    evidence_for,
)
from emcatalog.record import Claim
from emcatalog.transport import Transport

__all__ = ["KINDS", "Evidence", "declared_evidence", "evidence_for", "harvest"]

Parse = Callable[[bytes, str], Any]
Claims = Callable[[Any, str], tuple[Claim, ...]]

_READERS: Mapping[str, tuple[Parse, Claims]] = {
    "empiar": (documents.json_document, empiar.claims),
    "empiar-xml": (documents.xml_document, empiar.claims),
    "omero": (documents.json_document, omero.claims),
    "omero-annotations": (documents.json_document, submission.claims),
    "idr-table": (documents.text_document, submission.table_claims),
    "idr-study": (documents.text_document, submission.study_claims),
    "openorganelle": (documents.json_document, openorganelle.claims),
    "openorganelle-page": (documents.json_document, organelle_page.claims),
    "neuroglancer": (documents.json_document, neuroglancer.claims),
    "dvid": (documents.json_document, dvid.claims),
}


def harvest(evidence: Evidence, transport: Transport) -> tuple[Claim, ...]:
    """What the document says, each claim with the time at which it was read.

    Raises TransportError where the document cannot be had, ContentError for a web page
    and for more than 16 MiB in its place, and FormatError for a document that is not
    what its kind says; each names the URL.
    """
    # what is behind # chooses a part of the document, and is not sent
    place = evidence.url.partition("#")[0]
    data = transport.read(place, limit=documents.LIMIT)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return tuple(replace(claim, time=now) for claim in understood(evidence, data))


def understood(evidence: Evidence, data: bytes) -> tuple[Claim, ...]:
    """What the bytes of the document say; nothing is fetched.

    Raises ContentError and FormatError, as `harvest` does.

    >>> annotations = b'{"annotations": [{"values": [["License", "CC BY 4.0"]]}]}'
    >>> evidence = Evidence("omero-annotations", "https://a.org/annotations/")
    >>> [claim.value for claim in understood(evidence, annotations)]
    ['CC-BY-4.0']
    """
    parse, claims = _READERS[evidence.kind]
    return claims(parse(data, evidence.url), evidence.url)

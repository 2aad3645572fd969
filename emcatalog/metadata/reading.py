"""Reading what a dataset says of itself now: headers, servers, archives; no voxels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from emcatalog.driver import VolumeSource
from emcatalog.errors import EmcatalogError, NotFoundError, public
from emcatalog.harvest import Evidence, declared_evidence, evidence_for, harvest
from emcatalog.metadata.entry import place
from emcatalog.mirror import current_mirrors
from emcatalog.record import Claim, Record
from emcatalog.transport import Transport

_READ_WHOLE = ("file", "default")
"""Sources that one reading of the headers tells all about."""


@dataclass(frozen=True)
class Reading:
    """What was read of one dataset: claims, from where, and what failed.

    ``claims`` are dated and none is of the catalog; ``urls`` are the documents of
    archives that answered.
    """

    claims: tuple[Claim, ...]
    urls: tuple[str, ...] = ()
    troubles: tuple[EmcatalogError, ...] = ()

    def replaces(self, old: Claim) -> bool:
        """Whether an older claim was read again, or is gone from where it stood.

        Web pages, papers and the tables of others are not read again by any program:
        claims that were taken from them stay.
        """
        return (
            old.source in _READ_WHOLE
            or _document(old.locator) in self.urls
            or any((c.field, c.source) == (old.field, old.source) for c in self.claims)
        )


def read(source: VolumeSource, known: Iterable[Claim] = ()) -> Reading:
    """Read the headers and the archives' documents of a dataset; no voxels.

    A document that an archive may have is no trouble where it is not there, unless
    claims that are ``known`` come from it. Raises an EmcatalogError if the headers
    cannot be read.
    """
    expected = {_document(claim.locator) for claim in known}
    told = declared_evidence(source.metadata.get("evidence"))
    derived = evidence_for(place(source), type(source).name, source.options)
    source.close()  # what was opened before is old
    claims = [_placed(c, source) for c in source.record.claims if c.source != "catalog"]
    urls: list[str] = []
    troubles: list[EmcatalogError] = []
    for evidence in dict.fromkeys((*derived, *told)):
        url = _document(evidence.url)
        try:
            claims += _harvested(evidence)
            urls.append(url)
        except EmcatalogError as error:
            missing = isinstance(error, NotFoundError) and evidence not in told
            if not missing or url in expected:
                troubles.append(error)
    today = datetime.now(UTC).date().isoformat()
    dated = Record(tuple(claims)).read_at(today).claims
    return Reading(dated, tuple(urls), tuple(troubles))


def _placed(claim: Claim, source: VolumeSource) -> Claim:
    """The claim with the URL of the file or server before the tag, as in snapshots."""
    if claim.source not in ("file", "server") or "://" in claim.locator:
        return claim
    at = place(source)
    if claim.source == "file":
        at = str(source.options.get("file_url") or at)
    url = public(at).partition("?")[0]  # a query may hold a secret
    return replace(claim, locator=f"{url}#{claim.locator}")


def _harvested(evidence: Evidence) -> tuple[Claim, ...]:
    # the archive is another server than that of the data, and needs no options of it
    return harvest(evidence, Transport({}, current_mirrors()))


def _document(place: str) -> str:
    """The document of a locator or URL, without the part of it that is meant."""
    return place.partition("#")[0]

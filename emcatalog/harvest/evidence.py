"""Evidence: documents in which more is said of a dataset than in its own files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from emcatalog.errors import OptionError, suggest

KINDS = (
    "empiar", "empiar-xml", "omero", "omero-annotations", "idr-table", "idr-study",
    "openorganelle", "openorganelle-page", "neuroglancer", "dvid",
)  # fmt: skip
"""Kinds of documents that are understood."""

EMPIAR_API = "https://www.ebi.ac.uk/empiar/api/entry"
MANIFESTS = "https://raw.githubusercontent.com/janelia-cosem/fibsem-metadata/stable/api"

_EMPIAR = re.compile(r"/empiar/world_availability/(\d{1,9})(?:/(.*))?$")
_ORGANELLES = re.compile(
    r"(?:s3://janelia-cosem-datasets|//janelia-cosem-datasets\.s3[\w.-]*\.amazonaws\.com"
    r"|//s3[\w.-]*\.amazonaws\.com/janelia-cosem-datasets)/([\w-]{1,100})(?:/(.*))?$"
)


@dataclass(frozen=True)
class Evidence:
    """A document of one of the `KINDS` at ``url``.

    The fragment of the URL, after ``#``, chooses a part of the document: the folder of
    an image set (empiar), the path of an image (openorganelle), the name of an image
    (idr-table) or of an experiment (idr-study). Raises OptionError for an unknown kind
    and for a URL that is none.

    >>> Evidence("dvid", "https://a.org/api/node/1/grayscale/info").kind
    'dvid'
    """

    kind: str
    url: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise OptionError(
                got=f"evidence of the kind {self.kind!r:.80}",
                expected="a kind of document that is understood",
                hint=suggest(self.kind, KINDS),
            )
        if not isinstance(self.url, str) or not self.url.strip():
            raise OptionError(
                got=f"evidence at {self.url!r:.80}",
                expected="the URL of a document",
                hint=f"for instance {{kind: empiar, url: {EMPIAR_API}/EMPIAR-11759/}}",
            )


def declared_evidence(rows: object) -> tuple[Evidence, ...]:
    """The documents that the metadata of a catalog entry names under ``evidence``.

    Raises OptionError for what is not a list of ``{kind: ..., url: ...}``.

    >>> declared_evidence([{"kind": "neuroglancer", "url": "gs://b/state.json"}])
    (Evidence(kind='neuroglancer', url='gs://b/state.json'),)
    """
    if rows is None:
        return ()
    if not isinstance(rows, list | tuple) or not all(_is_row(row) for row in rows):
        raise OptionError(
            got=f"evidence: {rows!r:.200}",
            expected="a list of {kind: ..., url: ...}",
            hint=f"kinds are {', '.join(KINDS)}",
        )
    return tuple(Evidence(row["kind"], row["url"]) for row in rows)


def _is_row(row: object) -> bool:
    return isinstance(row, Mapping) and set(row) == {"kind", "url"}


def evidence_for(
    urlpath: object, driver: str, options: Mapping[str, Any]
) -> tuple[Evidence, ...]:
    """Documents that archives have of data at ``urlpath``, as far as the URL tells.

    ``options`` are the other arguments of the driver. Whether a document is there, the
    archive knows: manifests of OpenOrganelle, for instance, are kept for its older
    datasets only.

    >>> place = "https://ftp.ebi.ac.uk/empiar/world_availability/11759/data/*.dm3"
    >>> [e.url for e in evidence_for(place, "dm3", {})]
    ['https://www.ebi.ac.uk/empiar/api/entry/EMPIAR-11759/#data']
    """
    if isinstance(urlpath, list | tuple):
        urlpath = urlpath[0] if urlpath else ""
    place = str(urlpath).partition("?")[0]  # a query may hold a secret
    if driver == "idr":
        return _of_omero(place, options.get("image_id"))
    if found := _EMPIAR.search(place):
        return (_of_empiar(found[1], found[2] or ""),)
    if found := _ORGANELLES.search(place):
        path = "/".join(part for part in found.groups() if part)
        manifest = f"{MANIFESTS}/{found[1]}/manifest.json"
        return (Evidence("openorganelle", f"{manifest}#{path}"),)
    return ()


def _of_omero(server: str, image_id: object) -> tuple[Evidence, ...]:
    """The image in the JSON API, and its map annotations."""
    if not str(image_id).isdecimal():  # a template that is not filled in
        return ()
    server = server.rstrip("/")
    asked = f"type=map&image={image_id}"
    return (
        Evidence("omero", f"{server}/api/v0/m/images/{image_id}/"),
        Evidence("omero-annotations", f"{server}/webclient/api/annotations/?{asked}"),
    )


def _of_empiar(number: str, path: str) -> Evidence:
    """The entry, and the folder of ``path``: what is before the file or pattern."""
    folder = re.split(r"[*?\[{]", path)[0].rpartition("/")[0]
    chosen = quote(unquote(folder))
    entry = f"{EMPIAR_API}/EMPIAR-{number}/"
    return Evidence("empiar", f"{entry}#{chosen}" if chosen else entry)

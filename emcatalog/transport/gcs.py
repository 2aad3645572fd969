"""Public objects of Google Cloud Storage, by its plain HTTP face."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from emcatalog.transport.http import Http
from emcatalog.transport.objects import Objects
from emcatalog.transport.origin import Origin
from emcatalog.transport.versions import Version

GCS = "https://storage.googleapis.com"


class PublicGcs:
    """Anonymous reads: ``gs://bucket/name`` is ``{endpoint}/bucket/name``.

    gcsfs tries for minutes to reach a host that does not answer, and logs each
    failure; here it only lists folders, which plain HTTP cannot.
    """

    def __init__(self, origin: Origin) -> None:
        self.http = Http(Origin(GCS))

    def span(self, origin: Origin, start: int, length: int) -> bytes:
        """At most ``length`` bytes from ``start``."""
        return self.http.span(page_of(origin), start, length)

    def whole(self, origin: Origin, limit: int, kind: str) -> bytes:
        """The object, if it is not larger than ``limit``."""
        return self.http.whole(page_of(origin), limit, kind)

    def size(self, origin: Origin) -> int:
        """Length in bytes."""
        return self.http.size(page_of(origin))

    def version(self, origin: Origin) -> Version:
        """What the store tells of the object."""
        return self.http.version(page_of(origin))

    def names(self, origin: Origin) -> list[str]:
        """What lies under the prefix."""
        return Objects(origin).names(origin)


def public_url(url: str, options: Mapping[str, Any]) -> str:
    """The plain HTTP address of a public object or prefix ``gs://bucket/name``.

    >>> public_url("gs://bucket/a b/info", {})
    'https://storage.googleapis.com/bucket/a%20b/info'
    """
    endpoint = str(options.get("endpoint_url", GCS)).rstrip("/")
    # names of objects may hold any character: nothing in them is a query
    return f"{endpoint}/{quote(url.partition('://')[2])}"


def page_of(origin: Origin) -> Origin:
    """Where the object is had by HTTP."""
    page = public_url(origin.url, origin.options)
    return Origin(page, versions=origin.versions)

"""Several ranges of one file in one request, from hosts that answer them rightly."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiohttp

from emcatalog.errors import RangeError
from emcatalog.transport import answers
from emcatalog.transport.multipart import (
    Part,
    assembled,
    boundary_of,
    most_bytes,
    parts_of,
)
from emcatalog.transport.origin import GarbledError, Origin
from emcatalog.transport.spans import Span

FORGIVEN_SECONDS = 1800.0
"""After which a host that answered several ranges wrongly is asked for them again."""

NEVER = (".amazonaws.com", "storage.googleapis.com")
"""Hosts of stores that document that they answer one range only, with 200 to others."""


@dataclass
class Habit:
    """How the host of ``url`` answers several ranges, as far as is known.

    ``first`` is held by the request that finds out, so that a host that answers with
    whole files does so once. Used by the event loop alone.
    """

    url: str
    proven: bool = False
    refused_at: float | None = None
    first: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def hopeless(self) -> bool:
        """Whether the host is to be asked for one range at a time."""
        if (urlsplit(self.url).hostname or "").endswith(NEVER):
            return True
        if self.refused_at is None:
            return False
        return time.monotonic() - self.refused_at < FORGIVEN_SECONDS

    def answered(self) -> None:
        """It answered as it should."""
        self.proven, self.refused_at = True, None

    def refused(self) -> None:
        """It did not."""
        self.proven, self.refused_at = False, time.monotonic()


def header(ranges: Sequence[Span]) -> str:
    """The ``Range`` header that asks for ``ranges``.

    >>> header([(0, 2), (9, 1)])
    'bytes=0-1,9-9'
    """
    return "bytes=" + ",".join(f"{a}-{a + length - 1}" for a, length in ranges)


async def received(
    answer: aiohttp.ClientResponse, origin: Origin, ranges: Sequence[Span]
) -> dict[int, bytes]:
    """The bytes of each of ``ranges`` by where it starts, out of an answer to all.

    A range that the file ends before is left out, as servers do it; some leave out all.
    The body is taken only if it is about as long as what was asked for. Raises
    GarbledError or RangeError where it is not, or holds anything else.
    """
    if answer.status == 416 and _begins_beyond(answers.told_size(answer), ranges):
        return {}
    limit = most_bytes(ranges)
    if answer.status != 206 or (answer.content_length or 0) > limit:
        answer.close()  # perhaps the whole file
        raise RangeError(
            got=f"status {answer.status} with a body of "
            f"{answer.headers.get('Content-Length', 'unknown')} bytes",
            expected=f"status 206 with {len(ranges)} ranges",
            hint="ask for one range at a time",
        )
    parts = await _parts(answer, ranges, limit)
    if {part.tag for part in parts} - {None, answer.headers.get("ETag")}:
        raise GarbledError(got="parts with ETags of their own", expected="one file")
    found = assembled(ranges, parts)
    told = answers.version_of(answer, parts[0].size)
    origin.versions.check(origin.url, told)
    return found


def _begins_beyond(size: int | None, ranges: Sequence[Span]) -> bool:
    return size is not None and any(start >= size for start, _ in ranges)


async def _parts(
    answer: aiohttp.ClientResponse, ranges: Sequence[Span], limit: int
) -> list[Part]:
    boundary = boundary_of(answer.headers.get("Content-Type", ""))
    if boundary is None:  # one part that holds all, or all that are in the file
        first, last, size = answers.content_range(answer)
        data = await answers.body(answer, limit)
        if len(data) != last - first + 1:
            raise GarbledError(got=f"{len(data)} bytes", expected="one range")
        return [Part(first, memoryview(data), size)]
    if not answers.is_plain(answer):
        raise GarbledError(got="a compressed answer", expected="bytes of the file")
    data = await answers.body(answer, limit + 1)
    return list(parts_of(data, boundary, len(ranges)))

"""HTTP and HTTPS with strict ranges: what was asked for, or an error.

fsspec's own HTTP file system downloads a whole file when a server ignores ``Range``;
here the status and the headers are checked before the body is taken.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from typing import Any, TypeVar
from urllib.parse import unquote

import aiohttp
from fsspec.asyn import sync
from fsspec.implementations.http import HTTPFileSystem

from emcatalog.errors import (
    AccessDeniedError,
    ContentError,
    NotFoundError,
    RangeError,
    TransportError,
    TruncatedError,
)
from emcatalog.transport.origin import BusyError, Origin, translate, unreachable

T = TypeVar("T")
BYTES = "bytes of a file"
QUIET = aiohttp.ClientTimeout(total=None, sock_connect=20, sock_read=60)


class Http:
    """One client session; fsspec keeps its loop, connections and link parsing."""

    def __init__(self, origin: Origin) -> None:
        self._system = HTTPFileSystem(
            skip_instance_cache=True,
            use_listings_cache=False,
            **{"get_client": _client, **origin.options},
        )
        self._visit = asyncio.Lock()
        self._visited = False

    def span(self, origin: Origin, start: int, length: int) -> bytes:
        """At most ``length`` bytes from ``start``; RangeError if ranges are ignored."""
        return self._ask(self._span, origin, start, length)

    def whole(self, origin: Origin, limit: int, kind: str) -> bytes:
        """The whole body, if it is not larger than ``limit`` and of ``kind``."""
        return self._ask(self._whole, origin, limit, kind)

    def size(self, origin: Origin) -> int:
        """Length in bytes, from the answer to a one-byte range."""
        return self._ask(self._size, origin)

    def names(self, origin: Origin) -> list[str]:
        """What the server's index page of the folder links to."""
        rows = sync(self._system.loop, self._names, origin)
        return [_link_name(row, origin.url) for row in rows if _within(row, origin.url)]

    def _ask(
        self, work: Callable[..., Coroutine[Any, Any, T]], origin: Origin, *rest: Any
    ) -> T:
        """Run ``work``; a refusal within a session is answered by a new visit, once.

        Sessions end after a while, and a volume may be read for longer.
        """
        loop = self._system.loop
        try:
            answer: T = sync(loop, work, origin, *rest)
        except AccessDeniedError:
            if not origin.session_url:
                raise
            answer = sync(loop, work, origin, *rest)
        return answer

    async def _span(self, origin: Origin, start: int, length: int) -> bytes:
        wanted = {
            "Range": f"bytes={start}-{start + length - 1}",
            "Accept-Encoding": "identity",
        }
        async with self._get(origin, wanted) as answer:
            if answer.status == 416:
                return b""
            if answer.status == 206:
                _check_range(answer, start)
            elif not _is_small_whole(answer, start, length):
                _refuse_html(answer, await answer.content.read(512), BYTES)
                answer.close()
                raise RangeError(
                    got=f"status {answer.status} with the whole file "
                    f"({answer.headers.get('Content-Length', 'unknown')} bytes)",
                    expected=f"status 206 with {length} bytes at byte {start}",
                    hint="this server ignores byte ranges: download the file and "
                    "open the local copy, or use a mirror",
                )
            data = await _body(answer, length)
            _refuse_html(answer, data, BYTES)
            return data

    async def _whole(self, origin: Origin, limit: int, kind: str) -> bytes:
        async with self._get(origin, {}) as answer:
            size = answer.content_length
            if size is not None and size > limit:
                answer.close()
                raise ContentError(
                    got=f"a body of {size} bytes", expected=f"at most {limit}"
                )
            data = await _body(answer, limit + 1)
            if kind and not kind.startswith("text/html"):
                _refuse_html(answer, data, kind)
            return data

    async def _size(self, origin: Origin) -> int:
        ranged = {"Range": "bytes=0-0", "Accept-Encoding": "identity"}
        async with self._get(origin, ranged) as answer:
            total = answer.headers.get("Content-Range", "").rpartition("/")[2]
            if answer.status == 206 and total.isdigit():
                return int(total)
            if answer.status == 416:  # not even one byte
                return 0
            length = answer.content_length
            answer.close()
        if length is None:
            raise TransportError(
                got=f"no length of {origin.url}", expected="Content-Length"
            )
        return length

    async def _names(self, origin: Origin) -> list[str]:
        await self._enter_session(origin)
        try:
            rows = await self._system._ls(  # noqa: SLF001 - fsspec's async interface
                origin.url.rstrip("/") + "/", detail=False
            )
        except aiohttp.ClientResponseError as error:
            raise _status_error(error.status, origin) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _client_error(error, origin) from error
        return [str(row) for row in rows]

    @contextlib.asynccontextmanager
    async def _get(
        self, origin: Origin, headers: dict[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A GET whose status is one that `_span`, `_whole` and `_size` understand."""
        await self._enter_session(origin)
        try:
            session = await self._system.set_session()
            request = session.get(
                self._system.encode_url(origin.url),
                timeout=QUIET,
                **_request_options(self._system, headers),
            )
            async with request as answer:
                if answer.status >= 400 and answer.status != 416:
                    self._visited = self._visited and answer.status != 403
                    raise _status_error(answer.status, origin, answer)
                yield answer
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if isinstance(error, TransportError):
                raise
            raise _client_error(error, origin) from error

    async def _enter_session(self, origin: Origin) -> None:
        """Visit the page that hands out a session cookie, once for all requests."""
        if not origin.session_url:
            return
        async with self._visit:
            if not self._visited:
                await self._visit_page(origin)
                self._visited = True

    async def _visit_page(self, origin: Origin) -> None:
        session = await self._system.set_session()
        try:
            async with session.get(origin.session_url, timeout=QUIET) as answer:
                await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _client_error(error, origin) from error


async def _client(**options: Any) -> aiohttp.ClientSession:
    # by default cookies of servers that are bare addresses are dropped
    jar = aiohttp.CookieJar(unsafe=True)
    return aiohttp.ClientSession(**{"cookie_jar": jar, **options})


def _request_options(
    system: HTTPFileSystem, headers: Mapping[str, str]
) -> dict[str, Any]:
    """What the user's storage options say of each request, with headers of ours."""
    kept = dict(system.kwargs)
    return {**kept, "headers": {**kept.get("headers", {}), **headers}}


def _check_range(answer: aiohttp.ClientResponse, start: int) -> None:
    given = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
    if given and int(given.group(1)) != start:
        raise RangeError(
            got=f"bytes from {given.group(1)} on",
            expected=f"bytes from {start} on",
            hint="this server or a proxy before it answers ranges wrongly",
        )


def _is_small_whole(answer: aiohttp.ClientResponse, start: int, length: int) -> bool:
    """Whether a 200 carries the very bytes: all of a file that fits the range."""
    size = answer.content_length
    return start == 0 and size is not None and size <= length


def _refuse_html(answer: aiohttp.ClientResponse, data: bytes, expected: str) -> None:
    if answer.content_type == "text/html" and data.lstrip().startswith(b"<"):
        title = re.search(rb"<title>([^<]{0,80})", data[:4096], re.IGNORECASE)
        name = f" titled {title.group(1).decode(errors='replace')!r}" if title else ""
        raise ContentError(
            got=f"an HTML page{name}",
            expected=expected,
            hint="the server may want a login or show an error page: open the URL "
            "in a browser",
        )


async def _body(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    parts, had = [], 0
    async for part in answer.content.iter_chunked(1 << 18):
        parts.append(part[: limit - had])
        had += len(parts[-1])
        if had >= limit:
            break
    promised = answer.content_length
    plain = answer.headers.get("Content-Encoding", "identity") == "identity"
    if plain and promised is not None and had < min(promised, limit):
        raise TruncatedError(
            got=f"{had} bytes", expected=f"the {promised} that the server announced"
        )
    return b"".join(parts)


def _status_error(
    status: int, origin: Origin, answer: aiohttp.ClientResponse | None = None
) -> TransportError:
    if status in (401, 403):
        return AccessDeniedError(
            got=f"status {status} from {origin.url}",
            expected="a public file",
            hint="the server refuses anonymous readers or this address; pass headers "
            "or credentials in storage_options, or use a mirror",
        )
    if status in (404, 410):
        return translate(FileNotFoundError(), origin)
    if status in (408, 425, 429) or status >= 500:
        busy = BusyError(
            got=f"status {status} from {origin.url}",
            expected="an answer",
            hint="the server is overloaded or down: try again later",
        )
        after = answer.headers.get("Retry-After", "") if answer else ""
        busy.retry_after = float(after) if after.isdigit() else 0.0
        return busy
    return TransportError(
        got=f"status {status} from {origin.url}", expected="200 or 206"
    )


def _client_error(error: Exception, origin: Origin) -> TransportError:
    if isinstance(error, FileNotFoundError):
        return NotFoundError(got=f"nothing at {origin.url}", expected="a folder")
    if isinstance(error, aiohttp.ClientPayloadError):
        return TruncatedError(
            got=f"a body that broke off ({error})",
            expected="all of it",
            hint="the connection or the server is failing: try again later",
        )
    return unreachable(origin, f"{type(error).__name__}: {error}".rstrip(": "))


def _within(row: str, folder: str) -> bool:
    inside = row.rstrip("/").startswith(folder.rstrip("/") + "/")
    # Apache's index pages link to themselves, ordered otherwise: ?C=N;O=D
    return inside and "?" not in row.removeprefix(folder)


def _link_name(row: str, folder: str) -> str:
    return unquote(row.removeprefix(folder.rstrip("/") + "/"))

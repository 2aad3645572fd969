"""HTTP and HTTPS with strict ranges: what was asked for, or an error.

fsspec's own HTTP file system downloads a whole file when a server ignores ``Range``;
here the status and the headers are checked before the body is taken.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import aiohttp
from fsspec.asyn import sync
from fsspec.implementations.http import HTTPFileSystem

from emcatalog.errors import (
    AccessDeniedError,
    ContentError,
    RangeError,
    TransportError,
    TruncatedError,
)
from emcatalog.transport import answers, several
from emcatalog.transport.origin import Origin
from emcatalog.transport.patience import timeout_seconds
from emcatalog.transport.several import Habit
from emcatalog.transport.spans import Span
from emcatalog.transport.speed import Clock
from emcatalog.transport.versions import Version

T = TypeVar("T")
BYTES = "bytes of a file"
PAGE_LIMIT = 64 * 2**20


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
        self._habits: dict[str, Habit] = {}

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that serves all requests, in a thread of its own."""
        loop: asyncio.AbstractEventLoop = self._system.loop
        return loop

    def span(self, origin: Origin, start: int, length: int) -> bytes:
        """At most ``length`` bytes from ``start``; RangeError if ranges are ignored."""
        return self._wait(self._one_range, origin, start, length)

    def whole(self, origin: Origin, limit: int, kind: str) -> bytes:
        """The whole body, if it is not larger than ``limit`` and of ``kind``."""
        return self._wait(self._whole, origin, limit, kind)

    def size(self, origin: Origin) -> int:
        """Length in bytes, from the answer to a one-byte range."""
        size = self._wait(self._version, origin).size
        if size is None:
            raise TransportError(
                got=f"no length of {origin.url}",
                expected="Content-Range or Content-Length",
            )
        return size

    def version(self, origin: Origin) -> Version:
        """Validators and length, from the answer to a one-byte range."""
        return self._wait(self._version, origin)

    def names(self, origin: Origin) -> list[str]:
        """What the server's index page of the folder links to."""
        rows = sync(self._system.loop, self._names, origin)
        return [_link_name(row, origin.url) for row in rows if _within(row, origin.url)]

    async def one_range(self, origin: Origin, start: int, length: int) -> bytes:
        """As `span`, within the event loop."""
        return await self._ask(self._one_range, origin, start, length)

    async def several_ranges(
        self, origin: Origin, ranges: Sequence[Span]
    ) -> dict[int, bytes]:
        """Several ranges by where they start, in one request, within the event loop.

        Raises RangeError where they are not answered as they were asked for.
        """
        return await self._ask(self._several_ranges, origin, ranges)

    def habit(self, origin: Origin) -> Habit:
        """What is known of the host's answers to several ranges."""
        host = urlsplit(origin.url).netloc
        if host not in self._habits:
            self._habits[host] = Habit(origin.url)
        return self._habits[host]

    def _wait(
        self, work: Callable[..., Coroutine[Any, Any, T]], origin: Origin, *rest: Any
    ) -> T:
        """Run ``work`` in the event loop and wait for it."""
        answer: T = sync(self.loop, self._ask, work, origin, *rest)
        return answer

    async def _ask(
        self, work: Callable[..., Coroutine[Any, Any, T]], origin: Origin, *rest: Any
    ) -> T:
        """Run ``work``; a refusal within a session is answered by a new visit, once.

        Sessions end after a while, and a volume may be read for longer.
        """
        try:
            return await work(origin, *rest)
        except AccessDeniedError:
            if not origin.session_url:
                raise
            return await work(origin, *rest)

    async def _several_ranges(
        self, origin: Origin, ranges: Sequence[Span]
    ) -> dict[int, bytes]:
        async with self._get(origin, several.header(ranges)) as answer:
            return await several.received(answer, origin, ranges)

    async def _one_range(self, origin: Origin, start: int, length: int) -> bytes:
        async with self._get(origin, f"bytes={start}-{start + length - 1}") as answer:
            if answer.status == 416:
                answers.check_past_the_end(answer, start)
                return b""
            if answer.status == 200:
                return await _small_whole(answer, origin, start, length)
            brought, size = answers.check_range(answer, start, length)
            data = await answers.body(answer, length)
            if len(data) != brought:
                raise TruncatedError(
                    got=f"{len(data)} bytes at byte {start}", expected=f"{brought}"
                )
            answers.refuse_html(answer, data, BYTES)
            # after it: a page of login is no version of the file
            origin.versions.check(origin.url, answers.version_of(answer, size))
            return data

    async def _whole(self, origin: Origin, limit: int, kind: str) -> bytes:
        async with self._get(origin) as answer:
            size = answer.content_length
            if size is not None and size > limit:
                answer.close()
                raise ContentError(
                    got=f"a body of {size} bytes", expected=f"at most {limit}"
                )
            data = await answers.body(answer, limit + 1)
            if kind and not kind.startswith("text/html"):
                answers.refuse_html(answer, data, kind)
            return data

    async def _version(self, origin: Origin) -> Version:
        async with self._get(origin, "bytes=0-0") as answer:
            if answer.status == 416:  # not even one byte
                return answers.version_of(answer, 0)
            if answer.status == 206:
                length = answers.content_range(answer)[2]
            else:
                length = answer.content_length
                answer.close()
        return answers.version_of(answer, length)

    async def _names(self, origin: Origin) -> list[str]:
        await self._enter_session(origin)
        try:
            asked = self._system._ls(  # noqa: SLF001 - fsspec's async interface
                origin.url.rstrip("/") + "/", detail=False
            )
            rows = await asyncio.wait_for(asked, 10 * timeout_seconds())
        except aiohttp.ClientResponseError as error:
            raise answers.status_error(error.status, origin) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise answers.client_error(error, origin) from error
        return [str(row) for row in rows]

    @contextlib.asynccontextmanager
    async def _get(
        self, origin: Origin, span: str = ""
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A GET whose status is 200 or, if a range was asked for, 206 or 416."""
        await self._enter_session(origin)
        wanted = {"Range": span, "Accept-Encoding": "identity"} if span else {}
        try:
            session = await self._system.set_session()
            clock = Clock(origin.url)
            request = session.get(
                self._system.encode_url(origin.url),
                trace_request_ctx=clock,
                **_request_options(self._system, wanted),
            )
            async with request as answer:
                clock.answered()
                if answer.status not in ((200, 206, 416) if span else (200,)):
                    self._visited = self._visited and answer.status != 403
                    await answers.take_rest(answer)
                    raise answers.status_error(answer.status, origin, answer)
                yield answer
                await answers.take_rest(answer)
                if answer.content.at_eof():
                    clock.received(answer.content_length or 0)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if isinstance(error, TransportError):
                raise
            raise answers.client_error(error, origin) from error

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
            async with session.get(origin.session_url, timeout=_silence()) as answer:
                await answers.body(answer, PAGE_LIMIT)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if isinstance(error, TransportError):
                raise
            raise answers.client_error(error, origin) from error


async def _small_whole(
    answer: aiohttp.ClientResponse, origin: Origin, start: int, length: int
) -> bytes:
    """The body of a 200, if that is what the range asked for."""
    if answers.is_small_whole(answer, start, length):
        data = await answers.body(answer, length)
        answers.refuse_html(answer, data, BYTES)
        size = answer.content_length
        origin.versions.check(origin.url, answers.version_of(answer, size))
        return data
    answers.refuse_html(answer, await answer.content.read(512), BYTES)
    answer.close()
    raise RangeError(
        got=f"status {answer.status} with the whole file "
        f"({answer.headers.get('Content-Length', 'unknown')} bytes)",
        expected=f"status 206 with {length} bytes at byte {start}",
        hint="this server ignores byte ranges: download the file and "
        "open the local copy, or use a mirror",
    )


async def _client(**options: Any) -> aiohttp.ClientSession:
    # by default cookies of servers that are bare addresses are dropped
    jar = aiohttp.CookieJar(unsafe=True)
    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(_note_sent)
    ours = {"cookie_jar": jar, "trace_configs": [trace]}
    return aiohttp.ClientSession(**{**ours, **options})


async def _note_sent(_: object, context: SimpleNamespace, __: object) -> None:
    if isinstance(clock := context.trace_request_ctx, Clock):
        clock.sent()


def _silence() -> aiohttp.ClientTimeout:
    """How long a server may say nothing; see `answers.body` for one that trickles."""
    return aiohttp.ClientTimeout(None, sock_connect=20, sock_read=timeout_seconds())


def _request_options(
    system: HTTPFileSystem, headers: Mapping[str, str]
) -> dict[str, Any]:
    """What the user's storage options say of each request, with headers of ours."""
    kept = {"timeout": _silence(), **system.kwargs}
    return {**kept, "headers": {**kept.get("headers", {}), **headers}}


def _within(row: str, folder: str) -> bool:
    inside = row.rstrip("/").startswith(folder.rstrip("/") + "/")
    # Apache's index pages link to themselves, ordered otherwise: ?C=N;O=D
    return inside and "?" not in row.removeprefix(folder)


def _link_name(row: str, folder: str) -> str:
    return unquote(row.removeprefix(folder.rstrip("/") + "/"))

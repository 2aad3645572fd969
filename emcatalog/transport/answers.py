"""What an HTTP answer may look like, and the errors for all others (RFC 9110)."""

from __future__ import annotations

import contextlib
import re

import aiohttp

from emcatalog.errors import (
    AccessDeniedError,
    ContentError,
    NotFoundError,
    TransportError,
    TruncatedError,
)
from emcatalog.transport.origin import (
    BusyError,
    GarbledError,
    Origin,
    is_passing,
    translate,
    unreachable,
)
from emcatalog.transport.patience import Pace, retry_after
from emcatalog.transport.versions import Version

SHORT = 1 << 14
"""Bytes that are sooner read to their end than a new connection is made."""

PROXY = "this server or a proxy before it answers ranges wrongly; a mirror does not"

RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19}|\*)", re.IGNORECASE)


def check_range(
    answer: aiohttp.ClientResponse, start: int, length: int
) -> tuple[int, int | None]:
    """How many bytes a 206 brings of the ``length`` that were asked for at ``start``.

    The second number is the size of the file, if it is told.

    Raises GarbledError where it does not say that it brings them, and TruncatedError
    where it brings fewer although the file goes on.
    """
    first, last, size = content_range(answer)
    if first != start:
        raise GarbledError(
            got=f"bytes from {first} on", expected=f"bytes from {start} on", hint=PROXY
        )
    brought = max(0, last - first + 1)
    if brought < length and (size is None or last + 1 < size):
        raise TruncatedError(
            got=f"{brought} bytes at byte {start}", expected=f"{length}", hint=PROXY
        )
    return min(brought, length), size


def content_range(answer: aiohttp.ClientResponse) -> tuple[int, int, int | None]:
    """First and last byte of a 206, and the size of the file if it is told."""
    text = answer.headers.get("Content-Range", "")
    found = RANGE.fullmatch(text.strip())
    if found and is_plain(answer):
        first, last = int(found[1]), int(found[2])
        size = None if found[3] == "*" else int(found[3])
        # past the end Google's emulator answers 206 with nothing, not 416
        brought = last - first + 1 if first <= last else 0
        begins = first <= last or last + 1 == size
        fits = answer.content_length in (None, brought)
        if fits and begins and (size is None or last < size):
            return first, last, size
    raise GarbledError(
        got=f"status 206 with Content-Range {text or 'missing'!r}, "
        f"Content-Length {answer.headers.get('Content-Length', 'missing')!r} and "
        f"Content-Encoding {answer.headers.get('Content-Encoding', 'missing')!r}",
        expected="one range of the plain file",
        hint=PROXY,
    )


def check_past_the_end(answer: aiohttp.ClientResponse, start: int) -> None:
    """Raise GarbledError if a 416 says itself that there are bytes at ``start``."""
    size = told_size(answer)
    if size is not None and start < size:
        raise GarbledError(
            got=f"status 416 for byte {start} of a file of {size}",
            expected="status 206",
            hint=PROXY,
        )


def told_size(answer: aiohttp.ClientResponse) -> int | None:
    """How long the file is by the ``Content-Range`` of a 416, if that tells."""
    size = answer.headers.get("Content-Range", "").rpartition("/")[2]
    return int(size) if re.fullmatch(r"\d{1,19}", size) else None


def is_small_whole(answer: aiohttp.ClientResponse, start: int, length: int) -> bool:
    """Whether a 200 carries the very bytes: all of a file that fits the range."""
    size = answer.content_length
    return start == 0 and is_plain(answer) and size is not None and size <= length


def is_plain(answer: aiohttp.ClientResponse) -> bool:
    """Whether the bytes are those of the file, not of a compressed copy."""
    return answer.headers.get("Content-Encoding", "identity") == "identity"


def version_of(answer: aiohttp.ClientResponse, size: int | None) -> Version:
    """The validators of an answer; weak ETags say nothing of single bytes."""
    tag = answer.headers.get("ETag", "")
    strong = tag if tag.startswith('"') else None
    return Version(strong, answer.headers.get("Last-Modified"), size)


def refuse_html(answer: aiohttp.ClientResponse, data: bytes, expected: str) -> None:
    """Raise ContentError for a web page in place of what was expected."""
    if answer.content_type == "text/html" and data.lstrip().startswith(b"<"):
        title = re.search(rb"<title>([^<]{0,80})", data[:4096], re.IGNORECASE)
        name = f" titled {title.group(1).decode(errors='replace')!r}" if title else ""
        raise ContentError(
            got=f"an HTML page{name}",
            expected=expected,
            hint="the server may want a login or show an error page: open the URL "
            "in a browser",
        )


async def body(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    """The first ``limit`` bytes; TruncatedError where fewer come than announced."""
    parts, had, pace = [], 0, Pace()
    async for part in answer.content.iter_chunked(1 << 18):
        parts.append(part[: limit - had])
        had += len(parts[-1])
        if had >= limit:
            break
        pace.moved(len(part))
    promised = answer.content_length
    if promised and had < min(promised, limit) and is_plain(answer):
        raise TruncatedError(
            got=f"{had} bytes", expected=f"the {promised} that the server announced"
        )
    return b"".join(parts)


async def take_rest(answer: aiohttp.ClientResponse) -> None:
    """Take what is left of a short body, so that its connection is used again."""
    short = (answer.content_length or 0) < SHORT
    if short and not (answer.closed or answer.content.at_eof()):
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            await body(answer, SHORT)


def status_error(
    status: int, origin: Origin, answer: aiohttp.ClientResponse | None = None
) -> TransportError:
    """The error of ours that says what an HTTP status means."""
    if status in (401, 403):
        return AccessDeniedError(
            got=f"status {status} from {origin.url}",
            expected="a public file",
            hint="the server refuses anonymous readers or this address; pass headers "
            "or credentials in storage_options, or use a mirror",
        )
    if status in (404, 410):
        return translate(FileNotFoundError(), origin)
    if is_passing(status):
        busy = BusyError(
            got=f"status {status} from {origin.url}",
            expected="an answer",
            hint="the server is overloaded or down: try again later",
        )
        after = answer.headers.get("Retry-After", "") if answer else ""
        busy.retry_after = retry_after(after)
        return busy
    return TransportError(
        got=f"status {status} from {origin.url}", expected="200 or 206"
    )


def client_error(error: Exception, origin: Origin) -> TransportError:
    """The error of ours that says what one of aiohttp's means."""
    if isinstance(error, FileNotFoundError):
        return NotFoundError(got=f"nothing at {origin.url}", expected="a folder")
    if isinstance(error, aiohttp.TooManyRedirects):
        return TransportError(
            got=f"redirects from {origin.url} that lead on and on",
            expected="a file",
            hint="open the URL in a browser: the server may want a login",
        )
    if isinstance(error, aiohttp.ClientPayloadError):
        return TruncatedError(
            got=f"a body that broke off ({error})",
            expected="all of it",
            hint="the connection or the server is failing: try again later",
        )
    return unreachable(origin, f"{type(error).__name__}: {error}".rstrip(": "))

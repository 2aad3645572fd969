"""What goes wrong on the web, as layers to put around an ASGI application.

>>> from servers import http, status, truncate
>>> with http(root) as server:                                  # doctest: +SKIP
...     server.faults.add(status(503, retry_after=1), path=r"\\.dm3$", times=2)
...     server.faults.add(truncate(lost=10))
"""

from __future__ import annotations

import asyncio
import gzip
import re
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse, Response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

Fault: TypeAlias = "Callable[[ASGIApp], ASGIApp]"


@dataclass
class _Rule:
    fault: Fault
    path: re.Pattern[str]
    left: int | None

    def applies(self, path: str) -> bool:
        if self.left == 0 or not self.path.search(path):
            return False
        if self.left is not None:
            self.left -= 1
        return True


class Faults:
    """The faults a server has now; change them while it runs, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[_Rule] = []

    def add(self, fault: Fault, path: str = "", times: int | None = None) -> None:
        """Answer with ``fault`` where ``path`` (a regular expression, searched) fits.

        ``times`` is how many requests it spoils before all is well again; None for
        always. Several faults of one request lie around each other, the first outside.
        """
        with self._lock:
            self._rules.append(_Rule(fault, re.compile(path), times))

    def clear(self) -> None:
        """Be a good server again."""
        with self._lock:
            self._rules.clear()

    def around(self, app: ASGIApp) -> ASGIApp:
        """``app`` with whatever faults apply at the time of each request."""

        async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
            with self._lock:
                rules = [rule for rule in self._rules if rule.applies(scope["path"])]
            answer = app
            for rule in reversed(rules):
                answer = rule.fault(answer)
            await answer(scope, receive, send)

        return faulty


def respond(response: Response) -> Fault:
    """Answer with ``response`` in place of the content."""
    return lambda app: response


def status(code: int, retry_after: int | str | None = None) -> Fault:
    """Answer with a status and a short text, perhaps with ``Retry-After``."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return respond(PlainTextResponse(f"status {code}", code, headers))


def login_page(app: ASGIApp) -> ASGIApp:
    """Answer 200 with a web page that asks to log in, in place of the content."""
    page = "<!DOCTYPE html><html><head><title>Log in</title></head><body></body></html>"
    return HTMLResponse(page)


def ignore_range(app: ASGIApp) -> ASGIApp:
    """Send 200 with the whole file whatever range was asked for."""

    async def whole(scope: Scope, receive: Receive, send: Send) -> None:
        await app(without(scope, b"range"), receive, send)

    return whole


def other_range(start: int = 0, stop: int = 0) -> Fault:
    """Send a 206 that begins ``start`` and ends ``stop`` bytes later than asked.

    Its headers are honest about it: ``stop=-5`` is a body five bytes too short.
    """

    def fault(app: ASGIApp) -> ASGIApp:
        async def shifted(scope: Scope, receive: Receive, send: Send) -> None:
            asked = Headers(scope=scope).get("range", "")
            if span := re.fullmatch(r"bytes=(\d+)-(\d+)", asked):
                first, last = (int(number) for number in span.groups())
                given = f"bytes={first + start}-{last + stop}".encode()
                scope = without(scope, b"range")
                scope["headers"].append((b"range", given))
            await app(scope, receive, send)

        return shifted

    return fault


def delay(seconds: float) -> Fault:
    """Answer rightly, but ``seconds`` later."""

    def fault(app: ASGIApp) -> ASGIApp:
        async def late(scope: Scope, receive: Receive, send: Send) -> None:
            await asyncio.sleep(seconds)
            await app(scope, receive, send)

        return late

    return fault


def truncate(lost: int = 1) -> Fault:
    """Announce the whole body, send it without its last ``lost`` bytes and hang up."""

    def fault(app: ASGIApp) -> ASGIApp:
        async def cut(scope: Scope, receive: Receive, send: Send) -> None:
            left = 0

            async def partly(message: Message) -> None:
                nonlocal left
                if message["type"] == "http.response.start":
                    left = int(Headers(raw=message["headers"])["content-length"]) - lost
                    await send(message)
                elif left > 0:
                    body = message["body"][:left]
                    left -= len(body)
                    await send({**message, "body": body, "more_body": True})

            await app(scope, receive, partly)

        return cut

    return fault


def reset(app: ASGIApp) -> ASGIApp:
    """Answer nothing: reset the connection (TCP RST)."""

    async def gone(scope: Scope, receive: Receive, send: Send) -> None:
        await abort(scope, receive)

    return gone


async def abort(scope: Scope, receive: Receive) -> None:
    """Reset the connection of a request."""
    transport = scope["state"]["transport"]
    # closing with a linger time of zero sends RST in place of FIN
    transport.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass


def gzipped(app: ASGIApp) -> ASGIApp:
    """Send what would be sent with ``Content-Encoding: gzip``, asked for or not."""

    async def packed(scope: Scope, receive: Receive, send: Send) -> None:
        start: Message = {}
        body = b""

        async def hold(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message
                return
            body += message["body"]
            if not message.get("more_body"):
                await send_packed()

        async def send_packed() -> None:
            content = gzip.compress(body, mtime=0)
            headers = MutableHeaders(raw=start["headers"])
            headers["content-encoding"] = "gzip"
            headers["content-length"] = str(len(content))
            await send({**start, "headers": headers.raw})
            await send({"type": "http.response.body", "body": content})

        await app(scope, receive, hold)

    return packed


def without(scope: Scope, name: bytes) -> Scope:
    """A request without this header."""
    return {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != name]}

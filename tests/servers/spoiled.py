"""More of what goes wrong on the web: answers whose headers and bodies disagree.

Faults as in `servers.faults`, to be given to `Faults.add`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse

from servers.faults import Fault, abort, respond

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

Edit = Callable[[MutableHeaders, bytes], bytes]


def redirect(url: str) -> Fault:
    """Answer 302 and lead to ``url``."""
    return respond(RedirectResponse(url, 302))


def redirect_back(app: ASGIApp) -> ASGIApp:
    """Answer 302 and lead to the very same place."""

    async def back(scope: Scope, receive: Receive, send: Send) -> None:
        place = (scope["raw_path"] + b"?" + scope["query_string"]).decode("latin-1")
        await RedirectResponse(place.rstrip("?"), 302)(scope, receive, send)

    return back


def header(name: str, value: str | None) -> Fault:
    """Answer as always, but with this header, or without it (None)."""

    def edit(headers: MutableHeaders, content: bytes) -> bytes:
        if value is None:
            del headers[name]
        else:
            headers[name] = value
        return content

    return edited(edit)


def shortened(lost: int = 1) -> Fault:
    """Leave out the last bytes of the body, with an honest ``Content-Length``."""

    def edit(headers: MutableHeaders, content: bytes) -> bytes:
        content = content[: max(0, len(content) - lost)]
        headers["content-length"] = str(len(content))
        return content

    return edited(edit)


def lengthened(more: int = 1) -> Fault:
    """Add bytes to the body, with an honest ``Content-Length``."""

    def edit(headers: MutableHeaders, content: bytes) -> bytes:
        headers["content-length"] = str(len(content) + more)
        return content + b"+" * more

    return edited(edit)


def changed(app: ASGIApp) -> ASGIApp:
    """Send the content of another version of the file, and say so."""

    def edit(headers: MutableHeaders, content: bytes) -> bytes:
        headers["etag"] = '"another"'
        headers["last-modified"] = "Mon, 01 Jan 2035 00:00:00 GMT"
        return bytes(255 - byte for byte in content)

    return edited(edit)(app)


def edited(edit: Edit) -> Fault:
    """Let ``edit`` change the headers and the body of an answer that has one."""

    def fault(app: ASGIApp) -> ASGIApp:
        async def spoiled(scope: Scope, receive: Receive, send: Send) -> None:
            start: Message = {}
            body = b""

            async def hold(message: Message) -> None:
                nonlocal start, body
                if message["type"] == "http.response.start":
                    start = message
                    return
                body += message.get("body", b"")
                if not message.get("more_body"):
                    headers = MutableHeaders(raw=list(start["headers"]))
                    content = body if scope["method"] == "HEAD" else edit(headers, body)
                    await send({**start, "headers": headers.raw})
                    await send({"type": "http.response.body", "body": content})

            await app(scope, receive, hold)

        return spoiled

    return fault


def stall(after: int | None = None) -> Fault:
    """Fall silent before the headers (None), or after so many bytes of the body."""

    def fault(app: ASGIApp) -> ASGIApp:
        return _slow_body(app, after or 0, None) if after is not None else _silent

    return fault


def trickle(seconds: float = 1.0) -> Fault:
    """Send one byte, wait, send the next."""
    return lambda app: _slow_body(app, 0, seconds)


def reset_after(count: int) -> Fault:
    """Reset the connection when ``count`` bytes of the body are out."""

    def fault(app: ASGIApp) -> ASGIApp:
        async def broken(scope: Scope, receive: Receive, send: Send) -> None:
            content, start = await answer_of(app, scope, receive)
            await send(start)
            part = content[: min(count, max(0, len(content) - 1))]
            message = {"type": "http.response.body", "body": part, "more_body": True}
            await send(message)
            await asyncio.sleep(0.01)  # or what was sent would be reset with the rest
            await abort(scope, receive)

        return broken

    return fault


def _slow_body(app: ASGIApp, count: int, seconds: float | None) -> ASGIApp:
    """Send ``count`` bytes; then one each ``seconds``, or (None) no more."""

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        content, start = await answer_of(app, scope, receive)
        await send(start)
        if Headers(raw=start["headers"]).get("content-length") in (None, "0"):
            await send({"type": "http.response.body"})
            return
        count_now = min(count, max(0, len(content) - 1))
        body = {"type": "http.response.body", "more_body": True}
        await send({**body, "body": content[:count_now]})
        gone = asyncio.ensure_future(_silent(scope, receive, send))
        while not gone.done():
            await asyncio.wait([gone], timeout=seconds)
            if count_now < len(content) and not gone.done():
                await send({**body, "body": content[count_now : count_now + 1]})
            count_now += 1

    return slow


async def _silent(scope: Scope, receive: Receive, send: Send) -> None:
    """Say nothing until the client has enough."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def answer_of(
    app: ASGIApp, scope: Scope, receive: Receive
) -> tuple[bytes, Message]:
    """What ``app`` would send: body and the message that begins it."""
    parts: list[bytes] = []
    start: Message = {}

    async def hold(message: Message) -> None:
        nonlocal start
        if message["type"] == "http.response.start":
            start = message
        else:
            parts.append(message.get("body", b""))

    await app(scope, receive, hold)
    return b"".join(parts), start

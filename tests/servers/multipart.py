"""Answers to several ranges in one request: as the RFC has them, and as it has not.

>>> server.faults.add(several(lambda answer: answer.parts.reverse()))  # doctest: +SKIP
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders

from servers.faults import Fault, without
from servers.spoiled import answer_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass
class Part:
    """Bytes ``first`` to ``last`` of a file of ``size``, as a part says it has them."""

    first: int
    last: int
    size: int | str
    data: bytes
    more: bytes = b""
    """Headers of its own."""

    def written(self, boundary: bytes) -> bytes:
        """The part with its boundary and headers."""
        told = f"Content-Range: bytes {self.first}-{self.last}/{self.size}\r\n".encode()
        head = b"--" + boundary + b"\r\nContent-Type: image/tiff\r\n" + told + self.more
        return head + b"\r\n" + self.data + b"\r\n"


@dataclass
class Several:
    """An answer to several ranges before it is sent; a test changes what it likes."""

    content: bytes
    parts: list[Part]
    boundary: bytes = b"3d6b6a416f9b5"
    announced: str = 'multipart/byteranges; boundary="3d6b6a416f9b5"'
    before: bytes = b"\r\n"
    end: bytes = b"--3d6b6a416f9b5--\r\n"
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 206

    def join(self) -> None:
        """Send near neighbours and what lies between them as one part (coalesced)."""
        joined: list[Part] = []
        for part in self.parts:
            first = part.first
            if joined and first - joined[-1].last < 100:
                first = joined.pop().first
            data = self.content[first : part.last + 1]
            joined.append(Part(first, part.last, part.size, data))
        self.parts = joined

    def body(self) -> bytes:
        """What is sent."""
        written = (part.written(self.boundary) for part in self.parts)
        return self.before + b"".join(written) + self.end


def several(change: Callable[[Several], object] | None = None) -> Fault:
    """Answer several ranges by a multipart body of our own making.

    Other requests are answered as always.
    """

    def fault(app: ASGIApp) -> ASGIApp:
        async def answered(scope: Scope, receive: Receive, send: Send) -> None:
            asked = Headers(scope=scope).get("range", "")
            spans = re.findall(r"(\d+)-(\d+)", asked)
            if len(spans) < 2:
                await app(scope, receive, send)
                return
            content, start = await answer_of(app, without(scope, b"range"), receive)
            answer = _answer(content, [(int(a), int(b)) for a, b in spans])
            if change:
                change(answer)
            body = answer.body()
            headers = MutableHeaders(raw=list(start["headers"]))
            headers["content-type"] = answer.announced
            headers["content-length"] = str(len(body))
            headers.update(answer.headers)
            status = {"status": answer.status, "headers": headers.raw}
            await send({**start, **status})
            await send({"type": "http.response.body", "body": body})

        return answered

    return fault


def only_several(fault: Fault) -> Fault:
    """Spoil requests for several ranges with ``fault``, and no others."""

    def chosen(app: ASGIApp) -> ASGIApp:
        spoiled = fault(app)

        async def answered(scope: Scope, receive: Receive, send: Send) -> None:
            some = "," in Headers(scope=scope).get("range", "")
            await (spoiled if some else app)(scope, receive, send)

        return answered

    return chosen


def _answer(content: bytes, spans: list[tuple[int, int]]) -> Several:
    size = len(content)
    return Several(
        content,
        [
            Part(a, min(b, size - 1), size, content[a : b + 1])
            for a, b in spans
            if a < size
        ],
    )

"""Targets of what servers say over HTTP and FTP, and of the names of slices.

HTTP is spoken over loopback with a server that answers every request with the bytes of
the input; FTP with a socket that is none.
"""

from __future__ import annotations

import asyncio
import functools
import io
import json
import re
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any
from unittest import mock

from benchmarks.fuzz import seeds
from benchmarks.fuzz.memory import Alone, Memory
from benchmarks.fuzz.target import Target
from emcatalog.mirror import Mirrors
from emcatalog.series import expand

LONGEST_RANGE = 5


class Echo:
    """A server on loopback that answers each request with the same bytes."""

    def __init__(self) -> None:
        self.answer = b""
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        started = asyncio.start_server(self._serve, "127.0.0.1", 0)
        server = asyncio.run_coroutine_threadsafe(started, self._loop).result(10)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/a/"

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(self.answer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@functools.lru_cache(maxsize=1)
def echo() -> Echo:
    """The server of this process."""
    return Echo()


def check_http(data: bytes) -> str:
    """An answer to a range, a whole file, a size or a listing, by its first byte."""
    way = data[0] % 4 if data else 0
    server, transport = echo(), Alone(mirrors=Mirrors(), attempts=1)
    server.answer = data[1:]
    ask: list[Callable[[], Any]] = [
        lambda: transport.read_range(server.url + "x", 0, 12),
        lambda: transport.read(server.url + "x", limit=4096, kind="image/png"),
        lambda: transport.size(server.url + "x"),
        lambda: transport.names(server.url),
    ]
    found = ask[way]()
    return f"http {way}; {found!r:.200}"


def _https(real: bool) -> Sequence[bytes]:
    page = (
        b'<html><head><title>Index</title></head><body><a href="../">Up</a>'
        b'<a href="a%20b.tif">a</a> <a href="/a/c.dm3">c</a> <a href="?C=N;O=D">N</a>'
        b'<a href="http://b.org/x">x</a><a href="sub/">sub</a></body></html>'
    )
    head = b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n%s\r\n"
    part = b"Content-Range: bytes 0-11/40\r\nContent-Type: image/tiff\r\n"
    html = b"Content-Type: text/html; charset=utf-8\r\n"
    later = b"Retry-After: 3\r\n"
    zipped = seeds.gzipped(b"hello")
    return [
        b"\0" + head % (b"206 Partial Content", 12, part) + b"0123456789ab",
        b"\0" + head % (b"200 OK", 5, html) + b"<html",
        b"\0" + head % (b"416 Range Not Satisfiable", 0, b"Content-Range: */9\r\n"),
        b"\1" + head % (b"200 OK", 4, b"") + b"\x89PNG",
        b"\1" + head % (b"200 OK", len(zipped), b"Content-Encoding: gzip\r\n") + zipped,
        b"\1HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"\2" + head % (b"206 Partial Content", 1, part) + b"0",
        b"\2" + head % (b"503 Busy", 0, later),
        b"\2" + head % (b"302 Found", 0, b"Location: ./y\r\n"),
        b"\3" + head % (b"200 OK", len(page), html) + page,
    ]


class Wire:
    """What looks like a socket: it says what it was given and hears nothing."""

    family = socket.AF_INET

    def __init__(self, said: bytes) -> None:
        self._said = io.BytesIO(said)

    def makefile(self, mode: str, **options: Any) -> Any:
        """The text of the control connection, or the bytes of the other."""
        if "b" in mode:
            return self._said
        return io.TextIOWrapper(self._said, **options)

    def recv(self, count: int) -> bytes:
        """The next bytes."""
        return self._said.read(count)

    def getpeername(self) -> tuple[str, int]:
        """An address that leads nowhere."""
        return "192.0.2.1", 21

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *given, **options: None


def check_ftp(data: bytes) -> str:
    """A talk: what the server says, then, after two zeros, what it transfers.

    The first byte says whether a listing, a range or a size is asked for.
    """
    control, _, body = data[1:].partition(b"\0\0")
    way = data[0] % 3 if data else 0
    wires, url = iter([Wire(control)]), "ftp://fuzz.invalid/a/"
    transport = Alone(mirrors=Mirrors(), attempts=1)
    ask: list[Callable[[], Any]] = [
        lambda: transport.names(url),
        lambda: transport.read_range(url + "b.tif", 3, 12),
        lambda: transport.size(url + "b.tif"),
    ]

    def connect(*given: Any, **options: Any) -> Wire:
        return next(wires, None) or Wire(body)

    # connections are kept, and this one leads nowhere
    forgotten = mock.patch.dict("emcatalog.transport.systems._systems", clear=True)
    with forgotten, mock.patch("socket.create_connection", connect):
        found = ask[way]()
    return f"ftp {way}; {found!r:.200}"


def _ftps(real: bool) -> Sequence[bytes]:
    hello = b"220 hi\r\n331 who\r\n230 in\r\n200 I\r\n"
    passive = b"227 Entering (192,0,2,1,200,1).\r\n150 here\r\n226 done\r\n"
    rows = b"type=file;size=3; a_01.tif\r\ntype=dir; sub\r\ntype=cdir; .\r\n"
    listing = b"200 A\r\n" + passive + b"200 I\r\n\0\0"
    names = b"500 no\r\n200 A\r\n" + passive + b"200 I\r\n\0\0"
    resumed = b"227 E (192,0,2,1,200,1).\r\n350 go\r\n150 here\r\n226 done\r\n\0\0"
    return [
        b"\0" + hello + listing + rows,
        b"\0" + hello + names + b"/a/x.tif\r\n/a/y.tif\r\n",
        b"\1" + hello + resumed + b"0123456789ab",
        b"\2" + hello + b"213 1234\r\n\0\0",
        b"\2" + hello + b"550 no such file\r\n\0\0",
        b"\2220-several\r\n220 lines\r\n530 no\r\n\0\0",
        b"\0220 hi\r\n421 too many\r\n\0\0",
    ]


def check_series(data: bytes) -> str:
    """Names in a folder, and a pattern, range or list that chooses among them."""
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError):
        tree = {"urlpath": data.decode("utf-8", "surrogateescape"), "names": ["a1.tif"]}
    parts = tree if isinstance(tree, dict) else {}
    listed, place = parts.get("names"), parts.get("urlpath")
    names = (
        [n for n in listed if isinstance(n, str)] if isinstance(listed, list) else []
    )
    if not isinstance(place, str | list) or not all(isinstance(p, str) for p in place):
        return "no place"
    if re.search(rf"\d{{{LONGEST_RANGE},}}", str(place)):
        return "a long range, which is what was asked for"
    transport = Memory(files={f"mem://f/{name}": b"" for name in names})
    gaps = "absent" if len(data) % 2 else "error"
    found = expand(place, transport, (".tif", ".dm3"), gaps)
    return f"{'some' if None in found else 'all'} sections; {len(found)}"


def _series(real: bool) -> Sequence[bytes]:
    plain = [f"slice_{n:04d}.tif" for n in (1, 2, 3, 5)]
    odd = ["a1.TIF", "a2.tif", "a10.tif", "sub/", "b 3.dm3", "²1.tif", "a%20[1].tif"]
    places: list[Any] = [
        "mem://f/",
        "mem://f/slice_*.tif",
        "mem://f/slice_{0001..0005}.tif",
        "mem://f/a[12]?.tif",
        ["mem://f/a", "mem://f/b"],
        "mem://f/one.tif",
    ]
    return [
        json.dumps({"names": names, "urlpath": place}).encode()
        for names in (plain, odd)
        for place in places
    ]


_SLICES = (
    b"*",
    b"[",
    b"]",
    b"?",
    b"{1..9}",
    b"{09..1}",
    b"..",
    b"%2f",
    b"%00",
    b".tif",
)

TARGETS = [
    Target(
        "http",
        "HTTP answers and index pages",
        "bytes",
        _https,
        check_http,
        (
            b"\r\n", b"Content-Range: bytes ", b"Content-Length: ", b"206", b"200",
            b"Retry-After: ", b"Content-Encoding: gzip\r\n", b"text/html", b'<a href="',
            b"Transfer-Encoding: chunked\r\n", b"%00", b"%2e%2e/", b"\xff", b"//",
        ),
        4096,
    ),
    Target(
        "ftp",
        "FTP talks and listings",
        "bytes",
        _ftps,
        check_ftp,
        (b"\r\n", b"227 ", b"229 (|||1|)", b"226 ", b"421 ", b"type=", b"\0\0"),
        4096,
    ),
    Target(
        "series",
        "names of slices, patterns and ranges",
        "json",
        _series,
        check_series,
        _SLICES,
        4096,
    ),
]  # fmt: skip

"""The forwarder hands on every byte, late and no faster than it should, and counts."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.reads import serving
from benchmarks.reads.proxy import LATE, SOON, TURN, HeadCounter, Pace, Route, forwarder

FAST = 1e12
Answer = Callable[[socket.socket], None]


@contextlib.contextmanager
def answering(answer: Answer) -> Iterator[Route]:
    """A server on loopback that does ``answer`` with each connection."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            answer(self.request)

    class Server(socketserver.ThreadingTCPServer):
        request_queue_size = 256

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield Route("127.0.0.1", server.server_address[1], 0.0, FAST)
        finally:
            server.shutdown()
            thread.join()


def echo(connection: socket.socket) -> None:
    """Send back what comes, until no more comes."""
    while data := connection.recv(1 << 16):
        connection.sendall(data)


def connect(port: int) -> socket.socket:
    """A client's end."""
    return socket.create_connection(("127.0.0.1", port), timeout=60)


def received(connection: socket.socket, size: int) -> bytes:
    """So many bytes, or all there are."""
    data = bytearray()
    while len(data) < size and (more := connection.recv(1 << 20)):
        data += more
    return bytes(data)


def test_each_request_is_late() -> None:
    """One after the other on one connection: each by the whole delay."""
    with (
        answering(echo) as route,
        forwarder(replace(route, delay=0.04)) as far,
        connect(far.port) as client,
    ):
        for _ in range(3):
            begun = time.monotonic()
            client.sendall(b"ask")
            assert received(client, 3) == b"ask"
            assert time.monotonic() - begun >= 0.04


def test_answers_keep_to_the_rate() -> None:
    """A megabyte at ten a second takes a tenth of one, and the next one as long."""
    data = os.urandom(1_000_000)

    def answer(connection: socket.socket) -> None:
        while connection.recv(1):
            connection.sendall(data)

    with (
        answering(answer) as route,
        forwarder(replace(route, rate=1e7, delay=4 * TURN)) as far,
        connect(far.port) as client,
    ):
        for _ in range(2):
            begun = time.monotonic()
            client.sendall(b"x")
            assert received(client, len(data)) == data
            assert time.monotonic() - begun >= 0.1 + 4 * TURN - SOON


@given(st.lists(st.tuples(st.integers(1, 10**6), st.floats(0, 0.2)), min_size=1))
def test_the_pace_is_never_more_than_lateness_ahead(
    chunks: list[tuple[int, float]],
) -> None:
    """Whenever bytes come, no stretch of them is through sooner than it could be.

    Only what came on a busy line may make up for `LATE` seconds.
    """
    pace, now, passed = Pace(1e7), 100.0, []
    for size, pause in chunks:
        ready, now = now, now + pause
        due = pace.due(size, now, ready)
        passed.append((now, size, due))
        now = max(now, due)
    for first, (began, _, _) in enumerate(passed):
        total = 0
        for _, size, due in passed[first:]:
            total += size
            assert due >= began + total / 1e7 - LATE - 1e-6


def test_a_line_that_was_idle_gives_nothing_back() -> None:
    """Bytes that come long after the last ones are as slow as the first."""
    pace = Pace(100.0)
    assert pace.due(10, 5.0, ready=0.0) == pytest.approx(5.1)
    assert pace.due(10, 9.0, ready=5.1) == pytest.approx(9.1)


@given(st.lists(st.integers(1, 40), max_size=20), st.integers(0, 5))
def test_heads_are_counted_however_they_are_cut(cuts: list[int], count: int) -> None:
    """Requests in one burst, or a head in many."""
    data = b"GET /HTTP HTTP/1.1\r\nHost: a\r\n\r\n" * count
    heads, found, place = HeadCounter(), 0, 0
    for cut in [*cuts, len(data)]:
        found += heads(data[place : place + cut])
        place += cut
    assert found == count


def test_every_byte_comes_through_to_a_slow_reader() -> None:
    """Both ways at once, more than the buffers between hold, and nothing is lost."""
    data = os.urandom(24 << 20)
    with answering(echo) as route, forwarder(route) as far, connect(far.port) as client:
        sending = threading.Thread(target=send_all, args=(client, data))
        sending.start()
        found = hashlib.sha256()
        while part := client.recv(50_000):
            found.update(part)
        sending.join()
        assert found.digest() == hashlib.sha256(data).digest()
        counts = far.counts()
        assert (counts.sent, counts.received) == (len(data), len(data))


def send_all(client: socket.socket, data: bytes) -> None:
    """Send, and say that this was all."""
    client.sendall(data)
    client.shutdown(socket.SHUT_WR)


def test_many_connections_at_once() -> None:
    """All are open before the first is answered, and each gets its own bytes."""
    with answering(echo) as route, forwarder(route) as far, contextlib.ExitStack() as s:
        clients = [s.enter_context(connect(far.port)) for _ in range(200)]
        for number, client in enumerate(clients):
            client.sendall(b"%04d" % number * 1000)
        for number, client in enumerate(clients):
            assert received(client, 4000) == b"%04d" % number * 1000
        assert far.counts().connections == 200


def test_the_end_of_the_server_is_the_end_for_the_client() -> None:
    """All bytes, and then the end, though the pace kept some of them back."""
    data = os.urandom(500_000)
    with (
        answering(lambda c: c.sendall(data)) as route,
        forwarder(replace(route, rate=5e6)) as far,
        connect(far.port) as client,
    ):
        assert received(client, len(data) + 1) == data


def test_the_server_sees_when_the_client_is_gone() -> None:
    """Its connection ends after what was sent."""
    seen: list[bytes] = []
    gone = threading.Event()

    def answer(connection: socket.socket) -> None:
        seen.append(received(connection, 1 << 20))
        gone.set()

    with answering(answer) as route, forwarder(replace(route, delay=0.02)) as far:
        with connect(far.port) as client:
            client.sendall(b"the last words")
        assert gone.wait(60)
        assert seen == [b"the last words"]


def test_where_nobody_listens_the_connection_ends() -> None:
    """No error of the forwarder, and it goes on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with forwarder(Route("127.0.0.1", port, 0.0, FAST)) as far:
        for _ in range(2):
            with connect(far.port) as client:
                assert received(client, 1) == b""
        assert far.counts().connections == 2


def test_counts_begin_anew_and_it_ends_with_its_block() -> None:
    """What was counted is told when it is reset; afterwards nobody listens."""
    with answering(echo) as route, forwarder(route) as far:
        with connect(far.port) as client:
            for _ in range(2):
                client.sendall(b"GET / HTTP/1.1\r\n\r\n")
                assert received(client, 18)
                told = far.reset()
                assert (told.requests, told.sent, told.received) == (1, 18, 18)
        assert far.counts().requests == 0
    with pytest.raises(ConnectionRefusedError):
        connect(far.port)
    with pytest.raises((RuntimeError, ValueError, OSError)):
        far.counts()


@pytest.fixture(params=["nginx", "proxy"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[serving.Folder]:
    """A served folder with one file."""
    if reason := serving.missing():
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "bytes").write_bytes(bytes(range(256)) * 400)
    with getattr(serving, request.param)(tmp_path) as found:
        yield found


def ask(folder: serving.Folder, span: str) -> tuple[int, str, bytes]:
    """Status, type and body of the file's range."""
    host = folder.url.removeprefix("http://").strip("/")
    with contextlib.closing(http.client.HTTPConnection(host, timeout=60)) as client:
        client.request("GET", "/a/bytes", headers={"Range": f"bytes={span}"})
        answer = client.getresponse()
        return answer.status, answer.headers.get_content_type(), answer.read()


def test_ranges_are_served_and_counted(folder: serving.Folder) -> None:
    """One range or several in a request, and the bytes of their bodies."""
    before = folder.moved()
    assert ask(folder, "3-9") == (206, "application/octet-stream", bytes(range(3, 10)))
    moved = folder.moved() - before
    assert (moved.requests, moved.bytes) == (1, 7)
    status, kind, body = ask(folder, "0-3,1000-1003")
    assert (status, kind) == (206, "multipart/byteranges")
    moved = folder.moved() - before
    assert (moved.requests, moved.bytes) == (2, 7 + len(body))
    assert folder.url.endswith("/")


def test_without_nginx_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No foreign traceback."""
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with (
        pytest.raises(RuntimeError, match="apt install nginx"),
        serving.proxy(tmp_path),
    ):
        pass

"""A distant server on this machine: a forwarder of TCP that adds latency and pace.

What a client sends arrives later by a delay, as over a long line; what the server
answers comes no faster than a rate, for each connection on its own. Bytes are handed on
as they are, whatever the protocol. The forwarder runs in a process of its own and takes
about half a CPU second for 10^9 bytes: on a busy machine it is the limit of large reads
over many connections. It counts what goes through, to be asked and reset any time.

    with forwarder(Route("127.0.0.1", 8080, delay=0.030, rate=25e6)) as far:
        ...  # 127.0.0.1:{far.port} is 127.0.0.1:8080, from far away
        far.counts()
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import IO, cast

CHUNK = 1 << 18
"""Bytes handed on at once; a chunk comes when the last of its bytes would."""

TURN = 0.005
"""Seconds within which bytes come that the server had ready."""

LATE = 0.05
"""Seconds of lateness (of timers, of a busy machine) that a connection catches up."""

SOON = 5e-4
"""Seconds that no timer of asyncio keeps: what is due within them goes at once."""

START_SECONDS = 30.0


@dataclass(frozen=True)
class Route:
    """The way to a server: its address, and how far away it seems to be.

    ``delay`` seconds are added to each request, and answers come at no more than
    ``rate`` bytes per second and connection.
    """

    host: str
    port: int
    delay: float
    rate: float


@dataclass
class Counts:
    """What went through: connections opened, heads of HTTP/1 requests, and bytes.

    ``sent`` are bytes from clients to the server, ``received`` those that came back,
    heads of answers included.
    """

    connections: int = 0
    requests: int = 0
    sent: int = 0
    received: int = 0


@dataclass(frozen=True)
class Forwarder:
    """A forwarder that runs: the port of loopback where it listens, and its counts."""

    port: int
    _process: subprocess.Popen[str] = field(repr=False)

    def counts(self) -> Counts:
        """What went through since the start or the last `reset`."""
        return Counts(**self._ask("counts"))

    def reset(self) -> Counts:
        """Count anew; returns what was counted before. Connections stay open."""
        return Counts(**self._ask("reset"))

    def _ask(self, word: str) -> dict[str, int]:
        sent, heard = _pipes(self._process)
        sent.write(f"{word}\n")
        sent.flush()
        told: dict[str, int] = json.loads(heard.readline() or "{}")
        if not told:
            raise RuntimeError("the forwarder has ended")
        return told


@contextlib.contextmanager
def forwarder(route: Route) -> Iterator[Forwarder]:
    """Forward a free port of loopback along ``route`` until the block is left."""
    process = subprocess.Popen(  # noqa: S603 - ourselves
        [sys.executable, "-I", __file__, json.dumps(asdict(route))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    sent, heard = _pipes(process)
    try:
        yield Forwarder(int(heard.readline()), process)
    finally:
        sent.close()  # that ends it
        process.wait(START_SECONDS)
        heard.close()


def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout


class HeadCounter:
    r"""Counts the heads of HTTP/1 requests in the bytes that a client sends.

    >>> heads = HeadCounter()
    >>> [heads(part) for part in (b"GET / HT", b"TP/1.1\r\n\r\nGET /a HTTP/1.1")]
    [0, 2]
    """

    WORDS = b" HTTP/1."

    def __init__(self) -> None:
        self._rest = b""

    def __call__(self, data: bytes) -> int:
        """How many heads have their first line's end in ``data``."""
        known = self._rest + data
        self._rest = known[1 - len(self.WORDS) :]
        return known.count(self.WORDS)


class Pace:
    """When bytes are due that come over a line of so many bytes per second.

    >>> pace = Pace(100.0)
    >>> pace.due(50, now=1.0, ready=0.0), pace.due(50, now=1.51, ready=1.51)
    (1.5, 2.0)
    """

    def __init__(self, rate: float) -> None:
        self._rate, self._free = rate, 0.0

    def due(self, size: int, now: float, ready: float) -> float:
        """When the last of ``size`` bytes is through that came at ``now``.

        ``ready`` is since when they were waited for. Bytes that came soon after may
        have been there before: then the line was busy, and the lateness of timers
        and of a busy machine is made up for. Otherwise it had nothing to carry.
        """
        begin = now - LATE if now - ready < TURN else now
        self._free = max(self._free, begin) + size / self._rate
        return self._free


class Near(asyncio.Protocol):
    """The end where the client is: what it sends is due at the server later."""

    transport: asyncio.Transport

    def __init__(self, route: Route, counts: Counts) -> None:
        self.route, self.counts, self._heads = route, counts, HeadCounter()
        self._far: Far | None = None
        self._early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connect to the server; until then nothing is read."""
        self.transport = cast("asyncio.Transport", transport)
        self.transport.pause_reading()
        self.transport.set_write_buffer_limits(0)
        self.counts.connections += 1
        self._connecting = asyncio.create_task(self._connect())

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, self._far = await loop.create_connection(
                lambda: Far(self), self.route.host, self.route.port
            )
        except OSError:  # nobody listens there: the client sees its connection closed
            self.transport.close()
        else:
            for data in self._early:
                self._later(data)
            self.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Send it on after the delay."""
        self.counts.requests += self._heads(data)
        self.counts.sent += len(data)
        self._later(data)

    def eof_received(self) -> bool:
        """The end comes as late as all else, and answers may still be under way."""
        self._later(b"")
        return True

    def _later(self, data: bytes) -> None:
        if self._far is None:
            # asyncio of Python 3.11.2 reads although it was paused in the beginning
            self._early.append(data)
            return
        loop = asyncio.get_running_loop()
        loop.call_later(self.route.delay, self._far.deliver, data)

    def resume_writing(self) -> None:
        """The client has taken all: there may be more."""
        if self._far:
            self._far.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Without a client there is nobody to answer."""
        del exc
        if self._far:
            self._far.transport.close()


class Far(asyncio.BufferedProtocol):
    """The end where the server is: what it sends goes to the client at a pace."""

    transport: asyncio.Transport

    def __init__(self, near: Near) -> None:
        self._near, self._pace = near, Pace(near.route.rate)
        self._buffer = memoryview(bytearray(CHUNK))
        self._loop = asyncio.get_running_loop()
        self._ready = self._loop.time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Nothing is sent before the client does."""
        self.transport = cast("asyncio.Transport", transport)
        if self._near.transport.is_closing():
            self.transport.close()

    def deliver(self, data: bytes) -> None:
        """To the server; nothing means that the client has no more."""
        if self.transport.is_closing():
            return
        if data:
            self.transport.write(data)
        else:
            self.transport.write_eof()

    def get_buffer(self, sizehint: int) -> memoryview:
        """All of it: it is empty whenever reading is not paused."""
        del sizehint
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Keep what came until it is due."""
        now = self._loop.time()
        wait = self._pace.due(nbytes, now, self._ready) - now
        if wait > SOON:
            self.transport.pause_reading()
            self._loop.call_later(wait, self._hand_on, nbytes)
        else:
            self._hand_on(nbytes)

    def _hand_on(self, size: int) -> None:
        client = self._near.transport
        if client.is_closing():
            return
        client.write(self._buffer[:size])
        self._near.counts.received += size
        self._ready = self._loop.time()
        if client.get_write_buffer_size():  # until `Near.resume_writing`
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """When the server has ended, or broke off, so does the connection."""
        del exc
        self._near.transport.close()


async def serve(route: Route) -> None:
    """Listen, tell the port on standard output, and forward until input ends."""
    counts, loop = Counts(), asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Near(route, counts), "127.0.0.1", 0, backlog=1024
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await _obey(counts)
    server.close()


async def _obey(counts: Counts) -> None:
    """Answer each line of standard input with the counts; "reset" begins anew."""
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(orders), sys.stdin
    )
    async for order in orders:
        print(json.dumps(asdict(counts)), flush=True)
        if order.strip() == b"reset":
            vars(counts).update(vars(Counts()))


if __name__ == "__main__":
    asyncio.run(serve(Route(**json.loads(sys.argv[1]))))

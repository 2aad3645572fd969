"""How long to wait for a server, how often to ask it, and how many ask at once."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import random
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from emcatalog.errors import OptionError, UnreachableError
from emcatalog.transport.origin import BusyError, hold_over_forks

TIMEOUT_VARIABLE = "EMCATALOG_TIMEOUT"
LOWEST_SPEED = 100
"""Bytes a second; a transfer slower than that for the whole timeout is a stall."""
LONGEST_PAUSE = 30.0
MOST_CONNECTIONS = {"ftp.ebi.ac.uk": 4, "idr.openmicroscopy.org": 4}
"""Hosts that slow down or refuse readers who ask for more at a time."""
MOST_FTP = 8
"""Each is a login; FTP servers count the visitors from one address."""


def timeout_seconds() -> float:
    """Seconds after which a silent server is given up: 60, or EMCATALOG_TIMEOUT.

    They are also the time over which `LOWEST_SPEED` is measured.
    """
    text = os.environ.get(TIMEOUT_VARIABLE, "").strip() or "60"
    with contextlib.suppress(ValueError):
        if 0 < (seconds := float(text)) < math.inf:
            return seconds
    raise OptionError(
        got=f"{TIMEOUT_VARIABLE}={text}",
        expected="seconds, such as 60",
        hint=f"unset {TIMEOUT_VARIABLE}",
    )


def most_connections(url: str, otherwise: int) -> int:
    """How many requests the host of ``url`` takes at a time.

    >>> [most_connections(u, 32) for u in ("ftp://FTP.ebi.ac.uk/", "ftp://a.org/")]
    [4, 8]
    """
    place = urlsplit(url)
    most = min(otherwise, MOST_CONNECTIONS.get(place.hostname or "", otherwise))
    return min(most, MOST_FTP) if place.scheme == "ftp" else most


def pause(attempt: int, error: Exception) -> float:
    """Seconds to wait after the failure ``error`` of the ``attempt``-th try."""
    # jitter keeps many readers from knocking at the same moment
    backoff = random.uniform(0.5, 1.0) * 0.1 * 4.0 ** (attempt - 1)  # noqa: S311
    asked = error.retry_after if isinstance(error, BusyError) else 0.0
    return max(backoff, min(asked, LONGEST_PAUSE) + backoff if asked else 0.0)


def retry_after(text: str) -> float:
    """Seconds that a ``Retry-After`` header asks for, given as such or as a date.

    >>> retry_after("7"), retry_after("soon"), retry_after("Fri, 31 Dec 1999 23:59:59")
    (7.0, 0.0, 0.0)
    """
    if text.strip().isdecimal():
        return float(text)
    try:
        then = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    if then.tzinfo is None:  # the header is always in GMT
        then = then.replace(tzinfo=UTC)
    return max(0.0, (then - datetime.now(UTC)).total_seconds())


class Pace:
    """Raises UnreachableError where a transfer all but stops.

    One that trickles is silent at no time, so no timeout of a socket ends it.
    """

    def __init__(self) -> None:
        self._seconds = timeout_seconds()
        self._since, self._moved = time.monotonic(), 0

    def moved(self, count: int) -> None:
        """Note ``count`` bytes that came just now."""
        self._moved += count
        if (passed := time.monotonic() - self._since) < self._seconds:
            return
        if self._moved < LOWEST_SPEED * passed:
            raise UnreachableError(
                got=f"{self._moved} bytes in {passed:.0f} s",
                expected=f"{LOWEST_SPEED} bytes a second",
                hint=f"try again later, or set {TIMEOUT_VARIABLE} to more seconds",
            )
        self._since, self._moved = time.monotonic(), 0


class Tries:
    """The failures of one request: whether it is tried again, and after what pause."""

    def __init__(self, attempts: int, patience: float) -> None:
        self._left, self._patience = attempts, patience
        self._made, self._begun = 0, 0.0

    def begin(self) -> None:
        """A try begins now."""
        self._begun = time.monotonic()

    def failed(self, error: Exception) -> float:
        """Seconds to wait before the next try; raises ``error`` where there is none."""
        self._made += 1
        wait = pause(self._made, error)
        self._patience -= time.monotonic() - self._begun + wait
        if self._made >= self._left or self._patience < 0:
            raise error
        return wait


class Gate:
    """Lets a limited number in at a time; each who enters says what the limit is.

    Threads and tasks of event loops wait in one line.
    """

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), 0
        self._line: deque[tuple[int, Future[None]]] = deque()

    @contextlib.contextmanager
    def entered(self, most: int) -> Iterator[None]:
        """Wait until fewer than ``most`` are inside, and be inside for the block."""
        ticket = self._ticket(most)
        try:
            ticket.result()
            yield
        finally:
            self._give_back(ticket)

    @contextlib.asynccontextmanager
    async def entered_by_task(self, most: int) -> AsyncIterator[None]:
        """As `entered`, without holding up the event loop."""
        ticket = self._ticket(most)
        try:
            if not ticket.done():
                await _done(ticket)
            yield
        finally:
            self._give_back(ticket)

    def _ticket(self, most: int) -> Future[None]:
        """A place in the line; done when its holder is inside."""
        ticket: Future[None] = Future()
        with self._lock:
            self._line.append((most, ticket))
            self._admit()
        return ticket

    def _give_back(self, ticket: Future[None]) -> None:
        if ticket.cancel():  # whoever gave up was never inside
            return
        with self._lock:
            self._inside -= 1
            self._admit()

    def _admit(self) -> None:
        while self._line and self._inside < self._line[0][0]:
            _, ticket = self._line.popleft()
            if ticket.set_running_or_notify_cancel():
                self._inside += 1
                ticket.set_result(None)


async def _done(ticket: Future[None]) -> None:
    """Wait for a ticket; `asyncio.wrap_future` would wake its own loop by a pipe."""
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()

    def wake(_: object) -> None:
        with contextlib.suppress(RuntimeError):  # the caller has no loop
            if asyncio.get_running_loop() is loop:
                _set(waiter)
                return
        loop.call_soon_threadsafe(_set, waiter)

    ticket.add_done_callback(wake)
    await waiter


def _set(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


_gates: dict[tuple[int, str], Gate] = {}
_lock = threading.Lock()
hold_over_forks(_lock)


def gate(url: str) -> Gate:
    """The gate before the host of ``url``, one for all who read from there."""
    # keyed by process: who is inside does not survive a fork. Whatever the protocol
    # and user, it is the same machine
    key = os.getpid(), urlsplit(url).netloc.rpartition("@")[2].lower()
    with _lock:
        if key not in _gates:
            _gates[key] = Gate()
        return _gates[key]

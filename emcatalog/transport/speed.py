"""How quick a host is, as its last answers showed."""

from __future__ import annotations

import math
import os
import statistics
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from emcatalog.transport.origin import hold_over_forks

RECENT = 32
"""Answers of each kind, small and large, that are remembered of a host."""

LARGE = 1 << 16
"""Bytes; bodies that are smaller arrive with their headers and tell no bandwidth."""

REQUEST_SECONDS = 0.0007
"""What a request costs this machine, while nothing else of the read goes on."""

LEAST_REQUEST = 2**17
"""Bytes that are worth a request of their own, however many connections there are."""

LARGEST_REQUEST = 16 * 2**20
"""Bytes; what is lost with a connection is asked for again."""

TICK = 1e-6
"""Seconds; no body takes less."""


@dataclass(frozen=True)
class Speed:
    """What a request costs: ``latency`` seconds, and its bytes at ``bandwidth``.

    ``latency`` is the time from a request to the first byte of its answer, without
    that of a new connection; ``bandwidth`` the bytes a second of one connection. Bytes
    that are moved in the time of one more request cost as much as that request:

    >>> Speed(latency=0.03, bandwidth=25e6).gap
    750000
    """

    latency: float
    bandwidth: float

    @property
    def gap(self) -> int:
        """Bytes that one connection moves in the time of one latency."""
        return int(self.latency * self.bandwidth)


UNKNOWN = Speed(latency=0.03, bandwidth=1e7)
"""What is taken of a host of which nothing is known: far away, of middling speed."""


@dataclass
class Meter:
    """The last answers of one host; a few that stalled among them tell nothing.

    >>> meter = Meter()
    >>> meter.note(0.01, 500, 0.01)
    >>> for seconds in (0.11, 0.11, 9.0):
    ...     meter.note(0.01, 1_000_000, seconds)
    >>> meter.speed()
    Speed(latency=0.01, bandwidth=10000000.0)
    """

    _small: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))
    _large: deque[tuple[float, int, float]] = field(
        default_factory=lambda: deque(maxlen=RECENT)
    )

    def note(self, latency: float, size: int, seconds: float) -> None:
        """An answer of ``size`` bytes began after ``latency``, ended after ``seconds``.

        Both are counted from the request.
        """
        if size < LARGE:
            self._small.append(latency)
        else:
            self._large.append((latency, size, seconds))

    def speed(self) -> Speed | None:
        """What the answers tell; None until a large one was seen."""
        large = self._large.copy()
        if not large:
            return None
        # the beginning of a large answer may wait until more of it is there
        begun = self._small.copy() or [latency for latency, _, _ in large]
        latency = sorted(begun)[len(begun) // 4]  # the others waited for each other
        rates = [
            size / max(seconds - latency, seconds - first, TICK)
            for first, size, seconds in large
        ]
        return Speed(latency, statistics.median(rates))


def request_size(total: int, connections: int, speed: Speed | None) -> int:
    """Bytes for each request, where ``total`` are wanted of one host.

    ``n`` requests on as many connections take ``latency + total / n / bandwidth``, and
    `REQUEST_SECONDS` each besides, one after the other: least for ``n`` near the root
    of ``total / bandwidth / REQUEST_SECONDS``.

    >>> request_size(40_000_000, 8, Speed(0.03, 25e6))
    5000000
    >>> request_size(40_000_000, 100, Speed(0.03, 25e6))  # far away
    833334
    >>> request_size(40_000_000, 100, Speed(0.0005, 1e9))  # next door
    5000000
    """
    bandwidth = (speed or UNKNOWN).bandwidth
    best = round(math.sqrt(total / bandwidth / REQUEST_SECONDS))
    size = -(-total // max(1, min(best, connections)))
    return max(LEAST_REQUEST, min(size, LARGEST_REQUEST))


class Clock:
    """The time of one request to the host of ``url``."""

    def __init__(self, url: str) -> None:
        self._meter = meter(url)
        self._answered = self._sent = time.perf_counter()

    def sent(self) -> None:
        """The request leaves, now that a connection stands."""
        self._sent = time.perf_counter()

    def answered(self) -> None:
        """The answer begins."""
        self._answered = time.perf_counter()

    def received(self, size: int) -> None:
        """All of its ``size`` bytes are there."""
        seconds = time.perf_counter() - self._sent
        self._meter.note(self._answered - self._sent, size, seconds)


_meters: dict[tuple[int, str], Meter] = {}
_lock = threading.Lock()
hold_over_forks(_lock)


def meter(url: str) -> Meter:
    """The meter of the host of ``url``, one in each process."""
    parts = urlsplit(url)
    # the host alone: users and passwords are nobody's business
    key = os.getpid(), f"{parts.scheme}://{parts.netloc.rpartition('@')[2].lower()}"
    with _lock:
        if key not in _meters:
            _meters[key] = Meter()
        return _meters[key]

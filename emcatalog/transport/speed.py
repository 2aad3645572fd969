"""How quick a host is, as its last answers showed."""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from emcatalog.transport.origin import hold_over_forks

RECENT = 32
"""Answers that are remembered of a host."""

LEAST_BODY = 1 << 16
"""Bytes; smaller bodies arrive together with their headers and tell no bandwidth."""


@dataclass(frozen=True)
class Speed:
    """What a request costs: ``latency`` seconds, and its bytes at ``bandwidth``.

    ``latency`` is the time from a request to the first byte of its answer,
    ``bandwidth`` the bytes a second of one connection. Bytes that are moved in the time
    of one more request cost as much as that request:

    >>> Speed(latency=0.03, bandwidth=25e6).gap
    750000
    """

    latency: float
    bandwidth: float

    @property
    def gap(self) -> int:
        """Bytes that one connection moves in the time of one latency."""
        return int(self.latency * self.bandwidth)


@dataclass
class Meter:
    """The last answers of one host; medians, so that a stall among them tells nothing.

    >>> meter = Meter()
    >>> for seconds in (0.01, 0.01, 9.0):
    ...     meter.note(seconds, 1_000_000, 0.1)
    >>> meter.speed()
    Speed(latency=0.01, bandwidth=10000000.0)
    """

    _latencies: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))
    _bandwidths: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))

    def note(self, latency: float, size: int, seconds: float) -> None:
        """An answer came after ``latency``, its ``size`` bytes in ``seconds`` more."""
        self._latencies.append(latency)
        if size >= LEAST_BODY and seconds > 0:
            self._bandwidths.append(size / seconds)

    def speed(self) -> Speed | None:
        """The medians; None until both latency and bandwidth were seen."""
        latencies, bandwidths = self._latencies.copy(), self._bandwidths.copy()
        if not latencies or not bandwidths:
            return None
        return Speed(statistics.median(latencies), statistics.median(bandwidths))


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
        seconds = time.perf_counter() - self._answered
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
        return _meters.setdefault(key, Meter())

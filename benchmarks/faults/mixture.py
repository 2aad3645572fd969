"""Which fault a request meets: random, but the same for the same seed."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random
from types import MappingProxyType

import servers
from servers.faults import Fault

SOON = 1
"""Seconds that a busy server asks to wait."""


def _date(_: Random) -> Fault:
    then = datetime.now(UTC) + timedelta(seconds=SOON)
    return servers.status(503, format_datetime(then, usegmt=True))


def _always(fault: Fault) -> Callable[[Random], Fault]:
    return lambda _: fault


ANY: Mapping[str, tuple[int, Callable[[Random], Fault]]] = MappingProxyType(
    {
        "latency": (12, lambda r: servers.delay(r.uniform(0.01, 0.2))),
        "429, Retry-After in seconds": (9, _always(servers.status(429, SOON))),
        "503, Retry-After as a date": (9, _date),
        "500": (9, _always(servers.status(500))),
        "403": (1, _always(servers.status(403))),
        "reset": (10, _always(servers.reset)),
        "reset in the body": (10, lambda r: servers.reset_after(r.randrange(3000))),
        "body shorter than announced": (9, lambda r: servers.truncate(r.randint(1, 9))),
        "short body": (1, lambda r: servers.shortened(r.randint(1, 5000))),
        "long body": (1, lambda r: servers.lengthened(r.randint(1, 5000))),
        "stall before the headers": (2, _always(servers.stall())),
        "stall in the body": (2, lambda r: servers.stall(r.randrange(2000))),
        "trickle": (2, _always(servers.trickle(1))),
        "login page": (1, _always(servers.login_page)),
        "redirect": (1, _always(servers.redirect_back)),
        "gzip": (1, _always(servers.gzipped)),
    }
)
"""Kinds of faults with their weights, for any request; those that pass are frequent."""

RANGED: Mapping[str, tuple[int, Callable[[Random], Fault]]] = MappingProxyType(
    {
        "200 for a range": (1, _always(servers.ignore_range)),
        "no Content-Range": (1, _always(servers.header("content-range", None))),
        "garbage in Content-Range": (1, _always(servers.header("content-range", "x"))),
        "range shifted": (1, _always(servers.other_range(3, 3))),
        "range cut": (2, _always(servers.other_range(0, -3))),
        "Content-Range of other bytes": (
            1, _always(servers.header("content-range", "bytes 5-9/10"))),
    }
)  # fmt: skip
"""Those of requests for a range."""

FTP = ("421", "reset", "cut", "short", "size", "stall")
FTP_WEIGHTS = (5, 5, 5, 5, 2, 1)


class Mixture:
    """Chooses faults, and counts them by kind. ``rate`` is their share of requests."""

    def __init__(self, seed: int, rate: float) -> None:
        self.injected: Counter[str] = Counter()
        self._seed, self._rate = seed, rate
        self._seen: Counter[str] = Counter()
        self._lock = threading.Lock()

    def count(self, kind: str) -> None:
        """Note a fault that happened elsewhere."""
        with self._lock:
            self.injected[kind] += 1

    def http(self, target: str, span: str, agent: str) -> Fault | None:
        """The fault of a request for ``target`` (path and query), if any."""
        random, again = self._random(f"{target} {span}", target)
        if random.random() >= self._rate:
            return None
        table = dict(ANY)
        if span:
            table |= RANGED
            if again:
                table["another version"] = (2, _always(servers.changed))
        if "tensorstore" not in agent:
            table["404 that passes"] = (1, _always(servers.status(404)))
        weights = [weight for weight, _ in table.values()]
        kind = random.choices(list(table), weights)[0]
        self.count(f"HTTP {kind}")
        return table[kind][1](random)

    def ftp(self, command: str, path: str) -> str:
        """The fault of an FTP command, as `servers.ftp_server.FtpFaults` names it."""
        random, _ = self._random(f"{command} {path}", path)
        if command not in ("RETR", "SIZE") or random.random() >= self._rate:
            return ""
        kind = random.choices(FTP, FTP_WEIGHTS)[0]
        if (kind == "size") != (command == "SIZE") and kind not in ("421", "reset"):
            return ""
        self.count(f"FTP {kind}")
        return kind

    def _random(self, request: str, file: str) -> tuple[Random, bool]:
        """Random numbers of this request, and whether its file was asked for before.

        The same request has others each time that it comes, or no fault would pass.
        """
        with self._lock:
            self._seen[request] += 1
            self._seen[f"file {file}"] += 1
            count, again = self._seen[request], self._seen[f"file {file}"] > 1
        return Random(f"{self._seed} {request} {count}"), again  # noqa: S311


def without_number(path: str) -> str:
    """A path without the number of the read, which keeps reads apart.

    >>> without_number("/r12/https/a.org/x"), without_number("/s3/bucket/r3/k")
    ('/https/a.org/x', '/s3/bucket/k')
    """
    return re.sub(r"/r\d+/", "/", path, count=1)

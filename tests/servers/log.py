"""What a server was asked and what it sent: the log that tests count requests in."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol
from urllib.parse import unquote


@dataclass(frozen=True)
class Request:
    """One request, as the server saw it.

    ``path`` is percent-decoded, ``query`` is not. ``range`` is the ``Range`` header
    ("" without one; for FTP the offset of ``REST``, as ``bytes=5-``). ``bytes_sent``
    counts the body only. ``headers`` have lower-case names. ``status`` is 0 while no
    answer has begun, and stays 0 where the connection was reset first.
    """

    method: str
    path: str
    query: str = ""
    range: str = ""
    status: int = 0
    bytes_sent: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Entry:
    """A request under way; the server's thread fills in status and bytes."""

    method: str
    target: str
    headers: Mapping[str, str]
    status: int = 0
    bytes_sent: int = 0

    def freeze(self) -> Request:
        """The request as it stands now."""
        path, _, query = self.target.partition("?")
        return Request(
            method=self.method,
            path=unquote(path),
            query=query,
            range=self.headers.get("range", ""),
            status=self.status,
            bytes_sent=self.bytes_sent,
            headers=MappingProxyType(dict(self.headers)),
        )


class Reads(Protocol):
    """A log as its readers see it."""

    def read(self) -> list[Request]:
        """All requests since the last `clear`, in the order they came."""

    def clear(self) -> None:
        """Forget what was logged so far."""


class Log:
    """A log that servers of this process write to. Safe to use from any thread.

    An entry is made before the first byte of the answer leaves, so a client that has
    its answer always finds its request here.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[Entry] = []
        self.under_way = Connections()

    def open(self, method: str, target: str, headers: Mapping[str, str]) -> Entry:
        """Begin an entry. ``target`` is the path and query as sent."""
        entry = Entry(method, target, {k.lower(): v for k, v in headers.items()})
        with self._lock:
            self._entries.append(entry)
        return entry

    def read(self) -> list[Request]:
        """All requests since the last `clear`, in the order they came."""
        with self._lock:
            return [entry.freeze() for entry in self._entries]

    def clear(self) -> None:
        """Forget what was logged so far."""
        with self._lock:
            self._entries.clear()


@dataclass
class Connections:
    """How many connections or requests are open, and how many ever were at once."""

    now: int = 0
    most: int = 0
    ever: int = 0

    def opened(self) -> None:
        """One more; called by the server's one thread."""
        self.now += 1
        self.ever += 1
        self.most = max(self.most, self.now)

    def closed(self) -> None:
        """One less."""
        self.now -= 1


class Server:
    """A running server: where it is and what it was asked.

    ``url`` is its base without a slash at the end. The context managers of this
    package hand one out and stop it on leaving.
    """

    def __init__(self, url: str, log: Reads) -> None:
        self.url = url
        self._log = log

    @property
    def requests(self) -> list[Request]:
        """Every request since the start or the last `forget`."""
        return self._log.read()

    @property
    def bytes_sent(self) -> int:
        """Bytes of all bodies since the start or the last `forget`."""
        return sum(request.bytes_sent for request in self.requests)

    def forget(self) -> None:
        """Start counting anew."""
        self._log.clear()

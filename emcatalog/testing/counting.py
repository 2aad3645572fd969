"""How much is read, counted at the doors that all bytes pass."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

from emcatalog.chunked import engine
from emcatalog.transport import Transport


@dataclass
class Traffic:
    """Bytes and requests so far, of the transport and of TensorStore."""

    requests: int = 0
    bytes: int = 0


@contextlib.contextmanager
def traffic() -> Iterator[Traffic]:
    """Count what is read within the block; complete when the block has ended."""
    seen, (requests, size) = Traffic(), engine.traffic()
    request = Transport._request  # noqa: SLF001 - the one door of all bytes

    def counted(self: Transport, url: str, ask: Callable[[Any], Any]) -> Any:
        answer = request(self, url, ask)
        seen.requests += 1
        seen.bytes += len(answer) if isinstance(answer, bytes) else 0
        return answer

    with mock.patch.object(Transport, "_request", counted):
        yield seen
    later_requests, later_size = engine.traffic()
    seen.requests += later_requests - requests
    seen.bytes += later_size - size

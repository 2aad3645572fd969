"""A failure made small: parts are left out as long as the same law stays broken."""

from __future__ import annotations

import time
from collections.abc import Callable

SECONDS = 20.0


def reduced(data: bytes, same: Callable[[bytes], bool]) -> bytes:
    """The smallest input found for which ``same`` still holds."""
    deadline, size = time.monotonic() + SECONDS, max(1, len(data) // 2)
    while size and time.monotonic() < deadline:
        smaller = _without(data, size, same, deadline)
        if len(smaller) == len(data):
            size //= 2
        data = smaller
    return data


def _without(
    data: bytes, size: int, same: Callable[[bytes], bool], deadline: float
) -> bytes:
    """``data`` without the pieces of ``size`` bytes that do not matter."""
    at = 0
    while at < len(data) and time.monotonic() < deadline:
        shorter = data[:at] + data[at + size :]
        if same(shorter):
            data = shorter
        else:
            at += size
    return data

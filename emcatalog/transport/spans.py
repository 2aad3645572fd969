"""Spans of one file: which ranges are asked for, and the spans cut out of what came."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence

from emcatalog.errors import OptionError, TruncatedError

Span = tuple[int, int]
"""First byte and length."""

MOST_RANGES = 100
"""Of one request; Starlette answers as many, Apache 200."""

MOST_LETTERS = 3900
"""Of a ``Range`` header; servers and proxies take 4 to 8 KiB."""

LEAST_CUT = 1 << 16
"""Bytes; no range is cut into smaller ones."""


def ensure_spans(spans: Iterable[Span]) -> None:
    """Raise OptionError for spans that lie before the file or are shorter than none."""
    for start, length in spans:
        if start < 0 or length < 0:
            raise OptionError(
                got=f"a span of {length} bytes at byte {start}",
                expected="a start and a length, neither negative",
            )


def runs(spans: Iterable[Span]) -> list[Span]:
    """The bytes of all ``spans``, sorted, without gaps or overlaps.

    >>> runs([(8, 2), (0, 4), (4, 1), (9, 5), (7, 0)])
    [(0, 5), (8, 6)]
    """
    joined: list[Span] = []
    for start, length in sorted(spans):
        before, had = joined[-1] if joined else (0, -1)
        if joined and start <= before + had:
            joined[-1] = before, max(had, start + length - before)
        elif length:
            joined.append((start, length))
    return joined


def plan(
    spans: Iterable[Span], size: int, most: int = MOST_RANGES
) -> list[tuple[Span, ...]]:
    """Ranges that hold all ``spans``, in requests of about ``size`` bytes each.

    A request has at most ``most`` ranges, sorted and without overlap, since servers
    refuse others. Long runs are cut, so that several connections share them.

    >>> plan([(0, 100_000), (200_000, 300_000)], 200_000)
    [((0, 100000), (200000, 100000)), ((300000, 200000),)]
    """
    size = max(size, LEAST_CUT)
    requests: list[list[Span]] = []
    rest = deque(runs(spans))
    room = letters = 0
    while rest:
        start, length = rest.popleft()
        letters -= len(f"{start}-{start + length - 1},")
        full = not requests or len(requests[-1]) == most or letters < 0
        if full or room < min(length, LEAST_CUT):
            requests.append([])
            room, letters = size, MOST_LETTERS
        take = length if length - room < LEAST_CUT else room
        requests[-1].append((start, take))
        room -= take
        if take < length:
            rest.appendleft((start + take, length - take))
    return [tuple(ranges) for ranges in requests]


def cut(spans: Sequence[Span], pieces: Mapping[int, bytes]) -> list[bytes]:
    """The bytes of each span, out of ``pieces`` that begin at the bytes they are of.

    >>> cut([(5, 3), (0, 2), (9, 0)], {0: b"abcdef", 6: b"ghi"})
    [b'fgh', b'ab', b'']
    """
    starts = sorted(pieces)
    return [b"".join(_parts(start, length, starts, pieces)) for start, length in spans]


def _parts(
    start: int, length: int, starts: list[int], pieces: Mapping[int, bytes]
) -> Iterator[bytes]:
    at = bisect_right(starts, start) - 1
    while length:
        piece = pieces[starts[at]]
        skip = start - starts[at]
        part = piece[skip : skip + length]  # no copy where it is the whole piece
        if not part:
            raise KeyError(start)
        yield part
        start, length, at = start + len(part), length - len(part), at + 1


def ensure_whole(data: bytes, start: int, length: int) -> bytes:
    """``data``; TruncatedError unless it is all ``length`` bytes from ``start`` on."""
    if len(data) != length:
        raise TruncatedError(
            got=f"{len(data)} bytes at byte {start}",
            expected=f"{length}",
            hint="the file is shorter than its header says: fetch it again, or "
            "ask its keeper",
        )
    return data

"""Byte ranges of one read, joined into few requests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from emcatalog.geometry import Region

GAP = 1 << 14
"""Bytes between two ranges that are cheaper to read than to ask for separately."""

REQUEST = 2 << 20
"""Bytes that one request should not exceed; larger reads run in parallel pieces."""


@dataclass(frozen=True)
class Piece:
    """A byte range that carries the voxels of ``box``; length -1 is a whole file."""

    url: str
    start: int
    length: int
    box: Region

    @property
    def stop(self) -> int:
        """One past the last byte."""
        return self.start + self.length


@dataclass(frozen=True)
class Request:
    """One byte range to fetch, and the pieces that lie in it."""

    url: str
    start: int
    length: int
    pieces: tuple[Piece, ...]


def merged(pieces: Iterable[Piece]) -> list[Request]:
    """Join ranges of one file that touch or nearly touch into one request each."""
    ordered = sorted(pieces, key=lambda p: (p.url, p.start))
    groups: list[list[Piece]] = []
    for piece in ordered:
        if groups and _joins(groups[-1], piece):
            groups[-1].append(piece)
        else:
            groups.append([piece])
    return [_request(group) for group in groups]


def _joins(group: list[Piece], piece: Piece) -> bool:
    last = group[-1]
    if piece.url != last.url or piece.length < 0 or last.length < 0:
        return False
    near = 0 <= piece.start - last.stop <= GAP
    return near and piece.stop - group[0].start <= REQUEST


def _request(group: list[Piece]) -> Request:
    first, last = group[0], group[-1]
    length = -1 if first.length < 0 else last.stop - first.start
    return Request(first.url, first.start, length, tuple(group))

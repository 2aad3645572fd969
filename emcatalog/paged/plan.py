"""Which bytes are asked for together: what a request costs against what it moves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from emcatalog.paged.pieces import Lot, Piece, joined, lots_of
from emcatalog.transport import Span, Speed
from emcatalog.transport.speed import UNKNOWN, request_size

WASTE = 0.15
"""Bytes between the needed ones that may be moved, as a share of the needed ones."""

MOST = 4 << 20
"""Bytes of one request: what a failure costs, and what waits in memory."""

MOST_SPANS = 64
"""Spans of one request; servers refuse headers of many kilobytes."""


@dataclass(frozen=True)
class Parcel:
    """Spans of one file that are asked for together, and the pieces in each of them."""

    url: str
    spans: tuple[Span, ...]
    pieces: tuple[tuple[Piece, ...], ...]

    @property
    def size(self) -> int:
        """Bytes that are moved."""
        return sum(length for _, length in self.spans)

    def cut(
        self, spans: Sequence[bytes], *, together: bool
    ) -> Iterator[tuple[Lot, bytes]]:
        """The pieces with their bytes, out of those of the spans.

        Bands of rows that follow each other stay ``together``.
        """
        for (start, _), data, pieces in zip(
            self.spans, spans, self.pieces, strict=True
        ):
            for lot in lots_of(pieces) if together else zip(pieces):
                piece = joined(lot)
                skip = piece.offset - start
                yield lot, data[skip : skip + piece.length]


def parcels(
    pieces: Iterable[Piece], speed: Speed | None, connections: int
) -> list[Parcel]:
    """Join ``pieces``, whose lengths are known, into parcels for one host.

    Pieces of one file that touch are one span, and so are those between which lie
    fewer bytes than a request costs, as long as no more than `WASTE` is moved for
    nothing. Parcels are of `request_size`, and at most of `MOST` bytes (a piece may be
    larger). Each piece is in one span of one parcel.
    """
    ordered = sorted(set(pieces), key=lambda p: (p.url, p.offset))
    dear = (speed or UNKNOWN).gap
    bridged, moved = _bridged(ordered, dear)
    most = min(MOST, request_size(moved, connections, speed))
    open_parcels = list[_Open]()
    for piece in ordered:
        if not open_parcels or not open_parcels[-1].takes(piece, bridged, most):
            open_parcels.append(_Open(piece.url))
        open_parcels[-1].add(piece, bridged)
    return [parcel.closed() for parcel in open_parcels]


def _bridged(ordered: Sequence[Piece], most: int) -> tuple[int, int]:
    """The longest gap that is read over, and the bytes that are moved then.

    Short gaps go first, within the waste allowed.
    """
    gaps, url, stop = Counter[int](), "", 0
    for piece in ordered:
        if piece.url != url:
            url, stop = piece.url, piece.offset
        if 0 < (gap := piece.offset - stop) <= most:
            gaps[gap] += 1
        stop = max(stop, piece.offset + piece.length)
    needed = sum(piece.length for piece in ordered)
    longest, wasted = 0, 0
    for gap, number in sorted(gaps.items()):
        if wasted + gap * number > WASTE * needed:
            break
        longest, wasted = gap, wasted + gap * number
    return longest, needed + wasted


@dataclass
class _Open:
    """A parcel that is being filled with pieces in the order of their places."""

    url: str
    size: int = 0
    starts: list[int] = field(default_factory=list)
    stops: list[int] = field(default_factory=list)
    pieces: list[list[Piece]] = field(default_factory=list)

    def takes(self, piece: Piece, bridged: int, most: int) -> bool:
        """Whether ``piece`` may come in: of this file, and not too much."""
        if piece.url != self.url:
            return False
        joins = piece.offset - self.stops[-1] <= bridged
        begin = self.stops[-1] if joins else piece.offset
        more = max(0, piece.offset + piece.length - begin)
        return self.size + more <= most and (joins or len(self.starts) < MOST_SPANS)

    def add(self, piece: Piece, bridged: int) -> None:
        """Take ``piece`` into the last span, or into one of its own."""
        stop = piece.offset + piece.length
        if self.stops and piece.offset - self.stops[-1] <= bridged:
            self.size += max(0, stop - self.stops[-1])
            self.stops[-1] = max(self.stops[-1], stop)
            self.pieces[-1].append(piece)
            return
        self.size += piece.length
        self.starts.append(piece.offset)
        self.stops.append(stop)
        self.pieces.append([piece])

    def closed(self) -> Parcel:
        """What was filled in."""
        pairs = zip(self.starts, self.stops, strict=True)
        spans = tuple((start, stop - start) for start, stop in pairs)
        return Parcel(self.url, spans, tuple(map(tuple, self.pieces)))

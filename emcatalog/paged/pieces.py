"""What a region needs of its pages: pieces, each fetched and kept as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from emcatalog.errors import FormatError
from emcatalog.geometry import Region
from emcatalog.paged.table import Layout, Page

BAND = 8
"""Rows of a plain page that are fetched together.

Windows of other columns need the same rows, so these are kept; more rows would be
moved for nothing at the edges of a window.
"""

BAND_BYTES = 1 << 20
"""A band of longer rows has fewer of them."""


class Segment(NamedTuple):
    """The strip or tile ``number`` of a page begins at row ``top``, column ``left``."""

    number: int
    top: int
    left: int


class Piece(NamedTuple):
    """An encoded segment, or a band of plain rows.

    It is ``length`` bytes from ``offset`` on (-1 is the whole file), and its ``rows``
    begin at row ``top`` and column ``left`` of section ``z``.
    """

    url: str
    offset: int
    length: int
    z: int
    top: int
    left: int
    rows: int

    @property
    def entry(self) -> str:
        """How errors call it."""
        return f"{self.url}, section {self.z}"


Lot = tuple[Piece, ...]
"""Pieces that came together: bands of rows that follow each other, or one alone."""


def lots_of(pieces: Iterable[Piece]) -> Iterator[Lot]:
    """Bands of plain rows, in their order, as runs that follow each other."""
    run: list[Piece] = []
    for piece in pieces:
        if run and not _follows(run[-1], piece):
            yield tuple(run)
            run = []
        run.append(piece)
    if run:
        yield tuple(run)


def _follows(before: Piece, piece: Piece) -> bool:
    ends = before.z, before.left, before.top + before.rows
    touches = before.offset + before.length == piece.offset
    return touches and ends == (piece.z, piece.left, piece.top)


def joined(lot: Lot) -> Piece:
    """A lot as one piece."""
    if len(lot) == 1:
        return lot[0]
    first, last = lot[0], lot[-1]
    length = last.offset + last.length - first.offset
    return first._replace(length=length, rows=last.top + last.rows - first.top)


def segments_of(layout: Layout, region: Region) -> list[Segment]:
    """The segments of a page that ``region`` touches; the same on every page."""
    (height, width), across = layout.segment, layout.segments[1]
    (_, top, left), (_, bottom, right) = region.start, region.stop
    if not region.size:
        return []
    return [
        Segment(row * across + column, row * height, column * width)
        for row in range(top // height, (bottom - 1) // height + 1)
        for column in range(left // width, (right - 1) // width + 1)
    ]


def pieces_of(
    layout: Layout, page: Page, z: int, segment: Segment, region: Region
) -> Iterator[Piece]:
    """The pieces that hold what ``region`` has of one segment; none if it is absent.

    Raises FormatError for a segment whose length cannot be right.
    """
    number, top, left = segment
    offset, count = page.offsets[number], page.counts[number]
    if not count:
        return
    check_count(layout, page, z, segment, region)
    if layout.codec is not None:
        yield Piece(page.url, offset, count, z, top, left, layout.rows_at(top))
        return
    row_bytes = layout.row_bytes
    step = max(1, min(BAND, BAND_BYTES // row_bytes))
    stored = min(layout.rows_at(top), layout.shape[0] - top, count // row_bytes)
    first = max(region.start[1] - top, 0) // step * step
    for row in range(first, min(region.stop[1] - top, stored), step):
        rows = min(step, stored - row)
        at = offset + row * row_bytes
        yield Piece(page.url, at, rows * row_bytes, z, top + row, left, rows)


def check_count(
    layout: Layout, page: Page, z: int, segment: Segment, region: Region
) -> None:
    """Raise FormatError for a segment too short for its rows, or too long to be one."""
    count = page.counts[segment.number]
    if layout.codec is None:
        last = min(region.stop[1] - segment.top, layout.segment[0])
        fits, expected = count >= last * layout.row_bytes, "all of its rows"
    else:
        fits, expected = count <= layout.most_bytes, "an encoded strip or tile"
    if not fits:
        raise FormatError(
            entry=f"{page.url}, section {z}",
            got=f"a segment of {count} bytes",
            expected=expected,
            hint="the file's page table is damaged",
        )


def place(
    piece: Piece, voxels: NDArray[np.generic], region: Region, out: NDArray[np.generic]
) -> None:
    """Copy what ``piece`` has of ``region`` into ``out``, which is of its shape."""
    (z, y, x), (_, below, beyond) = region.start, region.stop
    rows, columns = voxels.shape
    top, bottom = max(piece.top, y), min(piece.top + rows, below)
    left, right = max(piece.left, x), min(piece.left + columns, beyond)
    out[piece.z - z, top - y : bottom - y, left - x : right - x] = voxels[
        top - piece.top : bottom - piece.top, left - piece.left : right - piece.left
    ]

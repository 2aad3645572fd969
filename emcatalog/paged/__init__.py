"""Engine two: a stack of 2-D pages found at byte ranges or URLs (DM3, TIFF, IDR).

A driver makes the page table: for each z a `Page` with the places of its segments (all
rows in one piece, strips, tiles, or a whole encoded picture), and one `Layout` that
they share. Reading a box touches only the rows or segments that it needs; neighbouring
ranges become one request, and requests are under way in parallel.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from emcatalog.errors import CorruptError, EmcatalogError, FormatError
from emcatalog.geometry import Grid, Region, Triple
from emcatalog.paged.ranges import REQUEST, Piece, Request, merged
from emcatalog.paged.table import Codec, Layout, Page
from emcatalog.transport import Transport
from emcatalog.volume import ensure_fits, ensure_inside

__all__ = ["Codec", "Layout", "Page", "PagedVolume"]


@dataclass(frozen=True)
class PagedVolume:
    """A `emcatalog.volume.Volume` whose z sections are pages.

    ``pages[z]`` is None where a section is missing by agreement: its voxels read as
    zeros and are not `stored`.
    """

    grid: Grid
    layout: Layout
    pages: tuple[Page | None, ...]
    transport: Transport = field(repr=False)

    def __post_init__(self) -> None:
        expected = (len(self.pages), *self.layout.shape)
        if self.grid.shape != expected:
            raise FormatError(
                got=f"a page table of {expected} voxels (z, y, x)",
                expected=f"{self.grid.shape} as in the header",
            )
        count = self.layout.segments[0] * self.layout.segments[1]
        for z, page in enumerate(self.pages):
            if page and not len(page.offsets) == len(page.counts) == count:
                raise FormatError(
                    entry=page.url,
                    got=f"{len(page.offsets)} segments on page {z}",
                    expected=f"{count}",
                    hint="the file's page table is damaged",
                )

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Voxel type, in native byte order."""
        return self.layout.dtype.newbyteorder("=")

    @property
    def chunks(self) -> Triple:
        """One page by the rows and columns of a segment."""
        rows, columns = self.layout.shape
        return (
            1,
            min(self.layout.segment[0], rows),
            min(self.layout.segment[1], columns),
        )

    def read(self, region: Region) -> NDArray[np.generic]:
        """Voxels of ``region``; only the rows or segments that it touches are read."""
        ensure_fits(region.shape, self.dtype)
        out = np.zeros(region.shape, self.dtype)
        requests = merged(self._pieces(region))
        for _ in self.transport.map(lambda r: self._serve(r, region, out), requests):
            pass
        return out

    def read_many(
        self, regions: Sequence[Region]
    ) -> Iterator[tuple[int, NDArray[np.generic]]]:
        """Index and voxels of each region, in turn."""
        return ((index, self.read(region)) for index, region in enumerate(regions))

    def stored(self, region: Region) -> NDArray[np.bool_]:
        """False on missing pages and absent segments, else True."""
        out = np.zeros(region.shape, np.bool_)
        for piece in self._pieces(region):
            out[_target(piece.box, region)] = True
        return out

    def _pieces(self, region: Region) -> Iterator[Piece]:
        """The byte ranges that hold ``region``, with the voxels that each carries."""
        # a column beyond the last would be the first of the segment that follows
        ensure_inside(region, self.grid)
        height, width = self.layout.segment
        across = self.layout.segments[1]
        for tile in region.tiles((1, height, width)):
            z, y, x = tile.start
            page = self.pages[z]
            number = (y // height) * across + x // width
            if page is None or page.counts[number] == 0:
                continue
            offset, count = page.offsets[number], page.counts[number]
            self._check_count(page, count, tile)
            if self.layout.codec is not None:
                yield Piece(page.url, offset, count, tile)
            else:
                yield from self._rows(page.url, offset, tile)

    def _check_count(self, page: Page, count: int, tile: Region) -> None:
        """Refuse a segment too short for its rows, or too long to be one."""
        layout = self.layout
        last_row = (tile.stop[1] - 1) % layout.segment[0] + 1
        if layout.codec is None:
            fits, expected = count >= last_row * layout.row_bytes, "all of its rows"
        else:
            fits, expected = count <= self._segment_limit(), "an encoded strip or tile"
        if not fits:
            raise FormatError(
                entry=f"{page.url}, section {tile.start[0]}",
                got=f"a segment of {count} bytes",
                expected=expected,
                hint="the file's page table is damaged",
            )

    def _rows(self, url: str, offset: int, tile: Region) -> Iterator[Piece]:
        """Cut the rows of an uncompressed segment into requests of bounded size."""
        height, row_bytes = self.layout.segment[0], self.layout.row_bytes
        step = max(1, REQUEST // row_bytes)
        (z, first, left), (end, last, right) = tile.start, tile.stop
        for top in range(first, last, step):
            bottom = min(top + step, last)
            start = offset + (top % height) * row_bytes
            box = Region((z, top, left), (end, bottom, right))
            yield Piece(url, start, (bottom - top) * row_bytes, box)

    def _serve(
        self, request: Request, region: Region, out: NDArray[np.generic]
    ) -> None:
        """Fetch one request and put its pieces in their places."""
        if request.length < 0:
            data = self.transport.read(request.url, limit=self._segment_limit())
        else:
            data = self.transport.read_range(request.url, request.start, request.length)
        for piece in request.pieces:
            skip = piece.start - request.start
            part = data if piece.length < 0 else data[skip : skip + piece.length]
            out[_target(piece.box, region)] = self._voxels(part, piece)

    def _voxels(self, data: bytes, piece: Piece) -> NDArray[np.generic]:
        """Decode one piece and cut out its box."""
        layout, box = self.layout, piece.box
        left = box.start[2] % layout.segment[1]
        columns = slice(left, left + box.shape[2])
        if layout.codec is None:
            shape = box.shape[1], layout.segment[1], layout.samples
            rows = _plain(data, layout.dtype).reshape(shape)
            return rows[:, columns, layout.sample]
        top = box.start[1] % layout.segment[0]
        decoded = self._decode(layout.codec, data, piece)
        return decoded[top : top + box.shape[1], columns, layout.sample]

    def _decode(self, codec: Codec, data: bytes, piece: Piece) -> NDArray[np.generic]:
        layout = self.layout
        height = layout.segment[0]
        if layout.segments[1] == 1:  # the last strip ends with the page
            height = min(
                height, layout.shape[0] - piece.box.start[1] // height * height
            )
        shape = height, layout.segment[1], layout.samples
        try:
            decoded = codec.decode(data, shape)
        except EmcatalogError as error:
            error.about(f"{piece.url}, section {piece.box.start[0]}")
            raise
        except Exception as error:  # codecs raise whatever their libraries do
            raise _corrupt(piece, f"bytes that do not decode ({error})") from error
        if decoded.shape[:2] != shape[:2] or decoded.ndim != 3:
            raise _corrupt(piece, f"a picture of {decoded.shape[:2]}", f"{shape[:2]}")
        if decoded.dtype.newbyteorder("=") != self.dtype:
            raise _corrupt(piece, f"voxels of {decoded.dtype}", f"{self.dtype}")
        return decoded

    def _segment_limit(self) -> int:
        # encoded voxels are never much longer than plain ones
        return 2 * self.layout.segment[0] * self.layout.row_bytes + (1 << 20)


def _plain(data: bytes, dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
    """Values as they are stored; any byte but zero is true."""
    if dtype.kind == "b":  # numpy takes a byte for a truth value only if it is 0 or 1
        return np.frombuffer(data, np.uint8).astype(np.bool_)
    return np.frombuffer(data, dtype)


def _target(box: Region, region: Region) -> tuple[slice, slice, slice]:
    return box.relative_to(region.start).slices


def _corrupt(piece: Piece, got: str, expected: str = "whole voxels") -> CorruptError:
    return CorruptError(
        entry=f"{piece.url}, section {piece.box.start[0]}",
        got=got,
        expected=expected,
        hint="fetch the file again; if it stays so, it is damaged at its source",
    )

"""Engine two: a stack of 2-D pages found at byte ranges or URLs (DM3, TIFF, IDR).

A driver makes the page table: for each z a `Page` with the places of its segments (all
rows in one piece, strips, tiles, or a whole encoded picture), and one `Layout` that
they share. Reading a box touches only the rows or segments that it needs:

- `window`: plain pages of local files are copied out of a memory map;
- `pieces`: of all others a box needs encoded segments, or bands of plain rows;
- `kept`: what was read before and is still in memory or on disk;
- `plan`: which bytes are asked for together, by what requests and bytes cost;
- `flow`: pieces on their way, and `segments` how they are decoded;
- `batch`: many boxes at once, which share all that;
- `headers`: what drivers have read of a header, for the next opening.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from emcatalog.errors import FormatError
from emcatalog.geometry import Grid, Region, Triple
from emcatalog.paged.batch import Stack, read_each
from emcatalog.paged.headers import kept_header
from emcatalog.paged.pieces import segments_of
from emcatalog.paged.table import Codec, Layout, Page
from emcatalog.transport import Transport
from emcatalog.volume import ensure_fits, ensure_inside

__all__ = ["Codec", "Layout", "Page", "PagedVolume", "kept_header"]


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
        ((_, voxels),) = self.read_many([region])
        return voxels

    def read_many(
        self, regions: Sequence[Region]
    ) -> Iterator[tuple[int, NDArray[np.generic]]]:
        """``(index into regions, its voxels)`` as they come, each index once.

        Raises GeometryError for a region beyond the volume, and MemoryLimitError for
        one above the limit, before anything is read.
        """
        for region in regions:
            # a column beyond the last would be the first of the segment that follows
            ensure_inside(region, self.grid)
            ensure_fits(region.shape, self.dtype)
        return read_each(Stack(self.layout, self.pages, self.transport), regions)

    def stored(self, region: Region) -> NDArray[np.bool_]:
        """False on missing pages and absent segments, else True."""
        ensure_inside(region, self.grid)
        out = np.zeros(region.shape, np.bool_)
        height, width = self.layout.segment
        for number, top, left in segments_of(self.layout, region):
            there = [
                page is not None and page.counts[number] != 0
                for page in self.pages[region.start[0] : region.stop[0]]
            ]
            window = Region((0, top, left), (len(there), top + height, left + width))
            cut = window.intersect(
                Region((0, *region.start[1:]), (len(there), *region.stop[1:]))
            ).relative_to((0, *region.start[1:]))
            out[cut.slices] = np.reshape(there, (-1, 1, 1))
        return out

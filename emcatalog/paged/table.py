"""The page table: where the segments of each page lie, and how they are encoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Codec(Protocol):
    """How an encoded segment becomes voxels: a frozen, hashable, picklable value.

    Equal codecs decode alike: what one volume has decoded serves the others.
    """

    def decode(self, data: bytes, shape: tuple[int, int, int]) -> NDArray[np.generic]:
        """Voxels of one segment, of ``shape`` (rows, columns, samples).

        A segment at the lower edge may have fewer rows. Any exception is reported as a
        CorruptError that names the page. Several threads decode at once.
        """


@dataclass(frozen=True)
class Layout:
    """What all pages of a stack share.

    ``shape`` is rows, columns of a page; ``segment`` rows, columns of a strip or tile
    (a page has ceil(rows / segment rows) * ceil(columns / segment columns) of them, in
    row-major order, edge tiles padded to the full segment, the last strip not).
    ``dtype`` is the stored type with its byte order. A pixel has ``samples`` values
    side by side, of which ``sample`` is read. Without ``codec`` segments are plain
    rows, and any rows can be read alone.
    """

    shape: tuple[int, int]
    dtype: np.dtype[np.generic]
    segment: tuple[int, int]
    codec: Codec | None = None
    samples: int = 1
    sample: int = 0

    @property
    def segments(self) -> tuple[int, int]:
        """How many segments lie along y and x."""
        rows, columns = self.shape
        return -(-rows // self.segment[0]), -(-columns // self.segment[1])

    @property
    def row_bytes(self) -> int:
        """Bytes of one uncompressed row of a segment."""
        return self.segment[1] * self.samples * self.dtype.itemsize

    @property
    def most_bytes(self) -> int:
        """What an encoded segment may have: it is never much longer than plain ones."""
        return 2 * self.segment[0] * self.row_bytes + (1 << 20)

    def rows_at(self, top: int) -> int:
        """Rows of the segment that begins at row ``top``: the last strip has fewer."""
        height = self.segment[0]
        return min(height, self.shape[0] - top) if self.segments[1] == 1 else height


@dataclass(frozen=True)
class Page:
    """Where one page lies: ``offsets`` and ``counts`` (bytes) of its segments.

    A count of -1 is a whole file. A count of 0 is a segment that the format says is
    absent: it reads as zeros and is not `stored`.
    """

    url: str
    offsets: tuple[int, ...]
    counts: tuple[int, ...]

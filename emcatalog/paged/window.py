"""Plain pages of local files: the window alone is copied, out of a map of the file."""

from __future__ import annotations

import time
import weakref
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emcatalog.errors import TruncatedError
from emcatalog.geometry import Region
from emcatalog.mirror import Mirrors
from emcatalog.paged.pieces import Segment
from emcatalog.paged.table import Layout
from emcatalog.transport import FileMap, Transport

FRESH = 0.1
"""Seconds in which a file is not looked for by its name again: blocks are read faster.

One that was replaced meanwhile is read as it was. One that was cut is noticed at once.
"""

MOST_FILES = 512
"""Names that are remembered."""

# how many files are open is the transport's business: who holds a map holds it open
_recent: dict[tuple[Mirrors, str], tuple[float, weakref.ref[FileMap]]] = {}


@dataclass(frozen=True)
class Window:
    """What a region has of the segment ``number`` of each page.

    ``rows`` rows, ``length`` bytes, lie ``skip`` bytes behind the segment's begin;
    ``columns`` of them belong to ``target`` (rows, columns) of the result.
    """

    segment: Segment
    skip: int
    length: int
    rows: int
    columns: slice
    target: tuple[slice, slice]

    @staticmethod
    def of(layout: Layout, segment: Segment, region: Region) -> Window:
        """The window that ``region`` has of a segment which it touches."""
        (_, y, x), (_, below, beyond) = region.start, region.stop
        (_, top, left), (height, width) = segment, layout.segment
        high, low = max(top, y), min(top + height, below)
        near, far = max(left, x), min(left + width, beyond)
        row = layout.row_bytes
        columns = slice(near - left, far - left)
        target = slice(high - y, low - y), slice(near - x, far - x)
        return Window(
            segment, (high - top) * row, (low - high) * row, low - high, columns, target
        )


def plain_rows(
    layout: Layout, data: bytes | memoryview, rows: int
) -> NDArray[np.generic]:
    """The sample that is read of plain rows, as they are stored, without a copy."""
    # any byte but zero is true, and numpy takes only 1 for it
    dtype = np.dtype(np.uint8) if layout.dtype.kind == "b" else layout.dtype
    shape = rows, layout.segment[1], layout.samples
    stored: NDArray[np.generic] = np.ndarray(shape, dtype, data)
    return stored[:, :, layout.sample]


def map_of(transport: Transport, url: str) -> FileMap | None:
    """The map of the local file at ``url``; None if it is not local, or has no bytes.

    Raises NotFoundError and AccessDeniedError as `Transport.mapped` does.
    """
    key, now = (transport.mirrors, url), time.monotonic()
    looked, recent = _recent.get(key, (0.0, None))
    if recent and now - looked <= FRESH and (file := recent()):
        return file
    file = transport.mapped(url)
    if file is not None:
        if len(_recent) >= MOST_FILES:
            _recent.clear()
        _recent[key] = now, weakref.ref(file)
    return file


def view(transport: Transport, url: str, start: int, length: int) -> memoryview | None:
    """Bytes of the local file at ``url``, to be copied at once; None as `map_of`.

    Raises TruncatedError where the file ends before.
    """
    file = map_of(transport, url)
    try:
        return None if file is None else file.view(start, length)
    except TruncatedError:
        # shorter or longer than it was: ask for the file as it is
        _recent.pop((transport.mirrors, url), None)
        file = map_of(transport, url)
        return None if file is None else file.view(start, length)

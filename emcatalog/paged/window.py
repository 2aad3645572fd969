"""Plain pages of local files: the window alone is copied, out of a map of the file."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emcatalog.geometry import Region
from emcatalog.paged.pieces import Segment, check_count
from emcatalog.paged.table import Layout, Page
from emcatalog.transport import FileMap


def plain_rows(
    layout: Layout, data: bytes | memoryview, rows: int
) -> NDArray[np.generic]:
    """The sample that is read of plain rows, as they are stored, without a copy."""
    # any byte but zero is true, and numpy takes only 1 for it
    dtype = np.dtype(np.uint8) if layout.dtype.kind == "b" else layout.dtype
    shape = rows, layout.segment[1], layout.samples
    stored: NDArray[np.generic] = np.ndarray(shape, dtype, data)
    return stored[:, :, layout.sample]


def copy_window(
    file: FileMap,
    layout: Layout,
    page: Page,
    place: tuple[int, Segment],
    region: Region,
    out: NDArray[np.generic],
) -> None:
    """Copy what one segment of section z has of ``region`` into ``out``.

    ``place`` is z and the segment. Raises FormatError for a segment too short for its
    rows, TruncatedError where the file ends before.
    """
    z, segment = place
    number, top, left = segment
    count = page.counts[number]
    if not count:
        return
    check_count(layout, page, z, segment, region)
    (first, y, x), (_, below, beyond) = region.start, region.stop
    row_bytes, (height, width) = layout.row_bytes, layout.segment
    high, low = max(top, y), min(top + height, below)
    at = page.offsets[number] + (high - top) * row_bytes
    rows = plain_rows(layout, file.view(at, (low - high) * row_bytes), low - high)
    near, far = max(left, x), min(left + width, beyond)
    out[z - first, high - y : low - y, near - x : far - x] = rows[
        :, near - left : far - left
    ]

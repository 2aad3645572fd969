"""Files of pages of any layout, for tests of the paged engine, and what they hold."""

from __future__ import annotations

import dataclasses
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from emcatalog.geometry import Region
from emcatalog.paged import Layout, Page


@dataclasses.dataclass(frozen=True)
class Zlib:
    """A codec of the tests."""

    dtype: str

    def decode(self, data: bytes, shape: tuple[int, int, int]) -> Any:
        return np.frombuffer(zlib.decompress(data), self.dtype).reshape(shape)


def write(
    path: Path, whole: np.ndarray[Any, Any], layout: Layout, random: Any
) -> tuple[Page, ...]:
    """Store ``whole`` (z, y, x, samples) as pages; segments at random places."""
    pages, body = [], bytearray(b"header")
    (height, width), (down, across) = layout.segment, layout.segments
    for section in whole:
        padded = np.zeros((down * height, across * width, layout.samples), layout.dtype)
        padded[: section.shape[0], : section.shape[1]] = section
        offsets, counts = [], []
        for row in range(down):
            for column in range(across):
                piece = padded[
                    row * height : (row + 1) * height,
                    column * width : (column + 1) * width,
                ]
                if across == 1:  # the last strip ends with the page
                    piece = piece[: layout.shape[0] - row * height]
                data = piece.tobytes()
                if layout.codec:
                    data = zlib.compress(data)
                body += bytes(int(random.integers(0, 30)))
                offsets.append(len(body))
                counts.append(len(data))
                body += data
        pages.append(Page(str(path), tuple(offsets), tuple(counts)))
    path.write_bytes(body)
    return tuple(pages)


@st.composite
def layouts(draw: st.DrawFn) -> tuple[Layout, int, int]:
    rows, columns = draw(st.integers(1, 25)), draw(st.integers(1, 25))
    tiled = draw(st.booleans())
    segment = draw(st.integers(1, 12)), draw(st.integers(1, 12)) if tiled else columns
    dtype = np.dtype(draw(st.sampled_from(["u1", "<i2", ">u2", ">f4", "<u8"])))
    samples = draw(st.integers(1, 3))
    layout = Layout(
        (rows, columns),
        dtype,
        segment,
        Zlib(dtype.str) if draw(st.booleans()) else None,
        samples,
        draw(st.integers(0, samples - 1)),
    )
    return layout, draw(st.integers(1, 4)), draw(st.integers(0, 2**32))


def boxes(shape: tuple[int, ...], random: Any) -> Region:
    spans = [sorted(random.integers(0, n + 1, 2)) for n in shape]
    (a, b), (c, d), (e, f) = ((int(p), int(q)) for p, q in spans)
    return Region((a, c, e), (b, d, f))


def plain(path: Path, shape: tuple[int, int, int], gap: int = 0) -> Any:
    """A file of plain pages with ``gap`` bytes between them: layout, pages, voxels."""
    depth, rows, columns = shape
    whole = np.random.default_rng(1).integers(0, 255, shape, np.uint8)
    blank = bytes(gap)
    path.write_bytes(b"head" + b"".join(p.tobytes() + blank for p in whole))
    layout = Layout((rows, columns), np.dtype("u1"), (rows, columns))
    size = rows * columns
    pages = tuple(
        Page(str(path), (4 + z * (size + gap),), (size,)) for z in range(depth)
    )
    return layout, pages, whole


def at(pages: tuple[Page | None, ...], url: str) -> tuple[Page | None, ...]:
    """The same pages at another place."""
    return tuple(page and dataclasses.replace(page, url=url) for page in pages)

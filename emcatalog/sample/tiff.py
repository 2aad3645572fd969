"""Two writers of multipage TIFF, byte for byte in the layouts of two programs.

`imagej` lays a stack out as ImageJ 1 does: the first directory, all pixels in one run,
then the other directories. `insight` lays it out as the Insight Toolkit over libtiff
does: the pixels of a page in strips of four rows, then its directory and its tables.
Both are classic TIFF (Adobe TIFF 6.0), 8 bits, uncompressed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

_ASCII, _SHORT, _LONG, _RATIONAL = 2, 3, 4, 5
_ROWS = 4
Entry = tuple[int, int, int, bytes]
"""Tag number, type, count, and the four bytes of the value or of its offset."""


def imagej(path: Path, stack: NDArray[np.uint8], description: str) -> None:
    """Write ``stack`` (z, y, x), big-endian, with 50 pixels per unit (20 nm in µm).

    ``description`` is repeated, as ImageJ does, in each directory (by its offset).
    """
    text = description.encode("ascii") + b"\0"
    directory = 2 + 13 * 12 + 4
    text_at = 8 + directory
    density_at = text_at + len(text)
    first = density_at + 16
    pages, rows, columns = stack.shape
    rest = first + stack.size
    with path.open("wb") as out:
        for page in range(pages):
            entries = _imagej_entries((rows, columns), len(text), text_at, first, page)
            last = page == pages - 1
            following = 0 if last else rest + page * directory
            if page == 0:
                out.write(struct.pack(">2sHI", b"MM", 42, 8))
            out.write(_directory(">", entries, following))
            if page == 0:
                out.write(text + struct.pack(">4I", *(50_000_000, 1_000_000) * 2))
                out.write(np.ascontiguousarray(stack).data)


def _imagej_entries(
    shape: tuple[int, int], length: int, text_at: int, first: int, page: int
) -> list[Entry]:
    rows, columns = shape
    size = rows * columns
    density_at = text_at + length

    def whole(tag: int, value: int, kind: int = _LONG, count: int = 1) -> Entry:
        return tag, kind, count, struct.pack(">I", value)

    def half(tag: int, value: int) -> Entry:
        return tag, _SHORT, 1, struct.pack(">HH", value, 0)

    return [
        whole(254, 0),
        whole(256, columns),
        whole(257, rows),
        half(258, 8),
        half(262, 1),
        whole(270, text_at, _ASCII, length),
        whole(273, first + page * size),
        half(277, 1),
        half(278, rows),
        whole(279, size),
        whole(282, density_at, _RATIONAL),
        whole(283, density_at + 8, _RATIONAL),
        half(296, 1),
    ]


def insight(path: Path, stack: NDArray[np.uint8]) -> None:
    """Write ``stack`` (z, y, x), little-endian, in strips of four rows, no scale.

    libtiff begins each directory at an even byte but not the pixels after it, so from
    page to page the offsets are not equally far apart.
    """
    with path.open("wb") as out:
        out.write(struct.pack("<2sHI", b"II", 42, 0))
        pointer = 4
        for page, image in enumerate(stack):
            begin = out.tell()
            out.write(np.ascontiguousarray(image).data)
            out.write(bytes(out.tell() % 2))
            here = out.tell()
            for part in _insight_page(image.shape, page, len(stack), begin, here):
                out.write(part)
            _link(out, pointer, here)
            pointer = here + 2 + 14 * 12


def _link(out: BinaryIO, pointer: int, target: int) -> None:
    """Make the directory before point to this one."""
    end = out.tell()
    out.seek(pointer)
    out.write(struct.pack("<I", target))
    out.seek(end)


def _insight_page(
    shape: Sequence[int], page: int, pages: int, begin: int, here: int
) -> Iterator[bytes]:
    """Yield the directory of one page and the tables it points to."""
    rows, columns = shape
    starts = range(0, rows, _ROWS)
    sizes = [min(_ROWS, rows - row) * columns for row in starts]
    offsets = [begin + row * columns for row in starts]
    strips = len(sizes)
    tables = here + 2 + 14 * 12 + 4
    program = b"InsightToolkit\0"

    def half(tag: int, *values: int) -> Entry:
        padded = (*values, 0)[:2]
        return tag, _SHORT, len(values), struct.pack("<HH", *padded)

    def whole(tag: int, value: int, kind: int = _LONG, count: int = 1) -> Entry:
        return tag, kind, count, struct.pack("<I", value)

    entries = [
        whole(254, 2),
        half(256, columns),
        half(257, rows),
        half(258, 8),
        half(259, 1),
        half(262, 1),
        whole(273, tables, count=strips),
        half(274, 1),
        half(277, 1),
        half(278, _ROWS),
        whole(279, tables + 4 * strips, count=strips),
        half(284, 1),
        half(297, page, pages),
        whole(305, tables + 8 * strips, _ASCII, len(program)),
    ]
    yield _directory("<", entries, 0)
    yield struct.pack(f"<{strips}I", *offsets)
    yield struct.pack(f"<{strips}I", *sizes)
    yield program


def _directory(order: str, entries: Sequence[Entry], following: int) -> bytes:
    parts = [struct.pack(f"{order}H", len(entries))]
    for tag, kind, count, value in entries:
        parts.append(struct.pack(f"{order}HHI", tag, kind, count) + value)
    parts.append(struct.pack(f"{order}I", following))
    return b"".join(parts)

"""PNG (W3C Portable Network Graphics, third edition): header and voxels.

Only what holds voxels is given to libpng: profiles, texts and animations are left out,
and so are the palette and the transparent colour, so that values are those stored.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from emcatalog.errors import CorruptError, TruncatedError
from emcatalog.transport import RangeReader
from emcatalog_images.exif import orientation
from emcatalog_images.picture import LARGEST, Picture, damaged, nanometres, several

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MOST_CHUNKS = 1000
"""Chunks that may stand before the voxels."""

_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Values in a pixel, by colour type."""

_BITS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_PALETTE = 3
_LAST_FILTER = 4
_ADAM7 = (
    (0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2),
    (1, 0, 2, 1),
)  # fmt: skip
"""First row, first column and steps along y and x of each pass of an interlaced PNG."""

_DENSEST = 1032
"""Deflate makes at most this many bytes of one."""


def picture(reader: RangeReader) -> Picture:
    """What the chunks before the voxels say."""
    head = reader.read(8, 25)
    width, height, bits, colour, method, filters, interlace = _ihdr(head)
    if bits not in _BITS.get(colour, ()) or method or filters or interlace > 1:
        raise damaged(
            f"colour type {colour}, {bits} bits, compression {method}, filter "
            f"{filters}, interlace {interlace}",
            "a combination that PNG has",
        )
    said = _ancillary(reader)
    return Picture(
        "png",
        (height, width),
        _SAMPLES[colour],
        2**bits - 1,
        colours=_palette(said) if colour == _PALETTE else b"",
        pixel_nm=_density(said.get(b"pHYs", b"")),
        orientation=orientation(said.get(b"eXIf", b"")),
    )


def _ihdr(head: bytes) -> tuple[int, ...]:
    (crc,) = struct.unpack(">I", head[21:])
    if head[:8] != b"\0\0\0\x0dIHDR" or crc != zlib.crc32(head[4:21]):
        raise damaged(f"{head[:8]!r} and a sum of {crc:#x}", "a whole chunk IHDR")
    return struct.unpack(">IIBBBBB", head[8:21])


def _ancillary(reader: RangeReader) -> dict[bytes, bytes]:
    """The chunks of interest that stand before the voxels."""
    place, found = 33, dict[bytes, bytes]()
    for _ in range(MOST_CHUNKS):
        length, kind = struct.unpack(">I4s", reader.read(place, 8))
        if kind == b"IDAT":
            return found
        if kind == b"acTL":
            frames = int.from_bytes(reader.read(place + 8, 4))
            if frames > 1:
                raise several(f"an animation of {frames} frames")
        if kind in (b"PLTE", b"pHYs", b"eXIf") and length <= LARGEST:
            found[kind] = reader.read(place + 8, length)
        place += 12 + length
        if kind == b"IEND" or length >= 1 << 31:
            break
    raise damaged("no chunk IDAT", f"one among the first {MOST_CHUNKS} chunks")


def _palette(said: dict[bytes, bytes]) -> bytes:
    colours = said.get(b"PLTE", b"")
    if not colours or len(colours) % 3:
        raise damaged(f"a palette of {len(colours)} bytes", "three for each colour")
    return colours


def _density(data: bytes) -> tuple[float, float]:
    if len(data) != 9 or data[8] != 1:  # without a unit it is a ratio of sides
        return 0.0, 0.0
    x, y = struct.unpack(">II", data[:8])
    return nanometres(y, 1e9), nanometres(x, 1e9)


def decode(data: bytes, expected: Picture) -> NDArray[np.generic]:
    """The stored values, rows by columns by samples.

    Raises TruncatedError for a file without its end, CorruptError for one too short
    for its pixels, and what libpng finds wrong.
    """
    parts = list(_voxel_chunks(data))
    rows, columns = expected.shape
    row = -(-columns * expected.samples * expected.highest.bit_length() // 8)
    if rows * row > _DENSEST * sum(map(len, parts)):
        raise CorruptError(
            got=f"{sum(map(len, parts))} compressed bytes for {rows * row}",
            expected=f"at least one for {_DENSEST}",
            hint="the header is damaged, or made to harm",
        )
    head = data[8:33]
    if head[17] == _PALETTE:  # stored like grey: libpng would turn it into colours
        body = head[4:17] + b"\0" + head[18:21]
        head = head[:4] + body + struct.pack(">I", zlib.crc32(body))
    pixel = expected.samples * expected.highest.bit_length()
    _ensure_whole(parts, _passes(expected.shape, pixel, interlaced=bool(head[20])))
    plain = b"".join((SIGNATURE, head, *parts, b"\0\0\0\0IEND\xaeB`\x82"))
    values: NDArray[Any] = np.asarray(imagecodecs.png_decode(plain))
    if expected.highest < 255:  # libpng spreads one, two and four bits over eight
        values = values // np.uint8(255 // expected.highest)
    return values


def _passes(
    shape: tuple[int, int], pixel: int, *, interlaced: bool
) -> list[tuple[int, int]]:
    """Rows and bytes of a row, its filter's included, of each pass that has any.

    ``pixel`` is in bits.
    """
    steps = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    sizes = (
        (len(range(y, shape[0], dy)), len(range(x, shape[1], dx)))
        for y, x, dy, dx in steps
    )
    return [(rows, 1 + -(-n * pixel // 8)) for rows, n in sizes if rows and n]


def _ensure_whole(parts: Sequence[bytes], passes: Sequence[tuple[int, int]]) -> None:
    """Raise CorruptError unless the chunks IDAT hold just the rows of all passes.

    libpng as imagecodecs calls it is not safe on damaged data: it is only given what
    was found sound here.
    """
    for part in parts:
        (crc,) = struct.unpack_from(">I", part, len(part) - 4)
        if crc != zlib.crc32(part[4:-4]):
            raise damaged("a chunk IDAT that does not fit its sum", "a sound one")
    size = sum(rows * row for rows, row in passes)
    unpacker = zlib.decompressobj()
    try:
        rows_of_bytes = unpacker.decompress(
            b"".join(part[8:-4] for part in parts), size + 1
        )
    except zlib.error as error:
        raise damaged(f"data that do not unpack ({error})", "rows") from error
    if len(rows_of_bytes) != size or not unpacker.eof:
        raise damaged(f"{len(rows_of_bytes)} bytes of rows", f"{size}")
    filters = np.frombuffer(rows_of_bytes, np.uint8)
    for rows, row in passes:
        if filters[: rows * row : row].max() > _LAST_FILTER:
            raise damaged("rows of an unknown filter", "filters 0 to 4")
        filters = filters[rows * row :]


def _voxel_chunks(data: bytes) -> Iterator[bytes]:
    place = 33
    while place + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        stop = place + 12 + length
        if kind == b"IDAT" and stop <= len(data):
            yield data[place:stop]
        if kind == b"IEND":
            return
        place = stop
    raise TruncatedError(
        got=f"a file of {len(data)} bytes without its last chunk",
        expected=f"at least {max(place + 12, len(data) + 1)} bytes",
        hint="the file is cut short: fetch it again",
    )

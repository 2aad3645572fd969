"""BMP (Microsoft's device-independent bitmaps, uncompressed): header and voxels.

Values of pictures with a palette are indices into it; a grey picture has the palette
of its values. Rows are stored from the lowest up.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from emcatalog.errors import FormatError, TruncatedError
from emcatalog.transport import RangeReader
from emcatalog_images.picture import Picture, damaged, nanometres

SIGNATURE = b"BM"
_INFO = (40, 52, 56, 64, 108, 124)
"""Lengths of the headers that begin as BITMAPINFOHEADER does."""


def picture(reader: RangeReader) -> Picture:
    """What the two headers and the palette say."""
    start, length = struct.unpack("<II", reader.read(10, 8))
    if length not in _INFO:
        raise damaged(f"a header of {length} bytes", "one of 40 bytes or more")
    width, height, planes, bits, packing, _, across, down, used = struct.unpack(
        "<iiHHIIiiI", reader.read(18, 32)
    )
    if planes != 1 or packing or bits not in (1, 4, 8, 24, 32):
        raise FormatError(
            got=f"a BMP of {bits} bits, compression {packing}",
            expected="an uncompressed one of 1, 4, 8, 24 or 32 bits",
            hint="convert it, for instance to PNG",
        )
    table = 14 + length
    room = 4 * min(used or 1 << bits, 256) if bits <= 8 else 0
    if start < table + room:
        raise damaged(f"voxels at byte {start}", "a place behind the palette")
    return Picture(
        "bmp",
        (abs(height), width),
        1 if bits <= 8 else 3,
        (1 << min(bits, 8)) - 1,
        colours=reader.read(table, room) if room else b"",
        start=start,
        pixel_nm=(nanometres(down, 1e9), nanometres(across, 1e9)),
    )


def decode(data: bytes, expected: Picture) -> NDArray[np.generic]:
    """The stored values, rows by columns by samples (red, green and blue).

    Raises TruncatedError for a file that ends before its voxels do.
    """
    rows, columns = expected.shape
    upwards = int.from_bytes(data[22:26], "little", signed=True) > 0
    bits = int.from_bytes(data[28:30], "little")
    row = -(-columns * bits // 32) * 4
    if len(data) < expected.start + rows * row:
        raise TruncatedError(
            got=f"a file of {len(data)} bytes",
            expected=f"{expected.start + rows * row}, as its header says",
            hint="the file is cut short: fetch it again",
        )
    stored = np.frombuffer(data, np.uint8, rows * row, expected.start)
    stored = stored.reshape(rows, row)[:: -1 if upwards else 1]
    return np.ascontiguousarray(_values(stored, bits, columns))


def _values(stored: NDArray[np.uint8], bits: int, columns: int) -> NDArray[np.generic]:
    if bits >= 24:  # blue, green, red, and a byte that means nothing
        step = bits // 8
        pixels = stored[:, : columns * step].reshape(len(stored), columns, step)
        return pixels[..., 2::-1]
    if bits == 1:
        return np.unpackbits(stored, axis=1, count=columns)
    if bits == 4:
        halves = np.stack([stored >> 4, stored & 15], axis=-1)
        return halves.reshape(len(stored), -1)[:, :columns]
    return stored[:, :columns]

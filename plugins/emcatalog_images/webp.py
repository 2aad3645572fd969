"""WebP (RFC 9649): header and voxels. A pixel has three or four samples."""

from __future__ import annotations

import struct

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from emcatalog.errors import TruncatedError
from emcatalog.transport import RangeReader
from emcatalog_images.picture import Picture, damaged, several

SIGNATURE = b"RIFF"
MOST_CHUNKS = 100
_ANIMATION, _ALPHA = 0x02, 0x10


def picture(reader: RangeReader) -> Picture:
    """What the first chunks say: the size, and which of the two codings it has."""
    if reader.read(8, 4) != b"WEBP":
        raise damaged(f"RIFF {reader.peek(8, 4)!r}", "a picture, RIFF WEBP")
    place, alpha = 12, False
    for _ in range(MOST_CHUNKS):
        kind, length = struct.unpack("<4sI", reader.read(place, 8))
        if kind == b"VP8X":
            flags = reader.read(place + 8, 1)[0]
            if flags & _ANIMATION:
                raise several("an animation")
            alpha = bool(flags & _ALPHA)
        elif kind == b"VP8 ":
            return _lossy(reader.read(place + 8, 10), alpha)
        elif kind == b"VP8L":
            return _lossless(reader.read(place + 8, 5))
        place += 8 + length + length % 2
    raise damaged("no voxels in the first chunks", "a chunk VP8 or VP8L")


def _lossy(head: bytes, alpha: bool) -> Picture:
    if head[3:6] != b"\x9d\x01\x2a":
        raise damaged(f"the code {head[3:6]!r}", "the start of a key frame")
    width, height = struct.unpack("<HH", head[6:])
    size = height & 0x3FFF, width & 0x3FFF
    return Picture("webp", size, 4 if alpha else 3, 255, lossy=1)


def _lossless(head: bytes) -> Picture:
    signature, bits = struct.unpack("<BI", head)
    if signature != 0x2F:
        raise damaged(f"the code {signature:#x}", "the start of lossless WebP")
    size = (bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1
    return Picture("webp", size, 4 if bits >> 28 & 1 else 3, 255)


def decode(data: bytes, expected: Picture) -> NDArray[np.generic]:
    """The values, rows by columns by samples: red, green, blue and perhaps alpha.

    Raises TruncatedError for a file shorter than it says, and what libwebp finds
    wrong.
    """
    length = 8 + int.from_bytes(data[4:8], "little")
    if len(data) < length:
        raise TruncatedError(
            got=f"a file of {len(data)} bytes",
            expected=f"{length}, as its header says",
            hint="the file is cut short: fetch it again",
        )
    return np.asarray(imagecodecs.webp_decode(data, hasalpha=expected.samples == 4))

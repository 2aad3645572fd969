"""Pictures for tests, written by the book: every bit depth, and what libraries omit."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport
from emcatalog.volume import Pyramid
from emcatalog_images import open_pyramid

TRANSPORT = Transport(mirrors=Mirrors(), attempts=1)

ADAM7 = (
    (0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2),
    (1, 0, 2, 1),
)  # fmt: skip
"""First row, first column and the steps of each pass of an interlaced PNG."""


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + check


def packed(row: NDArray[Any], bits: int) -> bytes:
    """Values of one row, from the highest bit down."""
    if bits == 16:
        return row.astype(">u2").tobytes()
    values = row.reshape(-1).astype(np.uint8)
    spread = np.unpackbits(values[:, np.newaxis], axis=1)[:, -bits:]
    return np.packbits(spread.reshape(-1)).tobytes()


def png(
    values: NDArray[Any],
    bits: int = 8,
    colour: int = 0,
    *,
    interlaced: bool = False,
    extra: bytes = b"",
) -> bytes:
    """A PNG of ``values`` (y, x) or (y, x, samples); ``extra`` are chunks."""
    height, width = values.shape[:2]
    passes = ADAM7 if interlaced else ((0, 0, 1, 1),)
    parts = [values[y::dy, x::dx] for y, x, dy, dx in passes]
    rows = (row for part in parts if part.size for row in part)
    body = zlib.compress(b"".join(b"\0" + packed(row, bits) for row in rows))
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, int(interlaced))
    half = len(body) // 2
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", head),
            extra,
            chunk(b"IDAT", body[:half]),
            chunk(b"IDAT", body[half:]),
            chunk(b"tEXt", b"Comment\0behind the voxels"),
            chunk(b"IEND"),
        )
    )


def bmp(
    values: NDArray[Any], bits: int = 8, *, upwards: bool = True, per_metre: int = 2835
) -> bytes:
    """An uncompressed BMP of ``values`` (y, x) or (y, x, red green blue)."""
    height, width = values.shape[:2]
    if bits >= 24:
        alpha = [np.zeros((height, width, 1), np.uint8)] * (bits == 32)
        values = np.concatenate([values[..., ::-1], *alpha], axis=-1)
    rows = [packed(row, min(bits, 8)) for row in values]
    body = b"".join(row + bytes(-len(row) % 4) for row in rows[:: -1 if upwards else 1])
    table = b""
    if bits <= 8:
        ramp = np.linspace(0, 255, 1 << bits).astype(np.uint8)
        table = np.stack([ramp, ramp, ramp, 0 * ramp], axis=1).tobytes()
    start = 54 + len(table)
    size = height if upwards else -height
    info = struct.pack(
        "<IiiHHIIiiII", 40, width, size, 1, bits, 0, 0, per_metre, per_metre, 0, 0
    )
    return (
        struct.pack("<2sIHHI", b"BM", start + len(body), 0, 0, start)
        + info
        + (table + body)
    )


def exif(orientation: int) -> bytes:
    """The TIFF structure of EXIF with one tag."""
    return struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, 0x112, 3, 1, orientation, 0, 0)


def noise(shape: tuple[int, ...], highest: int = 255, seed: int = 0) -> NDArray[Any]:
    random = np.random.default_rng(seed)
    kind = np.uint8 if highest < 256 else np.uint16
    return random.integers(0, highest, shape, kind, endpoint=True)


def tissue(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    y, x = np.ogrid[:height, :width]
    waves = 90 * np.sin(y / 9 + seed) + 60 * np.cos(x / 7)
    return (128 + waves / 2 + noise((height, width), 20, seed)).astype(np.uint8)


def opened(path: Path, data: bytes | None = None, **options: Any) -> Pyramid:
    if data is not None:
        path.write_bytes(data)
    options.setdefault("voxel_size_nm", 5)
    return open_pyramid(str(path), TRANSPORT, **options)


def read(path: Path, data: bytes | None = None, **options: Any) -> NDArray[np.generic]:
    """The only section of a picture."""
    volume = opened(path, data, **options).level(0)
    (section,) = volume.read(volume.grid.region)
    return np.asarray(section)

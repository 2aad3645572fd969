"""Files that declare much or unfold: TIFF, pictures, DM.

Every case runs in a process of its own whose memory limit is 64 MiB. What comes out is
an error of ours or voxels, and the process never grows by more than `bounded.BOUND` (a
case that has another bound says why).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest

from bounded import (
    BOUND,
    MIB,
    VOXEL,
    kept,
    measured,
    opened,
    packed_zeros,
)


def tiff(
    tags: Mapping[int, tuple[int, int, int]], strip: bytes, following: int = 0
) -> bytes:
    """A TIFF of one page; ``tags`` are type, count and value; the strip is at 8."""
    place = 8 + len(strip) + len(strip) % 2
    rows = b"".join(
        struct.pack("<HHII", code, *tag) for code, tag in sorted(tags.items())
    )
    head = struct.pack("<4sI", b"II*\0", place)
    table = struct.pack("<H", len(tags)) + rows + struct.pack("<I", following)
    return head + strip.ljust(place - 8, b"\0") + table


def grey(rows: int, columns: int, compression: int, count: int) -> dict[int, Any]:
    """Tags of a grey page in one strip."""
    return {
        256: (4, 1, columns),
        257: (4, 1, rows),
        258: (3, 1, 8),
        259: (3, 1, compression),
        262: (3, 1, 1),
        273: (4, 1, 8),
        277: (3, 1, 1),
        278: (4, 1, rows),
        279: (4, 1, count),
    }


TIFF_CODES = {"deflate": 8, "zstd": 50000, "lzma": 34925, "packbits": 32773}


@pytest.mark.parametrize("codec", TIFF_CODES)
@pytest.mark.parametrize("size", [(16, 16), (28000, 28000)])
def test_tiff_strips_that_unfold(
    tmp_path: Path, codec: str, size: tuple[int, int]
) -> None:
    """A strip is unpacked to its declared size, which the memory limit bounds."""
    strip = packed_zeros(codec)
    place = tmp_path / "a.tif"
    place.write_bytes(tiff(grey(*size, TIFF_CODES[codec], len(strip)), strip))
    found = measured(opened, "tiff", str(place), VOXEL)
    if size == (16, 16):  # the segment is too long to be one, or is cut
        kept(found, "str", "FormatError", "CorruptError", bound=BOUND)
    else:
        kept(found, "MemoryLimitError", "CorruptError", "FormatError")


def png(rows: int, columns: int, data: bytes = b"") -> bytes:
    """A PNG picture of any declared size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    head = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    body = chunk(b"IDAT", data or zlib.compress(b"\0"))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + body + chunk(b"IEND", b"")


def jpeg(rows: int, columns: int) -> bytes:
    """A JPEG picture whose frame says another size than it has."""
    whole = bytes(imagecodecs.jpeg8_encode(np.zeros((8, 8), np.uint8)))
    at = whole.index(b"\xff\xc0") + 5
    return whole[:at] + struct.pack(">HH", rows, columns) + whole[at + 4 :]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("1.png", png(60000, 60000)),
        ("1.png", png(2**31 - 1, 2**31 - 1)),
        ("1.jpg", jpeg(65000, 65000)),
        ("1.pgm", b"P5 60000 60000 255\n"),
        ("1.pgm", b"P5 99999999999 99999999999 255\n"),
    ],
)
def test_pictures_of_giant_size(tmp_path: Path, name: str, content: bytes) -> None:
    """Nothing is allocated for a picture that is larger than the memory limit."""
    (tmp_path / name).write_bytes(content)
    found = measured(opened, "images", str(tmp_path / name), VOXEL)
    kinds = ("MemoryLimitError", "CorruptError", "FormatError", "TruncatedError")
    kept(found, *kinds, "GeometryError")


def test_a_png_that_unfolds(tmp_path: Path) -> None:
    """A picture of 28000 x 28000 zeros takes 800 kB: it is above the memory limit."""
    (tmp_path / "1.png").write_bytes(png(28000, 28000, packed_zeros("deflate")))
    found = measured(opened, "images", str(tmp_path / "1.png"), VOXEL)
    kept(found, "MemoryLimitError", "CorruptError", "FormatError")


def dm3(*tags: bytes) -> bytes:
    """A DM3 file of these tags."""
    body = b"\1\0" + struct.pack(">I", len(tags)) + b"".join(tags)
    return struct.pack(">III", 3, len(body), 1) + body + bytes(8)


def value(*codes: int, name: bytes = b"Data", data: bytes = b"") -> bytes:
    kind = struct.pack(f">{1 + len(codes)}I", len(codes), *codes)
    return struct.pack(">BH", 21, len(name)) + name + b"%%%%" + kind + data


def many_tags() -> bytes:
    """A group that says it has 2^32 - 1 members, and 4 MB of them."""
    return struct.pack(">IIIHI", 3, 0, 1, 256, 2**32 - 1) + value(
        3, name=b"", data=bytes(4)
    ) * (4 * MIB // 20)


DM3 = {
    "array": dm3(value(20, 12, 2**32 - 1)),
    "text": dm3(value(18, 2**32 - 1)),
    "structure": dm3(value(15, 0, 2**31, *(0, 3) * 20)),
    "codes": dm3(struct.pack(">BHI", 21, 0, 0)[:3] + b"%%%%" + b"\xff" * 4),
    "groups": dm3(struct.pack(">BH", 20, 0) + b"\1\0" + b"\xff" * 4) * 3,
    "nested": struct.pack(">III", 3, 0, 1)
    + (b"\1\0" + struct.pack(">IBH", 1, 20, 0)) * 50000,
    "many": many_tags(),
}


@pytest.mark.parametrize("name", DM3)
def test_dm_tags_of_giant_size(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.dm3").write_bytes(DM3[name])
    found = measured(opened, "dm3", str(tmp_path / "a.dm3"), VOXEL)
    kept(found, "FormatError", "TruncatedError", bound=64 * MIB)


def test_a_dm4_array_of_a_tebibyte(tmp_path: Path) -> None:
    kind = struct.pack(">QQQQ", 3, 20, 10, 2**40)
    tag = struct.pack(">BHQ", 21, 0, 2**40) + b"%%%%" + kind
    body = b"\1\0" + struct.pack(">Q", 1) + tag
    place = tmp_path / "a.dm4"
    place.write_bytes(struct.pack(">IQI", 4, len(body), 1) + body + bytes(64))
    kept(measured(opened, "dm3", str(place), VOXEL), "TruncatedError", "FormatError")


def bad_tags(**changes: tuple[int, int, int]) -> dict[int, Any]:
    """Tags of a small page, some of them changed."""
    return grey(4, 4, 1, 16) | {int(k[1:]): v for k, v in changes.items()}


TIFFS = {
    "strips": tiff(bad_tags(_273=(4, 2**32 - 1, 8), _279=(4, 2**32 - 1, 8)), bytes(16)),
    "rows of a strip": tiff(
        bad_tags(_257=(4, 1, 2**32 - 1), _278=(4, 1, 1)), bytes(16)
    ),
    "samples": tiff(bad_tags(_277=(3, 1, 65535), _258=(3, 65535, 8)), bytes(16)),
    "size": tiff(bad_tags(_256=(4, 1, 2**31), _257=(4, 1, 2**31)), bytes(16)),
    "text": tiff(bad_tags(_270=(2, 2**32 - 1, 8)), bytes(16)),
    "loop": tiff(bad_tags(), bytes(16), following=24),
    "tags": tiff(bad_tags(), bytes(16))[:24] + b"\xff\xff" + bytes(800_000),
}


@pytest.mark.parametrize("name", TIFFS)
def test_tiff_headers_of_giant_size(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.tif").write_bytes(TIFFS[name])
    found = measured(opened, "tiff", str(tmp_path / "a.tif"), VOXEL)
    kinds = ("FormatError", "TruncatedError", "GeometryError", "MemoryLimitError")
    kept(found, *kinds, "str" if name == "text" else "CorruptError")


def laughs() -> bytes:
    """OME-XML whose entities stand for 10^9 others."""
    entities = [b'<!ENTITY a0 "ha">']
    entities += [
        b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 10)
    ]
    text = b"<!DOCTYPE OME [%s]>" % b"".join(entities)
    return b'<?xml version="1.0"?>' + text + b"<OME><Image>&a9;</Image></OME>"


def test_an_xml_bomb(tmp_path: Path) -> None:
    """A document type is not read at all."""
    text = laughs() + b"\0"
    tags = bad_tags(_270=(2, len(text), 24))
    (tmp_path / "a.ome.tif").write_bytes(tiff(tags, bytes(16) + text))
    found = measured(opened, "tiff", str(tmp_path / "a.ome.tif"), VOXEL)
    kept(found, "FormatError", bound=64 * MIB)

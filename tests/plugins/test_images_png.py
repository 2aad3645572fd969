"""Pictures whose data lie: libpng is given none of them."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest

from emcatalog.errors import EmcatalogError
from emcatalog_images import ImagesSource


def stream(rows: bytes, cut: int = 0) -> bytes:
    """An 8-bit grey PNG of 4 x 4 whose sums are right, whatever ``rows`` are."""
    head = struct.pack(">IIBBBBB", 4, 4, 8, 0, 0, 0, 0)
    packed = zlib.compress(rows)
    chunks = ((b"IHDR", head), (b"IDAT", packed[: len(packed) - cut]), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body
        + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )  # fmt: skip


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (stream(bytes(19)), "19 bytes of rows"),
        (stream(bytes(21)), "21 bytes of rows"),
        (stream(b"\x05" + bytes(19)), "unknown filter"),
        (stream(bytes(20), cut=3), "bytes of rows"),
        (stream(bytes(20)).replace(b"x\x9c", b"x\x9d", 1), "does not fit its sum"),
    ],
)
def test_a_damaged_png_never_reaches_libpng(
    tmp_path: Path, data: bytes, words: str
) -> None:
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(EmcatalogError, match=words):
        ImagesSource(str(tmp_path / "a.png"), voxel_size_nm=1).read()


def test_a_sound_png_made_by_hand_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(stream(bytes(20)))
    assert not ImagesSource(str(tmp_path / "a.png"), voxel_size_nm=1).read().any()

"""The smallest TIFF that a test needs: directories of numbers, and given bytes.

Format: Adobe TIFF 6.0, section 2.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Ratio:
    """A rational number, as resolutions are."""

    numerator: int
    denominator: int


Value = int | float | Sequence[int] | str | Ratio
Tags = Mapping[int, Value]


def write(path: Path, pages: Sequence[tuple[Tags, bytes]], order: str = "<") -> Path:
    """One directory for each of ``pages``, which are tags and the bytes of one strip.

    StripOffsets (273) and StripByteCounts (279) are filled in where they are missing.
    """
    out = bytearray(
        (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 0)
    )
    pointer = 4
    for tags, segment in pages:
        begin = len(out)
        out += segment + b"\0" * (len(segment) % 2)
        whole = {273: begin, 279: len(segment), **tags}
        entries = [_entry(out, code, whole[code], order) for code in sorted(whole)]
        struct.pack_into(f"{order}I", out, pointer, len(out))
        out += struct.pack(f"{order}H", len(entries)) + b"".join(entries)
        pointer = len(out)
        out += bytes(4)
    path.write_bytes(out)
    return path


def _entry(out: bytearray, code: int, value: Value, order: str) -> bytes:
    """An entry of a directory; values of more than four bytes go to the end."""
    if isinstance(value, str):
        kind, count, data = 2, len(value) + 1, value.encode() + b"\0"
    elif isinstance(value, float):
        kind, count, data = 11, 1, struct.pack(f"{order}f", value)
    elif isinstance(value, Ratio):
        parts = value.numerator, value.denominator
        kind, count, data = 5, 1, struct.pack(f"{order}2I", *parts)
    else:
        numbers = [value] if isinstance(value, int) else list(value)
        kind, count = 4, len(numbers)
        data = struct.pack(f"{order}{count}I", *numbers)
    if len(data) > 4:
        place = len(out)
        out += data + b"\0" * (len(data) % 2)
        data = struct.pack(f"{order}I", place)
    return struct.pack(f"{order}HHI", code, kind, count) + data.ljust(4, b"\0")


SCHEMES = {
    "none": 1, "lzw": 5, "jpeg": 7, "zlib": 8, "packbits": 32773, "pixarlog": 32909,
    "jpeg2000": 34712, "lerc": 34887, "lzma": 34925, "png": 34933,
    "zstd": 50000, "webp": 50001, "jpegxl": 50002,
}  # fmt: skip


def encoded(
    path: Path,
    segment: bytes,
    shape: tuple[int, ...],
    scheme: str | int = "none",
    *,
    bits: int = 8,
    order: str = "<",
    **tags: int,
) -> Path:
    """A TIFF of one strip, whose bytes are given; further tags are called t339 ..."""
    samples = shape[2] if len(shape) == 3 else 1
    own = {
        256: shape[1], 257: shape[0], 258: [bits] * samples,
        259: scheme if isinstance(scheme, int) else SCHEMES[scheme],
        262: 2 if samples == 3 else 1, 277: samples, 278: shape[0],
        **{int(name[1:]): value for name, value in tags.items()},
    }  # fmt: skip
    return write(path, [(own, bytes(segment))], order)

"""The smallest TIFF that a test needs: directories of numbers, and given bytes.

Format: Adobe TIFF 6.0, section 2.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

Value = int | float | Sequence[int] | str
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
    else:
        numbers = [value] if isinstance(value, int) else list(value)
        kind, count = 4, len(numbers)
        data = struct.pack(f"{order}{count}I", *numbers)
    if len(data) > 4:
        place = len(out)
        out += data + b"\0" * (len(data) % 2)
        data = struct.pack(f"{order}I", place)
    return struct.pack(f"{order}HHI", code, kind, count) + data.ljust(4, b"\0")

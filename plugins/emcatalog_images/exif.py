"""The orientation that a camera noted: EXIF 2.32, tag 0x0112 of the first directory."""

from __future__ import annotations

import struct

_TAG, _SHORT = 0x0112, 3


def orientation(data: bytes) -> int:
    """1 to 8 as in EXIF, 0 if ``data`` (which begin as a TIFF) say nothing sound."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 10:
        return 0
    (place,) = struct.unpack_from(f"{order}I", data, 4)
    if place + 2 > len(data):
        return 0
    (count,) = struct.unpack_from(f"{order}H", data, place)
    for number in range(count):
        entry = data[place + 2 + 12 * number :][:12]
        if len(entry) < 12:
            return 0
        tag, kind, _, value = struct.unpack(f"{order}HHIH2x", entry)
        if (tag, kind) == (_TAG, _SHORT):
            return value if 1 <= value <= 8 else 0
    return 0

"""JPEG (ITU-T T.81): header and voxels.

JPEG has no checksum, and libjpeg fills what is missing with one grey value, without an
error. So a file must have its end; and a picture that ends in one grey value is proved
whole by a second library, which reads every code.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from emcatalog.errors import CorruptError, FormatError, TruncatedError
from emcatalog.transport import RangeReader
from emcatalog_images.exif import orientation
from emcatalog_images.picture import Picture, damaged, nanometres, several

SIGNATURE = b"\xff\xd8\xff"

_FRAMES = {0xC0: (8, 8), 0xC1: (8, 12), 0xC2: (8, 12), 0xC3: (2, 16)}
"""Least and most bits of the frames that are read: baseline, extended, progressive
and lossless, all with Huffman's codes."""

_LOSSLESS = 0xC3
_NO_FRAMES = (0xC4, 0xC8, 0xCC)
_SCAN, _END = 0xDA, 0xD9
_ALONE = (0x01, *range(0xD0, 0xD9))
"""Markers without a segment."""

_CODES_END = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")
_MOST_MARKERS = 1000


def picture(reader: RangeReader) -> Picture:
    """What the segments before the first scan say."""
    density, turned = (0.0, 0.0), 0
    for marker, place, length in _segments(reader):
        if marker == 0xE0 and reader.peek(place, 5) == b"JFIF\0":
            density = _density(reader.peek(place + 7, 5))
        elif marker == 0xE1 and reader.peek(place, 6) == b"Exif\0\0":
            turned = orientation(reader.peek(place + 6, max(length - 6, 1)))
        elif marker == 0xE2 and reader.peek(place, 4) == b"MPF\0":
            raise several("a JPEG of several pictures (MPF)")
        elif 0xC0 <= marker <= 0xCF and marker not in _NO_FRAMES:
            return _frame(marker, reader.read(place, 6), density, turned)
        elif marker in (_SCAN, _END):
            break
    raise damaged("no frame before the first scan", "one")


def _segments(reader: RangeReader) -> Iterator[tuple[int, int, int]]:
    """Marker, place and length of each segment."""
    place = 2
    for _ in range(_MOST_MARKERS):
        lead, marker, length = struct.unpack(">BBH", reader.read(place, 4))
        if lead == marker == 0xFF:  # any number of these may stand before a marker
            place += 1
            continue
        if lead != 0xFF or marker in (0, *_ALONE) or length < 2:
            raise damaged(f"{lead:#x} {marker:#x} at byte {place}", "a marker")
        yield marker, place + 4, length - 2
        place += 2 + length
    raise damaged(f"{_MOST_MARKERS} segments before the first scan", "a frame")


def _density(data: bytes) -> tuple[float, float]:
    unit = {1: 2.54e7, 2: 1e7}.get(data[0] if data else 0)
    if unit is None or len(data) < 5:  # without a unit it is a ratio of sides
        return 0.0, 0.0
    x, y = struct.unpack(">HH", data[1:])
    return nanometres(y, unit), nanometres(x, unit)


def _frame(
    marker: int, data: bytes, density: tuple[float, float], turned: int
) -> Picture:
    bits, height, width, samples = struct.unpack(">BHHB", data)
    least, most = _FRAMES.get(marker, (0, 0))
    if not least <= bits <= most or samples not in (1, 3):
        raise FormatError(
            got=f"a JPEG of the frame type {marker - 0xC0}, {bits} bits, {samples} "
            "samples in a pixel",
            expected="baseline, progressive or lossless with Huffman's codes, grey or "
            "three colours",
            hint="convert it, for instance to PNG",
        )
    return Picture(
        "jpeg",
        (height, width),
        samples,
        2**bits - 1,
        lossy=int(marker != _LOSSLESS),
        pixel_nm=density,
        orientation=turned,
    )


def decode(data: bytes, expected: Picture) -> NDArray[np.generic]:
    """The values, rows by columns by samples; colours are red, green and blue.

    Raises TruncatedError for a file without its end, CorruptError for one too short
    for its pixels or with codes missing, and what libjpeg finds wrong.
    """
    ensure_complete(data)
    rows, columns = expected.shape
    # a block of 8 x 8 takes a bit at least; colours may have 16 times fewer blocks
    if rows * columns > len(data) * (512 if expected.samples == 1 else 8192):
        raise CorruptError(
            got=f"{len(data)} bytes for {rows} x {columns} pixels",
            expected="a bit for each block of 8 x 8",
            hint="the header is damaged, or made to harm",
        )
    values: NDArray[np.generic] = np.asarray(imagecodecs.jpeg8_decode(data))
    if expected.lossy and expected.highest == 255 and _ends_flat(values):
        _ensure_every_code(data)
    return values


def ensure_complete(data: bytes) -> None:
    """Raise TruncatedError unless the scans are followed by the end of the picture."""
    place = 2
    while place + 4 <= len(data):
        if data[place] != 0xFF:
            break
        marker = data[place + 1]
        if marker == 0xFF:
            place += 1
            continue
        place += 2 + (0 if marker in _ALONE else int.from_bytes(data[place + 2 :][:2]))
        if marker == _SCAN:
            found = _CODES_END.search(data, place)
            place = found.end() - 2 if found else len(data)
    if data[place : place + 2] != b"\xff\xd9":
        raise TruncatedError(
            got=f"a JPEG of {len(data)} bytes without an end",
            expected="the marker FF D9 behind its scans",
            hint="the file is cut short or damaged: fetch it again",
        )


def _ends_flat(values: NDArray[np.generic]) -> bool:
    corner = values[-8:, -16:]
    return bool((corner == values[-1, -1]).all())


def _ensure_every_code(data: bytes) -> None:
    try:
        imagecodecs.jpegxl_encode_jpeg(data)
    except imagecodecs.JpegxlError as error:
        raise CorruptError(
            got="codes that end before the picture does",
            expected="a code for each block of pixels",
            hint="the file is damaged: fetch it again",
        ) from error

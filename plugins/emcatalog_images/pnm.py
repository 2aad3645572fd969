"""PBM, PGM and PPM (Netpbm's formats P1 to P6): header and voxels.

Values stay as they are stored: those of a PGM whose largest is 100 end at 100, and in
a PBM 1 is black. Raw PGM and PPM are read by byte ranges and need no decoder.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from emcatalog.errors import CorruptError, FormatError, TruncatedError
from emcatalog.transport import RangeReader
from emcatalog_images.picture import LARGEST, Picture, damaged, several

SIGNATURE = re.compile(rb"P[1-6][\s#]")

_KINDS = {
    b"1": "plain pbm", b"2": "plain pgm", b"3": "plain ppm",
    b"4": "pbm", b"5": "pgm", b"6": "ppm",
}  # fmt: skip
_BITMAPS = ("plain pbm", "pbm")
RAW = ("pgm", "ppm")
"""Kinds whose stored bytes are the values, big-endian."""

_NUMBER = re.compile(rb"(?:\s|#[^\r\n]*[\r\n])+([0-9]{1,9})(?![0-9])")
_DELIMITER = re.compile(rb"(?:#[^\r\n]*)?\s")
_COMMENT = re.compile(rb"#[^\r\n]*")
_DIGITS, _WHITE = b"0123456789", b" \t\n\v\f\r"


def picture(reader: RangeReader) -> Picture:
    """What the numbers before the voxels say."""
    for length in (512, LARGEST):
        found = _picture(reader.peek(0, length))
        if found:
            return found
    raise damaged("a header without its numbers", "width, height and largest value")


def _picture(head: bytes) -> Picture | None:
    """The picture, or None if ``head`` ends before the header does."""
    kind = _KINDS[head[1:2]]
    numbers, place = [], 2
    for _ in range(2 if kind in _BITMAPS else 3):
        number = _NUMBER.match(head, place)
        if not number:
            return None
        numbers.append(int(number[1]))
        place = number.end()
    end = _DELIMITER.match(head, place)
    if not end:
        return None
    width, height, highest = (*numbers, 1)[:3]
    samples = 3 if kind.endswith("ppm") else 1
    return Picture(kind, (height, width), samples, highest, start=end.end())


def stored_bytes(found: Picture) -> int:
    """Length of the voxels of a raw picture, in bytes."""
    rows, columns = found.shape
    if found.kind == "pbm":
        return rows * -(-columns // 8)
    return rows * columns * found.samples * found.dtype.itemsize


def ensure_length(found: Picture, reader: RangeReader, size: int) -> None:
    """Raise unless a file of ``size`` bytes holds this picture and no other.

    Raises TruncatedError where voxels are missing, FormatError where another picture
    follows or where the header may have one byte more.
    """
    if found.kind not in (*RAW, "pbm"):
        return
    stop = found.start + stored_bytes(found)
    if size < stop:
        raise TruncatedError(
            got=f"a file of {size} bytes",
            expected=f"{stop}, as its header says",
            hint="the file is cut short: fetch it again",
        )
    if size > stop and SIGNATURE.match(reader.peek(stop, 3)):
        raise several("a file of several pictures")
    if size == stop + 1 and reader.read(found.start - 1, 2) == b"\r\n":
        raise FormatError(
            got="a header that ends in two bytes (CR LF), and one byte too many",
            expected="one white byte behind the header, as Netpbm has it",
            hint="the file went through a conversion of line ends: write it again",
        )


def decode(data: bytes, expected: Picture) -> NDArray[np.generic]:
    """The stored values, rows by columns by samples.

    Raises TruncatedError for too few, CorruptError for what is no number or larger
    than the header allows.
    """
    body = data[expected.start :]
    if expected.kind == "pbm":
        rows, columns = expected.shape
        packed = np.frombuffer(body, np.uint8, stored_bytes(expected))
        return np.unpackbits(packed.reshape(rows, -1), axis=1, count=columns)
    values = _numbers(body, expected)
    if values.max(initial=0) > expected.highest:
        raise CorruptError(
            got=f"the value {values.max()}",
            expected=f"{expected.highest} at most, as the header says",
            hint="the file is damaged: fetch it again",
        )
    return values.astype(expected.dtype)


def _numbers(body: bytes, expected: Picture) -> NDArray[np.int64]:
    body = _COMMENT.sub(b"", body)
    if body.translate(None, _DIGITS + _WHITE):
        raise CorruptError(
            got="letters among the numbers of a plain picture",
            expected="decimal numbers",
            hint="the file is damaged: fetch it again",
        )
    if expected.kind == "plain pbm":  # its bits need no white space between them
        digits = np.frombuffer(body.translate(None, _WHITE), np.uint8)
        values = digits.astype(np.int64) - ord("0")
    elif body.strip():
        values = np.fromstring(body.decode("ascii"), np.int64, sep=" ")
    else:  # of which NumPy makes one number
        values = np.empty(0, np.int64)
    count = expected.shape[0] * expected.shape[1] * expected.samples
    if values.size < count:
        raise TruncatedError(
            got=f"{values.size} numbers",
            expected=f"{count}",
            hint="the file is cut short: fetch it again",
        )
    if values.size > count:
        raise several(f"{values.size} numbers for {count} pixels")
    return values

"""Answers of several ranges, ``multipart/byteranges`` (RFC 9110, section 14.6).

Strict, as every byte is believed: what is not written as servers write it is refused,
and then asked for range by range. Data are never searched for boundaries: each part is
as long as its ``Content-Range`` says, or the answer is wrong.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from emcatalog.transport.origin import GarbledError
from emcatalog.transport.spans import Span

MOST_HEADERS = 1024
"""Bytes of the headers of one part, with the boundary before them."""

TYPE = re.compile(
    r"multipart/(?:x-)?byteranges *; *boundary="
    r"(?:\"([^\"\\\r\n]{1,70})\"|([0-9A-Za-z'+_./:=?,()-]{1,70}))",
    re.IGNORECASE,
)
RANGE = re.compile(rb"bytes (\d{1,19})-(\d{1,19})/(\d{1,19}|\*)", re.IGNORECASE)


@dataclass(frozen=True)
class Part:
    """Bytes from ``start`` of a file of ``size`` bytes (None if it is not told).

    ``tag`` is the ETag among the part's own headers; hardly a server writes one there.
    """

    start: int
    data: memoryview
    size: int | None
    tag: str | None = None

    @property
    def stop(self) -> int:
        """The byte after the last."""
        return self.start + len(self.data)


def boundary_of(content_type: str) -> bytes | None:
    """The boundary between the parts; None for what is no answer of several ranges.

    >>> boundary_of('multipart/byteranges; boundary="a b"'), boundary_of("image/tiff")
    (b'a b', None)
    """
    found = TYPE.fullmatch(content_type.strip())
    return (found[1] or found[2]).encode("latin-1", "replace") if found else None


def most_bytes(ranges: Sequence[Span]) -> int:
    """How long an answer to ``ranges`` may be, headers and gaps joined included."""
    return sum(length for _, length in ranges) + (len(ranges) + 1) * MOST_HEADERS


def parts_of(body: bytes, boundary: bytes, most: int) -> Iterator[Part]:
    r"""The parts of ``body`` in the order they came.

    Raises GarbledError for anything but at most ``most`` parts from end to end.

    >>> body = b"--x\r\nContent-Range: bytes 4-5/9\r\n\r\nef\r\n--x--\r\n"
    >>> [(part.start, bytes(part.data)) for part in parts_of(body, b"x", 1)]
    [(4, b'ef')]
    """
    mark, view = b"--" + boundary, memoryview(body)
    at = 2 if body.startswith(b"\r\n") else 0
    if not body.startswith(mark, at):
        raise _garbled("no boundary at the beginning")
    at += len(mark)
    for _ in range(most):
        end = body.find(b"\r\n\r\n", at, at + MOST_HEADERS)
        if end < 0 or not body.startswith(b"\r\n", at):
            raise _garbled(f"no headers of a part at byte {at}")
        part = _part(body[at + 2 : end], view[end + 4 :])
        yield part
        at = end + 4 + len(part.data)
        if not body.startswith(b"\r\n" + mark, at):
            raise _garbled(f"no boundary at byte {at}, after a part")
        at += 2 + len(mark)
        if body.startswith(b"--", at):
            if body[at + 2 :] not in (b"", b"\r\n"):
                raise _garbled("bytes after the last boundary")
            return
    raise _garbled(f"more than {most} parts")


def _part(headers: bytes, rest: memoryview) -> Part:
    """The part with these headers, whose data are at the beginning of ``rest``."""
    fields: dict[bytes, bytes] = {}
    for line in headers.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if not colon or name.lower() in fields:
            raise _garbled(f"the header {line[:80]!r} in a part")
        fields[name.lower()] = value.strip()
    told = fields.get(b"content-range", b"")
    found = RANGE.fullmatch(told)
    if not found or fields.get(b"content-encoding", b"identity") != b"identity":
        raise _garbled(f"a part with Content-Range {told[:80]!r}")
    first, last = int(found[1]), int(found[2])
    size = None if found[3] == b"*" else int(found[3])
    length = last - first + 1
    if not 0 < length <= len(rest) or (size is not None and last >= size):
        raise _garbled(f"a part with Content-Range {told!r} and {len(rest)} bytes left")
    tag = fields[b"etag"].decode("latin-1") if b"etag" in fields else None
    return Part(first, rest[:length], size, tag)


def assembled(ranges: Sequence[Span], parts: Sequence[Part]) -> dict[int, bytes]:
    """The bytes of each of ``ranges`` by where it starts.

    Servers may send parts in another order and join neighbours (RFC 9110, section
    15.3.7.2). Raises GarbledError for parts that overlap, that were not asked for, or
    that tell different sizes of the file, and where a range is not among them; one
    that the file ends before is left out.
    """
    parts = sorted(parts, key=lambda part: part.start)
    if any(a.stop > b.start for a, b in pairwise(parts)):
        raise _garbled("parts that overlap")
    if len({part.size for part in parts}) > 1:
        raise _garbled("parts of files of different sizes")
    starts, size = [part.start for part in parts], parts[0].size
    found: dict[int, bytes] = {}
    asked = set[int]()
    for start, length in ranges:
        at = max(0, bisect_right(starts, start) - 1)
        part, stop = parts[at], start + length
        if part.start <= start and stop <= part.stop:
            found[start] = bytes(part.data[start - part.start : stop - part.start])
        elif size is None or stop <= size:
            raise _garbled(f"no {length} bytes at byte {start}")
        asked.add(at)
    if len(asked) < len(parts):
        raise _garbled("parts that were not asked for")
    return found


def _garbled(got: str, expected: str = "what was asked for") -> GarbledError:
    return GarbledError(got=f"an answer of several ranges: {got}", expected=expected)

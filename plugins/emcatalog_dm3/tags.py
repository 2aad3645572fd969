"""DM3 and DM4 files as trees of tags, read by range.

The format is not published by Gatan; this follows the descriptions by Greg Jefferis
("The Structure of the DM3 Format") and Chris Boothroyd ("dmformat"), checked against
files that DigitalMicrograph wrote. The skeleton is big-endian; values are in the order
that the header names. L is an integer of 4 bytes in version 3, of 8 in version 4::

    file   version u32, length L, order u32 (1: values are little-endian), group
    group  sorted u8, open u8, count L, then that many tags
    tag    kind u8 (20 group, 21 value), name length u16, name, in version 4 its
           length u64, then the group or the value
    value  "%%%%", number of codes L, the codes (L each), the bytes
    codes  one simple type; 15, 0, n, (0, type) n times: a structure;
           18, n: a text of n bytes; 20, codes, n: an array of n

Pixels are arrays; they are skipped, and the tree says where they lie.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

import numpy as np

from emcatalog.errors import FormatError, TruncatedError
from emcatalog.transport import RangeReader
from emcatalog_dm3.tree import Block, Group, Node, TagFile

WINDOW = 1 << 15
"""Bytes read at once after a jump; the tags between two images are fewer."""

MOST_TAGS = 200_000
MOST_BYTES = 32 << 20
DEEPEST = 48
MOST_CODES = 256
LARGEST = 1 << 43
"""Limits of what is believed: real files have some hundred tags, ten deep."""

LONGEST_TEXT = 1 << 13
"""Arrays of at most this many bytes are kept, for they may be texts."""

SHORT = 1 << 10
"""Arrays and structures of at most this many bytes are kept as numbers."""

_GROUP, _VALUE = 20, 21
_STRUCTURE, _TEXT, _ARRAY = 15, 18, 20
_USHORT, _SINGLE = 4, 6
_SIMPLE = {
    2: "h", 3: "i", 4: "H", 5: "I", 6: "f", 7: "d", 8: "?", 9: "b", 10: "B",
    11: "q", 12: "Q",
}  # fmt: skip
_DAMAGED = "fetch the file again; if it stays so, it is damaged at its source"


def read_tags(reader: RangeReader) -> TagFile:
    """Read the tags of a DM3 or DM4 file; no pixels are read.

    Raises FormatError for another kind of file and for damaged tags, TruncatedError
    for a file that ends too early, also if it ends within pixels.
    """
    head = reader.peek(0, 512)
    version = int.from_bytes(head[:4], "big")
    if len(head) < 4 or version not in (3, 4):
        raise FormatError(
            entry=reader.url,
            got=_foreign(head),
            expected="a DigitalMicrograph file of version 3 or 4",
            hint="check the URL; DigitalMicrograph itself saves older files as DM3",
        )
    cursor = _Cursor(reader)
    cursor.take(8 if version == 3 else 12)
    flag = int.from_bytes(cursor.take(4), "big")
    if flag not in (0, 1):
        raise cursor.damaged(f"the byte order {flag}", "0 or 1")
    parser = _Parser(cursor, version, "<" if flag else ">")
    root = parser.group(0)
    cursor.finish()
    return TagFile(reader.url, version, parser.order, root)


def _foreign(head: bytes) -> str:
    """What a file that is no DM3 or DM4 seems to be."""
    version = int.from_bytes(head[:4], "big")
    if not head:
        return "an empty file"
    if 0 < version < 16:
        return f"a DigitalMicrograph file of version {version}"
    if head.lstrip().startswith(b"<"):
        return f"an HTML or XML page that begins with {head.lstrip()[:24]!r}"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "a TIFF file"
    return f"a file that begins with {head[:8]!r}"


class _Cursor:
    """A place in the file, with the bytes that follow it."""

    def __init__(self, reader: RangeReader) -> None:
        self._reader, self.place = reader, 0
        self._base, self._window = 0, b""
        self._taken = self._skipped = self._skipped_to = 0

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes."""
        self._taken += count
        if self._taken > MOST_BYTES:
            raise self.damaged(f"more than {MOST_BYTES} bytes of tags", "a header")
        skip = self.place - self._base
        if not 0 <= skip <= len(self._window) - count:
            self._base, skip = self.place, 0
            self._window = self._reader.peek(self.place, max(count, WINDOW))
            if len(self._window) < count:
                raise self._ended(self.place + count)
        self.place += count
        return self._window[skip : skip + count]

    def skip(self, count: int) -> int:
        """Jump over ``count`` bytes; returns where they begin."""
        start = self.place
        if count > LARGEST - start:
            raise self.damaged(f"an array of {count} bytes", f"at most {LARGEST}")
        self._skipped = count
        self.place = self._skipped_to = start + count
        return start

    def finish(self) -> None:
        """Make sure that the last bytes are there, if they were skipped."""
        if self._skipped_to == self.place and not self._reader.peek(self.place - 1, 1):
            raise self._ended(self.place)

    def damaged(self, got: str, expected: str) -> FormatError:
        """The error for tags that make no sense."""
        return FormatError(
            entry=self._reader.url,
            got=f"{got} before byte {self.place}",
            expected=expected,
            hint=_DAMAGED,
        )

    def _ended(self, wanted: int) -> TruncatedError:
        within = f", within or after its {self._skipped}-byte array" * self._after_skip
        return TruncatedError(
            entry=self._reader.url,
            got=f"a file that ends before byte {wanted}{within}",
            expected="all the pixels and tags that its header announces",
            hint="the file is cut short: fetch it again, or ask its keeper",
        )

    @property
    def _after_skip(self) -> bool:
        return 0 < self._skipped_to == self.place


class _Parser:
    """Groups and values, one after the other, within the limits above."""

    def __init__(self, cursor: _Cursor, version: int, order: str) -> None:
        self._cursor, self.order = cursor, order
        self._is_long = version == 4
        self._tags = 0

    def group(self, depth: int) -> Group:
        """The group that begins here."""
        if depth > DEEPEST:
            raise self._cursor.damaged("tags in tags in tags", f"{DEEPEST} levels")
        self._cursor.take(2)
        members: dict[str, Node] = {}
        repeated: list[str] = []
        count = self._length()
        self._tags += count
        if self._tags > MOST_TAGS:
            raise self._cursor.damaged(f"more than {MOST_TAGS} tags", "a header")
        for position in range(count):
            name, node = self._tag(depth)
            name = name or str(position)
            if name in members:
                repeated.append(name)
            members[name] = node
        return Group(members, tuple(repeated))

    def _tag(self, depth: int) -> tuple[str, Node]:
        kind, length = struct.unpack(">BH", self._cursor.take(3))
        name = self._cursor.take(length).decode("latin-1")
        if kind not in (_GROUP, _VALUE):
            raise self._cursor.damaged(f"a tag of kind {kind}", "20 or 21")
        if self._is_long:
            self._cursor.take(8)
        return name, self.group(depth + 1) if kind == _GROUP else self._value()

    def _length(self) -> int:
        return int.from_bytes(self._cursor.take(8 if self._is_long else 4), "big")

    def _value(self) -> Node:
        if (mark := self._cursor.take(4)) != b"%%%%":
            raise self._cursor.damaged(f"{mark!r}", "the mark %%%% of a value")
        count = self._length()
        if not 1 <= count <= MOST_CODES:
            raise self._cursor.damaged(f"a value of {count} types", f"1-{MOST_CODES}")
        codes = [self._length() for _ in range(count)]
        if count == 1 and codes[0] in _SIMPLE:
            return self._simple(codes[0])
        try:
            size, end = _measured(codes, 0)
        except (IndexError, KeyError):
            size, end = 0, 0
        if end != count:
            raise self._cursor.damaged(f"the value type {codes[:16]}", "a known type")
        return self._block(codes, size)

    def _simple(self, code: int) -> int | float:
        form = self.order + _SIMPLE[code]
        (value,) = struct.unpack(form, self._cursor.take(struct.calcsize(form)))
        if code == _SINGLE:
            # 0.008 stored in 32 bits is meant as 0.008, not as 0.00800000037997961
            return float(str(np.float32(value)))
        return value  # type: ignore[no-any-return]  # struct has no types

    def _block(self, codes: Sequence[int], size: int) -> Block:
        is_text = codes[0] == _TEXT or (codes[0] == _ARRAY and len(codes) == 3)
        if size > (LONGEST_TEXT if is_text else SHORT):
            return Block(self._cursor.skip(size), size)
        start = self._cursor.place
        data = self._cursor.take(size)
        if codes[0] == _TEXT:
            return Block(start, size, _of_bytes(data).rstrip("\0"))
        if codes[:2] == [_ARRAY, _USHORT]:
            name = "utf-16-le" if self.order == "<" else "utf-16-be"
            return Block(start, size, data.decode(name, "replace").rstrip("\0"))
        text = _of_bytes(data).rstrip("\0") if is_text else ""
        if size > SHORT:
            return Block(start, size, text)
        return Block(start, size, text, self.order + _form(codes), data)


def _of_bytes(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _form(codes: Sequence[int]) -> str:
    """How `struct` reads an array or a structure that was measured."""
    if codes[0] == _ARRAY:
        return _form(codes[1:-1]) * codes[-1]
    if codes[0] == _TEXT:  # of an array of texts there are no numbers
        return "x" * codes[1]
    inner = codes[4::2] if codes[0] == _STRUCTURE else codes[:1]
    return "".join(_SIMPLE[code] for code in inner)


def _measured(codes: Sequence[int], at: int) -> tuple[int, int]:
    """Bytes of the type that begins at ``codes[at]``, and where the next one begins."""
    code = codes[at]
    if code == _TEXT:
        return codes[at + 1], at + 2
    if code == _STRUCTURE:
        end = at + 3 + 2 * codes[at + 2]
        # named fields are described, but no program is known to write them
        if codes[at + 1] or any(codes[at + 3 : end : 2]):
            raise KeyError(code)
        return sum(_sizes(codes[at + 4 : end : 2])), end
    if code == _ARRAY:
        size, end = _measured(codes, at + 1)
        return size * codes[end], end + 1
    return next(_sizes([code])), at + 1


def _sizes(codes: Sequence[int]) -> Iterator[int]:
    return (struct.calcsize("=" + _SIMPLE[code]) for code in codes)

"""A remote file as tifffile wants it: seekable, read-only, in few requests."""

from __future__ import annotations

import io

from emcatalog.errors import FormatError
from emcatalog.transport import RangeReader

BLOCK = 1 << 12
"""Bytes of the smallest request. Directories are small and lie far apart."""

LARGEST = 1 << 26
"""Bytes that one tag may have; tables of a million segments fit."""

TIMES = 4
"""How often each byte of a file may be read while its header is parsed.

Directories that lie over each other, or share one large table, would otherwise unfold
a small file into much memory.
"""

SLACK = 1 << 20
"""Bytes that may be read beyond that, so that small files need no counting."""

NEAR = 1 << 16
"""How far from its directory the values of a page's tags are looked for ahead."""


class HeaderFile(io.RawIOBase):
    """Reads through a `RangeReader`, and notes what is read near one place.

    ``size`` is the length of the file in bytes. Raises FormatError for a read longer
    than `LARGEST`, which no header needs, and where the same is read again and again.
    """

    def __init__(self, reader: RangeReader, size: int) -> None:
        super().__init__()
        self.reader, self.size, self.name = reader, size, reader.url
        self._at, self._anchor = 0, 0
        self._low, self._high = 0, 0
        self._allowance = TIMES * size + SLACK

    def anchor(self, place: int) -> None:
        """Note from now on what is read near ``place``."""
        self._anchor, self._low, self._high = place, 0, 0

    @property
    def extent(self) -> tuple[int, int]:
        """First and last byte that was read near the anchor, relative to it."""
        return self._low, self._high

    def at(self, start: int, length: int) -> bytes:
        """Exactly ``length`` bytes from ``start``; TruncatedError where they end."""
        self._note(start, length)
        return self.reader.read(start, length)

    def seekable(self) -> bool:
        """Always."""
        return True

    def readable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to ``offset`` from the start, from here or from the end."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        """The place of the next read."""
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        """At most ``size`` bytes; fewer where the file ends."""
        if size < 0:
            size = self.size - self._at
        if size > LARGEST:
            raise FormatError(
                entry=self.name,
                got=f"a table of {size} bytes at byte {self._at}",
                expected=f"at most {LARGEST}",
                hint="the header of the file is damaged",
            )
        if size <= 0:
            return b""
        self._note(self._at, size)
        data = self.reader.peek(self._at, size)
        self._at += len(data)
        return data

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill ``buffer``; returns the number of bytes."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _note(self, start: int, length: int) -> None:
        self._allowance -= length
        if self._allowance < 0:
            raise FormatError(
                entry=self.name,
                got=f"directories that read the {self.size} bytes of the file more "
                f"than {TIMES} times",
                expected="directories that lie beside each other",
                hint="the header of the file is damaged",
            )
        low, high = start - self._anchor, start + length - self._anchor
        if low >= -NEAR and high <= NEAR:
            self._low, self._high = min(self._low, low), max(self._high, high)

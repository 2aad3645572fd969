"""Members of a zip file anywhere, read by ranges: a whole chunked store in one file.

Written for `zipfile`, which parses the format (PKWARE's APPNOTE), zip64 included. The
directory at the end of the file is read once, each member in one request.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from emcatalog.errors import EmcatalogError, FormatError, NotFoundError
from emcatalog.transport import Transport
from emcatalog.transport.reader import RangeReader

BLOCK = 1 << 16
TAIL = (1 << 16) + 98
"""The end of the directory: a comment, and records of 22, 20 and 56 bytes."""

LARGEST_DIRECTORY = 256 * 2**20
GROWTH = {zipfile.ZIP_STORED: 1, zipfile.ZIP_DEFLATED: 1100}
"""Methods that are read, and how many bytes each can make of one."""

DAMAGE = (
    OSError, EOFError, RuntimeError, ValueError, OverflowError, zlib.error,
    zipfile.BadZipFile,
)  # fmt: skip
"""What zipfile raises for files and members that it cannot read."""


@dataclass(frozen=True)
class Archive:
    """The directory of a zip file, and how to read its members.

    It holds what was read when it was opened: it must live no longer than a parsing.
    """

    url: str
    size: int
    members: dict[str, zipfile.ZipInfo] = field(repr=False)
    _zip: zipfile.ZipFile = field(repr=False)

    @classmethod
    def open(cls, url: str, transport: Transport) -> Archive:
        """Read the directory of the zip file ``url``, in about three requests.

        Raises FormatError for a file that is no zip, is cut short, or has a directory
        beyond `LARGEST_DIRECTORY`; a TransportError where it cannot be had.
        """
        size = transport.size(url)
        file = _File(transport.reader(url, BLOCK), size)
        file.seek(max(0, size - TAIL))
        file.read()  # zipfile would take what a network raises for damage
        try:
            opened = zipfile.ZipFile(file)
        except EmcatalogError:
            raise
        except DAMAGE as error:
            raise FormatError(
                entry=url,
                got=f"a file without a zip directory at its end ({error})",
                expected="a whole zip file",
                hint="it is cut short or of another format: fetch it again",
            ) from error
        found = {info.filename: info for info in opened.infolist()}
        return cls(url, size, found, opened)

    def names(self) -> Iterable[str]:
        """Names of all files in it; folders have none of their own."""
        return (name for name in self.members if not name.endswith("/"))

    def check(self) -> None:
        """Raise FormatError unless every member can be read as it stands.

        Readers that pass over what they cannot unpack would take it for absent. So
        encrypted members, those neither stored nor deflated, and those whose sizes
        cannot be true raise here.
        """
        for info in self.members.values():
            growth = GROWTH.get(info.compress_type)
            if info.flag_bits & 1:
                raise self._unreadable(info, "is encrypted")
            if growth is None:
                method = f"method {info.compress_type} of the zip format"
                raise self._unreadable(info, f"is compressed by {method}")
            stop = info.header_offset + info.compress_size
            if info.header_offset < 0 or stop > self.size:
                raise self._unreadable(info, "reaches beyond the ends of the file")
            if info.file_size > growth * info.compress_size:
                sizes = f"{info.file_size} bytes in {info.compress_size}"
                raise self._unreadable(info, f"is said to hold {sizes}")

    def read(self, name: str, limit: int) -> bytes:
        """The whole member ``name``.

        Raises NotFoundError where there is none, FormatError for one that is larger
        than ``limit`` bytes, encrypted, or does not unpack.
        """
        info = self.members.get(name)
        if info is None:
            raise NotFoundError(
                entry=self.url,
                got=f"no member {name!r} in the zip file",
                expected="a member of that name",
                hint="check the spelling; `unzip -l` lists the members",
            )
        try:
            with self._zip.open(info) as member:
                data = member.read(limit + 1)
        except EmcatalogError:
            raise
        except DAMAGE as error:
            raise self._unreadable(info, f"does not unpack ({error})") from error
        if len(data) > limit:
            raise self._unreadable(info, f"has more than {limit} bytes")
        return data

    def _unreadable(self, info: zipfile.ZipInfo, what: str) -> FormatError:
        return FormatError(
            entry=self.url,
            got=f"the member {info.filename[:200]!r}, which {what}",
            expected="members that are stored or deflated, whole and in the clear",
            hint="fetch the file again, or pack it anew without compression (zip -0)",
        )


class _File(io.RawIOBase):
    """A remote file as `zipfile` wants it; what was read is kept in blocks."""

    def __init__(self, reader: RangeReader, size: int) -> None:
        self._reader, self._size, self._place = reader, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}
        place = start[whence] + offset
        if place < 0:
            raise OSError(f"a place {-place} bytes before the file begins")
        self._place = place
        return place

    def read(self, size: int | None = -1) -> bytes:
        left = max(0, self._size - self._place)
        count = left if size is None or size < 0 else min(size, left)
        if count > LARGEST_DIRECTORY:
            raise ValueError(f"a directory of {count} bytes")
        data = self._reader.read(self._place, count) if count else b""
        self._place += len(data)
        return data

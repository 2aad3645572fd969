"""Files on disk."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from io import FileIO
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote

from emcatalog.transport.maps import FileMap, map_of
from emcatalog.transport.origin import Origin, translated
from emcatalog.transport.spans import Span
from emcatalog.transport.versions import Version


class Local:
    """Files on disk. A folder's own page is the ``index.html`` inside it."""

    def span(self, origin: Origin, start: int, length: int) -> bytes:
        """At most ``length`` bytes from ``start``."""
        with translated(origin), self._file(origin).open("rb") as file:
            file.seek(start)
            # Python allocates what is asked for, not what is there
            return file.read(min(length, max(0, _size(file) - start)))

    def spans(self, origin: Origin, spans: Sequence[Span]) -> list[bytes]:
        """The bytes of each span, fewer where the file ends; it is opened once."""
        with translated(origin), self._file(origin).open("rb", buffering=0) as file:
            return [_upto(file, start, length) for start, length in spans]

    def whole(self, origin: Origin, limit: int, kind: str) -> bytes:
        """The file, or one byte more than ``limit`` of it."""
        return self.span(origin, 0, limit + 1)

    def size(self, origin: Origin) -> int:
        """Length in bytes."""
        with translated(origin):
            return self._file(origin).stat().st_size

    def version(self, origin: Origin) -> Version:
        """When the file was written, its length and its number on the disk."""
        with translated(origin):
            facts = os.stat(_path(origin))  # noqa: PTH116
            if stat.S_ISDIR(facts.st_mode):
                facts = self._file(origin).stat()
        tag = f"{facts.st_mtime_ns}-{facts.st_size}-{facts.st_ino}"
        return Version(tag, size=facts.st_size)

    def mapped(self, origin: Origin) -> FileMap | None:
        """The file mapped into memory; None for what has no bytes to map."""
        with translated(origin):
            return map_of(_path(origin))

    def names(self, origin: Origin) -> list[str]:
        """What lies in the folder."""
        with translated(origin):
            entries = list(os.scandir(_path(origin)))
        return [f"{entry.name}{'/' * entry.is_dir()}" for entry in entries]

    def _file(self, origin: Origin) -> Path:
        path = Path(_path(origin))
        return path / "index.html" if path.is_dir() else path


def _path(origin: Origin) -> str:
    text = origin.url
    if text.startswith("file://"):
        text = unquote(text.removeprefix("file://"))
    # a Path takes longer to make than a small file to read
    return str(Path(text).expanduser()) if text.startswith("~") else text


def _upto(file: FileIO, start: int, length: int) -> bytes:
    file.seek(start)
    parts, missing = [], min(length, max(0, _size(file) - start))
    while missing and (part := file.read(missing)):  # at most 2 GiB come at a time
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _size(file: BinaryIO | FileIO) -> int:
    return os.fstat(file.fileno()).st_size

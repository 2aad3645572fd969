"""Files on disk."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from io import FileIO
from pathlib import Path
from urllib.parse import unquote

from emcatalog.errors import ContentError
from emcatalog.transport.maps import FileMap, map_of
from emcatalog.transport.origin import Origin, translated
from emcatalog.transport.spans import Span
from emcatalog.transport.versions import Version


class Local:
    """Files on disk. A folder's own page is the ``index.html`` inside it.

    A pipe, a socket and a device raise ContentError: they have no bytes at a place,
    and reading one may wait for ever.
    """

    def span(self, origin: Origin, start: int, length: int) -> bytes:
        """At most ``length`` bytes from ``start``."""
        return self.spans(origin, [(start, length)])[0]

    def spans(self, origin: Origin, spans: Sequence[Span]) -> list[bytes]:
        """The bytes of each span, fewer where the file ends; it is opened once."""
        with translated(origin), _opened(origin) as file:
            return [_upto(file, start, length) for start, length in spans]

    def whole(self, origin: Origin, limit: int, kind: str) -> bytes:
        """The file, or one byte more than ``limit`` of it."""
        return self.span(origin, 0, limit + 1)

    def size(self, origin: Origin) -> int:
        """Length in bytes."""
        with translated(origin):
            return _file(origin)[1].st_size

    def version(self, origin: Origin) -> Version:
        """When the file was written, its length, and its number on the disk.

        And when that was last set, since archives and copies may set times back.
        """
        with translated(origin):
            _, facts = _file(origin)
        told = facts.st_mtime_ns, facts.st_size, facts.st_ino, facts.st_ctime_ns
        return Version("-".join(map(str, told)), size=facts.st_size)

    def mapped(self, origin: Origin) -> FileMap | None:
        """The file mapped into memory; None for what has no bytes to map."""
        with translated(origin):
            return map_of(_path(origin))

    def names(self, origin: Origin) -> list[str]:
        """What lies in the folder."""
        with translated(origin):
            entries = list(os.scandir(_path(origin)))
            return [f"{entry.name}{'/' * _is_folder(entry)}" for entry in entries]


def _path(origin: Origin) -> str:
    text = origin.url
    if text.startswith("file://"):
        text = unquote(text.removeprefix("file://"))
    # a Path takes longer to make than a small file to read
    return str(Path(text).expanduser()) if text.startswith("~") else text


def _file(origin: Origin) -> tuple[str, os.stat_result]:
    """The path of the file, or of the page of a folder, and what is known of it."""
    path = _path(origin)
    facts = os.stat(path)  # noqa: PTH116 - called for each read; pathlib is slower
    if stat.S_ISDIR(facts.st_mode):
        path = os.path.join(path, "index.html")  # noqa: PTH118
        facts = os.stat(path)  # noqa: PTH116
    # before it is opened: opening a device may do something
    _ensure_regular(origin, facts)
    return path, facts


def _opened(origin: Origin) -> FileIO:
    file = FileIO(_file(origin)[0], opener=_at_once)
    try:
        _ensure_regular(origin, os.fstat(file.fileno()))  # it may be another by now
    except ContentError:
        file.close()
        raise
    return file


def _at_once(path: str, flags: int) -> int:
    """Open without waiting for who writes into a pipe; nothing else minds."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _ensure_regular(origin: Origin, facts: os.stat_result) -> None:
    if stat.S_ISREG(facts.st_mode):
        return
    kinds = {
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFDIR: "a folder",
    }
    kind = kinds.get(stat.S_IFMT(facts.st_mode), "a device")
    raise ContentError(
        got=f"{kind} at {origin.url}",
        expected="a regular file",
        hint="write its bytes to a file, and give that",
    )


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _upto(file: FileIO, start: int, length: int) -> bytes:
    file.seek(start)
    size = os.fstat(file.fileno()).st_size
    # Python allocates what is asked for, not what is there
    parts, missing = [], min(length, max(0, size - start))
    while missing and (part := file.read(missing)):  # at most 2 GiB come at a time
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)

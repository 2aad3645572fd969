"""Bytes in a folder that many threads and processes share, whatever befalls them.

An entry is a file named by the hash of its key. It is written beside and moved to its
place, so no reader sees half of one, and it begins with a checksum that every reader
verifies, so a file that a crash or the disk has spoiled is dropped and never served.
Nothing is lost with it: the source still has the bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
import warnings
import zlib
from dataclasses import dataclass
from io import BufferedRandom, BufferedReader
from pathlib import Path

from emcatalog.cache.room import Room, taken

MARK = b"EMCACHE1"
HEAD = struct.Struct("<8sIIQ")
"""The mark of such files, the checksum of the rest, lengths of version and data."""
AS_IT_IS = "surrogatepass"
"""Headers and paths may hold bytes that are no text."""
LARGEST_SHARE = 8
"""An entry takes at most one part in so many of the whole cache."""


@dataclass(frozen=True)
class DiskCache:
    """At most ``limit`` bytes in ``folder``; least recently used entries go first.

    A key says which bytes of which object an entry holds, a version which content of
    the object (an ETag, say): an entry of another version is not served. Only hashes
    of keys are written, because URLs may hold secrets; versions are written as they
    are. ``limit`` counts files as a disk does, in blocks of 4 KiB.

    No read fails for the cache's sake: what cannot be read is not there, and that
    nothing can be written is told by a UserWarning.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cache = DiskCache(Path(folder), 2**20)
    ...     cache.put("https://a.org/volume/0.0.0", '"etag-1"', b"voxels")
    ...     cache.get("https://a.org/volume/0.0.0", '"etag-1"')
    b'voxels'
    """

    folder: Path
    limit: int

    def get(self, key: str, version: str) -> bytes | None:
        """What was put under ``key``, if it is of this version and unharmed.

        An empty version is one that is not known, and has no entries.
        """
        found = self.find(key)
        return found[1] if found and found[0] == version else None

    def find(self, key: str) -> tuple[str, bytes] | None:
        """Version and content of the entry of ``key``, whichever version it is."""
        path = self._path(key)
        try:
            with path.open("rb") as file:
                found = _content(path.name, file)
        except (OSError, UnicodeDecodeError):
            return None
        if found is None:
            self.drop(key)
        else:
            with contextlib.suppress(OSError):
                os.utime(path)  # used just now
        return found

    def put(self, key: str, version: str, data: bytes) -> None:
        """Keep ``data`` in place of what ``key`` had, if its version is known.

        Nothing is kept of an entry larger than an eighth of the limit, nor while other
        processes hold the folder up.
        """
        told = version.encode(errors=AS_IT_IS)
        size = HEAD.size + len(told) + len(data)
        if not told or taken(size) > self.limit // LARGEST_SHARE:
            return
        path = self._path(key)
        checksum = _checksum(path.name, told, data)
        head = HEAD.pack(MARK, checksum, len(told), len(data))
        try:
            file = self._room.reserve(size)
            if file is not None:
                _write(file, (head, told, data), path)
        except OSError as error:
            # the same text is shown once
            told_once = f"the disk cache {self.folder} keeps nothing: {error.strerror}"
            warnings.warn(told_once, UserWarning, stacklevel=2)

    def drop(self, key: str) -> None:
        """Forget the entry of ``key``."""
        with contextlib.suppress(OSError):
            self._path(key).unlink()

    def used(self) -> int:
        """Bytes that the entries take now; every file is looked at."""
        return self._room.used()

    @property
    def _room(self) -> Room:
        return Room(self.folder, self.limit)

    def _path(self, key: str) -> Path:
        name = hashlib.blake2b(key.encode(errors=AS_IT_IS), digest_size=20).hexdigest()
        return self.folder / name[:2] / name


def _content(name: str, file: BufferedReader) -> tuple[str, bytes] | None:
    """Version and data of the entry ``name``; None if it is damaged."""
    head = file.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    mark, checksum, told, length = HEAD.unpack(head)
    size = os.fstat(file.fileno()).st_size
    if mark != MARK or size != HEAD.size + told + length:
        return None
    version, data = file.read(told), file.read(length)
    if checksum != _checksum(name, version, data):
        return None
    return version.decode(errors=AS_IT_IS), data


def _checksum(name: str, version: bytes, data: bytes) -> int:
    # with the lengths, since bytes that move from one to the other change nothing else
    told = f"{name} {len(version)} {len(data)} ".encode()
    return zlib.crc32(data, zlib.crc32(told + version))


def _write(file: BufferedRandom, parts: tuple[bytes, ...], path: Path) -> None:
    """Fill an open file and move it to ``path``."""
    place = Path(file.name)
    try:
        with file:
            file.writelines(parts)
        path.parent.mkdir(exist_ok=True)
        place.replace(path)
    except BaseException:
        place.unlink(missing_ok=True)
        raise

"""How much of a cache's folder is taken, kept within its limit by all processes.

The file ``lock`` holds the sum. Who wants to write adds to it first, and makes a file
of the full size in the folder ``new``, while the others wait; so the limit holds at
every moment. A process that is killed leaves the sum too large and perhaps a file in
``new``: both are put right when the sum next reaches the limit and files are counted.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import BufferedRandom
from pathlib import Path

from emcatalog.cache.lock import locked

BLOCK = 4096
"""Bytes that file systems take at a time."""
ABANDONED_SECONDS = 600
"""A file that nobody has completed for so long is left by a process that died."""
FREED_SHARE = 8
"""One part in so many is freed at once, because files are counted to do it."""
DIGITS = 20


def taken(size: int) -> int:
    """Bytes that a file of ``size`` bytes takes on a disk.

    >>> taken(1), taken(4096), taken(4097)
    (4096, 4096, 8192)
    """
    return -(-size // BLOCK) * BLOCK


@dataclass(frozen=True, order=True)
class Entry:
    """A file of the cache: when it was last used, its place, and what it takes."""

    used: float
    path: str
    size: int


@dataclass(frozen=True)
class Room:
    """The files of a cache: in ``new`` while written, then in ``00`` to ``ff``.

    Other files in the folder are left alone.
    """

    folder: Path
    limit: int

    def reserve(self, size: int) -> BufferedRandom | None:
        """A new file of ``size`` bytes in ``new``, which counts from now on; open.

        The least recently used entries make room. None if there is no room, or if
        other processes did not let this one in. Raises OSError.
        """
        with locked(self.folder / "lock") as lock:
            if lock is None:
                return None
            total = _total(lock)
            if total is None or total + taken(size) > self.limit:
                goal = self.limit - self.limit // FREED_SHARE - taken(size)
                total = self._thin(goal)
            fits = total + taken(size) <= self.limit
            text = str(total + taken(size) if fits else total).rjust(DIGITS)
            os.lseek(lock, 0, os.SEEK_SET)
            os.write(lock, text.encode())
            return self._place(size) if fits else None

    def used(self) -> int:
        """Bytes that the files take now, each of which is looked at."""
        return sum(file.size for file in (*self._unfinished(), *self._entries()))

    def _thin(self, goal: int) -> int:
        """Drop what was used longest ago until ``goal`` bytes are left; bytes left."""
        # unfinished ones first: one that is moved meanwhile counts twice, not never
        total = sum(file.size for file in self._unfinished() if not _abandoned(file))
        entries = sorted(self._entries())
        total += sum(file.size for file in entries)
        for file in entries:
            if total <= goal:
                break
            _drop(file)
            total -= file.size
        return total

    def _place(self, size: int) -> BufferedRandom:
        new = self.folder / "new"
        new.mkdir(exist_ok=True)
        name = new / secrets.token_hex(8)
        file = open(name, "x+b", opener=_private)  # noqa: SIM115 - handed on
        try:
            file.truncate(size)
        except OSError:
            file.close()
            name.unlink(missing_ok=True)
            raise
        return file

    def _unfinished(self) -> Iterator[Entry]:
        return _files(self.folder / "new")

    def _entries(self) -> Iterator[Entry]:
        for number in range(256):
            for file in _files(self.folder / f"{number:02x}"):
                if re.fullmatch("[0-9a-f]{40}", os.path.basename(file.path)):  # noqa: PTH119
                    yield file


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _abandoned(file: Entry) -> bool:
    """Whether nobody will complete an unfinished file; then it is dropped."""
    old = time.time() - file.used > ABANDONED_SECONDS
    if old:
        _drop(file)
    return old


def _drop(file: Entry) -> None:
    with suppress(FileNotFoundError):
        os.unlink(file.path)  # noqa: PTH108 - of thousands of files


def _files(folder: Path) -> Iterator[Entry]:
    try:
        with os.scandir(folder) as found:
            for file in found:
                with suppress(FileNotFoundError):  # another process dropped it
                    told = file.stat(follow_symlinks=False)
                    yield Entry(told.st_mtime, file.path, taken(told.st_size))
    except FileNotFoundError:
        return


def _total(lock: int) -> int | None:
    """What the lock's file tells; None if it is new, or was spoiled."""
    text = os.read(lock, DIGITS)
    return int(text) if text.strip().isdigit() else None

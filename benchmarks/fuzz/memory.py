"""Files that lie in memory, and folders in shared memory: inputs by the thousand."""

from __future__ import annotations

import atexit
import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from emcatalog.errors import ContentError, NotFoundError
from emcatalog.transport import Transport

T = TypeVar("T")
S = TypeVar("S")
SHARED = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it


@dataclass(frozen=True)
class Alone(Transport):
    """A transport that starts no threads."""

    def map(self, work: Callable[[S], T], items: Iterable[S]) -> Iterator[T]:
        """Do ``work`` on each item in turn."""
        return map(work, items)


@dataclass(frozen=True)
class Memory(Alone):
    """A transport of files that lie in memory, by URL."""

    files: Mapping[str, bytes] = field(default_factory=dict)

    def read(self, url: str, *, limit: int = 1 << 26, kind: str = "") -> bytes:
        """The whole file."""
        data = self._file(url)
        if len(data) > limit:
            raise ContentError(got=f"{len(data)} bytes", expected=f"at most {limit}")
        return data

    def read_upto(self, url: str, start: int, length: int) -> bytes:
        """At most ``length`` bytes from ``start``."""
        return self._file(url)[start : start + length]

    def size(self, url: str) -> int:
        """Length in bytes."""
        return len(self._file(url))

    def version(self, url: str) -> str:
        """Nothing tells it; what is kept of one input must not serve the next."""
        return ""

    def names(self, url: str) -> tuple[str, ...]:
        """Names of the files below ``url``."""
        inside = (u.removeprefix(url) for u in self.files if u.startswith(url))
        return tuple(sorted(inside))

    def _file(self, url: str) -> bytes:
        if url not in self.files:
            raise NotFoundError(got=f"nothing at {url}", expected="a file")
        return self.files[url]


class Folders:
    """Fresh folders, one at a time; the one before is removed."""

    def __init__(self) -> None:
        place = SHARED if SHARED.is_dir() else None
        self._root = Path(tempfile.mkdtemp(prefix="emcatalog-fuzz-", dir=place))
        atexit.register(shutil.rmtree, self._root, ignore_errors=True)
        self._numbers = itertools.count()
        self._last: Path | None = None

    def filled(self, files: Mapping[str, bytes]) -> Path:
        """A folder with ``files``; names that lead out of it are left out."""
        if self._last:
            shutil.rmtree(self._last)
        # never the same path: what was read of the one before may be remembered
        self._last = self._root / str(next(self._numbers))
        self._last.mkdir()
        for name, content in files.items():
            place = self._last / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        return self._last


_kept: list[Folders] = []


def folder(files: Mapping[str, bytes]) -> Path:
    """A fresh folder of this process that holds ``files``."""
    if not _kept:
        _kept.append(Folders())
    return _kept[0].filled(files)

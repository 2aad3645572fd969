"""What need not be fetched or decoded again: pieces in memory, their bytes on disk."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from emcatalog.cache import (
    DiskCache,
    MemoryCache,
    disk_cache,
    drop_latest,
    page_cache,
    put_later,
)
from emcatalog.paged.pieces import Piece
from emcatalog.paged.segments import owned
from emcatalog.paged.table import Layout
from emcatalog.transport import Transport

UNSETTLED_NS = 2 * 10**9
"""Some disks tell the time of writing in steps of two seconds."""


@dataclass(frozen=True)
class Place:
    """Where a file is really read, and with what rights: readers share no secrets."""

    url: str
    rights: str
    local: bool

    @property
    def name(self) -> str:
        """A text that no other place has; it may hold secrets."""
        return f"{self.url}\n{self.rights}"


def place_of(transport: Transport, url: str) -> Place:
    """Where ``url`` is read from."""
    origin = transport.origin(url)
    rights = repr((sorted(origin.options.items()), origin.session_url))
    return Place(origin.url, rights, origin.scheme == "file")


@dataclass(frozen=True)
class Kept:
    """The caches as the pieces of one stack see them. For the time of one read.

    A piece in memory bears the version of its file as far as it is known, and is at
    most 300 s old; on disk are only files whose server tells a version, which is
    compared with that of today.
    """

    layout: Layout
    transport: Transport
    memory: MemoryCache = field(default_factory=page_cache)
    disk: DiskCache | None = field(default_factory=disk_cache)
    _places: dict[str, Place] = field(default_factory=dict)
    _versions: dict[str, str] = field(default_factory=dict)

    def place(self, url: str) -> Place:
        """Where ``url`` is read."""
        found = self._places.get(url)
        if found is None:
            found = self._places[url] = place_of(self.transport, url)
        return found

    def get(self, piece: Piece) -> NDArray[np.generic] | None:
        """The voxels of a piece that was read before."""
        key = self._key(piece)
        found = self.memory.get(key) if key else None
        return found if isinstance(found, np.ndarray) else None

    def put(self, piece: Piece, voxels: NDArray[np.generic]) -> NDArray[np.generic]:
        """Keep the voxels of a piece; returns them, perhaps in other memory."""
        if key := self._key(piece):
            voxels = owned(voxels)
            self.memory.put(key, voxels)
        return voxels

    def fetched(self, piece: Piece) -> bytes | None:
        """The bytes of a remote piece that are on disk and still those of its file."""
        if self.disk is None:
            return None
        return self.disk.get(self._name(piece), self._told(piece))

    def keep(self, piece: Piece, data: bytes) -> None:
        """Keep the bytes of a remote piece on disk, if its version is known."""
        if self.disk is not None:
            put_later(self.disk, self._name(piece), self._told(piece), data)

    def drop(self, piece: Piece) -> None:
        """Forget the bytes of a remote piece, so that they are fetched anew."""
        if self.disk is not None and not self.place(piece.url).local:
            drop_latest(self.disk, self._name(piece))

    def ask_versions(self, pieces: Iterable[Piece]) -> None:
        """Know the versions of remote files, if the disk cache has any use for them."""
        if self.disk is not None:
            for _ in self.transport.map(
                self._told, {p.url: p for p in pieces}.values()
            ):
                pass

    def _told(self, piece: Piece) -> str:
        """The version of a remote file; "" if it is not known."""
        # who asks for the version of a picture that a server renders has it rendered
        rendered = self.place(piece.url).url not in self.transport.versions.seen
        return "" if piece.length < 0 and rendered else self._version(piece.url)

    def _key(self, piece: Piece) -> Hashable | None:
        """What its voxels depend on; None for a file that may change unseen."""
        place, layout = self.place(piece.url), self.layout
        if place.local:
            version = self._version(piece.url)
            if not _settled(version):
                return None
        else:  # no server is asked for what is kept for minutes only
            seen = self.transport.versions.seen.get(place.url)
            version = seen.name if seen else ""
        form = layout.codec, layout.dtype.str, layout.segment[1], layout.samples
        span = piece.offset, piece.length, piece.rows, layout.sample
        return place, version, form, span

    def _name(self, piece: Piece) -> str:
        return f"{self.place(piece.url).name}\n{piece.offset}+{piece.length}"

    def _version(self, url: str) -> str:
        found = self._versions.get(url)
        if found is None:
            found = self._versions[url] = self.transport.version(url)
        return found


def _settled(version: str) -> bool:
    """Whether a local file was written so long ago that a change would be seen.

    Its version begins with the time of writing, in nanoseconds.
    """
    written = int(version.partition("-")[0])
    return time.time_ns() - written > UNSETTLED_NS

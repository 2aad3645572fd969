"""Pieces on their way: fetched in parcels, decoded on other threads, had as they come.

Requests are waited for by threads of the read itself, because a dead host may hold them
up; decoding is done by threads that all reads share.
"""

from __future__ import annotations

import contextvars
import functools
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from emcatalog.errors import CorruptError
from emcatalog.paged.kept import Kept
from emcatalog.paged.pieces import Lot, Piece, joined
from emcatalog.paged.plan import parcels
from emcatalog.paged.segments import decoders, voxels_of
from emcatalog.transport import FileMap

Arrival = tuple[Lot, NDArray[np.generic]]

IN_FLIGHT = 256 << 20
"""Bytes, as they are stored and as voxels, that are fetched ahead of what was taken."""

TURN = 128 << 20
"""Bytes, counted likewise, that are fetched in one turn; a large region takes several.

A turn is planned as a whole, and two of them are under way.
"""

CROWD = 8
"""Local pieces that one thread reads and decodes at a time."""


@dataclass(frozen=True)
class _Job:
    """Something to do, and the bytes of memory that its pieces take."""

    weight: int
    remote: bool
    work: Callable[[], None]


class Flow:
    """The way of the pieces of one read; not for several threads.

    ``want`` begins with fetching, ``take`` waits for the next pieces. As many are
    under way as `IN_FLIGHT` allows, at least those of one turn.
    """

    def __init__(self, kept: Kept) -> None:
        self._kept, self._layout = kept, kept.layout
        self._transport = kept.transport
        self._jobs, self._flying = deque[_Job](), 0
        self._arrived = SimpleQueue[Sequence[Arrival] | BaseException]()
        self._requests: ThreadPoolExecutor | None = None
        self._closed = False

    def want(self, pieces: Sequence[Piece]) -> None:
        """Have ``pieces`` come, each once."""
        local = [p for p in pieces if self._kept.place(p.url).local]
        remote = [p for p in pieces if not self._kept.place(p.url).local]
        for first in range(0, len(local), CROWD):
            crowd = local[first : first + CROWD]
            self._add(crowd, functools.partial(self._read_local, crowd), remote=False)
        self._want_remote(remote)
        self._start()

    def take(self) -> Sequence[Arrival]:
        """The lots of pieces that came next, with the voxels of each lot.

        Raises what their fetching or decoding raised.
        """
        arrivals = self._arrived.get()
        if isinstance(arrivals, BaseException):
            raise arrivals
        self._flying -= self._weight(joined(lot) for lot, _ in arrivals)
        self._start()
        return arrivals

    def close(self) -> None:
        """Drop what has not come."""
        self._closed = True
        self._jobs.clear()
        if self._requests:
            self._requests.shutdown(wait=False, cancel_futures=True)

    def _want_remote(self, pieces: Sequence[Piece]) -> None:
        for piece in pieces:
            if piece.length < 0:
                work = functools.partial(self._fetch_whole, piece)
                self._add((piece,), work, remote=True)
        known = [piece for piece in pieces if piece.length >= 0]
        for own in _by_host(known, self._kept):
            turns = -(-self._weight(own) // TURN)
            step = -(-len(own) // max(1, turns))
            for first in range(0, len(own), step):
                turn = own[first : first + step]
                work = functools.partial(self._fetch, turn)
                self._add(turn, work, remote=True)

    def _add(
        self, pieces: Sequence[Piece], work: Callable[[], None], *, remote: bool
    ) -> None:
        self._jobs.append(_Job(self._weight(pieces), remote, work))

    def _weight(self, pieces: Iterable[Piece]) -> int:
        row = self._layout.row_bytes
        return sum(max(piece.length, 0) + piece.rows * row for piece in pieces)

    def _start(self) -> None:
        """Begin with as many jobs as there is room for."""
        while self._jobs:
            job = self._jobs[0]
            if self._flying and self._flying + job.weight > IN_FLIGHT:
                return
            self._jobs.popleft()
            alone = not (job.remote or self._jobs or self._flying)
            self._flying += job.weight
            if alone:  # handing it to a thread would cost more than it takes
                self._run(job.work)
            else:
                self._submit(self._fetchers() if job.remote else decoders(), job.work)

    def _fetchers(self) -> Executor:
        if self._requests is None:
            most = self._transport.connections
            self._requests = ThreadPoolExecutor(most, "emcatalog-fetching")
        return self._requests

    def _submit(self, pool: Executor, work: Callable[[], None]) -> None:
        # a limit of memory that is set for the reader holds for its threads
        pool.submit(contextvars.copy_context().run, self._run, work)

    def _run(self, work: Callable[[], None]) -> None:
        """Do ``work``; what it raises is raised by `take`."""
        try:
            if not self._closed:
                work()
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            self._arrived.put(error)

    def _read_local(self, pieces: Sequence[Piece]) -> None:
        arrivals, url, file = list[Arrival](), "", None
        for piece in pieces:
            if piece.url != url:
                url, file = piece.url, self._transport.mapped(piece.url)
            data = self._local_bytes(piece, file)
            arrivals.append(((piece,), self._decoded(piece, data)))
        self._arrived.put(arrivals)

    def _local_bytes(self, piece: Piece, file: FileMap | None) -> bytes:
        if piece.length < 0:
            return self._transport.read(piece.url, limit=self._layout.most_bytes)
        if file is None:  # something without bytes
            return self._transport.read_range(piece.url, piece.offset, piece.length)
        return bytes(file.view(piece.offset, piece.length))

    def _fetch_whole(self, piece: Piece) -> None:
        if not self._taken_from_disk((piece,)):
            return
        data = self._transport.read(piece.url, limit=self._layout.most_bytes)
        self._hand_over([((piece,), data)])

    def _fetch(self, pieces: Sequence[Piece]) -> None:
        """Fetch pieces of one host, whose lengths are known."""
        absent = self._taken_from_disk(pieces)
        url, plain = pieces[0].url, self._layout.codec is None
        most = self._transport.most_requests(url)
        planned = parcels(absent, self._transport.speed(url), most)
        groups = [(parcel.url, parcel.spans) for parcel in planned]
        for index, spans in self._transport.read_groups(groups):
            if self._closed:
                return
            self._hand_over(list(planned[index].cut(spans, together=plain)))

    def _taken_from_disk(self, pieces: Sequence[Piece]) -> list[Piece]:
        """Have those decoded that are on disk; the others are given back."""
        absent = []
        self._kept.ask_versions(pieces)
        for piece in pieces:
            data = self._kept.fetched(piece)
            if data is None:
                absent.append(piece)
            else:
                work = functools.partial(self._decode, piece, data)
                self._submit(decoders(), work)
        return absent

    def _hand_over(self, lots: Sequence[tuple[Lot, bytes]]) -> None:
        """Keep what came, and have it taken; a free core decodes what is encoded."""
        if self._layout.codec is None:
            # kept first: who asks for a piece that has been taken shall find it
            self._arrived.put([(lot, self._rows(lot, data)) for lot, data in lots])
            return
        for (piece,), data in lots:
            self._kept.keep(piece, data)
            work = functools.partial(self._decode, piece, data)
            self._submit(decoders(), work)

    def _rows(self, lot: Lot, data: bytes) -> NDArray[np.generic]:
        """Plain rows that follow each other; each band of them is kept."""
        for piece in lot:
            skip = piece.offset - lot[0].offset
            own = data[skip : skip + piece.length]
            self._kept.keep(piece, own)
            self._kept.put(piece, voxels_of(self._layout, piece, own))
        return voxels_of(self._layout, joined(lot), data)

    def _decode(self, piece: Piece, data: bytes) -> None:
        self._arrived.put([((piece,), self._decoded(piece, data))])

    def _decoded(self, piece: Piece, data: bytes) -> NDArray[np.generic]:
        try:
            voxels = voxels_of(self._layout, piece, data)
        except CorruptError:
            self._kept.drop(piece)  # it may have come spoiled
            raise
        return self._kept.put(piece, voxels)


def _by_host(pieces: Sequence[Piece], kept: Kept) -> Iterable[Sequence[Piece]]:
    """The pieces that lie on each host."""
    hosts: dict[str, list[Piece]] = {}
    for piece in pieces:
        hosts.setdefault(urlsplit(kept.place(piece.url).url).netloc, []).append(piece)
    return hosts.values()

"""Chunks that TensorStore cannot decode or does not find: staged in memory for it.

Their bytes are fetched through TensorStore's key-value stores, so every protocol,
shards and zip files work; they are unpacked, transcoded to an encoding that TensorStore
does read, put into a store in memory under the names that the array's spec looks for,
and read by it. Axes, fill value, cut chunks and absent chunks stay TensorStore's.
"""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorstore
from numpy.typing import NDArray

from emcatalog.cache import disk_cache
from emcatalog.chunked.bare import Bare, assembled
from emcatalog.chunked.engine import open_memory
from emcatalog.chunked.files import most_bytes
from emcatalog.chunked.kept import Answer, ask, drop, is_remote
from emcatalog.chunked.keys import PACKED_FILES, Cell, Keys
from emcatalog.chunked.unpack import unpack
from emcatalog.errors import CorruptError
from emcatalog.geometry import Region, Triple
from emcatalog.transport.sums import Sums

Transcode = Callable[[bytes, tuple[int, ...]], bytes]

THREADS = 8
REMOTE_THREADS = 32
"""Most of which wait for a server."""
PIECE_BYTES = 4 * 2**20
BARE_BYTES = 2**18
"""Of chunks that need no array to be opened, so that all cores have some."""
PIECE_CHUNKS = 64


def holds_suffixed(folder: Path) -> bool:
    """Whether some file in a local folder may carry the suffix of a compression."""
    endings = tuple(suffix for suffix, _ in PACKED_FILES if suffix)
    try:
        with os.scandir(folder) as entries:
            return any(entry.name.endswith(endings) for entry in entries)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # it may be read but not listed; then every name is tried
        return True


@dataclass(frozen=True)
class ByChunk:
    """How an array is read chunk by chunk, so that its chunks can be kept on disk.

    ``spec`` is that of an array of the same chunks, each an object of its own, and
    ``keys`` says where their bytes are.
    """

    spec: str
    keys: Keys

    @property
    def is_kept(self) -> bool:
        """Whether there is a disk cache for it, so that this is the way to read."""
        return disk_cache() is not None and far(self.keys)


def far(keys: Keys) -> bool:
    """Whether chunks come over a network."""
    first = next(keys.cells(Region((0, 0, 0), (1, 1, 1))))
    return is_remote(keys.store_of(first))


@dataclass(frozen=True)
class Stage:
    """What makes the chunks of one array readable.

    ``spec`` is that of the array as it is once its chunks are transcoded. ``sums`` are
    those of the zip file in which each chunk is a member.
    """

    spec: str
    keys: Keys
    transcode: Transcode | None
    itemsize: int
    sums: Sums | None = None

    @contextmanager
    def opened(self, region: Region) -> Iterator[Any]:
        """The array, holding just the chunks that ``region`` (z, y, x) meets.

        Raises CorruptError for a chunk that does not decode or is too large. If one is
        raised within, too, none of the chunks is kept.
        """
        with self._kept_if_sound(region):
            chunks = {self.keys.plain(c): data for c, data in self._chunks(region)}
            yield open_memory(self.spec, chunks)

    def voxels(self, region: Region, bare: Bare) -> NDArray[np.generic]:
        """The voxels of ``region``, of chunks that hold nothing else.

        Raises CorruptError as `opened` does.
        """
        with self._kept_if_sound(region):
            return assembled(region, bare, self._chunks(region))

    @contextmanager
    def _kept_if_sound(self, region: Region) -> Iterator[None]:
        try:
            yield
        except CorruptError:
            for cell in self.keys.cells(region):
                for suffix, _ in self.keys.packings:
                    drop(self.keys.store_of(cell), self._key(cell, suffix))
            raise

    def _chunks(self, region: Region) -> Iterator[tuple[Cell, bytes]]:
        """The chunks that are there, as ``spec`` describes them."""
        with tensorstore.Batch() as batch:
            asked = [
                (cell, [(p, self._ask(cell, p[0], batch)) for p in self.keys.packings])
                for cell in self.keys.cells(region)
            ]
        for cell, answers in asked:
            for packing, answer in answers:
                if (found := answer.result()) is not None:
                    if self.sums:
                        key = self.keys.key(cell).decode() + packing[0]
                        self.sums.ensure(key, found)
                    yield cell, self._readable(cell, *packing, found)
                    break

    def _ask(self, cell: Cell, suffix: str, batch: Any) -> Answer:
        return ask(self.keys.store_of(cell), self._key(cell, suffix), batch)

    def _key(self, cell: Cell, suffix: str) -> bytes:
        return self.keys.key(cell) + suffix.encode()

    def _readable(
        self, cell: Cell, suffix: str, compression: str, content: bytes
    ) -> bytes:
        shape = self.keys.shape(cell)
        limit = most_bytes(shape, self.itemsize)
        try:
            content = unpack(content, compression, limit)
            return self.transcode(content, shape) if self.transcode else content
        except CorruptError as error:
            error.got = f"{error.got} in {self.keys.plain(cell).decode()}{suffix}"
            raise


@dataclass(frozen=True)
class Pieces:
    """Voxels that several threads fill in."""

    voxels: NDArray[np.generic]
    parts: tuple[Future[None], ...]

    def result(self) -> NDArray[np.generic]:
        """All voxels; the first failure cancels what has not begun, and is raised."""
        try:
            for part in self.parts:
                part.result()
        finally:
            self.cancel()
        return self.voxels

    def cancel(self) -> None:
        """Give up the parts that have not begun."""
        for part in self.parts:
            part.cancel()

    def add_done_callback(self, callback: Callable[[Any], object], /) -> None:
        """Call when the last part has ended, well or badly."""
        if not self.parts:
            callback(self)
        left = iter(range(len(self.parts) - 1, -1, -1))

        def ended(_: Future[None]) -> None:
            if next(left) == 0:  # one step of the interpreter, so once
                callback(self)

        for part in self.parts:
            part.add_done_callback(ended)


def fill(
    voxels: NDArray[np.generic],
    tiles: Iterable[tuple[Region, Region]],
    read: Callable[[Region], NDArray[np.generic]],
    threads: int = THREADS,
) -> Pieces:
    """Begin to read tiles, each to its place in ``voxels``, on several ``threads``.

    ``tiles`` are pairs: what is read, and where it goes.
    """

    def work(tile: Region, place: Region) -> None:
        voxels[place.slices] = read(tile)

    pool = _pool(os.getpid(), threads)
    return Pieces(voxels, tuple(pool.submit(work, *pair) for pair in tiles))


def pieces(
    region: Region, chunk: Triple, itemsize: int, most: int = PIECE_BYTES
) -> Iterator[tuple[Region, Region]]:
    """Cut a region at chunks, small ones together up to ``most`` bytes, for `fill`."""
    sides, count = list(chunk), 1
    while count < PIECE_CHUNKS and math.prod(sides) * itemsize * 2 <= most:
        sides[count.bit_length() % 3] *= 2
        count *= 2
    for tile in region.tiles(sides):
        yield tile, tile.relative_to(region.start)


@functools.lru_cache(maxsize=2)
def _pool(pid: int, threads: int) -> ThreadPoolExecutor:
    # keyed by process: the threads of a pool do not survive a fork
    return ThreadPoolExecutor(threads, "emcatalog-chunks")

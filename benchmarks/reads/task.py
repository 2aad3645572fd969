"""What the harness hands to its contestants: tasks, engines, readers and the truth.

A `Stored` is one volume as it was written in one format, together with the voxels that
a right reader finds there. A `Task` is one such volume, served in one way, and how
blocks of it are asked for. An `Engine` opens a task; the `Reader` that it gives is then
asked for the same regions as the readers of all others. All of these but the reader
are plain values, because each engine works in a process of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from emcatalog.geometry import Region, Triple

Voxels = NDArray[np.generic]
Serving = Literal["disk", "nginx", "proxy"]
SERVINGS: tuple[Serving, ...] = ("disk", "nginx", "proxy")


@dataclass(frozen=True)
class Link:
    """What the proxy puts between client and server.

    ``latency`` in seconds for each request, ``bandwidth`` in bytes per second for each
    connection.
    """

    latency: float
    bandwidth: float


@dataclass(frozen=True)
class Moved:
    """What a server was asked for and what it sent, bodies only."""

    requests: int
    bytes: int

    def __sub__(self, before: Moved) -> Moved:
        return Moved(self.requests - before.requests, self.bytes - before.bytes)


class Served(Protocol):
    """A folder under a URL that ends in a slash."""

    @property
    def url(self) -> str:
        """Where the folder is."""

    @property
    def link(self) -> Link | None:
        """What lies between, if anything."""

    def moved(self) -> Moved:
        """Everything since the server began."""


class Serve(Protocol):
    """How ``nginx`` and ``proxy`` are started; ended when the context ends."""

    def __call__(self, folder: Path, /) -> AbstractContextManager[Served]:
        """Serve ``folder``; raises RuntimeError where that is not possible here."""


@dataclass(frozen=True)
class Stored:
    """One volume in one format.

    ``format`` is its name on the command line, ``title`` the one in the table.
    ``driver`` is emcatalog's, ``options`` go with it. ``path`` is relative to the
    folder of all stores, with slashes. ``truth`` is a ``.npy`` file of the voxels
    (z, y, x) that a right reader finds, after any loss of the encoding. ``pieces`` is
    the shape (z, y, x) of what cannot be had in parts: a chunk, a strip, a whole row;
    ``piece_bytes`` the encoded size of each: a number, or a ``.npy`` file of the
    lattice of pieces.
    """

    format: str
    title: str
    driver: str
    path: str
    truth: Path
    pieces: Triple
    piece_bytes: int | Path
    options: Mapping[str, Any] = field(default_factory=dict)

    def voxels(self) -> Voxels:
        """The truth, as a memory map."""
        found: Voxels = np.load(self.truth, mmap_mode="r")
        return found

    def sizes(self, region: Region) -> NDArray[np.int64]:
        """Encoded bytes of every piece that ``region`` meets."""
        ends = zip(region.start, region.stop, self.pieces, strict=True)
        met = tuple(slice(a // n, -(-b // n)) for a, b, n in ends)
        if isinstance(self.piece_bytes, int):
            counts = [s.stop - s.start for s in met]
            return np.full(counts, self.piece_bytes, np.int64).ravel()
        lattice = np.load(self.piece_bytes, mmap_mode="r")
        return np.asarray(lattice[met], np.int64).ravel()


@dataclass(frozen=True)
class Format:
    """A way to store a volume.

    ``write(folder, quick)`` writes it under the folder of all stores, unless it is
    there from an earlier run, and says where; ``quick`` asks for a small one. ``block``
    is what is read of it, ``quick_block`` what of a small one; ``far`` of them are a
    round of single blocks from servers.
    """

    name: str
    block: Triple
    quick_block: Triple
    write: Callable[[Path, bool], Stored]
    far: int = 4


@dataclass(frozen=True)
class Task:
    """One table: a stored volume, how it is served, and how blocks are asked for.

    ``place`` is a path or a URL, ``folder`` that of all stores on the disk. In each
    round ``count`` blocks of shape ``block`` are read; ``batch`` of them at once where
    that is more than one. The blocks of a batch lie in a random window of shape
    ``within`` if that is given, else anywhere.
    """

    name: str
    stored: Stored
    serving: Serving
    place: str
    folder: str
    block: Triple
    count: int
    batch: int = 1
    within: Triple | None = None
    link: Link | None = None

    def draw(self, seed: Sequence[int]) -> tuple[tuple[Region, ...], ...]:
        """The batches of one round: random, mostly unaligned, the same for all."""
        dice = np.random.default_rng(seed)
        shape = self.stored.voxels().shape
        batches = []
        for first in range(0, self.count, self.batch):
            window = self.within or shape
            corner = _corner(dice, (0, 0, 0), shape, window)
            size = min(self.batch, self.count - first)
            starts = [_corner(dice, corner, window, self.block) for _ in range(size)]
            batches.append(tuple(_box(start, self.block) for start in starts))
        return tuple(batches)


def _corner(
    dice: np.random.Generator, first: Triple, room: Sequence[int], size: Sequence[int]
) -> Triple:
    z, y, x = (
        f + int(dice.integers(0, n - s + 1))
        for f, n, s in zip(first, room, size, strict=True)
    )
    return z, y, x


def _box(start: Triple, shape: Triple) -> Region:
    z, y, x = (a + n for a, n in zip(start, shape, strict=True))
    return Region(start, (z, y, x))


class Reader(Protocol):
    """An opened task. Voxels come as z, y, x, in the truth's type."""

    def read(self, region: Region) -> Voxels:
        """One block."""

    def read_many(self, regions: Sequence[Region]) -> Iterator[tuple[int, Voxels]]:
        """Blocks with their places in ``regions``, in any order, as they come."""

    def close(self) -> None:
        """Let go of files and connections."""


class Engine(Protocol):
    """A contestant: a small value that can be pickled, such as a frozen dataclass.

    Its module imports no library at its top: the process of another engine would
    import it, too. ``needs`` are the modules without which it is left out, and
    ``environment`` are variables set in its process before anything is imported.
    """

    @property
    def name(self) -> str:
        """As in the table and in ``--engines``."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Modules that must be installed."""

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables of its process."""

    def fits(self, task: Task) -> bool:
        """Whether it can read this task at all."""

    def open(self, task: Task) -> Reader:
        """Open, in the engine's own process; not timed."""

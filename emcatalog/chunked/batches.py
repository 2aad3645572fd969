"""Many regions at once: neighbours together, many requests in flight, as they come.

As many regions are begun as memory allows. A chunk that several of them need is fetched
and decoded once, by the first; those that come later find it on its way or in the
cache. `tensorstore.Batch` would promise that without a cache too, but it begins nothing
before all is asked for, and joins what lies side by side in a shard to one request of
up to 128 MiB: measured, it is slower, on disk and 30 ms away.
"""

from __future__ import annotations

import functools
import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from emcatalog.chunked.keys import morton
from emcatalog.geometry import Region, Triple

BATCH_BYTES = 256 * 2**20
"""Memory for regions in flight, their decoded chunks, and results not yet taken."""


class Pending(Protocol):
    """Voxels on their way, such as a future of TensorStore."""

    def add_done_callback(self, callback: Callable[[Any], object], /) -> object:
        """Call when they are there, or cannot be had."""

    def cancel(self) -> object:
        """They are not wanted any more."""


@dataclass(frozen=True)
class Reading:
    """How regions of a volume are read.

    ``begin(region)`` asks for voxels, ``finish(region, pending)`` waits for them or
    raises. ``chunks`` are voxels along z, y, x; ``itemsize`` bytes of a voxel.
    """

    begin: Callable[[Region], Pending]
    finish: Callable[[Region, Any], NDArray[np.generic]]
    chunks: Triple
    itemsize: int

    def cost(self, region: Region) -> int:
        """Bytes of the result and of all chunks that it meets, decoded."""
        sides = zip(region.start, region.stop, self.chunks, strict=True)
        met = math.prod((-(-b // c) - a // c) * c for a, b, c in sides)
        return (region.size + met) * self.itemsize


def as_they_come(
    regions: Sequence[Region], reading: Reading, budget: int
) -> Iterator[tuple[int, NDArray[np.generic]]]:
    """Index and voxels of each region, as they are ready.

    At most ``budget`` bytes (see `Reading.cost`) are in flight or wait to be taken; a
    region that costs more is read alone. Raises what ``begin`` and ``finish`` raise;
    then, and when the iterator is closed, what is in flight is cancelled.
    """
    order = near_together(regions, reading.chunks)
    flow = _Flow(regions, reading, budget, deque(order))
    try:
        flow.begin()
        while flow.running:
            yield flow.take()
    finally:
        flow.cancel()


@dataclass
class _Flow:
    """Regions that wait, that are in flight, and those that are ready, by index."""

    regions: Sequence[Region]
    reading: Reading
    budget: int
    waiting: deque[int]
    running: dict[int, Pending] = field(default_factory=dict)
    ready: SimpleQueue[int] = field(default_factory=SimpleQueue)
    held: int = 0

    def begin(self) -> None:
        """Begin as many regions as there is memory for."""
        while self.waiting:
            region = self.regions[self.waiting[0]]
            cost = self.reading.cost(region)
            if self.running and self.held + cost > self.budget:
                return
            index = self.waiting.popleft()
            self.held += cost
            self.running[index] = pending = self.reading.begin(region)
            pending.add_done_callback(functools.partial(self._ended, index))

    def take(self) -> tuple[int, NDArray[np.generic]]:
        """The next region that is ready; its place is given to others."""
        index = self.ready.get()
        region, pending = self.regions[index], self.running.pop(index)
        self.held -= self.reading.cost(region)
        self.begin()
        return index, self.reading.finish(region, pending)

    def cancel(self) -> None:
        """Give up what is in flight."""
        for pending in self.running.values():
            pending.cancel()

    def _ended(self, index: int, _: object) -> None:
        self.ready.put(index)


def near_together(regions: Sequence[Region], chunks: Triple) -> list[int]:
    """Indices of regions in an order in which those that share chunks are close.

    It is that of the Morton codes of the chunks in which the regions start.

    >>> boxes = [Region((0, 0, x), (1, 1, x + 1)) for x in (0, 200, 30, 140)]
    >>> near_together(boxes, (64, 64, 64))
    [0, 2, 3, 1]
    """
    if not regions:
        return []
    cells = np.array([r.start for r in regions]) // chunks
    cells -= cells.min(axis=0)
    z, y, x = (int(n) + 1 for n in cells.max(axis=0))
    codes = [morton(cell, (z, y, x)) for cell in cells.tolist()]
    return sorted(range(len(codes)), key=codes.__getitem__)

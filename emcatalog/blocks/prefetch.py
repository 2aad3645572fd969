"""Blocks read ahead by threads of this process, without worker processes.

Where the engine reads many regions at once anyway, this is as fast as worker processes,
starts at once, copies nothing between processes and has one cache for all.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Event

from emcatalog.blocks.block import Block
from emcatalog.blocks.counter import whole
from emcatalog.blocks.planning import Plan
from emcatalog.units import parse_bytes

RUN = 8
"""Blocks in a row that are read together at most, so that what they share is shared."""

Found = Block | Exception


def prefetch(
    plan: Plan,
    *,
    threads: int = 4,
    memory: int | str = "512 MiB",
    in_order: bool = True,
) -> Generator[tuple[int, Block]]:
    """``(index, block)`` for all of a plan, as ``enumerate(plan)`` gives, but sooner.

    Blocks that are being read and blocks that wait to be taken fill at most ``memory``
    (bytes, or a size such as "512 MiB"), or one block alone more than that; what steps
    make of them, and the engine's cache, are not counted. With ``in_order=False`` they
    come as they are ready.

    What reading a block raises is raised where the block would have come, after all
    before it. Closing the iterator, or dropping it, cancels what has not begun and
    waits for the rest; its threads are then gone. Raises OptionError for arguments
    that cannot be.

    >>> import numpy as np, xarray as xr
    >>> from emcatalog.blocks import Random, plan
    >>> from emcatalog.geometry import Grid
    >>> from emcatalog.index import voxel_coords
    >>> grid = Grid((8, 8, 8), (50.0, 4.0, 4.0))
    >>> array = xr.DataArray(np.ones(grid.shape, "u1"), voxel_coords(grid))
    >>> [index for index, block in prefetch(plan(array, 4, Random(3)))]
    [0, 1, 2]
    """
    whole(threads, "threads", least=1)
    return _blocks(plan, threads, parse_bytes(str(memory)), in_order)


def _blocks(
    plan: Plan, threads: int, budget: int, in_order: bool
) -> Generator[tuple[int, Block]]:
    pool = ThreadPoolExecutor(threads, thread_name_prefix="emcatalog blocks")
    flow = _Flow(plan, pool, budget, budget // (2 * threads))
    try:
        flow.begin()
        for turn in range(len(plan)):
            index, found = flow.next(turn if in_order else None)
            if isinstance(found, Exception):
                raise found
            flow.begin()
            yield index, found
    finally:
        flow.stop.set()
        pool.shutdown(cancel_futures=True)


@dataclass
class _Flow:
    """Blocks that are being read, and those that wait to be taken.

    ``held`` are the bytes of both, by index; ``free`` is what is left. ``share`` is
    what blocks that are read together may take, if they are several.
    """

    plan: Plan
    pool: ThreadPoolExecutor
    free: int
    share: int
    begun: int = 0
    waiting: dict[int, int] = field(default_factory=dict)
    held: dict[int, int] = field(default_factory=dict)
    ready: SimpleQueue[tuple[int, Found]] = field(default_factory=SimpleQueue)
    early: dict[int, Found] = field(default_factory=dict)
    stop: Event = field(default_factory=Event)

    def begin(self) -> None:
        """Begin to read the blocks that come next, as long as there is memory."""
        while run := self.waiting or self._next_run():
            self.waiting = run
            if self.held and sum(run.values()) > self.free:
                return
            self.waiting = {}
            self.begun += len(run)
            self.free -= sum(run.values())
            self.held.update(run)
            # limits that are set with `allowing` hold in the thread, too
            self.pool.submit(copy_context().run, self._read, list(run))

    def next(self, wanted: int | None) -> tuple[int, Found]:
        """Block ``wanted``, or the next that is ready; its place is given to others."""
        while wanted is None or wanted not in self.early:
            index, found = self.ready.get()
            self.early[index] = found
            wanted = index if wanted is None else wanted
        self.free += self.held.pop(wanted)
        return wanted, self.early.pop(wanted)

    def _next_run(self) -> dict[int, int]:
        """The blocks that are read together next, and the bytes of each."""
        costs: dict[int, int] = {}
        for index in range(self.begun, len(self.plan))[:RUN]:
            costs[index] = _cost(self.plan, index)
            if sum(costs.values()) > self.share:
                break
        return costs

    def _read(self, run: list[int]) -> None:
        for arrived in _arriving(self.plan, run):
            if self.stop.is_set():
                return
            self.ready.put(arrived)


def _arriving(plan: Plan, run: list[int]) -> Iterator[tuple[int, Found]]:
    """Blocks as they come; the first that cannot be had is an exception, and the last.

    It is found by reading what did not come one by one.
    """
    missing = dict.fromkeys(run)
    with suppress(Exception):
        for index, block in plan.read_many(run):
            del missing[index]
            yield index, block
    for index in missing:
        try:
            block = plan[index]
        except Exception as error:  # noqa: BLE001 - raised where the block would come
            yield index, error
            return
        yield index, block


def _cost(plan: Plan, index: int) -> int:
    """Bytes of a block with its riders and its mask."""
    place = plan.place(index)
    member = plan.members[place.member]
    arrays = (member.image, *member.riders.values())
    each = 1 + sum(array.volume.dtype.itemsize for array in arrays)
    return math.prod(place.shape) * each

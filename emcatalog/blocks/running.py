"""A run of `predict`: blocks are read ahead, computed, joined, written, read back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emcatalog.blocks.ahead import ahead
from emcatalog.blocks.block import Block
from emcatalog.blocks.destination import Destination
from emcatalog.blocks.kept import Kept
from emcatalog.blocks.planning import Plan
from emcatalog.blocks.results import Function, results
from emcatalog.blocks.seams import Blend, Crop, Joint
from emcatalog.blocks.tiles import Lattice
from emcatalog.blocks.written import Written
from emcatalog.errors import MemoryLimitError, OptionError
from emcatalog.geometry import DIGITS, Grid, Triple
from emcatalog.volume import memory_limit

Voxels = NDArray[Any]
Progress = Callable[[int, int], object]
Parts = list[tuple[int, Voxels]]

THREADS = 4
AHEAD = 2
"""Batches that are read before they are needed, and as many that wait to be written."""


def footprint(
    batch: int, block: int, result: int, threads: int = 1, *, blend: bool = False
) -> int:
    """Bytes that `predict` takes at most, beside what ``function`` takes.

    ``block`` and ``result`` are the bytes of one block and of its result. Batches are
    read ahead, in use in ``threads`` threads, and waiting to be written; each of
    `THREADS` threads more encodes a part of a result, or adds up float64 of it. The
    volume's size does not count, but for 5 bytes per block of the journal.
    """
    batches = (AHEAD + 1 + 2 * threads) * batch * (block + result)
    return batches + THREADS * result * (5 if blend else 3) + 2**22


@dataclass(frozen=True)
class Job:
    """What is to be computed: which blocks, and how their results are joined.

    ``batch`` blocks go through all steps together; with ``stacked`` the function is
    given them at once. It is called by ``threads`` threads; if that is 1, by the
    caller's.
    """

    tiles: Plan
    lattice: Lattice
    function: Function
    blend: bool = False
    batch: int = 1
    stacked: bool = False
    threads: int = 1

    @property
    def grid(self) -> Grid:
        """The voxels of the result: those of the part in which blocks lie."""
        member = self.lattice.space.member
        grid, start = member.grid, member.within.start
        axes = zip(grid.origin, start, grid.voxel_size, strict=True)
        z, y, x = (round(o + a * s, DIGITS) for o, a, s in axes)
        return Grid(member.within.shape, grid.voxel_size, (z, y, x))

    @property
    def cell(self) -> Triple:
        """The shape of what is written at once."""
        z, y, x = map(min, self.lattice.core, self.grid.shape)
        return z, y, x

    def joint(self, written: Written) -> Joint:
        """What makes cells of results."""
        done = written.journal.done
        if self.blend:
            return Blend(self.lattice, done, Kept(written.kept))
        return Crop(self.lattice, done)

    def read(self, numbers: list[int]) -> tuple[list[int], list[Block]]:
        """The blocks of these tiles."""
        found = dict(self.tiles.read_many(numbers))
        return numbers, [found[number] for number in numbers]

    def computed(self, blocks: list[Block]) -> list[Voxels]:
        """What the function makes of them."""
        try:
            found = results(self.function, blocks, together=self.stacked)
        except Exception as error:
            boxes = ", ".join(str(block.box) for block in blocks[:3])
            error.add_note(f"predict was at the block {boxes} nm (z, y, x)")
            raise
        if self.blend and found[0].dtype.kind != "f":
            raise OptionError(
                got=f"results of {found[0].dtype} to blend",
                expected="floats: there is no mean of labels",
                hint="overlap='crop', or let the function return float32",
            )
        return found


def run(job: Job, place: Destination, progress: Progress) -> None:
    """Do all that is still to be done, and compare the disk with what was written."""
    with place.writing():
        written = Written(place, job.grid, job.cell)
        joint = job.joint(written)
        for cell, voxels in joint.left():
            written.write(cell, voxels)
    done = written.journal.done
    progress(int(np.count_nonzero(done)), len(done))
    pool = ThreadPoolExecutor(THREADS, "emcatalog-predict")
    callers = ThreadPoolExecutor(job.threads, "emcatalog-function")
    try:
        reads = ahead(pool, job.read, _batches(joint, len(done), job.batch), AHEAD)
        compute = partial(_parts, job, joint, written)
        # in this thread, as each is taken
        parts: Iterator[Parts] = map(compute, reads)
        if job.threads > 1:
            parts = ahead(callers, compute, reads, job.threads)
        for _ in ahead(pool, partial(_write, joint, written), parts, AHEAD):
            progress(int(np.count_nonzero(done)), len(done))
        _verify(pool, written)
    finally:
        callers.shutdown(wait=True, cancel_futures=True)
        pool.shutdown(wait=True, cancel_futures=True)


def _batches(joint: Joint, count: int, batch: int) -> Iterator[list[int]]:
    wanted = filter(joint.wanted, range(count))
    return iter(lambda: list(islice(wanted, batch)), [])


def _parts(
    job: Job, joint: Joint, written: Written, read: tuple[list[int], list[Block]]
) -> Parts:
    numbers, blocks = read
    found = job.computed(blocks)
    _check_memory(job, blocks, found)
    with written.place.writing():
        for result in found:
            written.ready(result.shape[:-3], result.dtype)
    # copies: the function may use its memory again
    return [(n, joint.cut(n, r)) for n, r in zip(numbers, found, strict=True)]


def _write(joint: Joint, written: Written, parts: Parts) -> None:
    with written.place.writing():
        for tile, part in parts:
            for cell, voxels in joint.cells(tile, part):
                written.write(cell, voxels)


def _verify(pool: Executor, written: Written) -> None:
    cells = range(len(written.journal.done))
    right = ahead(pool, written.is_right, cells, THREADS)
    wrong = [cell for cell, is_right in zip(cells, right, strict=True) if not is_right]
    if wrong:
        written.reject(wrong)


def _check_memory(job: Job, blocks: list[Block], found: list[Voxels]) -> None:
    sizes = blocks[0].data.nbytes * (1 + len(blocks[0].riders)), found[0].nbytes
    wanted = footprint(len(blocks), *sizes, job.threads, blend=job.blend)
    if wanted > (allowed := memory_limit()):
        raise MemoryLimitError(
            got=f"batches for which {wanted / 2**20:.0f} MiB are needed",
            expected=f"at most {allowed / 2**20:.0f} MiB",
            hint="a smaller batch, smaller blocks, fewer channels or threads",
        )

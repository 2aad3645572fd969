"""What the caches give, over a link of 30 ms and 25 MB/s for each connection.

``python -m benchmarks.caches [--quick]`` reads blocks of 128 x 128 x 128 voxels that
share no chunks, in a process without a disk cache, in one with an empty one, and in one
that finds what the second kept. Every block is compared with the truth.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import itertools
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from benchmarks.reads.serving import proxy
from benchmarks.reads.task import Served
from benchmarks.reads.volumes import tissue
from emcatalog.cache import flush, page_cache
from emcatalog.geometry import Region
from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport
from emcatalog_ngff import open_pyramid

SIDE = 128
FORMATS: Mapping[str, Mapping[str, Any]] = {
    "Zarr v2, 64^3": {"zarr_format": 2, "chunks": (64,) * 3},
    "Zarr v2, 128^3": {"zarr_format": 2, "chunks": (128,) * 3},
    "Zarr v3, 32^3 in shards of 128^3": {"chunks": (32,) * 3, "shards": (128,) * 3},
}

Processes = Sequence[ProcessPoolExecutor]
WAYS = (
    ("without a disk cache", "none", 0, False),
    ("the same again", "none", 0, False),
    ("with an empty disk cache", "kept", 1, False),
    ("the same again", "kept", 1, False),
    ("the same again, memory cleared", "kept", 1, True),
    ("in a new process", "kept", 2, False),
)
"""What is shown, the disk cache, which process, and whether its memory is cleared."""


@dataclass(frozen=True)
class Row:
    """One way to read: milliseconds of a block, requests and megabytes of all."""

    way: str
    ms: float
    requests: int
    megabytes: float


@dataclass(frozen=True)
class Task:
    """Blocks of a volume, its voxels in a ``.npy`` file, and the disk cache if any."""

    url: str
    truth: str
    blocks: tuple[Region, ...]
    disk: str = ""

    def milliseconds(self, clear: bool) -> list[float]:
        """The time of each block; before it memory is cleared, if told."""
        if self.disk:
            os.environ["EMCATALOG_DISK_CACHE"] = self.disk
        options: Any = {"axes": "zyx", "voxel_size_nm": [8, 8, 8]}
        opened = open_pyramid(self.url, Transport(mirrors=Mirrors()), **options)
        volume, truth = opened.level(0), np.load(self.truth, mmap_mode="r")
        taken = []
        for block in self.blocks:
            if clear:
                page_cache().clear()
            begun = time.perf_counter()
            found = volume.read(block)
            taken.append(1000 * (time.perf_counter() - begun))
            if not np.array_equal(found, truth[block.slices]):
                raise AssertionError(f"wrong voxels of {self.url} at {block}")
        flush()
        return taken


def rows(
    served: Served, path: str, truth: Path, disk: Path, processes: Processes
) -> Iterator[Row]:
    """Read the volume at ``path`` of a server in all `WAYS`."""
    disks = {"none": "", "kept": str(disk)}
    blocks = tuple(_blocks(np.load(truth, mmap_mode="r").shape))
    for way, kept, process, clear in WAYS:
        task = Task(f"{served.url}{path}", str(truth), blocks, disks[kept])
        before = served.moved()
        taken = processes[process].submit(task.milliseconds, clear).result()
        moved = served.moved() - before
        yield Row(way, median(taken), moved.requests, moved.bytes / 1e6)


def _blocks(shape: tuple[int, ...]) -> Iterator[Region]:
    """A block at a random place in each cube of twice its side."""
    rng = np.random.default_rng(5)
    for corner in itertools.product(*(range(0, n, 2 * SIDE) for n in shape)):
        z, y, x = (
            a + int(b) for a, b in zip(corner, rng.integers(1, SIDE, 3), strict=True)
        )
        yield Region((z, y, x), (z + SIDE, y + SIDE, x + SIDE))


def measure(folder: Path, quick: bool) -> Iterator[tuple[str, Row]]:
    """Name of the format and a row, for all formats and ways."""
    truth = tissue(folder, quick)
    voxels: NDArray[Any] = np.load(truth)
    with contextlib.ExitStack() as stack:
        served = stack.enter_context(proxy(folder))
        one = functools.partial(ProcessPoolExecutor, 1, get_context("spawn"))
        processes = [stack.enter_context(one()) for _ in range(3)]
        for number, (name, options) in enumerate(FORMATS.items()):
            array = zarr.create_array(
                folder / str(number), shape=voxels.shape, dtype=voxels.dtype, **options
            )
            array[...] = voxels
            disk = folder / "kept"
            for row in rows(served, str(number), truth, disk, processes):
                yield name, row


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one block")
    quick = parser.parse_args().quick
    print("| format | a block | ms | requests | MB |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, row in measure(Path(folder), quick):
            figures = f"{row.ms:.0f} | {row.requests} | {row.megabytes:.1f}"
            print(f"| {name} | {row.way} | {figures} |", flush=True)


if __name__ == "__main__":
    main()

"""What one writes without a library for blocks: a ``Dataset`` in twenty lines.

TensorStore or zarr-python below, a DataLoader of PyTorch above; or, without PyTorch, a
loop that keeps some of TensorStore's reads under way.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import DataLoader, Dataset

from benchmarks.blocks.task import Batch, Epoch, Planner, Start, Task

AHEAD = 8
"""Reads that the loop keeps under way."""


class ByHand(Dataset[Any]):
    """Blocks of ``block`` voxels at ``starts``, which may be set anew."""

    def __init__(self, path: str, block: Sequence[int], library: str) -> None:
        self.path, self.block, self.library = path, block, library

    def __len__(self) -> int:
        return 2**62

    def __getitem__(self, start: Start) -> Any:
        """The block at a place: a sampler of places is as good as one of numbers."""
        box = _box(start, self.block)
        if self.library == "zarr":
            return self.array[box]
        return self.array[box].read(order="C").result()

    @functools.cached_property
    def array(self) -> Any:
        """The opened array, in each process its own."""
        return _zarr(self.path) if self.library == "zarr" else _tensorstore(self.path)

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != "array"}


class Tiled(Dataset[Any]):
    """All tiles of a volume, by their numbers: what is planned."""

    def __init__(self, shape: Sequence[int], block: Sequence[int]) -> None:
        self.counts = [n // b for n, b in zip(shape, block, strict=True)]
        self.block = block

    def __len__(self) -> int:
        return int(np.prod(self.counts))

    def start(self, number: int) -> list[int]:
        """The first voxel of a tile."""
        at = np.unravel_index(number, self.counts)
        return [int(n) * b for n, b in zip(at, self.block, strict=True)]


def planner(task: Task, _: str) -> Planner:
    """A shuffled epoch as ``DataLoader(shuffle=True)`` has it."""
    array = _tensorstore(task.array)

    def planned() -> int:
        tiles = Tiled(array.shape, task.block)
        loader = DataLoader(tiles, task.batch, shuffle=True)
        tiles.start(next(iter(loader.sampler)))
        return len(tiles)

    return planned


def opened(task: Task, way: str, workers: int) -> Epoch:
    """``way`` is the library below, or "ahead" for TensorStore without PyTorch."""
    if way == "ahead":
        return functools.partial(_ahead, _tensorstore(task.array), task)
    told: list[Start] = []
    loader = DataLoader(
        ByHand(task.array, task.block, way),
        task.batch,
        sampler=told,
        num_workers=workers,
        persistent_workers=workers > 0,
        multiprocessing_context="forkserver" if workers else None,
    )

    def epoch(_: int, starts: Sequence[Start]) -> Iterator[Batch]:
        told[:] = starts
        places = iter(starts)
        for batch in loader:
            yield Batch(batch.numpy(), [next(places) for _ in batch])

    return epoch


def _ahead(array: Any, task: Task, _: int, starts: Sequence[Start]) -> Iterator[Batch]:
    left, reads = deque(starts), deque[Any]()
    for first in range(0, len(starts), task.batch):
        some = starts[first : first + task.batch]
        while left and len(reads) < AHEAD + len(some):
            box = _box(left.popleft(), task.block)
            reads.append(array[box].read(order="C"))
        yield Batch(np.stack([reads.popleft().result() for _ in some]), some)


def _box(start: Start, block: Sequence[int]) -> tuple[slice, ...]:
    return tuple(slice(a, a + n) for a, n in zip(start, block, strict=True))


def _tensorstore(path: str) -> Any:
    import tensorstore

    is_old = (Path(path) / ".zarray").exists()
    spec = {
        "driver": "zarr" if is_old else "zarr3",
        "kvstore": {"driver": "file", "path": f"{path}/"},
        "recheck_cached_data": "open",
    }
    return tensorstore.open(spec, read=True).result()


def _zarr(path: str) -> Any:
    import zarr

    return zarr.open_array(path, mode="r")

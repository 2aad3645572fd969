"""emcatalog as a contestant: one by one, read ahead in process, and as a DataLoader."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from benchmarks.blocks.task import Batch, Epoch, Planner, Start, Task
from emcatalog.blocks import Plan, Random, Tiles, plan
from emcatalog.blocks.batching import batches
from emcatalog.driver.registry import driver


def planner(task: Task, _: str) -> Planner:
    """All tiles of a volume, shuffled."""
    source = _source(task)
    source.volume  # noqa: B018 - it is opened now

    def planned() -> int:
        made = plan(source, task.block, Tiles(shuffle=True, edge="drop"))
        made.place(0)
        return len(made)

    return planned


def plan_of(task: Task) -> Plan:
    """The plan of an epoch; of tiles the first ones."""
    if task.order == "anywhere":
        return plan(_source(task), task.block, Random(task.count), seed=task.seed)
    tiles = Tiles(shuffle=True, edge="drop")
    return plan(_source(task), task.block, tiles, seed=task.seed)[: task.count]


def starts_of(made: Plan, number: int) -> list[Start]:
    """The first voxels of the blocks of an epoch."""
    epoch = made.epoch(number)
    return [epoch.place(index).start for index in range(len(epoch))]


def opened(task: Task, way: str, workers: int) -> Epoch:
    """One of the ways, by its name."""
    made = plan_of(task)
    return _loaded(made, task, workers) if way == "loader" else WAYS[way](made, task)


def _one_by_one(made: Plan, task: Task) -> Epoch:
    def epoch(number: int, _: Sequence[Start]) -> Iterator[Batch]:
        blocks = made.epoch(number)
        for first in range(0, len(blocks), task.batch):
            some = list(blocks[first : first + task.batch])
            yield Batch(np.stack([b.data for b in some]), [b.place.start for b in some])

    return epoch


def _ahead(made: Plan, task: Task) -> Epoch:
    def epoch(number: int, starts: Sequence[Start]) -> Iterator[Batch]:
        places = iter(starts)  # of the same plan
        for batch in batches(made.epoch(number), task.batch):
            yield Batch(batch["image"], [next(places) for _ in batch["image"]])

    return epoch


def _loaded(made: Plan, task: Task, workers: int) -> Epoch:
    from emcatalog.blocks.torch import loader

    loading = loader(made, task.batch, workers=workers)

    def epoch(number: int, starts: Sequence[Start]) -> Iterator[Batch]:
        loading.set_epoch(number)
        places = iter(starts)  # of the same plan
        for batch in loading:
            image = batch["image"].numpy()[:, 0]
            yield Batch(image, [next(places) for _ in image])

    return epoch


def _source(task: Task) -> Any:
    return driver("ngff")(task.array, voxel_size_nm=task.voxel_size)


WAYS = {"one by one": _one_by_one, "ahead": _ahead}

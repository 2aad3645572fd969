"""Contestants for the tests of the harness: an honest one, and others."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.blocks.task import Batch, Contestant, Epoch, Planner, Start, Task


def odd(way: str) -> Contestant:
    """One of "honest", "silent", "lying", "few", "raising", "sleeping", "greedy"."""
    return Contestant(way, "benchmarks.blocks.odd", way)


def opened(task: Task, way: str, _: int) -> Epoch:
    """Blocks from the truth itself: all and as they are, or not."""
    truth = np.load(task.truth)

    def epoch(_: int, starts: Sequence[Start]) -> Iterator[Batch]:
        for start in starts[:-1] if way == "few" else starts:
            z, y, x = (slice(a, a + n) for a, n in zip(start, task.block, strict=True))
            block = truth[z, y, x].copy()
            if way == "raising":
                raise OSError("the disk is\ngone")
            if way == "lying":
                block[-1, -1, -1] ^= 1
            yield Batch(block[None], None if way == "silent" else [start])

    return epoch


def planner(_: Task, way: str) -> Planner:
    """A plan that takes too long, and too much memory where it is "greedy"."""

    def planned() -> int:
        held = np.ones(2**28 if way == "greedy" else 1, np.uint8)
        time.sleep(600)
        return len(held)

    return planned

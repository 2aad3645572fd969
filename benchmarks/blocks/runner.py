"""One contestant in its own process and environment, doing what it is told.

    python -m benchmarks.blocks.runner MODULE WAY WORKERS

Each line of the input is a question in JSON, each line of the output the answer, or
what went wrong. A turn is an epoch, read to its end. Its consumer does what a training
does with blocks: it takes them, copies them to memory that was there before, and lets
go of them. They are compared with the source when the clock has stopped.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
import warnings
from collections.abc import Sequence
from typing import Any, TextIO

import numpy as np

from benchmarks.blocks import memory
from benchmarks.blocks.judging import Truth
from benchmarks.blocks.task import Epoch, Start, Task

ENOUGH = 0.2
"""Seconds of planning after which a plan is not made again in the same turn."""


class Runner:
    """What the process holds: its contestant, and the task that it is at."""

    def __init__(self, module: str, way: str, workers: int) -> None:
        self.way, self.workers = way, workers
        self.module = importlib.import_module(module)
        self.task: Task | None = None
        self.epoch: Epoch | None = None
        self.kept: Any = None

    def plan(self, told: dict[str, Any]) -> dict[str, Any]:
        """Plan a task; quick plans some times, of which the median counts."""
        task, seconds = Task.of(told), list[float]()
        begun = time.perf_counter()
        planned = self.module.planner(task, self.way)
        opening = time.perf_counter() - begun
        memory.forget_peak()
        before = memory.resident()
        while not seconds or (sum(seconds) < ENOUGH and len(seconds) < 20):
            begun = time.perf_counter()
            length = planned()
            seconds.append(time.perf_counter() - begun)
        return {
            "seconds": float(np.median(seconds)),
            "opening": opening,
            "length": length,
            "peak": max(0, memory.peak() - before),
        }

    def open(self, told: dict[str, Any]) -> None:
        """Open a task, with memory for the blocks of an epoch."""
        self.task = Task.of(told)
        self.epoch = self.module.opened(self.task, self.way, self.workers)
        self.kept = None

    def turn(self, number: int, starts: Sequence[Start]) -> dict[str, Any]:
        """Read an epoch; its seconds, the number of blocks, and what was wrong."""
        task, epoch = self.task, self.epoch
        assert task is not None
        assert epoch is not None
        places: list[Start | None] = []
        begun = time.perf_counter()
        for voxels, known in epoch(number, starts):
            if self.kept is None:
                self.kept = np.zeros((task.count, *task.block), voxels.dtype)
            some = voxels[: task.count - len(places)]
            self.kept[len(places) : len(places) + len(some)] = some
            places += [None] * len(voxels) if known is None else known
        seconds = time.perf_counter() - begun
        return {
            "seconds": seconds,
            "blocks": len(places),
            "known": sum(place is not None for place in places),
            "kept": 0 if self.kept is None else self.kept.nbytes,
            "fault": self._fault(task, places),
        }

    def _fault(self, task: Task, places: Sequence[Start | None]) -> str:
        if len(places) != task.count:
            return f"{len(places)} blocks, not {task.count}"
        truth = Truth(task.truth)
        try:
            faults = (truth.fault(b, p) for b, p in zip(self.kept, places, strict=True))
            return next(filter(None, faults), "")
        finally:
            truth.close()

    def close(self) -> None:
        """Close the task."""
        self.task = self.epoch = self.kept = None


def serve(runner: Runner, asked: TextIO, answers: TextIO) -> None:
    """Answer until the questions end."""
    for line in asked:
        question = json.loads(line)
        try:
            does = getattr(runner, question["ask"])
            told = {"answer": does(*question["with"])}
        except Exception as error:  # noqa: BLE001 - told in the table
            print(traceback.format_exc(), file=sys.stderr)
            first = str(error).strip().partition("\n")[0]
            told = {"failure": f"{type(error).__name__}: {first}"[:300]}
        print(json.dumps(told), file=answers, flush=True)


def main() -> None:
    """Serve, with the output for answers alone."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    warnings.simplefilter("ignore")
    module, way, workers = sys.argv[1:]
    serve(Runner(module, way, int(workers)), sys.stdin, answers)


if __name__ == "__main__":
    main()

"""Engines in turn: every round the same new blocks for all, each compared at once."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.reads.limits import Limit, needed_bytes, wire_seconds
from benchmarks.reads.task import Engine, Moved, Served, Task, Voxels
from benchmarks.reads.worker import (
    Answers,
    Batches,
    EngineError,
    Turn,
    Worker,
    missing,
)


@dataclass(frozen=True)
class Note:
    """One turn of one engine: its cost, and what a server was asked for and sent."""

    turn: Turn
    moved: Moved


@dataclass(frozen=True)
class Outcome:
    """All turns of one task: by engine, one note for each round.

    ``failures`` are engines that raised, ``wrong`` those that gave other voxels than
    the truth, each with what was found first. ``needed`` are the encoded bytes that
    the blocks of each round lie in, and ``wire`` the seconds of the wire's limit.
    """

    task: Task
    notes: Mapping[str, list[Note]]
    failures: Mapping[str, str]
    wrong: Mapping[str, str]
    needed: tuple[int, ...] = ()
    wire: tuple[float, ...] = ()

    @property
    def asked(self) -> int:
        """Bytes of the voxels that are asked for in a round."""
        dtype = self.task.stored.voxels().dtype
        return int(np.prod(self.task.block)) * self.task.count * dtype.itemsize


@dataclass
class Crew:
    """The processes of all engines, each started when it is first needed.

    With ``fresh`` each task gets new ones, so that memory is not what the task before
    has left.
    """

    fresh: bool = False
    workers: dict[int, Worker] = field(default_factory=dict)

    def worker(self, engine: Engine) -> Worker:
        """The engine's process."""
        if id(engine) not in self.workers:
            self.workers[id(engine)] = Worker(engine)
        return self.workers[id(engine)]

    def dismiss(self, engine: Engine) -> None:
        """End a process that has failed; another one is started when it is needed."""
        self.workers.pop(id(engine)).end()

    @classmethod
    @contextmanager
    def called(cls, *, fresh: bool) -> Iterator[Crew]:
        """A crew that is sent home at the end."""
        crew = cls(fresh)
        try:
            yield crew
        finally:
            for worker in crew.workers.values():
                worker.end()


@dataclass(frozen=True)
class Plan:
    """How a task is run.

    ``seed`` decides where blocks lie; with ``cold`` files leave the system's page cache
    before each turn, where it can be told to. No round begins after ``seconds``, save
    the first that counts. ``tick`` is called after each turn.
    """

    rounds: int
    seed: int = 0
    cold: bool = False
    seconds: float = math.inf
    tick: Callable[[str], None] = lambda _: None


def installed(engines: Sequence[Engine]) -> tuple[list[Engine], dict[str, list[str]]]:
    """The engines that can run here; and the modules that the others lack."""
    lacking = {e.name: missing(e) for e in engines}
    there = [e for e in engines if not lacking[e.name]]
    return there, {name: modules for name, modules in lacking.items() if modules}


def run(
    task: Task, engines: Sequence[Engine], plan: Plan, crew: Crew, served: Served | None
) -> Outcome:
    """One round to warm up that is not counted, then those of the plan.

    An engine that fails or is wrong is out for the rest of the task.
    """
    judge = Judge(task, served, crew)
    left = [e for e in engines if e.fits(task) and judge.admit(e)]
    drawn = [task.draw((plan.seed, number)) for number in range(plan.rounds + 1)]
    until = time.monotonic() + plan.seconds
    for number, batches in enumerate(drawn):
        if number > 1 and time.monotonic() > until:
            drawn = drawn[:number]
            break
        first = number % max(1, len(left))  # nobody is always behind the same one
        for engine in left[first:] + left[:first]:
            if plan.cold:
                forget_files(task)
            judge.turn(engine, batches if number else batches[:1], counted=number > 0)
            plan.tick(f"{task.name}: {engine.name}")
        left = [e for e in left if e.name not in judge.out]
    judge.close(left)
    wire = [wire_seconds(task, batches) for batches in drawn[1:]]
    return Outcome(
        task,
        {e.name: judge.notes[e.name] for e in left},
        judge.failures,
        judge.wrong,
        tuple(needed_bytes(task, batches) for batches in drawn[1:]),
        tuple(seconds for seconds in wire if seconds is not None),
    )


class Judge:
    """Lets engines take turns on one task, compares, and writes down."""

    def __init__(self, task: Task, served: Served | None, crew: Crew) -> None:
        self.task, self.served, self.crew = task, served, crew
        self.truth = task.stored.voxels()
        self.notes: dict[str, list[Note]] = {}
        self.failures: dict[str, str] = {}
        self.wrong: dict[str, str] = {}

    @property
    def out(self) -> set[str]:
        """Engines that have failed or were wrong."""
        return {*self.failures, *self.wrong}

    def admit(self, engine: Engine) -> bool:
        """Let an engine open the task; whether it could."""
        self.notes[engine.name] = []
        try:
            self.crew.worker(engine).open(self.task)
        except EngineError as error:
            self._failed(engine, error)
        return engine.name not in self.failures

    def turn(self, engine: Engine, batches: Batches, *, counted: bool) -> None:
        """Let it read; what is wrong or fails is written down."""
        before = self._moved()
        try:
            turn, answers = self.crew.worker(engine).turn(batches)
        except EngineError as error:
            self._failed(engine, error)
            return
        moved = self._moved() - before
        checked = not isinstance(engine, Limit) or engine.checked
        if checked and (fault := compared(self.truth, batches, answers)):
            self.wrong[engine.name] = fault
        elif counted:
            self.notes[engine.name].append(Note(turn, moved))

    def close(self, engines: Sequence[Engine]) -> None:
        """Let engines close the task."""
        for engine in engines:
            if self.crew.fresh:
                self.crew.dismiss(engine)
                continue
            try:
                self.crew.worker(engine).close()
            except EngineError:  # all that it had to read, it has read
                self.crew.dismiss(engine)

    def _failed(self, engine: Engine, error: EngineError) -> None:
        self.failures[engine.name] = str(error)
        self.crew.dismiss(engine)

    def _moved(self) -> Moved:
        return self.served.moved() if self.served else Moved(0, 0)


def compared(truth: Voxels, batches: Batches, answers: Answers) -> str:
    """What is wrong with the answers to batches; empty if nothing is."""
    for batch, answer in zip(batches, answers, strict=True):
        places = sorted(n for n, _ in answer)
        if places != list(range(len(batch))):
            return f"blocks {places} came of a batch of {len(batch)}"
        for n, block in answer:
            right = truth[batch[n].slices]
            if block.shape != right.shape or block.dtype != right.dtype:
                return f"{block.dtype} {block.shape}, not {right.dtype} {right.shape}"
            if differ := int(np.count_nonzero(block != right)):
                return f"{differ} wrong voxels in {batch[n]}"
    return ""


def forget_files(task: Task) -> None:
    """Drop the stored files from the system's page cache, where it can be told to."""
    if not hasattr(os, "posix_fadvise"):
        return
    place = Path(task.folder) / task.stored.path.partition("/")[0]
    files = [place] if place.is_file() else place.rglob("*")
    for path in files:
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)

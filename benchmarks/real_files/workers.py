"""Work in processes of its own: a hang is ended, a crash is survived, memory bounded.

Each worker does one task after the other. One that takes too long, or whose process
dies, is given up, and a new worker takes the next task.
"""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

MEMORY = 3 * 2**30
"""Bytes that the work may take beyond what a worker has when it begins."""

START = 180.0
"""Seconds that a worker has to start and import what it needs, before a task's own."""

BEGIN = "begin"
PATIENCE = 3.0
"""Seconds that an idle worker has to tidy up after itself."""

_spawn = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class Task:
    """A call of ``module:function`` with ``arguments``; ``key`` is the caller's."""

    key: Any
    function: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Answer:
    """What the call gave; ``failure`` is ``hang`` or ``crash`` where it gave nothing.

    An exception of the call itself is a failure too: its type and text.
    """

    task: Task
    value: Any = None
    failure: str = ""
    detail: str = ""


def perform(tasks: Iterable[Task], jobs: int, timeout: float) -> Iterator[Answer]:
    """Answers in the order in which they come; each task has ``timeout`` seconds."""
    waiting, pool = iter(tasks), [_Worker() for _ in range(max(1, jobs))]
    try:
        while True:
            for n, worker in enumerate(pool):
                if worker.task is None and (task := next(waiting, None)):
                    pool[n] = worker if worker.alive else _Worker()
                    pool[n].give(task, timeout)
            busy = [worker for worker in pool if worker.task]
            if not busy:
                return
            yield from _answers(busy)
    finally:
        for worker in pool:
            worker.end()


def _answers(busy: Sequence[_Worker]) -> Iterator[Answer]:
    """What has come when the first answers, or has run out of time."""
    soonest = max(0.0, min(w.deadline for w in busy) - time.monotonic())
    ready = wait([w.pipe for w in busy], soonest + 0.01)
    for worker in busy:
        if worker.pipe in ready:
            if answer := worker.take():
                yield answer
        elif time.monotonic() > worker.deadline:
            yield worker.give_up()


@dataclass
class _Worker:
    """One process, its pipe, and the task that it is at."""

    task: Task | None = None
    deadline: float = 0.0
    timeout: float = 0.0
    pipe: Connection = field(init=False)
    process: Any = field(init=False)

    def __post_init__(self) -> None:
        self.pipe, theirs = _spawn.Pipe()
        self.process = _spawn.Process(target=_serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()

    @property
    def alive(self) -> bool:
        return bool(self.process.is_alive())

    def give(self, task: Task, timeout: float) -> None:
        self.task, self.timeout = task, timeout
        self.deadline = time.monotonic() + START
        with contextlib.suppress(OSError):  # it died: take() will tell
            self.pipe.send(task)

    def take(self) -> Answer | None:
        """The answer; None where it says that it begins, and its time runs from now."""
        task = self.task
        assert task is not None
        try:
            told = self.pipe.recv()
            if told == BEGIN:
                self.deadline = time.monotonic() + self.timeout
                return None
            self.task, (value, failure, detail) = None, told
        except (EOFError, OSError):
            self.task = None
            self.process.join(5)
            self.end()
            return Answer(task, failure="crash", detail=_ended(self.process.exitcode))
        return Answer(task, value, failure, detail)

    def give_up(self) -> Answer:
        task, self.task = self.task, None
        assert task is not None
        self.process.kill()
        self.end()
        return Answer(task, failure="hang", detail=f"no end after {self.timeout:g} s")

    def end(self) -> None:
        """Let it go when it sees that the pipe is closed; else end it."""
        self.pipe.close()
        self.process.join(0 if self.task else PATIENCE)
        self.process.kill()
        self.process.join()


def _ended(code: int | None) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return f"its process was ended by {signal.Signals(-code).name}"
    return f"its process ended with status {code}"


def _serve(pipe: Connection) -> None:
    """The worker: calls what it is told to, until the pipe is closed."""
    # what a library prints belongs to nobody's table
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno() if sys.stdout else 1)
    os.dup2(null, 2)
    limited = False
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        try:
            function = _function(task.function)
            pipe.send(BEGIN)
            if not limited:
                _limit_memory()
                limited = True
            answer = function(*task.arguments), "", ""
        except Exception as error:  # noqa: BLE001 - told to the caller
            answer = None, type(error).__name__, str(error)[:500]
        pipe.send(answer)


def _function(name: str) -> Callable[..., Any]:
    module, _, member = name.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), member)
    return found


def _limit_memory() -> None:
    """Bound the address space, where the system can, and what our readers take."""
    os.environ.setdefault("EMCATALOG_MEMORY_LIMIT", str(MEMORY // 3))
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return
    import psutil

    most = psutil.Process().memory_info().vms + MEMORY
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (most, most))

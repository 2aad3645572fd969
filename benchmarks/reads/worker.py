"""One engine in a process of its own, which takes its turns when it is told to.

So no engine's threads, caches or memory are another's. Only the reading is timed: a
block is sent to the judge, who has the truth, after the clock has stopped.
"""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import multiprocessing
import os
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil

from benchmarks.reads.task import Engine, Reader, Task, Voxels
from emcatalog.geometry import Region

PATIENCE = 300.0
"""Seconds after which an engine that does not answer is given up."""

Batches = Sequence[Sequence[Region]]
Answers = list[list[tuple[int, Voxels]]]
_spawn = multiprocessing.get_context("spawn")


class EngineError(Exception):
    """What an engine raised, as text, or that it gave no answer."""


KEEP = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_")
"""What glibc is told: memory that was given back is used again. New pages cost more
than a block of plain voxels, and whether a process gets some would be luck."""


class Turn(NamedTuple):
    """What one turn cost the engine's process.

    ``seconds`` of the wall and ``cpu`` seconds of all its threads; ``calls`` of read
    and ``bytes`` they gave (from disks and sockets; what is mapped into memory is not
    counted); ``peak`` bytes of memory beyond those when the task was open. Counts
    that the system does not tell are 0.
    """

    seconds: float
    cpu: float
    calls: int
    bytes: int
    peak: int


def missing(engine: Engine) -> list[str]:
    """The modules that an engine needs and that are not installed."""
    return [name for name in engine.needs if importlib.util.find_spec(name) is None]


class Worker:
    """The process of one engine. Raises EngineError for what goes wrong in it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        for name in KEEP:
            os.environ.setdefault(name, str(2**30))  # the process inherits it
        self._pipe, theirs = _spawn.Pipe()
        self._process = _spawn.Process(
            target=_serve, args=(theirs, engine), daemon=True
        )
        self._process.start()
        theirs.close()

    def open(self, task: Task) -> None:
        """Open a task, in place of the one before."""
        self._ask("open", task)

    def turn(self, batches: Batches) -> tuple[Turn, Answers]:
        """Read all batches of a round; for each the places and voxels that came."""
        turn, answers = self._ask("turn", batches)
        return turn, answers

    def close(self) -> None:
        """Close the task."""
        self._ask("close", None)

    def end(self) -> None:
        """Let the process go, or end it."""
        self._pipe.close()
        self._process.join(3)
        self._process.kill()
        self._process.join()

    def _ask(self, what: str, value: Any) -> Any:
        try:
            self._pipe.send((what, value))
            if not self._pipe.poll(PATIENCE):
                self._process.kill()
                raise EngineError(f"no answer in {PATIENCE:g} s")
            answer, failure = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise EngineError("its process died") from error
        if failure:
            raise EngineError(failure)
        return answer


@dataclass
class _Bench:
    """What the process holds: the engine, and the task it is at."""

    engine: Engine
    reader: Reader | None = None
    before: int = 0

    def open(self, task: Task) -> None:
        self.close(None)
        gc.collect()
        self.reader = self.engine.open(task)
        self.before = psutil.Process().memory_info().rss

    def close(self, _: None) -> None:
        if self.reader:
            self.reader.close()
        self.reader = None

    def turn(self, batches: Batches) -> tuple[Turn, Answers]:
        assert self.reader is not None
        _forget_peak()
        calls, moved = _moved()
        cpu, begun = time.process_time(), time.perf_counter()
        answers = [_answer(self.reader, batch) for batch in batches]
        seconds, spent = time.perf_counter() - begun, time.process_time() - cpu
        peak = max(0, _peak() - self.before)
        calls_now, moved_now = _moved()
        turn = Turn(seconds, spent, calls_now - calls, moved_now - moved, peak)
        return turn, [
            [(n, np.ascontiguousarray(block)) for n, block in answer]
            for answer in answers
        ]


def _answer(reader: Reader, batch: Sequence[Region]) -> list[tuple[int, Voxels]]:
    if len(batch) == 1:
        return [(0, reader.read(batch[0]))]
    return list(reader.read_many(batch))


def _serve(pipe: Connection, engine: Engine) -> None:
    """Do what is told until the pipe is closed."""
    os.environ.update(engine.environment)
    warnings.simplefilter("ignore")
    # what a library prints belongs to nobody's table
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno() if sys.stdout else 1)
    os.dup2(null, 2)
    bench = _Bench(engine)
    while True:
        try:
            what, value = pipe.recv()
        except EOFError:
            return
        try:
            answer, failure = getattr(bench, what)(value), ""
        except Exception as error:  # noqa: BLE001 - told in the table
            told = str(error).strip().partition("\n")[0]
            answer, failure = None, f"{type(error).__name__}: {told}"[:300]
        with contextlib.suppress(BrokenPipeError):
            pipe.send((answer, failure))


def _moved() -> tuple[int, int]:
    """Read calls of this process so far, and the bytes that they gave."""
    try:
        counts = psutil.Process().io_counters()
    except (AttributeError, psutil.Error):  # macOS has none
        return 0, 0
    return counts.read_count, getattr(counts, "read_chars", counts.read_bytes)


def _forget_peak() -> None:
    """Let the greatest memory be counted from now on, where the system can."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", "ascii")


def _peak() -> int:
    """The greatest memory (bytes) since `_forget_peak`; else what it is now."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text("ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return int(psutil.Process().memory_info().rss)

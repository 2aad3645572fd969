"""The process of a contestant, seen from the harness: questions, limits, memory."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from benchmarks.blocks.task import Contestant

ROOT = Path(__file__).parents[2]
OFTEN = 0.02
"""Seconds between two looks at the memory of a process that is weighed."""


class ContestantError(Exception):
    """What a contestant raised, as text, or the limit that it went beyond."""


class Limits(NamedTuple):
    """The seconds that an answer may take, and the bytes that its process may have."""

    seconds: float = 600.0
    bytes: int = 12 * 2**30


class Process:
    """A contestant's process. Raises ContestantError for what goes wrong in it."""

    def __init__(self, contestant: Contestant, python: Path) -> None:
        words = (contestant.module, contestant.way, str(contestant.workers))
        told = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "EMCATALOG_CACHE": "0",  # nobody keeps voxels from block to block
        }
        self._process = subprocess.Popen(  # noqa: S603 - our own words
            [str(python), "-m", "benchmarks.blocks.runner", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=told,
        )
        assert self._process.stdin
        assert self._process.stdout
        self._asks, self._answers = self._process.stdin, self._process.stdout
        self._seen = psutil.Process(self._process.pid)
        self.peak = 0

    def ask(
        self, what: str, *told: Any, limits: Limits | None = None, weigh: bool = False
    ) -> Any:
        """The answer to a question.

        With ``weigh`` memory is looked at all the time, with that of worker processes,
        and the most bytes are in ``peak`` afterwards.
        """
        try:
            question = json.dumps({"ask": what, "with": told}) + "\n"
            self._asks.write(question.encode())
            self._asks.flush()
            self._await(limits or Limits(), weigh)
            line = self._answers.readline()
        except OSError as error:
            raise ContestantError("its process died") from error
        if not line:
            raise ContestantError("its process died")
        answer = json.loads(line)
        if "failure" in answer:
            raise ContestantError(answer["failure"])
        return answer["answer"]

    def weight(self) -> int:
        """Bytes of memory of the process and its workers; what they share counts once.

        Libraries and other files that are mapped are left out: how much of them counts
        depends on who else has them.
        """
        those: list[psutil.Process] = [self._seen]
        with contextlib.suppress(psutil.Error):
            those += self._seen.children(recursive=True)
        return sum(map(_weight, those))

    def end(self) -> None:
        """End the process, and the workers that it has."""
        workers: list[psutil.Process] = []
        with contextlib.suppress(psutil.Error):
            workers = self._seen.children(recursive=True)
        for stream in (self._asks, self._answers):
            with contextlib.suppress(OSError):
                stream.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for worker in workers:
            with contextlib.suppress(psutil.Error):
                worker.kill()

    def _await(self, limits: Limits, weigh: bool) -> None:
        """Wait until there is an answer; ContestantError beyond a limit."""
        begun, self.peak = time.monotonic(), 0
        while not wait([self._answers], OFTEN if weigh else 0.1):
            passed = time.monotonic() - begun
            if weigh:
                self.peak = max(self.peak, self.weight())
            with contextlib.suppress(psutil.Error):
                held = self._seen.memory_info().rss
                if held > limits.bytes:
                    self._process.kill()
                    most = f"{limits.bytes / 2**30:.3g} GiB"
                    raise ContestantError(f"more than {most} after {passed:.0f} s")
            if passed > limits.seconds:
                self._process.kill()
                raise ContestantError(f"no answer in {limits.seconds:.0f} s")


def _weight(process: psutil.Process) -> int:
    """Bytes of a process; all that are resident, where no more is told of them."""
    with contextlib.suppress(psutil.Error, OSError):
        try:
            rolled = Path(f"/proc/{process.pid}/smaps_rollup").read_text("ascii")
        except FileNotFoundError:
            return int(process.memory_info().rss)
        told = [line.split() for line in rolled.splitlines()]
        return 1024 * sum(
            int(w[1]) for w in told if w[0] in ("Pss_Anon:", "Pss_Shmem:")
        )
    return 0

"""Runs of predict in processes of their own, killed at a change of the disk.

As a program it imports once, and forks for each run: a second or two are saved.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from block_volumes import labelled, numbered
from emcatalog.blocks.stitch import predict
from emcatalog.geometry import Grid

SHAPE = (8, 7, 11)
CHANGES = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"}


def image() -> Any:
    grid = Grid(SHAPE, (8.0, 4.0, 4.0))
    return labelled(grid, numbered(SHAPE, np.float32) / np.float32(7))


def run(out: Path, overlap: str, force: bool = False, function: Any = None) -> Path:
    """Twelve cells, one by one."""
    wanted = function or (lambda block: block + 1)
    return predict(
        image(), wanted, out, 8, halo=2, overlap=overlap, label="one", force=force
    )


class Runs:
    """A program that runs predict when it is told, and is killed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def killed_at(
        self, change: int, out: Path, overlap: str, force: bool = False
    ) -> int | None:
        """Run it; kill it before that change of the disk. If it ends: its changes."""
        assert self._process.stdin
        assert self._process.stdout
        told = {"change": change, "out": str(out), "overlap": overlap, "force": force}
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()
        status, count = json.loads(self._process.stdout.readline())
        assert (status, count is None) in ((0, False), (-signal.SIGKILL, True))
        return count


@contextmanager
def runs() -> Iterator[Runs]:
    """Within it there is the program."""
    command = [sys.executable, __file__]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Runs(process)


def _run_and_die(change: int, out: str, overlap: str, force: bool) -> int:
    count = 0

    def hook(event: str, args: tuple[Any, ...]) -> None:
        nonlocal count
        if event not in CHANGES or not str(args[0]).startswith(out):
            return
        if event == "open" and args[1] in ("r", "rb"):
            return
        count += 1
        if count == change:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    run(Path(out), overlap, force)
    return count


def _serve() -> None:
    for line in sys.stdin:
        read, write = os.pipe()
        child = os.fork()
        if not child:
            os.write(write, b"%d" % _run_and_die(**json.loads(line)))
            os._exit(0)
        os.close(write)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        with os.fdopen(read) as pipe:
            told = pipe.read()
        sys.stdout.write(json.dumps([status, int(told) if told else None]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()

"""A lock between processes that the death of its holder opens."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE_SECONDS = 2.0
PAUSE_SECONDS = 0.002

if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)

    def _unlock(file: int) -> None:
        os.lseek(file, 0, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(file: int) -> None:
        # closing is not enough: a child that was forked meanwhile has the file too
        fcntl.flock(file, fcntl.LOCK_UN)


@contextmanager
def locked(path: Path) -> Iterator[int | None]:
    """Within it no other thread or process is; gives the open file ``path``.

    Gives None if others hold it for `PATIENCE_SECONDS`: one of them may be stopped.
    Raises OSError.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _patiently(file):
            yield None
            return
        try:
            yield file
        finally:
            _unlock(file)
    finally:
        os.close(file)


def _patiently(file: int) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            _lock(file)
        except (BlockingIOError, PermissionError):  # the second on Windows
            if time.monotonic() > deadline:
                return False
            time.sleep(PAUSE_SECONDS)
        else:
            return True

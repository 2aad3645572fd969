"""Entries of the disk cache written by a thread, so that no read waits for the disk."""

from __future__ import annotations

import contextlib
import functools
import os
import threading
from concurrent.futures import ThreadPoolExecutor

from emcatalog.cache.disk import DiskCache

WAITING_BYTES = 64 * 2**20
"""Bytes that may wait to be written; what comes when a disk is slower is not kept."""


class _Writer:
    """The thread of a process that writes; what waits at its end is still written."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "emcatalog-disk")
        self._lock = threading.Lock()
        self._waiting = 0

    def put(self, cache: DiskCache, key: str, version: str, data: bytes) -> None:
        if self._waits(len(data)):
            with contextlib.suppress(RuntimeError):  # the process ends
                self._pool.submit(self._write, cache, key, version, data)

    def flush(self) -> None:
        with contextlib.suppress(RuntimeError):  # the process ends
            self._pool.submit(int).result()  # there is one thread, so it comes last

    def _waits(self, size: int) -> bool:
        with self._lock:
            fits = self._waiting + size <= WAITING_BYTES
            self._waiting += size if fits else 0
        return fits

    def _write(self, cache: DiskCache, key: str, version: str, data: bytes) -> None:
        try:
            cache.put(key, version, data)
        finally:
            with self._lock:
                self._waiting -= len(data)


def put_later(cache: DiskCache, key: str, version: str, data: bytes) -> None:
    """Put an entry as `DiskCache.put` does, but soon instead of now.

    Until then it is not found. At most `WAITING_BYTES` wait, and what is more is not
    kept. A process that is killed loses what waits; one that ends does not.
    """
    _writer(os.getpid()).put(cache, key, version, data)


def drop_latest(cache: DiskCache, key: str) -> None:
    """Forget the entry of ``key``, also one that still waits to be written."""
    flush()
    cache.drop(key)


def flush() -> None:
    """Wait until everything is written that was put before."""
    _writer(os.getpid()).flush()


@functools.lru_cache(maxsize=1)
def _writer(pid: int) -> _Writer:
    # keyed by process: the thread of a pool does not survive a fork
    return _Writer()

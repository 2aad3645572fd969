"""Work done in a process of its own, whose peak of memory is measured.

Processes are forked from one that has already imported the drivers, so that the peak
is that of the work and not of the libraries.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

MIB = 2**20
ADDRESSES = 6 * 2**30
"""Bytes of address space: what takes more ends the process, and not the machine."""

LIMIT = "64MiB"
"""EMCATALOG_MEMORY_LIMIT of the process."""

_context = multiprocessing.get_context("forkserver")
PRELOADED = [
    "emcatalog.catalog", "emcatalog_dm3", "emcatalog_idr", "emcatalog_images",
    "emcatalog_ngff", "emcatalog_precomputed", "emcatalog_tiff", "numcodecs",
]  # fmt: skip
_context.set_forkserver_preload(PRELOADED)


@dataclass(frozen=True)
class Outcome:
    """``kind`` is the class of the error, or the type of what was returned."""

    kind: str
    text: str
    peak: int
    seconds: float
    is_ours: bool = False


def measured(
    work: Callable[..., object], *given: object, seconds: float = 60
) -> Outcome:
    """What came of ``work(*given)``, and the bytes by which the process grew."""
    ours, theirs = _context.Pipe(duplex=False)
    process = _context.Process(target=_do, args=(theirs, work, given), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(seconds):
            return Outcome("hang", "", 0, seconds)
        found: Outcome = ours.recv()
    except EOFError:
        process.join(10)
        found = Outcome("crash", f"exit status {process.exitcode}", 0, 0.0)
    finally:
        process.kill()
        process.join()
    return found


def _do(out: Connection, work: Callable[..., object], given: tuple[Any, ...]) -> None:
    from emcatalog.errors import EmcatalogError

    os.environ["EMCATALOG_MEMORY_LIMIT"] = LIMIT
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
    begun, before = time.monotonic(), _peak()
    is_ours = False
    try:
        answer = work(*given)
        kind, text = type(answer).__name__, repr(answer)[:200]
    except BaseException as error:  # noqa: BLE001 - told to the test
        kind, text = type(error).__name__, str(error)[:4000]
        is_ours = isinstance(error, EmcatalogError)
    took = time.monotonic() - begun
    out.send(Outcome(kind, text, _peak() - before, took, is_ours))


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

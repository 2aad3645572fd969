"""Work done in a process of its own, whose peak of memory is measured.

Processes are forked from one that has already imported the drivers, so that the peak
is that of the work and not of the libraries.
"""

from __future__ import annotations

import bz2
import functools
import lzma
import multiprocessing
import os
import resource
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import imagecodecs

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


BOUND = 160 * MIB
"""Twice the memory limit, and what loading TensorStore's threads takes."""

SECONDS = 20.0
ZEROS = 320 * MIB
"""What the packed zeros unfold to: twice the bound."""

GROWTH = 2 * 1032
"""How much TensorStore makes of a byte of gzip in a shard, which it unpacks whole."""


VOXEL = {"voxel_size_nm": 8.0}


def opened(name: str, place: str, options: Mapping[str, Any], read: bool = True) -> str:
    """Open with the driver ``name``, and read one voxel."""
    from emcatalog.driver.registry import driver

    source = driver(name)(place, **options)
    array = source.to_xarray()
    return str(int(array[0, 0, 0])) if read else str(array.shape)


def kept(outcome: Outcome, *kinds: str, bound: int = BOUND) -> None:
    """The outcome is an error of one of ``kinds``, or voxels for ``str``, in bounds."""
    assert outcome.kind in kinds, outcome
    assert outcome.is_ours or outcome.kind in ("str", "int", "list"), outcome
    assert outcome.peak <= bound, f"{outcome.peak / MIB:.0f} MiB: {outcome}"
    assert outcome.seconds < SECONDS, outcome
    assert len(outcome.text) < 3999


@functools.lru_cache(maxsize=8)
def packed_zeros(codec: str) -> bytes:
    """`ZEROS` zeros, packed."""
    if codec == "zstd":
        return bytes(imagecodecs.zstd_encode(bytes(ZEROS), level=1))
    if codec == "brotli":
        return bytes(imagecodecs.brotli_encode(bytes(ZEROS), level=1))
    if codec == "packbits":
        return b"\x81\0" * (ZEROS // 128 // 16)
    packer: Any = {
        "gzip": lambda: zlib.compressobj(wbits=31),
        "deflate": zlib.compressobj,
        "bz2": bz2.BZ2Compressor,
        "lzma": lzma.LZMACompressor,
    }[codec]()
    piece = bytes(16 * MIB)
    parts = [packer.compress(piece) for _ in range(ZEROS // len(piece))]
    return b"".join(parts) + bytes(packer.flush())

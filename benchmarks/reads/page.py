"""The page of the documentation: what was measured, on what, and what it shows."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version

import psutil

from benchmarks.reads.figures import HEADS, rows
from benchmarks.reads.report import title, verdict_rows
from benchmarks.reads.rounds import Outcome
from benchmarks.reads.verdicts import Verdict

LIBRARIES = (
    "emcatalog",
    "tensorstore",
    "zarr",
    "zarrs",
    "xarray",
    "dask",
    "cloud-volume",
    "tifffile",
    "ncempy",
    "rosettasciio",
    "fsspec",
    "numcodecs",
    "imagecodecs",
    "numpy",
)
HEAD = """\
# Reading, measured

Random blocks of a volume, read by emcatalog, by other libraries, and by what bounds all
of them. Written by the measurement itself:

```sh
{command}
```

{machine} {date}. {rounds} {load}

{versions}

"""
WAY = """\
## What bounds it

- *Decoding alone* decodes again and again into the same buffer, which stays in the
  cache of its core. An engine must also take encoded bytes from the files, touch new
  memory, and put the block together: raw TensorStore spends 1.1 to 1.3 times the CPU
  seconds of decoding alone on Blosc and gzip, so 0.9 of the limit is about its best
  where few cores are the bound. What helps is to decode less: a block of 128³ that is
  aligned with chunks of 64³ needs 8 of them, and an unaligned one 27.
- Uncompressed chunks are read from the page cache into memory and copied once more into
  the block; a memory map of the files would save the first copy.
- Our layers above the engine are Python, and how long that takes depends on what is
  left of it in the core's caches. Again and again with an engine that does nothing,
  `volume.read` takes 0.02 ms and `da.isel(...).values` 0.13 ms, of which 0.07 ms is the
  slicing of three coordinates (xarray alone takes 0.06 ms for an array of its own).
  Between real blocks, whose 2 MB of voxels and 7 MB of chunks go through the same
  caches, the same lines take 0.15 ms and 0.3 to 0.5 ms; in processes that wait for
  their turn somewhat more. Against 5 to 12 ms of decoding that is 3 to 8 %, against
  uncompressed chunks a third. So `da.isel` misses 0.95 of raw TensorStore where chunks
  decode quickly, and `volume.read` where they need not be decoded. What would be needed
  is an index and a lazy array that are not Python; `python -m benchmarks.overhead`
  shows the layers one by one.
- *A stream* hides most of that: while one block is labelled the next ones are decoded.
  There `da.em.blocks` is about as fast as TensorStore with all reads under way.
- Chunks of precomputed with the suffix `.gz`, which TensorStore does not look for, are
  unpacked here and put in their places directly. Beyond decoding a chunk costs the
  reading of its file, a search for a second gzip member (a seventh of its decoding),
  and new memory.
- Where all cores decode all the time - JPEG and gzip - no engine can be much faster
  than another that uses them all.
- Reductions of whole volumes are measured by `python -m benchmarks.reductions`.

## How it is measured

- The volume is procedural tissue with the detector's noise, or a real FIB-SEM stack
  (*real stack*); Blosc with Zstandard makes them 1.4 and 1.2 times smaller.
- Each engine lives in a process of its own. In each round all of them, in turn, read
  the same new random blocks at unaligned places; a first round is not counted.
- Processes keep the memory of earlier blocks (glibc's thresholds are raised), as those
  of a training do; new pages would cost more than a block of plain voxels.
- **Every block is compared with the truth**, voxel for voxel, when the clock has
  stopped. A wrong voxel ends the engine's part, and the run with status 1.
- Nobody keeps voxels from one block to the next (`EMCATALOG_CACHE=0`), except where a
  name says so; blocks of one *batch* may share chunks.
- Ratios are speeds: 2.00 is twice as fast. They are ratios of medians over the rounds,
  and in brackets is the middle half of the ratios round by round.
- *Of the limit*: on a disk of decoding alone (the chunks that a block meets, already in
  memory, by the fastest decoder, on all cores, and never put together), of a memory
  copy where nothing is encoded, of memory maps at known offsets for pages; far away of
  one round trip and the bytes needed over at most 128 connections.
- *CPU s/GB*: seconds of all threads for 10^9 bytes of voxels. *Requests*: for a block;
  on a disk calls of read, where memory maps count as none. *Moved*: bytes read or sent
  over the encoded bytes of the chunks, strips or rows that the blocks meet. *Peak*: the
  most memory beyond that of the opened process, blocks included.

"""


def page(
    outcomes: Sequence[Outcome],
    found: Sequence[Verdict],
    absent: Mapping[str, list[str]],
    command: str,
) -> str:
    """The whole page as Markdown."""
    counts = {len(notes) for o in outcomes for notes in o.notes.values()}
    parts = [
        HEAD.format(
            command=command,
            machine=machine(),
            date=datetime.datetime.now(tz=datetime.UTC).date(),
            rounds=f"Rounds: {', '.join(map(str, sorted(counts)))}.",
            load=busy(os.getloadavg()[2]) if hasattr(os, "getloadavg") else "",
            versions=f"Versions: {versions()}.",
        ),
        "## Targets\n\n",
        _table(["target", "bound", "worst", "met", "missed at"], verdict_rows(found)),
        "\n",
        WAY,
        _tables(outcomes),
        _left_out(absent),
    ]
    return "".join(parts).rstrip() + "\n"


def machine() -> str:
    """The machine in neutral words."""
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GiB of memory, "
        f"{platform.system()}, Python {platform.python_version()},"
    )


def busy(load: float) -> str:
    """What a load average of 15 minutes says about the figures; empty for a quiet one.

    Engines keep all cores busy themselves, and no more than that.

    >>> busy(0.5)
    ''
    """
    cores = os.cpu_count() or 1
    if load < 2 * cores:
        return ""
    return (
        f"**The machine was busy with other work (load average {load:.0f} on {cores} "
        "cores): believe CPU seconds, requests and bytes rather than times.**"
    )


def versions() -> str:
    """The libraries that took part, and their versions."""
    return ", ".join(f"{name} {_version(name)}" for name in LIBRARIES)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def _tables(outcomes: Sequence[Outcome]) -> str:
    parts = ["## Figures\n\n"]
    for outcome in outcomes:
        parts.append(f"### {title(outcome.task)}\n\n")
        parts.append(f"`--only {outcome.task.name}`\n\n")
        parts.append(_table(list(HEADS), rows(outcome), numbers=True))
        for name, text in (*outcome.wrong.items(), *outcome.failures.items()):
            parts.append(f"\n{name}: {_plain(text)}\n")
        parts.append("\n")
    return "".join(parts)


def _left_out(absent: Mapping[str, list[str]]) -> str:
    told = [f"{name} ({', '.join(modules)})" for name, modules in absent.items()]
    return f"Not installed: {'; '.join(told)}.\n" if told else ""


def _table(
    head: Sequence[str], cells: Sequence[Sequence[str]], *, numbers: bool = False
) -> str:
    right = "---:" if numbers else "---"
    lines = [head, ["---", *([right] * (len(head) - 1))], *cells]
    return "".join(f"| {' | '.join(map(_plain, line))} |\n" for line in lines)


def _plain(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")

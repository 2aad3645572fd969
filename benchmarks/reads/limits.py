"""What no engine can beat: decoding alone, copying alone, and the wire alone.

The limit of decoding hands the chunks that a block meets, already in memory, to the
fastest decoder that is installed, on as many threads as the machine has cores, each
into the same buffer again: no file, no request, no block is put together. The limit of
copying puts blocks together from chunks that are in memory without any encoding. The
limit of the wire is arithmetic.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.reads.engines import Blocks, layout_of
from benchmarks.reads.stores import ARRAY, LAYOUTS, Layout, chunk_files
from benchmarks.reads.task import Reader, Stored, Task, Voxels
from emcatalog.geometry import Region, Triple

DECODING, COPYING, WIRE = "decode-only limit", "memory copy", "bandwidth-delay limit"
CONNECTIONS = 128
"""As many connections as the wire's limit may use, at most."""

Decode = Callable[[bytes, Voxels], object]
NOTHING: Voxels = np.empty((0, 0, 0), np.uint8)


@dataclass(frozen=True)
class Limit:
    """An engine that is measured like the others but may give no voxels.

    ``checked`` tells whether it does.
    """

    name: str
    open: Callable[[Task], Reader]
    fits: Callable[[Task], bool]
    checked: bool
    needs: tuple[str, ...] = ("imagecodecs",)
    environment: Mapping[str, str] = field(default_factory=dict)


def is_compressed(task: Task) -> bool:
    """Whether it is a chunked task whose chunks need decoding."""
    layout = layout_of(task)
    return bool(layout) and LAYOUTS[layout].encoding != "raw"


def is_uncompressed(task: Task) -> bool:
    """Whether it is a chunked task of bare chunks on the disk."""
    return bool(layout_of(task)) and not is_compressed(task) and task.serving == "disk"


def decoding(task: Task) -> Reader:
    """Only decode the chunks of each block, of a batch each once; gives `NOTHING`."""
    name = LAYOUTS[layout_of(task)].twin or layout_of(task)
    layout = LAYOUTS[name]
    chunks = _chunks(task, name)
    decode = DECODERS[layout.driver, layout.encoding]()
    cores = os.cpu_count() or 1
    pool = ThreadPoolExecutor(cores)
    buffers = [np.empty(layout.chunk**3, np.uint8) for _ in range(cores)]

    def many(regions: Sequence[Region]) -> Iterator[tuple[int, Voxels]]:
        cells = {cell for r in regions for cell, _ in _cells(r, layout)}
        met = iter([chunks[cell] for cell in cells])
        parts = [pool.submit(_run, decode, met, buffer) for buffer in buffers]
        for part in parts:
            part.result()
        return ((n, NOTHING) for n in range(len(regions)))

    return Blocks(lambda region: next(many([region]))[1], many, pool.shutdown)


def _run(decode: Decode, chunks: Iterable[bytes], buffer: Voxels) -> None:
    for chunk in chunks:  # one list for all threads: none waits for another
        decode(chunk, buffer)


def copying(task: Task) -> Reader:
    """Put each block together from bare chunks in memory, on one thread."""
    layout = LAYOUTS[layout_of(task)]
    side = (layout.chunk,) * 3
    chunks = {
        cell: np.frombuffer(chunk, np.uint8).reshape(side)
        for cell, chunk in _chunks(task, layout_of(task)).items()
    }

    def one(region: Region) -> Voxels:
        block: Voxels = np.empty(region.shape, np.uint8)
        for cell, tile in _cells(region, layout):
            corner = _scaled(cell, layout.chunk)
            part = chunks[cell][tile.relative_to(corner).slices]
            block[tile.relative_to(region.start).slices] = part
        return block

    return Blocks(one)


def _chunks(task: Task, name: str) -> dict[Triple, bytes]:
    """All encoded chunks of the layout ``name`` of the task's volume."""
    inside = task.stored.path.removesuffix(f"/{ARRAY}")
    at = Path(task.folder) / (inside.removesuffix(layout_of(task)) + name)
    shape = task.stored.voxels().shape
    found = {}
    for cell, path in chunk_files(at, shape, LAYOUTS[name]):
        packed = path.with_name(f"{path.name}.gz")
        found[cell] = (path if path.exists() else packed).read_bytes()
    return found


def _cells(region: Region, layout: Layout) -> list[tuple[Triple, Region]]:
    """The lattice places of the chunks that a region meets, and what it has of them."""
    side = layout.chunk
    tiles = region.tiles((side,) * 3)
    return [(_scaled(tile.start, 1 / side), tile) for tile in tiles]


def _scaled(place: Triple, by: float) -> Triple:
    z, y, x = (int(a * by) for a in place)
    return z, y, x


def _blosc() -> Decode:
    imagecodecs: Any = importlib.import_module("imagecodecs")

    return lambda chunk, out: imagecodecs.blosc_decode(chunk, numthreads=1, out=out)


def _gzip() -> Decode:
    imagecodecs: Any = importlib.import_module("imagecodecs")  # by libdeflate

    return lambda chunk, out: imagecodecs.gzip_decode(chunk, out=out)


def _n5_gzip() -> Decode:
    gunzip, header = _gzip(), 16
    return lambda chunk, out: gunzip(chunk[header:], out)


def _jpeg() -> Decode:
    imagecodecs: Any = importlib.import_module("imagecodecs")

    def decode(chunk: bytes, out: Voxels) -> None:
        side = round(out.size ** (1 / 3))
        imagecodecs.jpeg8_decode(chunk, out=out.reshape(side * side, side))

    return decode


DECODERS: Mapping[tuple[str, str], Callable[[], Decode]] = {
    ("zarr", "blosc"): _blosc,
    ("n5", "gzip"): _n5_gzip,
    ("neuroglancer_precomputed", "gzip"): _gzip,
    ("neuroglancer_precomputed", "jpeg"): _jpeg,
}
"""By the TensorStore driver and the encoding of a layout that has no twin."""


def wire_seconds(task: Task, batches: Sequence[Sequence[Region]]) -> float | None:
    """The least that a round takes over the task's link (s); None without one.

    One round trip for each batch, and the bytes of every piece once, over as many
    connections as there are pieces and may be. Metadata and indices are known by then.
    """
    if task.link is None:
        return None
    total = 0.0
    for batch in batches:
        sizes = piece_sizes(task.stored, batch)
        share = sum(sizes) / min(len(sizes), CONNECTIONS)
        total += task.link.latency + max(share, *sizes) / task.link.bandwidth
    return total


def needed_bytes(task: Task, batches: Sequence[Sequence[Region]]) -> int:
    """Encoded bytes of what the batches meet, each piece once in a batch."""
    return sum(sum(piece_sizes(task.stored, batch)) for batch in batches)


def piece_sizes(stored: Stored, regions: Iterable[Region]) -> list[int]:
    """Bytes of every piece that some region meets, each piece once."""
    met: dict[Triple, int] = {}
    for region in regions:
        starts = (a // n for a, n in zip(region.start, stored.pieces, strict=True))
        stops = (-(-b // n) for b, n in zip(region.stop, stored.pieces, strict=True))
        lattice: Any = np.meshgrid(
            *(np.arange(a, b) for a, b in zip(starts, stops, strict=True)),
            indexing="ij",
        )
        places = zip(*(axis.ravel().tolist() for axis in lattice), strict=True)
        met |= dict(zip(places, stored.sizes(region).tolist(), strict=True))
    return list(met.values())


LIMITS: tuple[Limit, ...] = (
    Limit(DECODING, decoding, is_compressed, checked=False),
    Limit(COPYING, copying, is_uncompressed, checked=True),
)
"""Limits that are measured; that of the wire is computed."""

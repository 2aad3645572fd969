"""What a person with all offsets in hand could write for pages, and decoding alone.

On the disk these are memory maps, of which windows are copied; over HTTP one call of
fsspec that asks for all ranges at once. The offsets are known beforehand. The limit of
decoding hands the strips that a block meets, already in memory, to the decoder, on as
many threads as the machine has cores.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.reads.engines import Blocks
from benchmarks.reads.limits import DECODING, NOTHING, Limit
from benchmarks.reads.paged_stores import PAGED, SLICES
from benchmarks.reads.task import Reader, Task, Voxels
from emcatalog.geometry import Region

MAPPED = "NumPy memory maps"
MAPPED_ANEW = "NumPy memory maps, made for each block"
BY_HAND = "cat_ranges of fsspec (known offsets)"


def files(place: str) -> list[str]:
    """Paths or URLs of the files of a task, slices of a series in their order.

    >>> files("/data/slice_{0000..0015}.dm3")[15]
    '/data/slice_0015.dm3'
    """
    head, _, rest = place.partition("{")
    if not rest:
        return [place]
    tail = rest.partition("}")[2]
    return [f"{head}{number:04d}{tail}" for number in range(SLICES)]


@dataclass(frozen=True)
class Table:
    """Where all pages lie: for each its file, and the ends of its pieces.

    A piece is a row of plain pages, or an encoded strip of ``rows`` rows;
    ``ends[z, n]`` is where piece n of page z begins, ``ends[z, n + 1]`` where it ends:
    in all formats here the pieces of a page follow each other.
    """

    files: Sequence[str]
    ends: NDArray[np.int64]
    rows: int
    columns: int

    @classmethod
    def of(cls, task: Task, place: str) -> Table:
        """For the files at ``place``, as emcatalog finds it in those on the disk."""
        from emcatalog.driver.registry import driver

        stored, rows = task.stored, PAGED[task.stored.format].rows
        own = str(Path(task.folder, stored.path))
        volume: Any = driver(stored.driver)(own, **stored.options).volume
        begins = np.array([page.offsets for page in volume.pages])
        counts = np.array([page.counts for page in volume.pages])
        ends = np.hstack([begins, begins[:, -1:] + counts[:, -1:]])
        assert (np.diff(ends) == counts).all(), "pieces that lie apart"
        _, height, columns = volume.grid.shape
        if rows == 1:
            ends = ends[:, :1] + np.arange(height + 1) * columns
        names = files(place)
        return cls(names * (len(ends) // len(names)), ends, rows, columns)

    @property
    def most(self) -> int:
        """Bytes of the decoded pieces of a page, at most."""
        return int(self.ends.shape[1] - 1) * self.rows * self.columns

    def spans(self, region: Region) -> Iterator[tuple[str, int, int]]:
        """File, first byte and end of what is needed of each page: whole pieces."""
        met = self._pieces(region)
        for z in range(region.start[0], region.stop[0]):
            ends = self.ends[z]
            yield self.files[z], int(ends[met.start]), int(ends[met.stop])

    def cut(self, region: Region, z: int, data: bytes, out: Voxels) -> None:
        """Put the window of page z, whose pieces are ``data``, into ``out``."""
        met = self._pieces(region)
        rows: Voxels = np.frombuffer(data, np.uint8)
        if self.rows > 1:
            rows = np.empty(len(met) * self.rows * self.columns, np.uint8)
            self.decode(region, z, data, rows)
        top = region.start[1] - met.start * self.rows
        window = rows.reshape(-1, self.columns)[top:, region.slices[2]]
        out[...] = window[: region.shape[1]]

    def decode(self, region: Region, z: int, data: bytes, rows: Voxels) -> None:
        """Decode the strips of page z, which are ``data``, into ``rows``, flat."""
        import imagecodecs  # its Deflate is libdeflate

        met, size = self._pieces(region), self.rows * self.columns
        ends = self.ends[z, met.start : met.stop + 1] - self.ends[z, met.start]
        for number, (begin, end) in enumerate(pairwise(ends)):
            place: Any = rows[number * size : (number + 1) * size]
            imagecodecs.deflate_decode(data[begin:end], out=place)

    def _pieces(self, region: Region) -> range:
        y = region.slices[1]
        return range(y.start // self.rows, -(-y.stop // self.rows))


def mapped(task: Task) -> Reader:
    """Copy windows out of ``numpy.memmap`` at known offsets; the maps stay open."""
    page = _map(task)
    return _windows([page(z) for z in range(task.stored.voxels().shape[0])].__getitem__)


def mapped_anew(task: Task) -> Reader:
    """Map the pages that a block meets, copy its windows, and let the maps go."""
    return _windows(_map(task))


def _map(task: Task) -> Callable[[int], Voxels]:
    table, shape = Table.of(task, task.place), task.stored.voxels().shape[1:]
    starts = [int(ends[0]) for ends in table.ends]
    return lambda z: np.memmap(table.files[z], np.uint8, "r", starts[z], shape)


def _windows(page: Callable[[int], Voxels]) -> Reader:
    def one(region: Region) -> Voxels:
        z, y, x = region.slices
        out: Voxels = np.empty(region.shape, np.uint8)
        for number, window in zip(range(z.start, z.stop), out, strict=True):
            window[...] = page(number)[y, x]
        return out

    return Blocks(one)


def by_hand(task: Task) -> Reader:
    """``cat_ranges`` of what the blocks of a batch need, all at once; then decode."""
    import fsspec

    table, system = Table.of(task, task.place), fsspec.filesystem("http")
    pool = ThreadPoolExecutor(os.cpu_count())

    def many(regions: Sequence[Region]) -> Iterator[tuple[int, Voxels]]:
        spans = [span for region in regions for span in table.spans(region)]
        names, begins, ends = (list(column) for column in zip(*spans, strict=True))
        found = iter(system.cat_ranges(names, begins, ends, on_error="raise"))
        for number, region in enumerate(regions):
            out: Voxels = np.empty(region.shape, np.uint8)
            parts = [
                (region, region.start[0] + n, next(found), w) for n, w in enumerate(out)
            ]
            list(pool.map(table.cut, *zip(*parts, strict=True)))
            yield number, out

    return Blocks(lambda region: next(many([region]))[1], many, pool.shutdown)


def decoding(task: Task) -> Reader:
    """Only decode the strips of each block; `NOTHING` is given."""
    table = Table.of(task, str(Path(task.folder, task.stored.path)))
    whole = {name: Path(name).read_bytes() for name in set(table.files)}
    cores = os.cpu_count() or 1
    pool, buffers = ThreadPoolExecutor(cores), np.empty((cores, table.most), np.uint8)

    def one(region: Region) -> Voxels:
        spans = enumerate(table.spans(region), region.start[0])
        # one list for all threads: none waits for another
        met = iter([(z, whole[name][a:b]) for z, (name, a, b) in spans])
        parts = [pool.submit(run, region, met, buffer) for buffer in buffers]
        for part in parts:
            part.result()
        return NOTHING

    def run(region: Region, met: Iterator[tuple[int, bytes]], buffer: Voxels) -> None:
        for z, data in met:
            table.decode(region, z, data, buffer)

    return Blocks(one, close=pool.shutdown)


def is_compressed(task: Task) -> bool:
    """Whether it is a task of pages whose strips need decoding."""
    pages = PAGED.get(task.stored.format)
    return pages is not None and pages.rows > 1


PAGED_LIMITS: tuple[Limit, ...] = (
    Limit(DECODING, decoding, is_compressed, checked=False),
)
"""The limit of decoding, for pages."""

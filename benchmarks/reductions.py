"""A number from a whole volume: our dask arrays beside those of ``xarray.open_zarr``.

One volume of tissue is stored as Zarr v2 in chunks of 64^3 and as Zarr v3 in shards of
256^3, both Blosc. Each way takes its mean, its maximum and its histogram, with dask's
threads; the ways take turns, for several rounds, and every answer is compared with
NumPy's. Beside them stands the same of voxels that are in memory: what reading cannot
make faster. Caches are set to a sixteenth of the volume, so that nobody reads from
memory what was decoded in an earlier turn. Peak memory is that of a process of its own,
above what it took before it computed.

    python -m benchmarks.reductions            # 512^3 voxels, 7 rounds
    python -m benchmarks.reductions --quick    # 256^3 voxels, 3 rounds
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np
import psutil
import xarray as xr
from numcodecs import Blosc
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from zarr.codecs import BloscCodec

from benchmarks.reads.volumes import tissue
from emcatalog_ngff import NgffSource

PEER = "xr.open_zarr"
CHUNK, SHARD = 64, 256


def histogram(array: xr.DataArray) -> Any:
    """Counts of 16 ranges of brightness."""
    return da.histogram(array.data, bins=16, range=(0, 256))[0]


REDUCTIONS: Mapping[str, Callable[[xr.DataArray], Any]] = {
    "mean": lambda array: array.mean().data,
    "max": lambda array: array.max().data,
    "histogram": histogram,
}


def write_stores(folder: Path, voxels: NDArray[np.generic]) -> dict[str, Path]:
    """Zarr groups of one array ``image`` (z, y, x), by what they are called."""
    array = xr.DataArray(voxels, dims=("z", "y", "x"), name="image").to_dataset()
    chunks = {"chunks": (CHUNK,) * 3}
    shards = chunks | {"shards": (SHARD,) * 3}
    kinds: list[tuple[str, int, dict[str, Any]]] = [
        ("Zarr v2, 64^3", 2, chunks | {"compressors": Blosc("zstd", 3)}),
        ("Zarr v3, shards", 3, shards | {"compressors": BloscCodec(cname="zstd")}),
    ]
    stores = {}
    for title, version, encoding in kinds:
        stores[title] = folder / f"v{version}.zarr"
        array.chunk(SHARD).to_zarr(
            stores[title],
            zarr_format=version,  # type: ignore[arg-type]  # 2 or 3
            encoding={"image": encoding},
            consolidated=False,
        )
    return stores


def ours(store: Path) -> xr.DataArray:
    """Our array, as it comes."""
    return NgffSource(str(store / "image"), voxel_size_nm=8.0).to_dask()


def peer(store: Path) -> xr.DataArray:
    """The array of xarray, as it comes: a task for each stored chunk."""
    return xr.open_zarr(store, consolidated=False)["image"]


def peer_in_our_chunks(store: Path) -> xr.DataArray:
    """The array of xarray, in chunks as large as ours."""
    sizes = dict(zip("zyx", ours(store).data.chunksize, strict=True))
    return xr.open_zarr(store, consolidated=False, chunks=sizes)["image"]


def in_memory(store: Path) -> xr.DataArray:
    """The same voxels in memory, on dask in chunks as large as ours."""
    array = ours(store)
    return array.copy(data=da.from_array(array.values, array.data.chunks))


WAYS: Mapping[str, Callable[[Path], xr.DataArray]] = {
    PEER: peer,
    "xr.open_zarr, our chunks": peer_in_our_chunks,
    "emcatalog": ours,
    "in memory": in_memory,
}


@dataclass
class Figures:
    """What one way took for one reduction; one number of each list for each round."""

    tasks: int
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def measure(
    store: Path, voxels: NDArray[np.generic], rounds: int
) -> dict[tuple[str, str], Figures]:
    """Figures by reduction and way; AssertionError for a wrong answer."""
    arrays = {way: make(store) for way, make in WAYS.items()}
    truth = {
        "mean": voxels.mean(),
        "max": voxels.max(),
        "histogram": np.histogram(voxels, 16, (0, 256))[0],
    }
    figures: dict[tuple[str, str], Figures] = {}
    for name, reduce in REDUCTIONS.items():
        for _ in range(rounds):
            for way, array in arrays.items():
                wanted = reduce(array)
                (planned,) = dask.optimize(wanted)
                seen = figures.setdefault((name, way), Figures(len(planned.dask)))
                begun, cpu = time.perf_counter(), time.process_time()
                answer = wanted.compute(scheduler="threads")
                seen.seconds.append(time.perf_counter() - begun)
                seen.cpu.append(time.process_time() - cpu)
                np.testing.assert_allclose(answer, truth[name])
    return figures


def peak(way: str, store: Path, name: str) -> int:
    """Bytes that one reduction takes at most, in a fresh process."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(_peak_here, way, store, name).result()


def _peak_here(way: str, store: Path, name: str) -> int:
    wanted = REDUCTIONS[name](WAYS[way](store))
    with _Watch() as watch:
        wanted.compute(scheduler="threads")
    return watch.most


class _Watch:
    """The most memory that this process takes while it is watched, above the start."""

    def __enter__(self) -> _Watch:
        import threading

        self.most, self._process = 0, psutil.Process()
        self._before = self._process.memory_info().rss
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def _look(self) -> None:
        while not self._done.wait(0.005):
            taken = self._process.memory_info().rss - self._before
            self.most = max(self.most, taken)

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


def table(
    title: str,
    figures: Mapping[tuple[str, str], Figures],
    peaks: Mapping[tuple[str, str], int],
    size: int,
) -> Table:
    """Medians; the ratio is that of the rounds, to ``xr.open_zarr`` as it comes."""
    shown = Table(
        "reduction", "way", "tasks", "s", "spread", "CPU s/GB", "times as fast"
    )
    shown.add_column("peak MiB")
    shown.title = title
    for (name, way), seen in figures.items():
        base = figures[name, PEER].seconds
        ratios = [b / s for b, s in zip(base, seen.seconds, strict=True)]
        shown.add_row(
            name,
            way,
            f"{seen.tasks}",
            f"{statistics.median(seen.seconds):.2f}",
            f"{min(seen.seconds):.2f} to {max(seen.seconds):.2f}",
            f"{statistics.median(seen.cpu) / size * 1e9:.2f}",
            f"{statistics.median(ratios):.2f}",
            f"{peaks[name, way] / 2**20:.0f}" if (name, way) in peaks else "",
        )
    return shown


def main() -> None:
    """Measure and print a table for each store."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a small volume")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        voxels = np.load(tissue(folder, quick), mmap_mode="r")
        os.environ["EMCATALOG_CACHE"] = str(voxels.nbytes // 16)
        for title, store in write_stores(folder, voxels).items():
            figures = measure(store, voxels, 3 if quick else 7)
            peaks = {(n, way): peak(way, store, n) for n, way in figures}
            size = f"{title}, {' x '.join(map(str, voxels.shape))} uint8"
            Console(width=110).print(table(size, figures, peaks, voxels.nbytes))


if __name__ == "__main__":
    main()

"""A filter over a whole volume, from a store to a store: `predict` beside others.

A volume of tissue in chunks of 64^3 is smoothed in parts of 128^3 with 8 voxels around
them. Beside `predict` stand ``dask.array.map_overlap`` with ``dask.array.store``, and a
loop over zarr-python that a user would write. The ways take turns, each time in a fresh
process, and every result is compared with that of the whole volume. `predict` also
reads back what it wrote, and can be killed; the others do neither. Peak memory is above
what the process took before.

    python -m benchmarks.stitching            # 512^3 voxels, 5 rounds
    python -m benchmarks.stitching --quick    # 256^3 voxels, 3 rounds
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import zarr
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.reads.volumes import VOXEL_NM, tissue
from benchmarks.reductions import _Watch as Watch
from emcatalog.blocks.stitch import predict
from emcatalog.geometry import Region
from emcatalog_ngff import NgffSource

Voxels = NDArray[Any]
PEER = "dask map_overlap"
BLENDED = "predict, blended"
CORE, HALO = 128, 8


def smooth(voxels: Voxels) -> Voxels:
    """Means of three neighbours along each axis, twice; float32, ends repeated."""
    found = voxels.astype(np.float32)
    for axis in (0, 1, 2) * 2:
        ends = [(1, 1) if a == axis else (0, 0) for a in range(3)]
        wide = np.moveaxis(np.pad(found, ends, mode="edge"), axis, 0)
        mean = (wide[:-2] + wide[1:-1] + wide[2:]) / np.float32(3)
        found = np.moveaxis(mean, 0, axis)
    return found


def ours(store: Path, out: Path, **options: Any) -> Path:
    """`predict`; the array that it wrote."""
    source = NgffSource(str(store), voxel_size_nm=VOXEL_NM)
    size = CORE + 2 * HALO
    return predict(source, smooth, out, size, halo=HALO, **options) / "s0"


def dask_overlap(store: Path, out: Path) -> Path:
    """Dask's threads; its chunks are those of the store that is written."""
    source: Any = zarr.open_array(store, mode="r")
    parts = da.from_array(source, chunks=CORE)
    found = da.map_overlap(smooth, parts, depth=HALO, boundary="none", dtype="f4")
    da.store(found, _made(out, source.shape), lock=False)
    return out


def loop(store: Path, out: Path) -> Path:
    """Read, smooth, write, one part after the other."""
    source: Any = zarr.open_array(store, mode="r")
    target = _made(out, source.shape)
    for part in Region((0, 0, 0), source.shape).tiles((CORE,) * 3):
        wide = tuple(
            slice(max(0, a - HALO), b + HALO)
            for a, b in zip(part.start, part.stop, strict=True)
        )
        found = smooth(source[wide])
        corner = tuple(s.start for s in wide)
        target[part.slices] = found[part.relative_to(corner).slices]  # type: ignore[arg-type]
    return out


def _made(out: Path, shape: tuple[int, ...]) -> Any:
    return zarr.create_array(out, shape=shape, chunks=(CORE,) * 3, dtype="f4")


WAYS: Mapping[str, Callable[[Path, Path], Path]] = {
    PEER: dask_overlap,
    "a loop, zarr-python": loop,
    "predict": ours,
    "predict, threads=2": partial(ours, threads=2),
    BLENDED: partial(ours, overlap="blend"),
}


def measure(way: str, store: Path, folder: Path, truth: Voxels) -> tuple[float, int]:
    """Seconds, and bytes at most, of one way in a fresh process.

    AssertionError for a wrong result.
    """
    spawn = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory(dir=folder) as name,
        ProcessPoolExecutor(1, mp_context=spawn) as pool,
    ):
        out = Path(name) / "out.zarr"
        seconds, most, written = pool.submit(_measure_here, way, store, out).result()
        check(way, written, truth)
    return seconds, most


def check(way: str, written: Path, truth: Voxels) -> None:
    """AssertionError unless the array there is ``truth``, to the last bits.

    A blend takes a little of what lies at the ends of a block, which sees no further.
    """
    found = np.asarray(zarr.open_array(written, mode="r"))
    tolerance = 0.1 if way == BLENDED else 1e-5
    np.testing.assert_allclose(found, truth, rtol=tolerance)


def _measure_here(way: str, store: Path, out: Path) -> tuple[float, int, Path]:
    with Watch() as watch:
        begun = time.perf_counter()
        written = WAYS[way](store, out)
        seconds = time.perf_counter() - begun
    return seconds, watch.most, written


def table(figures: Mapping[str, list[tuple[float, int]]]) -> Table:
    """Medians; the ratio is that of the rounds, to dask."""
    shown = Table("way", "s", "spread", "times as fast", "peak MiB")
    base = [seconds for seconds, _ in figures[PEER]]
    for way, seen in figures.items():
        taken = [seconds for seconds, _ in seen]
        ratios = [b / s for b, s in zip(base, taken, strict=True)]
        shown.add_row(
            way,
            f"{statistics.median(taken):.2f}",
            f"{min(taken):.2f} to {max(taken):.2f}",
            f"{statistics.median(ratios):.2f}",
            f"{statistics.median(most for _, most in seen) / 2**20:.0f}",
        )
    return shown


def compared(
    store: Path, folder: Path, voxels: Voxels, rounds: int
) -> dict[str, list[tuple[float, int]]]:
    """Seconds and bytes of each way, round by round."""
    truth = smooth(voxels)
    figures: dict[str, list[tuple[float, int]]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way, seen in figures.items():
            seen.append(measure(way, store, folder, truth))
    return figures


def write_store(path: Path, voxels: Voxels) -> Path:
    """One Zarr array (z, y, x) in chunks of 64^3."""
    made = zarr.create_array(path, data=np.asarray(voxels), chunks=(64,) * 3)
    assert made.shape == voxels.shape
    return path


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a small volume")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        voxels = np.load(tissue(folder, quick), mmap_mode="r")
        store = write_store(folder / "in.zarr", voxels)
        figures = compared(store, folder, voxels, 3 if quick else 5)
        Console(width=100).print(table(figures))


if __name__ == "__main__":
    main()

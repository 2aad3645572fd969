"""What the labels cost: one block read by the bare engine and through our layers.

The engine is TensorStore on an uncompressed Zarr array that lies in memory, so that the
layers above it are all there is to see. The ways are run in turn, interleaved,
for several rounds; the table shows the median and the spread of the time beyond the
bare engine, and the ratio to it.

    python -m benchmarks.overhead            # 128^3 blocks of a 512^3 volume
    python -m benchmarks.overhead --quick    # small, a few seconds
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import tensorstore
import xarray as xr
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from emcatalog.chunked import ChunkedVolume
from emcatalog.chunked.engine import open_store
from emcatalog.geometry import Region
from emcatalog_ngff import NgffSource

Voxels = NDArray[np.generic]
Way = Callable[[Sequence[Region]], Iterable[tuple[int, Voxels]]]
"""Gives the number and the voxels of each region, none of which is kept."""


def write_volume(folder: Path, size: int) -> NgffSource:
    """A Zarr v2 array of ``size``^3 bytes in 64^3 chunks, and its source."""
    spec = {
        "driver": "zarr",
        "kvstore": {"driver": "file", "path": f"{folder}/"},
        "metadata": {
            "shape": [size] * 3,
            "chunks": [64] * 3,
            "dtype": "|u1",
            "compressor": None,
            "dimension_separator": "/",
        },
    }
    store = tensorstore.open(spec, create=True).result()
    plane = np.random.default_rng(0).integers(0, 255, (size, size), np.uint8)
    store[...] = np.broadcast_to(plane, (size, size, size))
    return NgffSource(str(folder), voxel_size_nm=8.0)


def ways(source: NgffSource) -> dict[str, Way]:
    """The same blocks by the bare engine, the volume, a lazy array and a dask array."""
    volume = cast("ChunkedVolume", source.volume)
    # the very handle that the volume reads through, so both have the same cache
    bare = open_store(volume.spec)
    lazy, dask = source.to_xarray(), source.to_dask()

    def isel(array: xr.DataArray, box: Region) -> Voxels:
        z, y, x = box.slices
        return np.asarray(array.isel(z=z, y=y, x=x).values)

    def singly(read: Callable[[Region], Voxels]) -> Way:
        return lambda boxes: enumerate(map(read, boxes))

    return {
        "engine": singly(lambda box: bare[box.slices].read().result()),
        "volume.read": singly(volume.read),
        "volume.read_many": volume.read_many,
        "to_xarray().isel": singly(lambda box: isel(lazy, box)),
        "to_dask().isel": singly(lambda box: isel(dask, box)),
    }


def measure(
    source: NgffSource, block: int, rounds: int, per_round: int
) -> dict[str, list[float]]:
    """Seconds per block of each way, one number a round; the ways take turns."""
    random = np.random.default_rng(1)
    most = source.volume.grid.shape[0] - block
    contenders = ways(source)
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        corners = random.integers(0, most + 1, (per_round, 3)).tolist()
        boxes = [
            Region((z, y, x), (z + block, y + block, x + block)) for z, y, x in corners
        ]
        for name, read in contenders.items():
            begun = time.perf_counter()
            deque(read(boxes), maxlen=0)
            seconds[name].append((time.perf_counter() - begun) / per_round)
    return seconds


def table(seconds: dict[str, list[float]], block: int) -> Table:
    """Medians, spread and what each way costs beyond the engine."""
    engine = seconds["engine"]
    shown = Table("way", "ms per block", "spread", "ms beyond engine", "ratio")
    shown.title = f"{block}^3 blocks of uint8"
    for name, times in seconds.items():
        beyond = [t - e for t, e in zip(times, engine, strict=True)]
        ratios = [t / e for t, e in zip(times, engine, strict=True)]
        shown.add_row(
            name,
            f"{statistics.median(times) * 1e3:.2f}",
            f"{min(times) * 1e3:.2f} to {max(times) * 1e3:.2f}",
            f"{statistics.median(beyond) * 1e3:.2f}",
            f"{statistics.median(ratios):.3f}",
        )
    return shown


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a small volume")
    quick = parser.parse_args().quick
    size, block, rounds, per_round = (160, 64, 5, 10) if quick else (512, 128, 15, 20)
    with tempfile.TemporaryDirectory() as folder:
        source = write_volume(Path(folder) / "volume", size)
        Console().print(table(measure(source, block, rounds, per_round), block))


if __name__ == "__main__":
    main()

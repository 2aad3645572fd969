"""What dask takes to plan a block of a volume of 10^13 voxels, beyond reading it.

The volume has the shape and the chunks of the hemibrain and holds nothing: reading
gives zeros. So all the time is that of slicing, of the graph and of the scheduler.
Four ways are compared: xarray's ``chunk`` in chunks of the size of ours (each task
refers to the source), the same with the source in each task, that in chunks of 512^3,
and ours. Beside the time stand the voxels read for each one that was asked for.

    python -m benchmarks.slices
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from emcatalog.driver import VolumeSource
from emcatalog.geometry import Grid, Region, Triple
from emcatalog.record import Record
from emcatalog.volume import Pyramid

SHAPE, SIDE = (34432, 39552, 41408), 128
BOX = slice(1000, 1000 + SIDE)
NM = slice(8 * BOX.start, 8 * BOX.stop)


@dataclass(frozen=True)
class Nothing:
    """A volume of zeros that counts the voxels it gives."""

    grid: Grid
    chunks: Triple = (64, 64, 64)
    dtype: np.dtype[np.generic] = field(default_factory=lambda: np.dtype(np.uint8))
    given: list[int] = field(default_factory=list, compare=False)

    def read(self, region: Region) -> NDArray[np.generic]:
        """Zeros, taken from the system without being touched."""
        self.given.append(region.size)
        return np.zeros(region.shape, self.dtype)

    def read_many(
        self, regions: Sequence[Region]
    ) -> Iterator[tuple[int, NDArray[np.generic]]]:
        """Zeros for each region."""
        return enumerate(map(self.read, regions))

    def stored(self, region: Region) -> NDArray[np.bool_]:
        """Nothing is."""
        return np.zeros(region.shape, np.bool_)


VOLUME = Nothing(Grid(SHAPE, (8.0, 8.0, 8.0)))


class NothingSource(VolumeSource):
    """The source of the volume of nothing."""

    name = "nothing"

    @staticmethod
    def open_pyramid(urlpath: str, transport: Any) -> Pyramid:
        """The volume, whatever is asked for."""
        return Pyramid((VOLUME,), Record())


def ways() -> dict[str, xr.DataArray]:
    """The same volume as dask arrays of four kinds."""
    source = NothingSource("nowhere")
    ours, lazy = source.to_dask(), source.to_xarray()
    sizes = {d: c[0] for d, c in ours.chunksizes.items()}
    small = dict.fromkeys(sizes, 512)
    return {
        "chunk()": lazy.chunk(sizes),
        "chunk(inline_array=True)": lazy.chunk(sizes, inline_array=True),
        "the same, 512^3": lazy.chunk(small, inline_array=True),
        "to_dask()": ours,
    }


TAKES: Mapping[str, Callable[[xr.DataArray], Any]] = {
    "isel": lambda a: a.isel(z=BOX, y=BOX, x=BOX).values,
    "sel in nm": lambda a: a.sel(z=NM, y=NM, x=NM).values,
    "mean of a box": lambda a: a.isel(z=BOX, y=BOX, x=BOX).mean().values,
    "slices of slices": lambda a: a.isel(z=BOX)[:, BOX].isel(x=BOX).values,
    "one section": lambda a: a.isel(z=BOX.start, y=BOX, x=BOX).values,
    "every second": lambda a: a.isel(z=slice(1000, 1128, 2), y=BOX, x=BOX).values,
}


def measure(
    array: xr.DataArray, take: Callable[[xr.DataArray], Any], rounds: int
) -> tuple[list[float], float]:
    """Seconds of each round, and voxels read for each one asked for."""
    VOLUME.given.clear()
    take(array)
    seconds, read = [], sum(VOLUME.given)
    for _ in range(rounds):
        begun = time.perf_counter()
        take(array)
        seconds.append(time.perf_counter() - begun)
    return seconds, read


def table(rounds: int) -> Table:
    """Median milliseconds of each way, and how much more than asked for it reads."""
    arrays = ways()
    shown = Table("taken", *arrays)
    shown.title = (
        f"{' x '.join(map(str, SHAPE))} voxels, {SIDE}^3 taken: ms (voxels read)"
    )
    asked = {"one section": SIDE**2, "every second": SIDE**3 // 2}
    for name, take in TAKES.items():
        cells = []
        for array in arrays.values():
            seconds, read = measure(array, take, rounds)
            times = read / asked.get(name, SIDE**3)
            cells.append(f"{statistics.median(seconds) * 1e3:.1f} ({times:.3g})")
        shown.add_row(name, *cells)
    chunks = (str(a.data.chunksize) for a in arrays.values())
    shown.add_row("chunks", *chunks)
    shown.add_row("of them", *(f"{a.data.npartitions:,}" for a in arrays.values()))
    return shown


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    Console(width=120).print(table(rounds))


if __name__ == "__main__":
    main()

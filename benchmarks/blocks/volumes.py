"""The stores that blocks are read from, and volumes of which there is but a shape."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.blocks.task import Order, Task
from benchmarks.reads import stores

FORMATS = ("zarr2-64", "zarr3-shards")
"""Layouts of `benchmarks.reads`, whose stores these are."""

HEMIBRAIN = (34432, 39552, 41408)
PLANS = {"plan/1e6": (12800, 12800, 12800), "plan/2.6e7": HEMIBRAIN}
"""Shapes of which 128³ make so many blocks."""

BLOCK, QUICK_BLOCK = (128, 128, 128), (64, 64, 64)
COUNT, QUICK_COUNT = 32, 8
"""Blocks of an epoch that come from anywhere; of tiles it is all of them."""


def loading(folder: Path, name: str, quick: bool) -> Task:
    """The task ``FORMAT/ORDER``, whose store is written where it is missing."""
    form, _, order = name.partition("/")
    stored = stores.formats()[form].write(folder, quick)
    z, y, x = stored.voxels().shape
    order_is: Order = "tiles" if order == "tiles" else "anywhere"
    count = QUICK_COUNT if quick else COUNT
    block = QUICK_BLOCK if quick else BLOCK
    tiles = (z // block[0]) * (y // block[1]) * (x // block[2])
    return Task(
        name=name,
        array=str(folder / stored.path),
        shape=(z, y, x),
        block=block,
        count=tiles if order_is == "tiles" else count,
        order=order_is,
        truth=str(stored.truth),
    )


def empty(folder: Path, name: str, shape: tuple[int, int, int]) -> Task:
    """A Zarr array (v2, uint8, 64³) of which no chunk is stored: only its metadata."""
    group = folder / name.replace("/", "-")
    array = group / stores.ARRAY
    array.mkdir(parents=True, exist_ok=True)
    metadata = {
        "zarr_format": 2,
        "shape": shape,
        "chunks": [64, 64, 64],
        "dtype": "|u1",
        "compressor": None,
        "fill_value": 0,
        "order": "C",
        "filters": None,
        "dimension_separator": "/",
    }
    files = {
        group / ".zgroup": {"zarr_format": 2},
        array / ".zarray": metadata,
        array / ".zattrs": {"_ARRAY_DIMENSIONS": ["z", "y", "x"]},
    }
    for path, told in files.items():
        path.write_text(json.dumps(told), "utf-8")
    return Task(name, str(array), shape, BLOCK, 0)

"""Small volumes of the chunked engine for its tests."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

import store_writer as writer
from emcatalog.chunked import Axes, ChunkedVolume, kvstore, spec_text
from emcatalog.geometry import Grid, Region, Triple
from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport

CHUNKS = (4, 4, 4)
PLAIN = Transport(mirrors=Mirrors())


def metadata(shape: tuple[int, ...], dtype: str = "|u1") -> dict[str, Any]:
    """Zarr v2 metadata of an array in bare chunks of 4 voxels a side."""
    return {
        "zarr_format": 2,
        "shape": list(shape),
        "chunks": [4] * len(shape),
        "dtype": dtype,
        "compressor": None,
        "filters": None,
        "order": "C",
        "fill_value": 0,
        "dimension_separator": ".",
    }


def stored_array(root: Path, want: NDArray[Any]) -> str:
    """The spec of an array written by zarr-python."""
    names = "abcdefgh"[: want.ndim]
    members = writer.multiscale(names, [[1] * want.ndim])
    options = {"chunks": (4,) * want.ndim, "compressors": None}
    writer.write_ome(root, [want], members, **options)
    told = writer.read_json(root / "0/.zarray")
    told.pop("attributes", None)
    return spec_text("zarr", kvstore(f"{root}/0", PLAIN), metadata=told)


def volume_of(root: Path, want: NDArray[Any]) -> ChunkedVolume:
    """``want`` (z, y, x) as a volume in chunks of 4 voxels a side, below ``root``."""
    z, y, x = want.shape
    grid = Grid((z, y, x), (1.0, 1.0, 1.0))
    spec = stored_array(root, want)
    return ChunkedVolume(grid, want.dtype, (4, 4, 4), spec, Axes((0, 1, 2)), str(root))


def served(volume: ChunkedVolume, url: str) -> ChunkedVolume:
    """The same volume, whose folder is served at ``url``."""
    told = json.loads(volume.spec)["metadata"]
    spec = spec_text("zarr", kvstore(f"{url}/0", PLAIN), metadata=told)
    return replace(volume, spec=spec, url=url)


def box(corner: tuple[int, ...], shape: tuple[int, ...]) -> Region:
    """The region of ``shape`` that starts at ``corner``."""
    z, y, x = (a + n for a, n in zip(corner, shape, strict=True))
    return Region((corner[0], corner[1], corner[2]), (z, y, x))


def cells(region: Region, chunks: Triple = CHUNKS) -> set[tuple[int, ...]]:
    """The chunks that a region meets."""
    sides = zip(region.start, region.stop, chunks, strict=True)
    return set(itertools.product(*(range(a // c, -(-b // c)) for a, b, c in sides)))

"""One volume in every chunked format, each written once in a folder of stores.

TensorStore encodes; what it does not write (gzip around chunks of precomputed) is done
here. Beside each store lie the encoded sizes of its chunks, and for a lossy encoding
the voxels that a right decoder finds.
"""

from __future__ import annotations

import functools
import gzip
import json
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.reads.task import Format, Stored
from benchmarks.reads.volumes import VOXEL_NM, real, tissue
from emcatalog.geometry import Region, Triple

BLOCK = (128, 128, 128)
SHARD = 256
ARRAY = "s0"
SCALE = "8x8x8"
"""Names of the array in a Zarr or N5 group, and of the scale of a precomputed one."""

Source = Callable[[Path, bool], Path]
Json = dict[str, Any]


@dataclass(frozen=True)
class Layout:
    """How a volume is stored: the TensorStore driver, chunk side and encoding.

    ``twin`` is the layout of which the chunks are these, in files of their own: sizes
    and the limit of decoding are told from there.
    """

    title: str
    driver: str
    chunk: int
    encoding: str
    sharded: bool = False
    twin: str = ""


LAYOUTS: Mapping[str, Layout] = {
    "zarr2-64": Layout("Zarr v2, 64³, Blosc", "zarr", 64, "blosc"),
    "zarr2-128": Layout("Zarr v2, 128³, Blosc", "zarr", 128, "blosc"),
    "zarr3-shards": Layout(
        "Zarr v3, 64³ in shards of 256³, Blosc", "zarr3", 64, "blosc", True, "zarr2-64"
    ),
    "n5-gzip": Layout("N5, 64³, gzip", "n5", 64, "gzip"),
    "raw": Layout("precomputed, 64³, raw", "neuroglancer_precomputed", 64, "raw"),
    "gzip": Layout("precomputed, 64³, gzip", "neuroglancer_precomputed", 64, "gzip"),
    "jpeg": Layout("precomputed, 64³, JPEG", "neuroglancer_precomputed", 64, "jpeg"),
    "jpeg-shards": Layout(
        "precomputed, 64³ in shards, JPEG",
        "neuroglancer_precomputed",
        64,
        "jpeg",
        True,
        "jpeg",
    ),
}


def formats(pictures: Path | None = None) -> dict[str, Format]:
    """All layouts by name; those of a real stack too (``real-...``), if there is one.

    ``pictures`` is the folder of its sections.
    """
    sources: dict[str, Source] = {"": tissue}
    if pictures:
        sources["real-"] = functools.partial(real, pictures=pictures)
    return {
        prefix + name: Format(
            prefix + name,
            BLOCK,
            BLOCK,
            functools.partial(_write, name=name, prefix=prefix, source=source),
        )
        for prefix, source in sources.items()
        for name in LAYOUTS
    }


def _write(
    folder: Path, quick: bool, *, name: str, prefix: str, source: Source
) -> Stored:
    """Write one layout, and the one that it is told from."""
    volume = source(folder, quick)
    layout = LAYOUTS[name]
    place = f"{volume.stem}-{name}"
    told = (
        _write(folder, quick, name=layout.twin, prefix=prefix, source=source)
        if (layout.twin)
        else None
    )
    if not (folder / place).exists():
        beside = folder / f"{place}.part"
        shutil.rmtree(beside, ignore_errors=True)
        write_layout(beside, np.load(volume, mmap_mode="r"), layout)
        beside.rename(folder / place)
    truth = folder / place / "truth.npy"
    sizes = folder / place / "sizes.npy"
    is_precomputed = layout.driver == "neuroglancer_precomputed"
    return Stored(
        format=prefix + name,
        title=("real stack: " if prefix else "") + layout.title,
        driver="precomputed" if is_precomputed else "ngff",
        path=place if is_precomputed else f"{place}/{ARRAY}",
        truth=truth if truth.exists() else told.truth if told else volume,
        pieces=(layout.chunk,) * 3,
        piece_bytes=told.piece_bytes if told else sizes,
        options={} if is_precomputed else {"voxel_size_nm": VOXEL_NM},
    )


def write_layout(folder: Path, voxels: NDArray[Any], layout: Layout) -> None:
    """Write ``voxels`` (z, y, x), and what is told of the chunks, to a new folder."""
    import tensorstore

    spec = _SPECS[layout.driver](folder, voxels, layout)
    store = tensorstore.open({**spec, "create": True}).result()
    if layout.driver == "neuroglancer_precomputed":
        store = store[..., 0]  # the channel
    by_x = layout.driver in ("neuroglancer_precomputed", "n5")
    target = store.transpose() if by_x else store
    with tensorstore.Transaction() as together:  # a shard is written once
        target.with_transaction(together).write(voxels).result()
    if layout.encoding == "jpeg" and not layout.twin:
        np.save(folder / "truth.npy", np.ascontiguousarray(target.read().result()))
    if not layout.twin:
        np.save(folder / "sizes.npy", _sizes(folder, voxels.shape, layout))
    if layout.driver == "zarr":
        _write_json(folder / ".zgroup", {"zarr_format": 2})
        _write_json(folder / ARRAY / ".zattrs", {"_ARRAY_DIMENSIONS": ["z", "y", "x"]})
    if layout.driver == "n5":  # in cloud-volume's words
        size = {"unit": "nm", "dimensions": [VOXEL_NM] * 3}
        _write_json(
            folder / "attributes.json", {"pixelResolution": size, "scales": [[1, 1, 1]]}
        )
    if layout.driver == "zarr3":
        _write_json(folder / "zarr.json", {"zarr_format": 3, "node_type": "group"})
    if layout.driver in ("zarr", "zarr3"):
        _consolidate(folder)


def _consolidate(folder: Path) -> None:
    """Collect the metadata of a Zarr group: a server has no listing for xarray."""
    import zarr

    with warnings.catch_warnings():  # it is no part of the standard of Zarr v3
        warnings.simplefilter("ignore")
        zarr.consolidate_metadata(folder)


def _sizes(folder: Path, shape: Triple, layout: Layout) -> NDArray[np.int64]:
    """Bytes of each chunk, as a lattice z, y, x; gzips the chunks that shall be."""
    lattice = np.zeros([-(-n // layout.chunk) for n in shape], np.int64)
    for place, path in chunk_files(folder, shape, layout):
        if layout.encoding == "gzip" and layout.driver == "neuroglancer_precomputed":
            packed = path.with_name(f"{path.name}.gz")
            packed.write_bytes(gzip.compress(path.read_bytes(), 6, mtime=0))
            path.unlink()
            path = packed  # noqa: PLW2901
        lattice[place] = path.stat().st_size
    return lattice


def chunk_files(
    folder: Path, shape: Triple, layout: Layout
) -> Iterator[tuple[Triple, Path]]:
    """Each chunk's place in the lattice (z, y, x) and its file, without any ``.gz``."""
    whole = Region((0, 0, 0), shape)
    for tile in whole.tiles((layout.chunk,) * 3):
        z, y, x = (a // layout.chunk for a in tile.start)
        if layout.driver == "zarr":
            name = f"{ARRAY}/{z}/{y}/{x}"
        elif layout.driver == "n5":
            name = f"{ARRAY}/{x}/{y}/{z}"
        else:
            ends = zip(tile.start[::-1], tile.stop[::-1], strict=True)
            name = f"{SCALE}/" + "_".join(f"{a}-{b}" for a, b in ends)
        yield (z, y, x), folder / name


def _zarr2(folder: Path, voxels: NDArray[Any], layout: Layout) -> Json:
    metadata = {
        "shape": list(voxels.shape),
        "chunks": [layout.chunk] * 3,
        "dtype": voxels.dtype.newbyteorder("<").str,
        "compressor": {"id": "blosc", "cname": "zstd", "clevel": 5, "shuffle": 1},
        "dimension_separator": "/",
        "fill_value": 0,
    }
    return {**_array("zarr", folder), "metadata": metadata}


def _zarr3(folder: Path, voxels: NDArray[Any], layout: Layout) -> Json:
    blosc = {"cname": "zstd", "clevel": 5, "shuffle": "shuffle", "typesize": 1}
    inner = [
        {"name": "bytes", "configuration": {"endian": "little"}},
        {"name": "blosc", "configuration": blosc},
    ]
    sharding = {"chunk_shape": [layout.chunk] * 3, "codecs": inner}
    grid = {"chunk_shape": [SHARD] * 3}
    metadata = {
        "shape": list(voxels.shape),
        "data_type": voxels.dtype.name,
        "chunk_grid": {"name": "regular", "configuration": grid},
        "codecs": [{"name": "sharding_indexed", "configuration": sharding}],
        "dimension_names": ["z", "y", "x"],
        "fill_value": 0,
    }
    return {**_array("zarr3", folder), "metadata": metadata}


def _n5(folder: Path, voxels: NDArray[Any], layout: Layout) -> Json:
    metadata = {
        "dimensions": list(voxels.shape[::-1]),
        "blockSize": [layout.chunk] * 3,
        "dataType": voxels.dtype.name,
        "compression": {"type": layout.encoding, "level": 6},
        "axes": ["x", "y", "z"],
    }
    return {**_array("n5", folder), "metadata": metadata}


def _array(driver: str, folder: Path) -> Json:
    kvstore = {"driver": "file", "path": f"{folder / ARRAY}/"}
    return {"driver": driver, "kvstore": kvstore}


def _precomputed(folder: Path, voxels: NDArray[Any], layout: Layout) -> Json:
    scale: Json = {
        "key": SCALE,
        "size": list(voxels.shape[::-1]),
        "resolution": [VOXEL_NM] * 3,
        "chunk_size": [layout.chunk] * 3,
        "encoding": "jpeg" if layout.encoding == "jpeg" else "raw",
    }
    if layout.encoding == "jpeg":
        scale["jpeg_quality"] = 85
    if layout.sharded:
        scale["sharding"] = {
            "@type": "neuroglancer_uint64_sharded_v1",
            "hash": "identity",
            "preshift_bits": 6,  # 64 chunks to an index, as published volumes have it
            "minishard_bits": 0,
            "shard_bits": 3,
            "minishard_index_encoding": "gzip",
            "data_encoding": "raw",
        }
    about = {"type": "image", "data_type": voxels.dtype.name, "num_channels": 1}
    return {
        "driver": "neuroglancer_precomputed",
        "kvstore": {"driver": "file", "path": f"{folder}/"},
        "multiscale_metadata": about,
        "scale_metadata": scale,
    }


_SPECS: Mapping[str, Callable[[Path, NDArray[Any], Layout], Json]] = {
    "zarr": _zarr2,
    "zarr3": _zarr3,
    "n5": _n5,
    "neuroglancer_precomputed": _precomputed,
}


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value), "utf-8")

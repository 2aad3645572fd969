"""Chunked stores of the sample: OME-Zarr 0.4 over Zarr v2, and precomputed.

TensorStore encodes the chunks; this module decides on names and metadata. Arrays come
in z, y, x; precomputed stores them as x, y, z, channel.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorstore as ts
from numpy.typing import NDArray

from emcatalog.geometry import Lengths

Array = NDArray[Any]
_CHUNK = 64
_SHARDING = {
    "@type": "neuroglancer_uint64_sharded_v1",
    "hash": "identity",
    "preshift_bits": 1,
    "minishard_bits": 2,
    "shard_bits": 2,
    "minishard_index_encoding": "gzip",
    "data_encoding": "gzip",
}
"""Small numbers, so that the first scale of a small volume fills four shards."""


def write_json(path: Path, value: object) -> None:
    """Write ``value`` as indented JSON, making the folders above ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def group(path: Path, attributes: Mapping[str, Any] | None = None) -> None:
    """Make ``path`` a Zarr v2 group."""
    write_json(path / ".zgroup", {"zarr_format": 2})
    if attributes is not None:
        write_json(path / ".zattrs", attributes)


def pyramid(
    path: Path, levels: Sequence[Array], voxel: Lengths, zstd: int, origin: Lengths
) -> None:
    """Write arrays (z, y, x), each half as large as the one before, as an OME-Zarr.

    ``voxel`` and ``origin`` (the centre of voxel 0), in nm, are those of level 0. No
    consolidated metadata and no ``_ARRAY_DIMENSIONS``, as in the published stores.
    """
    group(path, {"multiscales": [_multiscale(len(levels), voxel, origin)]})
    for k, level in enumerate(levels):
        metadata = {
            "zarr_format": 2,
            "shape": list(level.shape),
            "chunks": [_CHUNK] * 3,
            "dtype": level.dtype.newbyteorder("<").str,
            "compressor": {"id": "zstd", "level": zstd},
            "fill_value": 0,
            "order": "C",
            "filters": None,
            "dimension_separator": "/",
        }
        spec = {
            "driver": "zarr",
            "kvstore": {"driver": "file", "path": f"{path / f's{k}'}/"},
            "metadata": metadata,
            "create": True,
        }
        ts.open(spec).result().write(level).result()


def _multiscale(levels: int, voxel: Lengths, origin: Lengths) -> dict[str, Any]:
    """The multiscales entry: voxel centres, so a level starts half a voxel later."""
    axes = [{"name": a, "type": "space", "unit": "nanometer"} for a in "zyx"]
    datasets = []
    for k in range(levels):
        scale = [round(v * 2**k, 9) for v in voxel]
        shift = [
            round(o + v * (2**k - 1) / 2, 9) for o, v in zip(origin, voxel, strict=True)
        ]
        transformations = [
            {"scale": scale, "type": "scale"},
            {"translation": shift, "type": "translation"},
        ]
        datasets.append({"coordinateTransformations": transformations, "path": f"s{k}"})
    return {
        "axes": axes,
        "coordinateTransformations": [{"scale": [1.0, 1.0, 1.0], "type": "scale"}],
        "datasets": datasets,
        "metadata": None,
        "name": "",
        "type": None,
        "version": "0.4",
    }


def precomputed(
    path: Path, levels: Sequence[Array], voxel: float, encoding: Mapping[str, Any]
) -> None:
    """Write arrays (z, y, x) as the scales of a sharded precomputed volume.

    ``encoding`` adds to the metadata of each scale, at least its ``encoding``. All
    chunks of a scale are written in one transaction: a shard is one file.
    """
    is_image = levels[0].dtype == np.uint8
    for k, level in enumerate(levels):
        side = voxel * 2**k
        scale = {
            "key": "x".join([f"{side:.1f}"] * 3),
            "size": list(level.shape[::-1]),
            "resolution": [side] * 3,
            "voxel_offset": [0, 0, 0],
            "chunk_size": [_CHUNK] * 3,
            "sharding": _SHARDING,
            **encoding,
        }
        spec = {
            "driver": "neuroglancer_precomputed",
            "kvstore": {"driver": "file", "path": f"{path}/"},
            "multiscale_metadata": {
                "type": "image" if is_image else "segmentation",
                "data_type": level.dtype.name,
                "num_channels": 1,
            },
            "scale_metadata": scale,
            "create": True,
        }
        store = ts.open(spec).result()
        with ts.Transaction() as together:
            store.with_transaction(together)[..., 0].write(level.T).result()


def mean_pyramid(image: Array, levels: int, partial: bool) -> list[Array]:
    """Return ``image`` and its means over 2 x 2 x 2 voxels, level by level.

    With ``partial`` an odd last plane is averaged by itself (sizes are divided by two
    and rounded up), else it is left out (rounded down).
    """
    pyramid = [image]
    for _ in range(levels - 1):
        fine = pyramid[-1]
        if partial:
            fine = np.pad(fine, [(0, n % 2) for n in fine.shape], mode="edge")
        z, y, x = (n // 2 for n in fine.shape)
        blocks = fine[: 2 * z, : 2 * y, : 2 * x].reshape(z, 2, y, 2, x, 2)
        total = blocks.astype(np.int32).sum(axis=(1, 3, 5))
        pyramid.append(((total + 4) >> 3).astype(image.dtype))
    return pyramid


def label_pyramid(labels: Array, levels: int) -> list[Array]:
    """Return ``labels`` and every second voxel of each level before."""
    pyramid = [labels]
    for _ in range(levels - 1):
        pyramid.append(np.ascontiguousarray(pyramid[-1][::2, ::2, ::2]))
    return pyramid


def annotate(path: Path, attributes: Mapping[str, Any]) -> None:
    """Add attributes to those that a group has."""
    there = json.loads((path / ".zattrs").read_text(encoding="utf-8"))
    write_json(path / ".zattrs", {**there, **attributes})

"""Small stores for tests, written without the code under test.

Zarr is written by zarr-python, N5 by the few lines of its public specification.
Arrays come in z, y, x.
"""

from __future__ import annotations

import bz2
import gzip
import itertools
import json
import lzma
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import imagecodecs
import numcodecs
import numpy as np
import zarr
from numpy.typing import NDArray


def noise(shape: Sequence[int], dtype: str = "u1", seed: int = 0) -> NDArray[Any]:
    """Random voxels; none is zero, so that fill values are told apart."""
    random = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return (random.random(tuple(shape)) + 1).astype(dtype)
    if np.dtype(dtype).kind == "b":
        return np.ones(tuple(shape), bool)
    return random.integers(1, 120, tuple(shape)).astype(dtype)


def write_json(path: Path, members: object) -> Path:
    """Write ``members``, making the folders above."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(members), encoding="utf-8")
    return path


def read_json(path: Path) -> Any:
    """What a JSON file holds."""
    return json.loads(path.read_text("utf-8"))


def axes(names: str, unit: str | None = "nanometer") -> list[dict[str, str]]:
    """OME axes of these letters."""
    kinds = {"t": "time", "c": "channel"}
    rows = []
    for name in names:
        row = {"name": name, "type": kinds.get(name, "space")}
        if unit and name in "zyx":
            row["unit"] = unit
        rows.append(row)
    return rows


def multiscale(
    names: str, scales: Sequence[Sequence[float]], unit: str | None = "nanometer"
) -> dict[str, Any]:
    """An OME multiscale with levels 0, 1, ... that have only a scale."""
    return {
        "axes": axes(names, unit),
        "datasets": [
            {
                "path": str(k),
                "coordinateTransformations": [{"type": "scale", "scale": list(scale)}],
            }
            for k, scale in enumerate(scales)
        ],
    }


def write_ome(
    root: Path,
    arrays: Sequence[NDArray[Any]],
    members: Mapping[str, Any],
    version: Literal[2, 3] = 2,
    **creation: Any,
) -> Path:
    """An OME-Zarr group: 0.4 on Zarr v2 or 0.5 on Zarr v3. ``members`` is one image.

    ``creation`` are options of ``zarr.create_array``.
    """
    label = {2: "0.4", 3: "0.5"}[version]
    attributes: dict[str, Any] = {"multiscales": [{"version": label, **members}]}
    if version == 3:
        attributes = {"ome": {"version": label, "multiscales": [dict(members)]}}
    group = zarr.create_group(
        root, zarr_format=version, attributes=attributes, overwrite=True
    )
    options = {"chunks": tuple(min(8, n) for n in arrays[0].shape), **creation}
    for dataset, voxels in zip(members["datasets"], arrays, strict=True):
        array = group.create_array(
            dataset["path"], shape=voxels.shape, dtype=voxels.dtype, **options
        )
        array[...] = voxels
    return root


def write_array(root: Path, voxels: NDArray[Any], **creation: Any) -> Path:
    """One Zarr array, v3 unless ``creation``, options of `zarr.create_array`, says."""
    options = {"chunks": tuple(min(4, n) for n in voxels.shape), **creation}
    array = zarr.create_array(root, shape=voxels.shape, dtype=voxels.dtype, **options)
    array[...] = voxels
    return root


PACKERS: Mapping[str, Callable[[bytes], bytes]] = {
    "raw": bytes,
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "blosc": lambda data: bytes(numcodecs.Blosc().encode(data)),
    "zstd": lambda data: bytes(numcodecs.Zstd().encode(data)),
}


def write_n5(
    folder: Path,
    voxels: NDArray[Any],
    block: Sequence[int],
    attributes: Mapping[str, Any] | None = None,
    codec: str = "raw",
) -> Path:
    """One N5 array; ``block`` in z, y, x. Blocks at the edges are cut, as N5 does."""
    write_json(
        folder / "attributes.json",
        {
            "dimensions": list(voxels.shape[::-1]),
            "blockSize": list(block[::-1]),
            "dataType": voxels.dtype.name,
            "compression": {"type": codec},
            **(attributes or {}),
        },
    )
    counts = [-(-n // b) for n, b in zip(voxels.shape, block, strict=True)]
    for cell in itertools.product(*map(range, counts)):
        box = tuple(slice(i * b, (i + 1) * b) for i, b in zip(cell, block, strict=True))
        part = voxels[box]
        shape = part.shape[::-1]
        head = struct.pack(f">HH{len(shape)}I", 0, len(shape), *shape)
        body = part.astype(part.dtype.newbyteorder(">")).tobytes()
        place = folder.joinpath(*(str(i) for i in cell[::-1]))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(head + PACKERS[codec](body))
    return folder


def lz4_java(data: bytes, block: int = 500) -> bytes:
    """The blocks of lz4-java; every third is stored, as what does not compress is."""
    out = b""
    for i, place in enumerate(range(0, len(data), block)):
        part = data[place : place + block]
        packed = part if i % 3 == 2 else bytes(imagecodecs.lz4_encode(part))
        token = 0x16 if i % 3 == 2 else 0x26
        out += struct.pack("<8sBIII", b"LZ4Block", token, len(packed), len(part), 7)
        out += packed
    return out + struct.pack("<8sBIII", b"LZ4Block", 0x16, 0, 0, 0)


def info(
    scales: Sequence[Mapping[str, Any]],
    data_type: str = "uint8",
    kind: str = "image",
    **members: Any,
) -> dict[str, Any]:
    """The ``info`` of a precomputed volume."""
    return {
        "@type": "neuroglancer_multiscale_volume",
        "type": kind,
        "data_type": data_type,
        "num_channels": 1,
        "scales": list(scales),
        **members,
    }


def scale(key: str, size: Sequence[int], **members: Any) -> dict[str, Any]:
    """One scale; ``size`` is x, y, z."""
    return {
        "key": key,
        "size": list(size),
        "voxel_offset": [0, 0, 0],
        "chunk_sizes": [[16, 16, 16]],
        "resolution": [8, 8, 8],
        "encoding": "raw",
        **members,
    }


def write_raw_chunks(
    root: Path, voxels: NDArray[Any], members: Mapping[str, Any]
) -> None:
    """Unsharded raw chunks of one scale of the ``info`` in ``root``; z, y, x."""
    chunk, start = members["chunk_sizes"][0], members["voxel_offset"]
    counts = [-(-n // c) for n, c in zip(members["size"], chunk, strict=True)]
    for cell in itertools.product(*map(range, counts)):
        ends = [
            (i * c, min((i + 1) * c, n))
            for i, c, n in zip(cell, chunk, members["size"], strict=True)
        ]
        name = "_".join(
            f"{a + o}-{b + o}" for (a, b), o in zip(ends, start, strict=True)
        )
        place = root / members["key"] / name
        place.parent.mkdir(parents=True, exist_ok=True)
        # x runs fastest, so the bytes are those of a C array in z, y, x
        part = voxels[tuple(slice(a, b) for a, b in ends[::-1])]
        place.write_bytes(part.tobytes())


def write_precomputed(root: Path, want: NDArray[Any], **members: Any) -> Path:
    """An unsharded raw volume of one scale, by the format's own description."""
    kind = "image" if want.dtype.itemsize < 4 else "segmentation"
    level = scale("8_8_8", want.shape[::-1], **members)
    about = info([level], want.dtype.name, kind)
    write_json(root / "info", about)
    write_raw_chunks(root, want, level)
    return root

"""The ``info`` file of a Neuroglancer precomputed volume, read with distrust.

Written from the public description of the format, "Precomputed volume format" and
"Sharded format" in the Neuroglancer documentation. Triples are x, y, z there and here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from emcatalog.chunked import LARGEST_CHUNK
from emcatalog.errors import FormatError
from emcatalog.geometry import Lengths, Triple
from emcatalog.json_text import mapping, parsed, shown, wrong
from emcatalog.record import FIELDS

FOLDER = "urlpath is the folder that holds the file named info"

DATA_TYPES = (
    "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32",
    "float64",
)  # fmt: skip
"""int64 and float64 are none of the format's, but cloud-volume writes them, as raw."""
ENCODINGS: Mapping[str, tuple[tuple[str, ...], tuple[int, ...]]] = MappingProxyType(
    {
        "raw": (DATA_TYPES, ()),
        "jpeg": (("uint8",), (1, 3)),
        "png": (("uint8", "uint16"), (1, 2, 3, 4)),
        "compressed_segmentation": (("uint32", "uint64"), ()),
        "compresso": (("uint8", "uint16", "uint32", "uint64"), (1,)),
        "jxl": (("uint8",), (1, 3, 4)),
    }
)
"""Chunk encodings that are read, with their data types and numbers of channels.

No number stands for any.
"""

LARGEST = 2**40
"""Voxels along an axis, and offsets; every larger number is damage."""


@dataclass(frozen=True)
class Scale:
    """One resolution. ``members`` are the metadata that TensorStore needs."""

    key: str
    size: Triple
    offset: Triple
    resolution: Lengths
    chunk: Triple
    encoding: str
    jpeg_quality: int | None
    sharding: Mapping[str, Any] | None
    members: Mapping[str, Any] = field(hash=False)


@dataclass(frozen=True)
class Info:
    """A whole volume: ``kind`` is image or segmentation; scales, finest first.

    ``raw`` is the JSON that was read.
    """

    kind: str
    data_type: str
    channels: int
    scales: tuple[Scale, ...]
    raw: Mapping[str, Any] = field(default_factory=dict, hash=False, repr=False)


def parse_info(text: bytes) -> Info:
    """Read an ``info`` file.

    Raises FormatError for what is not the description of a volume that can be read;
    the message names the member.
    """
    members = mapping(
        parsed(text, "the info file of a precomputed volume", FOLDER), "info"
    )
    _check_kind(members)
    kind = _one_of(members, "type", ("image", "segmentation"), "info")
    data_type = _one_of(_lower(members, "data_type"), "data_type", DATA_TYPES, "info")
    channels = _integer(members.get("num_channels"), "info: num_channels", 1, 1024)
    given = members.get("scales")
    if not isinstance(given, list) or not 0 < len(given) <= 64:
        raise wrong("info: scales", given, "a list of 1 to 64 scales")
    scales = [
        _scale(mapping(scale, f"scales[{i}]"), f"scales[{i}]", data_type, channels)
        for i, scale in enumerate(given)
    ]
    scales.sort(key=lambda scale: math.prod(scale.resolution))
    _ensure_voxels(scales[0])
    return Info(kind, data_type, channels, tuple(scales), members)


def _ensure_voxels(finest: Scale) -> None:
    """Refuse voxels that no microscope has; those of coarse scales may be large."""
    for axis, size in zip("xyz", finest.resolution, strict=True):
        limits = FIELDS[f"voxel_size_{axis}"]
        if not limits.least <= size <= limits.most:
            raise wrong(
                f"the resolution of the scale {finest.key!r}",
                list(finest.resolution),
                f"voxels of {limits.least:g} to {limits.most:g} nm",
            )


def _check_kind(members: Mapping[str, Any]) -> None:
    """Refuse the other things that Neuroglancer keeps in a file named info."""
    what = members.get("@type", "neuroglancer_multiscale_volume")
    if what != "neuroglancer_multiscale_volume":
        raise FormatError(
            got=f"a {what!r}",
            expected="a neuroglancer_multiscale_volume",
            hint="annotations, meshes and skeletons are not volumes",
        )
    if "graph" in members:
        raise FormatError(
            got="a chunked graph (PyChunkGraph) segmentation",
            expected="a plain volume",
            hint=f"its supervoxels are a volume at {members.get('data_dir')!r}",
        )


def _scale(
    members: Mapping[str, Any], where: str, data_type: str, channels: int
) -> Scale:
    key = members.get("key")
    if not isinstance(key, str) or not key.strip("/"):
        raise wrong(f"{where}.key", key, "the name of a folder")
    chunk = _triple(_first_chunk(members, where), f"{where}.chunk_sizes[0]", 1)
    if math.prod(chunk) * channels * np.dtype(data_type).itemsize > LARGEST_CHUNK:
        raise wrong(f"{where}.chunk_sizes[0]", chunk, "at most 4 GiB a chunk")
    encoding = _encoding(members, where, data_type, channels)
    size = _triple(members.get("size"), f"{where}.size", 1)
    zero = [0, 0, 0]
    offset = _triple(
        members.get("voxel_offset", zero), f"{where}.voxel_offset", -LARGEST
    )
    resolution = _lengths(members.get("resolution"), f"{where}.resolution")
    sharding = _sharding(members.get("sharding"), f"{where}.sharding")
    wanted: dict[str, Any] = {
        "key": key, "size": size, "voxel_offset": offset, "chunk_size": chunk,
        "resolution": resolution, "encoding": encoding,
    }  # fmt: skip
    if encoding == "compressed_segmentation":
        name = "compressed_segmentation_block_size"
        wanted[name] = _triple(members.get(name, [8, 8, 8]), f"{where}.{name}", 1)
    if sharding:
        wanted["sharding"] = sharding
    quality = members.get("jpeg_quality")
    return Scale(
        key=key,
        size=size,
        offset=offset,
        resolution=resolution,
        chunk=chunk,
        encoding=encoding,
        jpeg_quality=quality if isinstance(quality, int) else None,
        sharding=sharding,
        members=wanted,
    )


def _first_chunk(members: Mapping[str, Any], where: str) -> object:
    given = members.get("chunk_sizes")
    if not isinstance(given, list) or not given:
        raise wrong(f"{where}.chunk_sizes", given, "a list of chunk sizes")
    return given[0]


def _encoding(
    members: Mapping[str, Any], where: str, data_type: str, channels: int
) -> str:
    encoding = _lower(members, "encoding").get("encoding")
    if not isinstance(encoding, str) or encoding not in ENCODINGS:
        raise FormatError(
            got=f"the chunk encoding {shown(encoding)} in {where}",
            expected=f"one of {', '.join(ENCODINGS)}",
            hint="no library that emcatalog depends on decodes it; cloud-volume may, "
            "and can write the volume anew, as raw or compressed_segmentation",
        )
    types, counts = ENCODINGS[encoding]
    if data_type not in types or (counts and channels not in counts):
        numbers = " or ".join(map(str, counts)) or "any number of"
        raise FormatError(
            got=f"{channels} channels of {data_type} as {encoding} in {where}",
            expected=f"{numbers} channels of {' or '.join(types)}",
            hint="the info file is damaged; the encoding does not hold such voxels",
        )
    return encoding


def _lower(members: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The members, one of which is compared without regard to case."""
    value = members.get(name)
    return {**members, name: value.lower() if isinstance(value, str) else value}


def _sharding(value: object, where: str) -> Mapping[str, Any] | None:
    if value is None:
        return None
    members = mapping(value, where)
    _one_of(members, "@type", ("neuroglancer_uint64_sharded_v1",), where)
    _one_of(members, "hash", ("identity", "murmurhash3_x86_128"), where)
    wanted = {name: members[name] for name in ("@type", "hash")}
    for name, most in (
        ("preshift_bits", 64),
        ("minishard_bits", 60),
        ("shard_bits", 64),
    ):
        wanted[name] = _integer(members.get(name), f"{where}.{name}", 0, most)
    for name in ("minishard_index_encoding", "data_encoding"):
        given = {name: members.get(name, "raw")}
        wanted[name] = _one_of(given, name, ("raw", "gzip"), where)
    return wanted


def _one_of(
    members: Mapping[str, Any], name: str, known: tuple[str, ...], where: str
) -> str:
    value = members.get(name)
    if value not in known:
        raise wrong(f"{where}: {name}", value, f"one of {', '.join(known)}")
    return str(value)


def _integer(value: object, where: str, least: int, most: int) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong(where, value, "a whole number")
    if not least <= value <= most:
        raise wrong(where, value, f"a number from {least} to {most}")
    return value


def _triple(value: object, where: str, least: int) -> Triple:
    if not isinstance(value, list) or len(value) != 3:
        raise wrong(where, value, "three whole numbers: x, y, z")
    x, y, z = (_integer(v, where, least, LARGEST) for v in value)
    return x, y, z


def _lengths(value: object, where: str) -> Lengths:
    if not isinstance(value, list) or len(value) != 3:
        raise wrong(where, value, "three lengths in nanometres: x, y, z")
    for length in value:
        if not isinstance(length, int | float) or isinstance(length, bool):
            raise wrong(where, value, "three lengths in nanometres")
        if not 0 < length < 1e15:
            raise wrong(where, value, "positive lengths in nanometres")
    x, y, z = (float(v) for v in value)
    return x, y, z

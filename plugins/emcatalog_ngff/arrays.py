"""Metadata of one array, checked and in the form that TensorStore takes.

TensorStore is stricter than the specifications: it refuses members that other writers
add, such as ``"checksum": false`` of a Zarr v2 zstd compressor. Only the members that
matter for reading are handed on. Written from the specifications of Zarr v2 and v3
(https://zarr-specs.readthedocs.io) and of N5 (saalfeldlab/n5).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from emcatalog.errors import FormatError
from emcatalog_ngff.codecs import (
    n5_compression,
    no_filters,
    v2_compressor,
    v3_codecs,
    v3_inner_chunks,
)
from emcatalog_ngff.model import Array, integers, mapping, shown, text, wrong

LARGEST_CHUNK = 2**32
"""Bytes of one decoded chunk."""

_V3_TYPES = {
    "bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
    "float16", "float32", "float64",
}  # fmt: skip
_N5_TYPES = _V3_TYPES - {"bool", "float16"}
_V3_MEMBERS = (
    "zarr_format", "node_type", "shape", "data_type", "chunk_grid",
    "chunk_key_encoding", "codecs", "fill_value",
)  # fmt: skip


def zarr2_array(members: Mapping[str, Any], attributes: Mapping[str, Any]) -> Array:
    """The array that a ``.zarray`` describes; dimensions slowest first."""
    if members.get("zarr_format") != 2:
        raise wrong("zarr_format", members.get("zarr_format"), "2")
    shape = integers(members.get("shape"), "shape")
    chunks = _fitting(integers(members.get("chunks"), "chunks"), shape)
    dtype = _v2_dtype(members.get("dtype"))
    no_filters(members.get("filters"))
    compressor = v2_compressor(members.get("compressor"))
    separator = members.get("dimension_separator", ".")
    if separator not in (".", "/"):
        raise wrong("dimension_separator", separator, "'.' or '/'")
    order = members.get("order", "C")
    if order not in ("C", "F"):
        raise wrong("order", order, "'C' or 'F'")
    metadata = {
        "zarr_format": 2,
        "shape": list(shape),
        "chunks": list(chunks),
        "dtype": dtype.str,
        "compressor": compressor,
        "fill_value": _v2_fill(members.get("fill_value"), dtype),
        "order": order,
        "filters": None,
        "dimension_separator": separator,
    }
    codec = compressor["id"] if compressor else "uncompressed"
    if codec == "blosc" and compressor and "cname" in compressor:
        codec = f"blosc {compressor['cname']}"
    return _array("zarr", metadata, (shape, chunks, chunks), dtype, codec, attributes)


def zarr3_array(members: Mapping[str, Any], attributes: Mapping[str, Any]) -> Array:
    """The array that a ``zarr.json`` describes; dimensions slowest first."""
    kind = members.get("data_type")
    if not isinstance(kind, str) or kind not in _V3_TYPES:
        raise _not_a_number("data_type", kind)
    if members.get("storage_transformers"):
        raise wrong("storage_transformers", members["storage_transformers"], "none")
    shape = integers(members.get("shape"), "shape")
    grid = mapping(members.get("chunk_grid"), "chunk_grid")
    if grid.get("name") != "regular":
        raise wrong("chunk_grid.name", grid.get("name"), "'regular'")
    regular = mapping(grid.get("configuration"), "chunk_grid.configuration")
    chunks = _fitting(integers(regular.get("chunk_shape"), "chunk_shape"), shape)
    codecs, names = v3_codecs(members.get("codecs"))
    inner = v3_inner_chunks(codecs) or chunks
    if len(inner) != len(chunks):
        raise wrong("chunk_shape of the shards", list(inner), f"{len(chunks)} numbers")
    metadata = {name: members[name] for name in _V3_MEMBERS if name in members}
    metadata |= {"codecs": codecs}
    return _array(
        "zarr3",
        metadata,
        (shape, chunks, inner),
        np.dtype(kind),
        ", ".join(names) or "uncompressed",
        {**attributes, "dimension_names": members.get("dimension_names")},
    )


def n5_array(members: Mapping[str, Any]) -> Array:
    """The array that an ``attributes.json`` describes; dimensions fastest first."""
    if members.get("isLabelMultiset") or members.get("varlength"):
        raise FormatError(
            got="a label multiset, Paintera's chunks of varying length",
            expected="one number for each voxel",
            hint="export the labels from Paintera as a plain N5 array",
        )
    kind = members.get("dataType")
    if not isinstance(kind, str) or kind not in _N5_TYPES:
        raise _not_a_number("dataType", kind)
    shape = integers(members.get("dimensions"), "dimensions")
    chunks = _fitting(integers(members.get("blockSize"), "blockSize"), shape)
    compression = n5_compression(members)
    metadata = {
        "dimensions": list(shape),
        "blockSize": list(chunks),
        "dataType": kind,
        "compression": compression,
    }
    codec = str(compression["type"])
    dtype = np.dtype(kind)
    return _array("n5", metadata, (shape, chunks, chunks), dtype, codec, members)


Sizes = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]


def _array(
    driver: str,
    metadata: Mapping[str, Any],
    sizes: Sizes,
    dtype: np.dtype[np.generic],
    encoding: str,
    attributes: Mapping[str, Any],
) -> Array:
    """``sizes`` are the shape, what is one object, and what is decoded at once."""
    shape, stored, decoded = sizes
    size = math.prod(decoded) * dtype.itemsize
    if size > LARGEST_CHUNK:
        raise FormatError(
            got=f"chunks of {decoded} {dtype}, {size} bytes",
            expected="at most 4 GiB a chunk",
            hint="the metadata are damaged, or the volume needs other chunks",
        )
    if decoded != stored:
        encoding = f"{encoding}, sharded"
    native = dtype.newbyteorder("=")
    return Array(driver, metadata, shape, decoded, native, encoding, attributes)


def _fitting(chunks: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    if len(chunks) != len(shape):
        raise wrong("chunks", list(chunks), f"{len(shape)} numbers, as the shape has")
    return chunks


def _v2_dtype(value: object) -> np.dtype[np.generic]:
    """NumPy's spelling of a number: byte order, kind and size, such as ``<i2``."""
    if isinstance(value, str) and value.lower() in _V3_TYPES:
        return np.dtype(value.lower()).newbyteorder("<")
    known = isinstance(value, str) and re.fullmatch(
        r"[<>|=]?(?:b1|[iu][1248]|f[248])", value
    )
    if not known:
        raise _not_a_number("dtype", value)
    dtype: np.dtype[np.generic] = np.dtype(text(value, "dtype"))
    return dtype


def _v2_fill(value: object, dtype: np.dtype[np.generic]) -> object:
    """The fill value in JSON as TensorStore wants it; null stays null."""
    if dtype.kind == "b" and value in (0, 1):
        return bool(value)
    if dtype.kind in "iu" and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _not_a_number(where: str, value: object) -> FormatError:
    return FormatError(
        got=f"{where} = {shown(value)}",
        expected="whole or floating-point numbers, or booleans",
        hint="text, structured and complex voxels are not images; choose another array",
    )

"""Metadata of one array, checked and in the form that TensorStore takes.

TensorStore is stricter than the specifications: it refuses members that other writers
add, such as ``"checksum": false`` of a Zarr v2 zstd compressor. Only the members that
matter for reading are handed on. Written from the specifications of Zarr v2 and v3
(https://zarr-specs.readthedocs.io) and of N5 (saalfeldlab/n5).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from emcatalog.chunked import LARGEST_CHUNK
from emcatalog.errors import FormatError
from emcatalog.json_text import mapping, shown, wrong
from emcatalog_ngff.codecs import (
    n5_compression,
    v2_codecs,
    v3_byte_order,
    v3_chain,
    v3_codecs,
    v3_inner_chunks,
)
from emcatalog_ngff.lattice import Naming
from emcatalog_ngff.model import Array, integers, text
from emcatalog_ngff.transcoding import N5_CODECS, Chain, N5Block

_V3_TYPES = {
    "bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
    "float16", "float32", "float64", "complex64", "complex128",
}  # fmt: skip
_N5_TYPES = _V3_TYPES - {"bool", "float16", "complex64", "complex128"}
_V3_TOLD = (
    "attributes", "dimension_names", "storage_transformers", "consolidated_metadata",
)  # fmt: skip
_ORDERS = {"<": "little", ">": "big"}
_BARE = [{"name": "bytes", "configuration": {"endian": "little"}}]
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
    compressor, chain = v2_codecs(members)
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
    sizes = shape, chunks, chunks
    array = _array("zarr", metadata, sizes, dtype, codec, attributes)
    array = replace(array, byte_order=_ORDERS.get(dtype.str[0], ""))
    return _chained(array, chain, Naming("", separator))


def zarr3_array(members: Mapping[str, Any], attributes: Mapping[str, Any]) -> Array:
    """The array that a ``zarr.json`` describes; dimensions slowest first."""
    kind = members.get("data_type")
    if not isinstance(kind, str) or kind not in _V3_TYPES:
        raise _not_a_number("data_type", kind)
    _all_understood(members)
    shape = integers(members.get("shape"), "shape")
    grid = mapping(members.get("chunk_grid"), "chunk_grid")
    if grid.get("name") != "regular":
        raise wrong("chunk_grid.name", grid.get("name"), "'regular'")
    regular = mapping(grid.get("configuration"), "chunk_grid.configuration")
    chunks = _fitting(integers(regular.get("chunk_shape"), "chunk_shape"), shape)
    chain = v3_chain(members.get("codecs"))
    codecs, names = v3_codecs(_BARE if chain else members.get("codecs"))
    inner = v3_inner_chunks(codecs) or chunks
    if len(inner) != len(chunks):
        raise wrong("chunk_shape of the shards", list(inner), f"{len(chunks)} numbers")
    metadata = {name: members[name] for name in _V3_MEMBERS if name in members}
    metadata |= {"codecs": codecs}
    array = _array(
        "zarr3",
        metadata,
        (shape, chunks, inner),
        np.dtype(kind),
        ", ".join(names) or "uncompressed",
        {**attributes, "dimension_names": members.get("dimension_names")},
    )
    if array.dtype.itemsize > 1:
        array = replace(array, byte_order=v3_byte_order(members.get("codecs")))
    return _chained(array, chain, _v3_naming(members.get("chunk_key_encoding")))


def n5_array(members: Mapping[str, Any]) -> Array:
    """The array that an ``attributes.json`` describes; dimensions fastest first."""
    if members.get("isLabelMultiset") or members.get("varlength"):
        raise FormatError(
            got="a label multiset, Paintera's chunks of varying length",
            expected="one number for each voxel",
            hint="export the labels from Paintera as a plain N5 array",
        )
    if sharded := sorted({"shardSize", "codecs"} & members.keys()):
        raise FormatError(
            got=f"an N5 array with {sharded}, as drafts of N5 4 have it",
            expected="blocks in files of their own",
            hint="export it without shards",
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
    dtype, sizes = np.dtype(kind), (shape, chunks, chunks)
    array = _array("n5", metadata, sizes, dtype, codec, members)
    if dtype.itemsize > 1:
        array = replace(array, byte_order="big")
    if codec not in N5_CODECS:
        return array
    bare = {**metadata, "compression": {"type": "raw"}}
    return replace(array, metadata=bare, transcode=N5Block(codec, dtype.itemsize))


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
    held = math.prod(stored) * dtype.itemsize
    return Array(driver, metadata, shape, decoded, native, encoding, held, attributes)


def _chained(array: Array, chain: tuple[str, ...], naming: Naming) -> Array:
    """The array with names of chunks, and codecs that are undone before TensorStore."""
    array = replace(array, naming=naming)
    if not chain:
        return array
    names = ", ".join(json.loads(text)["id"] for text in chain)
    transcode = Chain(chain, array.dtype.itemsize)
    return replace(array, encoding=names, transcode=transcode)


def _all_understood(members: Mapping[str, Any]) -> None:
    """Raise FormatError for members that change the array in a way not known here.

    The specification lets them be passed over only if they say so themselves.
    """
    if members.get("storage_transformers"):
        raise wrong("storage_transformers", members["storage_transformers"], "none")
    for name in members.keys() - {*_V3_MEMBERS, *_V3_TOLD}:
        value = members[name]
        if not (isinstance(value, dict) and value.get("must_understand") is False):
            raise wrong(f"the extension {shown(name)}", value, "none that is needed")


def _v3_naming(value: object) -> Naming:
    members = {"name": value} if isinstance(value, str) else value
    members = mapping(members, "chunk_key_encoding")
    configuration = mapping(members.get("configuration") or {}, "chunk_key_encoding")
    if members.get("name") == "v2":
        return Naming("", str(configuration.get("separator", ".")))
    separator = str(configuration.get("separator", "/"))
    return Naming(f"c{separator}", separator)


def _fitting(chunks: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    if len(chunks) != len(shape):
        raise wrong("chunks", list(chunks), f"{len(shape)} numbers, as the shape has")
    return chunks


def _v2_dtype(value: object) -> np.dtype[np.generic]:
    """NumPy's spelling of a number: byte order, kind and size, such as ``<i2``."""
    if isinstance(value, str) and value.lower() in _V3_TYPES:
        return np.dtype(value.lower()).newbyteorder("<")
    known = isinstance(value, str) and re.fullmatch(
        r"[<>|=]?(?:b1|[iu][1248]|f[248]|c8|c16)", value
    )
    if not known:
        raise _not_a_number("dtype", value)
    dtype: np.dtype[np.generic] = np.dtype(text(value, "dtype"))
    return dtype


def _v2_fill(value: object, dtype: np.dtype[np.generic]) -> object:
    """The fill value in JSON as TensorStore wants it; null stays null."""
    if dtype.kind == "b" and value in (0, 1):
        return bool(value)
    whole = isinstance(value, float) and value.is_integer()
    if dtype.kind in "iu" and (whole or isinstance(value, bool)):
        return int(value)  # type: ignore[call-overload]
    if dtype.kind == "c" and isinstance(value, int | float):
        return [value, 0]
    return value


def _not_a_number(where: str, value: object) -> FormatError:
    return FormatError(
        got=f"{where} = {shown(value)}",
        expected="whole, floating-point or complex numbers, or booleans",
        hint="text and structured voxels are not images; choose another array",
    )

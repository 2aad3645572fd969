"""Local precomputed chunks that carry the suffix of their compression.

In a bucket such chunks have plain names and a ``Content-Encoding``; cloud-volume puts
them on disk as ``0-64_0-64_0-64.gz``. TensorStore looks for plain names only and would
take every chunk for absent, that is for zeros. So their bytes are read and unpacked
here and given to TensorStore, under plain names, in a store in memory.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import imagecodecs

from emcatalog.chunked.engine import open_memory
from emcatalog.chunked.keys import ChunkKeys
from emcatalog.errors import CorruptError
from emcatalog.geometry import Region, Triple


def _gunzip(data: bytes, limit: int) -> bytes:
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    content = unpacker.decompress(data, limit)
    if not unpacker.eof and len(content) < limit:
        raise ValueError("the data end before the stream does")
    return content


def _unbrotli(data: bytes, limit: int) -> bytes:
    return bytes(imagecodecs.brotli_decode(data, out=limit))


def _unzstd(data: bytes, limit: int) -> bytes:
    return bytes(imagecodecs.zstd_decode(data, out=limit))


SUFFIXES: Mapping[str, Callable[[bytes, int], bytes]] = MappingProxyType(
    {"": lambda data, limit: data, ".gz": _gunzip, ".br": _unbrotli, ".zstd": _unzstd}
)
"""Suffixes in the order they are tried, each with how to unpack at most so much."""


def holds_suffixed(folder: Path) -> bool:
    """Whether some file in a local folder carries the suffix of a compression."""
    endings = tuple(suffix for suffix in SUFFIXES if suffix)
    if not folder.is_dir():
        return False
    with os.scandir(folder) as entries:
        return any(entry.name.endswith(endings) for entry in entries)


def suffixed_file(keys: ChunkKeys, cell: Triple) -> Path | None:
    """The file of the chunk at ``cell`` (x, y, z), whatever its suffix, if any."""
    folder = Path(json.loads(keys.store)["path"])
    plain = keys.key(cell).decode()
    files = (folder / f"{plain}{suffix}" for suffix in SUFFIXES)
    return next((file for file in files if file.is_file()), None)


def open_staged(spec: str, keys: ChunkKeys, region: Region, limit: int) -> Any:
    """The array of ``spec``, holding just the chunks that ``region`` (z, y, x) meets.

    ``limit`` bounds the unpacked size of a chunk in bytes. Raises CorruptError for a
    chunk that does not unpack or is larger.
    """
    scale = json.loads(spec)["scale_metadata"]["key"]
    chunks = {}
    z, y, x = (
        range(a // c, -(-b // c))
        for a, b, c in zip(region.start, region.stop, reversed(keys.chunk), strict=True)
    )
    for cell in ((i, j, k) for k in z for j in y for i in x):
        if file := suffixed_file(keys, cell):
            name = f"{scale}/".encode() + keys.key(cell)
            chunks[name] = _unpacked(file, limit)
    return open_memory(spec, chunks)


def _unpacked(file: Path, limit: int) -> bytes:
    with file.open("rb") as opened:
        packed = opened.read(limit + 1)
    try:
        suffix = file.suffix if file.suffix in SUFFIXES else ""
        content = SUFFIXES[suffix](packed, limit + 1)
    except (zlib.error, ValueError, RuntimeError, OverflowError) as error:
        raise CorruptError(
            entry=str(file),
            got=f"a chunk that does not unpack ({error})",
            expected=f"data compressed as {file.suffix} says",
            hint="fetch the chunk again; if it stays so, it is damaged at its source",
        ) from error
    if len(content) > limit:
        raise CorruptError(
            entry=str(file),
            got=f"a chunk of more than {limit} bytes",
            expected="about the size of its voxels",
            hint="the file is damaged, or not of this volume",
        )
    return content

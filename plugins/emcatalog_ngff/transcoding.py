"""Chunks whose codecs TensorStore lacks, decoded to the bare voxels that it reads.

Zarr's filters and compressors are those of numcodecs
(https://numcodecs.readthedocs.io); those that compress are undone within a bound here,
because numcodecs trusts the sizes that the bytes declare. N5's lz4 is that of lz4-java,
whose blocks begin with the letters ``LZ4Block``, or the frame format of lz4 itself,
which writers in other languages use.
"""

from __future__ import annotations

import bz2
import json
import lzma
import math
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import imagecodecs
import numcodecs
import numpy as np

from emcatalog.chunked import damaged_chunk, unpack
from emcatalog.errors import FormatError

Json = Mapping[str, Any]

FILTERS = frozenset(
    {
        "adler32", "astype", "base64", "bitround", "crc32", "delta",
        "fixedscaleoffset", "fletcher32", "jenkins_lookup3", "packbits", "quantize",
        "shuffle",
    }
)  # fmt: skip
"""Codecs of numcodecs that cannot make more of their input than a few times as much."""

GROWTH = 16
"""How many times larger than the voxels what lies between two codecs may be."""

LZMA_MEMORY = 256 * 2**20

_LZMA_FORMATS = (lzma.FORMAT_XZ, lzma.FORMAT_ALONE, lzma.FORMAT_RAW)

DAMAGE = (
    ValueError, TypeError, RuntimeError, OverflowError, LookupError,
    OSError, EOFError, MemoryError, struct.error, zlib.error, lzma.LZMAError,
)  # fmt: skip
"""What codecs raise for data that they do not take."""


@dataclass(frozen=True)
class Chain:
    """Codecs of a Zarr array, in the order in which they encode.

    ``codecs`` are configurations of numcodecs as JSON text.
    """

    codecs: tuple[str, ...]
    itemsize: int

    def __call__(self, data: bytes, shape: tuple[int, ...]) -> bytes:
        """The voxels of a chunk; CorruptError for what does not decode to them."""
        size = math.prod(shape) * self.itemsize
        limit = GROWTH * size + 4096
        for text in reversed(self.codecs):
            members = json.loads(text)
            data = _undone(data, members, limit)
        if len(data) != size:
            raise damaged_chunk(f"{len(data)} bytes of voxels", f"{size}")
        return data


@dataclass(frozen=True)
class N5Block:
    """Blocks of N5 that lz4 or xz compress, whose header is kept."""

    codec: str
    itemsize: int

    def __call__(self, data: bytes, shape: tuple[int, ...]) -> bytes:
        """The block without compression; CorruptError for what does not decode."""
        try:
            mode, count = struct.unpack_from(">HH", data)
            sizes = struct.unpack_from(f">{count}I", data, 4)
        except struct.error as error:
            raise damaged_chunk(
                f"{len(data)} bytes", "a block with a header"
            ) from error
        fits = count == len(shape) and all(
            n <= most for n, most in zip(sizes, shape, strict=True)
        )
        if mode != 0 or not fits:
            raise damaged_chunk(
                f"a block of mode {mode} and {sizes} voxels", f"{shape}"
            )
        head, size = 4 + 4 * count, math.prod(sizes) * self.itemsize
        content = N5_CODECS[self.codec](data[head:], size)
        if len(content) != size:
            raise damaged_chunk(f"{len(content)} bytes of voxels", f"{size}")
        return data[:head] + content


def known_codec(name: object) -> bool:
    """Whether a codec of numcodecs, by its ``id``, can be undone here."""
    return isinstance(name, str) and (name in FILTERS or name in COMPRESSORS)


def codec_text(members: Json) -> str:
    """The configuration of a known codec as text; FormatError if it is damaged."""
    try:
        if members["id"] in FILTERS:
            numcodecs.get_codec(dict(members))
        if members["id"] == "lzma":
            _check_lzma(members)
        return json.dumps(members, sort_keys=True)
    except DAMAGE as error:
        raise FormatError(
            got=f"the codec {members['id']!r} with members it does not take ({error})",
            expected="a codec as numcodecs configures it",
            hint="the metadata are damaged",
        ) from error


def _undone(data: bytes, members: Json, limit: int) -> bytes:
    name = members["id"]
    try:
        if name in FILTERS:
            codec = numcodecs.get_codec(dict(members))
            content = np.asarray(codec.decode(data))
            if content.dtype.hasobject:
                raise ValueError("objects, not numbers")
            data = content.tobytes()
        else:
            data = COMPRESSORS[name](data, members, limit)
    except DAMAGE as error:
        raise damaged_chunk(
            f"{name} data that do not decode ({error})", "whole"
        ) from error
    if len(data) > limit:
        raise damaged_chunk(
            f"more than {limit} bytes out of {name}", "the voxels' size"
        )
    return data


def _gzip(data: bytes, members: Json, limit: int) -> bytes:
    return unpack(data, "gzip", limit)


def _zstd(data: bytes, members: Json, limit: int) -> bytes:
    return unpack(data, "zstd", limit)


def _zlib(data: bytes, members: Json, limit: int) -> bytes:
    opened = zlib.decompressobj()
    return _ended(opened.decompress(data, limit + 1), opened.eof, limit)


def _bz2(data: bytes, members: Json, limit: int) -> bytes:
    opened = bz2.BZ2Decompressor()
    return _ended(opened.decompress(data, limit + 1), opened.eof, limit)


def _lzma(data: bytes, members: Json, limit: int) -> bytes:
    kind = members.get("format", lzma.FORMAT_XZ)
    raw = kind == lzma.FORMAT_RAW
    filters = members.get("filters") if raw else None
    opened = lzma.LZMADecompressor(kind, None if raw else LZMA_MEMORY, filters)
    content = opened.decompress(data, limit + 1)
    # only the xz format says where it ends
    return _ended(content, opened.eof or kind != lzma.FORMAT_XZ, limit)


def _check_lzma(members: Json) -> None:
    """Raise ValueError for a format or filters that lzma does not have, or not so big.

    A raw stream has the size of its dictionary here and not in its bytes.
    """
    kind, filters = members.get("format", lzma.FORMAT_XZ), members.get("filters")
    if not isinstance(kind, int) or kind not in _LZMA_FORMATS:
        raise ValueError(f"format {kind!r}")
    if kind != lzma.FORMAT_RAW:
        return
    if not isinstance(filters, list) or not filters:
        raise ValueError(f"filters {filters!r}")
    for item in filters:
        whole = isinstance(item, dict) and all(
            isinstance(v, int) for v in item.values()
        )
        if not whole or item.get("dict_size", 0) > LZMA_MEMORY:
            raise ValueError(f"filters {filters!r}")
    lzma.LZMADecompressor(kind, None, filters)


def _ended(content: bytes, eof: bool, limit: int) -> bytes:
    if not eof and len(content) <= limit:
        raise ValueError("the data end before the stream does")
    return content


def _lz4(data: bytes, members: Json, limit: int) -> bytes:
    """One block of lz4 after its unpacked size, 32 bits."""
    (size,) = struct.unpack_from("<i", data)
    if not 0 <= size <= limit:
        raise ValueError(f"{size} bytes are declared")
    return _lz4_block(data[4:], size)


def _blosc(data: bytes, members: Json, limit: int) -> bytes:
    """The header declares the unpacked and the packed size at bytes 4 and 12."""
    size, _, packed = struct.unpack_from("<III", data, 4)
    if size > limit or packed != len(data):
        raise ValueError(f"{size} bytes in {packed} are declared")
    return bytes(numcodecs.Blosc().decode(data))


Unpack = Callable[[bytes, Json, int], bytes]
COMPRESSORS: Mapping[str, Unpack] = MappingProxyType(
    {
        "blosc": _blosc, "bz2": _bz2, "gzip": _gzip, "lz4": _lz4, "lzma": _lzma,
        "zlib": _zlib, "zstd": _zstd,
    }
)  # fmt: skip


def _lz4_block(data: bytes, size: int) -> bytes:
    content = bytes(imagecodecs.lz4_decode(data, out=size)) if size else b""
    if len(content) != size:
        raise ValueError(f"{len(content)} bytes, where {size} are declared")
    return content


def _lz4_java(data: bytes, size: int) -> bytes:
    """Blocks of lz4-java, together at most ``size`` bytes; the last one is empty.

    Each begins with 8 letters, one byte whose upper half says whether it is stored
    (1) or compressed (2), and three little-endian numbers of 32 bits: packed size,
    unpacked size, and a checksum (XXH32), which is passed over.
    """
    parts, place, total = [], 0, 0
    while place < len(data):
        try:
            magic, token, packed, length, _ = struct.unpack_from("<8sBiiI", data, place)
        except struct.error as error:
            raise damaged_chunk(
                "a block of lz4 that is cut short", "a header"
            ) from error
        place, total = place + 21, total + length
        body = data[place : place + packed] if packed >= 0 else b""
        if magic != b"LZ4Block" or length < 0 or len(body) != packed or total > size:
            raise damaged_chunk(
                f"a block of {packed} and {length} bytes", f"{size} in all"
            )
        if not length:
            break
        parts.append(_lz4_part(token >> 4, body, length))
        place += packed
    return b"".join(parts)


def _lz4_part(method: int, body: bytes, length: int) -> bytes:
    try:
        if method == 2:
            return _lz4_block(body, length)
    except DAMAGE as error:
        raise damaged_chunk(
            f"lz4 data that do not decode ({error})", "whole data"
        ) from error
    if method != 1 or len(body) != length:
        raise damaged_chunk(
            f"a block of lz4 of method {method}", "1 or 2, of its own size"
        )
    return body


def _n5_lz4(data: bytes, size: int) -> bytes:
    if data[:8] == b"LZ4Block":
        return _lz4_java(data, size)
    try:
        return bytes(imagecodecs.lz4f_decode(data, out=size + 1))
    except DAMAGE as error:
        raise damaged_chunk(
            f"lz4 data that do not decode ({error})", "whole data"
        ) from error


def _n5_xz(data: bytes, size: int) -> bytes:
    try:
        return _lzma(data, {}, size)
    except DAMAGE as error:
        raise damaged_chunk(
            f"xz data that do not decode ({error})", "whole data"
        ) from error


N5_CODECS: Mapping[str, Callable[[bytes, int], bytes]] = MappingProxyType(
    {"lz4": _n5_lz4, "xz": _n5_xz}
)
"""TensorStore lacks lz4, and 0.1.86 aborts the process where xz data are cut short."""

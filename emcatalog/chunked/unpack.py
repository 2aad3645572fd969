"""Compressions around a chunk, undone within a bound."""

from __future__ import annotations

import contextlib
import gzip
import io
import zlib
from collections.abc import Callable, Mapping
from types import MappingProxyType

import imagecodecs

from emcatalog.errors import CorruptError

GZIP_MEMBER = b"\x1f\x8b\x08"
"""How each member of a gzip file begins (RFC 1952)."""


def _gunzip(data: bytes, limit: int) -> bytes:
    size = int.from_bytes(data[-4:], "little")  # as the end of the last member tells
    if size < limit and data.find(GZIP_MEMBER, 1) < 0:
        # twice as fast, but it takes one member and says nothing of others behind it
        with contextlib.suppress(RuntimeError, ValueError):
            return bytes(imagecodecs.gzip_decode(data, out=size))
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
        return stream.read(limit)


def _unbrotli(data: bytes, limit: int) -> bytes:
    return bytes(imagecodecs.brotli_decode(data, out=limit))


def _unzstd(data: bytes, limit: int) -> bytes:
    return bytes(imagecodecs.zstd_decode(data, out=limit))


UNPACKERS: Mapping[str, Callable[[bytes, int], bytes]] = MappingProxyType(
    {"": lambda data, _: data, "gzip": _gunzip, "br": _unbrotli, "zstd": _unzstd}
)
"""Compressions by their names in HTTP, each with how to unpack at most so much."""


def unpack(data: bytes, compression: str, limit: int) -> bytes:
    """Undo a compression of `UNPACKERS`; memory stays near ``limit`` bytes.

    Raises CorruptError for data that do not unpack or that are larger then.

    >>> unpack(gzip.compress(b"voxels"), "gzip", 100)
    b'voxels'
    """
    try:
        content = UNPACKERS[compression](data, limit + 1)
    except (zlib.error, ValueError, RuntimeError, OSError, EOFError) as error:
        raise damaged_chunk(
            f"a chunk that does not unpack ({error})",
            f"{compression} data, of at most {limit} bytes when unpacked",
        ) from error
    if len(content) > limit:
        raise CorruptError(
            got=f"a chunk of more than {limit} bytes",
            expected="about the size of its voxels",
            hint="the chunk is damaged, or not of this volume",
        )
    return content


def damaged_chunk(got: str, expected: str) -> CorruptError:
    """The error for a chunk that does not decode to its voxels."""
    return CorruptError(
        got=got,
        expected=expected,
        hint="fetch the chunk again; if it stays so, it is damaged at its source",
    )

"""Chunk encodings that TensorStore lacks, or reads without looking.

Compresso and jxl are decoded here and handed to TensorStore as raw voxels. It does have
png, but trusts the file: with 16 bits for a volume of 8 it writes past its memory, and
with 8 for 16 it returns memory as voxels (0.1.86). So a png is looked at before.
Written from "Chunk encoding" in the Neuroglancer documentation of the format and from
the PNG specification.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np

from emcatalog.chunked import Transcode, damaged_chunk
from emcatalog.errors import CorruptError
from emcatalog_precomputed.compresso import decode

PNG_COLOURS = {0: 1, 2: 3, 4: 2, 6: 4}
"""Channels of each colour type but the palette."""


def transcoder(encoding: str, data_type: str) -> Transcode | None:
    """What makes chunks readable for TensorStore; None if they are as they are."""
    if encoding == "compresso":
        return Compresso(np.dtype(data_type).itemsize)
    if encoding == "png":
        return CheckedPng(np.dtype(data_type).itemsize)
    return unjxl if encoding == "jxl" else None


def readable(members: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata of a scale once its chunks are transcoded, and not in shards."""
    kept = {name: members[name] for name in members if name != "sharding"}
    return kept if kept["encoding"] == "png" else {**kept, "encoding": "raw"}


@dataclass(frozen=True)
class Compresso:
    """Labels of ``itemsize`` bytes, x, y, z and one channel."""

    itemsize: int

    def __call__(self, data: bytes, shape: tuple[int, ...]) -> bytes:
        """The raw chunk. Raises CorruptError."""
        x, y, z = shape[:3]
        return decode(data, (x, y, z), self.itemsize).tobytes()


@dataclass(frozen=True)
class CheckedPng:
    """A png of any width and height, with ``itemsize`` bytes for each channel."""

    itemsize: int

    def __call__(self, data: bytes, shape: tuple[int, ...]) -> bytes:
        """The same png. Raises CorruptError if it is not one of such a chunk."""
        if len(data) < 33 or data[:8] != b"\x89PNG\r\n\x1a\n" or data[12:16] != b"IHDR":
            raise _wrong(f"a chunk that begins with {data[:8]!r}, no png", shape)
        width, height, bits, colour = struct.unpack_from(">IIBB", data, 16)
        told = width * height, PNG_COLOURS.get(colour, 0), bits
        if told != (math.prod(shape[:3]), shape[3], 8 * self.itemsize):
            got = f"a png of {told[0]} pixels of {bits} bits, colour type {colour}"
            raise _wrong(got, shape)
        # a colour that stands for transparency would become one more channel
        if b"tRNS" in _parts(data):
            raise _wrong("a png with a transparent colour", shape)
        return data


def _parts(data: bytes) -> Iterator[bytes]:
    """The types of the parts of a png, up to the first with pixels."""
    place, kind = 8, b""
    while kind != b"IDAT" and place + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        yield kind
        place += 12 + length


def unjxl(data: bytes, shape: tuple[int, ...]) -> bytes:
    """The raw chunk of a JPEG XL image of any width and height. Raises CorruptError."""
    # decoding into a buffer that is too small fails before anything is allocated
    buffer: Any = bytearray(math.prod(shape))
    try:
        image = imagecodecs.jpegxl_decode(data, numthreads=1, out=buffer)
    except (ValueError, RuntimeError) as error:
        raise _wrong(f"a jxl image that does not decode ({error})", shape) from error
    channels = image.shape[2] if image.ndim == 3 else 1
    if image.dtype != np.uint8 or (image.size, channels) != (len(buffer), shape[3]):
        raise _wrong(f"a jxl image of {image.shape} pixels of {image.dtype}", shape)
    # pixels run as x, y, z do; raw chunks have one channel after the other
    return bytes(image.reshape(-1, channels).T.tobytes())


def _wrong(got: str, shape: tuple[int, ...]) -> CorruptError:
    return damaged_chunk(
        got,
        f"{math.prod(shape[:3])} pixels of {shape[3]} channels, of the type that the "
        "info tells",
    )

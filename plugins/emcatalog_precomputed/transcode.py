"""Chunk encodings that TensorStore lacks, turned into raw voxels for it.

Written from "Chunk encoding" in the Neuroglancer documentation of the volume format.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np

from emcatalog.chunked import Transcode
from emcatalog.errors import CorruptError
from emcatalog_precomputed.compresso import decode


def transcoder(encoding: str, data_type: str) -> Transcode | None:
    """What makes raw chunks of those in ``encoding``; None if TensorStore reads it."""
    if encoding == "compresso":
        return Compresso(np.dtype(data_type).itemsize)
    return unjxl if encoding == "jxl" else None


def readable(members: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata of a scale once its chunks are raw, and not in shards."""
    kept = {name: members[name] for name in members if name != "sharding"}
    return {**kept, "encoding": "raw"}


@dataclass(frozen=True)
class Compresso:
    """Labels of ``itemsize`` bytes, x, y, z and one channel."""

    itemsize: int

    def __call__(self, data: bytes, shape: tuple[int, ...]) -> bytes:
        """The raw chunk. Raises CorruptError."""
        x, y, z = shape[:3]
        return decode(data, (x, y, z), self.itemsize).tobytes()


def unjxl(data: bytes, shape: tuple[int, ...]) -> bytes:
    """The raw chunk of a JPEG XL image of any width and height. Raises CorruptError."""
    # decoding into a buffer that is too small fails before anything is allocated
    buffer: Any = bytearray(math.prod(shape))
    try:
        image = imagecodecs.jpegxl_decode(data, numthreads=1, out=buffer)
    except (ValueError, RuntimeError) as error:
        raise _wrong(
            f"a JPEG XL image that does not decode ({error})", shape
        ) from error
    channels = image.shape[2] if image.ndim == 3 else 1
    if image.dtype != np.uint8 or (image.size, channels) != (len(buffer), shape[3]):
        found = f"a JPEG XL image of {image.shape} pixels of {image.dtype}"
        raise _wrong(found, shape)
    # pixels run as x, y, z do; raw chunks have one channel after the other
    return image.reshape(-1, channels).T.tobytes()


def _wrong(got: str, shape: tuple[int, ...]) -> CorruptError:
    voxels, channels = math.prod(shape[:3]), shape[3]
    return CorruptError(
        got=got,
        expected=f"{voxels} pixels of uint8 with {channels} channels",
        hint="fetch the chunk again; if it stays so, it is damaged at its source",
    )

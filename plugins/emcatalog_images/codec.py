"""Kinds of pictures by their first bytes, and how one becomes voxels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from emcatalog.errors import CorruptError
from emcatalog.transport import RangeReader
from emcatalog.volume import ensure_fits
from emcatalog_images import bmp, jpeg, png, pnm, webp
from emcatalog_images.picture import Picture, foreign

BLOCK = 1 << 10
"""Bytes of the smallest request; most headers are shorter."""

_KINDS = (png, jpeg, pnm, bmp, webp)


def read_picture(reader: RangeReader) -> Picture:
    """What the header says; FormatError or TruncatedError for no sound one."""
    return _module(reader.peek(0, 16)).picture(reader)  # type: ignore[no-any-return]


def _module(head: bytes) -> ModuleType:
    for module in _KINDS:
        signature = module.SIGNATURE
        if isinstance(signature, re.Pattern):
            if signature.match(head):
                return module
        elif head.startswith(signature):
            return module
    raise foreign(head)


@dataclass(frozen=True)
class PictureCodec:
    """Decodes the pictures of a stack; see `emcatalog.paged.Codec`."""

    picture: Picture

    def decode(self, data: bytes, shape: tuple[int, int, int]) -> NDArray[np.generic]:
        """Voxels of one file, rows by columns by samples, whatever ``shape`` says.

        The header is read again: it must say what it said when the volume was opened.
        """
        reader = RangeReader(lambda a, n: data[a : a + n], "", BLOCK)
        found = read_picture(reader)
        if found.facts != self.picture.facts:
            raise CorruptError(
                got=f"a picture of other facts: {dict(found.facts)}",
                expected=f"{dict(self.picture.facts)}, as when it was opened",
                hint="the file has changed: open the volume again",
            )
        size = *found.shape, found.samples
        ensure_fits(size, found.dtype)
        values: NDArray[np.generic] = _module(data[:16]).decode(data, found)
        return values.reshape(size)

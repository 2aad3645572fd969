"""How an encoded strip or tile becomes voxels: a value that any process can use.

Decoding is done by imagecodecs. The size of what comes out is given to it beforehand,
so that a small segment cannot unfold into a large one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from tifffile import COMPRESSION

from emcatalog.errors import CorruptError, FormatError
from emcatalog.volume import ensure_fits
from emcatalog_tiff.pictures import (
    FAXES,
    PICTURES,
    PLAIN,
    Colours,
    jpeg_colours,
    picture,
)

NONE, LZW, PACKBITS, LERC = 1, 5, 32773, 34887
MARGIN = 1 << 12
"""Bytes that a segment may unfold into beyond those that its rows need."""

STREAMS = {
    NONE: "none", LZW: "lzw", 8: "deflate", 32946: "deflate", 50013: "deflate",
    PACKBITS: "packbits", 34925: "lzma", 34926: "zstd", 50000: "zstd",
}  # fmt: skip
"""Compressions of bytes, by TIFF code."""

PREDICTORS = {
    1: ("", 1), 2: ("delta", 1), 3: ("floatpred", 1), 34892: ("delta", 2),
    34893: ("delta", 4), 34894: ("floatpred", 2), 34895: ("floatpred", 4),
}  # fmt: skip
"""Name of the filter, and how many pixels apart it takes differences, by TIFF code."""


def ensure_known(compression: int) -> None:
    """Raise FormatError for a compression that cannot be decoded."""
    known = STREAMS | PICTURES
    name = known.get(compression, "")
    library = "JPEG8" if name == "jpeg" else name.upper()
    if name and (name in ("none", "png") or _available(library)):
        return
    title = COMPRESSION(compression).name if compression in _NUMBERS else "unknown"
    raise FormatError(
        got=f"compression {compression} ({title})",
        expected=f"one of {', '.join(sorted(set(known.values())))}",
        hint="rewrite the file, for instance with: tiffcp -c none, or Bio-Formats",
    )


def ensure_predictor(
    compression: int, predictor: int, dtype: np.dtype[np.generic], bits: int
) -> None:
    """Raise FormatError for a predictor that is unknown or does not fit the values.

    Pictures have none, whatever the tag says; but LERC compresses any numbers, also
    differences. Shuffled bytes of floating point numbers are no numbers.
    """
    if compression in PICTURES and compression != LERC:
        return
    name, _ = PREDICTORS.get(predictor, ("unknown", 1))
    whole = bits == 8 * dtype.itemsize
    fits = {
        "": True,
        "delta": dtype.kind != "c" and (whole or dtype.kind != "f"),
        "floatpred": dtype.kind == "f" and whole and compression != LERC,
    }
    if not fits.get(name, False):
        raise FormatError(
            got=f"predictor {predictor} ({name}) of {dtype} in {bits} bits",
            expected="predictor 1, 2, 3 or 34892 to 34895; those of numbers of "
            "floating point (3, 34894, 34895) for such numbers alone, not in LERC",
        )


_NUMBERS = frozenset(int(member) for member in COMPRESSION)


def _available(library: str) -> bool:
    return bool(getattr(getattr(imagecodecs, library, None), "available", False))


@dataclass(frozen=True)
class SegmentCodec:
    """Decodes the segments of one stack; see `emcatalog.paged.Codec`.

    ``stored`` is the type of the voxels, with the byte order in which they are stored;
    ``bits`` is fewer than it has where values are packed, or where complex numbers are
    stored as pairs of integers. ``lsb_first`` is FillOrder 2. ``tables`` are those of
    the JPEGTables tag, ``fax`` is T4Options. ``rows`` is the height of a whole strip or
    tile: a tile is stored whole also at the lower edge, and strips may be.
    """

    compression: int
    stored: np.dtype[np.generic]
    bits: int
    rows: int
    tiled: bool = False
    predictor: int = 1
    lsb_first: bool = False
    colours: Colours = PLAIN
    tables: bytes = b""
    fax: int = 0

    def decode(self, data: bytes, shape: tuple[int, int, int]) -> NDArray[np.generic]:
        """Voxels of one segment, of ``shape`` (rows, columns, samples)."""
        whole = self.rows, shape[1], shape[2]
        ensure_fits(whole, self.stored)
        if self.lsb_first:
            data = bytes(imagecodecs.bitorder_decode(data))
        if self.compression in PICTURES:
            values = self._picture(data, shape)[: shape[0]]
            return self._unpredicted(values) if self.compression == LERC else values
        stored = whole if self.tiled else shape
        return self._values(self._unfolded(data, whole, stored), stored)[: shape[0]]

    def _unfolded(
        self, data: bytes, whole: tuple[int, int, int], shape: tuple[int, int, int]
    ) -> bytes:
        row = -(-whole[1] * whole[2] * self.bits // 8)
        if self.compression != NONE:
            decode = getattr(imagecodecs, f"{STREAMS[self.compression]}_decode")
            data = decode(data, out=whole[0] * row + MARGIN)
        size = shape[0] * row
        if len(data) < size:
            raise CorruptError(
                got=f"{len(data)} bytes in a segment",
                expected=f"{size}",
                hint="fetch the file again; if it stays so, it is damaged",
            )
        return data[:size]

    def _values(self, data: bytes, shape: tuple[int, int, int]) -> NDArray[np.generic]:
        native = self.stored.newbyteorder("=")
        values = self._unpacked(data, shape[1] * shape[2]).reshape(shape)
        return self._unpredicted(values.astype(native, copy=False))

    def _unpacked(self, data: bytes, across: int) -> NDArray[Any]:
        """The values as they are stored; ``across`` of them are a row."""
        if self.bits == 8 * self.stored.itemsize:
            # the floating point predictor puts bytes in order itself
            if PREDICTORS[self.predictor][0] == "floatpred":
                return np.frombuffer(data, self.stored.newbyteorder("="))
            return np.frombuffer(data, self.stored)
        order: Literal["<", ">"] = "<" if self.stored.str[0] == "<" else ">"
        if self.stored.kind == "c":
            parts = np.frombuffer(data, f"{order}i{self.bits // 16}")
            return parts.astype(f"f{self.stored.itemsize // 2}").view(
                self.stored.newbyteorder("=")
            )
        if self.stored.kind == "f":
            return np.asarray(imagecodecs.float24_decode(data, byteorder=order))
        packed = imagecodecs.packints_decode(
            data, self.stored, self.bits, runlen=across
        )
        return np.asarray(packed)

    def _unpredicted(self, native: NDArray[Any]) -> NDArray[np.generic]:
        name, distance = PREDICTORS[self.predictor]
        if not name:
            return native
        decode = getattr(imagecodecs, f"{name}_decode")
        plain = np.asarray(decode(native, axis=-2, dist=distance))
        if self.bits < 8 * plain.itemsize:  # differences wrap at the stored width
            plain &= plain.dtype.type((1 << self.bits) - 1)
        return plain

    def _picture(self, data: bytes, shape: tuple[int, int, int]) -> NDArray[np.generic]:
        name = PICTURES[self.compression]
        options: dict[str, Any] = {}
        if name == "jpeg":
            options = jpeg_colours(data, self.colours)
            options["tables"] = self.tables or None
        if FAXES.get(self.compression) == "ccittfax3":
            options = {"t4options": self.fax}
        native = self.stored.newbyteorder("=")
        whole = self.rows, *shape[1:]
        if self.tiled:
            return picture(data, whole, native, name, **options)
        try:
            return picture(data, shape, native, name, **options)
        except Exception:
            if shape == whole:
                raise
            # some programs fill the last strip up, others do not
            return picture(data, whole, native, name, **options)

"""How an encoded strip or tile becomes voxels: a value that any process can use.

Decoding is done by imagecodecs. The size of what comes out is given to it beforehand,
so that a small segment cannot unfold into a large one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from emcatalog.errors import CorruptError, FormatError

NONE, LZW, PACKBITS = 1, 5, 32773

STREAMS = {
    NONE: "none", LZW: "lzw", 8: "deflate", 32946: "deflate", 50013: "deflate",
    PACKBITS: "packbits", 34925: "lzma", 34926: "zstd", 50000: "zstd",
}  # fmt: skip
"""Compressions of bytes, by TIFF code."""

PICTURES = {
    7: "jpeg", 33003: "jpeg2k", 33004: "jpeg2k", 33005: "jpeg2k", 34712: "jpeg2k",
    34887: "lerc", 34933: "png", 34927: "webp", 50001: "webp", 34934: "jpegxr",
    22610: "jpegxr", 50002: "jpegxl", 52546: "jpegxl",
}  # fmt: skip
"""Compressions of whole pictures, by TIFF code."""

PREDICTORS = {1: "none", 2: "horizontal", 3: "floating point"}
_NAMES = {"none": None, "jpeg": "JPEG8"}


def ensure_known(compression: int, predictor: int) -> None:
    """Raise FormatError for a compression or predictor that cannot be decoded."""
    name = (STREAMS | PICTURES).get(compression)
    library = _NAMES.get(name or "", (name or "").upper())
    if name is None or (library and not getattr(imagecodecs, library).available):
        raise FormatError(
            got=f"compression {compression} ({name or 'unknown or outdated'})",
            expected=f"one of {', '.join(sorted({*(STREAMS | PICTURES).values()}))}",
            hint="rewrite the file, for instance with: tifffile.imwrite(path, voxels)",
        )
    if predictor not in PREDICTORS and compression in STREAMS:
        raise FormatError(
            got=f"predictor {predictor}", expected="1, 2 or 3, as in TIFF 6.0"
        )


@dataclass(frozen=True)
class SegmentCodec:
    """Decodes the segments of one stack; see `emcatalog.paged.Codec`.

    ``stored`` is the type of the voxels as they are stored, with byte order; ``bits``
    is fewer than it has where values are packed. ``lsb_first`` is FillOrder 2.
    ``tables`` are those of the JPEGTables tag, ``photometric`` and ``alone`` (one
    sample, as in planar pages) tell which colours a JPEG holds. ``tile_rows`` is the
    height of a tile, which is stored whole also at the lower edge; 0 means strips.
    """

    compression: int
    stored: np.dtype[np.generic]
    bits: int
    predictor: int = 1
    lsb_first: bool = False
    photometric: int = 1
    alone: bool = True
    tables: bytes = b""
    tile_rows: int = 0

    def decode(self, data: bytes, shape: tuple[int, int, int]) -> NDArray[np.generic]:
        """Voxels of one segment, of ``shape`` (rows, columns, samples)."""
        whole = self.tile_rows or shape[0], shape[1], shape[2]
        return self._decoded(data, whole)[: shape[0]]

    def _decoded(self, data: bytes, shape: tuple[int, int, int]) -> NDArray[np.generic]:
        if self.compression in PICTURES:
            return self._picture(data, shape)
        if self.lsb_first:
            data = bytes(imagecodecs.bitorder_decode(data))
        rows, columns, samples = shape
        size = rows * (-(-columns * samples * self.bits // 8))
        if self.compression != NONE:
            decode = getattr(imagecodecs, f"{STREAMS[self.compression]}_decode")
            data = decode(data, out=size)
        if len(data) < size:
            raise CorruptError(
                got=f"{len(data)} bytes in a segment",
                expected=f"{size}",
                hint="fetch the file again; if it stays so, it is damaged",
            )
        return self._unpredicted(self._unpacked(data[:size], columns, shape))

    def _unpacked(
        self, data: bytes, columns: int, shape: tuple[int, int, int]
    ) -> NDArray[Any]:
        native = self.stored.newbyteorder("=")
        if self.bits == 8 * native.itemsize:
            # the floating point predictor puts bytes in order itself
            kind = native if self.predictor == 3 else self.stored
            return np.frombuffer(data, kind).reshape(shape)
        values = imagecodecs.packints_decode(
            data, self.stored, self.bits, runlen=columns * shape[2]
        )
        return np.asarray(values).astype(native, copy=False).reshape(shape)

    def _unpredicted(self, values: NDArray[Any]) -> NDArray[np.generic]:
        native = values.astype(self.stored.newbyteorder("="))
        if self.predictor == 1:
            return native
        if self.predictor == 3:
            return np.asarray(imagecodecs.floatpred_decode(native, axis=-2))
        plain = np.asarray(imagecodecs.delta_decode(native, axis=-2))
        if self.bits < 8 * plain.itemsize:  # differences wrap at the stored width
            plain &= plain.dtype.type((1 << self.bits) - 1)
        return plain

    def _picture(self, data: bytes, shape: tuple[int, int, int]) -> NDArray[np.generic]:
        # a decoder that is given its output refuses pictures of another size
        native = self.stored.newbyteorder("=")
        out = np.empty(shape if shape[2] > 1 else shape[:2], native)
        name = PICTURES[self.compression]
        options = self._jpeg_options(data) if name == "jpeg" else {}
        if name == "webp" and shape[2] == 4:
            options["hasalpha"] = True
        decoded = getattr(imagecodecs, f"{name}_decode")(data, out=out, **options)
        return np.asarray(decoded).reshape(shape)

    def _jpeg_options(self, data: bytes) -> dict[str, Any]:
        """Colours as TIFF stores them: YCbCr becomes RGB, other samples stay."""
        options: dict[str, Any] = {"bitspersample": self.bits}
        if self.tables:
            options["tables"] = self.tables
        if self.alone:
            options["outcolorspace"] = 1
        elif self.photometric == 6:
            options["outcolorspace"] = 2
        elif self.photometric == 2:
            options["outcolorspace"] = 2
            if data[6:10] != b"JFIF":  # without the marker, RGB is stored as it is
                options["colorspace"] = 2
        return options

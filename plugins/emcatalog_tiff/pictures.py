"""Strips and tiles that hold a whole picture: JPEG, JPEG 2000, WebP, fax ...

The size of the picture is given to each decoder, or read from the picture's head where
a decoder looks at it too late; so a small segment cannot unfold into a large one. Where
a decoder fills what a cut picture lacks with grey or white, the cut is looked for here.

Formats: ITU-T T.81 (JPEG), T.800 (JPEG 2000), T.4 and T.6 (fax).
"""

from __future__ import annotations

import io
import re
import struct
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from emcatalog.errors import CorruptError

FAXES = {2: "ccittrle", 3: "ccittfax3", 4: "ccittfax4"}
"""Compressions of pictures in black and white, by TIFF code."""

PICTURES = FAXES | {
    7: "jpeg", 33007: "jpeg", 34892: "jpeg", 33003: "jpeg2k", 33004: "jpeg2k",
    33005: "jpeg2k", 34712: "jpeg2k", 34887: "lerc", 34933: "png", 34927: "webp",
    50001: "webp", 50002: "jpegxl", 52546: "jpegxl", 32909: "pixarlog",
}  # fmt: skip
"""Compressions of whole pictures, by TIFF code.

JPEG XR (34934, 22610) is not among them: its only free decoder, jxrlib, ends the whole
process on some damaged pictures. PNG is left to Pillow for the same reason.
"""

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Colours:
    """What a picture's samples mean.

    ``photometric`` is the tag; ``alone`` is one sample, as in planar pages; ``extra``
    are samples beside the colours, such as opacity.
    """

    photometric: int = 1
    alone: bool = True
    extra: bool = False


PLAIN = Colours()


def picture(
    data: bytes, shape: Shape, dtype: np.dtype[Any], name: str, **options: Any
) -> NDArray[np.generic]:
    """Values of ``shape`` (rows, columns, samples) in native byte order.

    ``name`` is that of the decoder, ``options`` are its own. Raises CorruptError for a
    picture that is cut short or has another size; decoders raise their own errors.
    """
    if name in FAXES.values():
        return _fax(data, shape, name, options)
    if name == "png":
        return _png(data, shape).astype(dtype, casting="equiv", copy=False)
    _CHECKS.get(name, _no_check)(data, shape)
    flat = shape if shape[2] > 1 else shape[:2]
    if name == "pixarlog":
        options = {"shape": flat, "dtype": dtype}
    else:  # a decoder that is given its output refuses pictures of another size
        options["out"] = np.empty(flat, dtype)
    if name == "webp" and shape[2] == 4:
        options["hasalpha"] = True
    # jpeg_decode would fall back on a decoder that some damage makes write anywhere
    library = {"jpeg": "jpeg8"}.get(name, name)
    decoded = getattr(imagecodecs, f"{library}_decode")(data, **options)
    return np.asarray(decoded).reshape(shape)


def jpeg_colours(data: bytes, colours: Colours) -> dict[str, Any]:
    """Colours as TIFF means them: YCbCr becomes RGB, other samples stay."""
    if colours.alone:
        return {"outcolorspace": 1}
    if colours.extra or colours.photometric not in (2, 5, 6):
        return {}
    if colours.photometric == 5:
        return {"outcolorspace": 4}
    if colours.photometric == 2 and data[6:10] != b"JFIF":
        # without the marker, RGB is stored as it is
        return {"outcolorspace": 2, "colorspace": 2}
    return {"outcolorspace": 2}


def _fax(
    data: bytes, shape: Shape, name: str, options: dict[str, Any]
) -> NDArray[np.generic]:
    """Bits of a fax, 0 or 1 as they are stored.

    The decoder reads white where bytes are missing. Bytes behind a whole picture are
    not looked at; so if any change what comes out, the picture was cut. A hole of
    zeros is white without end in the codes of one line (no code has so many).
    """
    rows, columns, _ = shape
    decode = getattr(imagecodecs, f"{name}_decode")
    if _has_hole(data, rows, name):
        raise _cut("fax")
    bits = decode(data, rows, columns, **options)
    for byte in _TAILS:
        try:
            longer = decode(data + byte * (columns + 8), rows, columns, **options)
        except RuntimeError as error:  # the decoder's own
            raise _cut("fax") from error
        if not np.array_equal(bits, longer):
            raise _cut("fax")
    return np.asarray(bits).reshape(shape)


_TAILS = (b"\xff", b"\x55", b"\x35", b"\xd7")
_END_OF_LINE = re.compile(b"\0{11}\1")


def _has_hole(data: bytes, rows: int, name: str) -> bool:
    """Whether a fax has zeros where it should have lines, or too few ends of lines."""
    if not data.strip(b"\0") or (name == "ccittrle" and bytes(8) in data):
        return True
    if name != "ccittfax3":
        return False
    bits = np.unpackbits(np.frombuffer(data, np.uint8)).tobytes()
    ends = [match.start() for match in _END_OF_LINE.finditer(bits)]
    first = bool(ends) and not bits[: ends[0]].strip(b"\0")  # each line begins with one
    return 0 < len(ends) < rows - 1 + first


def _png(data: bytes, shape: Shape) -> NDArray[np.generic]:
    with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
        found = image.height, image.width, len(image.getbands())
        if found != shape:
            raise CorruptError(got=f"a picture of {found}", expected=f"{shape}")
        return np.asarray(image).reshape(shape)


def _cut(kind: str) -> CorruptError:
    return CorruptError(
        got=f"a {kind} that is cut short",
        expected="a whole picture",
        hint="fetch the file again; if it stays so, it is damaged",
    )


def _no_check(data: bytes, shape: Shape) -> None:
    """Decoders of the other kinds look at size and end themselves."""


def _check_jpeg(data: bytes, shape: Shape) -> None:
    """The decoder reads grey where bytes are missing: the end must be marked."""
    if data.rfind(b"\xff\xd9") <= data.rfind(b"\xff\xda"):
        raise _cut("JPEG")


def _check_jpeg2k(data: bytes, shape: Shape) -> None:
    """The decoder unfolds the picture before it compares sizes: compare them first."""
    head = _codestream(data)
    if len(head) < 42 or head[:4] != b"\xff\x4f\xff\x51":
        raise CorruptError(got="JPEG 2000 without a head", expected="its sizes")
    right, bottom, left, top = struct.unpack_from(">4I", head, 8)
    found = bottom - top, right - left, *struct.unpack_from(">H", head, 40)
    if found != shape:
        raise CorruptError(got=f"a picture of {found}", expected=f"{shape}")


def _codestream(data: bytes) -> bytes:
    """The start of the codestream, which may lie in a box of a JP2 file."""
    place = 0
    while data[4:8] == b"jP  " and place + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        if data[place + 4 : place + 8] == b"jp2c":
            place += 16 if length == 1 else 8
            break
        place += max(length, 8)
    return data[place : place + 42]


_CHECKS = {"jpeg": _check_jpeg, "jpeg2k": _check_jpeg2k}

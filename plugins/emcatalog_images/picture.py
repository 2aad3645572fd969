"""What is known of a picture from its header, and how to refuse other files."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from emcatalog.errors import FormatError
from emcatalog.units import DISPLAY_NM

LARGEST = 1 << 16
"""Bytes that a part of a header, such as a comment or a profile, may have."""


@dataclass(frozen=True)
class Picture:
    """What the header of a picture says.

    ``kind`` is the encoding and ``shape`` rows and columns. A pixel has ``samples``
    values side by side, each of them from 0 to ``highest``. ``colours`` is the palette
    (three or four bytes a colour) if the values are indices into one. ``start`` is
    where the voxels begin, for kinds without segments. ``pixel_nm`` is the pixel size
    along y and x that the header states, be it one of a display, 0 where it states
    none; ``orientation`` is that of EXIF, 0 where there is none.
    """

    kind: str
    shape: tuple[int, int]
    samples: int
    highest: int
    lossy: int = 0
    colours: bytes = field(default=b"", repr=False)
    start: int = 0
    pixel_nm: tuple[float, float] = (0.0, 0.0)
    orientation: int = 0

    def __post_init__(self) -> None:
        if min(self.shape) < 1 or not 1 <= self.highest <= 65535:
            raise FormatError(
                got=f"a picture of {self.shape} pixels (y, x), values to "
                f"{self.highest}",
                expected="some pixels, and values to 65535 at most",
                hint="the header is damaged",
            )

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The type that holds the values, in native byte order."""
        return np.dtype(np.uint8 if self.highest < 256 else np.uint16)

    @property
    def voxel_nm(self) -> tuple[float, float]:
        """The pixel size along y and x, 0 for none and for a setting of a display."""
        y, x = (0.0 if size >= DISPLAY_NM else size for size in self.pixel_nm)
        return y, x

    @property
    def facts(self) -> Mapping[str, object]:
        """What the sections of a series share."""
        return {
            "shape (y, x)": self.shape,
            "encoding": self.kind,
            "samples in a pixel": self.samples,
            "largest value": self.highest,
            "palette": bool(self.colours),
        }


def nanometres(per_unit: int, unit_nm: float) -> float:
    """Pixel size, of ``per_unit`` pixels in a unit; 0 for none.

    It has as many digits as the number that it is made from.

    >>> nanometres(333333333, 1e9), nanometres(72, 2.54e7)
    (3.0, 350000.0)
    """
    if per_unit < 1:
        return 0.0
    return float(f"{unit_nm / per_unit:.{math.ceil(math.log10(per_unit + 1))}g}")


_TIFFS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_FOREIGN = {
    **dict.fromkeys(_TIFFS, "a TIFF: use the driver tiff"),
    b"\0\0\0\3\0": "a DM3 file: use the driver dm3",
    b"\0\0\0\4\0": "a DM4 file: use the driver dm3",
    b"\0\0\0\x0cjP": "JPEG 2000: convert it to PNG or TIFF first",
    b"\xff\x4f\xff\x51": "JPEG 2000: convert it to PNG or TIFF first",
    b"\xff\x0a": "JPEG XL: convert it to PNG or TIFF first",
    b"GIF8": "a GIF: convert it to PNG first",
    b"P7": "a PAM picture: convert it to PGM or PNG first",
    b"PF": "a PFM picture: convert it to TIFF first",
    b"Pf": "a PFM picture: convert it to TIFF first",
    b"\x1f\x8b": "a gzip archive: unpack it first",
    b"PK": "a zip archive: unpack it first",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "a NumPy array",
    b"8BPS": "a Photoshop file: save it as PNG or TIFF",
}


def foreign(head: bytes) -> FormatError:
    """The letter about a file that is none of the kinds that are read."""
    what = next((text for m, text in _FOREIGN.items() if head.startswith(m)), "")
    if head.lstrip()[:1] == b"<":
        what = "an HTML or XML page: open the URL in a browser"
    return FormatError(
        got=f"a file that begins with {head[:8]!r}" if head else "an empty file",
        expected="a PNG, JPEG, PBM, PGM, PPM, BMP or WebP picture",
        hint=f"it looks like {what}"
        if what
        else "check that the file is whole and that its name is right",
    )


def damaged(got: str, expected: str) -> FormatError:
    """The letter about a header that breaks the rules of its format."""
    return FormatError(got=got, expected=expected, hint="the header is damaged")


def several(got: str) -> FormatError:
    """The letter about a file of more than one picture."""
    return FormatError(
        got=got,
        expected="one picture, which is one section",
        hint="save each picture as a file of its own, or all as a multipage TIFF for "
        "the driver tiff",
    )

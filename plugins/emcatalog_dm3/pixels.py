"""Types of pixels in DM files: numbers, truth values, complex numbers and colours.

The numbers of the types are those of the ``DataType`` tag, as described by Chris
Boothroyd ("dmformat") and checked against files that DigitalMicrograph wrote.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emcatalog.errors import FormatError, OptionError

CHANNELS = ("red", "green", "blue", "alpha")

_TYPES = {
    1: "i2", 2: "f4", 3: "c8", 6: "u1", 7: "i4", 9: "i1", 10: "u2", 11: "u4",
    12: "f8", 13: "c16", 14: "?", 39: "i8", 40: "u8",
}  # fmt: skip
RGB = (8, 23)
_PLACES = {"<": (2, 1, 0, 3), ">": (1, 2, 3, 0)}
"""Where red, green, blue and alpha lie in a pixel, which is an integer of 32 bits."""

_PACKED = {5: "packed complex64", 27: "packed complex64", 28: "packed complex128"}


@dataclass(frozen=True)
class Pixels:
    """Type of a stored value, in the file's byte order.

    A pixel has ``samples`` values, of which ``sample`` is read.
    """

    dtype: np.dtype[np.generic]
    samples: int = 1
    sample: int = 0

    @property
    def size(self) -> int:
        """Bytes of a pixel."""
        return self.samples * self.dtype.itemsize


def type_name(kind: int | None) -> str:
    """What a ``DataType`` is called, in words of numpy where it has one."""
    if kind in _TYPES:
        return np.dtype(_TYPES[kind]).name
    return "RGBA" if kind in RGB else _PACKED.get(kind or 0, f"data type {kind}")


def pixels_of(kind: int | None, order: str, channel: int | None) -> Pixels:
    """The pixels of a ``DataType``; ``channel`` chooses one of `CHANNELS`.

    Raises FormatError for a type that is not read, OptionError for a channel that
    there is not.
    """
    samples = 4 if kind in RGB else 1
    if kind in _PACKED:
        raise _packed(kind)
    if kind not in _TYPES and kind not in RGB:
        raise FormatError(
            got=f"pixels of {type_name(kind)}",
            expected="integers, floats, complex or truth values, or RGBA",
            hint="the file is damaged, or newer than this driver",
        )
    if samples > 1 and channel is None:
        raise FormatError(
            got="an RGB picture",
            expected="one value for each voxel",
            hint="channel=0 to channel=3 reads its red, green, blue or alpha",
        )
    number = channel or 0
    if not 0 <= number < samples:
        raise OptionError(
            got=f"channel={channel}",
            expected=f"0 to {samples - 1}" if samples > 1 else "no channel, or 0",
            hint="only RGB pictures have several",
        )
    if samples > 1:
        return Pixels(np.dtype("u1"), samples, _PLACES[order][number])
    return Pixels(np.dtype(order + _TYPES[kind or 0]))


def _packed(kind: int | None) -> FormatError:
    # how the halves are laid out is not published for 27 and 28, and told with errors
    # for 5; the readers that unpack them contradict the dimensions in the file
    return FormatError(
        got=f"pixels of {type_name(kind)} (data type {kind}): half of the Fourier "
        "transform of a real image, in a packing that is not published",
        expected="an image of real space, or complex numbers that are not packed",
        hint="open the image that was transformed, or save the transform as complex "
        "or as its modulus in DigitalMicrograph",
    )

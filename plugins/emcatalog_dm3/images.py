"""Which image of a DM file is the volume's, and where its pixels lie."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from emcatalog.errors import FormatError, OptionError
from emcatalog.geometry import Triple
from emcatalog.record import Claim
from emcatalog.transport import Transport
from emcatalog_dm3.calibration import ENERGIES, claims
from emcatalog_dm3.tags import read_tags
from emcatalog_dm3.tree import Block, Group, TagFile

BLOCK = 1 << 15
"""Bytes of the blocks that headers are fetched in."""

MOST_PLANES = 1_000_000
"""Planes that a 3-D file may have; each one takes a place in the page table."""

_PIXELS = {
    1: "i2", 2: "f4", 6: "u1", 7: "i4", 9: "i1", 10: "u2", 11: "u4", 12: "f8",
    14: "u1", 39: "i8", 40: "u8",
}  # fmt: skip
_RGB = (8, 23)
_COMPLEX = {
    3: "complex64", 5: "packed complex", 13: "complex128",
    27: "packed complex64, the Fourier transform of a real image",
    28: "packed complex128, the Fourier transform of a real image",
}  # fmt: skip


@dataclass(frozen=True)
class Section:
    """The chosen image of one file: ``shape`` is z, y, x (z is 1 for a 2-D image).

    Pixels begin at byte ``offset``, plane after plane, x running fastest. ``dtype`` has
    the file's byte order; a pixel has ``samples`` values of it.
    """

    url: str
    shape: Triple
    dtype: np.dtype[np.generic]
    samples: int
    offset: int
    claims: tuple[Claim, ...]

    @property
    def plane_bytes(self) -> int:
        """Bytes from one plane to the next."""
        return math.prod(self.shape[1:]) * self.samples * self.dtype.itemsize


def read_section(
    url: str, transport: Transport, image: int | str | None, channel: int | None
) -> Section:
    """Find the image of the DM file at ``url``; only tags are read.

    ``image`` chooses by index or name among several, ``channel`` one byte of RGBA.
    Raises FormatError for what is no 2-D or 3-D picture of real numbers (and for
    damage), OptionError for a choice that the file does not have.
    """
    file = read_tags(transport.reader(url, BLOCK))
    index = _chosen(file, image)
    tags = file.root.group("ImageList", str(index))
    kind = tags.whole("ImageData", "DataType")
    shape = _shape(file, tags, index)
    dtype, samples = _pixel_type(file, kind, channel, index)
    block = tags.find("ImageData", "Data")
    wanted = math.prod(shape) * samples * dtype.itemsize
    if not isinstance(block, Block) or block.size != wanted:
        size = block.size if isinstance(block, Block) else "no"
        raise FormatError(
            entry=url,
            got=f"{size} bytes of pixels in image {index}",
            expected=f"{wanted} for {_described(tags)}",
            hint="fetch the file again; its tags contradict each other",
        )
    found = claims(file, index, len(tags.group("ImageData", "Dimensions").members))
    return Section(url, shape, dtype, samples, block.offset, found)


def _chosen(file: TagFile, image: int | str | None) -> int:
    """Index of the image: the only one that is no thumbnail, or as ``image`` says."""
    images = file.root.groups("ImageList")
    # a place, not a name: a damaged name may look like a number (²) and be none
    found = {n: images[str(n)] for n in range(len(images)) if str(n) in images}
    thumbnails = _thumbnails(file.root)
    data = {i: tags for i, tags in found.items() if i not in thumbnails}
    if not data:
        raise FormatError(
            entry=file.url,
            got=f"{len(found)} images, of which {len(thumbnails)} are thumbnails",
            expected="an image that is not a thumbnail",
            hint="this file was saved without its data",
        )
    if image is None and len(data) == 1:
        return next(iter(data))
    listing = "; ".join(f"{i}: {_described(tags)}" for i, tags in data.items())
    if image is None:
        raise OptionError(
            entry=file.url,
            got=f"{len(data)} images: {listing}",
            expected="one image, or a choice",
            hint=f"image={next(iter(data))} chooses by index, image='NAME' by name",
        )
    fitting = [i for i, tags in data.items() if _fits(image, i, tags)]
    if len(fitting) != 1:
        raise OptionError(
            entry=file.url,
            got=f"image={image!r}, which fits {len(fitting)} images",
            expected=f"one of {listing}",
            hint="choose by index",
        )
    return fitting[0]


def _thumbnails(root: Group) -> set[int]:
    """Indices of images that only preview another.

    An image that the document shows is data, whatever the list of thumbnails says.
    """
    previews = {t.whole("ImageIndex") for t in root.groups("Thumbnails").values()}
    shown = {s.whole("ImageRef") for s in root.groups("ImageSourceList").values()}
    return {i for i in previews - shown if i is not None}


def _fits(image: int | str, index: int, tags: Group) -> bool:
    # texts from templates and shells may be meant as an index
    return str(image) == str(index) or image == tags.text("Name")


def _described(tags: Group) -> str:
    shape = " x ".join(map(str, reversed(_dimensions(tags))))
    kind = tags.whole("ImageData", "DataType")
    return f"{tags.text('Name') or 'unnamed'} ({shape}, {_type_name(kind)})"


def _type_name(kind: int | None) -> str:
    if kind in _PIXELS:
        return np.dtype(_PIXELS[kind]).name
    return "RGBA" if kind in _RGB else _COMPLEX.get(kind or 0, f"data type {kind}")


def _dimensions(tags: Group) -> tuple[int, ...]:
    """Sizes of the image along x, y and so on; 0 where the tag makes no sense."""
    group = tags.group("ImageData", "Dimensions")
    return tuple(group.whole(name) or 0 for name in group.members)


def _shape(file: TagFile, tags: Group, index: int) -> Triple:
    sizes = _dimensions(tags)
    reason = _no_picture(tags, len(sizes))
    if reason:
        raise FormatError(
            entry=file.url,
            got=f"{reason} in image {index}, {_described(tags)}",
            expected="a 2-D image or a 3-D stack",
            hint="only images of real space are volumes; image= chooses another",
        )
    if any(n < 1 for n in sizes) or max(sizes[2:], default=1) > MOST_PLANES:
        raise FormatError(
            entry=file.url,
            got=f"dimensions {sizes} (x, y, ...) of image {index}",
            expected=f"positive sizes, and at most {MOST_PLANES} planes",
            hint="the file is damaged",
        )
    x, y, z = (*sizes, 1)[:3]
    return z, y, x


def _no_picture(tags: Group, dimensions: int) -> str:
    """Why the image is no picture or stack of pictures; empty if it is."""
    format_name = tags.text("ImageTags", "Meta Data", "Format").lower()
    axes = tags.groups("ImageData", "Calibrations", "Dimension").values()
    has_energy = any(axis.text("Units") in ENERGIES for axis in axes)
    if "spectrum" in format_name or has_energy:
        return "a spectrum or spectrum image"
    if dimensions == 1:
        return "a line profile (1-D)"
    return "" if dimensions in (2, 3) else f"{dimensions} dimensions"


def _pixel_type(
    file: TagFile, kind: int | None, channel: int | None, index: int
) -> tuple[np.dtype[np.generic], int]:
    """Type of a stored value, in the file's byte order, and values for each pixel."""
    samples = 4 if kind in _RGB else 1
    if kind not in _PIXELS and kind not in _RGB:
        raise FormatError(
            entry=file.url,
            got=f"pixels of {_type_name(kind)} in image {index}",
            expected="integers, floats or RGBA",
            hint="save the modulus or the real part in DigitalMicrograph"
            if kind in _COMPLEX
            else "the file is damaged, or newer than this driver",
        )
    if samples > 1 and channel is None:
        raise FormatError(
            entry=file.url,
            got=f"an RGB picture as image {index}",
            expected="one value for each voxel",
            hint="channel=0 reads one of its bytes, 0 to 3; of a grey one, the grey",
        )
    if channel is not None and not 0 <= channel < samples:
        raise OptionError(
            entry=file.url,
            got=f"channel={channel}",
            expected=f"0 to {samples - 1}" if samples > 1 else "no channel, or 0",
            hint="only RGB pictures have several",
        )
    stored = "u1" if kind in _RGB else _PIXELS[kind or 0]
    return np.dtype(file.order + stored), samples

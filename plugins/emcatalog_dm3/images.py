"""Which image of a DM file is the volume's, and where its pixels lie."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from emcatalog.errors import EmcatalogError, FormatError, OptionError
from emcatalog.geometry import Triple
from emcatalog.record import Claim
from emcatalog.transport import Transport
from emcatalog_dm3.axes import Axis, axes_of, not_lengths, spectral
from emcatalog_dm3.calibration import claims, size_claims
from emcatalog_dm3.pixels import CHANNELS, Pixels, pixels_of, type_name
from emcatalog_dm3.raw import raw_tags
from emcatalog_dm3.tags import read_tags
from emcatalog_dm3.tree import Block, Group, TagFile

BLOCK = 1 << 15
"""Bytes of the blocks that headers are fetched in."""

MOST_PLANES = 250_000
"""Planes that a 3-D file may have; each one takes a place in the page table."""


@dataclass(frozen=True)
class Choice:
    """What to take of a file that holds more: see `emcatalog_dm3.open_pyramid`."""

    image: int | str | None = None
    channel: int | None = None
    time: int | None = None


@dataclass(frozen=True)
class Section:
    """The chosen image of one file: ``shape`` is z, y, x (1 for axes it has not).

    Pixels begin at byte ``offset``, plane after plane, x running fastest. ``others``
    are axes that are calibrated as something that is no length. ``raw`` are all tags
    of the file, if it was read as a whole.
    """

    url: str
    shape: Triple
    pixels: Pixels
    offset: int
    claims: tuple[Claim, ...]
    others: tuple[Axis, ...]
    raw: Mapping[str, object] = field(default_factory=dict, repr=False)

    @property
    def plane_bytes(self) -> int:
        """Bytes from one plane to the next."""
        return math.prod(self.shape[1:]) * self.pixels.size


def read_section(
    url: str, transport: Transport, choice: Choice, *, whole: bool = False
) -> Section:
    """Find the image of the DM file at ``url``; only tags are read.

    ``whole`` keeps all that they say: for one file of a series, not for thousands.
    Of the others there are just the claims about their voxels.

    Raises FormatError for a spectrum, for more than four dimensions, for pixels that
    are not read and for damage, OptionError for a choice that the file does not have.
    """
    file = read_tags(transport.reader(url, BLOCK))
    _ensure_single(file.root, "the file", entry=url)
    _ensure_single(file.root.group("ImageList"), "ImageList", entry=url)
    index = _chosen(file, choice.image)
    tags = file.root.group("ImageList", str(index))
    try:
        found = _section(file, index, choice, whole=whole)
    except EmcatalogError as error:
        error.about(f"{url}, image {index}, {_described(tags)}")
        raise
    return replace(found, raw=raw_tags(file.root)) if whole else found


def _section(file: TagFile, index: int, choice: Choice, *, whole: bool) -> Section:
    tags = file.root.group("ImageList", str(index))
    _ensure_single(tags, f"ImageList.{index}")
    _ensure_single(tags.group("ImageData"), "ImageData", deep=True)
    axes = axes_of(tags, f"ImageList.{index}")
    _ensure_picture(tags, axes)
    pixels = pixels_of(tags.whole("ImageData", "DataType"), file.order, choice.channel)
    time = _time(axes, choice.time)
    x, y, z, t = (*(axis.size for axis in axes), 1, 1, 1)[:4]
    volume = math.prod((x, y, z)) * pixels.size
    block = tags.find("ImageData", "Data")
    size = block.size if isinstance(block, Block) else 0
    if not isinstance(block, Block) or size != volume * t:
        raise FormatError(
            got=f"{size or 'no'} bytes of pixels",
            expected=f"{volume * t}",
            hint="fetch the file again; its tags contradict each other",
        )
    told = claims(file, index, axes) if whole else size_claims(tags, index, axes)
    found = (*told, *_choices(axes, pixels, choice.channel, time))
    offset = block.offset + time * volume
    return Section(file.url, (z, y, x), pixels, offset, found, not_lengths(tags, axes))


def _ensure_single(
    group: Group, path: str, *, entry: str = "", deep: bool = False
) -> None:
    """Raise FormatError for tags of one name: which of them is meant is not told."""
    for name in group.repeated:
        raise FormatError(
            entry=entry,
            got=f"{path} with more than one {name!r}",
            expected="one of each name",
            hint="the file is damaged, or was put together by another program",
        )
    for name, inner in group.groups().items() if deep else ():
        _ensure_single(inner, f"{path}.{name}", entry=entry, deep=True)


def _choices(
    axes: Sequence[Axis], pixels: Pixels, channel: int | None, time: int
) -> tuple[Claim, ...]:
    found = []
    if pixels.samples > 1 and channel is not None:
        found += [
            Claim("channels", CHANNELS, "file", "ImageData.DataType"),
            Claim("channel", channel, "file", "channel"),
        ]
    if len(axes) > 3:
        found.append(Claim("time", time, "file", "time"))
    return tuple(found)


def _ensure_picture(tags: Group, axes: Sequence[Axis]) -> None:
    """Raise FormatError for what is no line, picture or stack of pictures."""
    count = len(tags.group("ImageData", "Dimensions").members)
    if not 1 <= count <= 4:
        raise FormatError(
            got=f"{count} dimensions", expected="1 to 4: x, y, z and one more"
        )
    if reason := spectral(tags, axes):
        lines = sum(axis.size > 1 for axis in axes)
        raise FormatError(
            got=f"a spectrum{' image' * (lines > 1)}, for {reason}; its axes are "
            + "; ".join(map(str, axes)),
            expected="an image of real space",
            hint="image= chooses another, if the file has a survey image",
        )
    sizes = tuple(axis.size for axis in axes)
    if min(sizes) < 1 or max(sizes[2:3], default=1) > MOST_PLANES:
        raise FormatError(
            got=f"dimensions {sizes} (x, y, ...)",
            expected=f"positive sizes, and at most {MOST_PLANES} planes",
            hint="the file is damaged",
        )


def _time(axes: Sequence[Axis], time: int | None) -> int:
    """Index along the fourth axis; 0 if there is none."""
    size = axes[3].size if len(axes) > 3 else 1
    if time is None and size > 1:
        raise FormatError(
            got=f"4 dimensions: {'; '.join(map(str, axes))}",
            expected="a volume of x, y and z",
            hint=f"time=0 to time={size - 1} chooses one along the fourth axis, "
            "whatever it is",
        )
    if not 0 <= (time or 0) < size:
        raise OptionError(
            got=f"time={time}",
            expected=f"0 to {size - 1}" if size > 1 else "no time, or 0",
            hint="only images of 4 dimensions have several",
        )
    return time or 0


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
    sizes = (str(axis.size) for axis in reversed(axes_of(tags, "")))
    kind = type_name(tags.whole("ImageData", "DataType"))
    return f"{tags.text('Name') or 'unnamed'} ({' x '.join(sizes)}, {kind})"

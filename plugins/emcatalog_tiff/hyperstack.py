"""Which page is which section, channel and time, as ImageJ, OME or tifffile wrote it.

A file says so in the description of its first page. What it says is checked against
the pages that there are: a page too few is an error and never an empty section.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tifffile import TiffPage

from emcatalog.errors import FormatError, OptionError
from emcatalog_tiff.header import HeaderFile

MOST_PAGES = 100_000
"""Pages that one file may have: each costs some kilobytes of memory."""


@dataclass(frozen=True)
class Plane:
    """One picture: ``shift`` bytes behind the pixels of ``page``, which it is like.

    ``file`` is the one that holds it, where that is not the file that was opened.
    """

    page: TiffPage
    shift: int = 0
    file: HeaderFile | None = None

    @property
    def url(self) -> str:
        """Where another file of a set lies; empty for the file that was opened."""
        return self.file.name if self.file else ""


@dataclass(frozen=True)
class Elsewhere:
    """One picture of a set of files: page number ``page`` of its file ``name``."""

    name: str
    page: int


@dataclass(frozen=True)
class Hyperstack:
    """Pictures by z, channel and time.

    ``axes`` are the letters T, Z and C, the slowest first, and ``sizes`` their
    lengths; ``planes`` are numbered in that order. A pixel has ``samples`` values side
    by side, such as 3 for RGB. ``kind`` is the convention.
    """

    kind: str
    axes: str
    sizes: Mapping[str, int]
    planes: Mapping[int, Plane | Elsewhere]
    samples: int = 1
    channels: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    def choose(
        self, channel: int | None, time: int | None
    ) -> tuple[tuple[Plane | Elsewhere, ...], int]:
        """The planes of one channel and time in z order, and the sample to take.

        Channels are counted over the pages and, within each, over the samples of a
        pixel. Raises FormatError where there are several and none was named, and
        OptionError for one that there is not.
        """
        samples = self.samples
        total = self.sizes.get("C", 1) * samples
        names = f" ({', '.join(self.channels)})" if self.channels else ""
        number = _picked("channel", channel, total, names or _colour(samples, total))
        place = {
            "C": number // samples,
            "T": _picked("time", time, self.sizes.get("T", 1), ""),
        }
        planes = []
        for z in range(self.sizes.get("Z", 1)):
            index = 0
            for axis in self.axes:
                position = z if axis == "Z" else place[axis]
                index = index * self.sizes[axis] + position
            if index not in self.planes:
                raise FormatError(
                    got=f"no page for section {z} ({len(self.planes)} pages in all)",
                    expected=f"{dict(self.sizes)} pages, as its description says",
                    hint="the file is incomplete, or part of a set of files",
                )
            planes.append(self.planes[index])
        return tuple(planes), number % samples


def _picked(option: str, value: int | None, size: int, names: str) -> int:
    if value is None and size > 1:
        raise FormatError(
            got=f"{size} {option}s{names}",
            expected=f"one: a volume has no {option} axis",
            hint=f"choose one with {option}=0 to {option}={size - 1}",
        )
    number = value or 0
    if not 0 <= number < size:
        raise OptionError(
            got=f"{option}={number}",
            expected=f"0 to {size - 1}" if size > 1 else f"0, the only {option}",
        )
    return number


def _colour(samples: int, total: int) -> str:
    return " (a colour picture, RGB)" if samples == total == 3 else ""


def imagej(
    meta: Mapping[str, Any], pages: Sequence[TiffPage], length: int
) -> Hyperstack:
    """The stack that ImageJ describes; ``length`` is that of the file in bytes.

    ImageJ writes files of more than 4 GB with one directory, and all pictures behind
    each other.
    """
    first = pages[0]
    sizes = {
        axis: _count(meta.get(name, 1), name)
        for axis, name in (("T", "frames"), ("Z", "slices"), ("C", "channels"))
    }
    if sizes["C"] > 1 and sizes["C"] == first.samplesperpixel:
        sizes["C"] = 1  # Bio-Formats counts the samples of a pixel as channels
    if math.prod(sizes.values()) == 1:  # sections that are only counted, if at all
        sizes["Z"] = _count(meta.get("images", 1), "images")
        sizes["Z"] = len(pages) if sizes["Z"] == 1 else sizes["Z"]
    images = math.prod(sizes.values())
    orders = {"ctz": "ZTC", "zct": "TCZ", "ztc": "CTZ", "tcz": "ZCT", "tzc": "CZT"}
    axes = orders.get(str(meta.get("order", "")).lower(), "TZC")
    if len(pages) == 1 and images > 1:
        planes = _behind(first, images, length)
    else:
        _check_count(images, len(pages), "ImageJ")
        planes = {n: Plane(page) for n, page in enumerate(pages)}
    samples = first.samplesperpixel
    return Hyperstack("ImageJ TIFF", axes, sizes, planes, samples, facts=meta)


def _behind(first: TiffPage, images: int, length: int) -> dict[int, Plane]:
    """Pictures without directories, behind the first one."""
    end = first.dataoffsets[0] + images * first.nbytes
    if not first.is_contiguous or end > length or images > MOST_PAGES:
        raise FormatError(
            got=f"one page of {first.nbytes} bytes in a file of {length}",
            expected=f"{images} pages, as its description says",
            hint="the file is cut short, or its description is of another file",
        )
    return {n: Plane(first, n * first.nbytes) for n in range(images)}


def shaped(
    descriptions: Mapping[int, str],
    pages: Sequence[TiffPage],
    series: int | None,
    length: int,
) -> Hyperstack:
    """A series of a file by tifffile, which describes it in JSON on its first page."""
    starts = sorted(descriptions)
    if series is None and len(starts) > 1:
        raise FormatError(
            got=f"{len(starts)} series",
            expected="one",
            hint=f"choose one with series=0 to series={len(starts) - 1}",
        )
    begin = starts[_series(series or 0, len(starts))]
    following = [s for s in starts if s > begin]
    own = pages[begin : following[0] if following else len(pages)]
    meta = _described(descriptions[begin])
    shape = [_count(n, "shape") for n in meta["shape"]]
    images, rest = divmod(math.prod(shape), math.prod(own[0].shape))
    if rest or not images:
        raise FormatError(
            got=f"a description of shape {shape} and pages of {own[0].shape}",
            expected="a whole number of pages",
            hint="the description is of another file",
        )
    if len(own) == 1 and images > 1:
        planes = _behind(own[0], images, length)
    else:
        _check_count(images, len(own), "tifffile")
        planes = {n: Plane(page) for n, page in enumerate(own)}
    axes, sizes = _leading(shape, str(meta.get("axes", "")), images)
    samples = own[0].samplesperpixel
    return Hyperstack("TIFF", axes, sizes, planes, samples, facts=meta)


def _described(text: str) -> Mapping[str, Any]:
    try:
        meta = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormatError(
            got=f"a description that is no JSON ({error})", expected="shape and axes"
        ) from error
    if not isinstance(meta, dict) or not isinstance(meta.get("shape"), list):
        raise FormatError(got=f"the description {text[:80]}", expected="a shape")
    return meta


def _leading(
    shape: Sequence[int], named: str, images: int
) -> tuple[str, dict[str, int]]:
    """The axes that the pages of a tifffile series run along."""
    lead: list[int] = []
    while math.prod(lead) < images and len(lead) < len(shape):
        lead.append(shape[len(lead)])
    letters = named if len(named) == len(shape) else "Q" * len(shape)
    axes, sizes = "", {}
    for letter, size in zip(letters.upper(), lead, strict=False):
        if size == 1:
            continue
        axis = letter if letter in "TC" else "Z"  # unknown axes are sections
        if axis in sizes:
            raise FormatError(
                got=f"pages along {named or 'unnamed'} axes of {shape}",
                expected="one axis of sections, and those of channels and times",
                hint="a volume has three axes: write one file for each volume",
            )
        axes, sizes[axis] = axes + axis, size
    return axes, sizes


def plain(pages: Sequence[TiffPage], series: int | None) -> Hyperstack:
    """A file that says nothing about its pages: they are sections.

    Reduced copies (NewSubfileType, bit 0) are left out. All pages must be alike,
    unless a ``series`` is named: those are groups of like pages, in order.
    """
    own = [page for page in pages if not page.is_reduced] or list(pages)
    groups: dict[tuple[object, ...], list[TiffPage]] = {}
    for page in own:
        groups.setdefault((page.shape, str(page.dtype)), []).append(page)
    if len(groups) > 1 and series is None:
        kinds = "; ".join(
            f"series={n}: {len(group)} of {shape} {dtype}, from page {group[0].index}"
            for n, ((shape, dtype), group) in enumerate(list(groups.items())[:8])
        )
        raise FormatError(
            got=f"pages of {len(groups)} kinds",
            expected="pages that are alike",
            hint=f"choose one kind: {kinds}",
        )
    group = list(groups.values())[_series(series or 0, len(groups))]
    planes = {n: Plane(page) for n, page in enumerate(group)}
    return Hyperstack("TIFF", "Z", {"Z": len(group)}, planes, group[0].samplesperpixel)


def _series(number: int, count: int) -> int:
    if not 0 <= number < count:
        raise OptionError(
            got=f"series={number}",
            expected=f"0 to {count - 1}" if count > 1 else "0, the only series",
        )
    return number


def _check_count(expected: int, found: int, program: str) -> None:
    if expected != found:
        raise FormatError(
            got=f"{found} pages",
            expected=f"{expected}, as the description by {program} says",
            hint="the file is cut short, or was changed by another program",
        )


def _count(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**40:
        raise FormatError(
            got=f"{name} {value!r} in the description", expected="a positive number"
        )
    return value

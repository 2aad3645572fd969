"""OME-TIFF: the XML on the first page tells which page is which plane.

Schema: OME 2016-06, ``Image/Pixels`` and its ``TiffData``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tifffile import TiffPage, xml2dict

from emcatalog.errors import FormatError, OptionError
from emcatalog_tiff.hyperstack import MOST_PAGES, Elsewhere, Hyperstack, Plane


@dataclass(frozen=True)
class Origin:
    """Which file of a set a description is read for: its name, UUID and pages.

    ``uuid`` is empty where the description is the file's own and says it itself.
    """

    name: str
    uuid: str
    pages: Sequence[TiffPage]


def companion(xml: str) -> tuple[str, str] | None:
    """Name of the file that has the description of this one, and this one's UUID.

    None for OME-XML that describes planes itself.
    """
    root = _parsed(xml)
    only = _list(root, "BinaryOnly")
    if not only or not only[0].get("MetadataFile"):
        return None
    return str(only[0]["MetadataFile"]), str(root.get("UUID", ""))


def ome(xml: str, origin: Origin, series: int) -> Hyperstack | None:
    """Image number ``series`` of an OME-TIFF; None for one page of a set.

    Planes of other files than ``origin`` are `Elsewhere`: which ones are opened is
    decided when a channel is chosen. Raises FormatError for XML that does not fit.
    """
    root = _parsed(xml)
    images = [image for image in _list(root, "Image") if _list(image, "Pixels")]
    if not images and len(origin.pages) == 1:
        return None
    if not images:
        raise FormatError(
            got=f"OME-XML that describes no planes, and {len(origin.pages)} pages",
            expected="the planes of an image",
            hint="the description may lie in another file of the set: open one that "
            "has it, or name single-page files as a list or a pattern",
        )
    if not 0 <= series < len(images):
        raise OptionError(
            got=f"series={series}",
            expected=f"0 to {len(images) - 1}, the images of the file",
        )
    uuid = origin.uuid or str(root.get("UUID", ""))
    found = _image(images[series], origin, uuid)
    instrument = _instrument(root, images[series])
    return replace(found, facts={**found.facts, "instrument": instrument})


def _instrument(root: Mapping[str, Any], image: Mapping[str, Any]) -> Mapping[str, Any]:
    """The instrument that the image refers to; empty if there is none."""
    wanted = (
        _list(image, "InstrumentRef")[0].get("ID") if "InstrumentRef" in image else ""
    )
    named = (i for i in _list(root, "Instrument") if i.get("ID") == wanted)
    return next(named, {}) if wanted else {}


def _image(image: Mapping[str, Any], origin: Origin, uuid: str) -> Hyperstack:
    pixels = _list(image, "Pixels")[0]
    channels = _list(pixels, "Channel")
    samples = max(1, _whole(channels[0], "SamplesPerPixel", 1) if channels else 1)
    axes = str(pixels.get("DimensionOrder", "XYZCT"))[:1:-1]
    sizes = {axis: _whole(pixels, f"Size{axis}", 0) for axis in "TZC"}
    sizes["C"] = max(1, sizes["C"] // samples)
    if sorted(axes) != ["C", "T", "Z"] or min(sizes.values()) < 1:
        raise FormatError(
            got=f"DimensionOrder {pixels.get('DimensionOrder')} and sizes {sizes}",
            expected="an order of X, Y, Z, C, T, and positive sizes",
        )
    planes = dict(_planes(pixels, origin, axes, sizes, uuid))
    own = [plane for plane in planes.values() if isinstance(plane, Plane)]
    if not planes:
        raise FormatError(
            got="OME-XML that places no planes in files", expected="TiffData"
        )
    if own:
        check_size(pixels, own[0].page)
    names = tuple(str(c["Name"]) for c in channels if c.get("Name"))
    facts = {"image": image, "pixels": pixels}
    stored = own[0].page.samplesperpixel if own else samples
    return Hyperstack("OME-TIFF", axes, sizes, planes, stored, names, facts)


def _parsed(xml: str) -> Mapping[str, Any]:
    if "<!DOCTYPE" in xml or "<!ENTITY" in xml:
        raise FormatError(
            got="OME-XML with a document type of its own", expected="plain OME-XML"
        )
    try:
        root = xml2dict(xml).get("OME", {})
    except Exception as error:  # the parser raises whatever damage leads to
        raise FormatError(
            got=f"OME-XML that cannot be parsed ({error})", expected="whole XML"
        ) from error
    return root if isinstance(root, dict) else {}


def _list(element: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = element.get(name, [])
    rows = found if isinstance(found, list) else [found]
    # an element without attributes is an empty text
    return [row if isinstance(row, dict) else {} for row in rows]


def _whole(element: Mapping[str, Any], name: str, default: int) -> int:
    value = element.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**40:
        raise FormatError(
            got=f"{name}={value!r} in the OME-XML", expected="a whole number"
        )
    return value


def _planes(
    pixels: Mapping[str, Any],
    origin: Origin,
    axes: str,
    sizes: Mapping[str, int],
    uuid: str,
) -> Iterator[tuple[int, Plane | Elsewhere]]:
    """Numbers of planes, in the order of ``axes``, and where each one is."""
    others = _other_files(pixels, origin.name, uuid)
    total = math.prod(sizes.values())
    for block in _list(pixels, "TiffData") or [{}]:
        page = _whole(block, "IFD", 0)
        start = 0
        for axis in axes:
            start = start * sizes[axis] + _whole(block, f"First{axis}", 0)
        count = min(_count(block, len(origin.pages)), total - start, MOST_PAGES)
        if min(page, start) < 0:
            continue
        other = _uuid(block)[0]
        for n in range(count):
            if other in others:
                yield start + n, Elsewhere(others[other], page + n)
            elif page + n < len(origin.pages):
                yield start + n, Plane(origin.pages[page + n])


def _count(block: Mapping[str, Any], pages: int) -> int:
    """How many planes a TiffData stands for."""
    every = 1 if "IFD" in block else pages
    return _whole(block, "PlaneCount", _whole(block, "NumPlanes", every))


def _uuid(block: Mapping[str, Any]) -> tuple[str, str]:
    found = block.get("UUID", "")
    if isinstance(found, dict):
        return str(found.get("value", "")), str(found.get("FileName", ""))
    return str(found), ""


def _other_files(pixels: Mapping[str, Any], name: str, uuid: str) -> Mapping[str, str]:
    """UUIDs and names of the files of a set that are not this one."""
    named = dict(_uuid(block) for block in _list(pixels, "TiffData"))
    named.pop("", None)
    if len(named) <= 1 and not uuid:
        return {}  # one file, whatever it was called when it was written
    return {
        other: file
        for other, file in named.items()
        if other != uuid and (not file or file != name)
    }


def check_size(pixels: Mapping[str, Any], page: TiffPage) -> None:
    """Raise FormatError for a page of another size than the OME-XML says."""
    size = _whole(pixels, "SizeY", 0), _whole(pixels, "SizeX", 0)
    if size != (page.imagelength, page.imagewidth):
        raise FormatError(
            got=f"pages of {(page.imagelength, page.imagewidth)} (y, x)",
            expected=f"{size}, as the OME-XML says",
            hint="the description is of another file",
        )

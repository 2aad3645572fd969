"""OME-TIFF: the XML on the first page tells which page is which plane.

Schema: OME 2016-06, ``Image/Pixels`` and its ``TiffData``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tifffile import TiffPage, xml2dict

from emcatalog.errors import FormatError, OptionError
from emcatalog_tiff.hyperstack import Hyperstack, Plane


def ome(
    xml: str, pages: Sequence[TiffPage], name: str, series: int
) -> Hyperstack | None:
    """Image number ``series`` of an OME-TIFF; None for one page of a set.

    ``name`` is the file's own name: planes that lie in other files are refused, and
    no other file is opened. Raises FormatError for XML that does not fit the pages.
    """
    root = _parsed(xml)
    images = [image for image in _list(root, "Image") if _list(image, "Pixels")]
    if not images and len(pages) == 1:
        return None
    if not images:
        raise FormatError(
            got=f"OME-XML that describes no planes, and {len(pages)} pages",
            expected="the planes of an image",
            hint="the description may lie in another file of the set: open one that "
            "has it, or name single-page files as a list or a pattern",
        )
    if not 0 <= series < len(images):
        raise OptionError(
            got=f"series={series}",
            expected=f"0 to {len(images) - 1}, the images of the file",
        )
    image = images[series]
    pixels = _list(image, "Pixels")[0]
    channels = _list(pixels, "Channel")
    samples = _whole(channels[0], "SamplesPerPixel", 1) if channels else 1
    axes = str(pixels.get("DimensionOrder", "XYZCT"))[:1:-1]
    sizes = {axis: _whole(pixels, f"Size{axis}", 0) for axis in "TZC"}
    sizes["C"] = max(1, sizes["C"] // max(1, samples))
    if sorted(axes) != ["C", "T", "Z"] or min(sizes.values()) < 1:
        raise FormatError(
            got=f"DimensionOrder {pixels.get('DimensionOrder')} and sizes {sizes}",
            expected="an order of X, Y, Z, C, T, and positive sizes",
        )
    others = _other_files(root, pixels, name)
    planes = dict(_planes(pixels, pages, axes, sizes, others))
    if not planes:
        raise FormatError(
            got="OME-XML whose planes all lie in other files",
            expected="a file with planes",
            hint="open the files themselves, as a list or a pattern",
        )
    _check_size(pixels, next(iter(planes.values())).page)
    names = tuple(str(c["Name"]) for c in channels if c.get("Name"))
    facts = {"image": image, "pixels": pixels}
    return Hyperstack("OME-TIFF", axes, sizes, planes, names, facts)


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
    pages: Sequence[TiffPage],
    axes: str,
    sizes: Mapping[str, int],
    others: frozenset[str],
) -> Iterator[tuple[int, Plane]]:
    """Numbers of planes, in the order of ``axes``, with their pages."""
    for block in _list(pixels, "TiffData") or [{}]:
        if _uuid(block)[0] in others:
            continue
        page = _whole(block, "IFD", 0)
        every = 1 if "IFD" in block else len(pages)
        count = _whole(block, "PlaneCount", _whole(block, "NumPlanes", every))
        start = 0
        for axis in axes:
            start = start * sizes[axis] + _whole(block, f"First{axis}", 0)
        for n in range(min(count, len(pages) - page)):
            if page + n >= 0:
                yield start + n, Plane(pages[page + n])


def _uuid(block: Mapping[str, Any]) -> tuple[str, str]:
    found = block.get("UUID", "")
    if isinstance(found, dict):
        return str(found.get("value", "")), str(found.get("FileName", ""))
    return str(found), ""


def _other_files(
    root: Mapping[str, Any], pixels: Mapping[str, Any], name: str
) -> frozenset[str]:
    """UUIDs of the files of a set that are not this one."""
    named = dict(_uuid(block) for block in _list(pixels, "TiffData"))
    named.pop("", None)
    if len(named) <= 1 and not root.get("UUID"):
        return frozenset()  # one file, whatever it was called when it was written
    own = {str(root.get("UUID", ""))}
    own |= {uuid for uuid, file in named.items() if file and file == name}
    return frozenset(named) - own


def _check_size(pixels: Mapping[str, Any], page: TiffPage) -> None:
    size = _whole(pixels, "SizeY", 0), _whole(pixels, "SizeX", 0)
    if size != (page.imagelength, page.imagewidth):
        raise FormatError(
            got=f"pages of {(page.imagelength, page.imagewidth)} (y, x)",
            expected=f"{size}, as the OME-XML says",
            hint="the description is of another file",
        )

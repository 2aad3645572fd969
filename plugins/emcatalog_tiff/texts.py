"""What a TIFF says of itself besides its size: names, day, microscope, display."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tifffile import TiffPage

from emcatalog.dates import days, settled
from emcatalog.record import Claim, Value
from emcatalog_tiff.damage import mapping, number, tag_value
from emcatalog_tiff.hyperstack import Hyperstack
from emcatalog_tiff.vendors import vendor_claims, vendor_dates

_SOFTWARE, _DATE = 305, 306
_PROCESSING = re.compile(
    "imagej|fiji|tifffile|insighttoolkit|bio-?formats|loci|matlab|python|pillow|magick"
    "|photoshop|gimp|adobe|vips|opencv|libtiff|irfanview|gdal|scikit",
    re.IGNORECASE,
)
"""Programs that write files of images which were taken before."""

LONGEST = 2000
"""Letters of a description that are kept; all of it is among the raw tags."""


def text_claims(stack: Hyperstack, page: TiffPage) -> Iterator[Claim]:
    """Names, day, microscope, channels and display, by each tag that tells them."""
    image = mapping(stack.facts.get("image"))
    scope = mapping(mapping(stack.facts.get("instrument")).get("Microscope"))
    given = (
        ("title", image.get("Name"), "OME-XML Image/Name"),
        ("description", image.get("Description"), "OME-XML Image/Description"),
        ("description", _description(page), "tag ImageDescription"),
        ("instrument", _joined(scope, "Manufacturer", "Model"), "OME-XML Microscope"),
        ("instrument", _made_by(page), "tags Make, Model"),
    )
    for field, value, locator in given:
        text = str(value).strip() if isinstance(value, str | int | float) else ""
        if text:
            yield Claim(field, text[:LONGEST], "file", locator)
    yield from vendor_claims(page)
    yield from _acquired(image, page)
    if stack.channels:
        yield Claim("channels", stack.channels, "file", "OME-XML Channel/Name")
    turned = tag_value(page, 274)
    if isinstance(turned, int) and 1 < turned <= 8:
        yield Claim("orientation", turned, "file", "tag Orientation; pixels as stored")
    window = _window(stack.facts)
    if window:
        yield Claim("display_window", window, "file", "ImageJ min, max")


def _acquired(image: Mapping[str, Any], page: TiffPage) -> Iterator[Claim]:
    """The day by every tag; one that nobody can tell for sure is a doubt.

    The tag DateTime is that of the file: where a program wrote it that works on images
    which were taken before, it is not the day on which they were taken.
    """
    told = [
        *((text, where) for text, where in vendor_dates(page)),
        (str(image.get("AcquisitionDate", "")), "OME-XML Image/AcquisitionDate"),
        (str(tag_value(page, _DATE) or ""), "tag DateTime"),
    ]
    known = tuple(d for text, _ in told if len(days(text)) == 1 for d in days(text))
    for text, locator in told:
        if not text.strip():
            continue
        day = settled(text, known)
        doubt = _late(page) if locator == "tag DateTime" else ""
        if not day:
            doubt = (
                "nothing tells whether the day or the month is first"
                if days(text)
                else "no day on which a microscope can have worked"
            )
        yield Claim("acquired", day or text[:LONGEST], "file", locator, doubt=doubt)


def _late(page: TiffPage) -> str:
    """Why DateTime is not the day on which the image was taken; empty if it may be."""
    program = str(tag_value(page, _SOFTWARE) or "")
    if not (page.is_imagej or page.is_shaped or _PROCESSING.search(program)):
        return ""
    return f"the day on which {program[:80] or 'a program'} wrote the file"


def _description(page: TiffPage) -> str:
    """The description, unless it is there for programs."""
    machine = page.is_imagej or page.is_ome or page.is_shaped
    return "" if machine else page.description


def _made_by(page: TiffPage) -> str:
    return " ".join(str(tag_value(page, t) or "") for t in (271, 272)).strip()


def _joined(members: Mapping[str, Any], *names: str) -> str:
    return " ".join(str(members[name]) for name in names if members.get(name))


def _window(facts: Mapping[str, Any]) -> Value | None:
    low, high = number(facts.get("min")), number(facts.get("max"))
    return None if low is None or high is None else (low, high)

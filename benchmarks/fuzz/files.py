"""Targets of one file: DM3 and DM4, TIFF and its descriptions, plain pictures."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.fuzz import seeds
from benchmarks.fuzz.exploring import explore
from benchmarks.fuzz.memory import Memory
from benchmarks.fuzz.target import Target
from emcatalog.driver.registry import driver
from emcatalog.errors import EmcatalogError, OptionError, UnknownNameError


def opened(name: str, url: str, data: bytes, **second: Any) -> str:
    """Open one file by the driver ``name``; with the options ``second`` if need be."""
    transport = Memory(files={url: data}, attempts=1)
    place: Any = [url] if len(data) % 8 == 5 else url
    opener = driver_of(name)
    try:
        pyramid = opener(place, transport=transport, voxel_size_nm=8.0)
    except OptionError as error:
        pyramid = chosen(opener, place, transport, second, error)
    except EmcatalogError as error:
        if "channel" not in error.hint:
            raise
        pyramid = chosen(opener, place, transport, second, error)
    return explore(pyramid, labels=len(data) % 8 == 3)


def chosen(
    opener: Callable[..., Any],
    place: Any,
    transport: Memory,
    second: dict[str, Any],
    error: EmcatalogError,
) -> Any:
    """Open again with a choice; ``error`` said that one is needed."""
    if not second:
        raise error
    return opener(place, transport=transport, voxel_size_nm=8.0, **second)


@functools.lru_cache(maxsize=16)
def driver_of(name: str) -> Callable[..., Any]:
    """What opens a pyramid in the driver ``name``."""
    return driver(name).open_pyramid


def check_dm3(data: bytes) -> str:
    """A DM3 or DM4 file."""
    return opened("dm3", "mem://fuzz/a.dm3", data, image=0, channel=0)


def check_tiff(data: bytes) -> str:
    """A TIFF file."""
    return opened("tiff", "mem://fuzz/a.tif", data, channel=0, time=0, series=0)


def check_description(data: bytes) -> str:
    """A description of ImageJ, OME or tifffile."""
    return check_tiff(seeds.described(data))


def check_picture(data: bytes) -> str:
    """A picture of any kind, by the driver that takes stacks of them."""
    name = "mem://fuzz/1" + _suffix(data)
    return opened("images", name, data, channel=0)


def _suffix(data: bytes) -> str:
    known = {b"\xff": ".jpg", b"P": ".pgm", b"B": ".bmp", b"G": ".gif", b"R": ".webp"}
    return known.get(data[:1], ".png")


def _dm(real: bool) -> Sequence[bytes]:
    return seeds.digital_micrographs() + (
        seeds.real("dm/**/*.dm3", "dm/**/*.dm4") if real else []
    )


def _tiff(real: bool) -> Sequence[bytes]:
    return seeds.tiffs() + (
        seeds.real("tiff/**/*.tif*", "em_stacks/**/*.tif*") if real else []
    )


def _pictures(real: bool) -> Sequence[bytes]:
    return seeds.pictures() + (
        seeds.real("em_stacks/**/*.png", "em_stacks/**/*.jpg") if real else []
    )


TARGETS = [
    Target(
        "dm3",
        "tags and images of DM3 and DM4",
        "bytes",
        _dm,
        check_dm3,
        (b"%%%%", b"\x14\0", b"\x15\0", b"ImageList", b"ImageData", b"Dimensions"),
    ),
    Target(
        "tiff",
        "headers and pages of TIFF, and their strips",
        "bytes",
        _tiff,
        check_tiff,
        (b"II*\0", b"MM\0*", b"II+\0", b"\x11\x01", b"\x17\x01", b"\x42\x01"),
    ),
    Target(
        "descriptions",
        "ImageJ, OME and tifffile descriptions in TIFF",
        "text",
        lambda real: seeds.descriptions(),
        check_description,
        (
            b"images=", b"slices=", b"channels=", b"frames=", b"hyperstack=true",
            b"SizeZ", b"SizeC", b"SizeT", b"IFD", b"PlaneCount", b"<TiffData/>",
            b"<UUID", b"</UUID>", b"FirstZ", b"DimensionOrder", b"&#0;", b"<!ENTITY",
            b"PhysicalSizeZUnit", b"&amp;", b"SamplesPerPixel", b"<Image>", b"</Image>",
        ),
        4096,
    ),
]  # fmt: skip


def _installed(name: str) -> bool:
    try:
        driver(name)
    except UnknownNameError:
        return False
    return True


if _installed("images"):
    TARGETS.append(
        Target(
            "images",
            "headers and pixels of PNG, JPEG and PNM",
            "bytes",
            _pictures,
            check_picture,
            (b"IHDR", b"IDAT", b"PLTE", b"\xff\xc0", b"\xff\xda", b"P5\n", b"P6\n"),
        )
    )

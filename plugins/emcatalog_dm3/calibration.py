"""What the tags of a DM file say about its image: voxel size, values, display."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from emcatalog.record import Claim
from emcatalog.units import unit_nm
from emcatalog_dm3.acquisition import acquisition, detectors
from emcatalog_dm3.axes import Axis, not_lengths, scaled
from emcatalog_dm3.pixels import RGB
from emcatalog_dm3.tree import Group, TagFile

_ORDERS = {"<": "little", ">": "big"}
_NO_UNITS = frozenset({"", "px", "pixel", "pixels"})
"""What stands where nobody calibrated."""

_INFO = ("Meta Data", "Dimension info")
_RECORD = ("SBFSEM", "Record", "Slice thickness")
_IMAGING = ("SBFSEM", "Imaging", "Record pixel size")


def size_claims(tags: Group, index: int, axes: Sequence[Axis]) -> tuple[Claim, ...]:
    """What ``tags`` of image ``index`` say of its voxels; locators are tag paths."""
    others = not_lengths(tags, axes)
    return (
        *_calibrated([axis for axis in axes[:3] if axis not in others]),
        *_more_sizes(tags, f"ImageList.{index}", {axis.name for axis in others}),
    )


def claims(file: TagFile, index: int, axes: Sequence[Axis]) -> tuple[Claim, ...]:
    """All that the tags say of image ``index``; locators are tag paths."""
    tags = file.root.group("ImageList", str(index))
    path = f"ImageList.{index}"
    return (
        Claim("format", f"DM{file.version}", "file", "version"),
        Claim("compression", "raw", "file", f"{path}.ImageData.Data"),
        Claim("lossy", 0, "file", f"{path}.ImageData.Data"),
        Claim("rendered", 0, "file", f"{path}.ImageData.Data"),
        Claim("byte_order", _ORDERS[file.order], "file", "byte order"),
        *_bits(tags, path),
        *size_claims(tags, index, axes),
        *_note(not_lengths(tags, axes), tags, path),
        *_texts(tags, path),
        *acquisition(tags, path),
        *_display_window(file.root, index),
    )


def _calibrated(axes: Sequence[Axis]) -> Iterator[Claim]:
    """Voxel size and origin along axes whose calibration is, or may be, a length."""
    for axis in axes:
        if axis.scale is not None and axis.unit.casefold() not in _NO_UNITS:
            yield _length(axis.name, axis.scale, axis.unit, f"{axis.path}.Scale")
        if axis.start is not None:
            locator = f"{axis.path}.Origin"
            yield Claim(f"origin_{axis.name}", axis.start, "file", locator, "nm")


def _more_sizes(tags: Group, path: str, others: set[str]) -> Iterator[Claim]:
    """Voxel sizes that other tags tell than the calibration, which is first.

    Of a section that a microtome cuts they alone know the thickness.
    """
    inner = tags.group("ImageTags")
    places: list[tuple[str, tuple[str, ...]]] = [
        *((axis, (*_INFO, str(n), "Scale")) for n, axis in enumerate("xyz")),
        ("z", _RECORD),
        ("y", _IMAGING),
        ("x", _IMAGING),
    ]
    for axis, place in places:
        unit = "nm" if place[0] == "SBFSEM" else inner.text(*place[:-1], "Units")
        number = inner.told(*place)
        if axis not in others and number is not None and unit not in _NO_UNITS:
            locator = ".".join((path, "ImageTags", *place))
            yield _length(axis, number, unit, locator)


def _length(axis: str, number: float, unit: str, locator: str) -> Claim:
    """A claim about the voxel size, in nanometres if the unit is one of length."""
    factor, field = unit_nm(unit), f"voxel_size_{axis}"
    if factor is None:
        return Claim(field, number, "file", locator, unit).examined()
    return Claim(field, scaled(number, factor), "file", locator, "nm").examined()


def _note(others: Sequence[Axis], tags: Group, path: str) -> Iterator[Claim]:
    """What is odd, and what picked up the signal."""
    told = {}
    if others:
        text = f"axes that are no lengths in the file: {'; '.join(map(str, others))}"
        told[others[0].path] = text
    for locator, name in detectors(tags.group("ImageTags"), f"{path}.ImageTags"):
        told[locator] = f"detector {name}"
    if told:
        yield Claim("note", "; ".join(told.values()), "file", ", ".join(told))


def _texts(tags: Group, path: str) -> Iterator[Claim]:
    for field, name in (("title", "Name"), ("description", "Description")):
        if text := " ".join(tags.text(name).split()):
            yield Claim(field, text, "file", f"{path}.{name}")


def _bits(tags: Group, path: str) -> Iterator[Claim]:
    """What a value takes, by the tag of its own; of colours it takes them together."""
    depth = tags.whole("ImageData", "PixelDepth")
    if depth is not None and tags.whole("ImageData", "DataType") not in RGB:
        locator = f"{path}.ImageData.PixelDepth"
        yield Claim("bits", 8 * depth, "file", locator).examined()


def _display_window(root: Group, index: int) -> Iterator[Claim]:
    """Grey values that DigitalMicrograph shows as black and white."""
    for name, shown in root.groups("DocumentObjectList").items():
        source = shown.whole("ImageSource")
        if root.whole("ImageSourceList", str(source), "ImageRef") != index:
            continue
        display = shown.group("ImageDisplayInfo")
        low, high = display.number("LowLimit"), display.number("HighLimit")
        if low is not None and high is not None and low < high:
            locator = f"DocumentObjectList.{name}.ImageDisplayInfo.LowLimit, HighLimit"
            yield Claim("display_window", (low, high), "file", locator)
            return

"""What the tags of a DM file say about its image: voxel size, instrument, display."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from emcatalog.record import Claim
from emcatalog_dm3.axes import Axis, nanometres, not_lengths
from emcatalog_dm3.tree import Group, TagFile


def claims(file: TagFile, index: int, axes: Sequence[Axis]) -> tuple[Claim, ...]:
    """All claims of the tags about image ``index``; locators are tag paths."""
    tags = file.root.group("ImageList", str(index))
    path = f"ImageList.{index}"
    others = not_lengths(tags, axes)
    return (
        Claim("format", f"DM{file.version}", "file", "version"),
        Claim("compression", "raw", "file", f"{path}.ImageData.Data"),
        Claim("lossy", 0, "file", f"{path}.ImageData.Data"),
        Claim("rendered", 0, "file", f"{path}.ImageData.Data"),
        *_lengths([axis for axis in axes[:3] if axis not in others]),
        *(() if "z" in {axis.name for axis in others} else _thickness(tags, path)),
        *_what_else(others),
        *_descriptions(tags, path),
        *_display_window(file.root, index),
    )


def _lengths(axes: Sequence[Axis]) -> Iterator[Claim]:
    """Voxel size and origin along the axes whose calibration is a length."""
    for axis in axes:
        if axis.nm:
            locator = f"{axis.path}.Scale"
            yield Claim(f"voxel_size_{axis.name}", axis.nm, "file", locator, "nm")
        if axis.start is not None:
            locator = f"{axis.path}.Origin"
            yield Claim(f"origin_{axis.name}", axis.start, "file", locator, "nm")


def _thickness(tags: Group, path: str) -> Iterator[Claim]:
    """Thickness of a section; where z is calibrated too, that is first."""
    info = ("ImageTags", "Meta Data", "Dimension info", "2")
    record = ("ImageTags", "SBFSEM", "Record", "Slice thickness")
    found = {
        (*info, "Scale"): nanometres(
            tags.number(*info, "Scale"), tags.text(*info, "Units")
        ),
        record: nanometres(tags.number(*record), "nm"),
    }
    for place, length in found.items():
        if length:
            locator = ".".join((path, *place))
            yield Claim("voxel_size_z", length, "file", locator, "nm")


def _what_else(others: Sequence[Axis]) -> Iterator[Claim]:
    # words of an author about the data are better, and win over a default
    if others:
        text = f"axes that are no lengths in the file: {'; '.join(map(str, others))}"
        yield Claim("description", text, "default", others[0].path)


def _descriptions(tags: Group, path: str) -> Iterator[Claim]:
    # the name of a window and that of the microscope's interface go by default: what
    # an author writes about the data is better ("FEI Quanta" was a FEI Magellan)
    if title := tags.text("Name"):
        yield Claim("title", title, "default", f"{path}.Name")
    place = ("ImageTags", "Microscope Info", "Name")
    if instrument := tags.text(*place):
        yield Claim("instrument", instrument, "default", ".".join((path, *place)))
    # dates are kept as they are: day or month may be first
    bar = ("ImageTags", "DataBar")
    day, hour = (tags.text(*bar, f"Acquisition {n}") for n in ("Date", "Time"))
    if day:
        locator = ".".join((path, *bar, "Acquisition Date"))
        yield Claim("acquired", f"{day} {hour}".strip(), "file", locator)


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

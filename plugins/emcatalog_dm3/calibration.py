"""What the tags of a DM file say about its image: voxel size, instrument, display."""

from __future__ import annotations

from collections.abc import Iterator

from emcatalog.record import Claim
from emcatalog.units import unit_nm
from emcatalog_dm3.tree import Group, TagFile

ENERGIES = frozenset({"eV", "keV", "meV", "MeV"})
"""Units of an axis that is a spectrum's."""


def nanometres(scale: float | None, unit: str) -> float | None:
    """A calibration in nanometres; None if scale or unit do not make a length.

    >>> nanometres(0.008, "µm"), nanometres(0.008, "Âµm"), nanometres(1.0, "1/nm")
    (8.0, 8.0, None)
    """
    factor = unit_nm(unit)
    if scale is None or factor is None or not 0 < scale < 1e15:
        return None
    # 12 digits hide the noise of the product
    return float(f"{scale * factor:.12g}")


def claims(file: TagFile, index: int, dimensions: int) -> tuple[Claim, ...]:
    """All claims of the tags about image ``index``; locators are tag paths."""
    tags = file.root.group("ImageList", str(index))
    path = f"ImageList.{index}"
    return (
        Claim("format", f"DM{file.version}", "file", "version"),
        Claim("encoding", "raw", "file", f"{path}.ImageData.Data"),
        Claim("lossy", 0, "file", f"{path}.ImageData.Data"),
        Claim("rendered", 0, "file", f"{path}.ImageData.Data"),
        *_voxel_sizes(tags, path, dimensions),
        *_descriptions(tags, path),
        *_display_window(file.root, index),
    )


def _voxel_sizes(tags: Group, path: str, dimensions: int) -> Iterator[Claim]:
    """Voxel sizes that are lengths; of an axis, what holds for the pixels is first."""
    calibrations = ("ImageData", "Calibrations", "Dimension")
    places = [(axis, (*calibrations, str(n))) for n, axis in enumerate("xyz")]
    places = places[:dimensions]
    # a 2-D slice tells its thickness where a 3View writes it
    places.append(("z", ("ImageTags", "Meta Data", "Dimension info", "2")))
    for axis, place in places:
        length = nanometres(tags.number(*place, "Scale"), tags.text(*place, "Units"))
        if length:
            locator = ".".join((path, *place, "Scale"))
            yield Claim(f"voxel_size_{axis}", length, "file", locator, "nm")
    place = ("ImageTags", "SBFSEM", "Record", "Slice thickness")
    length = nanometres(tags.number(*place), "nm")
    if length:
        yield Claim("voxel_size_z", length, "file", ".".join((path, *place)), "nm")


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

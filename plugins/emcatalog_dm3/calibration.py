"""What the tags of a DM file say about its image: voxel size, instrument, display."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from emcatalog.record import Claim
from emcatalog_dm3.tree import Group, TagFile

ENERGIES = frozenset({"eV", "keV", "meV", "MeV"})
"""Units of an axis that is a spectrum's."""

_SYMBOLS = {
    "pm": 1e-3, "A": 0.1, "Å": 0.1, "nm": 1.0, "um": 1e3, "μm": 1e3, "mm": 1e6,
    "cm": 1e7, "m": 1e9, "in": 25.4e6,
}  # fmt: skip
_WORDS = {
    "angstrom": 0.1, "ångström": 0.1, "nanometer": 1.0, "nanometre": 1.0,
    "micron": 1e3, "micrometer": 1e3, "micrometre": 1e3, "millimeter": 1e6,
    "millimetre": 1e6, "centimeter": 1e7, "centimetre": 1e7, "meter": 1e9,
    "metre": 1e9, "inch": 25.4e6, "inche": 25.4e6,
}  # fmt: skip


def nanometres(scale: float | None, unit: str) -> float | None:
    """A calibration in nanometres; None if scale or unit do not make a length.

    >>> nanometres(0.008, "µm"), nanometres(0.008, "Âµm"), nanometres(1.0, "1/nm")
    (8.0, 8.0, None)
    """
    factor = _factor(unit)
    if scale is None or factor is None or not 0 < scale < 1e15:
        return None
    # 12 digits hide the noise of the product
    return float(f"{scale * factor:.12g}")


def _factor(unit: str) -> float | None:
    """Nanometres in a unit, spelled and encoded in any of the common ways."""
    for text in (unit, _remade(unit)):
        # makes one of the two micro signs, and one of the two ångström signs
        name = unicodedata.normalize("NFKC", text.strip())
        word = name.casefold()
        known = _SYMBOLS.get(name) or _WORDS.get(word.removesuffix("s"))
        if known:
            return known
    return None


def _remade(unit: str) -> str:
    """UTF-8 that was taken for Windows' encoding, put right."""
    try:
        return unit.encode("cp1252").decode()
    except UnicodeError:
        return unit


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

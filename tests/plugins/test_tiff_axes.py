"""TIFF: which page is which section, channel and time; what files say of their size."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from emcatalog.errors import FormatError, OptionError
from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport
from emcatalog.units import unit_nm
from emcatalog_tiff import open_pyramid

TRANSPORT = Transport(mirrors=Mirrors())
SEM = "\r\n".join([*"0" * 50, "AP_IMAGE_PIXEL_SIZE", "Image Pixel Size = 2.5 nm", ""])


def read(path: Path, **options: Any) -> NDArray[np.generic]:
    options.setdefault("voxel_size_nm", 1)
    volume = open_pyramid(str(path), TRANSPORT, **options).level(0)
    return volume.read(volume.grid.region)


def numbered(*shape: int) -> NDArray[np.uint16]:
    return np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)


def said(path: Path) -> dict[str, Any]:
    """What the file itself claims about its voxel size, in nanometres."""
    record = open_pyramid(str(path), TRANSPORT, voxel_size_nm=7).record
    found = (record.winner(f"voxel_size_{axis}") for axis in "zyx")
    return {c.field[-1]: c.value for c in found if c and c.source == "file"}


@pytest.mark.parametrize("kind", ["imagej", "ome", "shaped"])
def test_hyperstacks(tmp_path: Path, kind: str) -> None:
    stack = numbered(2, 3, 4, 5, 6)
    path = tmp_path / ("a.ome.tif" if kind == "ome" else "a.tif")
    tifffile.imwrite(
        path, stack, imagej=kind == "imagej", ome=kind == "ome",
        metadata={"axes": "TZCYX"}, photometric="minisblack",
    )  # fmt: skip
    for time, channel in itertools.product(range(2), range(4)):
        found = read(path, time=time, channel=channel)
        np.testing.assert_array_equal(found, stack[time, :, channel])
    with pytest.raises(FormatError, match=r"4 channels.*channel=0 to channel=3"):
        read(path, time=0)
    with pytest.raises(FormatError, match=r"2 times.*time=0 to time=1"):
        read(path, channel=0)
    with pytest.raises(OptionError, match=r"channel=4.*0 to 3"):
        read(path, time=0, channel=4)


@pytest.mark.parametrize("order", ["czt", "ctz", "zct", "ztc", "tcz", "tzc"])
def test_imagej_orders(tmp_path: Path, order: str) -> None:
    """ImageJ names the fastest axis first."""
    sizes = {"c": 2, "z": 3, "t": 4}
    stack = numbered(*(sizes[a] for a in order[::-1]), 5, 6)
    text = f"ImageJ=1.53\nimages=24\nchannels=2\nslices=3\nframes=4\norder={order}\n"
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, stack.reshape(24, 5, 6), description=text, metadata=None, byteorder=">"
    )
    plain = np.moveaxis(stack, [order[::-1].index(a) for a in "ztc"], (0, 1, 2))
    np.testing.assert_array_equal(read(path, time=3, channel=1), plain[:, 3, 1])


def test_imagej_pictures_without_directories(tmp_path: Path) -> None:
    """Files of more than 4 GB have one directory and all pictures behind it."""
    stack = numbered(6, 8, 9)
    text = "ImageJ=1.53\nimages=6\nslices=6\nunit=nm\nspacing=50\n"
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, stack[:1], description=text, metadata=None, byteorder=">")
    with path.open("ab") as file:
        file.write(stack[1:].astype(">u2").tobytes())
    np.testing.assert_array_equal(read(path), stack)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(FormatError, match=r"one page of 144 bytes.*6 pages.*cut short"):
        read(path)


def test_tifffile_pictures_without_directories(tmp_path: Path) -> None:
    stack = numbered(6, 8, 9)
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(stack, truncate=True, photometric="minisblack")
        writer.write(stack[:2] + 1, photometric="minisblack")
    np.testing.assert_array_equal(read(path, series=0), stack)
    np.testing.assert_array_equal(read(path, series=1), stack[:2] + 1)
    with pytest.raises(FormatError, match=r"got 2 series; .*series=0 to series=1"):
        read(path)
    with pytest.raises(OptionError, match=r"series=2; expected 0 to 1"):
        read(path, series=2)


def test_a_description_of_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    text = "ImageJ=1.53\nimages=5\nslices=5\n"
    pages = numbered(4, 5, 6)[:, None]
    tifffile.imwrite(path, pages, description=text, metadata=None)
    with pytest.raises(FormatError, match=r"4 pages; expected 5.*ImageJ"):
        read(path)


def test_several_unnamed_axes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, numbered(2, 3, 8, 9), photometric="minisblack")
    with pytest.raises(FormatError, match="one axis of sections"):
        read(path)


def test_one_page_is_one_section(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", numbered(5, 6))
    assert read(tmp_path / "a.tif").shape == (1, 5, 6)


def test_pages_must_be_alike_unless_they_are_reduced(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        for page in numbered(3, 8, 10):
            writer.write(page, metadata=None)
            writer.write(page[::2, ::2], metadata=None, subfiletype=1)
    np.testing.assert_array_equal(read(path), numbered(3, 8, 10))
    with tifffile.TiffWriter(path, append=True) as writer:
        writer.write(numbered(8, 9), metadata=None)
    with pytest.raises(FormatError, match=r"pages of 2 kinds.*series=1: 1 of \(8, 9\)"):
        read(path)
    np.testing.assert_array_equal(read(path, series=1)[0], numbered(8, 9))


def test_pages_of_another_encoding_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        for compression in (None, None, "zlib"):
            writer.write(numbered(8, 10), metadata=None, compression=compression)
    with pytest.raises(FormatError, match=r"page 2: got compression 8; expected 1"):
        read(path)


def test_ome_images_and_calibration(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as writer:
        for scale in (1, 2):
            writer.write(
                numbered(3, 5, 6) * scale, photometric="minisblack",
                metadata={
                    "axes": "ZYX", "Name": f"image {scale}",
                    "PhysicalSizeX": 0.004, "PhysicalSizeY": 0.005,
                    "PhysicalSizeZ": 30, "PhysicalSizeZUnit": "nm",
                },
            )  # fmt: skip
    np.testing.assert_array_equal(read(path, series=1), numbered(3, 5, 6) * 2)
    assert said(path) == {"z": 30.0, "y": 5.0, "x": 4.0}
    record = open_pyramid(str(path), TRANSPORT, series=1).record
    assert record.value("title") == "image 2"
    assert record.value("format") == "OME-TIFF"


def _with_xml(path: Path, old: str, new: str) -> Path:
    tifffile.imwrite(path, numbered(2, 5, 6), metadata={"axes": "ZYX"}, ome=True)
    xml = tifffile.tiffcomment(path)
    assert old in xml
    tifffile.tiffcomment(path, xml.replace(old, new).encode())
    return path


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<?xml", "<!DOCTYPE a [<!ENTITY b 'c'>]><?xml", "document type"),
        ('SizeX="6"', 'SizeX="7"', r"pages of \(5, 6\).*\(5, 7\)"),
        ('SizeZ="2"', 'SizeZ="3"', "no page for section 2"),
        ('SizeZ="2"', 'SizeZ="-2"', "positive sizes"),
        ('SizeZ="2"', 'SizeZ="x"', "SizeZ='x'"),
        ("<Image ", "<<Image ", "cannot be parsed"),
        ("Pixels", "BinaryOnly", "no planes"),
    ],
)
def test_ome_xml_that_does_not_fit(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = _with_xml(tmp_path / "a.ome.tif", old, new)
    with pytest.raises(FormatError, match=message):
        read(path)


@pytest.mark.parametrize(
    ("unit", "size"),
    [
        ("nm", 1.0), ("um", 1e3), ("µm", 1e3), ("\u03bcm", 1e3), ("micron", 1e3),
        (r"\u00B5m", 1e3), ("Âµm", 1e3), ("mm", 1e6), ("cm", 1e7), ("inch", 2.54e7),
        ("A", 0.1), ("Å", 0.1), ("angstrom", 0.1), ("pixel", None), ("", None),
    ],
)  # fmt: skip
def test_units(unit: str, size: float | None) -> None:
    assert unit_nm(unit) == size


def test_imagej_calibration(tmp_path: Path) -> None:
    """50 pixels for each µm are 20 nm, not 50."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, numbered(3, 5, 6), imagej=True, resolution=(50, 40), resolutionunit=1,
        metadata={
            "axes": "ZYX", "unit": r"\u00B5m", "spacing": 0.02, "min": 36.0,
            "max": 199.0,
        },
    )  # fmt: skip
    assert said(path) == {"z": 20.0, "y": 25.0, "x": 20.0}
    record = open_pyramid(str(path), TRANSPORT).record
    assert record.value("display_window") == (36.0, 199.0)


@pytest.mark.parametrize(
    ("resolution", "unit", "expected"),
    [
        ((2_500_000, 2_000_000), "CENTIMETER", {"y": 5.0, "x": 4.0}),
        ((25_400_000, 25_400_000), "INCH", {"y": 1.0, "x": 1.0}),
        ((72, 72), "INCH", {}),
        ((300, 300), "INCH", {}),
        ((118, 118), "CENTIMETER", {}),
        ((1, 1), "NONE", {}),
        ((50, 50), "NONE", {}),
    ],
)
def test_resolution_of_a_display_is_no_voxel_size(
    tmp_path: Path, resolution: tuple[int, int], unit: str, expected: dict[str, float]
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, numbered(5, 6), resolution=resolution, resolutionunit=unit, metadata=None
    )
    assert said(path) == expected


FEI = "[Scan]\r\nPixelWidth=4e-09\r\nPixelHeight=5e-09\r\n"
GATAN = {65009: 0.5, 65010: 0.25, 65012: "nanometer", 65013: "micron"}


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({34682: FEI}, {"y": 5.0, "x": 4.0}),
        ({34118: SEM}, {"y": 2.5, "x": 2.5}),
        (GATAN, {"y": 250.0, "x": 0.5}),
    ],
)
def test_private_tags_of_microscopes(
    tmp_path: Path, tags: dict[int, Any], expected: dict[str, float]
) -> None:
    path = tmp_path / "a.tif"
    extra = [
        (code, *(("s", 0) if isinstance(value, str) else ("d", 1)), value, True)
        for code, value in tags.items()
    ]
    tifffile.imwrite(path, numbered(5, 6), metadata=None, extratags=extra)
    assert said(path) == expected


def test_what_is_not_said_must_be_declared(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, numbered(5, 6))
    with pytest.raises(FormatError, match=r"a.tif: got no voxel size along z, y, x"):
        open_pyramid(str(path), TRANSPORT)
    pyramid = open_pyramid(str(path), TRANSPORT, voxel_size_nm=[50, 8, 8])
    assert pyramid.level(0).grid.voxel_size == (50, 8, 8)


def test_an_imagej_file_has_one_series(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, numbered(3, 5, 6), imagej=True, metadata={"axes": "ZYX"})
    assert read(path, series=0).shape == (3, 5, 6)
    with pytest.raises(OptionError, match=r"series=1.*0, the only series"):
        read(path, series=1)

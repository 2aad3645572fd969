"""What TIFF headers say: claims by every tag, doubts, and the tags themselves."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import tiff_writer
from emcatalog.mirror import Mirrors
from emcatalog.record import Record
from emcatalog.transport import Transport
from emcatalog.volume import Pyramid
from emcatalog_tiff import open_pyramid

TRANSPORT = Transport(mirrors=Mirrors())
FEI = """[User]\r\nDate={date}\r\n[System]\r\nSystemType=Helios NanoLab\r\n
[Beam]\r\nHV=2000\r\nBeam=EBeam\r\nScan=EScan\r\n[EBeam]\r\nHV=2000\r\n
BeamCurrent=8e-10\r\n[EScan]\r\nDwell=3e-06\r\n[Scan]\r\nDwelltime=3e-06\r\n
PixelWidth=4e-09\r\nPixelHeight=4e-09\r\n"""
ZEISS = "\r\n".join(
    [
        *"0" * 50, "AP_ACTUALKV", "EHT = 1.50 kV", "DP_DWELL_TIME",
        "Dwell Time = 100 ns", "AP_IPROBE", "I Probe = 400 pA", "AP_MAG",
        "Mag = 10.00 K X", "AP_DATE", "Date :23 Mar 2011", "SV_SERIAL_NUMBER",
        "Serial No. = Merlin-61-50", "AP_IMAGE_PIXEL_SIZE",
        "Image Pixel Size = 2.5 nm", "",
    ]
)  # fmt: skip
TESCAN = (
    b"\x01\x00[MAIN]\r\nDate=2016-06-17\r\nDevice=TIMA3\r\nMagnification=5000.0\r\n"
    b"PixelSizeX=2.5e-09\r\nPixelSizeY=3e-09\r\n[SEM]\r\nHV=25000.0\r\n"
    b"DwellTime=1e-05\r\n\x00"
)


def numbered(*shape: int) -> NDArray[np.uint8]:
    return np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)


def opened(path: Path, **options: Any) -> Pyramid:
    options.setdefault("voxel_size_nm", [50, 8, 8])
    return open_pyramid(str(path), TRANSPORT, **options)


def written(folder: Path, **options: Any) -> Pyramid:
    path = folder / "a.tif"
    options.setdefault("metadata", None)
    tifffile.imwrite(path, numbered(5, 6), **options)
    return opened(path)


def about(record: Record, field: str) -> list[Any]:
    """What the file says that is believed."""
    return [c.value for c in record.about(field) if c.source == "file" and not c.doubt]


def doubts(record: Record, field: str) -> list[str]:
    return [c.doubt for c in record.doubts() if c.field == field]


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ((34682, "s", 0, FEI.format(date="23/06/2016"), True),
         {"accelerating_voltage": [2000.0] * 2, "dwell_time": [3.0] * 2,
          "beam_current": [0.8], "instrument": ["Helios NanoLab"],
          "acquired": ["2016-06-23"], "voxel_size_x": [4.0]}),
        ((34118, "s", 0, ZEISS, True),
         {"accelerating_voltage": [1500.0], "dwell_time": [0.1], "beam_current": [0.4],
          "magnification": [10000.0], "instrument": ["Merlin-61-50"],
          "acquired": ["2011-03-23"], "voxel_size_x": [2.5]}),
        ((50431, "B", len(TESCAN), TESCAN, True),
         {"accelerating_voltage": [25000.0], "dwell_time": [10.0],
          "magnification": [5000.0], "instrument": ["TIMA3"],
          "acquired": ["2016-06-17"], "voxel_size_x": [2.5]}),
    ],
)  # fmt: skip
def test_tags_of_vendors(tmp_path: Path, tag: Any, expected: dict[str, Any]) -> None:
    pyramid = written(tmp_path, extratags=[tag], software=False)
    assert {name: about(pyramid.record, name) for name in expected} == expected
    assert pyramid.record.doubts() == ()
    losers = (c for found in pyramid.record.conflicts() for c in found.losers)
    assert {c.source for c in losers} <= {"catalog"}  # of declared voxel sizes
    json.dumps(pyramid.raw, allow_nan=False)


def test_a_day_that_nothing_settles_is_a_doubt(tmp_path: Path) -> None:
    tag = (34682, "s", 0, FEI.format(date="10/06/2016"), True)
    record = written(tmp_path, extratags=[tag], software=False).record
    assert doubts(record, "acquired") == [
        "nothing tells whether the day or the month is first"
    ]
    dated = {"datetime": "2016:10:06 09:00:00", "extratags": [tag]}
    record = written(tmp_path, software="xT 5.5", **dated).record
    assert about(record, "acquired") == ["2016-10-06"] * 2


@pytest.mark.parametrize(
    ("date", "software", "day", "doubt"),
    [
        ("2018:11:15 19:42:31", "RADIUS 2.0", "2018-11-15", ""),
        ("2018:11:15 19:42:31", "tifffile.py", None, "tifffile.py wrote the file"),
        ("2018:11:15 19:42:31", "Fiji 1.5", None, "Fiji 1.5 wrote the file"),
        ("0000:00:00 00:00:00", "RADIUS 2.0", None, "no day on which"),
        ("9999:01:01 00:00:00", "RADIUS 2.0", None, "no day on which"),
    ],
)
def test_the_date_of_the_file_is_believed_where_it_may_be_that_of_the_image(
    tmp_path: Path, date: str, software: str, day: str | None, doubt: str
) -> None:
    tag = (306, "s", 0, date, True)
    record = written(tmp_path, software=software, extratags=[tag]).record
    assert record.value("acquired") == day
    assert [doubt in d for d in doubts(record, "acquired")] == [True] * bool(doubt)


OME = """<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">
<Instrument ID="Instrument:0"><Microscope Manufacturer="Zeiss" Model="Crossbeam 540"/>
</Instrument><Image ID="Image:0" Name="cell"><AcquisitionDate>2019-05-06T10:11:12
</AcquisitionDate><InstrumentRef ID="Instrument:0"/><Pixels ID="Pixels:0"
DimensionOrder="XYZCT" Type="{kind}" SizeX="6" SizeY="5" SizeZ="1" SizeC="1" SizeT="1"
{sizes}><TiffData IFD="0"/></Pixels></Image></OME>"""


def of_ome(path: Path, sizes: str, kind: str = "uint8", **options: Any) -> Record:
    xml = OME.format(sizes=sizes, kind=kind)
    tifffile.imwrite(
        path / "a.tif", numbered(5, 6), description=xml, metadata=None, **options
    )
    return opened(path / "a.tif").record


def test_ome_names_microscope_and_day(tmp_path: Path) -> None:
    record = of_ome(tmp_path, 'PhysicalSizeX="0.004" PhysicalSizeY="5" '
                    'PhysicalSizeYUnit="nm"')  # fmt: skip
    assert record.value("instrument") == "Zeiss Crossbeam 540"
    assert record.value("acquired") == "2019-05-06"
    assert (about(record, "voxel_size_x"), about(record, "voxel_size_y")) == (
        [4.0],
        [5],
    )
    assert about(record, "pixel_type") == ["uint8"] * 2


def test_what_ome_and_the_tags_say_differently_is_a_conflict(tmp_path: Path) -> None:
    record = of_ome(
        tmp_path, 'PhysicalSizeX="0.004"', "uint16",
        resolution=(2_000_000, 2_500_000), resolutionunit="CENTIMETER",
    )  # fmt: skip
    found = {c.field: c for c in record.conflicts()}
    sizes = found["voxel_size_x"]
    assert (sizes.winner.value, sizes.losers[0].value) == (4.0, 5.0)
    types = found["pixel_type"]
    assert (types.winner.value, types.losers[0].value) == ("uint8", "uint16")


@pytest.mark.parametrize(
    ("sizes", "word"),
    [
        ('PhysicalSizeX="0"', "0 nm"),
        ('PhysicalSizeX="-4"', "-4000 nm"),
        ('PhysicalSizeX="1000000"', "1e+09 nm"),
        ('PhysicalSizeX="wide"', "wide"),
        ('PhysicalSizeX="4" PhysicalSizeXUnit="pixel"', "pixel"),
        ('PhysicalSizeX="4" PhysicalSizeXUnit="reference frame"', "reference frame"),
    ],
)
def test_sizes_of_ome_that_cannot_be_are_doubts(
    tmp_path: Path, sizes: str, word: str
) -> None:
    record = of_ome(tmp_path, sizes)
    (doubt,) = doubts(record, "voxel_size_x")
    assert word in doubt
    assert record.value("voxel_size_x") == 8.0


def of_imagej(folder: Path, text: str, x: tuple[int, int], unit: int = 1) -> Record:
    tags: dict[int, Any] = {
        256: 6, 257: 5, 258: 8, 259: 1, 262: 1, 270: f"ImageJ=1.53\n{text}\n", 277: 1,
        278: 5, 282: tiff_writer.Ratio(*x), 283: tiff_writer.Ratio(50, 1), 296: unit,
    }  # fmt: skip
    path = tiff_writer.write(folder / "a.tif", [(tags, bytes(30))])
    return opened(path).record


@pytest.mark.parametrize(
    ("text", "x", "value", "word"),
    [
        ("unit=micron", (50, 1), 20.0, ""),
        ("unit=\\u00B5m", (50000000, 1000000), 20.0, ""),
        ("unit=micron", (0, 1), 8.0, "50 per micron is none"),
        ("unit=furlong", (50, 1), 8.0, "furlong"),
        ("unit=inch", (72, 1), 8.0, "72 x 50 per inch is a setting of displays"),
        ("unit=cm", (2_500_000, 1), 4.0, ""),
        ("unit=pixel", (50, 1), 8.0, "without a unit says nothing"),
        ("unit=m", (1, 1), 8.0, "1e+09 nm"),
    ],
)
def test_units_of_imagej(
    tmp_path: Path, text: str, x: tuple[int, int], value: float, word: str
) -> None:
    record = of_imagej(tmp_path, text, x)
    assert record.value("voxel_size_x") == value
    found = doubts(record, "voxel_size_x")
    assert [word in doubt for doubt in found] == [True] * bool(word)


@pytest.mark.parametrize(
    ("text", "believed", "word"),
    [
        ("unit=micron\nspacing=0.05", [50.0], ""),
        ("unit=micron\nspacing=-0.05", [50.0], ""),
        ("unit=micron\nzunit=nm\nspacing=30", [30.0], ""),
        ("unit=micron\nspacing=0", [], "0 nm"),
        ("unit=micron\nspacing=wide", [], "wide"),
        ("unit=micron\nspacing=1" + "0" * 400, [], "no finite number"),
        ("unit=micron\nspacing=1e9", [], "1e+12 nm"),
        ("spacing=50", [], "unit is not told"),
        ("spacing=1", [], ""),
        ("unit=pixel\nspacing=1.0", [], ""),
    ],
)
def test_spacings_of_imagej(
    tmp_path: Path, text: str, believed: list[float], word: str
) -> None:
    record = of_imagej(tmp_path, text, (50, 1))
    assert about(record, "voxel_size_z") == believed
    assert [word in d for d in doubts(record, "voxel_size_z")] == [True] * bool(word)


def test_imagej_and_a_resolution_in_cm_disagree(tmp_path: Path) -> None:
    record = of_imagej(tmp_path, "unit=micron", (2_500_000, 10_000), unit=3)
    assert about(record, "voxel_size_x") == [4.0]  # 250 for each cm are of a display
    record = of_imagej(tmp_path, "unit=micron", (250_000, 1), unit=3)
    assert about(record, "voxel_size_x") == [0.004, 40.0]
    assert "voxel_size_x" in {c.field for c in record.conflicts()}


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)),
    st.sampled_from([1, 2, 3, 9]),
)
def test_any_resolution_is_believed_doubted_or_the_plain_1(
    numbers: tuple[int, int], unit: int
) -> None:
    tags: dict[int, Any] = {
        256: 6, 257: 5, 258: 8, 259: 1, 262: 1, 277: 1, 278: 5, 296: unit,
        282: tiff_writer.Ratio(*numbers),
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = tiff_writer.write(Path(folder) / "a.tif", [(tags, bytes(30))])
        pyramid = opened(path)
    found = [c for c in pyramid.record.about("voxel_size_x") if c.source == "file"]
    assert len(found) == (0 if numbers == (1, 1) else 1)
    for claim in found:
        if not claim.doubt:
            count, per = numbers
            size = {2: 2.54e7, 3: 1e7}[unit] * per / count
            assert claim.value == pytest.approx(size, rel=1e-9)
            assert 1e-3 <= size < 1000
    json.dumps(pyramid.raw, allow_nan=False)


def test_the_camera_of_a_real_file(realdata: Path) -> None:
    path = realdata / "tiff/rosettasciio/olympus_SIS.tif"
    record = opened(path, series=1).record
    assert record.value("instrument") == "Olympus Soft Imaging Solutions Quemesa"
    assert record.value("acquired") == "2018-11-15"

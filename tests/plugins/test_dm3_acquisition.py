"""What DM tags tell of microscope, scan and day; doubts; the tags themselves."""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dm_writer import Leaf, document, encode, from_dump, image, single
from emcatalog.mirror import Mirrors
from emcatalog.record import Claim, Record
from emcatalog.testing import traffic
from emcatalog.transport import Transport
from emcatalog.volume import Pyramid
from emcatalog_dm3 import open_pyramid

LOCAL = Transport(mirrors=Mirrors())
PIXELS = np.zeros((2, 3), np.uint8)
XY = [(8.0, "nm"), (8.0, "nm")]
TICKS = 131732224360781860.0
"""22:27:16 on the evening of 11 June 2018, in a zone two hours ahead."""


def opened(place: Path, tags: dict[str, Any], **options: Any) -> Pyramid:
    path = place / "one.dm3"
    path.write_bytes(encode(document(image(PIXELS, XY, "mine", tags=tags))))
    options.setdefault("voxel_size_nm", [50, None, None])
    return open_pyramid(str(path), LOCAL, **options)


def about(record: Record, field: str) -> list[tuple[Any, str]]:
    """Values and doubts of all that the file says."""
    return [(c.value, c.doubt) for c in record.about(field) if c.source == "file"]


@pytest.fixture(params=["dm3_tags_slice_0000.json", "dm3_tags_slice_0010.json"])
def slice_tags(request: pytest.FixtureRequest, sources: Path) -> dict[str, str]:
    """Tags of real slices, as texts by their path."""
    text = (sources / request.param).read_text("utf-8")
    tags: dict[str, str] = json.loads(text)["full_original_tags"]
    return tags


def test_the_tags_of_a_real_slice(slice_tags: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "slice.dm3"
    path.write_bytes(encode(from_dump(slice_tags)))
    with traffic() as seen:
        pyramid = open_pyramid(str(path), LOCAL)
    assert seen.requests <= 3
    grid, record = pyramid.level(0).grid, pyramid.record
    assert grid.shape == (1, 5500, 5496)
    assert grid.voxel_size == (50.0, 7.998250424861908, 7.998250424861908)
    assert about(record, "voxel_size_z") == [(50.0, ""), (50.0, "")]
    assert about(record, "voxel_size_x") == [(7.998250424861908, ""), (8.0, "")]
    expected = {
        "accelerating_voltage": 1900.0, "dwell_time": 0.5, "section_thickness": 50.0,
        "magnification": 2159.0, "acquired": "2018-06-11", "modality": "SBF-SEM",
        "instrument": "FEI Quanta", "note": "detector 3VBSED", "bits": 8,
        "byte_order": "little",
    }  # fmt: skip
    assert {name: record.value(name) for name in expected} == expected
    assert [value for value, _ in about(record, "accelerating_voltage")] == [1900.0] * 2
    assert record.about("beam_current") == ()  # it is 0.0: no microscope told it
    assert record.conflicts() == ()
    assert record.doubts() == ()


def test_locators_lead_to_the_raw_tags(
    slice_tags: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "slice.dm3"
    path.write_bytes(encode(from_dump(slice_tags)))
    pyramid = open_pyramid(str(path), LOCAL)
    json.dumps(pyramid.raw, allow_nan=False)
    followed = 0
    for claim in pyramid.record.claims:
        for place in claim.locator.partition(": ")[0].split(", "):
            if place.startswith("ImageList."):
                node: Any = pyramid.raw["tags"]
                for name in place.split("."):
                    node = node[name]
                followed += 1
    assert followed > 20


DATES = [
    # TimeStamp, Acquisition Date, Acquisition Time (OS) -> values with doubts
    ("Mon Jun 11 22:26:45 2018", "11.06.2018", TICKS, [("2018-06-11", "")] * 2),
    ("Tue Dec 10 15:32:32 2019", "12/10/2019", None, [("2019-12-10", "")] * 2),
    ("", "6/11/2018", TICKS, [("2018-06-11", "")]),
    ("", "11/6/2018", TICKS, [("2018-06-11", "")]),
    ("", "14/05/2019", None, [("2019-05-14", "")]),
    ("", "", TICKS, [("2018-06-11", "")]),
    ("", "11.06.2017", TICKS, [("2017-06-11", ""), ("2018-06-11", "")]),
    ("", "", None, []),
    ("", "", 0.0, []),
    ("", "", 1e300, []),
]


@pytest.mark.parametrize(("stamp", "date", "ticks", "expected"), DATES)
def test_days_are_told_without_a_guess(
    tmp_path: Path, stamp: str, date: str, ticks: float | None, expected: Any
) -> None:
    bar = {"Acquisition Date": date, "Acquisition Time": "22:27:16"}
    if ticks is not None:
        bar["Acquisition Time (OS)"] = ticks  # type: ignore[assignment]  # a number
    tags = {"DigiScan": {"TimeStamp": f"{stamp}\u2028"}, "DataBar": bar}
    assert about(opened(tmp_path, tags).record, "acquired") == expected


REAL = {
    # the first two were taken on one evening, in two languages of Windows
    "Fei HAADF-DE_location.dm3": ["2016-08-27"] * 2,
    "Fei HAADF-UK_location.dm3": ["2016-08-27"] * 2,
    "test_STEM_image.dm3": ["2016-08-08"] * 2,
    "test_diffraction_pattern.dm3": ["2014-07-09"],  # 7/9/2014, by a camera's clock
    "test_dm_image_um_unit.dm3": ["2015-07-20"],
}


@pytest.mark.parametrize("name", sorted(REAL))
def test_days_of_real_files(realdata: Path, name: str) -> None:
    (path,) = (realdata / "dm").rglob(name)
    record = open_pyramid(str(path), LOCAL, voxel_size_nm=9).record
    assert about(record, "acquired") == [(day, "") for day in REAL[name]]
    assert record.value("accelerating_voltage") == 200e3


@pytest.mark.parametrize("date", ["03/04/2018", "yesterday", "0/0/0000", "31.02.2018"])
def test_a_day_that_nobody_can_tell_is_a_doubt(tmp_path: Path, date: str) -> None:
    record = opened(tmp_path, {"DataBar": {"Acquisition Date": date}}).record
    ((value, doubt),) = about(record, "acquired")
    assert value == date
    assert ("day or the month" in doubt) == (date == "03/04/2018")
    assert record.value("acquired") is None


@pytest.mark.parametrize(
    ("tags", "field", "expected"),
    [
        ({"Microscope Info": {"Formatted Voltage": "1.9kV"}},
         "accelerating_voltage", 1900.0),
        ({"Microscope Info": {"Formatted Voltage": "200 kV"}},
         "accelerating_voltage", 200e3),
        ({"Microscope Info": {"Probe Current (nA)": 0.2}}, "beam_current", 0.2),
        ({"Session Info": {"Microscope": "Ultra55"},
          "Microscope Info": {"Name": "Zeiss SEM COM"}}, "instrument", "Ultra55"),
        ({"Microscope Info": {"Name": "Unknown"}}, "instrument", None),
        ({"Microscope Info": {"Illumination Mode": "STEM NANOPROBE"}},
         "modality", "STEM"),
        ({"Microscope Info": {"Illumination Mode": "fog"}}, "modality", None),
        ({"Microscope Info": {"Voltage": 0.0}}, "accelerating_voltage", None),
        ({"DataBar": {"Signal Name": "HAADF"}}, "note", "detector HAADF"),
    ],
)  # fmt: skip
def test_what_microscopes_tell(
    tmp_path: Path, tags: dict[str, Any], field: str, expected: Any
) -> None:
    assert opened(tmp_path, tags).record.value(field) == expected


NUMBERS = {
    "section_thickness": ("SBFSEM", "Record", "Slice thickness"),
    "voxel_size_z": ("SBFSEM", "Record", "Slice thickness"),
    "dwell_time": ("DigiScan", "Sample Time"),
    "accelerating_voltage": ("Microscope Info", "Voltage"),
    "magnification": ("Microscope Info", "Indicated Magnification"),
    "beam_current": ("Microscope Info", "Probe Current (nA)"),
}


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(sorted(NUMBERS)),
    st.one_of(st.sampled_from([math.nan, math.inf, -5.0, 1e30, -0.0]), st.floats()),
)
def test_any_number_is_believed_or_doubted(field: str, number: float) -> None:
    """Nothing but a plain 0 of what is unset is left out."""
    *place, name = NUMBERS[field]
    tags: dict[str, Any] = {name: number}
    for group in reversed(place):
        tags = {group: tags}
    with tempfile.TemporaryDirectory() as folder:
        pyramid = opened(Path(folder), tags)
    found = about(pyramid.record, field)
    unset = {"accelerating_voltage", "magnification", "beam_current"}
    assert len(found) == (0 if number == 0 and field in unset else 1)
    for value, doubt in found:
        assert doubt or (value == pytest.approx(number) and number > 0)
    assert pyramid.level(0).grid.voxel_size[1:] == (8.0, 8.0)
    json.dumps(pyramid.raw, allow_nan=False)


@pytest.mark.parametrize(
    ("scale", "unit", "word"),
    [
        (0.0, "nm", "0"),
        (math.nan, "nm", "nan"),
        (1e30, "nm", "1e+30"),
        (8.0, "µn", "µn"),
    ],
)
def test_a_calibration_that_cannot_be_is_a_doubt(
    tmp_path: Path, scale: float, unit: str, word: str
) -> None:
    path = tmp_path / "one.dm3"
    path.write_bytes(encode(document(image(PIXELS, [(scale, unit), (8.0, "nm")]))))
    record = open_pyramid(str(path), LOCAL, voxel_size_nm=[50, None, 9]).record
    (doubt,) = record.doubts()
    assert (doubt.field, doubt.source) == ("voxel_size_x", "file")
    assert word in doubt.doubt
    assert record.value("voxel_size_x") == 9.0


def test_thicknesses_that_differ_are_a_conflict(tmp_path: Path) -> None:
    info = {"Dimension info": [{}, {}, {"Scale": 0.05, "Units": "µm"}]}
    tags = {"Meta Data": info, "SBFSEM": {"Record": {"Slice thickness": 40.0}}}
    record = opened(tmp_path, tags, voxel_size_nm=None).record
    (conflict,) = record.conflicts()
    assert conflict.field == "voxel_size_z"
    assert [c.value for c in (conflict.winner, *conflict.losers)] == [50.0, 40.0]


def test_raw_tags_are_as_they_are(tmp_path: Path) -> None:
    tags = {
        "Text": "Größe µm",
        "Lines": "one\ntwo",
        "Flag": True,
        "Whole": -7,
        "Single": single(0.008),
        "Nothing": math.nan,
        "Rectangle": Leaf((15, 0, 4, 0, 3, 0, 3, 0, 3, 0, 3), "4i", (0, 0, 9, -4)),
        "Bytes": np.arange(5, dtype=np.uint8),
        "Pairs": Leaf((20, 15, 0, 2, 0, 2, 0, 6, 2), "hfhf", (1, 0.5, 2, 1.5)),
        "Long": np.zeros(3000, np.int16),
        "List": [{"Name": "first"}, 5],
    }
    raw: Any = opened(tmp_path, tags).raw
    assert set(raw) == {"tags"}
    mine = raw["tags"]["ImageList"]["1"]
    assert mine["ImageData"]["Data"] == "<6 bytes>"
    assert mine["ImageTags"] == {
        **tags,
        "Single": 0.008,
        "Nothing": "nan",
        "Rectangle": [0, 0, 9, -4],
        "Bytes": [0, 1, 2, 3, 4],
        "Pairs": [1, 0.5, 2, 1.5],
        "Long": "<6000 bytes>",
        "List": {"0": {"Name": "first"}, "1": 5},
    }
    lut = raw["tags"]["DocumentObjectList"]["0"]["ImageDisplayInfo"]["CLUT"]
    assert lut == "<1536 bytes>"


@pytest.mark.parametrize(("version", "order"), [(3, ">"), (4, "<"), (4, ">")])
def test_raw_numbers_of_any_order(tmp_path: Path, version: int, order: str) -> None:
    leaf = Leaf((15, 0, 2, 0, 3, 0, 7), "id", (-258, 0.25))
    path = tmp_path / "one.dm4"
    mine = image(PIXELS, XY, tags={"Structure": leaf})
    path.write_bytes(encode(document(mine), version, order))
    pyramid = open_pyramid(str(path), LOCAL, voxel_size_nm=50)
    raw: Any = pyramid.raw
    assert raw["tags"]["ImageList"]["1"]["ImageTags"] == {"Structure": [-258, 0.25]}
    expected = {"<": "little", ">": "big"}[order]
    assert pyramid.record.value("byte_order") == expected


def test_of_a_series_the_first_file_is_kept(tmp_path: Path) -> None:
    for n in range(3):
        data = encode(document(image(PIXELS, XY, f"slice {n}")))
        (tmp_path / f"s{n}.dm3").write_bytes(data)
    raw: Any = open_pyramid(str(tmp_path), LOCAL, voxel_size_nm=50).raw
    assert raw["tags"]["ImageList"]["1"]["Name"] == "slice 0"
    assert raw["other_files"] == ["s1.dm3", "s2.dm3"]


def test_bits_by_their_own_tag(tmp_path: Path) -> None:
    mine = image(PIXELS, XY)
    mine["ImageData"]["PixelDepth"] = 2
    path = tmp_path / "one.dm3"
    path.write_bytes(encode(document(mine)))
    record = open_pyramid(str(path), LOCAL, voxel_size_nm=50).record
    claim = record.winner("bits")
    assert claim == Claim("bits", 16, "file", "ImageList.1.ImageData.PixelDepth")

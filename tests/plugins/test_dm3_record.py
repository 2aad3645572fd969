"""What DM files say about themselves: voxel sizes, display, instrument."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dm_writer import document, encode, image
from emcatalog.errors import FormatError
from emcatalog.mirror import Mirrors
from emcatalog.record import Claim, Record
from emcatalog.transport import Transport
from emcatalog_dm3 import open_pyramid
from emcatalog_dm3.axes import nanometres

PIXELS = np.zeros((2, 3), np.uint8)
STACK = np.zeros((2, 2, 3), np.uint8)
XY = [(8.0, "nm"), (8.0, "nm")]
INFO = {"Dimension info": [{}, {}, {"Scale": 0.05, "Units": "µm"}]}
THICK = {"SBFSEM": {"Record": {"Slice thickness": 40.0}}}


def record(place: Path, *images: Any, declared: Any = None, **more: Any) -> Record:
    path = place / "one.dm3"
    path.write_bytes(encode(document(*images, **more)))
    transport = Transport(mirrors=Mirrors())
    return open_pyramid(str(path), transport, voxel_size_nm=declared).record


@pytest.mark.parametrize(
    ("scale", "unit", "expected"),
    [
        (8.0, "nm", 8.0),
        (0.00799825, "µm", 7.99825),
        (0.008, "\u03bcm", 8.0),
        (0.008, "Âµm", 8.0),
        (0.008, "Î¼m", 8.0),
        (0.008, "um", 8.0),
        (0.008, " micron ", 8.0),
        (0.008, "Microns", 8.0),
        (80.0, "A", 8.0),
        (80.0, "Å", 8.0),
        (80.0, "\u212b", 8.0),
        (80.0, "Ã…", 8.0),
        (80.0, "Angstrom", 8.0),
        (2.0, "pm", 0.002),
        (2.0, "mm", 2e6),
        (1.0, "cm", 1e7),
        (1.0, "inches", 25.4e6),
        (1.0, "", None),
        (1.0, "µ", None),
        (1.0, "px", None),
        (1.0, "1/nm", None),
        (1.0, "eV", None),
        (0.0, "nm", None),
        (-8.0, "nm", None),
        (math.nan, "nm", None),
        (math.inf, "nm", None),
        (None, "nm", None),
    ],
)
def test_calibrations_in_nanometres(
    scale: float | None, unit: str, expected: float | None
) -> None:
    assert nanometres(scale, unit) == expected


def test_slice_thickness_comes_from_the_tags_in_order(tmp_path: Path) -> None:
    both = record(tmp_path, image(PIXELS, XY, tags={"Meta Data": INFO, **THICK}))
    assert [c.value for c in both.about("voxel_size_z")] == [50.0, 40.0]
    one = record(tmp_path, image(PIXELS, XY, tags=THICK), declared=[80, None, None])
    claims = [(c.value, c.source, c.locator) for c in one.about("voxel_size_z")]
    path = "ImageList.1.ImageTags.SBFSEM.Record.Slice thickness"
    assert claims == [(40.0, "file", path), (80.0, "catalog", "voxel_size_nm")]
    stack = record(tmp_path, image(STACK, [*XY, (5.0, "nm")], tags=THICK))
    winner = stack.winner("voxel_size_z")
    assert winner
    assert winner.value == 5.0
    path = "ImageList.1.ImageData.Calibrations.Dimension.2.Scale"
    assert (winner.locator, winner.unit) == (path, "nm")


def test_declared_size_serves_where_the_file_is_silent(tmp_path: Path) -> None:
    found = record(tmp_path, image(PIXELS, XY), declared=[50, 9, 9])
    assert [found.value(f"voxel_size_{a}") for a in "zyx"] == [50.0, 8.0, 8.0]
    with pytest.raises(FormatError, match="no voxel size along z in the source"):
        record(tmp_path, image(PIXELS, XY))
    bad = [(0.0, "nm"), (math.nan, "nm")]
    with pytest.raises(FormatError, match="along z, y, x"):
        record(tmp_path, image(PIXELS, bad))


def test_pixels_need_not_be_square(tmp_path: Path) -> None:
    found = record(tmp_path, image(PIXELS, [(8.0, "nm"), (9.0, "nm")], tags=THICK))
    assert (found.value("voxel_size_y"), found.value("voxel_size_x")) == (9.0, 8.0)


def test_what_else_is_known(tmp_path: Path) -> None:
    tags = {
        **THICK,
        "Microscope Info": {"Name": "FEI Quanta"},
        "DataBar": {"Acquisition Date": "11.06.2018", "Acquisition Time": "22:27:16"},
    }
    mine = image(PIXELS, XY, "3VBSED", tags=tags)
    mine["Description"] = "pixel size :\u2028 0.0080µm"
    found = record(tmp_path, mine, window=(65, 123))
    expected = {
        "format": "DM3",
        "compression": "raw",
        "lossy": 0,
        "rendered": 0,
        "pixel_type": "uint8",
        "byte_order": "little",
        "bits": 8,
        "title": "3VBSED",
        "description": "pixel size : 0.0080µm",
        "instrument": "FEI Quanta",
        "acquired": "2018-06-11",
        "modality": "SBF-SEM",
        "section_thickness": 40.0,
        "display_window": (65.0, 123.0),
    }
    assert {name: found.value(name) for name in expected} == expected
    # an author's words win over names that software gave
    assert {c.source for f in ("title", "instrument") for c in found.about(f)} == {
        "file"
    }
    better = found.with_claims([Claim("instrument", "FEI Magellan 400", "catalog")])
    assert better.value("instrument") == "FEI Magellan 400"


def test_senseless_display_limits_are_left_out(tmp_path: Path) -> None:
    found = record(tmp_path, image(PIXELS, XY, tags=THICK), window=(math.nan, 5.0))
    assert found.value("display_window") is None

"""Real pages of TIFF, and the tags of pages as JSON: untouched, and at no cost."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import tiff_writer
from emcatalog.errors import EmcatalogError
from emcatalog.mirror import Mirrors
from emcatalog.record import Record
from emcatalog.testing import traffic
from emcatalog.transport import Transport
from emcatalog.volume import Pyramid
from emcatalog_tiff import open_pyramid

TRANSPORT = Transport(mirrors=Mirrors())
FEI = "[User]\r\nDate=23/06/2016\r\n[EBeam]\r\nHV=2000\r\nBeamCurrent=8e-10\r\n"
PLANE = np.arange(30, dtype=np.uint8).reshape(5, 6)


def opened(path: Path, **options: Any) -> Pyramid:
    options.setdefault("voxel_size_nm", [50, 8, 8])
    return open_pyramid(str(path), TRANSPORT, **options)


def test_raw_tags_are_as_they_are(tmp_path: Path) -> None:
    extra = [
        (65000, "d", 2, (math.nan, 1.5), True),
        (65001, "B", 4, b"\x01\x02\x00\xff", True),
        (65002, "H", 2000, tuple(range(2000)), True),
        (34682, "s", 0, FEI, True),
    ]
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PLANE, metadata=None, extratags=extra, description="a cell")
    raw: Any = opened(path).raw
    assert set(raw) == {"tags"}
    tags = raw["tags"]
    assert (tags["ImageWidth"], tags["ImageLength"], tags["Compression"]) == (6, 5, 1)
    assert tags["ImageDescription"] == "a cell"
    assert tags["65000"] == ["nan", 1.5]
    assert tags["65001"] == [1, 2, 0, 255]
    assert tags["65002"] == "<4000 bytes>"
    assert tags["FEI_HELIOS"]["EBeam"] == {"HV": 2000, "BeamCurrent": 8e-10}
    json.dumps(raw, allow_nan=False)


def test_raw_tags_cost_no_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies far from the directory is told by its size."""
    path = tmp_path / "a.tif"
    far = (65001, "B", 900, bytes(900), True)
    tifffile.imwrite(path, np.zeros((500, 600), np.uint8), metadata=None,
                     extratags=[far])  # fmt: skip
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tiff:
        tag = tiff.pages[0].tags[65001]  # type: ignore[union-attr]  # a page
        place = tag.offset + 8
    data[place : place + 4] = len(data).to_bytes(4, "little")
    path.write_bytes(bytes(data) + bytes(90_000))
    with traffic() as with_tags:
        pyramid = opened(path)
    raw: Any = pyramid.raw
    assert raw["tags"]["65001"] == "<900 bytes>"
    monkeypatch.setattr("emcatalog_tiff.opening.raw_tags", lambda *_: {})
    with traffic() as without:
        assert opened(path).raw == {}
    assert (with_tags.requests, with_tags.bytes) == (without.requests, without.bytes)


def test_of_a_series_the_first_file_is_kept(tmp_path: Path) -> None:
    for n in range(3):
        tifffile.imwrite(tmp_path / f"s{n}.tif", PLANE, description=f"{n}",
                         metadata=None)  # fmt: skip
    raw: Any = open_pyramid(str(tmp_path), TRANSPORT, voxel_size_nm=8).raw
    assert raw["tags"]["ImageDescription"] == "0"
    assert raw["other_files"] == ["s1.tif", "s2.tif"]


def test_an_imagej_file_has_what_imagej_wrote(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    told = {"axes": "ZYX", "spacing": 0.05, "unit": "um"}
    tifffile.imwrite(path, np.stack([PLANE] * 3), imagej=True, metadata=told)
    raw: Any = opened(path).raw
    assert {"spacing": 0.05, "unit": "um", "slices": 3}.items() <= raw["imagej"].items()
    json.dumps(raw, allow_nan=False)


def test_every_real_file_has_raw_tags_that_json_takes(realdata: Path) -> None:
    seen = 0
    for path in sorted((realdata / "tiff").rglob("*.tif*")):
        if path.suffix not in (".tif", ".tiff"):
            continue
        for options in ({}, {"channel": 0}, {"series": 0}, {"series": 1, "channel": 0}):
            try:
                pyramid = opened(path, **options)
            except EmcatalogError:  # which options fit is not told
                continue
            json.dumps(pyramid.raw, allow_nan=False)
            assert pyramid.raw["tags"]
            assert {"byte_order", "bits"} <= {c.field for c in pyramid.record.claims}
            seen += 1
            break
    assert seen > 50


def about(record: Record, field: str) -> list[Any]:
    """What the file says that is believed."""
    return [c.value for c in record.about(field) if c.source == "file" and not c.doubt]


def test_the_page_of_the_idr_volume(sources: Path, tmp_path: Path) -> None:
    """50 pixels for each µm, in a file that says that it has no unit: 20 nm."""
    text = (sources / "idr_xy_tiff_pages.json").read_text("utf-8")
    told = json.loads(text)["page0"]["page_tiff_tags"]
    tags: dict[int, Any] = {
        256: 1121, 257: 775, 258: 8, 259: 1, 262: 1, 270: told["ImageDescription"],
        277: 1, 278: 775, 279: 868775, 296: told["ResolutionUnit"],
        282: tiff_writer.Ratio(*told["XResolution"]),
        283: tiff_writer.Ratio(*told["YResolution"]),
    }  # fmt: skip
    path = tiff_writer.write(tmp_path / "xy.tif", [({**tags, 273: 512}, b"")], ">")
    with path.open("r+b") as out:
        out.truncate(512 + 184 * 868775)
    with traffic() as seen:
        pyramid = open_pyramid(str(path), TRANSPORT)
    assert seen.requests <= 2
    assert pyramid.level(0).grid.voxel_size == (20.0, 20.0, 20.0)
    record = pyramid.record
    expected = {
        "format": "ImageJ TIFF", "byte_order": "big", "bits": 8, "lossy": 0,
        "compression": "none", "pixel_type": "uint8", "display_window": (36.0, 199.0),
    }  # fmt: skip
    assert {name: record.value(name) for name in expected} == expected
    assert [about(record, f"voxel_size_{axis}") for axis in "zyx"] == [[20.0]] * 3
    assert record.conflicts() == ()
    assert record.doubts() == ()
    raw: Any = pyramid.raw
    assert raw["tags"]["XResolution"] == [50000000, 1000000]
    assert raw["tags"]["ImageDescription"] == told["ImageDescription"]
    assert raw["imagej"]["spacing"] == 0.02


def test_the_page_of_the_epfl_volume(sources: Path, tmp_path: Path) -> None:
    """Its header says nothing of its size, its day or its microscope."""
    told = json.loads((sources / "epfl_volumedata_page0_tags.json").read_text("utf-8"))
    tags: dict[int, Any] = {
        254: told["NewSubfileType"], 256: 2048, 257: 4, 258: 8, 259: 1, 262: 1,
        274: told["Orientation"], 277: 1, 278: told["RowsPerStrip"],
        305: told["Software"],
    }  # fmt: skip
    path = tiff_writer.write(tmp_path / "a.tif", [(tags, bytes(8192))])
    pyramid = open_pyramid(str(path), TRANSPORT, voxel_size_nm=5)
    claims = {c.field for c in pyramid.record.claims if c.source == "file"}
    assert claims == {
        "format", "compression", "pixel_type", "bits", "byte_order", "lossy",
    }  # fmt: skip
    raw: Any = pyramid.raw
    assert raw["tags"]["Software"] == "InsightToolkit"

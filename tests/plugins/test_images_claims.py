"""What headers of pictures say, as claims: bits, sizes and doubts about them."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from picture_writer import bmp, chunk, noise, opened, png


def resolution(y: int, x: int, unit: int = 1) -> bytes:
    """The chunk that tells pixels for each metre."""
    return chunk(b"pHYs", struct.pack(">IIB", x, y, unit))


@pytest.mark.parametrize(
    ("per_metre", "value", "word"),
    [
        (125_000_000, 8.0, ""),
        (2835, 9.0, "a setting of a display"),
        (1, 9.0, "a setting of a display"),
    ],
)
def test_resolutions(tmp_path: Path, per_metre: int, value: float, word: str) -> None:
    data = png(noise((5, 6)), extra=resolution(125_000_000, per_metre))
    options = {"voxel_size_nm": [50, None, 9]}
    record = opened(tmp_path / "a.png", data, **options).record
    assert (record.value("voxel_size_y"), record.value("voxel_size_x")) == (8.0, value)
    doubts = [c.doubt for c in record.doubts()]
    assert [word in doubt for doubt in doubts] == [True] * bool(word)


def test_a_resolution_without_a_unit_is_a_ratio_of_sides(tmp_path: Path) -> None:
    data = png(noise((5, 6)), extra=resolution(1, 2, unit=0))
    record = opened(tmp_path / "a.png", data, voxel_size_nm=9).record
    assert {c.source for c in record.about("voxel_size_x")} == {"catalog"}


def test_the_finest_resolutions_that_formats_have_are_kept(tmp_path: Path) -> None:
    data = bmp(noise((5, 6)), per_metre=2**31 - 1)
    record = opened(tmp_path / "a.bmp", data, voxel_size_nm=9).record
    assert record.value("voxel_size_x") == 0.4656612875
    data = png(noise((5, 6)), extra=resolution(2**32 - 1, 2**32 - 1))
    record = opened(tmp_path / "a.png", data, voxel_size_nm=9).record
    assert record.value("voxel_size_x") == pytest.approx(0.23283064370807974)


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_bits(tmp_path: Path, bits: int) -> None:
    values = noise((5, 6), 2**bits - 1)
    record = opened(tmp_path / "a.png", png(values, bits), voxel_size_nm=9).record
    assert record.value("bits") == bits


def test_raw_is_the_header_of_the_first(tmp_path: Path) -> None:
    for n in range(3):
        values = np.full((5, 6), n, np.uint8)
        (tmp_path / f"s{n}.png").write_bytes(png(values))
    raw = opened(tmp_path, voxel_size_nm=9).raw
    assert raw["other_files"] == ["s1.png", "s2.png"]
    header = raw["header"]
    assert isinstance(header, dict)
    assert (header["kind"], header["rows"], header["columns"]) == ("png", 5, 6)
    json.dumps(raw, allow_nan=False)

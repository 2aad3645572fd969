"""Promises on files that other programs write in ways of their own."""

from __future__ import annotations

from pathlib import Path

import intake
import numpy as np
import pytest
import tifffile

from emcatalog.errors import FormatError, GeometryError
from emcatalog.geometry import LONGEST_AXIS, Grid

VOXELS = np.arange(5 * 16 * 17, dtype=np.uint16).reshape(5, 16, 17)


def written_page_by_page(place: Path, *pages: np.ndarray) -> Path:
    with tifffile.TiffWriter(place) as writer:
        for page in pages:
            writer.write(page, photometric="minisblack")
    return place


def test_a_stack_written_page_by_page_is_one_volume(tmp_path: Path) -> None:
    """tifffile then describes each page as a series of its own."""
    place = written_page_by_page(tmp_path / "a.tif", *VOXELS)
    assert (intake.open_tiff(place, voxel_size_nm=5).read() == VOXELS).all()


def test_a_page_that_differs_is_not_lost_in_silence(tmp_path: Path) -> None:
    place = written_page_by_page(tmp_path / "a.tif", *VOXELS[:3], VOXELS[3, :9])
    with pytest.raises(FormatError, match=r"2 kinds.*\(9, 17\) uint16, from page 3"):
        intake.open_tiff(place, voxel_size_nm=5).read()
    chosen = intake.open_tiff(place, voxel_size_nm=5, series=0).read()
    assert (chosen == VOXELS[:3]).all()


def test_an_axis_too_long_for_its_labels_is_refused() -> None:
    with pytest.raises(GeometryError, match="at most .* voxels on each axis"):
        Grid((1, 1, LONGEST_AXIS + 1), (1.0, 1.0, 1.0))

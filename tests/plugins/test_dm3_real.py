"""Every real DM file: the voxels and calibrations of other readers, or a refusal."""

from __future__ import annotations

import csv
import hashlib
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from ncempy.io.dm import fileDM
from numpy.typing import NDArray

from emcatalog.errors import EmcatalogError
from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport
from emcatalog.volume import Pyramid
from emcatalog_dm3 import open_pyramid

LOCAL = Transport(mirrors=Mirrors(), attempts=1)
NM = {"nm": 1.0, "µm": 1e3, "um": 1e3, "pm": 1e-3, "A": 0.1}
Row = dict[str, str]


@pytest.fixture(scope="module")
def rows(realdata: Path) -> list[Row]:
    with (realdata / "EXPECTED.csv").open(newline="", encoding="utf-8") as lines:
        return [r for r in csv.DictReader(lines) if r["path"].startswith("dm/")]


def axes_of(row: Row) -> list[tuple[str, float, str]]:
    """Name, scale and unit of each axis, in the order of the row's shape."""
    found = re.findall(r"(?:^|,)([^:,]+):([^ ,]+) ([^,]*)", row["axes"])
    return [(name, float(scale), unit) for name, scale, unit in found]


def no_image(row: Row, place: Path) -> str:
    """Why the row is no image of real space, as its axes or another reader tell."""
    names, units = ({axis[i] for axis in axes_of(row)} for i in (0, 2))
    if names & {"Energy loss", "Wavelength"} or units & {"eV", "keV"}:
        return "spectrum"
    if "1/nm" in units:
        return "no lengths"
    if "ncempy cannot" in row["reader"] and row["dtype"].startswith("complex"):
        return "packed"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with fileDM(str(place)) as file:
            told = [v for k, v in file.allTags.items() if k.endswith("Data.Format")]
    return "spectrum" if any("Spectrum" in str(v) for v in told) else ""


def opened(place: Path, row: Row, channel: int | None = None) -> Pyramid:
    """Voxels of 1 nm along the axes that have no unit, and none declared else."""
    # one file holds two images: its first is ImageList.1, after the thumbnail
    image = int(row["item"]) + 1 if "multi" in place.name else None
    axes = dict(zip("xyz", reversed(axes_of(row)), strict=False))
    declared: list[float | None] = [
        None if a in axes and axes[a][2] in {*NM, "1/nm", "eV", "keV"} else 1.0
        for a in "zyx"
    ]
    return open_pyramid(
        str(place), LOCAL, image=image, channel=channel, voxel_size_nm=declared
    )


def voxels(pyramid: Pyramid) -> NDArray[np.generic]:
    volume = pyramid.level(0)
    return volume.read(volume.grid.region)


def digest(place: Path, row: Row) -> str:
    """The digest of all voxels; of an RGBA picture, of all its channels."""
    channels = range(4) if row["dtype"] == "RGBA8" else [None]
    planes = [voxels(opened(place, row, channel)) for channel in channels]
    if row["dtype"] != "RGBA8":
        assert planes[0].dtype == row["dtype"]
    return hashlib.sha256(np.stack(planes, axis=-1).tobytes()).hexdigest()[:16]


def refusal(place: Path, row: Row) -> EmcatalogError | None:
    """The error of ours; without one, the voxels are those of the row."""
    try:
        found = digest(place, row)
    except EmcatalogError as error:
        return error
    assert found == row["array_sha256_16_C"], row["path"]
    return None


def test_every_row_is_read_right_or_refused(realdata: Path, rows: list[Row]) -> None:
    """Refused are exactly spectra, reciprocal space and packed transforms, by name."""
    refused = 0
    for row in rows:
        place = realdata / row["path"]
        reason, error = no_image(row, place), refusal(place, row)
        assert bool(error) == bool(reason), f"{row['path']}: {reason!r}, {error}"
        assert not error or reason in error.got, error
        refused += bool(error)
    assert 0 < refused < len(rows)


def test_calibrations_are_those_of_the_rows(realdata: Path, rows: list[Row]) -> None:
    compared = 0
    for row in rows:
        place = realdata / row["path"]
        if no_image(row, place):
            continue
        channel = 0 if row["dtype"] == "RGBA8" else None
        sizes = opened(place, row, channel).level(0).grid.voxel_size
        for size, (_, scale, unit) in zip(
            reversed(sizes), reversed(axes_of(row)), strict=False
        ):
            expected = scale * NM[unit] if unit in NM else 1.0
            assert size == pytest.approx(expected, rel=1e-6), row["path"]
            compared += unit in NM
    assert compared


def test_a_pattern_of_reciprocal_space_is_read_if_declared(
    realdata: Path, rows: list[Row]
) -> None:
    patterns = [r for r in rows if no_image(r, realdata / r["path"]) == "no lengths"]
    assert patterns
    for row in patterns:
        pyramid = open_pyramid(str(realdata / row["path"]), LOCAL, voxel_size_nm=1)
        data = voxels(pyramid).tobytes()
        assert hashlib.sha256(data).hexdigest()[:16] == row["array_sha256_16_C"]
        assert "reciprocal length" in str(pyramid.record.value("note"))

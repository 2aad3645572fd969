"""Every TIFF of the list of real files: equal, or refused for what the file itself is.

The reason is found here by looking at the file, not taken from the reader.
"""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from emcatalog.errors import EmcatalogError
from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport
from emcatalog_tiff import open_pyramid

TRANSPORT = Transport(mirrors=Mirrors())


def read(path: Path, **options: Any) -> NDArray[np.generic]:
    volume = open_pyramid(str(path), TRANSPORT, voxel_size_nm=1, **options).level(0)
    return volume.read(volume.grid.region)


def rows(root: Path) -> Iterator[dict[str, str]]:
    """Rows of the list that an independent reader read as TIFF."""
    with (root / "EXPECTED.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["order"].startswith("tifffile asarray"):
                yield row


def as_listed(path: Path, row: dict[str, str], **options: Any) -> NDArray[np.generic]:
    """Voxels in the axis order of the list, channel by channel where there are."""
    shape = tuple(map(int, row["shape"].split("x")))
    axes = row["order"].split("axes ")[1].split(";")[0]
    letter = next((a for a in "SC" if a in axes), None)
    if letter is None or shape[axes.index(letter)] == 1:
        return read(path, **options).reshape(shape)
    axis = axes.index(letter)
    parts = [read(path, channel=n, **options).squeeze() for n in range(shape[axis])]
    return np.stack(parts, axis).reshape(shape)


def equal(voxels: NDArray[np.generic], row: dict[str, str]) -> bool:
    digest = hashlib.sha256(np.ascontiguousarray(voxels).tobytes()).hexdigest()
    dtype = row["dtype"].replace("bool", "uint8")  # one bit is a number, 0 or 1
    return digest.startswith(row["array_sha256_16_C"]) and voxels.dtype == dtype


def reason(path: Path) -> str | None:
    """Why a file must be refused if nothing is chosen; None if it must be read."""
    if path.read_bytes()[:2] == b"\x1f\x8b":
        return "an archive"
    with tifffile.TiffFile(path) as tiff:
        pages = [page for page in tiff.pages if not page.is_reduced]
    kinds = {(page.shape, page.dtype) for page in pages}
    return "pages of several kinds" if len(kinds) > 1 else None


def test_each_is_equal_or_refused_for_what_it_is(realdata: Path) -> None:
    seen: Counter[str | None] = Counter()
    wrong, odd = [], []
    for row in rows(realdata):
        path = realdata / row["path"]
        expected = reason(path)
        try:
            voxels = as_listed(path, row)
        except EmcatalogError as error:
            if expected is None:
                odd.append(f"{row['path']}: {error}")
        else:
            if expected is not None or not equal(voxels, row):
                wrong.append(row["path"])
        seen[expected] += 1
    assert not wrong
    assert not odd
    assert seen[None] >= 90
    assert seen["an archive"] == 3


def test_pages_of_several_kinds_are_read_by_choice(realdata: Path) -> None:
    chosen = 0
    for row in rows(realdata):
        path = realdata / row["path"]
        if reason(path) == "pages of several kinds":
            assert equal(as_listed(path, row, series=0), row)
            chosen += 1
    assert chosen


def test_the_size_that_a_camera_says_goes_with_its_own_page(realdata: Path) -> None:
    """Olympus' software stores a picture in colours and, behind it, the data."""
    path = realdata / "tiff/rosettasciio/olympus_SIS.tif"
    pyramid = open_pyramid(
        str(path), TRANSPORT, series=1, voxel_size_nm=[1, None, None]
    )
    assert pyramid.level(0).dtype == np.uint16
    assert pyramid.level(0).grid.voxel_size[1:] == pytest.approx([0.02392791776] * 2)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("test_loading_image_saved_with_DM.tif", 168.67469251),
        ("test_loading_image_saved_with_imageJ.tif", 168.67471503),
    ],
)
def test_sizes_are_those_of_the_programs(
    realdata: Path, name: str, size: float
) -> None:
    path = realdata / "tiff/rosettasciio" / name
    pyramid = open_pyramid(str(path), TRANSPORT, voxel_size_nm=[1, None, None])
    assert pyramid.level(0).grid.voxel_size[1:] == pytest.approx([size, size])

"""TIFF: how many requests and bytes opening and reading cost, on disk and over HTTP."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

import servers
from emcatalog.cache import page_cache
from emcatalog.errors import (
    ContentError,
    EmcatalogError,
    NotFoundError,
    RangeError,
)
from emcatalog.geometry import Region
from emcatalog.mirror import Mirrors
from emcatalog.sample import tiff
from emcatalog.testing import traffic
from emcatalog.transport import Transport
from emcatalog_tiff import open_pyramid
from emcatalog_tiff.header import BLOCK

SHAPE = (200, 128, 1024)
TRANSPORT = Transport(mirrors=Mirrors(), attempts=1)


def ramp(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    return np.resize(np.arange(253, dtype=np.uint8), shape)


@pytest.fixture(scope="module")
def insight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """EPFL's layout: each directory lies behind the pixels of its page."""
    path = tmp_path_factory.mktemp("traffic") / "insight.tif"
    tiff.insight(path, ramp(SHAPE))
    return path


def test_a_file_of_the_size_of_the_real_one(tmp_path: Path) -> None:
    """EPFL's 3.35 GB, with holes for pixels: one request and 0.25 % of the bytes."""
    path, shape = tmp_path / "volumedata.tif", (1065, 1536, 2048)
    with path.open("wb") as out:
        out.write(struct.pack("<2sHI", b"II", 42, 0))
        pointer = 4
        for page in range(shape[0]):
            begin = out.tell()
            here = out.seek(shape[1] * shape[2] + begin % 2, os.SEEK_CUR)
            parts = tiff._insight_page(shape[1:], page, shape[0], begin, here)
            out.writelines(parts)
            tiff._link(out, pointer, here)
            pointer = here + 2 + 14 * 12
    size = path.stat().st_size
    assert size == 3_353_674_357
    with traffic() as seen:
        volume = open_pyramid(str(path), TRANSPORT, voxel_size_nm=5).level(0)
    assert volume.grid.shape == shape
    assert seen.requests <= shape[0] + 10
    assert seen.bytes < size * 0.0025
    last = Region((1064, 0, 0), (1065, 4, 4))
    assert not volume.read(last).any()


def test_directories_between_pixels(insight: Path) -> None:
    """One request and at most two blocks for each page: 0.2 % of pages of 3 MB."""
    with traffic() as seen:
        volume = open_pyramid(str(insight), TRANSPORT, voxel_size_nm=5).level(0)
    assert volume.grid.shape == SHAPE
    assert seen.requests <= 200 + 10
    assert seen.bytes <= 200 * 2 * BLOCK + 10 * BLOCK


def test_uneven_distances_are_still_right(tmp_path: Path) -> None:
    """Odd pages: directories begin at even bytes, so distances differ by one."""
    stack = ramp((90, 85, 99))
    tiff.insight(tmp_path / "a.tif", stack)
    with traffic() as seen:
        pyramid = open_pyramid(str(tmp_path / "a.tif"), TRANSPORT, voxel_size_nm=5)
    volume = pyramid.level(0)
    np.testing.assert_array_equal(volume.read(volume.grid.region), stack)
    assert seen.requests <= 90 + 10


def test_directories_behind_all_pixels(tmp_path: Path) -> None:
    stack = ramp((184, 100, 100))
    path = tmp_path / "a.tif"
    tiff.imagej(path, stack, "ImageJ=1.52p\nimages=184\nslices=184\n")
    with traffic() as seen:
        open_pyramid(str(path), TRANSPORT, voxel_size_nm=20)
    assert seen.requests <= 16
    assert seen.bytes <= path.stat().st_size - stack.size + 16 * BLOCK


def test_pages_of_any_size_cost_one_request_each(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        for noise in range(60):
            page = random.integers(0, noise * 4 + 1, (150, 150), np.uint8)
            writer.write(page, compression="zlib", metadata=None, rowsperstrip=10)
    with traffic() as seen:
        open_pyramid(str(path), TRANSPORT, voxel_size_nm=5)
    assert seen.requests <= 60 * 2
    assert seen.bytes <= 60 * 3 * BLOCK


def test_many_pages(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tiff.insight(path, np.zeros((4000, 8, 16), np.uint8))
    with traffic() as seen:
        pyramid = open_pyramid(str(path), TRANSPORT, voxel_size_nm=5)
    assert pyramid.level(0).grid.shape == (4000, 8, 16)
    assert seen.requests <= 4000 / 64 + 20


def test_a_box_costs_its_rows(insight: Path) -> None:
    """Strips that touch are one segment: neighbouring rows are one range."""
    with servers.http(insight.parent) as server:
        url = f"{server.url}/{insight.name}"
        volume = open_pyramid(url, TRANSPORT, voxel_size_nm=5).level(0)
        server.forget()
        box = Region((3, 70, 10), (5, 120, 20))
        np.testing.assert_array_equal(volume.read(box), ramp(SHAPE)[box.slices])
        assert len(server.requests) <= 2
        assert server.bytes_sent <= 2 * (50 + 6) * 1024 * 1.05  # bands of eight rows


def test_over_http(insight: Path) -> None:
    with servers.http(insight.parent) as server:
        url = f"{server.url}/{insight.name}"
        volume = open_pyramid(url, TRANSPORT, voxel_size_nm=5).level(0)
        assert len(server.requests) <= 200 + 10
        assert server.bytes_sent <= 210 * 2 * BLOCK
        box = Region((199, 100, 0), SHAPE)
        np.testing.assert_array_equal(volume.read(box), ramp(SHAPE)[box.slices])


def test_a_series_over_http(tmp_path: Path) -> None:
    """A folder of sections with spaces in its names; two requests for each header."""
    stack = ramp((5, 60, 70))
    folder = tmp_path / "raw data"
    folder.mkdir()
    for z, section in enumerate(stack):
        tifffile.imwrite(folder / f"s {z:02d} [1].tif", section, compression="lzw")
    with servers.http(tmp_path) as server:
        url = f"{server.url}/raw%20data/"
        volume = open_pyramid(url, TRANSPORT, voxel_size_nm=5).level(0)
        assert len(server.requests) <= 1 + 5 * 2
        np.testing.assert_array_equal(volume.read(volume.grid.region), stack)


def test_servers_that_misbehave(tmp_path: Path) -> None:
    tiff.insight(tmp_path / "a.tif", ramp((40, 100, 100)))
    with servers.http(tmp_path) as server:
        url = f"{server.url}/a.tif"
        with pytest.raises(NotFoundError, match=r"b.tif"):
            open_pyramid(f"{server.url}/b.tif", TRANSPORT, voxel_size_nm=5)
        server.faults.add(servers.ignore_range)
        with pytest.raises(RangeError, match=r"a.tif.*ignores byte ranges"):
            open_pyramid(url, TRANSPORT, voxel_size_nm=5)
        server.faults.clear()
        server.faults.add(servers.login_page)
        with pytest.raises(ContentError, match=r"a.tif.*HTML page"):
            open_pyramid(url, TRANSPORT, voxel_size_nm=5)
        server.faults.clear()
        volume = open_pyramid(url, TRANSPORT, voxel_size_nm=5).level(0)
        server.faults.add(servers.other_range(stop=-5))
        with pytest.raises(EmcatalogError, match=r"a.tif"):
            volume.read(volume.grid.region)


@pytest.mark.parametrize("on_disk", [False, True])
def test_a_second_opening_costs_few_requests(
    insight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_disk: bool
) -> None:
    """Two hundred directories between the pixels are read once for each version."""
    if on_disk:
        monkeypatch.setenv("EMCATALOG_DISK_CACHE", str(tmp_path / "kept"))
    (tmp_path / "a.tif").write_bytes(insight.read_bytes())
    with servers.http(tmp_path) as server:

        def opened() -> NDArray[np.generic]:
            server.forget()
            fresh = Transport(mirrors=Mirrors(), attempts=1)
            pyramid = open_pyramid(f"{server.url}/a.tif", fresh, voxel_size_nm=5)
            volume = pyramid.level(0)
            assert volume.grid.shape == SHAPE
            return volume.read(Region((199, 0, 0), (200, 9, 9)))

        first = opened()
        assert len(server.requests) > 200
        if on_disk:  # as in another process
            page_cache().clear()
        np.testing.assert_array_equal(opened(), first)
        assert len(server.requests) <= 4
        assert server.bytes_sent <= 9 * 2048
        with (tmp_path / "a.tif").open("r+b") as file:  # the last page turns black
            last = open_pyramid(str(tmp_path / "a.tif"), TRANSPORT, voxel_size_nm=5)
            file.seek(last.level(0).pages[199].offsets[0])  # type: ignore[attr-defined]
            file.write(bytes(SHAPE[1] * SHAPE[2]))
        os.utime(tmp_path / "a.tif", (1000, 1000))
        assert not opened().any()
        assert len(server.requests) > 200


def test_a_header_that_cannot_be_read_is_not_kept(insight: Path) -> None:
    with servers.http(insight.parent) as server:
        url = f"{server.url}/{insight.name}"
        for _ in range(2):
            server.forget()
            with pytest.raises(EmcatalogError):
                open_pyramid(url, Transport(mirrors=Mirrors()), channel=7)
            assert len(server.requests) > 200


def test_no_header_is_kept_of_a_file_without_a_version(insight: Path) -> None:
    with servers.http(insight.parent) as server:
        for name in ("etag", "last-modified"):
            server.faults.add(servers.header(name, None))
        url = f"{server.url}/{insight.name}"
        for _ in range(2):
            server.forget()
            open_pyramid(url, Transport(mirrors=Mirrors()), voxel_size_nm=5)
            assert len(server.requests) > 200

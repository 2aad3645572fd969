"""The ngff driver on stores in one zip file, local and behind servers."""

from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

import store_writer as writer
from emcatalog.errors import CorruptError, FormatError, NotFoundError
from emcatalog.geometry import Region
from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport
from emcatalog.volume import Pyramid
from emcatalog_ngff import open_pyramid

if TYPE_CHECKING:
    from servers.fixtures import Serve

TRANSPORT = Transport(mirrors=Mirrors(), attempts=1)
SHAPE = (16, 16, 16)
WHOLE = Region((0, 0, 0), SHAPE)


def opened(place: Path | str, **options: Any) -> Pyramid:
    return open_pyramid(str(place), TRANSPORT, **options)


def packed(folder: Path, file: Path, top: str = "", method: int = 0) -> Path:
    """The folder as a zip file, its files below ``top``."""
    with zipfile.ZipFile(file, "w", method) as archive:
        for place in sorted(folder.rglob("*")):
            if place.is_file():
                archive.write(place, top + str(place.relative_to(folder)))
    return file


@pytest.fixture
def want() -> NDArray[Any]:
    return writer.noise(SHAPE)


@pytest.fixture(params=[2, 3])
def root(tmp_path: Path, want: NDArray[Any], request: pytest.FixtureRequest) -> Path:
    members = writer.multiscale("zyx", [[30, 8, 8], [60, 16, 16]])
    place = tmp_path / "folder/a.ome.zarr"
    arrays = [want, want[::2, ::2, ::2]]
    return writer.write_ome(place, arrays, members, request.param)


@pytest.mark.parametrize("top", ["", "a.ome.zarr/"])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_local(
    root: Path, want: NDArray[Any], tmp_path: Path, top: str, method: int
) -> None:
    file = packed(root, tmp_path / "a.ome.zarr.zip", top, method)
    pyramid = opened(file)
    assert pyramid.level(0).grid.voxel_size == (30.0, 8.0, 8.0)
    np.testing.assert_array_equal(pyramid.level(0).read(WHOLE), want)
    assert pyramid.level(0).stored(WHOLE).all()
    assert len(pyramid.levels) == 2
    again = pickle.loads(pickle.dumps(pyramid.level(0)))
    np.testing.assert_array_equal(again.read(WHOLE), want)
    for inside in ("0", "a.ome.zarr/0")[: 2 if top else 1]:
        one = opened(file / inside, voxel_size_nm=8).level(0)
        np.testing.assert_array_equal(one.read(WHOLE), want)
    one = opened(f"{file}|zip:/0", voxel_size_nm=8).level(0)
    np.testing.assert_array_equal(one.read(WHOLE), want)


def test_absent_chunks(root: Path, want: NDArray[Any], tmp_path: Path) -> None:
    chunk = next(p for p in root.rglob("*") if p.name == "0.0.0" or p.match("c/0/0/0"))
    chunk.unlink()
    volume = opened(packed(root, tmp_path / "a.zip")).level(0)
    held = volume.stored(WHOLE)
    assert not held[:8, :8, :8].any()
    assert held.sum() == 7 * 512
    np.testing.assert_array_equal(volume.read(WHOLE), np.where(held, want, 0))


@pytest.mark.parametrize("kind", ["zarr", "n5"])
def test_a_changed_byte_is_found(
    kind: str, root: Path, want: NDArray[Any], tmp_path: Path
) -> None:
    """Raw voxels have no checksum of their own; the zip file has one of each member."""
    if kind == "n5":
        writer.write_n5(tmp_path / "n5/a", want, (8, 8, 8))
        file, inside = packed(tmp_path / "n5", tmp_path / "b.zip"), "/a"
    else:
        store = tmp_path / "raw.zarr"
        version = 3 if (root / "zarr.json").exists() else 2
        members = writer.multiscale("zyx", [[1, 1, 1]])
        writer.write_ome(store, [want], members, version, compressors=None)
        file, inside = packed(store, tmp_path / "b.zip"), ""
    volume = opened(
        f"{file}{inside}", **({"voxel_size_nm": 1} if inside else {})
    ).level(0)
    moved = pickle.dumps(volume)
    np.testing.assert_array_equal(volume.read(WHOLE), want)
    content = bytearray(file.read_bytes())
    content[content.index(want[:8, :8, :8].tobytes()) + 5] ^= 1
    file.write_bytes(content)
    for each in (volume, pickle.loads(moved)):
        with pytest.raises(CorruptError, match="the checksum"):
            each.read(WHOLE)
    rest = Region((8, 8, 8), SHAPE)
    np.testing.assert_array_equal(volume.read(rest), want[8:, 8:, 8:])


def test_a_file_that_is_written_again(
    root: Path, want: NDArray[Any], tmp_path: Path
) -> None:
    file = packed(root, tmp_path / "a.zip")
    np.testing.assert_array_equal(opened(file).level(0).read(WHOLE), want)
    members = writer.multiscale("zyx", [[1, 1, 1]])
    other = writer.write_ome(tmp_path / "b.zarr", [want[::-1]], members)
    before = file.stat().st_mtime_ns
    packed(other, file)
    os.utime(file, ns=(before + 10**9, before + 10**9))
    np.testing.assert_array_equal(opened(file).level(0).read(WHOLE), want[::-1])


def test_over_http(
    root: Path, want: NDArray[Any], tmp_path: Path, nginx_at: Serve
) -> None:
    """A few ranges open it, and one more reads a chunk."""
    packed(root, tmp_path / "my a.zarr.zip")
    server = nginx_at(tmp_path)
    for url in ("my%20a.zarr.zip", "my%20a.zarr.zip?token=1"):
        server.forget()
        volume = opened(f"{server.url}/{url}").level(0)
        assert len(server.requests) <= 4
        server.forget()
        box = Region((0, 0, 0), (8, 8, 8))
        np.testing.assert_array_equal(volume.read(box), want[:8, :8, :8])
        volume.read(box)
        assert len(server.requests) <= 5
        assert volume.stored(box).all()
    np.testing.assert_array_equal(volume.read(WHOLE), want)
    inside = opened(f"{server.url}/my%20a.zarr.zip/0?token=1", voxel_size_nm=1)
    np.testing.assert_array_equal(inside.level(0).read(WHOLE), want)
    assert {r.query for r in server.requests} == {"token=1"}


def test_buckets(
    root: Path, want: NDArray[Any], tmp_path: Path, s3_at: Serve, gcs_at: Serve
) -> None:
    bucket = "zips-3" if (root / "zarr.json").exists() else "zips-2"
    (tmp_path / "buckets" / bucket).mkdir(parents=True)
    packed(root, tmp_path / "buckets" / bucket / "a.zarr.zip", "a.zarr/")
    for scheme, serve in (("s3", s3_at), ("gs", gcs_at)):
        endpoint = serve(tmp_path / "buckets").url
        transport = Transport({"endpoint_url": endpoint}, Mirrors())
        volume = open_pyramid(f"{scheme}://{bucket}/a.zarr.zip", transport).level(0)
        np.testing.assert_array_equal(volume.read(WHOLE), want)


def test_a_mirror(root: Path, want: NDArray[Any], tmp_path: Path) -> None:
    (tmp_path / "m/https/a.org").mkdir(parents=True)
    packed(root, tmp_path / "m/https/a.org/a.zarr.zip")
    mirror = Transport(mirrors=Mirrors((str(tmp_path / "m"),)))
    volume = open_pyramid("https://a.org/a.zarr.zip", mirror).level(0)
    np.testing.assert_array_equal(volume.read(WHOLE), want)


def test_n5(want: NDArray[Any], tmp_path: Path) -> None:
    told = {"pixelResolution": {"dimensions": [4, 8, 30], "unit": "nm"}}
    writer.write_n5(tmp_path / "a.n5/s0", want, (8, 8, 8), told, "gzip")
    writer.write_json(tmp_path / "a.n5/attributes.json", {"n5": "2.0.0"})
    for top in ("", "a.n5/"):
        volume = opened(packed(tmp_path / "a.n5", tmp_path / "a.n5.zip", top)).level(0)
        assert volume.grid.voxel_size == (30.0, 8.0, 4.0)
        np.testing.assert_array_equal(volume.read(WHOLE), want)


def test_a_folder_that_is_called_so(
    root: Path, want: NDArray[Any], tmp_path: Path, nginx_at: Serve
) -> None:
    root.rename(tmp_path / "a.zip")
    inner = packed(tmp_path / "a.zip", tmp_path / "b.zip")
    inner.rename(tmp_path / "a.zip/b.zip")
    assert len(opened(tmp_path / "a.zip/b.zip").levels) == 2
    assert len(opened(tmp_path / "a.zip").levels) == 2
    url = f"{nginx_at(tmp_path).url}/a.zip/0"
    np.testing.assert_array_equal(
        opened(url, voxel_size_nm=1).level(0).read(WHOLE), want
    )


def test_files_that_are_not_read(root: Path, tmp_path: Path) -> None:
    whole = packed(root, tmp_path / "whole.zip").read_bytes()
    file = tmp_path / "a.zip"
    for content, message in (
        (whole[: len(whole) // 2], "without a zip directory"),
        (b"", "without a zip directory"),
        (b"PK\x05\x06" + b"\xff" * 18, "without a zip directory"),
    ):
        file.write_bytes(content)
        with pytest.raises(FormatError, match=message):
            opened(file)
    packed(root, file, method=zipfile.ZIP_LZMA)
    with pytest.raises(FormatError, match="compressed by method 14 of the zip format"):
        opened(file)
    with pytest.raises(NotFoundError, match=r"no zarr.json, .zattrs, .zarray or"):
        opened(tmp_path / "whole.zip/nothing")
    with pytest.raises(NotFoundError, match="nothing at"):
        opened(tmp_path / "absent.zip")


def test_a_chunk_that_inflates(root: Path, tmp_path: Path) -> None:
    file = packed(root, tmp_path / "a.zip", method=zipfile.ZIP_DEFLATED)
    chunk = "0/0.0.0" if (root / ".zattrs").exists() else "0/c/0/0/0"
    with (
        zipfile.ZipFile(file) as whole,
        zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as bomb,
    ):
        for name in whole.namelist():
            content = bytes(40 * 2**20) if name == chunk else whole.read(name)
            bomb.writestr(name, content)
    with pytest.raises(FormatError, match=r"a chunk '0/.*' of 41943040 bytes"):
        opened(tmp_path / "b.zip")

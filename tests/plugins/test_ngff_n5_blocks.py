"""The ngff driver on blocks of N5: codecs, number types, modes, dimensions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import store_writer as writer
from emcatalog.errors import CorruptError, FormatError
from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport
from emcatalog.volume import Pyramid
from emcatalog_ngff import open_pyramid

TRANSPORT = Transport(mirrors=Mirrors())


def opened(place: Path | str, **options: Any) -> Pyramid:
    return open_pyramid(str(place), TRANSPORT, **options)


def voxels(pyramid: Pyramid, level: int = 0) -> NDArray[Any]:
    volume = pyramid.level(level)
    return volume.read(volume.grid.region)


@pytest.mark.parametrize("codec", ["raw", "gzip", "bzip2", "xz", "blosc", "zstd"])
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i4", "i8", "u8", "f4", "f8"])
def test_every_codec_of_tensorstore(tmp_path: Path, codec: str, dtype: str) -> None:
    """Blocks at the edges are cut, numbers are big-endian."""
    want = writer.noise((5, 6, 7), dtype)
    root = writer.write_n5(tmp_path / "a.n5", want, (4, 4, 4), codec=codec)
    np.testing.assert_array_equal(voxels(opened(root, voxel_size_nm=1)), want)


def test_zlib_in_place_of_gzip(tmp_path: Path) -> None:
    want = writer.noise((5, 6, 7), "u2")
    root = writer.write_n5(tmp_path / "a.n5", want, (4, 4, 4), codec="zlib")
    told = writer.read_json(root / "attributes.json")
    told["compression"] = {"type": "gzip", "useZlib": True, "level": -1}
    writer.write_json(root / "attributes.json", told)
    np.testing.assert_array_equal(voxels(opened(root, voxel_size_nm=1)), want)


@pytest.mark.parametrize("mode", [1, 2])
def test_blocks_of_other_modes(tmp_path: Path, mode: int) -> None:
    """Blocks of varying length and of objects hold no voxels."""
    root = writer.write_n5(tmp_path / "a.n5", writer.noise((4, 4, 4)), (4, 4, 4))
    block = root / "0/0/0"
    content = block.read_bytes()
    block.write_bytes(bytes([0, mode]) + content[2:])
    with pytest.raises(CorruptError, match="0/0/0"):
        voxels(opened(root, voxel_size_nm=1))


@pytest.mark.parametrize("shape", [(7,), (6, 7), (5, 6, 7)])
def test_bare_arrays_of_few_dimensions(tmp_path: Path, shape: tuple[int, ...]) -> None:
    """A line is (1, 1, n), a section (1, m, n)."""
    want = writer.noise(shape)
    for root in (
        writer.write_n5(tmp_path / "a.n5", want, (4,) * len(shape)),
        writer.write_array(tmp_path / "a.zarr", want),
    ):
        pyramid = opened(root, voxel_size_nm=8)
        assert pyramid.level(0).grid.shape == (1,) * (3 - len(shape)) + shape
        np.testing.assert_array_equal(np.squeeze(voxels(pyramid)), want)


def test_bare_arrays_of_many_dimensions(tmp_path: Path) -> None:
    """Which dimension is which is told by letters, slowest first."""
    want = writer.noise((2, 3, 4, 5, 6))
    for root in (
        writer.write_n5(tmp_path / "a.n5", want, (1, 1, 4, 4, 4)),
        writer.write_array(tmp_path / "a.zarr", want),
    ):
        pyramid = opened(root, voxel_size_nm=8, axes="tczyx", time=1, channel=2)
        np.testing.assert_array_equal(voxels(pyramid), want[1, 2])


def test_first_version_of_n5(tmp_path: Path) -> None:
    want = writer.noise((4, 4, 4))
    root = writer.write_n5(tmp_path / "a.n5/s0", want, (4, 4, 4), codec="gzip")
    told = writer.read_json(root / "attributes.json")
    told["compressionType"] = told.pop("compression")["type"]
    writer.write_json(root / "attributes.json", told)
    np.testing.assert_array_equal(voxels(opened(root, voxel_size_nm=1)), want)


def test_codec_that_is_not_read(tmp_path: Path) -> None:
    told = {"compression": {"type": "jpeg", "quality": 90}}
    root = writer.write_n5(
        tmp_path / "a.n5/s0", writer.noise((4, 4, 4)), (4,) * 3, told
    )
    with pytest.raises(FormatError, match=r"the compression 'jpeg'; expected one of"):
        opened(root, voxel_size_nm=1)


def test_damaged_block(tmp_path: Path) -> None:
    want = writer.noise((4, 4, 4))
    root = writer.write_n5(tmp_path / "a.n5/s0", want, (4, 4, 4), codec="gzip")
    block = root / "0/0/0"
    block.write_bytes(block.read_bytes()[:-6])
    with pytest.raises(CorruptError, match=r"s0/0/0/0"):
        voxels(opened(root, voxel_size_nm=1))


@pytest.mark.parametrize("member", ["shardSize", "codecs"])
def test_shards_are_refused(tmp_path: Path, member: str) -> None:
    """Blocks would be looked for where they are not, and read as zeros."""
    told = {member: [8, 8, 8]}
    root = writer.write_n5(tmp_path / "a.n5", writer.noise((4, 4, 4)), (4,) * 3, told)
    with pytest.raises(FormatError, match=member):
        opened(root, voxel_size_nm=1)


@pytest.mark.parametrize("codec", ["raw", "gzip", "bzip2", "xz", "blosc", "zstd"])
def test_blocks_that_are_cut_short(tmp_path: Path, codec: str) -> None:
    """An error of ours, whatever the codec: not zeros, and the process lives."""
    want = writer.noise((4, 4, 4))
    root = writer.write_n5(tmp_path / "a.n5", want, (4, 4, 4), codec=codec)
    block = root / "0/0/0"
    whole = block.read_bytes()
    for content in (whole[:-1], whole[: len(whole) // 2], whole[:17], whole[:16], b""):
        block.write_bytes(content)
        with pytest.raises(CorruptError, match="0/0/0"):
            voxels(opened(root, voxel_size_nm=1))

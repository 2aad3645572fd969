"""The ngff driver on N5's conventions, and on real files of other people's writers."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import store_writer as writer
from emcatalog.errors import CorruptError, EmcatalogError, FormatError, NotFoundError
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


def transform(
    scale: list[float], shift: list[float], axes: str = "zyx", **more: str
) -> dict[str, Any]:
    return {
        "axes": list(axes),
        "units": ["nm"] * len(axes),
        "scale": scale,
        "translate": shift,
        **more,
    }


@pytest.mark.parametrize("codec", ["raw", "gzip"])
@pytest.mark.parametrize("dtype", ["u1", "i2", "u4", "u8", "f4", "f8"])
def test_voxels(tmp_path: Path, dtype: str, codec: str) -> None:
    want = writer.noise((9, 10, 11), dtype)
    root = writer.write_n5(tmp_path / "a.n5/s0", want, (4, 5, 6), codec=codec)
    pyramid = opened(root, voxel_size_nm=8)
    np.testing.assert_array_equal(voxels(pyramid), want)
    assert pyramid.level(0).chunks == (4, 5, 6)
    assert pyramid.record.value("encoding") == codec


def test_cosem_transform_is_slowest_first(tmp_path: Path) -> None:
    """In "C" order z comes first although N5 lists x first; "F" is N5's order."""
    want = writer.noise((4, 5, 6))
    for order, axes, scale in (
        ({}, "zyx", [30.0, 8.0, 4.0]),
        ({"order": "C"}, "zyx", [30.0, 8.0, 4.0]),
        ({"order": "F"}, "xyz", [4.0, 8.0, 30.0]),
    ):
        told = transform(scale, [s / 2 for s in scale], axes, **order)
        root = writer.write_n5(
            tmp_path / "a.n5/s0", want, (4, 4, 4), {"transform": told}
        )
        grid = opened(root).level(0).grid
        assert grid.voxel_size == (30.0, 8.0, 4.0)
        assert grid.origin == (15.0, 4.0, 2.0)
        np.testing.assert_array_equal(voxels(opened(root)), want)


def test_cosem_axes_name_the_stored_dimensions(tmp_path: Path) -> None:
    """Axes x, y, z in "C" order say that z is stored fastest."""
    want = writer.noise((4, 5, 6))
    told = transform([4.0, 8.0, 30.0], [0, 0, 0], "xyz")
    root = writer.write_n5(tmp_path / "a.n5/s0", want, (4, 4, 4), {"transform": told})
    pyramid = opened(root)
    assert pyramid.level(0).grid.voxel_size == (30.0, 8.0, 4.0)
    np.testing.assert_array_equal(voxels(pyramid), want.transpose(2, 1, 0))


def test_cosem_group(tmp_path: Path) -> None:
    """The group's transforms, or those of the arrays where the group has none."""
    fine = writer.noise((8, 8, 8))
    steps = [transform([5.24, 4, 4], [0, 0, 0]), transform([10.48, 8, 8], [2.62, 2, 2])]
    for k, told in enumerate(steps):
        attributes = {"transform": told}
        writer.write_n5(tmp_path / f"a.n5/s{k}", fine[:: k + 1], (4, 4, 4), attributes)
    datasets = [{"path": f"s{k}", "transform": t} for k, t in enumerate(steps)]
    bare = [{"path": f"s{k}"} for k in range(2)]
    for group in (
        {"multiscales": [{"datasets": datasets, "name": "em"}]},
        {"multiscales": [{"datasets": bare}]},
        {"n5": "2.0.0"},
    ):
        writer.write_json(tmp_path / "a.n5/attributes.json", group)
        pyramid = opened(tmp_path / "a.n5")
        grids = [volume.grid for volume in pyramid.levels]
        assert [g.voxel_size for g in grids] == [(5.24, 4.0, 4.0), (10.48, 8.0, 8.0)]
        assert [g.origin for g in grids] == [(0.0, 0.0, 0.0), (2.62, 2.0, 2.0)]
    (tmp_path / "a.n5/attributes.json").unlink()  # groups of N5 need no file
    assert len(opened(tmp_path / "a.n5").levels) == 2


@pytest.mark.parametrize("place", ["group", "arrays"])
@pytest.mark.parametrize("member", ["scales", "downsamplingFactors"])
def test_viewer_levels_start_half_a_voxel_later(
    tmp_path: Path, place: str, member: str
) -> None:
    """A voxel of f fine ones has its centre (f - 1) / 2 fine voxels further on."""
    fine, factors = writer.noise((8, 8, 8)), [[1, 1, 1], [2, 2, 1], [4, 4, 2]]
    resolution = {"pixelResolution": {"dimensions": [4, 8, 30], "unit": "nm"}}
    for k, factor in enumerate(factors):
        # n5-viewer repeats the resolution of the finest level at each
        own = resolution | ({"downsamplingFactors": factor} if place != "group" else {})
        x, y, z = factor
        part = fine[::z, ::y, ::x]
        writer.write_n5(tmp_path / f"a.n5/s{k}", part, (4, 4, 4), own)
    group = {member: factors} if place == "group" else {"n5": "2.0.0"}
    writer.write_json(tmp_path / "a.n5/attributes.json", group)
    grids = [volume.grid for volume in opened(tmp_path / "a.n5").levels]
    assert [g.voxel_size for g in grids] == [(30, 8, 4), (30, 16, 8), (60, 32, 16)]
    assert [g.origin for g in grids] == [(0, 0, 0), (0, 4, 2), (15, 12, 6)]


def test_resolution_and_units_of_neuroglancer(tmp_path: Path) -> None:
    want = writer.noise((4, 5, 6))
    writer.write_n5(tmp_path / "a.n5/s0", want, (4, 4, 4))
    told = {
        "axes": ["x", "y", "z"],
        "units": ["nm", "um", "m"],
        "resolution": [4, 0.008, 3e-8],
        "scales": [[1, 1, 1]],
    }
    writer.write_json(tmp_path / "a.n5/attributes.json", told)
    grid = opened(tmp_path / "a.n5").level(0).grid
    assert grid.voxel_size == pytest.approx((30.0, 8.0, 4.0))


def test_coarse_level_that_says_nothing(tmp_path: Path) -> None:
    for k in range(2):
        writer.write_n5(tmp_path / f"a.n5/s{k}", writer.noise((4, 4, 4)), (4, 4, 4))
    writer.write_json(tmp_path / "a.n5/attributes.json", {"n5": "2.0.0"})
    with pytest.raises(FormatError, match="no downsamplingFactors and no transform of"):
        opened(tmp_path / "a.n5", voxel_size_nm=8)
    assert len(opened(tmp_path / "a.n5/s0", voxel_size_nm=8).levels) == 1


def test_negative_scale_is_refused(tmp_path: Path) -> None:
    told = {"transform": transform([5.24, -4.0, 4.0], [0, 0, 0])}
    root = writer.write_n5(
        tmp_path / "a.n5/s0", writer.noise((4, 4, 4)), (4,) * 3, told
    )
    with pytest.raises(FormatError, match=r"positive scales.*mirrored axis"):
        opened(root)


def test_ome_transformations_in_n5_are_refused(tmp_path: Path) -> None:
    writer.write_n5(tmp_path / "a.n5/0", writer.noise((4, 4, 4)), (4, 4, 4))
    members = writer.multiscale("zyx", [[1, 1, 1]])
    writer.write_json(tmp_path / "a.n5/attributes.json", {"multiscales": [members]})
    with pytest.raises(FormatError, match="order of its numbers is unknown"):
        opened(tmp_path / "a.n5")


def test_channels_need_names(tmp_path: Path) -> None:
    want = writer.noise((3, 4, 5, 6))
    root = writer.write_n5(tmp_path / "a.n5/s0", want, (1, 4, 4, 4))
    with pytest.raises(FormatError, match="perhaps z, c and t"):
        opened(root, voxel_size_nm=8)
    for channel in range(3):
        pyramid = opened(root, voxel_size_nm=8, axes="czyx", channel=channel)
        np.testing.assert_array_equal(voxels(pyramid), want[channel])


def test_first_version_of_n5(tmp_path: Path) -> None:
    want = writer.noise((4, 4, 4))
    root = writer.write_n5(tmp_path / "a.n5/s0", want, (4, 4, 4), codec="gzip")
    told = writer.read_json(root / "attributes.json")
    told["compressionType"] = told.pop("compression")["type"]
    writer.write_json(root / "attributes.json", told)
    np.testing.assert_array_equal(voxels(opened(root, voxel_size_nm=1)), want)


def test_codec_that_is_not_read(tmp_path: Path) -> None:
    told = {"compression": {"type": "lz4", "blockSize": 65536}}
    root = writer.write_n5(
        tmp_path / "a.n5/s0", writer.noise((4, 4, 4)), (4,) * 3, told
    )
    with pytest.raises(FormatError, match=r"the compression 'lz4'; expected one of"):
        opened(root, voxel_size_nm=1)


def test_damaged_block(tmp_path: Path) -> None:
    want = writer.noise((4, 4, 4))
    root = writer.write_n5(tmp_path / "a.n5/s0", want, (4, 4, 4), codec="gzip")
    block = root / "0/0/0"
    block.write_bytes(block.read_bytes()[:-6])
    with pytest.raises(CorruptError, match=r"s0/0/0/0"):
        voxels(opened(root, voxel_size_nm=1))


def _rows(root: Path) -> list[dict[str, str]]:
    with (root / "EXPECTED.csv").open(encoding="utf-8") as file:
        wanted = ("n5/", "zarr/", "derived/omezarr")
        return [row for row in csv.DictReader(file) if row["path"].startswith(wanted)]


def _as_listed(place: Path, row: dict[str, str]) -> NDArray[Any]:
    """The array in the order in which the table hashes it."""
    fastest_first = row["path"].startswith("n5/")
    options: dict[str, Any] = {"voxel_size_nm": 1}
    if row["shape"].count("x") < 3:
        found = voxels(opened(place, **options))
        return found.transpose(2, 1, 0) if fastest_first else found
    options["axes"] = "zyxc" if fastest_first else "czyx"
    channels = [voxels(opened(place, channel=c, **options)) for c in range(3)]
    found = np.stack(channels)
    return found.transpose(0, 3, 2, 1) if fastest_first else found


def test_real_arrays(realdata: Path) -> None:
    """Each array that is read equals what other readers found; the rest is refused."""
    read, refused = 0, []
    for row in _rows(realdata):
        try:
            found = _as_listed(realdata / row["path"], row)
        except EmcatalogError as error:
            refused.append((row["path"].rpartition("/")[2], error.got))
            continue
        listed = found.astype(row["dtype"]).tobytes()
        digest = hashlib.sha256(listed).hexdigest()
        assert digest.startswith(row["array_sha256_16_C"]), row["path"]
        read += 1
    assert read == 34
    assert len(refused) == 19
    for name, got in refused:  # text, one dimension, and one codec
        kinds = ("dtype = ", "axes ['x']", "the compressor 'lz4'")
        assert got.startswith(kinds), (name, got)


def test_real_metadata(realdata: Path) -> None:
    """Placements of real N5 attributes, as their own tools understand them."""
    root = realdata / "n5/n5-universe-attrs"
    cosem = [v.grid for v in opened(root / "test.n5/cosem_ms").levels]
    assert [g.origin for g in cosem] == [(21.0,) * 3, (28.0,) * 3, (35.0,) * 3]
    assert [g.voxel_size for g in cosem] == [(32.0,) * 3, (64.0,) * 3, (128.0,) * 3]
    assert cosem[0].shape == (260, 512, 512)
    viewer = opened(root / "test.n5/n5v_pr-ds").level(0).grid
    assert viewer.voxel_size == (3e6, 3e6, 3e6)
    assert viewer.origin == (750000.0, 750000.0, 750000.0)
    with pytest.raises(NotFoundError, match="no metadata of the level 's0'"):
        opened(root / "ngff.n5/ngff_grpAttributes")
    paintera = realdata / "n5/elf-paintera/test_paintera.n5/range/data"
    for place in (paintera, paintera / "s0", paintera / "s1"):
        with pytest.raises(FormatError, match="a label multiset"):
            opened(place)


def test_real_ome(realdata: Path) -> None:
    root = realdata / "zarr/neuroglancer/ome_zarr"
    for version in ("0.4", "0.5"):
        pyramid = opened(root / f"simple_{version}", voxel_size_nm=[40, None, None])
        assert pyramid.record.value("format") == f"OME-Zarr {version}"
        grids = [volume.grid for volume in pyramid.levels]
        assert [g.voxel_size for g in grids] == [
            (40, 4, 30),
            (40, 8, 60),
            (40, 16, 120),
        ]
        assert [g.origin for g in grids] == [(0, 0, 0), (0, 2, 15), (0, 6, 45)]
    for place in sorted((root / "all_0.6/basic").iterdir()):
        with pytest.raises(FormatError, match=r"version '0\.6\.dev1' with coordinate"):
            opened(place)
    with pytest.raises(FormatError, match="its subgroups color have one"):
        opened(realdata / "zarr/webknossos-libs/simple_zarr3_dataset")
    units = realdata / "zarr/n5-ij-idr-v0.5-meta/v0.5.ome.zarr"
    grid = (
        opened(units / "4007801.zarr", channel="myr-tdTomato", time=531).level(1).grid
    )
    assert grid.voxel_size == (1000.0, 2000.0, 2000.0)
    with pytest.raises(FormatError, match="no voxel size along z, y, x"):
        opened(units / "Tonsil1.zarr")
    tonsil = opened(units / "Tonsil1.zarr", voxel_size_nm=[50, 8, 8])
    assert tonsil.level(1).grid.voxel_size == (50.0, 16.0, 16.0)

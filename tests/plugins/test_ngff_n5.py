"""The ngff driver on N5's conventions, and on real files of other people's writers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import store_writer as writer
from emcatalog.errors import FormatError
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
    assert pyramid.record.value("compression") == codec


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


@pytest.mark.parametrize("place", ["group", "finest"])
def test_resolution_and_offset_of_paintera(tmp_path: Path, place: str) -> None:
    """Without a unit, which is declared; coarse voxels begin half a step later."""
    told = {"resolution": [4, 8, 30], "offset": [400, 800, 3000]}
    fine = writer.noise((8, 8, 8))
    for k, factors in enumerate([[1, 1, 1], [2, 2, 1]]):
        own = {"downsamplingFactors": factors} if k else {}
        own |= told if place == "finest" and not k else {}
        writer.write_n5(tmp_path / f"a.n5/s{k}", fine[:, :: k + 1], (4, 4, 4), own)
    group = {"multiScale": True, **(told if place == "group" else {})}
    writer.write_json(tmp_path / "a.n5/attributes.json", group)
    with pytest.raises(FormatError, match="no voxel size along z, y, x"):
        opened(tmp_path / "a.n5")
    levels = opened(tmp_path / "a.n5", voxel_size_nm=[30, 8, 4]).levels
    assert [v.grid.voxel_size for v in levels] == [(30, 8, 4), (30, 16, 8)]
    assert [v.grid.origin for v in levels] == [(3000, 800, 400), (3000, 804, 402)]


@pytest.mark.parametrize(
    "told",
    [
        {"type": "affine", "affine": [4, 0, 0, 1, 0, 8, 0, 2, 0, 0, 30, 3]},
        {"type": "scale_offset", "scale": [4, 8, 30], "offset": [1, 2, 3]},
    ],
)
def test_canonical_transform(tmp_path: Path, told: dict[str, Any]) -> None:
    for axes in ({}, {"axes": [{"label": a, "unit": "um"} for a in "xyz"]}):
        own = {"spatialTransform": {"transform": told, "unit": "um", **axes}}
        want = writer.noise((4, 5, 6))
        root = writer.write_n5(tmp_path / "a.n5/s0", want, (4, 4, 4), own)
        grid = opened(root).level(0).grid
        assert grid.voxel_size == (30e3, 8e3, 4e3)
        assert grid.origin == (3e3, 2e3, 1e3)
        np.testing.assert_array_equal(voxels(opened(root)), want)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ([4, 0, 0, 1, 0, 8, 0, 2, 0, 1, 30, 3], "mixes the axes"),
        ([0, 4, 0, 1, 8, 0, 0, 2, 0, 0, 30, 3], "exchanges axes"),
        ([-4, 0, 0, 1, 0, 8, 0, 2, 0, 0, 30, 3], "mirrored axis"),
        ([4, 0, 0], "3 rows and 4 columns"),
        ("eye", "affine = 'eye'"),
    ],
)
def test_canonical_transforms_beyond_a_grid(
    tmp_path: Path, told: object, message: str
) -> None:
    own = {"spatialTransform": {"transform": {"type": "affine", "affine": told}}}
    root = writer.write_n5(tmp_path / "a.n5", writer.noise((4, 4, 4)), (4,) * 3, own)
    with pytest.raises(FormatError, match=message):
        opened(root)


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
    with pytest.raises(FormatError, match="perhaps c and t"):
        opened(root, voxel_size_nm=8)
    for channel in range(3):
        pyramid = opened(root, voxel_size_nm=8, axes="czyx", channel=channel)
        np.testing.assert_array_equal(voxels(pyramid), want[channel])


def test_a_finest_level_that_is_lost(tmp_path: Path) -> None:
    """A coarser one does not take its place."""
    writer.write_n5(tmp_path / "a.n5/s1", writer.noise((4, 4, 4)), (4, 4, 4))
    writer.write_json(tmp_path / "a.n5/attributes.json", {"n5": "2.0.0"})
    with pytest.raises(FormatError, match="a n5 group without multiscales"):
        opened(tmp_path / "a.n5", voxel_size_nm=1)

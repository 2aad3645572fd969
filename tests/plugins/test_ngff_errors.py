"""The ngff driver on metadata that are damaged, foreign or beyond a regular grid."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import store_writer as writer
from emcatalog.errors import (
    AccessDeniedError,
    ContentError,
    EmcatalogError,
    FormatError,
    NotFoundError,
    OptionError,
)
from emcatalog.geometry import Region
from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport
from emcatalog.volume import Pyramid
from emcatalog_ngff import open_pyramid

TRANSPORT = Transport(mirrors=Mirrors(), attempts=1)
SHAPE = (16, 16, 16)


def opened(place: Path | str, **options: Any) -> Pyramid:
    return open_pyramid(str(place), TRANSPORT, **options)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An image of two levels in Zarr v2."""
    members = writer.multiscale("zyx", [[30, 8, 8], [60, 16, 16]])
    fine = writer.noise(SHAPE)
    return writer.write_ome(tmp_path / "a.zarr", [fine, fine[::2, ::2, ::2]], members)


def changed(root: Path, file: str, change: Callable[[Any], object]) -> Path:
    told = writer.read_json(root / file)
    change(told)
    writer.write_json(root / file, told)
    return root


def _dataset(told: Any, level: int = 0) -> Any:
    return told["multiscales"][0]["datasets"][level]


@pytest.mark.parametrize(
    ("kind", "extra", "message"),
    [
        ("rotation", {"rotation": [[1, 0], [0, 1]]}, "3 rows and 3 columns"),
        ("rotation", {"rotation": [[0.8, 0.6, 0], [-0.6, 0.8, 0], [0, 0, 1]]}, "mixes"),
        ("affine", {"affine": [[1, 0, 0, 0]]}, "3 rows and 4 columns"),
        ("affine", {"affine": [[1, 0, 0, 0], [0, 1, 9, 0], [0, 0, 1, 0]]}, "mixes"),
        ("affine", {"affine": [[1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0]]}, "mixes"),
        ("scale", {"path": "p"}, "of type 'scale' whose .* separate array, path = 'p'"),
        ("affine", {"path": "matrix"}, "separate array, path = 'matrix'"),
        ("displacements", {"path": "field"}, "expected one of identity, scale, "),
        ("mapAxis", {"mapAxis": {"y": "x", "x": "y"}}, "names of axes"),
        ("mapAxis", {"mapAxis": [0, 0, 1]}, "each axis exactly once"),
        (None, {}, "of that kind does not fit a regular grid"),
    ],
)
def test_transformations_beyond_a_grid(
    root: Path, kind: str | None, extra: dict[str, Any], message: str
) -> None:
    def change(told: Any) -> None:
        _dataset(told)["coordinateTransformations"] = [{"type": kind, **extra}]

    with pytest.raises(FormatError, match=message):
        opened(changed(root, ".zattrs", change))


def test_numbers_in_a_separate_array_have_a_way_out(root: Path) -> None:
    """What the hint says, done: the array of one level with its voxel size."""

    def change(told: Any) -> None:
        scale = {"type": "scale", "path": "scales"}
        _dataset(told)["coordinateTransformations"] = [scale]

    whole = changed(root, ".zattrs", change)
    with pytest.raises(FormatError, match=r"with voxel_size_nm=\[z, y, x\]"):
        opened(whole)
    path = writer.read_json(whole / ".zattrs")["multiscales"][0]["datasets"][0]["path"]
    level = opened(whole / path, voxel_size_nm=[30.0, 8.0, 8.0]).level(0)
    assert level.grid.voxel_size == (30.0, 8.0, 8.0)


@pytest.mark.parametrize(
    ("scale", "message"),
    [
        ([30, -8, 8], "mirrored axis"),
        ([30, 0, 8], "positive scales"),
        ([30, 8], "3 numbers, one for each dimension"),
        ([30, 8, "8"], "3 numbers"),
        ([30, 8, True], "3 numbers"),
        ([30, 8, 10**400], "finite numbers"),
        ("8", "3 numbers"),
    ],
)
def test_scales(root: Path, scale: object, message: str) -> None:
    def change(told: Any) -> None:
        _dataset(told)["coordinateTransformations"] = [
            {"type": "scale", "scale": scale}
        ]

    with pytest.raises(FormatError, match=message) as caught:
        opened(changed(root, ".zattrs", change))
    assert caught.value.entry == f"{root}/"


@pytest.mark.parametrize(
    ("member", "value", "message"),
    [
        ("shape", [16, 16], "2 numbers, as the shape has|2 dimensions"),
        ("shape", [16, 16, 0], "from 1 to"),
        ("shape", [16, 16, 2**60], "from 1 to"),
        ("chunks", [8, 8], "3 numbers, as the shape has"),
        ("chunks", [2**15] * 3, "at most 4 GiB a chunk"),
        ("dtype", "|S7", "text and structured voxels"),
        ("dtype", "<c8", "voxels of complex64 in '1'; expected uint8"),
        ("dtype", "<M8[ns]", "text and structured voxels"),
        ("dtype", [["a", "<u2"]], "text and structured voxels"),
        ("dtype", "|O", "text and structured voxels"),
        ("dtype", "<u3", "text and structured voxels"),
        ("compressor", {"id": "zfpy"}, "the compressor 'zfpy'; expected one of blosc"),
        ("compressor", {"id": "blosc", "cname": "lzo"}, "TensorStore refuses"),
        ("compressor", 7, "compressor = 7; expected a JSON object"),
        ("filters", [{"id": "delta"}], "the codec 'delta' with members it does not"),
        ("filters", [{"id": "categorize"}], "the filter 'categorize'; expected one"),
        ("filters", [{"id": "pickle"}], "the filter 'pickle'; expected one of blosc"),
        ("filters", 7, "filters = 7; expected a list"),
        ("order", "Z", "order = 'Z'"),
        ("dimension_separator", "-", "dimension_separator = '-'"),
        ("zarr_format", 3, "zarr_format = 3; expected 2"),
        ("fill_value", "many", "TensorStore refuses"),
    ],
)
def test_arrays_that_are_not_read(
    root: Path, member: str, value: object, message: str
) -> None:
    def change(told: Any) -> None:
        told[member] = value

    with pytest.raises(FormatError, match=message) as caught:
        opened(changed(root, "1/.zarray", change))
    assert "1" in str(caught.value)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("filters", []),
        ("dtype", "uint8"),
        ("compressor", {"id": "zstd", "level": 99, "checksum": False}),
        ("compressor", {"id": "blosc", "cname": "lz4", "typesize": 1, "shuffle": 1}),
        ("extra", {"anything": 1}),
    ],
)
def test_what_tensorstore_would_refuse_is_put_right(
    root: Path, member: str, value: object
) -> None:
    def change(told: Any) -> None:
        told[member] = value
        told.pop("dimension_separator", None)

    assert opened(changed(root, "0/.zarray", change)).level(0).grid.shape == SHAPE


def test_units(root: Path) -> None:
    """Declared sizes count only where the file names no unit; levels keep ratios."""

    def change(told: Any) -> None:
        axes = told["multiscales"][0]["axes"]
        del axes[0]["unit"]
        axes[1]["unit"], axes[2]["unit"] = "parsnip", "angstrom"

    changed(root, ".zattrs", change)
    with pytest.raises(FormatError, match="no voxel size along z, y in the source"):
        opened(root)
    pyramid = opened(root, voxel_size_nm=[50, 5, 7])
    assert pyramid.level(0).grid.voxel_size == (50.0, 5.0, 0.8)
    assert pyramid.level(1).grid.voxel_size == (100.0, 10.0, 1.6)
    assert len(pyramid.record.conflicts()) == 1


def test_old_versions(root: Path) -> None:
    """0.1 to 0.3 place no level: the finest is read with a declared voxel size."""

    def change(told: Any) -> None:
        image = told["multiscales"][0]
        image["axes"], image["version"] = ["z", "y", "x"], "0.3"
        for dataset in image["datasets"]:
            del dataset["coordinateTransformations"]

    changed(root, ".zattrs", change)
    with pytest.raises(FormatError, match="no voxel size along z, y, x"):
        opened(root)
    pyramid = opened(root, voxel_size_nm=8)
    assert [v.grid.voxel_size for v in pyramid.levels] == [(8.0, 8.0, 8.0)]
    assert pyramid.record.value("format") == "OME-Zarr 0.3"


def test_levels_are_sorted(root: Path) -> None:
    changed(root, ".zattrs", lambda t: t["multiscales"][0]["datasets"].reverse())
    pyramid = opened(root)
    assert pyramid.level(0).grid.shape == SHAPE
    assert pyramid.record.value("voxel_size_z") == 30.0


def test_missing_level_is_named(root: Path) -> None:
    (root / "1/.zarray").unlink()
    with pytest.raises(NotFoundError, match=r"no metadata of the level '1'") as caught:
        opened(root)
    assert "not there or not public" in caught.value.hint


@pytest.mark.parametrize("path", ["../b", "/etc", "a/../../b"])
def test_paths_stay_inside(root: Path, path: str) -> None:
    with pytest.raises(FormatError, match="a path inside the volume's folder"):
        opened(changed(root, ".zattrs", lambda t: _dataset(t).update(path=path)))


def test_places_that_hold_no_image(tmp_path: Path, root: Path) -> None:
    with pytest.raises(NotFoundError, match="no zarr.json, .zattrs, .zarray or"):
        opened(tmp_path / "nothing")
    with pytest.raises(NotFoundError, match="no zarr.json, .zattrs, .zarray or"):
        opened(tmp_path / "nothing.n5")
    with pytest.raises(FormatError, match=r"one Zarr array.*open the group above"):
        opened(root / "0")
    assert opened(root / "0", voxel_size_nm=8).level(0).grid.shape == SHAPE
    writer.write_json(root.parent / ".zattrs", {"about": "these volumes"})
    with pytest.raises(FormatError, match=r"subgroups a\.zarr have one"):
        opened(root.parent)
    with pytest.raises(NotFoundError, match="nothing at"):
        opened(root.with_suffix(".zip"))
    with pytest.raises(OptionError, match="different letters of t, c, z, y, x"):
        opened(root / "0", voxel_size_nm=8, axes="zzx")


def test_axes_of_plain_arrays(root: Path) -> None:
    turned = opened(root / "0", voxel_size_nm=[1, 2, 3], axes="xzy").level(0)
    straight = opened(root / "0", voxel_size_nm=8).level(0)
    whole = Region((0, 0, 0), SHAPE)
    np.testing.assert_array_equal(
        turned.read(whole), straight.read(whole).transpose(1, 2, 0)
    )


def test_text_that_is_not_json(root: Path) -> None:
    for text, kind in (
        (b"{", FormatError),
        (b"[" * 100_000, FormatError),
        (b"[]", FormatError),
        (b"\xff\xfe\x00", FormatError),
        (b"<!DOCTYPE html><html></html>", ContentError),
    ):
        (root / ".zattrs").write_bytes(text)
        (root / "0/.zarray").write_bytes(text)
        (root / "0/.zattrs").unlink(missing_ok=True)
        with pytest.raises(kind):
            opened(root)
        with pytest.raises(kind):
            opened(root / "0")


@pytest.mark.parametrize("name", ["x" * 300, f"{'x' * 300}.zip"])
def test_names_that_no_file_can_have(tmp_path: Path, name: str) -> None:
    """What the system will not even look for is told as an error of ours."""
    with pytest.raises(EmcatalogError):
        opened(tmp_path / name)


@pytest.mark.parametrize("mode", [0, 0o400, 0o100])
def test_a_folder_that_is_not_to_be_entered(root: Path, mode: int) -> None:
    """The reason is said: it is not that the image has no metadata."""
    root.chmod(mode)
    if os.access(root, os.R_OK | os.X_OK):
        pytest.skip("root may enter every folder")
    try:
        if mode == 0o100:  # what is in it can be read by name
            assert opened(root).levels
        else:
            with pytest.raises(AccessDeniedError, match="no permission"):
                opened(root)
    finally:
        root.chmod(0o700)

"""``emcatalog read``: boxes into files, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import emcatalog
from cli_fixtures import Run
from emcatalog.cli import boxes, writing
from emcatalog.errors import CorruptError, GeometryError, LabelError
from emcatalog.geometry import Grid
from emcatalog.index import voxel_coords

BOX = "40:140,0.1um:300nm,:500"


def _wanted(sample_root: Path, name: str = "dataset3") -> xr.DataArray:
    with emcatalog.use_mirror(sample_root):
        array = emcatalog.open_catalog()[name].to_xarray()
        box = {"z": slice(40, 140), "y": slice(100, 300), "x": slice(None, 500)}
        taken: xr.DataArray = array.sel(box).load()
    return taken


def test_read_npy(mirrored: Run, sample_root: Path, tmp_path: Path) -> None:
    out = tmp_path / "box.npy"
    done = mirrored("read", "dataset3", "--box", BOX, "--out", str(out))
    wanted = _wanted(sample_root)
    np.testing.assert_array_equal(np.load(out), wanted.values)
    assert wanted.shape == (20, 40, 100)
    assert f"wrote {out}" in done.stdout
    assert "20 × 40 × 100 voxels (z, y, x) of uint8, 78.12 kiB" in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["box.npy"]


@pytest.mark.parametrize("name", ["box.tif", "box.TIFF"])
def test_read_tiff_is_calibrated_for_imagej(
    name: str, mirrored: Run, sample_root: Path, tmp_path: Path
) -> None:
    out = tmp_path / name
    mirrored("read", "dataset4", "--box", BOX, "--out", str(out))
    wanted = _wanted(sample_root, "dataset4")
    with tifffile.TiffFile(out) as tiff:
        np.testing.assert_array_equal(tiff.asarray(), wanted.values)
        known = tiff.imagej_metadata
        assert known is not None
        across = tiff.pages[0].tags["XResolution"].value  # type: ignore[union-attr]
    assert (known["unit"], known["spacing"]) == ("nm", 2.96)
    assert across[1] / across[0] == pytest.approx(4.0)
    assert -known["zorigin"] * 2.96 == pytest.approx(wanted.z.values[0])
    told = json.loads(known["Info"])["attrs"]
    assert told["licence"] == "CC-BY-4.0"
    assert told["volume_origin_nm"] == [0, 0, 0]


def test_read_zarr_keeps_coordinates_and_attributes(
    mirrored: Run, sample_root: Path, tmp_path: Path
) -> None:
    out = tmp_path / "box.zarr"
    words = ("read", "dataset5", "-p", "level=1", "--box", BOX, "--out", str(out))
    mirrored(*words)
    opened = xr.open_zarr(out).image
    with emcatalog.use_mirror(sample_root):
        whole = emcatalog.open_catalog().dataset5(level=1).to_xarray()
        wanted = whole.sel(z=slice(40, 140), y=slice(100, 300), x=slice(None, 500))
        wanted = wanted.load()
    np.testing.assert_array_equal(opened.values, wanted.values)
    for axis in ("z", "y", "x"):
        np.testing.assert_array_equal(opened[axis].values, wanted[axis].values)
        assert opened[axis].attrs["units"] == "nm"
    assert opened.attrs["voxel_size_nm"] == [16.0, 16.0, 16.0]
    assert opened.attrs["title"] == "FlyEM hemibrain"
    refused = mirrored(*words, code=2)
    assert "which exists" in refused.stderr
    assert "--force" in refused.stderr
    mirrored(*words, "--force")
    assert xr.open_zarr(out).image.equals(opened)


def test_read_by_voxels_and_whole(
    mirrored: Run, sample_root: Path, tmp_path: Path
) -> None:
    out = tmp_path / "slab.npy"
    mirrored("read", "dataset3", "--voxels", "3:5,-10:,:7", "--out", str(out))
    with emcatalog.use_mirror(sample_root):
        whole = emcatalog.open_catalog().dataset3.read().values
    np.testing.assert_array_equal(np.load(out), whole[3:5, -10:, :7])
    mirrored("read", "dataset3", "--out", str(out), "--force")
    np.testing.assert_array_equal(np.load(out), whole)
    mirrored("read", "dataset3", "--box", "x=0:5", "--out", str(out), "-f")
    np.testing.assert_array_equal(np.load(out), whole[:, :, :1])


def test_read_of_one_voxel_as_tiff(mirrored: Run, tmp_path: Path) -> None:
    out = tmp_path / "one.tif"
    mirrored("read", "dataset4", "--voxels", "0:1,0:1,0:1", "--out", str(out))
    assert tifffile.imread(out).size == 1


@pytest.mark.parametrize(
    ("words", "code", "messages"),
    [
        (["--box", "1:2"], 2, ["--box '1:2'", "START:STOP for z, y and x"]),
        (["--box", "0:1,2,3:4"], 2, ["START:STOP for z, y and x"]),
        (["--box", "x=0:1,x=2:3"], 2, ["START:STOP for z, y and x"]),
        (["--box", "t=0:1"], 2, ["START:STOP for z, y and x"]),
        (["--box", "0:1,0:1s,:"], 2, ["'1s'", "[time]", "text of length"]),
        (["--box", "0:1,0:1qq,:"], 2, ["the unknown unit 'qq'"]),
        (["--box", "0:1mm^2,:,:"], 2, ["'1mm^2'"]),
        (["--box", "9um:10um,:,:"], 1, ["wholly outside", "497.5 nm"]),
        (["--box", "6:9,:,:"], 1, ["the centre of no voxel", "voxel of 5 nm"]),
        (["--voxels", "0:101,:,:"], 1, ["voxels 0:101 along z", "within 0:100"]),
        (["--voxels", "5:5,:,:"], 1, ["voxels 5:5 along z", "at least one"]),
        (["--voxels", "1um:2um,:,:"], 2, ["the voxel '1um'", "--box"]),
        (["--voxels", ":,:,:", "--box", ":,:,:"], 2, ["one of them"]),
    ],
)
def test_boxes_that_do_not_fit(
    words: list[str], code: int, messages: list[str], mirrored: Run, tmp_path: Path
) -> None:
    done = mirrored(
        "read", "dataset3", *words, "--out", str(tmp_path / "a.npy"), code=code
    )
    assert done.stderr.startswith("error")
    for message in messages:
        assert message in done.stderr, done.stderr
    assert not list(tmp_path.iterdir())


def test_files_that_cannot_be_written(mirrored: Run, tmp_path: Path) -> None:
    def refused(name: str, *words: str, entry: str = "dataset3", code: int = 2) -> str:
        out = str(tmp_path / name)
        return str(mirrored("read", entry, *words, "--out", out, code=code).stderr)

    assert "one of .npy, .tif, .tiff, .zarr" in refused("a.jpg")
    assert "the suffix ''" in refused("a")
    assert "whose folder does not exist" in refused("no/a.tif")
    labels = refused("a.tif", entry="more.hemibrain_segmentation")
    assert "voxels of uint64" in labels
    assert "write .zarr or .npy" in labels
    (tmp_path / "b.npy").write_text("mine")
    assert "which exists" in refused("b.npy")
    assert (tmp_path / "b.npy").read_text() == "mine"
    (tmp_path / "c.zarr").mkdir()
    (tmp_path / "c.zarr" / "thesis.txt").write_text("mine")
    assert "not a Zarr store" in refused("c.zarr", "--force")
    assert (tmp_path / "c.zarr" / "thesis.txt").read_text() == "mine"


def test_more_than_the_memory_limit_is_refused(
    mirrored: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMCATALOG_MEMORY_LIMIT", "1MiB")
    out = tmp_path / "a.npy"
    done = mirrored("read", "dataset3", "--out", str(out), code=1)
    for part in ("7.812 MiB", "at most 1 MiB", "coarser level", "--box"):
        assert part in done.stderr
    mirrored("read", "dataset3", "--box", BOX, "--out", str(out))


def test_a_failed_write_leaves_nothing(
    mirrored: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    def fails(array: xr.DataArray, path: Path) -> None:
        np.save(path, array.to_numpy())
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setitem(writing.FORMATS, ".npy", (fails, np.load))
    out = tmp_path / "a.npy"
    out.write_text("old")
    words = ("read", "dataset3", "--box", BOX, "--out", str(out), "--force")
    assert "No space left on device" in mirrored(*words, code=1).stderr
    assert [p.name for p in tmp_path.iterdir()] == ["a.npy"]
    assert out.read_text() == "old"


@given(
    st.lists(st.integers(1, 40), min_size=3, max_size=3),
    st.lists(st.tuples(st.integers(-50, 400), st.integers(1, 400)), min_size=3),
)
def test_a_box_is_what_sel_takes(shape: list[int], ends: list[tuple[int, int]]) -> None:
    z, y, x = shape
    coords = voxel_coords(Grid((z, y, x), (50.0, 8.0, 2.96), (0.0, 4.0, -8.88)))
    array = xr.DataArray(np.zeros((z, y, x), np.uint8), coords)
    words = [f"{low}:{low + size}nm" for low, size in ends[:3]]
    box = {a: slice(n, n + s) for a, (n, s) in zip("zyx", ends, strict=False)}
    try:
        wanted = array.sel(box)
    except LabelError:
        with pytest.raises(LabelError):
            boxes.by_length(array, ",".join(words))
        return
    if not wanted.size:
        with pytest.raises((GeometryError, LabelError)):
            boxes.by_length(array, ",".join(words))
        return
    taken = boxes.by_length(array, ",".join(words))
    assert taken.coords.to_dataset().identical(wanted.coords.to_dataset())


@pytest.mark.parametrize("suffix", [".npy", ".tif", ".zarr"])
def test_what_the_disk_does_not_hold_is_not_left_behind(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    coords = {
        axis: np.arange(n) * 1.0 for axis, n in zip("zyx", (2, 3, 4), strict=True)
    }
    known = {"voxel_size_nm": [1.0, 1.0, 1.0]}
    array = xr.DataArray(values, coords, ("z", "y", "x"), "image", known)
    write, read = writing.FORMATS[suffix]
    monkeypatch.setitem(
        writing.FORMATS, suffix, (lambda a, p: write(a.copy(data=values * 0), p), read)
    )
    with pytest.raises(CorruptError, match="other voxels than were written"):
        writing.save(array, tmp_path / f"a{suffix}")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setitem(writing.FORMATS, suffix, (write, read))
    writing.save(array, tmp_path / f"a{suffix}")
    assert [path.name for path in tmp_path.iterdir()] == [f"a{suffix}"]

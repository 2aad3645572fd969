"""The embedded sample: deterministic, complete, and readable by independent readers."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorstore as ts
from PIL import Image

from emcatalog import sample
from emcatalog.errors import UnknownNameError
from emcatalog.mirror import mirror_path
from emcatalog.sample import buckets, empiar, epfl, idr, tissue

tifffile = pytest.importorskip("tifffile")


@pytest.fixture(scope="module")
def truths() -> dict[str, Any]:
    """Image and picture of each of the five, computed apart from the files."""
    found = {}
    for name, one in sample.SAMPLES.items():
        picture = one.picture()
        found[name] = (one.image(picture.brightness), picture)
    return found


@pytest.fixture(scope="module")
def root(sample_root: Path) -> Path:
    """A whole sample."""
    return sample_root


def place(root: Path, url: str) -> Path:
    return root / mirror_path(url)


def digest(root: Path) -> dict[str, str]:
    return {
        p.relative_to(root).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(root.rglob("*"))
        if p.is_file()
    }


def open_store(path: Path, driver: str, **more: Any) -> Any:
    spec = {"driver": driver, "kvstore": {"driver": "file", "path": f"{path}/"}}
    return ts.open({**spec, **more}).result()


def test_two_writes_give_the_same_files(
    root: Path,
    truths: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # the second write takes the pictures drawn for `truths`, to draw them twice only
    monkeypatch.setattr(sample.Sample, "picture", lambda self: truths[self.name][1])
    assert digest(sample.write_sample(tmp_path / "again")) == digest(root)


def test_idr_tiff_has_imagejs_layout(root: Path, truths: dict[str, Any]) -> None:
    path = place(root, idr.FILE)
    with tifffile.TiffFile(path) as tif:
        assert (tif.byteorder, tif.is_imagej, tif.is_bigtiff) == (">", True, False)
        assert len(tif.pages) == 46
        assert tif.imagej_metadata["spacing"] == 0.02
        page = tif.pages[7]
        assert page.tags["XResolution"].value == (50_000_000, 1_000_000)
        assert page.tags["ResolutionUnit"].value == 1
        assert "unit=\\u00B5m\n" in page.description
        assert "min=36.0\nmax=199.0" in page.description
        starts = [p.dataoffsets[0] for p in tif.pages]
        assert set(np.diff(starts)) == {97 * 140}
        assert np.array_equal(tif.asarray(), truths["dataset1"][0])


def test_idr_answers_agree_with_the_file(root: Path) -> None:
    pages = {
        name: json.loads(
            (place(root, f"{idr.HOST}/{name}/9846137/") / "index.html").read_text()
        )
        for name in (
            "webgateway/imgData",
            "webclient/imgData",
            "api/v0/m/images",
            "webgateway/original_file_paths",
        )
    }
    data = pages["webgateway/imgData"]
    assert data == pages["webclient/imgData"]
    assert data["size"] == {"width": 140, "height": 97, "z": 46, "t": 1, "c": 1}
    assert data["pixel_size"] == {"x": 0.02, "y": 0.02, "z": 0.02}
    window = data["channels"][0]["window"]
    assert (window["start"], window["end"]) == (36, 199)
    pixels = pages["api/v0/m/images"]["data"]["Pixels"]
    assert (pixels["SizeZ"], pixels["SizeY"], pixels["SizeX"]) == (46, 97, 140)
    assert pixels["PhysicalSizeZ"]["Unit"] == "MICROMETER"
    stored = pages["webgateway/original_file_paths"]["repo"][0]
    archive = "https://ftp.ebi.ac.uk/pub/databases/IDR"
    assert stored.replace("uod/idr/filesets", archive) == idr.FILE


def test_idr_planes_are_lossless(root: Path, truths: dict[str, Any]) -> None:
    for z in (0, 45):
        url = f"{idr.HOST}/webgateway/render_image/9846137/{z}/0/?{idr.RENDERING}"
        with Image.open(place(root, url)) as plane:
            assert (plane.format, plane.mode) == ("PNG", "RGB")
            rgb = np.asarray(plane)
        for band in range(3):
            assert np.array_equal(rgb[..., band], truths["dataset1"][0][z])


def test_dm3_slices_read_by_ncempy(root: Path, truths: dict[str, Any]) -> None:
    reader = pytest.importorskip("ncempy.io.dm")
    offsets = set()
    for z in range(16):
        path = place(root, empiar.FILE.format(z))
        with reader.fileDM(str(path)) as slice_:
            assert slice_.numObjects == 2
            assert slice_.dataType == [23, 6]
            image = slice_.getDataset(0)
            tags = slice_.allTags
            offsets.add(slice_.dataOffset[1])
        assert np.array_equal(image["data"], truths["dataset2"][0][z])
        base = ".ImageList.2."
        scale = tags[f"{base}ImageData.Calibrations.Dimension.1.Scale"]
        assert scale == pytest.approx(0.00799825, abs=1e-9)
        assert tags[f"{base}ImageTags.SBFSEM.Record.Slice thickness"] == 50.0
        assert tags[f"{base}ImageTags.Meta Data.Dimension info.3.Scale"] == 50.0
    assert len(offsets) == 2


def test_empiar_entry_has_the_published_keys(root: Path) -> None:
    answer = json.loads((place(root, empiar.ANSWER) / "index.html").read_text())
    entry = answer["EMPIAR-11759"]
    images = entry["imagesets"][0]
    assert images["pixel_width"] == 80.0  # ångström
    assert images["image_width"] == "5628"  # text, and not the size of the files
    assert images["num_images_or_tilt_series"] == 16
    assert entry["entry_doi"] == "10.6019/EMPIAR-11759"


def test_epfl_tiff_has_insights_layout(root: Path, truths: dict[str, Any]) -> None:
    with tifffile.TiffFile(place(root, epfl.FILE)) as tif:
        assert (tif.byteorder, len(tif.pages)) == ("<", 100)
        first = tif.pages[0]
        assert first.dataoffsets[0] == 8
        assert first.rowsperstrip == 4
        assert len(first.dataoffsets) == 64
        assert first.offset == 8 + 256 * 320
        assert first.tags["Software"].value == "InsightToolkit"
        assert tif.pages[9].tags["PageNumber"].value == (9, 100)
        assert "XResolution" not in first.tags
        image, picture = truths["dataset3"]
        assert np.array_equal(tif.asarray(), image)
    parts = tifffile.imread(place(root, f"{epfl.FOLDER}/training_groundtruth.tif"))
    expected = picture.semantic[epfl.TRAINING] == tissue.MITOCHONDRION
    assert np.array_equal(parts == 255, expected)
    assert np.array_equal(
        tifffile.imread(place(root, f"{epfl.FOLDER}/testing.tif")), image[epfl.TESTING]
    )


def test_nacc_read_by_zarr_python(root: Path, truths: dict[str, Any]) -> None:
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(place(root, buckets.NACC_IMAGE), mode="r", zarr_format=2)
    multiscale = group.attrs["multiscales"][0]
    assert multiscale["version"] == "0.4"
    second = multiscale["datasets"][1]["coordinateTransformations"]
    assert second[0]["scale"] == [5.92, 8.0, 8.0]
    assert second[1]["translation"] == [1.48, 2.0, 2.0]
    shapes = [group[f"s{k}"].shape for k in range(5)]
    assert shapes[:3] == [(141, 315, 324), (70, 157, 162), (35, 78, 81)]
    assert shapes[3:] == [(17, 39, 40), (8, 19, 20)]
    assert group["s0"].dtype == np.int16
    assert dict(group["s0"].attrs) == {}
    assert group["s4"].chunks == (64, 64, 64)
    assert np.array_equal(group["s0"][:], truths["dataset4"][0])
    assert not list(root.rglob(".zmetadata"))


def test_nacc_nuclei_lie_on_the_fourth_level(root: Path) -> None:
    place_ = place(root, buckets.NACC_NUCLEI)
    nuclei = open_store(place_ / "s0", "zarr").read().result()
    assert nuclei.shape == (17, 39, 40)
    assert set(np.unique(nuclei)) == {0, 1}
    attributes = json.loads((place_ / ".zattrs").read_text())
    first = attributes["multiscales"][0]["datasets"][0]["coordinateTransformations"]
    assert first[1]["translation"] == [10.36, 14.0, 14.0]


def test_nacc_is_a_group_at_every_level(root: Path) -> None:
    top = place(root, buckets.NACC)
    leaf = place(root, buckets.NACC_NUCLEI)
    for folder in (top, leaf, *(p for p in leaf.parents if top in p.parents)):
        assert json.loads((folder / ".zgroup").read_text()) == {"zarr_format": 2}


@pytest.mark.parametrize("url", [buckets.HEMIBRAIN_CLAHE, buckets.HEMIBRAIN_RAW])
def test_hemibrain_is_sharded_jpeg(root: Path, url: str) -> None:
    info = json.loads((place(root, url) / "info").read_text())
    assert [s["size"] for s in info["scales"]] == [
        [170, 180, 100],
        [85, 90, 50],
        [43, 45, 25],
        [22, 23, 13],
    ]
    for scale in info["scales"]:
        assert scale["encoding"] == "jpeg"
        assert scale["sharding"]["data_encoding"] == "gzip"
    assert len(list((place(root, url) / "8.0x8.0x8.0").glob("*.shard"))) == 4


def test_hemibrain_is_near_the_truth(root: Path, truths: dict[str, Any]) -> None:
    volume = open_store(
        place(root, buckets.HEMIBRAIN_CLAHE), "neuroglancer_precomputed"
    )
    image = volume[..., 0].read().result().T.astype(int)
    error = np.abs(image - truths["dataset5"][0])
    assert error.mean() < 6


def test_raw_hemibrain_has_less_contrast(root: Path) -> None:
    spread = [
        open_store(place(root, url), "neuroglancer_precomputed").read().result().std()
        for url in (buckets.HEMIBRAIN_CLAHE, buckets.HEMIBRAIN_RAW)
    ]
    assert spread[1] < 0.7 * spread[0]


def test_bodies_are_lossless(root: Path, truths: dict[str, Any]) -> None:
    store = open_store(
        place(root, buckets.HEMIBRAIN_BODIES), "neuroglancer_precomputed"
    )
    assert store.dtype.name == "uint64"
    assert store.shape == (172, 178, 102, 1)
    bodies = store[..., 0].read().result().T
    assert np.array_equal(bodies, buckets.bodies(truths["dataset5"][1].instance))
    assert bodies.max() > 2**32
    assert not bodies[100:].any()


@pytest.mark.parametrize("name", list(sample.SAMPLES))
def test_labels_have_the_place_of_the_image(
    root: Path, truths: dict[str, Any], name: str
) -> None:
    picture = truths[name][1]
    for kind in ("semantic", "instance"):
        folder = root / "labels" / name / kind
        labels = open_store(folder / "s0", "zarr").read().result()
        assert np.array_equal(labels, getattr(picture, kind))
        attributes = json.loads((folder / ".zattrs").read_text())
        moves = attributes["multiscales"][0]["datasets"][0]["coordinateTransformations"]
        grid = sample.SAMPLES[name].grid
        assert moves[0]["scale"] == pytest.approx(grid.voxel_size)
        assert moves[1]["translation"] == pytest.approx(grid.origin)
        assert attributes["image-label"]["version"] == "0.4"


def test_truth_is_what_is_written(root: Path) -> None:
    image, labels = sample.truth("dataset2")
    stored = open_store(root / "labels/dataset2/semantic/s0", "zarr").read().result()
    assert np.array_equal(labels, stored)
    assert sample.instances("dataset2").shape == image.shape == (16, 200, 198)
    with pytest.raises(UnknownNameError, match="did you mean 'dataset2'"):
        sample.truth("dataset_2")

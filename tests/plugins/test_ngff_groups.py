"""The ngff driver on groups that hold several images, and on what tells of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import store_writer as writer
from emcatalog.errors import FormatError, NotFoundError, OptionError
from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport
from emcatalog.volume import Pyramid
from emcatalog_ngff import open_pyramid

if TYPE_CHECKING:
    from servers.fixtures import Serve

TRANSPORT = Transport(mirrors=Mirrors(), attempts=1)
SHAPE = (4, 5, 6)


def opened(place: Path | str, **options: Any) -> Pyramid:
    return open_pyramid(str(place), TRANSPORT, **options)


def image(root: Path, seed: int = 0, version: Any = 2) -> Any:
    want = writer.noise(SHAPE, seed=seed)
    members = writer.multiscale("zyx", [[30, 8, 4]])
    writer.write_ome(root, [want], members, version)
    return want


def tell(root: Path, members: dict[str, Any], version: int) -> Path:
    """Attributes of a group, where this version keeps them."""
    if version == 2:
        writer.write_json(root / ".zgroup", {"zarr_format": 2})
        writer.write_json(root / ".zattrs", members)
    else:
        told = {"zarr_format": 3, "node_type": "group", "attributes": {"ome": members}}
        writer.write_json(root / "zarr.json", told)
    return root


def read(pyramid: Pyramid) -> Any:
    return pyramid.level(0).read(pyramid.level(0).grid.region)


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize(
    ("members", "message"),
    [
        (
            {"plate": {"wells": [{"path": "A/1"}, {"path": "A/2"}]}},
            r"of 2: A/1/0, A/2/0; expected one image\. Try: add .* such as A/1/0",
        ),
        (
            {"well": {"images": [{"path": "0"}, {"path": "1"}]}},
            "a well with fields of view of 2: 0, 1",
        ),
        ({"labels": ["cells", "nuclei"]}, "a group of label images of 2: cells, nuc"),
        ({"labels": []}, "add the path of an image to the URL"),
        ({"scene": {"images": [{"path": "a"}]}}, "a scene of images of 1: a"),
        ({"plate": 7}, "a plate with wells of 0"),
        ({"labels": [f"n{i}" for i in range(99)]}, r"of 99: n0, .*n7, \.\.\.;"),
    ],
)
def test_collections(
    tmp_path: Path, members: dict[str, Any], message: str, version: int
) -> None:
    with pytest.raises(FormatError, match=message):
        opened(tell(tmp_path / "a.zarr", members, version))


@pytest.mark.parametrize("version", [2, 3])
def test_a_field_of_a_plate_and_a_label_image(tmp_path: Path, version: int) -> None:
    root = tell(tmp_path / "a.zarr", {"plate": {"wells": [{"path": "A/1"}]}}, version)
    for path in ("A/1/0", "labels/cells"):
        want = image(root / path, len(path), version)
        np.testing.assert_array_equal(read(opened(root / path)), want)


@pytest.mark.parametrize("version", [2, 3])
def test_a_series(tmp_path: Path, version: int) -> None:
    """One image is opened; several are listed, in the order that is told."""
    root = tell(tmp_path / "a.zarr", {"bioformats2raw.layout": 3}, version)
    want = image(root / "0", 0, version)
    np.testing.assert_array_equal(read(opened(root)), want)
    image(root / "1", 1, version)
    with pytest.raises(FormatError, match="a series of images of 2: 0, 1; expected"):
        opened(root)
    tell(root / "OME", {"series": ["1", "0"]}, version)
    with pytest.raises(FormatError, match="a series of images of 2: 1, 0; expected"):
        opened(root)
    tell(root / "OME", {"series": ["0"]}, version)
    np.testing.assert_array_equal(read(opened(root)), want)


def consolidated(root: Path) -> Path:
    """A store of which only ``.zmetadata`` and the chunks are left."""
    told = {}
    for file in sorted(root.rglob(".z*")):
        told[str(file.relative_to(root))] = writer.read_json(file)
        file.unlink()
    whole = {"zarr_consolidated_format": 1, "metadata": told}
    writer.write_json(root / ".zmetadata", whole)
    return root


def test_consolidated_metadata(tmp_path: Path, nginx_at: Serve) -> None:
    want = image(tmp_path / "a.zarr")
    consolidated(tmp_path / "a.zarr")
    for place in (tmp_path / "a.zarr", f"{nginx_at(tmp_path).url}/a.zarr"):
        pyramid = opened(place)
        assert pyramid.level(0).grid.voxel_size == (30.0, 8.0, 4.0)
        np.testing.assert_array_equal(read(pyramid), want)


@pytest.mark.parametrize(
    "told", [7, {"metadata": 7}, {"metadata": {".zattrs": 7, ".zarray": []}}, {}]
)
def test_damaged_consolidated_metadata(tmp_path: Path, told: object) -> None:
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr/.zmetadata").write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises((FormatError, NotFoundError)):
        opened(tmp_path / "a.zarr")


def test_arrays_without_attributes(tmp_path: Path) -> None:
    want = writer.noise(SHAPE)
    root = writer.write_array(tmp_path / "a.zarr", want, zarr_format=2)
    (root / ".zattrs").unlink(missing_ok=True)
    np.testing.assert_array_equal(read(opened(root, voxel_size_nm=1)), want)


def test_an_image_deep_in_groups(tmp_path: Path) -> None:
    want = image(tmp_path / "a.zarr/one/two/three")
    tell(tmp_path / "a.zarr", {}, 2)
    with pytest.raises(FormatError, match=r"its subgroups one/two/three have one"):
        opened(tmp_path / "a.zarr")
    np.testing.assert_array_equal(read(opened(tmp_path / "a.zarr/one/two/three")), want)


def test_a_group_whose_file_tells_nothing(tmp_path: Path) -> None:
    image(tmp_path / "a.zarr/b")
    tell(tmp_path / "a.zarr", {}, 2)
    (tmp_path / "a.zarr/.zattrs").unlink()
    with pytest.raises(FormatError, match="its subgroups b have one"):
        opened(tmp_path / "a.zarr")


def test_a_level_that_is_lost(tmp_path: Path) -> None:
    """The volume is not opened as if it were whole; a level opens by itself."""
    fine = writer.noise((8, 8, 8))
    members = writer.multiscale("zyx", [[3, 2, 1], [6, 4, 2]])
    arrays = [fine, fine[::2, ::2, ::2]]
    root = writer.write_ome(tmp_path / "a.zarr", arrays, members)
    shutil.rmtree(root / "1")
    with pytest.raises(NotFoundError, match=r"no metadata of the level '1'.*by itself"):
        opened(root)
    np.testing.assert_array_equal(read(opened(root / "0", voxel_size_nm=1)), fine)


def test_images_of_an_n5_group(tmp_path: Path) -> None:
    """The first, or the one that is chosen by its index or name."""
    root, images = tmp_path / "a.n5", []
    for name, size in (("fine", 4.0), ("coarse", 40.0)):
        told = {
            "axes": ["z", "y", "x"],
            "units": ["nm"] * 3,
            "scale": [size] * 3,
            "translate": [0.0] * 3,
        }
        writer.write_n5(root / name, writer.noise(SHAPE), (4, 4, 4))
        images.append({"name": name, "datasets": [{"path": name, "transform": told}]})
    writer.write_json(root / "attributes.json", {"multiscales": images})
    for choice, size in ((0, 4.0), ("fine", 4.0), (1, 40.0), ("coarse", 40.0)):
        pyramid = opened(root, multiscale=choice)
        assert pyramid.level(0).grid.voxel_size == (size,) * 3
        assert pyramid.record.value("title") == images[size > 4]["name"]
    with pytest.raises(OptionError, match=r"multiscale=2; expected 0 to 1, or one of"):
        opened(root, multiscale=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channel": 1}, "channel=1; expected 0, the only one"),
        ({"channel": "EM"}, "channel='EM'; expected 0, the only one"),
        ({"time": 1}, "time=1; expected 0, the only one"),
        ({"multiscale": 1}, "multiscale=1; expected 0 to 0"),
        ({"system": "world"}, "system='world'; expected no system"),
        ({"axes": "yx"}, "expected 3 letters"),
        ({"axes": "abc"}, "different letters of t, c, z, y, x"),
    ],
)
def test_choices_that_there_are_not(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    image(tmp_path / "a.zarr")
    writer.write_n5(tmp_path / "a.n5/s0", writer.noise(SHAPE), (4, 4, 4))
    for place in ("a.zarr", "a.zarr/0", "a.n5/s0", "a.n5"):
        with pytest.raises(OptionError, match=message):
            opened(tmp_path / place, voxel_size_nm=1, **options)


def test_the_only_choice(tmp_path: Path) -> None:
    want = image(tmp_path / "a.zarr")
    options: dict[str, Any] = {"channel": "0", "time": 0, "multiscale": "0"}
    np.testing.assert_array_equal(read(opened(tmp_path / "a.zarr", **options)), want)
    turned = opened(tmp_path / "a.zarr", axes="xyz").level(0).grid
    assert turned.shape == SHAPE[::-1]
    assert turned.voxel_size == (4.0, 8.0, 30.0)

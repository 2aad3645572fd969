"""The ngff driver: voxels and placements of OME-Zarr and N5, against other writers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec

import store_writer as writer
from emcatalog.errors import FormatError, OptionError
from emcatalog.geometry import Region
from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport
from emcatalog.volume import Pyramid
from emcatalog_ngff import open_pyramid

TRANSPORT = Transport(mirrors=Mirrors())
TYPES = ("?", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8")


def opened(place: Path | str, **options: Any) -> Pyramid:
    return open_pyramid(str(place), TRANSPORT, **options)


def voxels(pyramid: Pyramid, level: int = 0) -> NDArray[Any]:
    volume = pyramid.level(level)
    return volume.read(volume.grid.region)


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("dtype", TYPES)
def test_every_number_type(tmp_path: Path, version: int, dtype: str) -> None:
    want = writer.noise((9, 10, 11), dtype)
    members = writer.multiscale("zyx", [[3, 2, 1]])
    root = writer.write_ome(tmp_path / "a.zarr", [want], members, version)
    found = voxels(opened(root))
    assert found.dtype == want.dtype
    np.testing.assert_array_equal(found, want)


@pytest.mark.parametrize("dtype", [">u2", ">i4", ">f4"])
def test_big_endian(tmp_path: Path, dtype: str) -> None:
    want = writer.noise((4, 5, 6), dtype)
    members = writer.multiscale("zyx", [[1, 1, 1]])
    root = writer.write_ome(tmp_path / "a.zarr", [want], members)
    found = voxels(opened(root))
    assert found.dtype.isnative
    np.testing.assert_array_equal(found, want)


@pytest.mark.parametrize("separator", [".", "/"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("codec", ["none", "zstd", "zlib", "gzip", "bz2", "blosc"])
def test_zarr2_codecs(tmp_path: Path, separator: str, order: str, codec: str) -> None:
    import numcodecs

    makers = {
        "none": None,
        "zstd": numcodecs.Zstd(level=1),  # writes "checksum": false
        "zlib": numcodecs.Zlib(),
        "gzip": numcodecs.GZip(),
        "bz2": numcodecs.BZ2(),
        "blosc": numcodecs.Blosc(cname="zstd", shuffle=2),
    }
    want = writer.noise((9, 10, 11), "i2")
    members = writer.multiscale("zyx", [[1, 1, 1]])
    root = writer.write_ome(
        tmp_path / "a.zarr",
        [want],
        members,
        compressors=makers[codec],
        order=order,
        chunk_key_encoding={"name": "v2", "separator": separator},
    )
    pyramid = opened(root)
    np.testing.assert_array_equal(voxels(pyramid), want)
    shown = str(pyramid.record.value("compression"))
    assert shown.startswith("uncompressed" if codec == "none" else codec)


@pytest.mark.parametrize("index", ["start", "end"])
@pytest.mark.parametrize("codec", ["zstd", "gzip", "blosc", "none"])
def test_zarr3_shards(tmp_path: Path, codec: str, index: str) -> None:
    makers: dict[str, Any] = {
        "zstd": ZstdCodec(checksum=True),
        "gzip": GzipCodec(),
        "blosc": BloscCodec(cname="lz4"),
        "none": None,
    }
    want = writer.noise((18, 20, 22), "u2")
    members = writer.multiscale("zyx", [[1, 1, 1]])
    root = writer.write_ome(
        tmp_path / "a.zarr",
        [want],
        members,
        version=3,
        compressors=makers[codec],
        chunks=(4, 5, 6),
        shards={"shape": (8, 10, 12), "index_location": index},
    )
    pyramid = opened(root)
    np.testing.assert_array_equal(voxels(pyramid), want)
    assert pyramid.level(0).chunks == (4, 5, 6)
    assert "sharded" in str(pyramid.record.value("compression"))


def test_what_is_not_stored(tmp_path: Path) -> None:
    """Absent chunks, and absent pieces of a shard, are fill and not stored."""
    members = writer.multiscale("zyx", [[1, 1, 1]])
    for version, more in ((2, {}), (3, {}), (3, {"shards": (8, 8, 8)})):
        blank = np.zeros((16, 16, 16), "u1")
        blank[:4, :4, :4] = 7
        root = writer.write_ome(
            tmp_path / f"{version}{len(more)}.zarr",
            [blank],
            members,
            version,
            chunks=(4, 4, 4),
            fill_value=0,
            config={"write_empty_chunks": False},
            **more,
        )
        volume = opened(root).level(0)
        held = volume.stored(volume.grid.region)
        np.testing.assert_array_equal(held, blank > 0)
        np.testing.assert_array_equal(volume.read(volume.grid.region), blank)


def test_fill_value(tmp_path: Path) -> None:
    for version in (2, 3):
        members = writer.multiscale("zyx", [[1, 1, 1]])
        root = writer.write_ome(
            tmp_path / f"{version}.zarr",
            [np.full((8, 8, 8), 9, "i2")],
            members,
            version,
            fill_value=9,
            config={"write_empty_chunks": False},
        )
        volume = opened(root).level(0)
        assert (volume.read(volume.grid.region) == 9).all()
        assert not volume.stored(volume.grid.region).any()


orders = st.permutations(list("zyx")).flatmap(
    lambda space: st.lists(
        st.tuples(st.sampled_from("tc"), st.integers(0, 3)),
        unique_by=lambda pair: pair[0],
        max_size=2,
    ).map(lambda extra: _woven(list(space), extra))
)


def _woven(names: list[str], extra: list[tuple[str, int]]) -> str:
    for name, place in extra:
        names.insert(place, name)
    return "".join(names)


@given(names=orders, data=st.data())
def test_any_order_of_axes(
    names: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Voxels and sizes of z, y, x are found wherever they stand."""
    sizes = {"t": 2, "c": 3, "z": 4, "y": 5, "x": 6}
    steps = {"t": 1.0, "c": 1.0, "z": 30.0, "y": 8.0, "x": 4.0}
    want = writer.noise([sizes[n] for n in names], "u2", seed=len(names))
    members = writer.multiscale(names, [[steps[n] for n in names]])
    root = tmp_path_factory.mktemp("axes")
    writer.write_ome(root, [want], members)
    chosen = {
        n: data.draw(st.integers(0, sizes[n] - 1)) if n in names else 0 for n in "tc"
    }
    pyramid = opened(root, channel=chosen["c"], time=chosen["t"])
    index = tuple(chosen[n] if n in "tc" else slice(None) for n in names)
    kept = [n for n in names if n in "zyx"]
    expected = want[index].transpose([kept.index(a) for a in "zyx"])
    np.testing.assert_array_equal(voxels(pyramid), expected)
    assert pyramid.level(0).grid.voxel_size == (30.0, 8.0, 4.0)


def test_axes_of_other_spelling_and_number(tmp_path: Path) -> None:
    want = writer.noise((10, 11))
    members = writer.multiscale("yx", [[2, 2]])
    root = writer.write_ome(tmp_path / "flat.zarr", [want], members)
    flat = opened(root, voxel_size_nm=[50, None, None])
    assert flat.level(0).grid.shape == (1, 10, 11)
    assert flat.level(0).grid.voxel_size == (50.0, 2.0, 2.0)
    np.testing.assert_array_equal(voxels(flat)[0], want)
    with pytest.raises(FormatError, match="no voxel size along z"):
        opened(root)
    members["axes"] = [{"name": n, "type": "space", "unit": "micrometer"} for n in "YX"]
    writer.write_ome(root, [want], members)
    capital = opened(root, voxel_size_nm=[50, None, None])
    assert capital.level(0).grid.voxel_size == (50.0, 2000.0, 2000.0)


def test_group_transformations_come_last(tmp_path: Path) -> None:
    members = writer.multiscale("zyx", [[2, 2, 2]])
    members["datasets"][0]["coordinateTransformations"].append(
        {"type": "translation", "translation": [1, 2, 3]}
    )
    members["coordinateTransformations"] = [
        {"type": "identity"},
        {"type": "scale", "scale": [10, 10, 10]},
        {"type": "translation", "translation": [5, 5, 5]},
    ]
    root = writer.write_ome(tmp_path / "a.zarr", [writer.noise((4, 4, 4))], members)
    grid = opened(root).level(0).grid
    assert grid.voxel_size == (20.0, 20.0, 20.0)
    assert grid.origin == (15.0, 25.0, 35.0)


def test_channels_and_times(tmp_path: Path) -> None:
    want = writer.noise((2, 3, 4, 5, 6))
    members = writer.multiscale("tczyx", [[1, 1, 1, 1, 1]])
    root = writer.write_ome(tmp_path / "a.zarr", [want], members)
    told = writer.read_json(root / ".zattrs")
    window = {"start": 10, "end": 90, "min": 0, "max": 255}
    names = ("DNA", "EM", "7")
    told["omero"] = {"channels": [{"label": n, "window": window} for n in names]}
    writer.write_json(root / ".zattrs", told)
    pyramid = opened(root, channel="EM", time=1)
    np.testing.assert_array_equal(voxels(pyramid), want[1, 1])
    np.testing.assert_array_equal(voxels(opened(root, channel="7")), want[0, 2])
    np.testing.assert_array_equal(voxels(opened(root, channel="2")), want[0, 2])
    record = pyramid.record
    assert record.value("channels") == names
    assert record.value("channel") == 1
    assert record.value("display_window") == (10.0, 90.0)
    with pytest.raises(OptionError, match="0 to 2, or one of the labels DNA, EM, 7"):
        opened(root, channel=3)
    with pytest.raises(OptionError, match=r"got time=2; expected 0 to 1"):
        opened(root, time=2)


def test_several_images_in_a_group(tmp_path: Path) -> None:
    members = writer.multiscale("zyx", [[2, 2, 2]])
    root = writer.write_ome(tmp_path / "a.zarr", [writer.noise((4, 4, 4))], members)
    told = writer.read_json(root / ".zattrs")
    second = writer.multiscale("zyx", [[9, 9, 9]])
    told["multiscales"].append({**second, "name": "coarse"})
    writer.write_json(root / ".zattrs", told)
    assert opened(root).level(0).grid.voxel_size == (2.0, 2.0, 2.0)
    for choice in (1, "1", "coarse"):
        assert opened(root, multiscale=choice).level(0).grid.voxel_size[0] == 9.0
    assert opened(root, multiscale=1).record.value("title") == "coarse"
    with pytest.raises(OptionError, match="0 to 1, or one of the names"):
        opened(root, multiscale="fine")


def test_region_outside_is_refused(tmp_path: Path) -> None:
    members = writer.multiscale("zyx", [[1, 1, 1]])
    root = writer.write_ome(tmp_path / "a.zarr", [writer.noise((4, 4, 4))], members)
    with pytest.raises(ValueError, match="inside the volume of"):
        opened(root).level(0).read(Region((0, 0, 0), (5, 4, 4)))


def test_paths_with_dots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative to the working directory, upwards and through links."""
    want = writer.noise((4, 4, 4))
    members = writer.multiscale("zyx", [[1, 1, 1]])
    writer.write_ome(tmp_path / "data/a.zarr", [want], members)
    (tmp_path / "far/deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "far/deep")
    (tmp_path / "far/data").symlink_to(tmp_path / "data")
    monkeypatch.chdir(tmp_path / "far")
    for place in (
        "../data/a.zarr",
        "./deep/../../data/a.zarr",
        "../link/../data/a.zarr",
    ):
        np.testing.assert_array_equal(voxels(opened(place)), want)

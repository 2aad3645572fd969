"""The precomputed driver: voxels and positions, against other writers."""

from __future__ import annotations

import csv
import hashlib
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorstore
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import store_writer as writer
from emcatalog.chunked import ChunkedVolume
from emcatalog.errors import EmcatalogError, OptionError
from emcatalog.geometry import Region
from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport
from emcatalog.volume import Pyramid
from emcatalog_precomputed import open_pyramid

TRANSPORT = Transport(mirrors=Mirrors(), attempts=1)


def opened(place: Path | str, **options: Any) -> Pyramid:
    return open_pyramid(str(place), TRANSPORT, **options)


def voxels(pyramid: Pyramid, level: int = 0) -> NDArray[Any]:
    volume = pyramid.level(level)
    return volume.read(volume.grid.region)


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "u8", "i1", "i2", "i4", "f4"])
def test_raw_chunks(tmp_path: Path, dtype: str) -> None:
    want = writer.noise((17, 30, 40), dtype)
    pyramid = opened(writer.write_precomputed(tmp_path, want))
    np.testing.assert_array_equal(voxels(pyramid), want)
    volume = pyramid.level(0)
    assert volume.chunks == (16, 16, 16)
    assert volume.stored(volume.grid.region).all()


@settings(deadline=None, max_examples=25)
@given(
    offset=st.tuples(*[st.integers(-1000, 10**9)] * 3),
    resolution=st.tuples(*[st.sampled_from([4, 4.5, 8, 33.3])] * 3),
)
def test_centres_and_offsets(
    offset: tuple[int, int, int],
    resolution: tuple[float, float, float],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Voxel i spans [offset + i, offset + i + 1) * resolution."""
    want = writer.noise((3, 17, 18))
    root = tmp_path_factory.mktemp("offset")
    writer.write_precomputed(
        root, want, voxel_offset=list(offset), resolution=list(resolution)
    )
    volume = opened(root).level(0)
    np.testing.assert_array_equal(volume.read(volume.grid.region), want)
    assert volume.stored(volume.grid.region).all()
    pairs = zip(offset[::-1], resolution[::-1], strict=True)
    assert volume.grid.origin == tuple((o + 0.5) * r for o, r in pairs)
    assert volume.grid.voxel_size == tuple(float(r) for r in resolution[::-1])


def _tensorstore(
    root: Path, want: NDArray[Any], scale: dict[str, Any], offset: tuple[int, ...]
) -> Path:
    """A volume that TensorStore itself writes; ``want`` is channel, z, y, x."""
    kind = "image" if want.dtype.itemsize < 4 else "segmentation"
    spec = {
        "driver": "neuroglancer_precomputed",
        "kvstore": {"driver": "file", "path": f"{root}/"},
        "multiscale_metadata": {
            "type": kind,
            "data_type": want.dtype.name,
            "num_channels": want.shape[0],
        },
        "scale_metadata": {
            "size": list(want.shape[:0:-1]),
            "resolution": [8, 8, 8],
            "chunk_size": [16, 16, 16],
            "voxel_offset": list(offset),
            **scale,
        },
        "create": True,
    }
    store = tensorstore.open(spec).result()
    with tensorstore.Transaction() as together:
        store.with_transaction(together).write(want.transpose(3, 2, 1, 0)).result()
    return root


def sharding(**members: Any) -> dict[str, Any]:
    return {
        "@type": "neuroglancer_uint64_sharded_v1",
        "hash": "identity",
        "preshift_bits": 1,
        "minishard_bits": 2,
        "shard_bits": 1,
        "minishard_index_encoding": "gzip",
        "data_encoding": "gzip",
        **members,
    }


@pytest.mark.parametrize("hashed", ["identity", "murmurhash3_x86_128"])
@pytest.mark.parametrize("packed", ["raw", "gzip"])
@pytest.mark.parametrize("encoding", ["raw", "compressed_segmentation", "png"])
def test_shards(tmp_path: Path, encoding: str, packed: str, hashed: str) -> None:
    want = writer.noise((1, 40, 70, 20), "u1" if encoding == "png" else "u4")
    scale: dict[str, Any] = {
        "encoding": encoding,
        "sharding": sharding(hash=hashed, data_encoding=packed),
    }
    if encoding == "compressed_segmentation":
        scale["compressed_segmentation_block_size"] = [8, 8, 8]
    root = _tensorstore(tmp_path / "v", want, scale, (5, -7, 11))
    pyramid = opened(root)
    np.testing.assert_array_equal(voxels(pyramid), want[0])
    volume = pyramid.level(0)
    assert volume.stored(volume.grid.region).all()
    assert volume.grid.origin == (92.0, -52.0, 44.0)


@given(
    size=st.tuples(*[st.integers(1, 90)] * 3),
    cells=st.sets(st.tuples(*[st.integers(0, 5)] * 3), max_size=4),
)
@settings(deadline=None, max_examples=20)
def test_stored_is_known_chunk_by_chunk(
    size: tuple[int, int, int],
    cells: set[tuple[int, int, int]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Sharded or not, `stored` is true just where a chunk was written."""
    blank = np.zeros(size, "u1")
    for z, y, x in cells:
        blank[16 * z : 16 * z + 16, 16 * y : 16 * y + 16, 16 * x : 16 * x + 16] = 7
    for more in ({}, {"sharding": sharding()}):
        root = tmp_path_factory.mktemp("sparse") / "v"
        scale = {"encoding": "raw", **more}
        _tensorstore(root, blank[None], scale, (3, 2, 1))
        volume = opened(root).level(0)
        whole = volume.grid.region
        np.testing.assert_array_equal(volume.read(whole), blank)
        np.testing.assert_array_equal(volume.stored(whole), blank > 0)
        inner = Region((0, 0, 0), (1, 1, 1))
        assert volume.stored(inner).item() == bool(blank[0, 0, 0])


@pytest.mark.parametrize("encoding", ["raw", "png", "jpeg"])
def test_channels(tmp_path: Path, encoding: str) -> None:
    want = np.repeat(writer.noise((3, 1, 1, 1)), 16, axis=1)
    want = np.broadcast_to(want, (3, 16, 20, 24)).copy()
    root = _tensorstore(tmp_path / "v", want, {"encoding": encoding}, (0, 0, 0))
    for channel in range(3):
        pyramid = opened(root, channel=channel)
        if encoding == "jpeg":
            assert np.abs(voxels(pyramid).astype(int) - want[channel]).max() < 9
        else:
            np.testing.assert_array_equal(voxels(pyramid), want[channel])
        assert pyramid.record.value("channel") == channel
    with pytest.raises(OptionError, match=r"got channel=3; expected 0 to 2"):
        opened(root, channel=3)


def test_scales_are_sorted_and_keys_may_be_paths(tmp_path: Path) -> None:
    fine = writer.noise((16, 16, 16))
    scales = [
        writer.scale("em/coarse level", [8, 8, 8], resolution=[16, 16, 16]),
        writer.scale("em/fine level", [16, 16, 16]),
    ]
    writer.write_json(tmp_path / "info", writer.info(scales))
    writer.write_raw_chunks(tmp_path, fine[::2, ::2, ::2], scales[0])
    writer.write_raw_chunks(tmp_path, fine, scales[1])
    pyramid = opened(f"precomputed://{tmp_path}")
    np.testing.assert_array_equal(voxels(pyramid, 0), fine)
    np.testing.assert_array_equal(voxels(pyramid, 1), fine[::2, ::2, ::2])
    assert pyramid.level(1).grid.origin == (8.0, 8.0, 8.0)


def test_cloud_volume_agrees(tmp_path: Path) -> None:
    """What cloud-volume writes is read, with every compression it puts on disk."""
    cloudvolume = pytest.importorskip("cloudvolume")
    want = writer.noise((40, 50, 60), "u4").transpose(2, 1, 0)
    for packed in (None, "gzip", "br", "zstd"):
        for encoding in ("raw", "compressed_segmentation"):
            root = tmp_path / f"{packed}-{encoding}"
            about = cloudvolume.CloudVolume.create_new_info(
                num_channels=1,
                layer_type="segmentation",
                data_type="uint32",
                encoding=encoding,
                resolution=[4, 8, 30],
                voxel_offset=[10, 20, 30],
                volume_size=want.shape,
                chunk_size=[16, 16, 16],
            )
            volume = cloudvolume.CloudVolume(
                f"file://{root}", info=about, compress=packed, progress=False
            )
            volume.commit_info()
            volume[:, :, :] = want
            pyramid = opened(root)
            np.testing.assert_array_equal(voxels(pyramid), want.transpose(2, 1, 0))
            level = pyramid.level(0)
            assert level.grid.origin == (915.0, 164.0, 42.0)
            assert level.stored(level.grid.region).all()


def _level(pyramid: Pyramid, name: str) -> int:
    """The level that EXPECTED.csv names by its key or as the n-th of the file."""
    volumes = [v for v in pyramid.levels if isinstance(v, ChunkedVolume)]
    keys = [volume.url.rpartition("/")[2] for volume in volumes]
    return int(name.removeprefix("mip")) if name.startswith("mip") else keys.index(name)


def test_real_volumes(realdata: Path) -> None:
    """Every real scale equals what other readers found; none is refused."""
    with (realdata / "EXPECTED.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if "#" in row["path"]]
    assert len(rows) >= 13
    for row in rows:
        place, _, name = row["path"].partition("#")
        pyramid = opened(realdata / place)
        level = _level(pyramid, name)
        found = voxels(pyramid, level)
        digest = hashlib.sha256(found.tobytes()).hexdigest()
        assert digest.startswith(row["array_sha256_16_C"]), row["path"]
        assert found.dtype == row["dtype"]
        told = re.findall(r"-?[0-9.]+", row["axes"])
        grid = pyramid.level(level).grid
        assert grid.voxel_size[::-1] == tuple(float(n) for n in told[:3])


def test_real_infos_open_or_are_refused(realdata: Path) -> None:
    """Also those whose chunks are not there; what is no volume says what it is."""
    refused = {}
    for file in sorted((realdata / "precomputed").rglob("info")):
        place = file.parent
        try:
            opened(place)
        except EmcatalogError as error:
            refused[str(place.relative_to(realdata / "precomputed"))] = error.got
    assert refused == {
        "cv-pinky-compresso/mesh_mip_2_err_40": "a 'neuroglancer_legacy_mesh'"
    }


def test_partly_packed_folders(tmp_path: Path, realdata: Path) -> None:
    """Plain names and suffixed ones may lie side by side; absent stays absent."""
    import gzip

    root = tmp_path / "v"
    shutil.copytree(realdata / "derived/cv_fib25s1_raw_gzip", root)
    want = voxels(opened(root))
    packed = root / "10_10_10/0-64_0-64_0-64.gz"
    packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
    packed.write_bytes(b"this is never read")
    (root / "10_10_10/64-120_64-110_64-90.gz").unlink()
    volume = opened(root).level(0)
    held = volume.stored(volume.grid.region)
    assert held.sum() == want.size - 26 * 46 * 56
    np.testing.assert_array_equal(volume.read(volume.grid.region), want * held)

"""The precomputed driver: every encoding, as other libraries write and read it."""

from __future__ import annotations

import contextlib
import gzip
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tensorstore
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import store_writer as writer
from emcatalog.errors import CorruptError, EmcatalogError
from emcatalog.geometry import Region
from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport
from emcatalog.volume import Pyramid
from emcatalog_precomputed import compresso, open_pyramid
from emcatalog_precomputed.transcode import unjxl

TRANSPORT = Transport(mirrors=Mirrors(), attempts=1)
Encode = Callable[[NDArray[Any]], bytes]


def opened(place: Path | str, **options: Any) -> Pyramid:
    return open_pyramid(str(place), TRANSPORT, **options)


def voxels(pyramid: Pyramid) -> NDArray[Any]:
    volume = pyramid.level(0)
    return volume.read(volume.grid.region)


def compressed(part: NDArray[Any], **options: Any) -> bytes:
    """A compresso chunk of x, y, z by the format's own library."""
    library = pytest.importorskip("compresso")
    return bytes(library.compress(np.asfortranarray(part), **options))


def cells(shape: tuple[int, int, int], dtype: str, seed: int = 0) -> NDArray[Any]:
    """Labels as of a segmentation: blobs with ragged borders; z, y, x."""
    random = np.random.default_rng(seed)
    points = random.random((12, 3)) * shape
    places = np.stack(np.indices(shape), -1)[..., None, :] + random.normal(
        0, 0.6, (*shape, 1, 3)
    )
    nearest = ((places - points) ** 2).sum(-1).argmin(-1)
    most = np.iinfo(dtype).max
    # the largest labels are told by an escape
    labels = random.integers(0, most, 12, dtype)
    labels[:3] = 0, most, most - 6
    return labels[nearest]


def write_chunks(
    root: Path, want: NDArray[Any], encoding: str, encode: Encode, suffix: str = ""
) -> Path:
    """An unsharded volume; ``want`` is channel, z, y, x, ``encode`` gets x, y, z, c."""
    size, chunk = want.shape[:0:-1], (32, 24, 16)
    level = writer.scale("8_8_8", size, encoding=encoding, chunk_sizes=[list(chunk)])
    kind = "image" if want.dtype.itemsize < 4 else "segmentation"
    about = writer.info([level], want.dtype.name, kind, num_channels=len(want))
    writer.write_json(root / "info", about)
    (root / "8_8_8").mkdir()
    stored = want.transpose(3, 2, 1, 0)
    counts = [-(-n // c) for n, c in zip(size, chunk, strict=True)]
    for cell in itertools.product(*map(range, counts)):
        ends = [
            (i * c, min((i + 1) * c, n))
            for i, c, n in zip(cell, chunk, size, strict=True)
        ]
        name = "_".join(f"{a}-{b}" for a, b in ends)
        part = stored[tuple(slice(a, b) for a, b in ends)]
        (root / f"8_8_8/{name}{suffix}").write_bytes(encode(part))
    return root


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "u8"])
@pytest.mark.parametrize("packed", [False, True])
def test_compresso(tmp_path: Path, dtype: str, packed: bool) -> None:
    want = cells((20, 50, 70), dtype)

    def encode(part: NDArray[Any]) -> bytes:
        content = compressed(part[..., 0])
        return gzip.compress(content) if packed else content

    root = write_chunks(
        tmp_path, want[None], "compresso", encode, ".gz" if packed else ""
    )
    pyramid = opened(root)
    np.testing.assert_array_equal(voxels(pyramid), want)
    volume = pyramid.level(0)
    assert volume.stored(volume.grid.region).all()
    assert pyramid.record.value("compression") == "compresso"
    assert pyramid.record.value("lossy") == 0
    (root / f"8_8_8/32-64_24-48_0-16{'.gz' * packed}").unlink()
    held = volume.stored(volume.grid.region)
    assert (~held).sum() == 32 * 24 * 16
    np.testing.assert_array_equal(voxels(pyramid), want * held)


@pytest.mark.parametrize("data", ["raw", "gzip"])
@pytest.mark.parametrize("hashed", ["identity", "murmurhash3_x86_128"])
def test_compresso_in_shards(tmp_path: Path, data: str, hashed: str) -> None:
    """Chunks put into shards by TensorStore's own key-value store."""
    want = cells((32, 48, 64), "u8")
    plain = write_chunks(
        tmp_path / "plain", want[None], "compresso", lambda p: compressed(p[..., 0])
    )
    sharding = {
        "@type": "neuroglancer_uint64_sharded_v1", "hash": hashed, "preshift_bits": 1,
        "minishard_bits": 1, "shard_bits": 1, "minishard_index_encoding": "gzip",
        "data_encoding": data,
    }  # fmt: skip
    about = writer.read_json(plain / "info")
    about["scales"][0]["sharding"] = sharding
    root = tmp_path / "sharded"
    writer.write_json(root / "info", about)
    base = {"driver": "file", "path": f"{root}/8_8_8/"}
    spec = {"driver": "neuroglancer_uint64_sharded", "metadata": sharding, "base": base}
    store = tensorstore.KvStore.open(spec).result()
    volume = opened(root).level(0)
    with tensorstore.Transaction() as together:
        for file in (plain / "8_8_8").iterdir():
            x, y, z = (int(part.split("-")[0]) for part in file.name.split("_"))
            cell = (x // 32, y // 24, z // 16)
            store.with_transaction(together)[volume.keys.key(cell)] = file.read_bytes()
    np.testing.assert_array_equal(volume.read(volume.grid.region), want)
    box = Region((10, 20, 30), (20, 30, 40))
    np.testing.assert_array_equal(volume.read(box), want[box.slices])
    assert volume.stored(volume.grid.region).all()


@settings(deadline=None, max_examples=150)
@given(
    shape=st.tuples(st.integers(1, 9), st.integers(1, 17), st.integers(1, 17)),
    dtype=st.sampled_from(["u1", "u2", "u4", "u8"]),
    steps=st.sampled_from([(4, 4, 1), (8, 8, 1), (2, 2, 1), (4, 4, 2), (3, 5, 1)]),
    variant=st.sampled_from([(4, True), (4, False), (6, False)]),
    data=st.data(),
)
def test_compresso_streams_of_every_kind(
    shape: tuple[int, int, int],
    dtype: str,
    steps: tuple[int, int, int],
    variant: tuple[int, bool],
    data: st.DataObject,
) -> None:
    most = int(np.iinfo(dtype).max)
    labels = data.draw(st.lists(st.integers(0, most), min_size=1, max_size=5))
    labels += data.draw(st.lists(st.integers(most - 8, most), max_size=2))
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    grain = data.draw(st.integers(1, 6))
    places = random.integers(0, len(labels), [-(-n // grain) for n in shape])
    coarse = places.repeat(grain, 0).repeat(grain, 1).repeat(grain, 2)
    part = np.array(labels, dtype)[coarse[tuple(map(slice, shape))]]
    connectivity, index = variant
    stream = compressed(
        part.T, steps=steps, connectivity=connectivity, random_access_z_index=index
    )
    found = compresso.decode(stream, part.T.shape, part.dtype.itemsize)
    np.testing.assert_array_equal(found, part)


def test_long_runs_of_compresso_windows() -> None:
    """More empty windows than one number can tell."""
    for shape, steps in (((300, 300, 30), (4, 4, 1)), ((64, 64, 9), (2, 2, 1))):
        part = np.zeros(shape, "u4")
        part[3:, 7:, -1] = 5
        stream = compressed(part, steps=steps)
        np.testing.assert_array_equal(compresso.decode(stream, shape, 4), part.T)


@settings(deadline=None, max_examples=400)
@given(data=st.data())
def test_damaged_compresso_is_refused_or_decodes(data: st.DataObject) -> None:
    """The library that defines the format crashes on most of these."""
    part = cells((5, 14, 18), data.draw(st.sampled_from(["u1", "u4", "u8"]))).T
    index = data.draw(st.booleans())
    stream = bytearray(compressed(part, random_access_z_index=index))
    for _ in range(data.draw(st.integers(1, 4))):
        where = data.draw(st.integers(0, len(stream) - 1))
        if data.draw(st.booleans()):
            stream[where] = data.draw(st.integers(0, 255))
        else:
            del stream[where : where + data.draw(st.integers(1, 9))]
        if not stream:
            break
    with contextlib.suppress(CorruptError):
        found = compresso.decode(bytes(stream), part.shape, part.dtype.itemsize)
        assert found.shape == part.T.shape
        assert found.dtype == part.dtype


def test_compresso_headers_are_checked_first() -> None:
    stream = compressed(np.ones((4, 5, 6), "u4"))
    for shape, itemsize in (((4, 5, 7), 4), ((4, 5, 6), 8)):
        with pytest.raises(CorruptError, match=r"stream of \(4, 5, 6\) labels .* 4 b"):
            compresso.decode(stream, shape, itemsize)
    with pytest.raises(CorruptError, match=r"begins with b'\\x1f\\x8b"):
        compresso.decode(gzip.compress(stream), (4, 5, 6), 4)
    huge = bytearray(stream)
    huge[15:23] = (2**62).to_bytes(8, "little")  # a number of labels
    with pytest.raises(CorruptError, match=r"a compresso stream of \d+ bytes"):
        compresso.decode(bytes(huge), (4, 5, 6), 4)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_jpeg_xl(tmp_path: Path, channels: int) -> None:
    want = writer.noise((channels, 20, 30, 40))

    def encode(part: NDArray[Any]) -> bytes:
        pixels = part.transpose(2, 1, 0, 3).reshape(-1, part.shape[0], channels)
        image = np.ascontiguousarray(pixels[..., 0] if channels == 1 else pixels)
        return bytes(imagecodecs.jpegxl_encode(image, lossless=True))

    root = write_chunks(tmp_path, want, "jxl", encode)
    for channel in range(channels):
        pyramid = opened(root, channel=channel)
        np.testing.assert_array_equal(voxels(pyramid), want[channel])
    assert opened(root).record.value("lossy") == 1


def test_cloud_volumes_jpeg_xl_is_read(tmp_path: Path) -> None:
    cloudvolume = pytest.importorskip("cloudvolume")
    smooth = np.indices((40, 50, 60)).sum(0).astype("u1")
    about = cloudvolume.CloudVolume.create_new_info(
        num_channels=1, layer_type="image", data_type="uint8", encoding="jxl",
        resolution=[4, 4, 4], voxel_offset=[0, 0, 0], volume_size=[60, 50, 40],
        chunk_size=[32, 32, 32],
    )  # fmt: skip
    volume = cloudvolume.CloudVolume(f"file://{tmp_path}", info=about, progress=False)
    volume.commit_info()
    volume[:, :, :] = smooth.T[..., None]
    np.testing.assert_array_equal(voxels(opened(tmp_path)), volume[:].T[0])


def test_damaged_jpeg_xl() -> None:
    image = writer.noise((32, 16))
    good = bytes(imagecodecs.jpegxl_encode(image, lossless=True))
    assert unjxl(good, (16, 8, 4, 1)) == image.tobytes()
    bomb = bytes(imagecodecs.jpegxl_encode(np.zeros((3000, 3000), "u1"), lossless=True))
    for content in (good[:40], good[:-9], b"", b"GIF89a", bomb):
        with pytest.raises(CorruptError, match="a jxl image that does not decode"):
            unjxl(content, (16, 8, 4, 1))
    for shape in ((16, 8, 5, 1), (16, 8, 1, 4)):
        with pytest.raises(CorruptError, match=r"a jxl image of \(32, 16\) pixels"):
            unjxl(good, shape)
    deep = bytes(imagecodecs.jpegxl_encode(image.astype("u2"), lossless=True))
    with pytest.raises(EmcatalogError, match="a jxl image"):
        unjxl(deep, (16, 8, 4, 1))


def test_names_of_encodings_and_types_have_no_case(tmp_path: Path) -> None:
    want = writer.noise((8, 9, 10))
    writer.write_precomputed(tmp_path, want, encoding="raw")
    about = writer.read_json(tmp_path / "info")
    about["data_type"] = "UINT8"
    about["scales"][0]["encoding"] = "RAW"
    writer.write_json(tmp_path / "info", about)
    np.testing.assert_array_equal(voxels(opened(tmp_path)), want)

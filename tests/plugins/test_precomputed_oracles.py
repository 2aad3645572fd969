"""The precomputed driver against TensorStore and cloud-volume, in all combinations."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import pytest
import tensorstore
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from starlette.responses import Response

import store_writer as writer
from emcatalog.errors import CorruptError, EmcatalogError
from emcatalog.geometry import Region
from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport
from emcatalog.volume import Volume
from emcatalog_precomputed import open_pyramid
from servers import respond

if TYPE_CHECKING:
    from servers.fixtures import Serve

TRANSPORT = Transport(mirrors=Mirrors(), attempts=1)
TYPES = ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "f4")
ENCODINGS = {
    "raw": (TYPES, (1, 2, 5)),
    "png": (("u1", "u2"), (1, 2, 3, 4)),
    "jpeg": (("u1",), (1, 3)),
    "compressed_segmentation": (("u4", "u8"), (1, 2)),
}


def opened(place: Path | str, channel: int = 0) -> Volume:
    return open_pyramid(str(place), TRANSPORT, channel=channel).level(0)


@st.composite
def scales(draw: st.DrawFn) -> tuple[dict[str, Any], NDArray[Any]]:
    """A scale's metadata as TensorStore takes them, and voxels x, y, z, channel."""
    encoding = draw(st.sampled_from(sorted(ENCODINGS)))
    types, channels = ENCODINGS[encoding]
    sides = st.one_of(st.just(1), st.integers(1, 40))
    shape = (*draw(st.tuples(sides, sides, sides)), draw(st.sampled_from(channels)))
    want = writer.noise(shape, draw(st.sampled_from(types)))
    if encoding == "compressed_segmentation":
        want = want % 7 * 10**8  # a few labels, as there are in a segmentation
    members: dict[str, Any] = {
        "size": list(shape[:3]),
        "voxel_offset": list(draw(st.tuples(*[st.integers(-500, 10**6)] * 3))),
        "resolution": list(draw(st.tuples(*[st.sampled_from([4, 4.5, 33.3])] * 3))),
        "chunk_size": list(draw(st.tuples(*[st.integers(1, 20)] * 3))),
        "encoding": encoding,
    }
    if encoding == "compressed_segmentation":
        block = draw(st.tuples(*[st.sampled_from([1, 3, 8, 16])] * 3))
        members["compressed_segmentation_block_size"] = list(block)
    if draw(st.booleans()):
        members["sharding"] = {
            "@type": "neuroglancer_uint64_sharded_v1",
            "hash": draw(st.sampled_from(["identity", "murmurhash3_x86_128"])),
            "preshift_bits": draw(st.integers(0, 9)),
            "minishard_bits": draw(st.integers(0, 4)),
            "shard_bits": draw(st.integers(0, 3)),
            "minishard_index_encoding": draw(st.sampled_from(["raw", "gzip"])),
            "data_encoding": draw(st.sampled_from(["raw", "gzip"])),
        }
    return members, want


@settings(deadline=None, max_examples=80)
@given(scale=scales(), data=st.data())
def test_what_tensorstore_writes_is_read(
    scale: tuple[dict[str, Any], NDArray[Any]],
    data: st.DataObject,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Every encoding, type, block size, channel, sharding, offset and cut chunk."""
    members, want = scale
    root = tmp_path_factory.mktemp("ts")
    kind = "image" if want.dtype.itemsize < 4 else "segmentation"
    spec = {
        "driver": "neuroglancer_precomputed",
        "kvstore": {"driver": "file", "path": f"{root}/"},
        "multiscale_metadata": {
            "type": "image" if want.dtype.kind == "f" else kind,
            "data_type": want.dtype.name,
            "num_channels": want.shape[3],
        },
        "scale_metadata": members,
    }
    store = tensorstore.open(spec, create=True).result()
    with tensorstore.Transaction() as together:
        store.with_transaction(together).write(want).result()
    if members["encoding"] == "jpeg":
        want = store.read().result()  # what is left of it
    channel = data.draw(st.integers(0, want.shape[3] - 1))
    expected = want[..., channel].T
    volume = opened(root, channel)
    np.testing.assert_array_equal(volume.read(volume.grid.region), expected)
    start = [data.draw(st.integers(0, n - 1)) for n in expected.shape]
    stop = [
        data.draw(st.integers(a, n)) for a, n in zip(start, expected.shape, strict=True)
    ]
    box = Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
    np.testing.assert_array_equal(volume.read(box), expected[box.slices])
    pairs = zip(members["voxel_offset"], members["resolution"], strict=True)
    assert volume.grid.origin == tuple((o + 0.5) * r for o, r in pairs)[::-1]


@pytest.mark.parametrize("packed", [None, "gzip", "br", "zstd"])
@pytest.mark.parametrize(
    ("encoding", "dtype"),
    [
        ("raw", "uint8"),
        ("raw", "float32"),
        ("raw", "int64"),
        ("raw", "float64"),
        ("jpeg", "uint8"),
        ("compressed_segmentation", "uint64"),
        ("compresso", "uint32"),
    ],
)
def test_cloud_volume_reads_the_same(
    tmp_path: Path, encoding: str, dtype: str, packed: str | None
) -> None:
    """What cloud-volume writes and reads back is what is read here."""
    cloudvolume = pytest.importorskip("cloudvolume")
    pytest.importorskip(encoding) if encoding == "compresso" else None
    want = writer.noise((45, 30, 20), dtype) % 9
    about = cloudvolume.CloudVolume.create_new_info(
        num_channels=1, layer_type="image", data_type=dtype, encoding=encoding,
        resolution=[4, 8.5, 30], voxel_offset=[-10, 20, -3], volume_size=want.shape,
        chunk_size=[16, 16, 16],
    )  # fmt: skip
    volume = cloudvolume.CloudVolume(
        f"file://{tmp_path}", info=about, compress=packed, progress=False, bounded=False
    )
    volume.commit_info()
    volume[-10:35, 20:50, -3:17] = want[..., None].astype(dtype)
    theirs = np.asarray(volume[-10:35, 20:50, -3:17])[..., 0]
    ours = opened(tmp_path)
    np.testing.assert_array_equal(ours.read(ours.grid.region), theirs.T)
    if encoding != "jpeg":
        np.testing.assert_array_equal(theirs, want)
    assert ours.grid.origin == (-75.0, 174.25, -38.0)


def one_chunk(root: Path, content: bytes, encoding: str, **members: Any) -> Volume:
    about = writer.info([writer.scale("8", [16, 8, 4], encoding=encoding)], **members)
    writer.write_json(root / "info", about)
    (root / "8").mkdir()
    (root / "8/0-16_0-8_0-4").write_bytes(content)
    return opened(root)


def picture(image: NDArray[Any] | Image.Image, kind: str = "PNG", **how: Any) -> bytes:
    file = io.BytesIO()
    given = image if isinstance(image, Image.Image) else Image.fromarray(image)
    given.save(file, kind, **how)
    return file.getvalue()


def png_part(kind: bytes, content: bytes) -> bytes:
    """One part of a png, with its length and checksum."""
    end = zlib.crc32(kind + content).to_bytes(4, "big")
    return len(content).to_bytes(4, "big") + kind + content + end


@pytest.mark.parametrize("shape", [(32, 16), (4, 128), (1, 512), (512, 1)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_pictures_may_have_any_width(
    tmp_path: Path, kind: str, shape: tuple[int, int]
) -> None:
    want = writer.noise((4, 8, 16))
    content = picture(
        want.reshape(shape), kind, **{"quality": 100} if kind == "JPEG" else {}
    )
    volume = one_chunk(tmp_path, content, kind.lower())
    found = volume.read(volume.grid.region)
    assert np.abs(found.astype(int) - want).max() <= (0 if kind == "PNG" else 12)


def test_pictures_of_other_voxels_are_refused(tmp_path: Path) -> None:
    """Never read as if they were what the info says."""
    grey = writer.noise((32, 16))
    colour = np.stack([grey, 255 - grey, grey], -1)
    palette = Image.fromarray(grey).convert("P")
    bits = Image.fromarray(grey > 127)
    cases: dict[str, tuple[bytes, str, dict[str, Any]]] = {
        "16 for 8 bit": (picture(grey.astype("u2")), "png", {}),
        "8 for 16 bit": (picture(grey), "png", {"data_type": "uint16"}),
        "colour": (picture(colour), "png", {}),
        "grey for colour": (picture(grey), "png", {"num_channels": 3}),
        "a palette": (picture(palette), "png", {}),
        "transparency": (picture(grey, transparency=3), "png", {}),
        "hidden transparency": (
            picture(grey)[:33]
            + png_part(b"tEXt", b"IDAT\0")
            + png_part(b"tRNS", b"\0\7")
            + picture(grey)[33:],
            "png",
            {},
        ),
        "deep transparency": (
            picture(grey.astype("u2"), transparency=3),
            "png",
            {"data_type": "uint16"},
        ),
        "one bit for 16": (picture(bits), "png", {"data_type": "uint16"}),
        "jpeg for png": (picture(grey, "JPEG"), "png", {}),
        "png for jpeg": (picture(grey), "jpeg", {}),
        "colour jpeg": (picture(colour, "JPEG"), "jpeg", {}),
        "half a png": (picture(grey)[:200], "png", {}),
        "half a jpeg": (picture(grey, "JPEG")[:300], "jpeg", {}),
        "nothing": (b"", "raw", {}),
        "one byte too few": (bytes(511), "raw", {}),
        "one byte too many": (bytes(513), "raw", {}),
    }
    for name, (content, encoding, members) in cases.items():
        volume = one_chunk(tmp_path / name, content, encoding, **members)
        with pytest.raises(CorruptError, match="0-16_0-8_0-4"):
            volume.read(volume.grid.region)


@pytest.mark.parametrize("encoding", ["raw", "jpeg", "png", "compressed_segmentation"])
@pytest.mark.parametrize("sent", ["gzip", "br", "zstd", "br, gzip", "gzip, gzip"])
def test_content_encodings(
    tmp_path: Path, faulty_http: Any, encoding: str, sent: str
) -> None:
    """Servers and buckets may send chunks of every encoding packed, even twice."""
    packers = {
        "gzip": gzip.compress,
        "br": imagecodecs.brotli_encode,
        "zstd": imagecodecs.zstd_encode,
    }
    label = encoding == "compressed_segmentation"
    want = writer.noise((4, 8, 16), "u4" if label else "u1")
    contents = {
        "raw": want.tobytes(),
        "jpeg": picture(want.reshape(32, 16), "JPEG") if not label else b"",
        "png": picture(want.reshape(32, 16)) if not label else b"",
    }
    members = {"data_type": want.dtype.name}
    if label:
        spec = {
            "driver": "neuroglancer_precomputed",
            "kvstore": {"driver": "memory"},
            "multiscale_metadata": {
                "type": "segmentation", "data_type": "uint32", "num_channels": 1,
            },
            "scale_metadata": {
                "key": "8", "size": [16, 8, 4], "chunk_size": [16, 16, 16],
                "resolution": [8, 8, 8], "encoding": encoding,
                "compressed_segmentation_block_size": [8, 8, 8],
            },
        }  # fmt: skip
        store = tensorstore.open(spec, create=True).result()
        store.write(want.T[..., None]).result()
        contents[encoding] = store.kvstore["8/0-16_0-8_0-4"]
    content = contents[encoding]
    local = one_chunk(tmp_path / "local", content, encoding, **members)
    plain = local.read(local.grid.region)
    for name in sent.split(", "):
        content = bytes(packers[name](content))
    server = faulty_http(tmp_path / "local")
    reply = Response(content, headers={"content-encoding": sent})
    server.faults.add(respond(reply), path="/8/0-16")
    volume = opened(server.url)
    np.testing.assert_array_equal(volume.read(volume.grid.region), plain)
    server.faults.clear()
    # without the header they are no voxels
    server.faults.add(respond(Response(content)), path="/8/0-16")
    with pytest.raises(CorruptError, match="0-16_0-8_0-4"):
        opened(f"{server.url}/../").read(volume.grid.region)


def test_a_content_encoding_that_nobody_knows(tmp_path: Path, faulty_http: Any) -> None:
    one_chunk(tmp_path, bytes(512), "raw")
    server = faulty_http(tmp_path)
    reply = Response(bytes(512), headers={"content-encoding": "snappy"})
    server.faults.add(respond(reply), path="/8/0-16")
    volume = opened(server.url)
    with pytest.raises(EmcatalogError, match="Unrecognized content encoding"):
        volume.read(volume.grid.region)


def test_a_bucket_of_packed_chunks(tmp_path: Path, s3_at: Serve) -> None:
    """As cloud-volume uploads them: plain names, the encoding in the metadata."""
    import boto3

    want = writer.noise((4, 8, 16))
    one_chunk(tmp_path / "packed/v", want.tobytes(), "raw")
    server = s3_at(tmp_path)
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    client = boto3.client(
        "s3", endpoint_url=server.url, region_name="us-east-1", **keys
    )
    for name, content in (
        ("v/8/0-16_0-8_0-4", want.tobytes()),
        ("v/info", (tmp_path / "packed/v/info").read_bytes()),
    ):
        client.put_object(
            Bucket="packed", Key=name, Body=gzip.compress(content),
            ContentEncoding="gzip", ACL="public-read",
        )  # fmt: skip
    transport = Transport({"endpoint_url": server.url}, Mirrors())
    volume = open_pyramid("s3://packed/v", transport).level(0)
    np.testing.assert_array_equal(volume.read(volume.grid.region), want)

"""The ngff driver on codecs that TensorStore lacks."""

from __future__ import annotations

import lzma
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import imagecodecs
import numcodecs
import numpy as np
import pytest
import zarr
import zarr.codecs.numcodecs as v3
from numpy.typing import NDArray

import store_writer as writer
from emcatalog.errors import CorruptError, FormatError
from emcatalog.geometry import Region
from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport
from emcatalog.volume import Pyramid
from emcatalog_ngff import open_pyramid
from emcatalog_ngff.transcoding import codec_text

if TYPE_CHECKING:
    from servers.fixtures import Serve

TRANSPORT = Transport(mirrors=Mirrors(), attempts=1)
SHAPE = (9, 10, 11)
WHOLE = Region((0, 0, 0), SHAPE)


def opened(place: Path | str, **options: Any) -> Pyramid:
    return open_pyramid(str(place), TRANSPORT, voxel_size_nm=8, **options)


def voxels(pyramid: Pyramid) -> NDArray[Any]:
    volume = pyramid.level(0)
    return volume.read(volume.grid.region)


RAW_LZMA = [
    {"id": lzma.FILTER_DELTA, "dist": 2},
    {"id": lzma.FILTER_LZMA2, "preset": 1},
]
V2 = {
    "lz4": ("<i2", [], numcodecs.LZ4()),
    "lzma": ("<u4", [], numcodecs.LZMA()),
    "lzma, raw": ("<i2", [], numcodecs.LZMA(lzma.FORMAT_RAW, filters=RAW_LZMA)),
    "delta": ("<i2", [numcodecs.Delta("<i2")], numcodecs.Zstd()),
    "delta, wider": ("|i1", [numcodecs.Delta("i1", astype="<i8")], numcodecs.Zlib()),
    "delta, big": (">i4", [numcodecs.Delta(">i4")], numcodecs.BZ2()),
    "shuffle": ("<u2", [numcodecs.Shuffle(2)], numcodecs.GZip()),
    "packbits": ("|b1", [numcodecs.PackBits()], numcodecs.Blosc()),
    "scale": ("<f4", [numcodecs.FixedScaleOffset(1, 100, "<f4", "u1")], None),
    "quantize": ("<f8", [numcodecs.Quantize(3, "<f8")], numcodecs.LZ4()),
    "bitround": ("<f4", [numcodecs.BitRound(10)], numcodecs.Zstd()),
    "astype": ("<i4", [numcodecs.AsType("<i2", "<i4")], None),
    "sums": ("<u2", [numcodecs.CRC32(), numcodecs.Adler32()], numcodecs.LZ4()),
    "fletcher": ("<u2", [numcodecs.Fletcher32()], None),
    "base64": ("<u2", [numcodecs.Base64()], None),
    "blosc": ("<i2", [numcodecs.Delta("<i2")], numcodecs.Blosc("lz4", shuffle=2)),
}


def write_v2(root: Path, name: str, order: str = "C") -> NDArray[Any]:
    """An array of these codecs, and what zarr-python reads from it."""
    dtype, filters, compressor = V2[name]
    want = writer.noise(SHAPE, dtype)
    if name == "packbits":
        want = np.random.default_rng(0).random(SHAPE) < 0.5
    array = zarr.create_array(
        root,
        shape=SHAPE,
        chunks=(4, 5, 6),
        dtype=want.dtype,
        zarr_format=2,
        filters=filters or None,
        compressors=compressor,
        order=order,
        overwrite=True,
    )
    array[...] = want
    found = zarr.open_array(root, mode="r")[...]
    assert isinstance(found, np.ndarray)
    return found


@pytest.mark.parametrize("name", V2)
def test_zarr2(tmp_path: Path, name: str) -> None:
    want = write_v2(tmp_path / "a.zarr", name)
    pyramid = opened(tmp_path / "a.zarr")
    found = voxels(pyramid)
    assert found.dtype == want.dtype.newbyteorder("=")
    np.testing.assert_array_equal(found, want)
    box = Region((3, 4, 5), (6, 9, 7))
    volume = pickle.loads(pickle.dumps(pyramid.level(0)))
    np.testing.assert_array_equal(volume.read(box), want[box.slices])
    assert volume.stored(WHOLE).all()


@pytest.mark.parametrize("order", ["C", "F"])
def test_orders(tmp_path: Path, order: str) -> None:
    want = write_v2(tmp_path / "a.zarr", "lz4", order)
    np.testing.assert_array_equal(voxels(opened(tmp_path / "a.zarr")), want)


def test_absent_chunks_are_fill(tmp_path: Path) -> None:
    want = write_v2(tmp_path / "a.zarr", "lz4").copy()
    (tmp_path / "a.zarr/1.0.0").unlink()
    want[4:8, :5, :6] = 0
    volume = opened(tmp_path / "a.zarr").level(0)
    np.testing.assert_array_equal(volume.read(WHOLE), want)
    np.testing.assert_array_equal(volume.stored(WHOLE), want != 0)


V3: dict[str, Callable[[], dict[str, Any]]] = {
    "lz4": lambda: {"compressors": [v3.LZ4()]},
    "lzma": lambda: {"compressors": [v3.LZMA()]},
    "zlib": lambda: {"compressors": [v3.Zlib()]},
    "bz2": lambda: {"compressors": [v3.BZ2()]},
    "shuffle": lambda: {"compressors": [v3.Shuffle(elementsize=2), v3.Zstd()]},
    "delta": lambda: {
        "filters": [v3.Delta(dtype="<i2")],
        "compressors": [v3.Blosc()],
    },
    "sums": lambda: {"compressors": [v3.CRC32(), v3.Adler32()]},
}


@pytest.mark.filterwarnings("ignore:Numcodecs codecs are not in the Zarr version 3")
@pytest.mark.parametrize("encoding", ["default", "v2"])
@pytest.mark.parametrize("name", V3)
def test_zarr3(tmp_path: Path, name: str, encoding: str) -> None:
    want = writer.noise(SHAPE, "i2")
    array = zarr.create_array(
        tmp_path / "a.zarr",
        shape=SHAPE,
        chunks=(4, 5, 6),
        dtype="i2",
        chunk_key_encoding={"name": encoding, "separator": "."},
        **V3[name](),
    )
    array[...] = want
    volume = opened(tmp_path / "a.zarr").level(0)
    np.testing.assert_array_equal(volume.read(WHOLE), want)
    assert volume.stored(WHOLE).all()


@pytest.mark.filterwarnings("ignore:Numcodecs codecs are not in the Zarr version 3")
def test_shards_of_unknown_codecs_are_refused(tmp_path: Path) -> None:
    zarr.create_array(
        tmp_path / "a.zarr",
        shape=SHAPE,
        chunks=(4, 5, 6),
        shards=(8, 10, 12),
        dtype="i2",
        compressors=[v3.LZ4()],
    )
    with pytest.raises(FormatError, match=r"the codec 'numcodecs\.lz4'; expected one"):
        opened(tmp_path / "a.zarr")


@pytest.mark.parametrize(
    ("before", "message"),
    [
        ([{"name": "transpose", "configuration": {"order": [2, 1, 0]}}], "'transpose'"),
        ([{"name": "bytes", "configuration": {"endian": "big"}}], "big-endian"),
        (["numcodecs.zfpy"], "numcodecs.zfpy"),
        (["lz4"], "'lz4'"),
    ],
)
def test_codecs_that_do_not_go_together(
    tmp_path: Path, before: list[Any], message: str
) -> None:
    root = tmp_path / "a.zarr"
    zarr.create_array(root, shape=SHAPE, chunks=(4, 5, 6), dtype="i2")
    told = writer.read_json(root / "zarr.json")
    told["codecs"] = [*before, {"name": "numcodecs.lz4", "configuration": {}}]
    writer.write_json(root / "zarr.json", told)
    with pytest.raises(FormatError, match=message):
        opened(root)


def write_n5_lz4(root: Path, want: NDArray[Any], java: bool = True) -> Path:
    """Blocks of N5 with the header left as it is and voxels packed by lz4."""
    writer.write_n5(root, want, (4, 5, 6))
    told = writer.read_json(root / "attributes.json")
    told["compression"] = {"type": "lz4", "blockSize": 500}
    writer.write_json(root / "attributes.json", told)
    for place in root.rglob("*"):
        if place.is_file() and place.name != "attributes.json":
            content = place.read_bytes()
            pack = writer.lz4_java if java else imagecodecs.lz4f_encode
            place.write_bytes(content[:16] + bytes(pack(content[16:])))
    return root


@pytest.mark.parametrize("java", [True, False])
@pytest.mark.parametrize("dtype", ["u1", "i2", "u8", "f4"])
def test_n5(tmp_path: Path, dtype: str, java: bool) -> None:
    want = writer.noise(SHAPE, dtype)
    root = write_n5_lz4(tmp_path / "a.n5", want, java)
    pyramid = opened(root)
    np.testing.assert_array_equal(voxels(pyramid), want)
    assert pyramid.record.value("compression") == "lz4"
    assert pyramid.level(0).stored(WHOLE).all()


def test_over_http(tmp_path: Path, nginx_at: Serve) -> None:
    want = write_n5_lz4(tmp_path / "a.n5", writer.noise(SHAPE, "u2"))
    server = nginx_at(tmp_path)
    volume = opened(f"{server.url}/a.n5").level(0)
    server.forget()
    box = Region((0, 0, 0), (4, 5, 6))
    np.testing.assert_array_equal(volume.read(box), opened(want).level(0).read(box))
    assert [request.path for request in server.requests] == ["/a.n5/0/0/0"]


@pytest.mark.parametrize("name", ["lz4", "lzma", "delta", "shuffle", "sums", "blosc"])
def test_damaged_chunks(tmp_path: Path, name: str) -> None:
    write_v2(tmp_path / "a.zarr", name)
    chunk = tmp_path / "a.zarr/0.0.0"
    whole = chunk.read_bytes()
    for content in (whole[:-5], b"", whole[:3]):
        chunk.write_bytes(content)
        with pytest.raises(CorruptError, match=r"0\.0\.0"):
            voxels(opened(tmp_path / "a.zarr"))


@pytest.mark.parametrize(
    "members",
    [
        {"id": "lzma", "format": 9},
        {"id": "lzma", "format": "xz"},
        {"id": "lzma", "format": lzma.FORMAT_RAW},
        {"id": "lzma", "format": lzma.FORMAT_RAW, "filters": 7},
        {"id": "lzma", "format": lzma.FORMAT_RAW, "filters": [7]},
        {"id": "lzma", "format": lzma.FORMAT_RAW, "filters": [{"id": 99}]},
        {
            "id": "lzma",
            "format": lzma.FORMAT_RAW,
            "filters": [{"id": lzma.FILTER_LZMA2, "dict_size": 2**31}],
        },
        {"id": "delta", "dtype": "no"},
        {"id": "shuffle", "elementsize": 4, "more": 1},
    ],
)
def test_configurations_that_are_damaged(members: dict[str, Any]) -> None:
    with pytest.raises(FormatError, match=f"the codec '{members['id']}' with members"):
        codec_text(members)

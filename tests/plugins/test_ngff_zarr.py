"""The ngff driver on Zarr v2 and v3 in full, against zarr-python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from numpy.typing import NDArray
from zarr.codecs import (
    BytesCodec,
    Crc32cCodec,
    GzipCodec,
    ShardingCodec,
    TransposeCodec,
    ZstdCodec,
)

import store_writer as writer
from emcatalog.errors import CorruptError, FormatError
from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport
from emcatalog.volume import Pyramid
from emcatalog_ngff import open_pyramid

TRANSPORT = Transport(mirrors=Mirrors())
SHAPE = (9, 10, 11)


def opened(place: Path | str, **options: Any) -> Pyramid:
    return open_pyramid(str(place), TRANSPORT, voxel_size_nm=8, **options)


def voxels(place: Path, **options: Any) -> NDArray[Any]:
    volume = opened(place, **options).level(0)
    return volume.read(volume.grid.region)


def noise(dtype: str) -> NDArray[Any]:
    if np.dtype(dtype).kind == "c":
        return (writer.noise(SHAPE) + 1j * writer.noise(SHAPE, seed=1)).astype(dtype)
    return writer.noise(SHAPE, dtype)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize(
    "dtype",
    [
        f"{mark}{kind}"
        for kind in ("i2", "i4", "i8", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16")
        for mark in "<>"
    ]
    + ["|b1", "|u1", "|i1"],
)
def test_zarr2_types(tmp_path: Path, dtype: str, order: str) -> None:
    want = noise(dtype)
    writer.write_array(tmp_path / "a.zarr", want, zarr_format=2, order=order)
    found = voxels(tmp_path / "a.zarr")
    assert found.dtype == want.dtype.newbyteorder("=")
    np.testing.assert_array_equal(found, want)


@pytest.mark.parametrize("endian", ["little", "big"])
@pytest.mark.parametrize("dtype", ["u1", "i2", "u8", "f2", "f4", "c8", "c16", "?"])
def test_zarr3_types(tmp_path: Path, dtype: str, endian: str) -> None:
    want = noise(dtype)
    serializer = BytesCodec(endian=endian)
    writer.write_array(tmp_path / "a.zarr", want, serializer=serializer)
    np.testing.assert_array_equal(voxels(tmp_path / "a.zarr"), want)


@pytest.mark.parametrize(
    ("dtype", "fill", "want"),
    [
        ("<f4", "NaN", np.nan),
        ("<f4", "Infinity", np.inf),
        (">f8", "-Infinity", -np.inf),
        ("<f4", 1, 1.0),
        ("<c8", ["NaN", 1.0], complex(np.nan, 1)),
        ("<c8", 0, 0),
        ("<c16", [1.0, -2.0], 1 - 2j),
        ("|b1", True, True),
        ("|b1", 1, True),
        ("<i2", 7.0, 7),
        ("<i2", False, 0),
        ("<u8", 2**64 - 1, 2**64 - 1),
        ("<u2", None, 0),
    ],
)
def test_zarr2_fill(tmp_path: Path, dtype: str, fill: object, want: object) -> None:
    """As they stand in JSON; null leaves it open, and reads as zeros."""
    root = writer.write_array(
        tmp_path / "a.zarr", np.zeros(SHAPE, dtype), zarr_format=2
    )
    for chunk in root.glob("[0-9]*"):
        chunk.unlink()
    told = writer.read_json(root / ".zarray")
    writer.write_json(root / ".zarray", {**told, "fill_value": fill})
    np.testing.assert_array_equal(voxels(root), np.full(SHAPE, want, dtype))
    volume = opened(root).level(0)
    assert not volume.stored(volume.grid.region).any()


@pytest.mark.parametrize(
    ("dtype", "fill"),
    [("|u1", 300), ("|u1", -1), ("<i2", 1.5), ("<i2", "AAA="), ("<f4", "much")],
)
def test_fill_that_does_not_fit(tmp_path: Path, dtype: str, fill: object) -> None:
    root = writer.write_array(
        tmp_path / "a.zarr", np.zeros(SHAPE, dtype), zarr_format=2
    )
    told = writer.read_json(root / ".zarray")
    writer.write_json(root / ".zarray", {**told, "fill_value": fill})
    with pytest.raises(FormatError, match="fill_value"):
        opened(root)


@pytest.mark.parametrize(
    ("dtype", "fill", "want"),
    [
        ("f4", "NaN", np.nan),
        ("f4", "0x3f800000", 1.0),
        ("f2", "-Infinity", -np.inf),
        ("c8", ["Infinity", 2.0], complex(np.inf, 2)),
        ("?", True, True),
        ("i8", -(2**63), -(2**63)),
    ],
)
def test_zarr3_fill(tmp_path: Path, dtype: str, fill: object, want: object) -> None:
    root = tmp_path / "a.zarr"
    zarr.create_array(root, shape=SHAPE, chunks=(4, 4, 4), dtype=dtype)
    told = writer.read_json(root / "zarr.json")
    writer.write_json(root / "zarr.json", {**told, "fill_value": fill})
    np.testing.assert_array_equal(voxels(root), np.full(SHAPE, want, dtype))


@pytest.mark.parametrize("separator", [".", "/"])
@pytest.mark.parametrize("encoding", ["default", "v2"])
def test_zarr3_keys(tmp_path: Path, encoding: str, separator: str) -> None:
    want = writer.noise(SHAPE, "u2")
    names = {"name": encoding, "separator": separator}
    writer.write_array(tmp_path / "a.zarr", want, chunk_key_encoding=names)
    np.testing.assert_array_equal(voxels(tmp_path / "a.zarr"), want)
    root = tmp_path / "a.zarr"
    told = writer.read_json(root / "zarr.json")
    told["chunk_key_encoding"] = {"name": encoding}  # each has a separator of its own
    writer.write_json(root / "zarr.json", told)
    usual = separator == {"default": "/", "v2": "."}[encoding]
    held = opened(root).level(0).stored(opened(root).level(0).grid.region)
    assert held.all() == usual


@pytest.mark.parametrize("order", [(2, 1, 0), (1, 2, 0)])
def test_zarr3_transpose(tmp_path: Path, order: tuple[int, ...]) -> None:
    want = writer.noise(SHAPE, "u2")
    turned = {"filters": [TransposeCodec(order=order)], "compressors": [ZstdCodec()]}
    writer.write_array(tmp_path / "a.zarr", want, **turned)
    np.testing.assert_array_equal(voxels(tmp_path / "a.zarr"), want)


@pytest.mark.parametrize("location", ["start", "end"])
def test_zarr3_nested_shards(tmp_path: Path, location: str) -> None:
    want = writer.noise((16, 16, 16), "u2")
    packed = [BytesCodec(), GzipCodec(), Crc32cCodec()]
    inner = ShardingCodec(chunk_shape=(2, 2, 2), codecs=packed, index_location=location)
    outer = ShardingCodec(chunk_shape=(4, 4, 4), codecs=[inner])
    options = {"serializer": outer, "compressors": None, "chunks": (8, 8, 8)}
    writer.write_array(tmp_path / "a.zarr", want, **options)
    volume = opened(tmp_path / "a.zarr").level(0)
    assert volume.chunks == (2, 2, 2)
    np.testing.assert_array_equal(volume.read(volume.grid.region), want)


def test_checksums_are_checked(tmp_path: Path) -> None:
    want = writer.noise(SHAPE)
    packed = {"compressors": [Crc32cCodec()]}
    root = writer.write_array(tmp_path / "a.zarr", want, **packed)
    chunk = root / "c/0/0/0"
    content = bytearray(chunk.read_bytes())
    content[5] ^= 1
    chunk.write_bytes(content)
    with pytest.raises(CorruptError, match="c/0/0/0"):
        voxels(root)


@pytest.mark.filterwarnings("ignore:Consolidated metadata is currently not part")
def test_consolidated_zarr3(tmp_path: Path) -> None:
    members = writer.multiscale("zyx", [[30, 8, 4]])
    want = writer.noise(SHAPE)
    root = writer.write_ome(tmp_path / "a.zarr", [want], members, version=3)
    zarr.consolidate_metadata(root)
    np.testing.assert_array_equal(voxels(root), want)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"chunk_grid": {"name": "rectilinear"}}, "chunk_grid.name = 'rectilinear'"),
        ({"chunk_grid": {"name": "variable"}}, "expected 'regular'"),
        ({"chunk_key_encoding": {"name": "other"}}, "TensorStore refuses"),
        ({"data_type": "string"}, "data_type = 'string'; expected whole, floating"),
        ({"data_type": {"name": "struct"}}, "text and structured voxels are not"),
        ({"data_type": "r16"}, "data_type = 'r16'"),
        ({"data_type": "bfloat16"}, "data_type = 'bfloat16'"),
        ({"storage_transformers": [{"name": "x"}]}, "storage_transformers"),
        ({"codecs": ["bytes", "vlen-utf8"]}, "the codec 'vlen-utf8'; expected one of"),
        ({"codecs": []}, "a list of 1 to 16 items"),
        ({"codecs": [7]}, "codec = 7"),
        ({"extra": {"must_understand": True}}, "the extension 'extra'"),
        ({"extra": 7}, "the extension 'extra'"),
    ],
)
def test_zarr3_that_is_not_read(
    tmp_path: Path, members: dict[str, Any], message: str
) -> None:
    root = writer.write_array(tmp_path / "a.zarr", writer.noise(SHAPE))
    told = writer.read_json(root / "zarr.json")
    writer.write_json(root / "zarr.json", {**told, **members})
    with pytest.raises(FormatError, match=message):
        opened(root)


def test_members_that_need_not_be_understood(tmp_path: Path) -> None:
    want = writer.noise(SHAPE)
    root = writer.write_array(tmp_path / "a.zarr", want)
    told = writer.read_json(root / "zarr.json")
    extra = {"name": "anything", "must_understand": False}
    writer.write_json(root / "zarr.json", {**told, "extra": extra})
    np.testing.assert_array_equal(voxels(root), want)

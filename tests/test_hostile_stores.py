"""Stores that declare much or unfold: chunks, shards, zip files.

Every case runs in a process of its own whose memory limit is 64 MiB. What comes out is
an error of ours or voxels, and the process never grows by more than `bounded.BOUND` (a
case that has another bound says why).
"""

from __future__ import annotations

import gzip
import io
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import numcodecs
import pytest

import store_writer as store
from bounded import (
    BOUND,
    GROWTH,
    MIB,
    VOXEL,
    ZEROS,
    kept,
    measured,
    opened,
    packed_zeros,
)


@pytest.mark.parametrize("suffix", ["gz", "br", "zstd"])
def test_precomputed_chunks_with_a_suffix(tmp_path: Path, suffix: str) -> None:
    """A chunk unpacks to four times its voxels and a MiB at most."""
    packed = packed_zeros({"gz": "gzip", "br": "brotli", "zstd": "zstd"}[suffix])
    scale = store.scale("s", (8, 8, 8), chunk_sizes=[[8, 8, 8]])
    store.write_json(tmp_path / "info", store.info([scale]))
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / f"0-8_0-8_0-8.{suffix}").write_bytes(packed)
    kept(measured(opened, "precomputed", str(tmp_path), {}), "CorruptError")


def sharded(tmp_path: Path, shard: bytes, data: str = "raw") -> str:
    """A volume of one chunk in one shard, whose minishard index is gzip."""
    told = {
        "@type": "neuroglancer_uint64_sharded_v1",
        "hash": "identity",
        "preshift_bits": 0,
        "minishard_bits": 0,
        "shard_bits": 0,
        "minishard_index_encoding": "gzip",
        "data_encoding": data,
    }
    scale = store.scale("s", (8, 8, 8), chunk_sizes=[[8, 8, 8]], sharding=told)
    store.write_json(tmp_path / "info", store.info([scale]))
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "0.shard").write_bytes(shard)
    return str(tmp_path)


def test_a_shard_index_that_unfolds(tmp_path: Path) -> None:
    packed = packed_zeros("gzip")
    place = sharded(tmp_path, struct.pack("<QQ", 0, len(packed)) + packed)
    found = measured(opened, "precomputed", place, {})
    kept(found, "CorruptError", bound=BOUND + GROWTH * len(packed))


def test_a_sharded_chunk_that_unfolds(tmp_path: Path) -> None:
    packed = packed_zeros("gzip")
    index = gzip.compress(struct.pack("<QQQ", 0, 0, len(packed)))
    head = struct.pack("<QQ", len(packed), len(packed) + len(index))
    place = sharded(tmp_path, head + packed + index, "gzip")
    found = measured(opened, "precomputed", place, {})
    kept(found, "CorruptError", bound=BOUND + GROWTH * len(packed))


@pytest.mark.parametrize("which", ["offset", "size"])
def test_a_shard_index_of_giant_size(tmp_path: Path, which: str) -> None:
    """What a shard index points at is never allocated before it is there."""
    span = (0, 2**62) if which == "size" else (2**62, 2**62 + 24)
    place = sharded(tmp_path, struct.pack("<QQ", *span) + bytes(64))
    found = measured(opened, "precomputed", place, {})
    kept(found, "CorruptError", "MemoryLimitError", "FormatError", "TransportError")


def zarr2(tmp_path: Path, chunk: bytes, compressor: Any, size: int = 8) -> str:
    """An array of one chunk whose stored bytes are ``chunk``."""
    members = {
        "zarr_format": 2, "shape": [size] * 3, "chunks": [size] * 3, "dtype": "|u1",
        "compressor": compressor, "fill_value": 0, "order": "C", "filters": None,
    }  # fmt: skip
    store.write_json(tmp_path / ".zarray", members)
    (tmp_path / "0.0.0").write_bytes(chunk)
    return str(tmp_path)


@pytest.mark.parametrize("codec", ["gzip", "bz2", "zstd"])
def test_zarr_chunks_that_unfold(tmp_path: Path, codec: str) -> None:
    place = zarr2(tmp_path, packed_zeros(codec), {"id": codec, "level": 1})
    kept(measured(opened, "ngff", place, VOXEL), "CorruptError", "MemoryLimitError")


@pytest.mark.parametrize("codec", ["gzip", "bzip2", "zstd", "xz"])
def test_n5_blocks_that_unfold(tmp_path: Path, codec: str) -> None:
    packed = packed_zeros({"bzip2": "bz2", "xz": "lzma"}.get(codec, codec))
    members = {
        "dimensions": [8] * 3, "blockSize": [8] * 3, "dataType": "uint8",
        "compression": {"type": codec},
    }  # fmt: skip
    store.write_json(tmp_path / "attributes.json", members)
    (tmp_path / "0" / "0").mkdir(parents=True)
    head = struct.pack(">HHIII", 0, 3, 8, 8, 8)
    (tmp_path / "0" / "0" / "0").write_bytes(head + packed)
    kept(measured(opened, "ngff", str(tmp_path), VOXEL), "CorruptError")


def test_a_blosc_header_that_claims_two_gibibytes(tmp_path: Path) -> None:
    head = struct.pack("<BBBBIII", 2, 1, 1, 1, 2**31 - 17, 2**20, 64) + bytes(48)
    place = zarr2(tmp_path, head, {"id": "blosc", "cname": "lz4", "clevel": 5})
    kept(measured(opened, "ngff", place, VOXEL), "CorruptError")


def test_a_blosc_chunk_that_unfolds(tmp_path: Path) -> None:
    """TensorStore unpacks what the header declares: 2 GiB at most, and that is all."""
    packed = numcodecs.Blosc(cname="zstd").encode(bytes(ZEROS))
    assert len(packed) < MIB
    place = zarr2(tmp_path, packed, {"id": "blosc", "cname": "zstd", "clevel": 5})
    kept(measured(opened, "ngff", place, VOXEL), "CorruptError", bound=BOUND + ZEROS)


def test_a_chunk_above_the_memory_limit(tmp_path: Path) -> None:
    """One voxel of a chunk of 700 MiB is a request for the chunk."""
    place = zarr2(tmp_path, packed_zeros("gzip"), {"id": "gzip", "level": 1}, 896)
    kept(measured(opened, "ngff", place, VOXEL), "MemoryLimitError", "CorruptError")


def test_a_shape_of_giant_size(tmp_path: Path) -> None:
    """Labels are 8 bytes for each voxel of an axis: they too are a request."""
    place = zarr2(tmp_path, b"", None)
    members = json.loads((tmp_path / ".zarray").read_text())
    members["shape"] = [2**25] * 3
    store.write_json(tmp_path / ".zarray", members)
    found = measured(opened, "ngff", place, VOXEL, False)
    kept(found, "MemoryLimitError", bound=64 * MIB)


def zipped(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return out.getvalue()


def test_a_zip_member_that_unfolds(tmp_path: Path) -> None:
    (tmp_path / "a.zarr.zip").write_bytes(zipped(".zattrs", b" " * (256 * MIB)))
    found = measured(opened, "ngff", str(tmp_path / "a.zarr.zip"), VOXEL)
    kept(found, "FormatError")


def test_a_zip_that_claims_a_giant_directory(tmp_path: Path) -> None:
    whole = zipped(".zattrs", b"{}")
    at = whole.index(b"PK\5\6")
    for place, size in ((8, 2), (12, 4), (16, 4)):
        damaged = bytearray(whole)
        damaged[at + place : at + place + size] = b"\xfe" * size
        (tmp_path / "a.zip").write_bytes(damaged)
        found = measured(opened, "ngff", str(tmp_path / "a.zip"), VOXEL)
        kept(found, "FormatError", "NotFoundError", bound=64 * MIB)

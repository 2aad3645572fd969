"""The ngff driver on what is made to harm: bombs, giants, depths, damaged chunks."""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
import zlib
from pathlib import Path

import imagecodecs
import numcodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import store_writer as writer
from emcatalog.errors import CorruptError, EmcatalogError, MemoryLimitError
from emcatalog.geometry import Region
from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport
from emcatalog.volume import Volume
from emcatalog_ngff import open_pyramid
from emcatalog_ngff.transcoding import COMPRESSORS, Chain, N5Block, codec_text


@pytest.mark.parametrize(
    ("name", "bomb"),
    [
        ("lz4", struct.pack("<i", 2**31 - 1) + b"\0" * 8),
        ("lz4", struct.pack("<i", -1)),
        ("zlib", zlib.compress(bytes(50_000_000))),
        ("bz2", bz2.compress(bytes(50_000_000))),
        ("lzma", lzma.compress(bytes(50_000_000))),
        ("gzip", gzip.compress(bytes(50_000_000), mtime=0)),
        ("zstd", bytes(imagecodecs.zstd_encode(bytes(50_000_000)))),
        ("blosc", numcodecs.Blosc("zstd").encode(bytes(50_000_000))),
    ],
)
def test_bombs(name: str, bomb: bytes) -> None:
    """What unpacks to more than the voxels could need is not unpacked."""
    with pytest.raises(CorruptError):
        Chain((codec_text({"id": name}),), 1)(bomb, (4, 4, 4))


@settings(max_examples=300, deadline=None)
@given(
    name=st.sampled_from(sorted(COMPRESSORS)),
    data=st.binary(max_size=64),
    place=st.integers(0, 63),
    byte=st.integers(0, 255),
)
def test_codecs_raise_errors_of_ours(
    name: str, data: bytes, place: int, byte: int
) -> None:
    encoded = bytearray(numcodecs.get_codec({"id": name}).encode(data or b"x"))
    encoded[place % len(encoded)] = byte
    for content in (bytes(encoded), data):
        try:
            found = Chain((codec_text({"id": name}),), 1)(content, (len(data), 1, 1))
        except EmcatalogError:
            continue
        assert len(found) == len(data)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_n5_blocks_raise_errors_of_ours(data: st.DataObject) -> None:
    content = struct.pack(">HHIII", 0, 3, 2, 3, 4) + writer.lz4_java(
        bytes(range(24)), 9
    )
    found = bytearray(content)
    for _ in range(data.draw(st.integers(0, 3))):
        found[data.draw(st.integers(0, len(found) - 1))] = data.draw(
            st.integers(0, 255)
        )
    cut = data.draw(st.integers(0, len(found)))
    try:
        read = N5Block("lz4", 1)(bytes(found[:cut]), (2, 3, 4))
    except EmcatalogError:
        return
    _, count, *sizes = struct.unpack_from(">HHIII", read)
    assert len(read) == 16 + np.prod(sizes)
    assert count == 3


@pytest.fixture
def root(tmp_path: Path) -> Path:
    members = writer.multiscale("zyx", [[30, 8, 8]])
    return writer.write_ome(tmp_path / "a.zarr", [writer.noise((8, 8, 8))], members)


def opened(place: Path) -> Volume:
    return open_pyramid(str(place), Transport(mirrors=Mirrors())).level(0)


@pytest.mark.parametrize(
    ("member", "value", "message"),
    [
        ("shape", [2**40] * 3, "at most"),
        ("shape", [2**62] * 3, "from 1 to"),
        ("chunks", [0, 8, 8], "from 1 to"),
        ("chunks", [-8, 8, 8], "from 1 to"),
        ("chunks", [8.0, 8, 8], "whole numbers"),
        ("chunks", [2**30] * 3, "at most 4 GiB a chunk"),
        ("shape", [8] * 100, "a list of whole numbers"),
        ("shape", {"0": 8}, "a list of whole numbers"),
        ("shape", "888", "a list of whole numbers"),
        ("shape", [[8], [8], [8]], "whole numbers"),
        ("shape", [True, 8, 8], "whole numbers"),
    ],
)
def test_sizes_that_cannot_be(
    root: Path, member: str, value: object, message: str
) -> None:
    told = writer.read_json(root / "0/.zarray")
    told[member] = value
    writer.write_json(root / "0/.zarray", told)
    with pytest.raises(EmcatalogError, match=message):
        opened(root)


def test_a_giant_of_small_chunks_opens_and_reads(root: Path) -> None:
    """A shape costs nothing; only what is read does."""
    told = writer.read_json(root / "0/.zarray")
    told["shape"] = [2**24] * 3
    writer.write_json(root / "0/.zarray", told)
    volume = opened(root)
    far = Region((2**23,) * 3, (2**23 + 4,) * 3)
    assert not volume.read(far).any()
    assert not volume.stored(far).any()
    with pytest.raises(MemoryLimitError):
        volume.read(volume.grid.region)


@pytest.mark.parametrize("text", ["[" * 10**6, '{"a":' * 10**6, "{}" * 3, "nul", ""])
def test_texts_that_nest_or_end(root: Path, text: str) -> None:
    (root / "0/.zarray").write_text(text, encoding="utf-8")
    (root / ".zattrs").write_text(text, encoding="utf-8")
    with pytest.raises(EmcatalogError, match="not JSON"):
        opened(root)


def test_a_file_of_metadata_without_end(root: Path) -> None:
    (root / "0/.zarray").write_bytes(b" " * (17 * 2**20))
    with pytest.raises(EmcatalogError, match="more than 16777216 bytes"):
        opened(root)


def test_levels_without_number(root: Path) -> None:
    told = writer.read_json(root / ".zattrs")
    told["multiscales"][0]["datasets"] *= 10_000
    writer.write_json(root / ".zattrs", told)
    with pytest.raises(EmcatalogError, match="a list of 1 to 64 items"):
        opened(root)


def test_a_series_that_holds_itself(tmp_path: Path) -> None:
    """A series whose only image is the series is no image."""
    root = tmp_path / "a.zarr"
    writer.write_json(root / ".zattrs", {"bioformats2raw.layout": 3})
    writer.write_json(root / "OME/.zattrs", {"series": ["."]})
    with pytest.raises(EmcatalogError, match="a series of images of 1: "):
        opened(root)
    writer.write_json(root / "OME/.zattrs", {"series": ["../b"]})
    with pytest.raises(EmcatalogError, match="a path inside the volume's folder"):
        opened(root)

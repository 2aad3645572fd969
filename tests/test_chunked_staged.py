"""Engine one: chunks that TensorStore cannot decode, transcoded for it."""

from __future__ import annotations

import gzip
import itertools
import json
import lzma
import math
import pickle
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import store_writer as writer
from emcatalog.chunked import PLAIN, Axes, ChunkedVolume, kvstore, spec_text
from emcatalog.chunked.keys import Cell
from emcatalog.chunked.staged import PIECE_CHUNKS, pieces
from emcatalog.chunked.unpack import UNPACKERS, unpack
from emcatalog.errors import CorruptError, TransportError
from emcatalog.geometry import Grid, Region
from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport

if TYPE_CHECKING:
    from servers.fixtures import Serve

TRANSPORT = Transport(mirrors=Mirrors(), attempts=1)
CHUNK = (2, 3, 4, 5)


@dataclass(frozen=True)
class DottedKeys:
    """Chunks ``0.0.0.0`` of an array of channel, x, y, z: slowest first."""

    store: str
    channel: int
    packings: tuple[tuple[str, str], ...] = PLAIN

    def cells(self, region: Region) -> Iterator[Cell]:
        start = (self.channel, *region.start[::-1])
        stop = (self.channel + 1, *region.stop[::-1])
        return itertools.product(
            *(range(a // c, -(-b // c)) for a, b, c in zip(start, stop, CHUNK))  # noqa: B905
        )

    def store_of(self, cell: Cell) -> str:
        return self.store

    def key(self, cell: Cell) -> bytes:
        return ".".join(map(str, cell)).encode()

    plain = key

    def shape(self, cell: Cell) -> tuple[int, ...]:
        return CHUNK


@dataclass(frozen=True)
class Unlzma:
    """Chunks of lzma, which TensorStore does not know."""

    itemsize: int

    def __call__(self, data: bytes, shape: tuple[int, ...]) -> bytes:
        size = math.prod(shape) * self.itemsize
        try:
            found = lzma.LZMADecompressor().decompress(data, size + 1)
        except lzma.LZMAError as error:
            raise CorruptError(got=f"no lzma ({error})", expected="lzma") from error
        if len(found) != size:
            raise CorruptError(got=f"{len(found)} bytes", expected=f"{size}")
        return found


def write(root: Path, want: NDArray[Any], skip: Cell | None = None) -> None:
    """Chunks of ``want`` (channel, x, y, z), full at the edges, as Zarr v2 has them."""
    padded = np.zeros([-(-n // c) * c for n, c in zip(want.shape, CHUNK)], want.dtype)  # noqa: B905
    padded[tuple(map(slice, want.shape))] = want
    for cell in itertools.product(
        *(range(n // c) for n, c in zip(padded.shape, CHUNK, strict=True))
    ):
        box = tuple(slice(i * c, (i + 1) * c) for i, c in zip(cell, CHUNK, strict=True))
        if cell != skip:
            packed = lzma.compress(padded[box].tobytes())
            (root / ".".join(map(str, cell))).write_bytes(packed)


def volume_of(place: str, want: NDArray[Any], channel: int = 1) -> ChunkedVolume:
    metadata = {
        "zarr_format": 2, "shape": want.shape, "chunks": CHUNK, "dtype": want.dtype.str,
        "compressor": None, "filters": None, "order": "C", "fill_value": 7,
        "dimension_separator": ".",
    }  # fmt: skip
    _, x, y, z = want.shape
    store = kvstore(place, TRANSPORT)
    return ChunkedVolume(
        grid=Grid((z, y, x), (1.0, 1.0, 1.0)),
        dtype=want.dtype,
        chunks=CHUNK[:0:-1],
        spec=spec_text("zarr", store, metadata=metadata),
        axes=Axes((3, 2, 1), fixed=((0, channel),)),
        url=place,
        keys=DottedKeys(json.dumps(store, sort_keys=True), channel),
        transcode=Unlzma(want.itemsize),
    )


@pytest.fixture
def want() -> NDArray[Any]:
    return writer.noise((3, 10, 11, 12), "u2")


def test_transcoded_chunks_are_read(tmp_path: Path, want: NDArray[Any]) -> None:
    """In every way that a volume is read, with the array's own fill value."""
    write(tmp_path, want, skip=(0, 0, 0, 1))
    volume = volume_of(str(tmp_path), want)
    expected = want[1].T.copy()
    expected[5:10, 0:4, 0:3] = 7
    whole = volume.grid.region
    np.testing.assert_array_equal(volume.read(whole), expected)
    held = volume.stored(whole)
    assert (~held).sum() == 5 * 4 * 3
    assert (expected[~held] == 7).all()
    boxes = list(whole.tiles((5, 4, 3)))
    boxes += [Region((1, 2, 3), (11, 9, 8)), Region((3, 3, 3), (3, 4, 4))]
    many = dict(volume.read_many(boxes))
    assert sorted(many) == list(range(len(boxes)))
    for index, found in many.items():
        np.testing.assert_array_equal(found, expected[boxes[index].slices])
        assert found.flags.c_contiguous
    with ThreadPoolExecutor(8) as pool:
        for box, found in zip(boxes, pool.map(volume.read, boxes), strict=True):
            np.testing.assert_array_equal(found, expected[box.slices])
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(volume)).read(whole), expected
    )


def test_another_process_transcodes_too(tmp_path: Path) -> None:
    """The precomputed driver's suffixes, as a spawned process knows no test module."""
    from emcatalog_precomputed import open_pyramid

    want = writer.noise((20, 20, 20))
    writer.write_precomputed(tmp_path, want)
    for file in (tmp_path / "8_8_8").iterdir():
        file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    volume = open_pyramid(str(tmp_path), TRANSPORT).level(0)
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        found = pool.submit(volume.read, volume.grid.region).result()
    np.testing.assert_array_equal(found, want)


def test_over_http_a_chunk_is_one_request(
    tmp_path: Path, want: NDArray[Any], nginx_at: Serve
) -> None:
    write(tmp_path, want)
    server = nginx_at(tmp_path)
    volume = volume_of(server.url, want)
    box = Region((0, 0, 0), (5, 4, 6))
    np.testing.assert_array_equal(volume.read(box), want[1].T[box.slices])
    assert sorted(r.path for r in server.requests) == ["/0.0.0.0", "/0.1.0.0"]


def test_what_does_not_come_or_decode_is_named(
    tmp_path: Path, want: NDArray[Any]
) -> None:
    write(tmp_path, want)
    volume = volume_of(str(tmp_path), want)
    chunk = tmp_path / "0.1.1.1"
    for content, message in (
        (b"nonsense", r"no lzma \(.*\) in 0\.1\.1\.1"),
        (lzma.compress(bytes(10)), r"10 bytes in 0\.1\.1\.1"),
        (lzma.compress(bytes(10**7)), r"241 bytes in 0\.1\.1\.1"),
    ):
        chunk.write_bytes(content)
        with pytest.raises(CorruptError, match=message) as caught:
            volume.read(volume.grid.region)
        assert caught.value.entry == str(tmp_path)
    away = volume_of("http://127.0.0.1:9/v", want)
    with pytest.raises(TransportError):
        away.read(Region((0, 0, 0), (1, 1, 1)))


def test_a_failure_cancels_the_rest(tmp_path: Path) -> None:
    """No thread goes on with pieces of a read that has failed."""
    seen: list[int] = []

    def slow_failure(data: bytes, shape: tuple[int, ...]) -> bytes:
        seen.append(len(data))
        time.sleep(0.2)
        raise CorruptError(got="nonsense", expected="sense")

    big = np.zeros((2, 60, 80, 100), "u1")
    volume = replace(volume_of(str(tmp_path), big), transcode=slow_failure)
    for cell in itertools.product((0,), range(20), range(20), range(20)):
        (tmp_path / ".".join(map(str, cell))).write_bytes(b"x")
    count = len(list(pieces(volume.grid.region, volume.chunks, 1)))
    with pytest.raises(CorruptError, match="nonsense in 0"):
        volume.read(volume.grid.region)
    assert len(seen) < count / 2


@settings(max_examples=60)
@given(
    chunk=st.tuples(*[st.integers(1, 64)] * 3),
    start=st.tuples(*[st.integers(0, 50)] * 3),
    shape=st.tuples(*[st.integers(1, 40)] * 3),
    itemsize=st.sampled_from([1, 8]),
)
def test_pieces_are_whole_chunks_and_bounded(
    chunk: tuple[int, int, int],
    start: tuple[int, int, int],
    shape: tuple[int, int, int],
    itemsize: int,
) -> None:
    z, y, x = (a + n for a, n in zip(start, shape, strict=True))
    region = Region(start, (z, y, x))
    seen = np.zeros(region.shape, int)
    for tile, place in pieces(region, chunk, itemsize):
        seen[place.slices] += 1
        assert tile.relative_to(region.start) == place
        assert len(list(tile.tiles(chunk))) <= PIECE_CHUNKS
        for axis in range(3):
            cuts = {tile.start[axis], tile.stop[axis]}
            inner = cuts - {region.start[axis], region.stop[axis]}
            assert not any(cut % chunk[axis] for cut in inner)
    assert (seen == 1).all()


# without the time, or each worker would have other tests
MEMBER = gzip.compress(b"voxels" * 99, mtime=0)


@pytest.mark.parametrize(
    "packed",
    [
        MEMBER,
        MEMBER + MEMBER,  # of one size, which is also that of both by the last one
        MEMBER + gzip.compress(b"more", mtime=0),
        MEMBER + bytes(9),
        gzip.compress(b"", mtime=0) + MEMBER,
        gzip.compress(b"", mtime=0),
    ],
)
def test_gzip_as_the_standard_library_reads_it(packed: bytes) -> None:
    assert unpack(packed, "gzip", 2000) == gzip.decompress(packed)


def test_gzip_that_is_damaged_anywhere() -> None:
    for place in range(len(MEMBER)):
        if place in (1, 2, 3, *range(4, 10)):
            continue  # the header tells the date, which nobody needs
        damaged = bytearray(MEMBER)
        damaged[place] ^= 4
        with pytest.raises(CorruptError, match="does not unpack"):
            unpack(bytes(damaged), "gzip", 2000)


@given(content=st.binary(max_size=200), limit=st.integers(0, 200))
def test_unpacking_is_bounded(content: bytes, limit: int) -> None:
    import imagecodecs

    packers: dict[str, Any] = {
        "": bytes,
        "gzip": gzip.compress,
        "br": imagecodecs.brotli_encode,
        "zstd": imagecodecs.zstd_encode,
    }
    assert set(packers) == set(UNPACKERS)
    for name, pack in packers.items():
        packed = bytes(pack(content))
        if len(content) <= limit:
            assert unpack(packed, name, limit) == content
        else:
            with pytest.raises(CorruptError):
                unpack(packed, name, limit)


def test_gzip_may_have_several_members() -> None:
    packed = gzip.compress(b"one ") + gzip.compress(b"two")
    assert unpack(packed, "gzip", 100) == b"one two"
    with pytest.raises(CorruptError, match="does not unpack"):
        unpack(packed[:-5], "gzip", 100)

"""Engine one: where bytes are looked for, reads, presence, staging and errors."""

from __future__ import annotations

import gzip
import itertools
import pickle
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import store_writer as writer
from chunked_volumes import PLAIN, metadata, served, stored_array, volume_of
from emcatalog.chunked import (
    Axes,
    ChunkedVolume,
    ChunkKeys,
    kvstore,
    spec_text,
    verify,
)
from emcatalog.chunked.engine import translate
from emcatalog.chunked.keys import morton
from emcatalog.errors import (
    AccessDeniedError,
    CorruptError,
    FormatError,
    MemoryLimitError,
    NotFoundError,
    RangeError,
    TransportError,
    UnreachableError,
)
from emcatalog.geometry import Grid, Region
from emcatalog.volume import MEMORY_VARIABLE, Volume

if TYPE_CHECKING:
    from servers.fixtures import Serve


@given(
    order=st.permutations(range(4)),
    index=st.integers(0, 2),
    gone=st.sampled_from([None, 0, 1, 2]),
)
def test_axes(
    order: list[int],
    index: int,
    gone: int | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Any order of dimensions, one of them fixed, and an axis that is not stored."""
    want = writer.noise((3, 5, 6, 7), "u2")  # fixed, z, y, x
    stored = want.transpose(order) if gone is None else want.take(0, gone + 1)
    if gone is not None:
        order = list(range(3))
    places = {name: order.index(name) for name in range(len(order))}
    spatial: list[int | None] = [places.get(a + 1) for a in range(3)]
    expected = want[index]
    if gone is not None:
        kept = [a for a in range(3) if a != gone]
        for place, axis in enumerate(kept):
            spatial[axis] = place + 1
        spatial[gone] = None
        expected = np.expand_dims(want[index].take(0, gone), gone)
    z, y, x = expected.shape
    volume = ChunkedVolume(
        Grid((z, y, x), (1.0, 1.0, 1.0)),
        want.dtype,
        (4, 4, 4),
        stored_array(tmp_path_factory.mktemp("axes"), stored),
        Axes((spatial[0], spatial[1], spatial[2]), ((places[0], index),)),
        "axes",
    )
    found = volume.read(volume.grid.region)
    np.testing.assert_array_equal(found, expected)
    assert found.flags.c_contiguous
    assert volume.stored(volume.grid.region).all()


def test_many_regions_come_each_once(tmp_path: Path) -> None:
    want = writer.noise((12, 12, 12))
    volume = volume_of(tmp_path, want)
    assert isinstance(volume, Volume)
    boxes = list(volume.grid.region.tiles((5, 4, 3)))
    many = list(volume.read_many(boxes))
    assert sorted(index for index, _ in many) == list(range(len(boxes)))
    for index, found in many:
        np.testing.assert_array_equal(found, want[boxes[index].slices])
    assert list(volume.read_many([])) == []


def test_local_files_that_change_are_read_again(tmp_path: Path) -> None:
    want = writer.noise((8, 8, 8))
    volume = volume_of(tmp_path, want)
    np.testing.assert_array_equal(volume.read(volume.grid.region), want)
    for chunk in (tmp_path / "0").glob("*.*.*"):
        chunk.write_bytes(bytes(255 - byte for byte in chunk.read_bytes()))
    np.testing.assert_array_equal(volume.read(volume.grid.region), 255 - want)


def test_opening_asks_nothing(tmp_path: Path, nginx_at: Serve) -> None:
    """The metadata are in the spec, also after pickling: one chunk is one request."""
    want = writer.noise((8, 8, 8))
    local = volume_of(tmp_path, want)
    server = nginx_at(tmp_path)
    copy = pickle.loads(pickle.dumps(served(local, server.url)))
    box = Region((0, 0, 0), (2, 2, 2))
    np.testing.assert_array_equal(copy.read(box), want[box.slices])
    assert [request.path for request in server.requests] == ["/0/0.0.0"]


def test_metadata_that_disagree(tmp_path: Path) -> None:
    volume = volume_of(tmp_path, writer.noise((8, 8, 8)))
    grid = Grid((8, 8, 9), (1.0, 1.0, 1.0))
    other = ChunkedVolume(grid, volume.dtype, (4, 4, 4), volume.spec, volume.axes, "it")
    with pytest.raises(FormatError, match=r"an array of \(8, 8, 8\) voxels"):
        other.read(Region((0, 0, 0), (1, 1, 1)))


def test_verify() -> None:
    store = {"driver": "memory"}
    verify(spec_text("zarr", store, metadata=metadata((4, 4, 4))))
    told = metadata((4, 4, 4)) | {"compressor": {"id": "lz4"}}
    with pytest.raises(FormatError, match=r'refuses: .*"lz4" is not registered'):
        verify(spec_text("zarr", store, metadata=told))


def test_verified_specs_survive_a_fork(tmp_path: Path) -> None:
    """What is opened but not yet read may still be read by forked workers."""
    spec = stored_array(tmp_path, writer.noise((4, 4, 4)))
    code = (
        "import os, sys\n"
        "from emcatalog.chunked import verify\n"
        "from emcatalog.chunked.engine import open_store\n"
        f"spec = {spec!r}\n"
        "verify(spec)\n"
        "if (child := os.fork()) == 0:\n"
        "    os._exit(0 if open_store(spec).read().result().all() else 1)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_memory_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volume = volume_of(tmp_path, writer.noise((8, 8, 8)))
    monkeypatch.setenv(MEMORY_VARIABLE, "100")
    for ask in (volume.read, volume.stored):
        with pytest.raises(MemoryLimitError, match="8 x 8 x 8 voxels"):
            ask(volume.grid.region)


def test_host_that_is_down() -> None:
    store = kvstore("http://127.0.0.1:9/v", PLAIN)
    spec = spec_text("zarr", store, metadata=metadata((8, 8, 8)))
    grid = Grid((8, 8, 8), (1.0, 1.0, 1.0))
    volume = ChunkedVolume(
        grid, np.dtype("u1"), (4, 4, 4), spec, Axes((0, 1, 2)), "http://it"
    )
    start = time.monotonic()
    with pytest.raises(UnreachableError, match="Could not connect") as caught:
        volume.read(grid.region)
    assert time.monotonic() - start < 8
    assert caught.value.entry == "http://it"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("PERMISSION_DENIED: Forbidden [HTTP code 403]", AccessDeniedError),
        ("All 4 retry attempts failed: [HTTP code 500]", UnreachableError),
        ("Requested byte range [0, 16) was ignored by server", RangeError),
        ("Requested byte range [0, 16) was not satisfied", RangeError),
        ("Not Implemented [HTTP code 501]", TransportError),
        ("RESOURCE_EXHAUSTED: too much", MemoryLimitError),
        ("NOT_FOUND: no such bucket", NotFoundError),
        ("Error decoding zlib-compressed data", CorruptError),
    ],
)
def test_errors_of_tensorstore(text: str, kind: type[Exception]) -> None:
    found = translate(ValueError(f"{text} [tensorstore_spec='{{}}'] [source locations"))
    assert type(found) is kind
    assert found.got == text
    assert found.expected
    assert found.hint


@given(grid=st.tuples(*[st.integers(1, 9)] * 3))
def test_morton_codes_are_different_and_dense(grid: tuple[int, int, int]) -> None:
    cells = itertools.product(*map(range, grid))
    codes = [morton((x, y, z), grid) for x, y, z in cells]
    assert len(set(codes)) == len(codes)
    bits = sum((n - 1).bit_length() for n in grid)
    assert max(codes) < 2**bits


def test_morton_code_of_the_specification() -> None:
    """Bits in turns from the lowest, x first; axes drop out when they are used up."""
    assert morton((0b11, 0b01, 0b1), (4, 4, 2)) == 0b01111
    assert morton((0b101, 0, 0), (8, 2, 1)) == 0b1001
    assert ChunkKeys("", (0,) * 3, (64, 64, 64), (64, 64, 64), "{}").key(
        (0, 0, 0)
    ) == bytes(8)


def staged(root: Path, content: bytes, suffix: str) -> Volume:
    from emcatalog_precomputed import open_pyramid

    scale = writer.scale("8_8_8", [16, 16, 16])
    writer.write_json(root / "info", writer.info([scale]))
    (root / "8_8_8").mkdir()
    (root / f"8_8_8/0-16_0-16_0-16{suffix}").write_bytes(content)
    return open_pyramid(str(root), PLAIN).level(0)


@pytest.mark.parametrize(
    ("content", "suffix", "message"),
    [  # without the time, or each worker would have other tests
        (gzip.compress(bytes(5 * 2**20), mtime=0), ".gz", "more than 1064960 bytes"),
        (
            gzip.compress(bytes(4096), mtime=0)[:-9],
            ".gz",
            "a chunk that does not unpack",
        ),
        (b"not gzip at all", ".gz", "a chunk that does not unpack"),
        (zlib.compress(bytes(4096)), ".gz", "a chunk that does not unpack"),
        (b"not brotli", ".br", "a chunk that does not unpack"),
        (b"not zstandard", ".zstd", "a chunk that does not unpack"),
        (gzip.compress(bytes(4095), mtime=0), ".gz", "0-16_0-16_0-16"),
    ],
)
def test_damaged_packed_chunks(
    tmp_path: Path, content: bytes, suffix: str, message: str
) -> None:
    volume = staged(tmp_path, content, suffix)
    with pytest.raises(CorruptError, match=message):
        volume.read(volume.grid.region)


def test_suffixed_chunk_is_read(tmp_path: Path) -> None:
    want = writer.noise((16, 16, 16))
    volume = staged(tmp_path, gzip.compress(want.tobytes()), ".gz")
    np.testing.assert_array_equal(volume.read(volume.grid.region), want)
    assert volume.stored(Region((3, 3, 3), (4, 4, 4))).all()


def test_folder_that_cannot_be_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its packed chunks are found, and are not taken for absent."""

    def refuse(_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.scandir", refuse)
    want = writer.noise((16, 16, 16))
    volume = staged(tmp_path, gzip.compress(want.tobytes()), ".gz")
    monkeypatch.undo()
    np.testing.assert_array_equal(volume.read(volume.grid.region), want)

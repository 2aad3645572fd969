"""Pages on servers: equal to NumPy, few bytes and requests, shared by many regions."""

from __future__ import annotations

import dataclasses
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import servers
from emcatalog.cache import flush, page_cache
from emcatalog.errors import (
    ContentError,
    CorruptError,
    EmcatalogError,
    GeometryError,
    NotFoundError,
    TruncatedError,
)
from emcatalog.geometry import Grid, Region
from emcatalog.mirror import Mirrors
from emcatalog.paged import Layout, Page, PagedVolume, batch, flow
from emcatalog.transport import Transport
from page_writer import Zlib, at, boxes, layouts, plain, write
from servers.fixtures import Serve

SHAPE = (32, 512, 512)
GAP = 200_000
ONCE = Transport(mirrors=Mirrors(), attempts=1)


def volume_of(
    layout: Layout, pages: tuple[Page | None, ...], transport: Transport = ONCE
) -> PagedVolume:
    grid = Grid((len(pages), *layout.shape), (1.0, 1.0, 1.0))
    fresh = dataclasses.replace(transport, versions=type(transport.versions)())
    return PagedVolume(grid, layout, pages, fresh)


def served(folder: Path, url: str) -> tuple[PagedVolume, Any]:
    """Plain pages far apart, in one file on a server."""
    layout, pages, whole = plain(folder / "a.bin", SHAPE, GAP)
    return volume_of(layout, at(pages, f"{url}/a.bin")), whole


def sent(server: Any) -> int:
    """Bytes of rows: without the heads of the parts of an answer."""
    parts = sum(r.range.count("-") for r in server.requests if "," in r.range)
    return int(server.bytes_sent) - 160 * parts


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shelf")


@settings(deadline=None, derandomize=True, max_examples=30)
@given(drawn=layouts(), missing=st.integers(0, 3))
def test_any_regions_of_any_layout_over_http(
    shelf: Path, shared_servers: Any, drawn: tuple[Layout, int, int], missing: int
) -> None:
    server = shared_servers.at("http", shelf)
    page_cache().clear()
    layout, depth, seed = drawn
    random = np.random.default_rng(seed)
    shape = depth, *layout.shape
    whole = random.integers(0, 200, (*shape, layout.samples)).astype(layout.dtype)
    name = f"{seed}-{depth}-{abs(hash(layout))}.bin"
    pages = list(at(write(shelf / name, whole, layout, random), f"{server.url}/{name}"))
    if missing < depth:
        pages[missing], whole[missing] = None, 0
    volume = volume_of(layout, tuple(pages))
    regions = [volume.grid.region, *(boxes(shape, random) for _ in range(4))]
    for index, voxels in volume.read_many(regions):
        expected = whole[(*regions[index].slices, layout.sample)]
        np.testing.assert_array_equal(voxels, expected)
        assert voxels.dtype == layout.dtype.newbyteorder("=")
        assert voxels.flags.writeable
    before = len(server.requests)
    for region in regions:  # all of it is kept by now
        expected = whole[(*region.slices, layout.sample)]
        np.testing.assert_array_equal(volume.read(region), expected)
    assert len(server.requests) == before


@pytest.mark.parametrize("kind", ["nginx", "http"])
def test_a_block_costs_its_rows_and_fewer_requests_than_pages(
    tmp_path: Path, shared_servers: Any, kind: str
) -> None:
    server = shared_servers.at(kind, tmp_path)
    volume, whole = served(tmp_path, server.url)
    few = dataclasses.replace(volume.transport, connections=8)
    volume = dataclasses.replace(volume, transport=few)
    box = Region((0, 101, 300), (32, 229, 428))
    np.testing.assert_array_equal(volume.read(box), whole[box.slices])
    needed = box.shape[0] * box.shape[1] * SHAPE[2]
    assert sent(server) <= 1.3 * needed
    assert len(server.requests) <= 12 < box.shape[0]


@pytest.mark.parametrize("budget", [1, 100_000, 1 << 30])
@pytest.mark.parametrize("kind", ["nginx", "http"])
def test_regions_share_their_rows(
    tmp_path: Path,
    shared_servers: Any,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    budget: int,
) -> None:
    """Windows side by side cost what one of them costs, also if few are begun."""
    monkeypatch.setattr(batch, "BUDGET", budget)
    server = shared_servers.at(kind, tmp_path)
    volume, whole = served(tmp_path, server.url)
    regions = [Region((4, 64, x), (12, 128, x + 64)) for x in range(0, 512, 64)]
    for index, voxels in volume.read_many(regions):
        np.testing.assert_array_equal(voxels, whole[regions[index].slices])
    assert sent(server) <= 1.15 * 8 * 64 * SHAPE[2]
    server.forget()
    volume.read(regions[3])
    assert not server.requests


def test_encoded_segments_are_fetched_and_decoded_once(
    tmp_path: Path, http_at: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = http_at(tmp_path)
    layout = Layout((64, 48), np.dtype("u1"), (16, 16), Zlib("u1"))
    random = np.random.default_rng(0)
    whole = random.integers(0, 9, (6, 64, 48, 1), np.uint8)
    pages = write(tmp_path / "a.bin", whole, layout, random)
    volume = volume_of(layout, at(pages, f"{server.url}/a.bin"))
    decoded: list[int] = []
    decode = Zlib.decode
    monkeypatch.setattr(
        Zlib, "decode", lambda self, *a: decoded.append(1) or decode(self, *a)
    )
    regions = [volume.grid.region] * 3 + [Region((0, 1, 1), (6, 60, 40))] * 3
    for index, voxels in volume.read_many(regions):
        np.testing.assert_array_equal(voxels, whole[regions[index].slices][..., 0])
    assert len(decoded) == 6 * 4 * 3
    stored = sum(sum(page.counts) for page in pages)
    assert sent(server) <= 1.15 * stored


def test_nothing_kept_means_asked_again(
    tmp_path: Path, http_at: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMCATALOG_CACHE", "0")
    server = http_at(tmp_path)
    volume, whole = served(tmp_path, server.url)
    box = Region((0, 0, 0), (2, 16, 16))
    for _ in range(2):
        server.forget()
        np.testing.assert_array_equal(volume.read(box), whole[box.slices])
        assert server.requests
    regions = [box] * 5
    server.forget()
    assert len(dict(volume.read_many(regions))) == 5
    assert sent(server) <= 1.3 * 2 * 16 * SHAPE[2]


def test_what_is_given_is_the_takers_own(tmp_path: Path, http_at: Serve) -> None:
    volume, whole = served(tmp_path, http_at(tmp_path).url)
    box = Region((3, 5, 7), (5, 20, 30))
    for _ in range(2):
        voxels = volume.read(box)
        np.testing.assert_array_equal(voxels, whole[box.slices])
        voxels[...] = 0


def test_readers_with_other_rights_share_nothing(
    tmp_path: Path, http_at: Serve
) -> None:
    server = http_at(tmp_path)
    volume, _ = served(tmp_path, server.url)
    box = Region((0, 0, 0), (1, 8, 8))
    volume.read(box)
    for token, asked in (("a", True), ("a", False), ("b", True)):
        options = {"headers": {"Authorization": f"Bearer {token}"}}
        other = dataclasses.replace(ONCE, storage_options=options)
        again = volume_of(volume.layout, volume.pages, other)
        again.transport.read_range(f"{server.url}/a.bin", 0, 4)  # as a header is
        server.forget()
        again.read(box)
        assert bool(server.requests) == asked


def test_a_changed_file_is_not_mixed_with_the_old_one(
    tmp_path: Path, http_at: Serve
) -> None:
    server = http_at(tmp_path)
    volume, whole = served(tmp_path, server.url)
    box = Region((0, 0, 0), (1, 8, 8))
    np.testing.assert_array_equal(volume.read(box), whole[box.slices])
    file = tmp_path / "a.bin"
    file.write_bytes(file.read_bytes()[::-1])
    os.utime(file, (1, 1))
    with pytest.raises(ContentError, match=r"a\.bin.*another version"):
        volume.read(Region((1, 0, 0), (2, 8, 8)))
    again = volume_of(volume.layout, volume.pages)
    other = again.read(Region((1, 0, 0), (2, 8, 8)))  # now its version is known
    assert not np.array_equal(other, whole[1:2, :8, :8])
    assert not np.array_equal(again.read(box), whole[box.slices])


def test_a_file_that_ends_early(tmp_path: Path, http_at: Serve) -> None:
    volume, whole = served(tmp_path, http_at(tmp_path).url)
    file = tmp_path / "a.bin"
    file.write_bytes(file.read_bytes()[: -GAP - 1])
    box = Region((31, 0, 0), (32, 504, 512))
    np.testing.assert_array_equal(volume.read(box), whole[box.slices])
    with pytest.raises(TruncatedError, match=r"a\.bin"):
        volume.read(Region((31, 500, 0), (32, 512, 512)))
    file.unlink()
    page_cache().clear()
    with pytest.raises(NotFoundError, match=r"a\.bin"):
        volume.read(volume.grid.region)


def test_faults_that_pass(
    tmp_path: Path, faulty_http: Callable[[Path], servers.http_server.FaultyServer]
) -> None:
    server = faulty_http(tmp_path)
    layout, pages, whole = plain(tmp_path / "a.bin", (4, 64, 64), 1000)
    patient = Transport(mirrors=Mirrors())
    for fault in (servers.status(503), servers.truncate(lost=10), servers.reset):
        volume = volume_of(layout, at(pages, f"{server.url}/a.bin"), patient)
        page_cache().clear()
        server.faults.add(fault, times=1)
        regions = [volume.grid.region, Region((0, 5, 5), (4, 30, 30))]
        for index, voxels in volume.read_many(regions):
            np.testing.assert_array_equal(voxels, whole[regions[index].slices])


def test_faults_that_stay_are_told_and_nothing_is_made_up(
    tmp_path: Path, faulty_http: Callable[[Path], servers.http_server.FaultyServer]
) -> None:
    server = faulty_http(tmp_path)
    layout, pages, _ = plain(tmp_path / "a.bin", (4, 64, 64), 1000)
    for fault in (servers.status(500), servers.truncate(lost=10), servers.login_page):
        volume = volume_of(layout, at(pages, f"{server.url}/a.bin"))
        server.faults.add(fault)
        for ask in (volume.read, lambda r: list(volume.read_many([r] * 2))):  # noqa: B023
            with pytest.raises(EmcatalogError, match=r"a\.bin"):
                ask(volume.grid.region)
        server.faults.clear()


def test_a_segment_that_does_not_decode_is_named(
    tmp_path: Path, http_at: Serve
) -> None:
    server = http_at(tmp_path)
    (tmp_path / "a.bin").write_bytes(b"no zlib at all")
    layout = Layout((4, 4), np.dtype("u1"), (4, 4), Zlib("u1"))
    url = f"{server.url}/a.bin"
    volume = volume_of(layout, (None, Page(url, (0,), (14,))))
    with pytest.raises(CorruptError, match=r"a\.bin, section 1: got bytes that do not"):
        volume.read(volume.grid.region)
    assert not volume.read(Region((0, 0, 0), (1, 4, 4))).any()


def test_regions_are_checked_before_anything_is_asked(
    tmp_path: Path, http_at: Serve
) -> None:
    server = http_at(tmp_path)
    volume, _ = served(tmp_path, server.url)
    with pytest.raises(GeometryError):
        volume.read_many([Region((0, 0, 0), (1, 1, 1)), Region((0, 0, 0), (99, 1, 1))])
    assert not server.requests


def test_a_batch_that_is_left_asks_no_more(tmp_path: Path, http_at: Serve) -> None:
    server = http_at(tmp_path)
    volume, whole = served(tmp_path, server.url)
    regions = [Region((z, 0, 0), (z + 1, 512, 512)) for z in range(32)]
    batch = volume.read_many(regions)
    index, voxels = next(batch)
    np.testing.assert_array_equal(voxels, whole[regions[index].slices])
    batch.close()  # type: ignore[attr-defined]
    assert dict(volume.read_many(regions[:2])).keys() == {0, 1}


def test_memory_is_bounded_however_slow_the_taker(
    tmp_path: Path, http_at: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is begun and not taken, and what is in flight; all of it is 16 MiB."""
    monkeypatch.setenv("EMCATALOG_CACHE", "0")
    monkeypatch.setattr(batch, "BUDGET", 1 << 20)
    monkeypatch.setattr(flow, "IN_FLIGHT", 2 << 20)
    monkeypatch.setattr(flow, "TURN", 1 << 20)
    layout, pages, whole = plain(tmp_path / "a.bin", (32, 512, 1024))
    url = f"{http_at(tmp_path).url}/a.bin"
    volume = volume_of(layout, at(pages, url))
    regions = [Region((z, 0, 0), (z + 1, 512, 1024)) for z in range(32)]
    volume.read(Region((0, 0, 0), (1, 1, 1)))  # what is made once
    tracemalloc.start()
    try:
        held, _ = tracemalloc.get_traced_memory()
        for index, voxels in volume.read_many(regions):
            np.testing.assert_array_equal(voxels, whole[regions[index].slices])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - held < 10 << 20


@pytest.mark.parametrize("encoded", [False, True])
def test_pages_may_lie_in_several_places(
    tmp_path: Path, http_at: Serve, encoded: bool
) -> None:
    """As in a mirror that has some of the files: on the disk and on a server."""
    codec = Zlib("u1") if encoded else None
    layout = Layout((40, 30), np.dtype("u1"), (16, 30), codec)
    random = np.random.default_rng(0)
    whole = random.integers(0, 9, (6, 40, 30, 1), np.uint8)
    here = write(tmp_path / "a.bin", whole, layout, random)
    there = at(here, f"{http_at(tmp_path).url}/a.bin")
    mixed = tuple((here, there)[z % 2][z] for z in range(6))
    volume = volume_of(layout, mixed)
    regions = [volume.grid.region, Region((1, 3, 4), (5, 39, 29))]
    for index, voxels in volume.read_many(regions):
        np.testing.assert_array_equal(voxels, whole[regions[index].slices][..., 0])


@pytest.mark.parametrize("encoded", [False, True])
def test_a_large_region_comes_in_turns(
    tmp_path: Path,
    http_at: Serve,
    monkeypatch: pytest.MonkeyPatch,
    encoded: bool,
) -> None:
    """Each turn is planned by itself, and no more of them are under way than fit."""
    monkeypatch.setenv("EMCATALOG_DISK_CACHE", str(tmp_path / "kept"))
    monkeypatch.setattr(flow, "TURN", 20_000)
    monkeypatch.setattr(flow, "IN_FLIGHT", 30_000)
    layout = Layout((64, 48), np.dtype("u1"), (16, 48), Zlib("u1") if encoded else None)
    random = np.random.default_rng(0)
    whole = random.integers(0, 255, (20, 64, 48, 1), np.uint8)
    pages = at(write(tmp_path / "a.bin", whole, layout, random), "")
    url = f"{http_at(tmp_path).url}/a.bin"
    for _ in range(2):  # from the server, then from the disk
        volume = volume_of(layout, at(pages, url))
        np.testing.assert_array_equal(volume.read(volume.grid.region), whole[..., 0])
        page_cache().clear()
        flush()

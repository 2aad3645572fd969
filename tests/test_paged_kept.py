"""What is kept of pages: in memory and on disk, never of another version of a file."""

from __future__ import annotations

import dataclasses
import os
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emcatalog.cache import disk_cache, flush, page_cache
from emcatalog.errors import CorruptError, NotFoundError
from emcatalog.geometry import Grid, Region
from emcatalog.mirror import Mirrors
from emcatalog.paged import Layout, PagedVolume
from emcatalog.testing import traffic
from emcatalog.transport import Transport
from page_writer import Zlib, at, plain, write
from servers.fixtures import Serve

LAYOUT = Layout((40, 30), np.dtype("<u2"), (16, 30), Zlib("<u2"))
LONG_AGO = 10**18
ONCE = Transport(mirrors=Mirrors(), attempts=1)


def encoded(path: Path, seed: int = 0, layout: Layout = LAYOUT) -> Any:
    """A volume of strips in the file at ``path``, and its voxels."""
    whole = np.random.default_rng(seed).integers(0, 9, (3, 40, 30, 1)).astype("<u2")
    # the same places whatever the content: as in a file that was rewritten
    pages = write(path, whole, layout, np.random.default_rng(0))
    grid = Grid((3, 40, 30), (1.0, 1.0, 1.0))
    return PagedVolume(grid, layout, pages, fresh()), whole[..., 0]


def fresh(transport: Transport = ONCE) -> Transport:
    """A transport that has seen nothing yet."""
    return dataclasses.replace(transport, versions=type(transport.versions)())


def moved(volume: PagedVolume, url: str) -> PagedVolume:
    pages = at(volume.pages, url)
    return dataclasses.replace(volume, pages=pages, transport=fresh())


def settled() -> None:
    """Wait until what was read is on disk: readers do not."""
    for thread in threading.enumerate():
        if thread.name.startswith("emcatalog-fetching"):
            thread.join()
    flush()


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EMCATALOG_DISK_CACHE", str(tmp_path / "kept"))
    return tmp_path / "kept"


def test_local_segments_are_read_once(tmp_path: Path) -> None:
    volume, whole = encoded(tmp_path / "a.bin")
    os.utime(tmp_path / "a.bin", ns=(LONG_AGO, LONG_AGO))
    np.testing.assert_array_equal(volume.read(volume.grid.region), whole)
    held = page_cache().size
    assert held >= whole.nbytes
    np.testing.assert_array_equal(volume.read(volume.grid.region), whole)
    assert page_cache().size == held


def test_a_local_file_that_is_rewritten_is_read_anew(tmp_path: Path) -> None:
    volume, whole = encoded(tmp_path / "a.bin")
    os.utime(tmp_path / "a.bin", ns=(LONG_AGO, LONG_AGO))
    np.testing.assert_array_equal(volume.read(volume.grid.region), whole)
    volume, other = encoded(tmp_path / "a.bin", seed=1)
    os.utime(tmp_path / "a.bin", ns=(LONG_AGO + 1, LONG_AGO + 1))
    np.testing.assert_array_equal(volume.read(volume.grid.region), other)


def test_a_file_that_was_just_written_may_change_unseen(tmp_path: Path) -> None:
    """Within a tick of the disk's clock; so nothing of it is kept."""
    for seed in range(3):
        volume, whole = encoded(tmp_path / "a.bin", seed)
        now = time.time_ns() - 10**9
        os.utime(tmp_path / "a.bin", ns=(now // 10**10 * 10**10 + 10**10,) * 2)
        np.testing.assert_array_equal(volume.read(volume.grid.region), whole)
    assert not page_cache().size


def test_a_local_file_that_is_gone(tmp_path: Path) -> None:
    volume, _ = encoded(tmp_path / "a.bin")
    (tmp_path / "a.bin").unlink()
    with pytest.raises(NotFoundError, match=r"a\.bin"):
        volume.read(volume.grid.region)


def test_plain_local_pages_are_not_kept(tmp_path: Path) -> None:
    layout, pages, whole = plain(tmp_path / "a.bin", (3, 20, 30))
    volume = PagedVolume(Grid((3, 20, 30), (1, 1, 1)), layout, pages, fresh())
    for _ in range(2):
        with traffic() as seen:
            np.testing.assert_array_equal(volume.read(volume.grid.region), whole)
        assert seen.requests == 0
    assert not page_cache().size
    # a window of rows that are rewritten in place shows them
    with (tmp_path / "a.bin").open("r+b") as file:
        file.seek(4)
        file.write(bytes(600))
    assert not volume.read(Region((0, 0, 0), (1, 20, 30))).any()


def test_codecs_that_differ_share_nothing(tmp_path: Path) -> None:
    volume, whole = encoded(tmp_path / "a.bin")
    os.utime(tmp_path / "a.bin", ns=(LONG_AGO, LONG_AGO))
    np.testing.assert_array_equal(volume.read(volume.grid.region), whole)
    big = Layout((40, 30), np.dtype(">u2"), (16, 30), Zlib(">u2"))
    swapped = dataclasses.replace(volume, layout=big)
    np.testing.assert_array_equal(swapped.read(volume.grid.region), whole.byteswap())


def test_samples_are_kept_apart_and_alone(tmp_path: Path) -> None:
    """A channel of three takes a third: it is no view of all of them."""
    layout = Layout((20, 10), np.dtype("u1"), (20, 10), Zlib("u1"), samples=3)
    whole = np.random.default_rng(0).integers(0, 99, (2, 20, 10, 3), np.uint8)
    pages = write(tmp_path / "a.bin", whole, layout, np.random.default_rng(0))
    os.utime(tmp_path / "a.bin", ns=(LONG_AGO, LONG_AGO))
    for sample in (0, 1, 2, 1):
        one = dataclasses.replace(layout, sample=sample)
        volume = PagedVolume(Grid((2, 20, 10), (1, 1, 1)), one, pages, fresh())
        found = volume.read(volume.grid.region)
        np.testing.assert_array_equal(found, whole[..., sample])
    assert page_cache().size <= whole.nbytes + 6 * 256


@pytest.mark.parametrize("kind", ["encoded", "plain"])
def test_pages_on_disk_serve_another_process(
    tmp_path: Path, http_at: Serve, disk: Path, kind: str
) -> None:
    server = http_at(tmp_path)
    if kind == "encoded":
        volume, whole = encoded(tmp_path / "a.bin")
    else:
        layout, pages, whole = plain(tmp_path / "a.bin", (3, 40, 30))
        volume = PagedVolume(Grid((3, 40, 30), (1, 1, 1)), layout, pages, fresh())
    url = f"{server.url}/a.bin"
    np.testing.assert_array_equal(moved(volume, url).read(volume.grid.region), whole)
    settled()
    page_cache().clear()  # as in another process
    server.forget()
    np.testing.assert_array_equal(moved(volume, url).read(volume.grid.region), whole)
    assert len(server.requests) == 1  # which version there is
    assert server.bytes_sent <= 1
    cache = disk_cache()
    assert cache is not None
    assert cache.used() >= whole.nbytes // 4


def test_a_changed_file_is_never_served_from_disk(
    tmp_path: Path, http_at: Serve, disk: Path
) -> None:
    server = http_at(tmp_path)
    url = f"{server.url}/a.bin"
    for seed in range(3):
        volume, whole = encoded(tmp_path / "a.bin", seed)
        os.utime(tmp_path / "a.bin", (1000 + seed, 1000 + seed))
        page_cache().clear()
        volume = moved(volume, url)
        np.testing.assert_array_equal(volume.read(volume.grid.region), whole)
        settled()


def test_a_page_that_came_spoiled_is_not_kept(
    tmp_path: Path, http_at: Serve, disk: Path
) -> None:
    path = tmp_path / "a.bin"
    volume, whole = encoded(path)
    good, page = path.read_bytes(), volume.pages[0]
    assert page is not None
    start, length = page.offsets[0], page.counts[0]
    url = f"{http_at(tmp_path).url}/a.bin"
    # of one date and size, which is all that the server makes its ETag of
    for content in (good[:start] + bytes(length) + good[start + length :], good):
        path.write_bytes(content)
        os.utime(path, (1000, 1000))
        there = moved(volume, url)
        if content != good:
            with pytest.raises(CorruptError, match="do not decode"):
                there.read(volume.grid.region)
        settled()
        page_cache().clear()
    np.testing.assert_array_equal(there.read(volume.grid.region), whole)


def test_a_damaged_disk_cache_costs_requests_and_no_voxels(
    tmp_path: Path, http_at: Serve, disk: Path
) -> None:
    volume, whole = encoded(tmp_path / "a.bin")
    url = f"{http_at(tmp_path).url}/a.bin"
    moved(volume, url).read(volume.grid.region)
    settled()
    for file in [f for f in disk.rglob("*") if f.is_file()]:
        file.write_bytes(file.read_bytes()[:-1] + b"?")
    page_cache().clear()
    np.testing.assert_array_equal(moved(volume, url).read(volume.grid.region), whole)


def test_secrets_are_not_on_disk(tmp_path: Path, http_at: Serve, disk: Path) -> None:
    volume, _ = encoded(tmp_path / "a.bin")
    options = {"headers": {"Authorization": "Bearer tell-nobody"}}
    url = f"{http_at(tmp_path).url}/a.bin?key=tell-nobody"
    volume = moved(volume, url)
    secret = fresh(dataclasses.replace(ONCE, storage_options=options))
    dataclasses.replace(volume, transport=secret).read(volume.grid.region)
    settled()
    files = [f for f in disk.rglob("*") if f.is_file()]
    assert files
    for file in files:
        assert "tell-nobody" not in str(file)
        assert b"tell-nobody" not in file.read_bytes()

"""Kept chunks of remote volumes: what they cost, and that none is stale or wrong."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tensorstore
from numcodecs import LZMA
from numpy.typing import NDArray
from starlette.datastructures import Headers

import store_writer as writer
from emcatalog.cache import DiskCache, flush, page_cache
from emcatalog.chunked import ChunkedVolume, engine, kept
from emcatalog.errors import CorruptError, EmcatalogError, OptionError
from emcatalog.geometry import Region
from emcatalog.mirror import Mirrors
from emcatalog.recheck import RECHECK_SECONDS
from emcatalog.transport import Transport
from emcatalog_ngff import open_pyramid as open_ngff
from emcatalog_precomputed import open_pyramid as open_precomputed

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from servers.fixtures import Serve
    from servers.http_server import FaultyServer

SHAPE = (44, 45, 46)
WHOLE = Region((0, 0, 0), SHAPE)
Open = Callable[..., Any]


def _zarr(version: Any, **creation: Any) -> Callable[[Path, NDArray[Any]], Open]:
    def write(root: Path, want: NDArray[Any]) -> Open:
        members = writer.multiscale("zyx", [[8, 8, 8]])
        options = {"chunks": (16, 16, 16), **creation}
        writer.write_ome(root, [want], members, version, **options)
        return open_ngff

    return write


def _n5(root: Path, want: NDArray[Any]) -> Open:
    size = {"pixelResolution": {"dimensions": [8, 8, 8], "unit": "nm"}}
    writer.write_n5(root, want, (16, 16, 16), size, "gzip")
    return open_ngff


def _precomputed(**members: Any) -> Callable[[Path, NDArray[Any]], Open]:
    def write(root: Path, want: NDArray[Any]) -> Open:
        scale = {
            "size": SHAPE[::-1], "resolution": [8, 8, 8], "chunk_size": [16, 16, 16],
            "encoding": "raw", **members,
        }  # fmt: skip
        kinds = {"type": "image", "data_type": "uint8", "num_channels": 1}
        spec = {
            "driver": "neuroglancer_precomputed",
            "kvstore": {"driver": "file", "path": f"{root}/"},
            "multiscale_metadata": kinds,
            "scale_metadata": scale,
            "create": True,
            "delete_existing": True,
        }
        store = tensorstore.open(spec).result()
        with tensorstore.Transaction() as together:
            voxels = want.transpose(2, 1, 0)[..., None]
            store.with_transaction(together).write(voxels).result()
        return open_precomputed

    return write


def _sharding(data: str) -> dict[str, Any]:
    return {
        "@type": "neuroglancer_uint64_sharded_v1", "hash": "murmurhash3_x86_128",
        "preshift_bits": 1, "minishard_bits": 1, "shard_bits": 1,
        "minishard_index_encoding": "gzip", "data_encoding": data,
    }  # fmt: skip


FORMATS: dict[str, Callable[[Path, NDArray[Any]], Open]] = {
    "zarr2": _zarr(2),
    "zarr3": _zarr(3),
    "zarr3 shards": _zarr(3, shards=(32, 32, 32)),
    "n5": _n5,
    "precomputed": _precomputed(),
    "precomputed shards": _precomputed(sharding=_sharding("raw")),
    "precomputed gzip shards": _precomputed(sharding=_sharding("gzip")),
    "zarr2 lzma": _zarr(2, compressors=LZMA()),
    "png": _precomputed(encoding="png"),
    "png shards": _precomputed(encoding="png", sharding=_sharding("gzip")),
}
"""Writers of volumes in chunks of 16 x 16 x 16; each gives what opens them."""
CHUNKS, OVERHEAD = 27, 600
"""A chunk has more bytes than that, and what tells where it is in a shard fewer."""
TRANSCODED = ("zarr2 lzma", "png", "png shards")


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a disk cache that is in use."""
    folder = tmp_path / "kept"
    monkeypatch.setenv("EMCATALOG_DISK_CACHE", str(folder))
    return folder


@pytest.fixture
def want() -> NDArray[Any]:
    return writer.noise(SHAPE)


def opened(url: str, open_: Open, **options: Any) -> ChunkedVolume:
    volume = open_(url, Transport(options, Mirrors(), attempts=1)).level(0)
    assert isinstance(volume, ChunkedVolume)
    return volume


def forget() -> None:
    """Begin as a process that has just been started."""
    flush()
    page_cache().clear()
    kept.forget()
    for cached in (engine._open, engine._open_kvstore, engine._context):
        cached.cache_clear()


def entries(folder: Path) -> list[Path]:
    flush()
    return list(folder.glob("??/*"))


def rewritten(root: Path, name: str, want: NDArray[Any], day: int = 1) -> None:
    """Write a volume again; each time on another day, since dates make the ETags."""
    shutil.rmtree(root)
    FORMATS[name](root, want)
    for path in root.rglob("*"):
        told = path.stat().st_mtime + day * 86400
        os.utime(path, (told, told))


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """``later()``: the period ends in which answers are believed."""
    now = [kept.time.time()]  # type: ignore[attr-defined]
    monkeypatch.setattr("emcatalog.chunked.kept.time.time", lambda: now[0])

    def pass_() -> None:
        now[0] += RECHECK_SECONDS

    return pass_


@pytest.mark.parametrize("name", FORMATS)
def test_a_kept_chunk_costs_no_bytes_and_soon_no_request(
    name: str, tmp_path: Path, disk: Path, want: NDArray[Any], nginx_at: Serve,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    open_ = FORMATS[name](tmp_path / "v", want)
    server = nginx_at(tmp_path / "v")
    volume = opened(server.url, open_)
    for memory in ("64 MiB", "0"):  # with no memory it is the disk that serves
        monkeypatch.setenv("EMCATALOG_CACHE", memory)
        forget()
        np.testing.assert_array_equal(volume.read(WHOLE), want)
        assert len(entries(disk)) == CHUNKS
        server.forget()
        for box in (WHOLE, Region((3, 3, 3), (39, 30, 9))):
            np.testing.assert_array_equal(volume.read(box), want[box.slices])
        assert not server.requests
        forget()
        np.testing.assert_array_equal(volume.read(WHOLE), want)
        told = [request.status for request in server.requests]
        if "shards" in name:  # only indices, a few bytes for each shard
            assert len(told) <= 2 * 8 or memory == "0"
            assert all(r.bytes_sent < OVERHEAD for r in server.requests)
        else:
            assert told == [304] * CHUNKS
            assert server.bytes_sent == 0


@pytest.mark.parametrize("name", FORMATS)
def test_what_has_changed_is_never_served_stale(
    name: str, tmp_path: Path, disk: Path, want: NDArray[Any], nginx_at: Serve,
    later: Callable[[], None],
) -> None:  # fmt: skip
    root = tmp_path / "v"
    open_ = FORMATS[name](root, want)
    volume = opened(nginx_at(root).url, open_)
    np.testing.assert_array_equal(volume.read(WHOLE), want)
    for day, pass_ in enumerate((forget, later), start=1):
        want = 255 - want
        rewritten(root, name, want, day)
        pass_()
        np.testing.assert_array_equal(volume.read(WHOLE), want)
        forget()
        np.testing.assert_array_equal(volume.read(WHOLE), want)
    assert len(entries(disk)) == CHUNKS  # the new ones, in place of the old


@pytest.mark.parametrize("name", FORMATS)
def test_absent_chunks_are_fill_and_not_remembered_on_disk(
    name: str, tmp_path: Path, disk: Path, want: NDArray[Any], nginx_at: Serve
) -> None:
    root, server = tmp_path / "v", nginx_at(tmp_path)
    half = want.copy()
    half[:16] = 0  # writers do not store chunks of nothing but the fill value
    open_ = FORMATS[name](root, half)
    for file in root.glob("*/*/0") if name == "n5" else ():
        file.unlink()  # but this one does
    volume = opened(f"{server.url}/v", open_)
    np.testing.assert_array_equal(volume.read(WHOLE), half)
    assert not volume.stored(WHOLE)[:16].any()
    server.forget()
    np.testing.assert_array_equal(volume.read(WHOLE), half)
    assert not server.requests  # nor are absent ones asked for again
    assert len(entries(disk)) == CHUNKS - 9
    rewritten(root, name, want)
    forget()
    np.testing.assert_array_equal(volume.read(WHOLE), want)


@pytest.mark.parametrize("name", FORMATS)
def test_a_spoiled_entry_is_fetched_anew(
    name: str, tmp_path: Path, disk: Path, want: NDArray[Any], nginx_at: Serve
) -> None:
    open_ = FORMATS[name](tmp_path / "v", want)
    volume = opened(nginx_at(tmp_path / "v").url, open_)
    volume.read(WHOLE)
    for file in entries(disk):
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.write_bytes(content)
    for forgotten in (forget, page_cache().clear):
        forgotten()
        np.testing.assert_array_equal(volume.read(WHOLE), want)
    forget()
    for file in entries(disk):
        file.write_bytes(file.read_bytes()[:100])
    np.testing.assert_array_equal(volume.read(WHOLE), want)


@pytest.mark.parametrize("name", ["zarr2", "zarr2 lzma", "png"])
def test_what_came_spoiled_is_not_kept(
    name: str, tmp_path: Path, disk: Path, want: NDArray[Any], nginx_at: Serve,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Under the ETag of the right chunk: that would be "not modified" for ever."""
    spoiled(name, tmp_path, want, nginx_at)
    if name in TRANSCODED:  # in memory, too
        forget()
        monkeypatch.delenv("EMCATALOG_DISK_CACHE")
        spoiled(name, tmp_path, want, nginx_at)


def spoiled(name: str, tmp_path: Path, want: NDArray[Any], nginx_at: Serve) -> None:
    """Read a volume while a chunk is spoiled, and when it is right again."""
    open_ = FORMATS[name](tmp_path / "v", want)
    volume = opened(nginx_at(tmp_path / "v").url, open_)
    files = [path for path in (tmp_path / "v").rglob("*") if path.is_file()]
    chunk = max(files, key=lambda path: path.stat().st_size)
    content, told = chunk.read_bytes(), chunk.stat()
    chunk.write_bytes(b"nonsense".ljust(len(content), b"."))
    os.utime(chunk, ns=(told.st_atime_ns, told.st_mtime_ns))
    with pytest.raises(CorruptError):
        volume.read(WHOLE)
    chunk.write_bytes(content)
    os.utime(chunk, ns=(told.st_atime_ns, told.st_mtime_ns))
    np.testing.assert_array_equal(volume.read(WHOLE), want)
    forget()
    np.testing.assert_array_equal(volume.read(WHOLE), want)


@pytest.mark.parametrize("name", ["zarr3 shards"])
def test_processes_share_what_is_kept(
    name: str, tmp_path: Path, disk: Path, want: NDArray[Any], nginx_at: Serve
) -> None:
    open_ = FORMATS[name](tmp_path / "v", want)
    server = nginx_at(tmp_path / "v")
    volume = opened(server.url, open_)
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        for found in pool.map(volume.read, [WHOLE] * 4):
            np.testing.assert_array_equal(found, want)
    server.forget()
    again = pickle.loads(pickle.dumps(volume))
    assert again == volume
    np.testing.assert_array_equal(again.read(WHOLE), want)
    assert max(request.bytes_sent for request in server.requests) < OVERHEAD
    assert not entries(disk / "new")


@pytest.mark.parametrize("name", FORMATS)
def test_many_threads_and_boxes(
    name: str, tmp_path: Path, disk: Path, want: NDArray[Any], nginx_at: Serve
) -> None:
    open_ = FORMATS[name](tmp_path / "v", want)
    volume = opened(nginx_at(tmp_path / "v").url, open_)
    boxes = list(WHOLE.tiles((17, 19, 21)))
    for index, found in volume.read_many(boxes):
        np.testing.assert_array_equal(found, want[boxes[index].slices])
    forget()
    with ThreadPoolExecutor(8) as pool:
        for box, found in zip(boxes, pool.map(volume.read, boxes), strict=True):
            np.testing.assert_array_equal(found, want[box.slices])


@pytest.mark.parametrize("name", TRANSCODED)
def test_blocks_that_share_chunks_fetch_them_once_without_a_disk_cache(
    name: str, tmp_path: Path, want: NDArray[Any], nginx_at: Serve
) -> None:
    open_ = FORMATS[name](tmp_path / "v", want)
    server = nginx_at(tmp_path / "v")
    volume = opened(server.url, open_)
    boxes = list(WHOLE.tiles((17, 19, 21)))
    server.forget()
    volume.read(WHOLE)
    once = server.bytes_sent
    forget()
    server.forget()
    for index, found in volume.read_many(boxes):
        np.testing.assert_array_equal(found, want[boxes[index].slices])
    # in shards what lies between chunks comes along, more or less of it
    assert server.bytes_sent < 1.2 * once + 8 * OVERHEAD
    assert "shards" in name or len(server.requests) == CHUNKS


FORKED = """
import os, sys
from emcatalog.chunked import kept
from emcatalog.errors import ForkError
from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport
from emcatalog_precomputed import open_pyramid
volume = open_pyramid(sys.argv[1], Transport(mirrors=Mirrors())).level(0)
volume.read(volume.grid.region)
with kept._lock:  # as another thread may hold it at the fork
    child = os.fork()
if not child:
    kept._lock.acquire(blocking=False)
    try:
        volume.read(volume.grid.region)
    except ForkError:
        os._exit(7)
    os._exit(1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_a_forked_child_is_told(
    tmp_path: Path, disk: Path, want: NDArray[Any], nginx_at: Serve
) -> None:
    FORMATS["precomputed"](tmp_path / "v", want)
    url = nginx_at(tmp_path / "v").url
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKED, url], check=True, timeout=120
    )


def test_only_remote_volumes_are_kept_and_only_if_told(
    tmp_path: Path, disk: Path, want: NDArray[Any], nginx_at: Serve,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    open_ = FORMATS["zarr3 shards"](tmp_path / "v", want)
    local = opened(str(tmp_path / "v"), open_)
    np.testing.assert_array_equal(local.read(WHOLE), want)
    assert not entries(disk)
    monkeypatch.delenv("EMCATALOG_DISK_CACHE")
    volume = opened(nginx_at(tmp_path / "v").url, open_)
    np.testing.assert_array_equal(volume.read(WHOLE), want)
    assert page_cache().size == 0  # it is TensorStore that keeps chunks, decoded


def test_shards_in_shards_are_read_but_not_kept(
    tmp_path: Path, disk: Path, want: NDArray[Any], nginx_at: Serve
) -> None:
    from zarr.codecs import ShardingCodec

    inner = ShardingCodec(chunk_shape=(8, 8, 8))
    outer = ShardingCodec(chunk_shape=(16, 16, 16), codecs=[inner])
    write = _zarr(3, serializer=outer, compressors=None, chunks=(32, 32, 32))
    open_ = write(tmp_path / "v", want)
    volume = opened(nginx_at(tmp_path / "v").url, open_)
    np.testing.assert_array_equal(volume.read(WHOLE), want)
    assert not entries(disk)


def test_without_etags_nothing_is_kept_on_disk(
    tmp_path: Path, disk: Path, want: NDArray[Any], gcs_at: Serve
) -> None:
    """The emulator of Google's storage tells no ETag."""
    open_ = FORMATS["precomputed"](tmp_path / "buckets/some/v", want)
    server = gcs_at(tmp_path / "buckets")
    volume = opened("gs://some/v", open_, endpoint_url=server.url)
    for _ in range(2):
        np.testing.assert_array_equal(volume.read(WHOLE), want)
        forget()
    assert not entries(disk)
    assert server.bytes_sent > 2 * want.nbytes


def test_buckets_are_kept_too(
    tmp_path: Path, disk: Path, want: NDArray[Any], s3_at: Serve
) -> None:
    open_ = FORMATS["zarr3 shards"](tmp_path / "buckets/some/v", want)
    server = s3_at(tmp_path / "buckets")
    volume = opened("s3://some/v", open_, endpoint_url=server.url)
    np.testing.assert_array_equal(volume.read(WHOLE), want)
    assert len(entries(disk)) == CHUNKS
    server.forget()
    forget()
    np.testing.assert_array_equal(volume.read(WHOLE), want)
    assert all(request.bytes_sent < OVERHEAD for request in server.requests)


def test_a_server_that_fails_is_told_though_the_chunk_is_kept(
    tmp_path: Path, disk: Path, want: NDArray[Any],
    faulty_http: Callable[[Path], FaultyServer],
) -> None:  # fmt: skip
    from servers.faults import status

    open_ = FORMATS["zarr2"](tmp_path / "v", want)
    server = faulty_http(tmp_path / "v")
    volume = opened(server.url, open_)
    volume.read(WHOLE)
    server.faults.add(status(403))
    np.testing.assert_array_equal(volume.read(WHOLE), want)
    forget()
    with pytest.raises(EmcatalogError, match="refuses anonymous readers"):
        volume.read(WHOLE)


def test_who_asks_makes_no_other_chunk_and_is_not_written(
    tmp_path: Path, disk: Path, want: NDArray[Any], http_at: Serve
) -> None:
    open_ = FORMATS["zarr2"](tmp_path / "v", want)
    server = http_at(tmp_path / "v")
    for token in ("secret1", "secret2"):
        headers = {"Authorization": f"Bearer {token}"}
        volume = opened(f"{server.url}?token=mine", open_, headers=headers)
        server.forget()
        np.testing.assert_array_equal(volume.read(WHOLE), want)
        forget()
    assert server.bytes_sent == 0
    assert {r.headers["authorization"] for r in server.requests} == {"Bearer secret2"}
    written = b"".join(path.read_bytes() for path in entries(disk))
    assert b"secret" not in written
    assert b"mine" not in written


def test_what_headers_choose_is_kept_apart(
    tmp_path: Path,
    disk: Path,
    want: NDArray[Any],
    faulty_http: Callable[[Path], FaultyServer],
) -> None:
    """Two files of one URL, of one length and second: many servers tell one ETag."""

    def chosen(app: ASGIApp) -> ASGIApp:
        async def answered(scope: Scope, receive: Receive, send: Send) -> None:
            tenant = Headers(scope=scope)["x-tenant"]
            await app(scope | {"path": f"/{tenant}{scope['path']}"}, receive, send)

        return answered

    wanted = {"one": want, "two": want[::-1].copy()}
    for tenant, voxels in wanted.items():
        open_ = _precomputed(encoding="raw")(tmp_path / tenant, voxels)
        for file in (tmp_path / tenant).rglob("*"):
            os.utime(file, (10**9, 10**9))
    server = faulty_http(tmp_path)
    server.faults.add(chosen)
    for tenant in ("one", "two", "one"):
        volume = opened(server.url, open_, headers={"X-Tenant": tenant})
        np.testing.assert_array_equal(volume.read(WHOLE), wanted[tenant])
        forget()
    assert len(entries(disk)) == 2 * CHUNKS


def test_settings_that_cannot_be_followed_are_told(
    tmp_path: Path, want: NDArray[Any], nginx_at: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_ = FORMATS["zarr2"](tmp_path / "v", want)
    volume = opened(nginx_at(tmp_path / "v").url, open_)
    file = tmp_path / "file"
    file.write_text("no folder")
    monkeypatch.setenv("EMCATALOG_DISK_CACHE", str(file))
    with pytest.raises(OptionError, match="EMCATALOG_DISK_CACHE: got the folder"):
        volume.read(WHOLE)


def test_a_full_disk_cache_serves_what_fits(
    tmp_path: Path, disk: Path, want: NDArray[Any], nginx_at: Serve,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("EMCATALOG_DISK_CACHE_LIMIT", "64KiB")
    open_ = FORMATS["precomputed"](tmp_path / "v", want)
    volume = opened(nginx_at(tmp_path / "v").url, open_)
    for _ in range(3):
        np.testing.assert_array_equal(volume.read(WHOLE), want)
        flush()
        assert 0 < DiskCache(disk, 0).used() <= 65536
        forget()

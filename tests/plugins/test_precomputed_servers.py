"""The precomputed driver on servers, on damaged chunks and at hemibrain's size."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import store_writer as writer
from emcatalog.errors import (
    AccessDeniedError,
    CorruptError,
    EmcatalogError,
    RangeError,
    TransportError,
    UnreachableError,
)
from emcatalog.geometry import Region
from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport
from emcatalog.volume import Pyramid
from emcatalog_precomputed import open_pyramid
from servers import gzipped, ignore_range, login_page, status

if TYPE_CHECKING:
    from servers.fixtures import Serve
    from servers.http_server import FaultyServer

TRANSPORT = Transport(mirrors=Mirrors(), attempts=1)
BOX = Region((0, 0, 0), (8, 8, 8))
HEMIBRAIN = (34427, 39725, 41394)
SHARDING = {
    "@type": "neuroglancer_uint64_sharded_v1",
    "hash": "identity",
    "preshift_bits": 9,
    "minishard_bits": 6,
    "shard_bits": 15,
    "minishard_index_encoding": "gzip",
    "data_encoding": "gzip",
}


def opened(place: Path | str, **options: Any) -> Pyramid:
    return open_pyramid(str(place), TRANSPORT, **options)


def hemibrain(root: Path) -> Path:
    """An ``info`` of the size and sharding of FlyEM's hemibrain, and no chunk."""
    scales = [
        writer.scale(
            "x".join([f"{8.0 * 2**k}"] * 3),
            [-(-n // 2**k) for n in HEMIBRAIN],
            chunk_sizes=[[64, 64, 64]],
            resolution=[8.0 * 2**k] * 3,
            encoding="jpeg",
            jpeg_quality=75,
            sharding=SHARDING,
        )
        for k in range(9)
    ]
    writer.write_json(root / "info", writer.info(scales))
    return root


def test_hemibrain_opens_with_one_small_request(
    tmp_path: Path, nginx_at: Serve
) -> None:
    server = nginx_at(hemibrain(tmp_path))
    start = time.monotonic()
    pyramid = opened(server.url)
    assert time.monotonic() - start < 1
    assert [request.path for request in server.requests] == ["/info"]
    assert server.bytes_sent < 10_000
    volume = pyramid.level(0)
    assert volume.grid.shape == (41394, 39725, 34427)
    assert volume.grid.origin == (4.0, 4.0, 4.0)
    assert [v.grid.voxel_size[0] for v in pyramid.levels] == [
        8 * 2**k for k in range(9)
    ]
    middle = Region((20000, 20000, 17000), (20128, 20128, 17128))
    assert not volume.read(middle).any()
    assert not volume.stored(middle).any()
    far = Region((41393, 39724, 34426), volume.grid.shape)
    assert volume.read(far).item() == 0
    assert not volume.stored(far).any()


@pytest.fixture(params=["derived/ts_fib25s1_sharded_jpeg", "derived/cv_fib25s1_jpeg"])
def real(request: pytest.FixtureRequest, realdata: Path, tmp_path: Path) -> Path:
    """A real volume, sharded or not, that a test may damage."""
    shutil.copytree(realdata / request.param, tmp_path / "v")
    return tmp_path / "v"


def test_chunks_that_do_not_come_are_no_zeros(
    real: Path, faulty_http: Callable[[Path], FaultyServer]
) -> None:
    server = faulty_http(real)
    want = opened(real).level(0).read(BOX)
    faults = [
        (status(403), AccessDeniedError, "HTTP code 403"),
        (status(500), UnreachableError, "HTTP code 500"),
    ]
    sharded = "sharding" in (real / "info").read_text()
    if sharded:
        faults.append((ignore_range, RangeError, "was ignored by server"))
    for fault, kind, message in faults:
        server.faults.clear()
        volume = opened(server.url).level(0)
        server.faults.add(fault, path="10_10_10/")
        start = time.monotonic()
        # each failure is tried again for a while, so 500 is asked for once
        for ask in (volume.read, volume.stored)[: 1 if kind is UnreachableError else 2]:
            with pytest.raises(kind, match=message):
                ask(BOX)
        assert time.monotonic() - start < 8
    if not sharded:
        server.faults.clear()
        server.faults.add(login_page, path="10_10_10/")
        with pytest.raises(CorruptError, match=r"0-64_0-64_0-64.*Not a JPEG"):
            volume.read(BOX)
    server.faults.clear()
    np.testing.assert_array_equal(volume.read(BOX), want)


def test_content_encoding(
    real: Path, faulty_http: Callable[[Path], FaultyServer]
) -> None:
    """Unsharded chunks are often kept compressed in a bucket, under plain names."""
    server = faulty_http(real)
    server.faults.add(gzipped, path=r"10_10_10/\d+-")
    volume = opened(server.url).level(0)
    np.testing.assert_array_equal(volume.read(BOX), opened(real).level(0).read(BOX))
    assert volume.stored(BOX).all()


def test_corrupt_chunks_are_named(real: Path) -> None:
    sharded = (real / "10_10_10/0.shard").exists()
    name = "0.shard" if sharded else "0-64_0-64_0-64"
    file = real / "10_10_10" / name
    content = bytearray(file.read_bytes())
    content[70:400] = bytes(330)
    file.write_bytes(content)
    volume = opened(real).level(0)
    with pytest.raises(CorruptError, match=name):
        volume.read(BOX)


def test_a_shard_that_ends_early(realdata: Path, tmp_path: Path) -> None:
    shutil.copytree(realdata / "derived/ts_fib25s1_sharded_jpeg", tmp_path / "v")
    file = tmp_path / "v/10_10_10/0.shard"
    file.write_bytes(file.read_bytes()[:40])
    volume = opened(tmp_path / "v").level(0)
    with pytest.raises(EmcatalogError, match=r"0\.shard"):
        volume.read(volume.grid.region)


def test_buckets(realdata: Path, tmp_path: Path, s3_at: Serve, gcs_at: Serve) -> None:
    want = opened(realdata / "derived/ts_fib25s1_sharded_jpeg").level(1).read(BOX)
    shutil.copytree(
        realdata / "derived/ts_fib25s1_sharded_jpeg", tmp_path / "root/flies/em raw"
    )
    for scheme, serve in (("s3", s3_at), ("gs", gcs_at)):
        transport = Transport({"endpoint_url": serve(tmp_path / "root").url}, Mirrors())
        place = f"precomputed://{scheme}://flies/em raw"
        volume = open_pyramid(place, transport).level(1)
        np.testing.assert_array_equal(volume.read(BOX), want)
        if scheme == "s3":
            assert volume.stored(BOX).all()
        else:  # unlike Google, the emulator has no HEAD
            with pytest.raises(TransportError, match="answers HEAD requests"):
                volume.stored(BOX)


def test_scale_outside_the_mirror(tmp_path: Path) -> None:
    """A mirror that has the info but not a scale does not turn the scale to zeros."""
    url = "http://127.0.0.1:9/volume"
    mirror = tmp_path / "http/127.0.0.1+9/volume"
    mirror.mkdir(parents=True)
    writer.write_json(
        mirror / "info", writer.info([writer.scale("8_8_8", [20, 20, 20])])
    )
    transport = Transport(mirrors=Mirrors((str(tmp_path),)))
    with pytest.raises(UnreachableError):
        open_pyramid(url, transport).level(0).read(BOX)

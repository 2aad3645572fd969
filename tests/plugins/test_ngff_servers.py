"""The ngff driver against real servers: politeness, refusals, buckets."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import store_writer as writer
from emcatalog.errors import (
    AccessDeniedError,
    ContentError,
    CorruptError,
    UnreachableError,
)
from emcatalog.geometry import Region
from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport
from emcatalog.volume import Pyramid
from emcatalog_ngff import open_pyramid
from servers import login_page, status

if TYPE_CHECKING:
    from servers.fixtures import Serve
    from servers.http_server import FaultyServer

TRANSPORT = Transport(mirrors=Mirrors(), attempts=1)
SHAPE = (16, 16, 16)


def opened(place: Path | str, **options: Any) -> Pyramid:
    return open_pyramid(str(place), TRANSPORT, **options)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An image of two levels in Zarr v2."""
    members = writer.multiscale("zyx", [[30, 8, 8], [60, 16, 16]])
    fine = writer.noise(SHAPE)
    return writer.write_ome(tmp_path / "a.zarr", [fine, fine[::2, ::2, ::2]], members)


def test_opening_is_polite(root: Path, nginx_at: Serve, tmp_path: Path) -> None:
    """One request for each file of metadata, and at most three to find them."""
    server = nginx_at(tmp_path)
    opened(f"{server.url}/a.zarr")
    asked = [request.path.rpartition("a.zarr/")[2] for request in server.requests]
    assert asked[:2] == ["zarr.json", ".zattrs"]
    assert sorted(asked[2:]) == ["0/.zarray", "1/.zarray"]
    server.forget()
    volume = opened(f"{server.url}/a.zarr/").level(0)
    server.forget()
    box = Region((0, 0, 0), (8, 8, 8))
    np.testing.assert_array_equal(volume.read(box), opened(root).level(0).read(box))
    volume.read(box)
    assert [request.path for request in server.requests] == ["/a.zarr/0/0.0.0"]
    server.forget()
    assert volume.stored(box).all()
    assert [request.method for request in server.requests] == ["HEAD"]


def test_spaces_and_queries_in_urls(tmp_path: Path, nginx_at: Serve) -> None:
    members = writer.multiscale("zyx", [[1, 1, 1]])
    members["datasets"][0]["path"] = "level 0"
    want = writer.noise((4, 4, 4))
    writer.write_ome(tmp_path / "my volume.zarr", [want], members)
    server = nginx_at(tmp_path)
    for url in ("my%20volume.zarr", "my%20volume.zarr/?token=1", "my volume.zarr"):
        volume = opened(f"{server.url}/{url}").level(0)
        np.testing.assert_array_equal(volume.read(volume.grid.region), want)
        assert volume.stored(volume.grid.region).all()
    assert {r.query for r in server.requests} == {"", "token=1"}
    local = opened(tmp_path / "my volume.zarr").level(0)
    np.testing.assert_array_equal(local.read(local.grid.region), want)


def test_refusals(root: Path, faulty_http: Callable[[Path], FaultyServer]) -> None:
    """Some servers answer 403 where nothing is: that hides neither find nor refusal."""
    server = faulty_http(root)
    server.faults.add(status(403), path=r"zarr\.json$")
    assert len(opened(server.url).levels) == 2
    server.faults.add(status(403), path=r"zattrs|zarray|attributes")
    with pytest.raises(AccessDeniedError, match="status 403"):
        opened(server.url)
    server.faults.clear()
    server.faults.add(login_page)
    with pytest.raises(ContentError, match="HTML page titled 'Log in'"):
        opened(server.url)
    server.faults.clear()
    server.faults.add(status(503))
    with pytest.raises(UnreachableError):
        opened(server.url)


def test_chunks_that_do_not_come_are_no_zeros(
    root: Path, faulty_http: Callable[[Path], FaultyServer]
) -> None:
    server = faulty_http(root)
    box = Region((0, 0, 0), (8, 8, 8))
    volume = opened(server.url).level(0)
    for code, kind in ((403, AccessDeniedError), (500, UnreachableError)):
        server.faults.add(status(code), path=r"0/0\.0\.0")
        # each failure is tried again for a while, so 500 is asked for once
        for ask in (volume.read, volume.stored)[: 2 if code == 403 else 1]:
            with pytest.raises(kind, match=f"HTTP code {code}"):
                ask(box)
        server.faults.clear()
    server.faults.add(login_page, path=r"0/0\.0\.0")
    with pytest.raises(CorruptError, match=r"0/0\.0\.0"):
        volume.read(box)
    server.faults.clear()
    assert volume.read(box).all()
    server.faults.add(status(404), path=r"0/1\.1\.1")
    far = Region((8, 8, 8), SHAPE)
    assert not volume.stored(far).any()
    assert not volume.read(far).any()


def test_buckets(tmp_path: Path, root: Path, s3_at: Serve, gcs_at: Serve) -> None:
    """The same volume from S3 and from GCS, read without credentials."""
    shutil.copytree(root, tmp_path / "root/bucket/a b.zarr")
    want = opened(root).level(0).read(Region((0, 0, 0), SHAPE))
    for scheme, serve in (("s3", s3_at), ("gs", gcs_at)):
        endpoint = serve(tmp_path / "root").url
        transport = Transport({"endpoint_url": endpoint}, Mirrors())
        volume = open_pyramid(f"{scheme}://bucket/a b.zarr", transport).level(0)
        np.testing.assert_array_equal(volume.read(volume.grid.region), want)
        if scheme == "s3":  # the GCS emulator has no HEAD
            assert volume.stored(volume.grid.region).all()

"""Engine one when the server or the line fails: exact, or an error of ours."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import servers
import store_writer as writer
from emcatalog.chunked import Axes, ChunkedVolume, engine, kvstore, spec_text
from emcatalog.errors import CorruptError, TransportError
from emcatalog.geometry import Grid, Region
from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport, patience

WANT = writer.noise((16, 16, 16))
PLAIN = Transport(mirrors=Mirrors())


@pytest.fixture
def server(faulty_http: Any, tmp_path: Path) -> Any:
    members = writer.multiscale("zyx", [[1, 1, 1]])
    writer.write_ome(tmp_path, [WANT], members, chunks=(4, 4, 4), compressors=None)
    return faulty_http(tmp_path)


def volume_at(url: str, root: Path) -> ChunkedVolume:
    told = writer.read_json(root / "0/.zarray")
    told.pop("attributes", None)
    spec = spec_text("zarr", kvstore(f"{url}/0", PLAIN), metadata=told)
    grid = Grid((16, 16, 16), (1.0, 1.0, 1.0))
    return ChunkedVolume(grid, WANT.dtype, (4, 4, 4), spec, Axes((0, 1, 2)), url)


BOX = Region((1, 2, 3), (9, 7, 8))


def exact(volume: ChunkedVolume) -> bool:
    return bool((volume.read(BOX) == WANT[BOX.slices]).all())


@pytest.mark.parametrize(
    "fault",
    [
        servers.reset,
        servers.reset_after(10),
        servers.truncate(5),
        servers.status(429, retry_after=1),
        servers.status(503),
    ],
)
def test_faults_that_pass(server: Any, tmp_path: Path, fault: Any) -> None:
    server.faults.add(fault, times=2)
    assert exact(volume_at(server.url, tmp_path))
    assert len(server.requests) > 12


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (servers.shortened(3), CorruptError),
        (servers.lengthened(3), CorruptError),
        (servers.changed, None),
        (servers.login_page, CorruptError),
        (servers.status(403), PermissionError),
        (servers.status(410), FileNotFoundError),
        (servers.redirect("http://127.0.0.1:9/"), TransportError),
    ],
)
def test_answers_that_are_not_the_chunk(
    server: Any, tmp_path: Path, fault: Any, kind: type[Exception] | None
) -> None:
    volume = volume_at(server.url, tmp_path)
    server.faults.add(fault, path="0.0.0")
    if kind is None:  # a chunk of another version is a chunk
        assert not exact(volume)
        return
    with pytest.raises(kind, match="Try: "):
        volume.read(BOX)


def test_a_redirect_is_told(server: Any, tmp_path: Path) -> None:
    server.faults.add(servers.redirect("http://127.0.0.1:9/"))
    with pytest.raises(TransportError, match="HTTP code 302.*redirects to another"):
        volume_at(server.url, tmp_path).read(BOX)


STALL = """
import sys, time
from emcatalog.chunked import kvstore
from emcatalog.chunked.engine import open_kvstore, translated
from emcatalog.errors import UnreachableError
from emcatalog.transport import Transport
import json
store = open_kvstore(json.dumps(kvstore(sys.argv[1], Transport())))
assert store.read("slow").result().value == b"x" * 600
for name in sys.argv[2:]:
    begun = time.monotonic()
    try:
        with translated(sys.argv[1]):
            store.read(name).result(timeout=120)
    except UnreachableError as error:
        assert "Operation too slow" in str(error), error
        print(name, round(time.monotonic() - begun))
"""


def test_a_stall_ends(faulty_http: Any, tmp_path: Path) -> None:
    """In a process of its own, because TensorStore reads its timeout once."""
    for name in ("slow", "headers", "trickle"):
        (tmp_path / name).write_bytes(b"x" * 600)
    server = faulty_http(tmp_path)
    server.faults.add(servers.trickle(0.005), "slow")
    server.faults.add(servers.stall(), "headers")
    server.faults.add(servers.trickle(1), "trickle")
    names = ["headers", "trickle"]
    inherited = {k: v for k, v in os.environ.items() if "TENSORSTORE" not in k}
    environment = {**inherited, "EMCATALOG_TIMEOUT": "1"}
    done = subprocess.run(
        [sys.executable, "-c", STALL, server.url, *names],
        check=False,
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.stderr == ""
    assert [line.split()[0] for line in done.stdout.splitlines()] == names


def test_connections_to_one_host(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(patience.MOST_CONNECTIONS, "127.0.0.1", 3)
    engine._context_of.cache_clear()
    server.faults.add(servers.delay(0.01))
    volume = volume_at(server.url, tmp_path)
    other = volume_at(f"{server.url}/0/..", tmp_path)  # a second volume of that host
    np.testing.assert_array_equal(volume.read(volume.grid.region), WANT)
    work = [threading.Thread(target=v.read, args=(BOX,)) for v in (volume, other)]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    # of requests: curl may open a connection before it has closed an idle one
    assert 1 < server.log.under_way.most <= 3
    engine._context_of.cache_clear()


@pytest.mark.parametrize(
    ("store", "host"),
    [
        (kvstore("https://a.org:8/v?t=1", PLAIN), "https://a.org:8"),
        (kvstore("s3://b/v", PLAIN), "s3://b"),
        (kvstore("/d", PLAIN), ""),
        (
            {"driver": "neuroglancer_uint64_sharded", "base": kvstore("gs://b", PLAIN)},
            "https://storage.googleapis.com",
        ),
    ],
)
def test_the_host_of_a_store(store: dict[str, Any], host: str) -> None:
    assert engine._host(store) == host
    assert engine._host({"driver": "zarr", "kvstore": store}) == host


def test_what_was_absent_is_looked_for_again(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A 404 that passes is zeros, for that is the format; but not for ever."""
    volume = volume_at(server.url, tmp_path)
    server.faults.add(servers.status(404), times=1)
    assert not exact(volume)
    assert not exact(volume)
    later = time.time() + engine.RECHECK_SECONDS + 1
    monkeypatch.setattr(engine.time, "time", lambda: later)
    server.forget()
    assert exact(volume)
    # chunks that were there are asked for by their ETag, and not sent again
    assert {request.status for request in server.requests} <= {200, 304}
    assert sum(request.status == 200 for request in server.requests) == 1

"""The S3 and GCS servers of the tests, by their usual clients and by plain HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gcsfs.core
import httpx
import numpy as np
import pytest
import s3fs
import tensorstore as ts
from botocore.exceptions import ClientError

from servers import Server, gcs, http, s3, status

DATA = bytes(range(256)) * 1000
KEY = "deep er/x y.bin"
VOLUME = np.arange(512, dtype="u1").reshape(8, 8, 8)


@pytest.fixture(scope="module")
def buckets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("buckets")
    (root / "open-data" / "deep er").mkdir(parents=True)
    (root / "open-data" / KEY).write_bytes(DATA)
    (root / "open-data" / "info").write_text("{}")
    (root / "open-data" / "deep er" / "empty").write_bytes(b"")
    (root / "closed-data").mkdir()
    (root / "closed-data" / "info").write_text("{}")
    spec = {
        "driver": "zarr",
        "kvstore": f"file://{root}/open-data/v.zarr/",
        "metadata": {"shape": [8, 8, 8], "chunks": [4, 4, 4], "dtype": "|u1"},
    }
    ts.open(spec, create=True).result().write(VOLUME).result()
    return root


@pytest.fixture(scope="module")
def s3_server(buckets: Path) -> Iterator[Server]:
    with s3(buckets, private=["closed-data"]) as server:
        yield server


@pytest.fixture(scope="module")
def gcs_server(buckets: Path) -> Iterator[Server]:
    with gcs(buckets) as server:
        yield server


@pytest.fixture(autouse=True)
def forgotten(s3_server: Server, gcs_server: Server) -> None:
    s3_server.forget()
    gcs_server.forget()


def kvstore(server: Server, driver: str, path: str = "v.zarr/") -> dict[str, Any]:
    """What TensorStore reads the open bucket with."""
    if driver == "http":
        return {"driver": "http", "base_url": f"{server.url}/open-data/{path}"}
    return {
        "driver": "s3",
        "bucket": "open-data",
        "path": path,
        "endpoint": server.url,
        "aws_region": "us-east-1",
        "aws_credentials": {"type": "anonymous"},
    }


def asked(server: Server) -> list[tuple[str, int, int]]:
    return [(r.method, r.status, r.bytes_sent) for r in server.requests]


def test_s3_by_plain_http(s3_server: Server) -> None:
    url = f"{s3_server.url}/open-data/deep%20er/x%20y.bin"
    part = httpx.get(url, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, DATA[10:20])
    tail = httpx.get(url, headers={"Range": "bytes=-7"})
    assert (tail.status_code, tail.content) == (206, DATA[-7:])
    assert httpx.get(url, headers={"Range": "bytes=999999-"}).status_code == 416
    assert httpx.head(url).headers["content-length"] == str(len(DATA))
    assert httpx.get(f"{s3_server.url}/open-data/nothing").status_code == 404
    assert httpx.get(f"{s3_server.url}/closed-data/info").status_code == 403
    first = s3_server.requests[0]
    assert (first.path, first.range) == (f"/open-data/{KEY}", "bytes=10-19")
    assert [r.status for r in s3_server.requests] == [206, 206, 416, 200, 404, 403]


def test_s3_by_s3fs_anonymously(s3_server: Server) -> None:
    files = s3fs.S3FileSystem(
        anon=True, endpoint_url=s3_server.url, skip_instance_cache=True
    )
    names = ["open-data/deep er", "open-data/info", "open-data/v.zarr"]
    assert files.ls("open-data") == names
    s3_server.forget()
    assert files.cat_file(f"open-data/{KEY}", start=3, end=20) == DATA[3:20]
    assert asked(s3_server) == [("GET", 206, 17)]
    with pytest.raises(PermissionError):
        files.cat_file("closed-data/info")


def test_s3fs_asks_for_the_size_first_unless_told_not_to(s3_server: Server) -> None:
    for concurrency, methods in ((10, ["HEAD", "GET"]), (1, ["GET"])):
        files = s3fs.S3FileSystem(
            anon=True,
            endpoint_url=s3_server.url,
            max_concurrency=concurrency,
            skip_instance_cache=True,
        )
        s3_server.forget()
        assert files.cat_file(f"open-data/{KEY}") == DATA
        assert [request.method for request in s3_server.requests] == methods


@pytest.mark.parametrize("driver", ["s3", "http"])
def test_s3_by_tensorstore(s3_server: Server, driver: str) -> None:
    spec = {"driver": "zarr", "kvstore": kvstore(s3_server, driver)}
    volume = ts.open(spec).result().read().result()
    np.testing.assert_array_equal(volume, VOLUME)
    assert {request.method for request in s3_server.requests} == {"GET"}
    assert len(s3_server.requests) == 9  # the header and eight chunks


@pytest.mark.parametrize("driver", ["s3", "http"])
def test_s3_by_tensorstore_is_refused_private_data(
    s3_server: Server, driver: str
) -> None:
    closed = {"bucket": "closed-data", "base_url": f"{s3_server.url}/closed-data/"}
    spec = kvstore(s3_server, driver, path="")
    spec |= {name: closed[name] for name in closed if name in spec}
    with pytest.raises(ValueError, match="403"):
        ts.KvStore.open(spec).result().read("info").result()


def test_s3_refuses_a_bucket_that_is_taken(s3_server: Server, buckets: Path) -> None:
    with pytest.raises(RuntimeError, match="open-data"), s3(buckets):
        pass
    assert httpx.get(f"{s3_server.url}/open-data/info").status_code == 200


@pytest.mark.parametrize("driver", ["s3", "http"])
def test_a_plain_server_with_faults_stands_for_a_bucket(
    buckets: Path, driver: str
) -> None:
    with http(buckets) as server:
        server.faults.add(status(503), path=r"/0\.0\.0$", times=1)
        spec = {"driver": "zarr", "kvstore": kvstore(server, driver)}
        np.testing.assert_array_equal(ts.open(spec).result().read().result(), VOLUME)
        assert sum(request.status == 503 for request in server.requests) == 1


def test_s3_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "zz").mkdir()  # too short a name for a bucket
    for _ in range(2):
        with pytest.raises(ClientError, match="InvalidBucketName"), s3(tmp_path):
            pass
    (tmp_path / "zz").rmdir()
    for _ in range(2):
        with s3(tmp_path) as server:
            assert httpx.get(f"{server.url}/data/info").status_code == 404


FORMS = [
    "/open-data/deep%20er/x%20y.bin",
    "/open-data/deep%20er%2Fx%20y.bin",
    "/download/storage/v1/b/open-data/o/deep%20er%2Fx%20y.bin?alt=media",
    "/storage/v1/b/open-data/o/deep%20er%2Fx%20y.bin?alt=media",
]


@pytest.mark.parametrize("form", FORMS)
def test_gcs_by_plain_http(gcs_server: Server, form: str) -> None:
    part = httpx.get(gcs_server.url + form, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, DATA[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(DATA)}"
    assert httpx.get(gcs_server.url + form).content == DATA
    assert asked(gcs_server) == [("GET", 206, 10), ("GET", 200, len(DATA))]


def test_empty_objects(s3_server: Server, gcs_server: Server) -> None:
    for server in (s3_server, gcs_server):
        answer = httpx.get(f"{server.url}/open-data/deep%20er/empty")
        assert (answer.status_code, answer.content) == (200, b"")


def test_gcs_misses_what_is_not_there(gcs_server: Server) -> None:
    for path in ("/open-data/nothing", "/nothing/info"):
        assert httpx.get(gcs_server.url + path).status_code == 404


def test_gcs_emulator_differs_from_google(gcs_server: Server) -> None:
    url = gcs_server.url + FORMS[0]
    assert httpx.head(url).status_code == 501
    tail = httpx.get(url, headers={"Range": "bytes=-7"})
    assert (tail.status_code, len(tail.content)) == (200, len(DATA))
    beyond = httpx.get(url, headers={"Range": "bytes=999999-"})
    assert (beyond.status_code, beyond.content) == (206, b"")


def test_gcs_by_gcsfs_anonymously(gcs_server: Server) -> None:
    files = gcsfs.core.GCSFileSystem(
        token="anon",  # noqa: S106
        endpoint_url=gcs_server.url,
        skip_instance_cache=True,
    )
    names = ["open-data/deep er", "open-data/info", "open-data/v.zarr"]
    assert files.ls("open-data") == names
    assert files.ls("open-data/deep er") == [
        "open-data/deep er/empty",
        f"open-data/{KEY}",
    ]
    gcs_server.forget()
    assert files.cat_file(f"open-data/{KEY}", start=3, end=20) == DATA[3:20]
    assert asked(gcs_server) == [("GET", 206, 17)]
    with pytest.raises(FileNotFoundError):
        files.cat_file("open-data/nothing")


def test_gcs_by_tensorstore(gcs_server: Server) -> None:
    spec = {"driver": "zarr", "kvstore": kvstore(gcs_server, "http")}
    volume = ts.open(spec).result().read().result()
    np.testing.assert_array_equal(volume, VOLUME)
    assert len(gcs_server.requests) == 9
    keys = ts.KvStore.open(kvstore(gcs_server, "http", path="deep%20er/")).result()
    assert keys.read("x y.bin").result().value == DATA

"""Buckets over S3 from moto: anonymous, public, addressed by path."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

from servers.log import Log, Server

REGION = "us-east-1"
ADDED = ("server", "date")


class _Logged:
    """Notes each request of a WSGI application before its answer leaves."""

    def __init__(self, app: Callable[..., Iterable[bytes]], log: Log) -> None:
        self._app, self._log = app, log

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterator[bytes]:
        headers = {
            name.removeprefix("HTTP_").replace("_", "-"): value
            for name, value in environ.items()
            if name.startswith("HTTP_") and isinstance(value, str)
        }
        entry = self._log.open(
            environ["REQUEST_METHOD"], environ["REQUEST_URI"], headers
        )

        def noted(status: str, pairs: list[tuple[str, str]], *rest: Any) -> Any:
            entry.status = int(status[:3])
            # werkzeug adds these two as well, and strict clients refuse them doubled
            pairs = [pair for pair in pairs if pair[0].lower() not in ADDED]
            return start_response(status, pairs, *rest)

        body = self._app(environ, noted)
        try:
            for part in body:
                if entry.method != "HEAD":
                    entry.bytes_sent += len(part)
                yield part
        finally:
            if hasattr(body, "close"):
                body.close()


@contextlib.contextmanager
def s3(root: Path | str, private: Collection[str] = ()) -> Iterator[Server]:
    """Serve each folder in ``root`` as a bucket of its name, to anyone.

    ``url`` is the endpoint, an object's address ``{url}/{bucket}/{key}``. Buckets
    named in ``private`` answer 403 to the anonymous. moto keeps its buckets per
    process: two servers at the same time see each other's, and a bucket of a name
    that is taken is refused.
    """
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    moto = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    moto.start()
    try:
        host, port = moto.get_host_and_port()
        url, log = f"http://{host}:{port}", Log()
        client = _owner(url)
        server = moto._server
        assert server is not None
        plain = server.app
        with _buckets(client, Path(root), private):
            # werkzeug looks its application up anew for each request
            server.app = _Logged(plain, log)
            try:
                yield Server(url, log)
            finally:
                server.app = plain
    finally:
        moto.stop()


def _owner(endpoint: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="owner",
        aws_secret_access_key="owner",  # noqa: S106 - moto takes any
    )


@contextlib.contextmanager
def _buckets(client: Any, root: Path, private: Collection[str]) -> Iterator[None]:
    folders = sorted(path for path in root.iterdir() if path.is_dir())
    taken = {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}
    if shared := taken & {folder.name for folder in folders}:
        raise RuntimeError(f"another s3 server of this process holds {sorted(shared)}")
    with contextlib.ExitStack() as stack:
        stack.callback(client.close)
        for folder in folders:
            # moto looks at the bucket's permission when an object is put
            acl = "private" if folder.name in private else "public-read"
            client.create_bucket(Bucket=folder.name, ACL=acl)
            stack.callback(_remove, client, folder.name)
            _upload(client, folder, acl)
        yield


def _upload(client: Any, folder: Path, acl: str) -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            key, body = path.relative_to(folder).as_posix(), path.read_bytes()
            client.put_object(Bucket=folder.name, Key=key, Body=body, ACL=acl)


def _remove(client: Any, bucket: str) -> None:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    for page in pages:
        keys = [{"Key": row["Key"]} for row in page.get("Contents", [])]
        if keys:
            client.delete_objects(Bucket=bucket, Delete={"Objects": keys})
    client.delete_bucket(Bucket=bucket)

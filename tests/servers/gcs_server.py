"""Buckets over Google's storage API from gcp-storage-emulator, to anyone."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from gcp_storage_emulator.server import RequestHandler
from gcp_storage_emulator.storage import Storage

from servers.log import Entry, Log, Server


class _Memory(Storage):  # type: ignore[misc]  # the emulator has no types
    """The emulator's storage, without its index written out after each object."""

    def _write_config_to_file(self) -> None: ...


class _Handler(RequestHandler):  # type: ignore[misc]
    """The emulator's handler; notes each request before its answer leaves."""

    entry: Entry | None = None

    def __init__(self, log: Log, *args: Any) -> None:
        self._notes = log
        super().__init__(*args)

    def send_response(self, code: int, message: str | None = None) -> None:
        if hasattr(self, "headers"):  # else what came was no HTTP/1 request
            self.entry = self._notes.open(self.command, self.path, dict(self.headers))
            self.entry.status = code
        super().send_response(code, message)

    def send_header(self, keyword: str, value: str) -> None:
        if self.entry and keyword.lower() == "content-length":
            self.entry.bytes_sent = int(value)
        super().send_header(keyword, value)


class _Listener(ThreadingHTTPServer):
    request_queue_size = 128  # each request of the emulator is a connection

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # a client that left
            super().handle_error(request, client_address)


@contextlib.contextmanager
def gcs(root: Path | str) -> Iterator[Server]:
    """Serve each folder in ``root`` as a bucket of its name, to anyone.

    ``url`` is the endpoint for ``gcsfs.core.GCSFileSystem(token="anon")`` and, as on
    storage.googleapis.com, plain HTTP reads ``{url}/{bucket}/{object}`` with slashes
    in the object's name as they are. Unlike Google, the emulator has no HEAD (501)
    and no suffix ranges (``bytes=-5`` gives the whole object), and answers a range
    beyond the end with an empty 206.
    """
    log = Log()
    handler = partial(_Handler, log, _Memory(use_memory_fs=True))
    server = _Listener(("127.0.0.1", 0), handler)
    host, port = server.server_address[:2]
    url = f"http://{host!s}:{port}"
    thread = threading.Thread(
        target=partial(server.serve_forever, poll_interval=0.05),
        name=f"gcs-{port}",
        daemon=True,
    )
    thread.start()
    try:
        _upload(url, Path(root))
        log.clear()
        yield Server(url, log)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def _upload(url: str, root: Path) -> None:
    with httpx.Client(base_url=url, trust_env=False) as client:
        for folder in sorted(path for path in root.iterdir() if path.is_dir()):
            made = client.post("/storage/v1/b", json={"name": folder.name})
            made.raise_for_status()
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    key = path.relative_to(folder).as_posix()
                    _put(client, folder.name, key, path.read_bytes())


def _put(client: httpx.Client, bucket: str, key: str, data: bytes) -> None:
    if data:
        answer = client.put(f"/{bucket}/{quote(key)}", content=data)
    else:  # the emulator fails on a PUT without a body
        answer = client.post(
            f"/upload/storage/v1/b/{bucket}/o",
            params={"uploadType": "multipart", "name": key},
            headers={"Content-Type": "multipart/related; boundary=part"},
            content=b"--part\r\nContent-Type: application/json\r\n\r\n{}\r\n"
            b"--part\r\nContent-Type: application/octet-stream\r\n\r\n\r\n--part--",
        )
    answer.raise_for_status()

"""A folder over HTTP from a real nginx, as public archives run it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from urllib.parse import unquote

import pytest

from servers.asgi import loopback
from servers.log import Request, Server

BARRIER = "/.barrier"
STOP_SECONDS = 5.0

CONFIG = """\
{user}
daemon off;
worker_processes 1;
pid {prefix}/nginx.pid;
error_log {prefix}/error.log;
events {{ worker_connections 4096; }}
http {{
  types {{
    text/html html; application/json json; image/png png; image/jpeg jpg;
    image/tiff tif; text/xml xml; text/plain txt;
  }}
  default_type application/octet-stream;
  client_body_temp_path {prefix}/body;
  proxy_temp_path {prefix}/proxy;
  fastcgi_temp_path {prefix}/fastcgi;
  uwsgi_temp_path {prefix}/uwsgi;
  scgi_temp_path {prefix}/scgi;
  log_format facts escape=json '{{"method":"$request_method",'
    '"target":"$request_uri","range":"$http_range","status":$status,'
    '"bytes":$body_bytes_sent,"user-agent":"$http_user_agent",'
    '"accept-encoding":"$http_accept_encoding","cookie":"$http_cookie"}}';
  access_log {prefix}/access.log facts;
  server {{
    listen 127.0.0.1:{port};
    absolute_redirect off;
    root "{root}";
    autoindex on;
    lingering_close off;
    location = {barrier} {{ return 204; }}
    {directives}
  }}
}}
"""


class _AccessLog:
    """nginx's own log, read up to the last request that was answered.

    nginx writes a line after the answer has left, so a reader first sends a request of
    its own: the only worker answers one event after the other, hence all lines of
    requests answered before are written when this one's line is.
    """

    def __init__(self, port: int, path: Path) -> None:
        self._port, self._path, self._start = port, path, 0
        self._rows: list[Request] = []
        self._read, self._lock = 0, threading.Lock()

    def barrier(self) -> None:
        """Wait until nginx has answered, and logged, all that came before."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        with contextlib.closing(connection):
            connection.request("GET", BARRIER)
            connection.getresponse().read()

    def read(self) -> list[Request]:
        return self._all()[self._start :]

    def clear(self) -> None:
        self._start = len(self._all())

    def _all(self) -> list[Request]:
        self.barrier()
        with self._lock, self._path.open("rb") as log:
            log.seek(self._read)
            # a line that is being written now is left for the next time
            lines, end, _ = log.read().rpartition(b"\n")
            self._read += len(lines + end)
            rows = [_request(json.loads(line)) for line in lines.splitlines()]
            self._rows += [row for row in rows if row.path != BARRIER]
            return list(self._rows)


def _request(row: dict[str, str]) -> Request:
    path, _, query = row["target"].partition("?")
    names = ("range", "user-agent", "accept-encoding", "cookie")
    return Request(
        method=row["method"],
        path=unquote(path),
        query=query,
        range=row["range"],
        status=int(row["status"]),
        bytes_sent=int(row["bytes"]),
        headers=MappingProxyType({name: row[name] for name in names if row[name]}),
    )


@contextlib.contextmanager
def nginx(root: Path | str, directives: str = "") -> Iterator[Server]:
    """Serve the folder ``root``: ranges, HEAD, keep-alive, an index of each folder.

    ``directives`` are added to the ``server`` block, such as ``limit_rate 1m;``.
    Skips the test where nginx is not installed, except under ``CI=true``: there it
    fails. The log holds four headers: range, user-agent, accept-encoding, cookie.
    """
    program = find_nginx()
    with tempfile.TemporaryDirectory(prefix="nginx-") as prefix:
        with loopback() as listener:
            port = listener.getsockname()[1]
            config = CONFIG.format(
                user="user root;" if os.geteuid() == 0 else "",
                prefix=prefix,
                port=port,
                root=Path(root).resolve(),
                barrier=BARRIER,
                directives=directives,
            )
            process = _start(program, Path(prefix), config, listener.fileno())
        try:
            log = _AccessLog(port, Path(prefix, "access.log"))
            _check_started(log, process, Path(prefix))
            yield Server(f"http://127.0.0.1:{port}", log)
        finally:
            _stop(process)


def find_nginx() -> str:
    """The nginx program; without one the test is skipped, or fails under CI."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program:
        return program
    if os.environ.get("CI") == "true":
        pytest.fail("nginx is not installed, and CI needs it: apt install nginx-light")
    pytest.skip("nginx is not installed: apt install nginx-light")


def _start(
    program: str, prefix: Path, config: str, listener: int
) -> subprocess.Popen[bytes]:
    Path(prefix, "nginx.conf").write_text(config, encoding="utf-8")
    # the variable is how nginx hands its sockets to its successor: it takes over a
    # port that is ours already, so no other process can take it in between
    environment = {**os.environ, "NGINX": f"{listener};"}
    with Path(prefix, "output").open("wb") as output:
        return subprocess.Popen(
            [program, "-p", str(prefix), "-c", str(prefix / "nginx.conf")],
            env=environment,
            pass_fds=[listener],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )


def _check_started(
    log: _AccessLog, process: subprocess.Popen[bytes], prefix: Path
) -> None:
    try:
        log.barrier()  # waits in the socket's queue until nginx takes it
    except OSError as error:
        _stop(process)
        files = [prefix / "output", prefix / "error.log"]
        words = "".join(file.read_text() for file in files if file.exists())
        raise RuntimeError(f"nginx did not start: {words}") from error


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

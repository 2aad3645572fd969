"""The folder of all stores over HTTP: from nginx beside us, and from far away.

`nginx` serves with ranges and multipart/byteranges, as public archives do; `proxy` puts
before it a forwarder that adds latency and limits the bandwidth of each connection.
Both need nginx (Debian: ``apt install nginx-light``); it is run as in the tests.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.reads.proxy import Route, forwarder
from benchmarks.reads.task import Link, Moved

if TYPE_CHECKING:
    from servers import Server

FAR = Link(latency=0.030, bandwidth=25e6)
"""As a public archive is seen from another continent."""

DIRECTIVES = """
    sendfile on; tcp_nopush on; open_file_cache max=20000;
    keepalive_requests 1000000; keepalive_timeout 600;
"""
"""Connections last as long as the engines do; the server itself costs little."""


@dataclass(frozen=True)
class Folder:
    """A served folder: a `benchmarks.reads.task.Served`."""

    url: str
    link: Link | None
    _server: Server = field(repr=False)

    def moved(self) -> Moved:
        """Requests and bytes of bodies that left nginx since it began."""
        requests = self._server.requests
        return Moved(len(requests), sum(r.bytes_sent for r in requests))


def missing() -> str:
    """Why folders cannot be served here; empty if they can be."""
    if shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin"):
        return ""
    return "nginx is not installed: apt install nginx-light"


def _servers() -> Any:
    """The servers of the tests, which are no installed package."""
    tests = str(Path(__file__).resolve().parents[2] / "tests")
    if tests not in sys.path:
        sys.path.append(tests)
    return importlib.import_module("servers")


@contextlib.contextmanager
def nginx(folder: Path) -> Iterator[Folder]:
    """Serve ``folder`` on loopback; RuntimeError where nginx is not installed."""
    if reason := missing():
        raise RuntimeError(reason)
    with _servers().nginx(folder, DIRECTIVES) as server:
        yield Folder(f"{server.url}/", None, server)


@contextlib.contextmanager
def proxy(folder: Path, link: Link = FAR) -> Iterator[Folder]:
    """The same from far away; RuntimeError where nginx is not installed."""
    with nginx(folder) as near:
        host, port = near.url.strip("/").rpartition("/")[2].split(":")
        route = Route(host, int(port), link.latency, link.bandwidth)
        with forwarder(route) as far:
            yield Folder(f"http://{host}:{far.port}/", link, near._server)  # noqa: SLF001

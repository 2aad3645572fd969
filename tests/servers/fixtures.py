"""Fixtures that start servers. A conftest names this module in ``pytest_plugins``.

``*_at`` give servers that live for the whole session, one for each folder, and are not
to be spoiled: their log starts anew with each test that asks. ``faulty_*`` and
``omero_for`` give servers of one test, to be spoiled at will.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import servers

if TYPE_CHECKING:
    from servers.ftp_server import RunningFtp
    from servers.http_server import FaultyServer
    from servers.log import Server
    from servers.omero_server import RunningOmero

Serve = Callable[[Path | str], "Server"]


class Shared:
    """Servers that are kept until the session ends, one for each kind and folder."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._running: dict[tuple[str, Path], Server] = {}

    def at(self, kind: str, root: Path | str) -> Server:
        """The server of this kind for the folder, with an empty log."""
        key = kind, Path(root).resolve()
        if key not in self._running:
            start: Callable[[Path], AbstractContextManager[Any]]
            start = getattr(servers, kind)
            self._running[key] = self._stack.enter_context(start(key[1]))
        self._running[key].forget()
        return self._running[key]


@pytest.fixture(scope="session")
def shared_servers() -> Iterator[Shared]:
    """All servers that tests share; stopped at the end of the session."""
    with ExitStack() as stack:
        yield Shared(stack)


@pytest.fixture
def nginx_at(shared_servers: Shared) -> Serve:
    """``nginx_at(folder)``: a shared nginx; skips where none is installed."""
    return partial(shared_servers.at, "nginx")


@pytest.fixture
def http_at(shared_servers: Shared) -> Serve:
    """``http_at(folder)``: a shared Starlette server, to be left without faults."""
    return partial(shared_servers.at, "http")


@pytest.fixture
def ftp_at(shared_servers: Shared) -> Serve:
    """``ftp_at(folder)``: a shared FTP server, to be left without faults."""
    return partial(shared_servers.at, "ftp")


@pytest.fixture
def s3_at(shared_servers: Shared) -> Serve:
    """``s3_at(folder)``: a shared S3 endpoint; each folder in it is a bucket."""
    return partial(shared_servers.at, "s3")


@pytest.fixture
def gcs_at(shared_servers: Shared) -> Serve:
    """``gcs_at(folder)``: a shared GCS endpoint; each folder in it is a bucket."""
    return partial(shared_servers.at, "gcs")


@pytest.fixture
def faulty_http() -> Iterator[Callable[[Path | str], FaultyServer]]:
    """``faulty_http(folder)``: an HTTP server of this test alone, with ``faults``."""
    with ExitStack() as stack:
        yield lambda root: stack.enter_context(servers.http(root))


@pytest.fixture
def faulty_ftp() -> Iterator[Callable[[Path | str], RunningFtp]]:
    """``faulty_ftp(folder)``: an FTP server of this test alone, with ``faults``."""
    with ExitStack() as stack:
        yield lambda root: stack.enter_context(servers.ftp(root))


@pytest.fixture
def omero_for() -> Iterator[Callable[..., RunningOmero]]:
    """``omero_for(image, stock=False)``: an OMERO gateway of this test alone."""
    with ExitStack() as stack:
        yield lambda *images, **options: stack.enter_context(
            servers.omero(*images, **options)
        )

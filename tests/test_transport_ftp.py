"""Bytes over FTP, whose end of a file and broken line look the same."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emcatalog.errors import (
    NotFoundError,
    TransportError,
    TruncatedError,
    UnreachableError,
)
from emcatalog.transport import Transport
from transport_files import CONTENT, URL_NAME, write_files


@pytest.fixture
def server(faulty_ftp: Any, tmp_path: Path) -> Any:
    return faulty_ftp(write_files(tmp_path))


@pytest.fixture
def url(server: Any) -> str:
    return f"{server.url}/transport-files/{URL_NAME}"


def some(kind: str, times: int, command: str = "RETR") -> Callable[[str, str], str]:
    """A choice of faults: the first so many such commands fail that way."""
    left = [kind] * times

    def choose(asked: str, path: str) -> str:
        return left.pop() if asked == command and left else ""

    return choose


def test_a_connection_that_drops_is_opened_again(server: Any, url: str) -> None:
    server.faults.drop_after, server.faults.drops = 1000, 1
    assert len(Transport().read_range(url, 0, 50_000)) == 50_000


@pytest.mark.parametrize("kind", ["421", "reset", "cut", "short", "stall"])
def test_faults_pass_or_raise(
    server: Any, url: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMCATALOG_TIMEOUT", "0.7")
    begun = time.monotonic()
    server.faults.choose = some(kind, 2)
    assert Transport().read_range(url, 1000, 100_000) == CONTENT[1000:101_000]
    server.faults.choose = some(kind, 1000)
    with pytest.raises((UnreachableError, TruncatedError)):
        Transport(attempts=2).read_range(url, 1000, 100_000)
    with pytest.raises((UnreachableError, TruncatedError)):
        Transport(attempts=2).read_upto(url, 1000, 2**20)
    assert time.monotonic() - begun < 20


def test_a_wrong_size_makes_no_short_file(server: Any, url: str) -> None:
    server.faults.choose = some("size", 1, "SIZE")
    assert Transport().read(url) == CONTENT
    server.faults.choose = some("size", 1000, "SIZE")
    with pytest.raises(TruncatedError, match="ended at byte 128000; expected.* at 7"):
        Transport(attempts=1).read(url)


def test_no_more_connections_than_allowed(server: Any, url: str) -> None:
    server.faults.most_connections = 3  # beyond it the server says 421
    transport = Transport(connections=3, attempts=1)
    list(transport.map(lambda n: transport.read_range(url, n, 9), range(30)))
    assert 1 < server.count("CONNECT") <= 3


def test_passwords_stay_out_of_errors(server: Any) -> None:
    url = server.url.replace("ftp://", "ftp://anonymous:hush@") + "/none"
    with pytest.raises(NotFoundError) as caught:
        Transport().read(url)
    assert "hush" not in str(caught.value)


def test_line_breaks_do_not_become_commands(server: Any) -> None:
    with pytest.raises(TransportError, match="no line breaks"):
        Transport().read(f"{server.url}/a%0d%0aDELE%20b")

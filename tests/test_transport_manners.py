"""How patient and how polite the transport is, seen by a server that counts."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

import servers
from emcatalog.errors import (
    AccessDeniedError,
    OptionError,
    TransportError,
    UnreachableError,
)
from emcatalog.transport import Transport, patience
from transport_files import CONTENT, URL_NAME, write_files


@pytest.fixture
def server(faulty_http: Any, tmp_path: Path) -> Any:
    return faulty_http(write_files(tmp_path))


@pytest.fixture
def url(server: Any) -> str:
    return f"{server.url}/transport-files/{URL_NAME}"


def test_no_more_connections_than_allowed(server: Any, url: str) -> None:
    lock, under_way, most = threading.Lock(), 0, 0

    def watch(app: Any) -> Any:
        async def counted(scope: Any, receive: Any, send: Any) -> None:
            nonlocal under_way, most
            with lock:
                under_way += 1
                most = max(most, under_way)
            await asyncio.sleep(0.02)
            with lock:  # before the answer: its reader may be quick
                under_way -= 1
            await app(scope, receive, send)

        return counted

    server.faults.add(watch)
    transport = Transport(connections=3)
    list(transport.map(lambda n: transport.read_range(url, n, 1), range(30)))
    assert 1 < most <= 3


def test_slow_answers_run_side_by_side(server: Any, url: str) -> None:
    server.faults.add(servers.delay(0.2))
    begun = time.monotonic()
    transport = Transport(connections=8)
    list(transport.map(lambda n: transport.read_range(url, n, 1), range(8)))
    assert time.monotonic() - begun < 8 * 0.2


def test_retry_after_is_heeded(server: Any, url: str) -> None:
    server.faults.add(servers.status(503, retry_after=1), times=1)
    begun = time.monotonic()
    assert Transport().read(url) == CONTENT
    assert time.monotonic() - begun >= 1


@pytest.mark.parametrize("fault", ["headers", "body", "trickle"])
def test_a_stall_ends(
    server: Any, url: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMCATALOG_TIMEOUT", "0.5")
    stalls = {
        "headers": servers.stall(),
        "body": servers.stall(after=20),
        "trickle": servers.trickle(0.1),
    }
    begun = time.monotonic()
    server.faults.add(stalls[fault], times=1)
    assert Transport().read_range(url, 1000, 50_000) == CONTENT[1000:51_000]
    server.faults.add(stalls[fault])
    with pytest.raises(UnreachableError):
        Transport(attempts=2).read_range(url, 1000, 50_000)
    assert time.monotonic() - begun < 10


def test_slow_but_moving(
    server: Any, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMCATALOG_TIMEOUT", "0.3")
    monkeypatch.setattr(patience, "LOWEST_SPEED", 5)  # however busy this machine is
    server.faults.add(servers.trickle(0.005))
    assert Transport(attempts=1).read_range(url, 0, 150) == CONTENT[:150]


def test_patience_has_an_end(server: Any, url: str) -> None:
    server.faults.add(servers.status(503))
    with pytest.raises(UnreachableError, match="503"):
        Transport(attempts=1000, patience=1.0).read(url)
    assert 2 <= len(server.requests) <= 5


def test_retry_after_may_be_a_date(server: Any, url: str) -> None:
    then = datetime.now(UTC) + timedelta(seconds=3)
    date = format_datetime(then, usegmt=True)
    server.faults.add(servers.status(429, retry_after=date), times=1)
    begun = time.monotonic()
    assert Transport().read(url) == CONTENT
    assert 1.5 < time.monotonic() - begun < 8


def test_a_reset_in_the_middle(server: Any, url: str) -> None:
    server.faults.add(servers.reset_after(1000), times=2)
    assert Transport().read_range(url, 0, 50_000) == CONTENT[:50_000]


def test_redirects(server: Any, url: str, http_at: Any, tmp_path: Path) -> None:
    """Another host gets the request, and not the key to the first."""
    other = http_at(tmp_path)
    elsewhere = other.url.replace("127.0.0.1", "localhost")
    server.faults.add(servers.redirect(f"{elsewhere}/transport-files/{URL_NAME}"))
    transport = Transport({"headers": {"Authorization": "hush"}})
    assert transport.read_range(url, 5, 9) == CONTENT[5:14]
    assert server.requests[-1].headers["authorization"] == "hush"
    assert "authorization" not in other.requests[-1].headers
    server.faults.add(servers.redirect(url))
    server.faults.clear()
    server.faults.add(servers.redirect(url))
    with pytest.raises(TransportError, match="redirects from .* that lead on and on"):
        transport.read(url)


def test_https_where_there_is_none(url: str) -> None:
    with pytest.raises(UnreachableError, match=r"no answer from 127.0.0.1.*SSL"):
        Transport(attempts=1).read(url.replace("http://", "https://"))


def test_limits_of_two_readers_do_not_add_up(server: Any, url: str) -> None:
    server.faults.add(servers.delay(0.02))
    work = [
        threading.Thread(
            target=lambda t: list(t.map(lambda n: t.read_range(url, n, 1), range(15))),
            args=(Transport(connections=most),),
        )
        for most in (2, 3, 3)
    ]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    assert 1 < server.connections.most <= 3


def test_a_silent_host_holds_up_no_other(
    server: Any, url: str, http_at: Any, tmp_path: Path
) -> None:
    server.faults.add(servers.delay(2))
    transport = Transport(connections=8)
    slow = threading.Thread(
        target=lambda: list(
            transport.map(lambda n: transport.read_range(url, n, 1), range(16))
        )
    )
    slow.start()
    time.sleep(0.2)
    quick = f"{http_at(tmp_path).url}/transport-files/{URL_NAME}"
    begun = time.monotonic()
    list(transport.map(lambda n: transport.read_range(quick, n, 1), range(9)))
    assert time.monotonic() - begun < 1.5
    slow.join()


def test_secrets_in_queries_are_not_shown(server: Any, url: str) -> None:
    server.faults.add(servers.status(403))
    signed = f"{url}?a=1&X-Amz-Signature=hush&token=hush&key=hush#x"
    with pytest.raises(AccessDeniedError, match="a=1") as caught:
        Transport().read(signed)
    assert "hush" not in str(caught.value)


def test_a_timeout_is_a_number_of_seconds(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for text in ("soon", "-1", "inf", "nan"):
        monkeypatch.setenv("EMCATALOG_TIMEOUT", text)
        with pytest.raises(OptionError, match=f"EMCATALOG_TIMEOUT={text}"):
            Transport().read(url)


def test_hosts_known_to_be_slow_are_asked_less() -> None:
    asked = Transport().most_requests
    assert asked("https://a.org/x") == 32
    assert asked("https://ftp.ebi.ac.uk/x") == asked("ftp://ftp.ebi.ac.uk/x") == 4
    assert asked("ftp://a.org/x") == 8
    assert Transport(connections=2).most_requests("https://ftp.ebi.ac.uk/x") == 2

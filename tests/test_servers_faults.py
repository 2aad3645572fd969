"""The HTTP server of the tests misbehaves as told, seen by a plain client."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.responses import JSONResponse

from servers import (
    delay,
    gzipped,
    http,
    ignore_range,
    login_page,
    other_range,
    reset,
    respond,
    status,
    truncate,
)
from servers.http_server import FaultyServer

DATA = bytes(range(256)) * 1000
FILE = "/slice.dm3"


@pytest.fixture
def faulty(tmp_path: Path) -> Iterator[FaultyServer]:
    (tmp_path / "slice.dm3").write_bytes(DATA)
    (tmp_path / "info.json").write_text("{}")
    with http(tmp_path) as server:
        yield server


def test_fault_status_passes_after_some_times(faulty: FaultyServer) -> None:
    faulty.faults.add(status(503, retry_after=7), path=r"\.dm3$", times=2)
    answers = [httpx.get(faulty.url + FILE) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 503, 200]
    assert answers[0].headers["retry-after"] == "7"
    assert httpx.get(faulty.url + "/info.json").status_code == 200
    assert [request.status for request in faulty.requests] == [503, 503, 200, 200]


def test_fault_ignore_range(faulty: FaultyServer) -> None:
    faulty.faults.add(ignore_range)
    answer = httpx.get(faulty.url + FILE, headers={"Range": "bytes=10-19"})
    assert (answer.status_code, answer.content) == (200, DATA)
    assert faulty.requests[0].range == "bytes=10-19"


def test_fault_login_page(faulty: FaultyServer) -> None:
    faulty.faults.add(login_page)
    answer = httpx.get(faulty.url + FILE)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "<title>Log in</title>" in answer.text


@pytest.mark.parametrize("span", [{}, {"Range": "bytes=0-99"}])
def test_fault_truncate(faulty: FaultyServer, span: dict[str, str]) -> None:
    faulty.faults.add(truncate(lost=10), times=1)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
        httpx.get(faulty.url + FILE, headers=span)
    announced = 100 if span else len(DATA)
    assert faulty.bytes_sent == announced - 10
    assert len(httpx.get(faulty.url + FILE, headers=span).content) == announced


@pytest.mark.parametrize(("start", "stop"), [(0, -5), (0, 5), (3, 3)])
def test_fault_other_range(faulty: FaultyServer, start: int, stop: int) -> None:
    faulty.faults.add(other_range(start, stop))
    answer = httpx.get(faulty.url + FILE, headers={"Range": "bytes=10-19"})
    assert answer.status_code == 206
    assert answer.content == DATA[10 + start : 20 + stop]
    assert answer.headers["content-range"].startswith(
        f"bytes {10 + start}-{19 + stop}/"
    )


def test_fault_delay(faulty: FaultyServer) -> None:
    faulty.faults.add(delay(0.3))
    start = time.monotonic()
    assert httpx.get(faulty.url + FILE).content == DATA
    assert time.monotonic() - start >= 0.3


def test_fault_reset(faulty: FaultyServer) -> None:
    faulty.faults.add(reset, times=1)
    with pytest.raises(httpx.ReadError):
        httpx.get(faulty.url + FILE)
    assert httpx.get(faulty.url + FILE).content == DATA
    assert [request.status for request in faulty.requests] == [0, 200]


def test_fault_gzip(faulty: FaultyServer) -> None:
    faulty.faults.add(gzipped)
    plain = {"Accept-Encoding": "identity"}
    with httpx.stream("GET", faulty.url + FILE, headers=plain) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        assert gzip.decompress(b"".join(answer.iter_raw())) == DATA
    assert httpx.get(faulty.url + FILE).content == DATA


def test_faults_combine_and_clear(faulty: FaultyServer) -> None:
    faulty.faults.add(delay(0.1))
    faulty.faults.add(respond(JSONResponse({"Exception": "busy"})))
    start = time.monotonic()
    assert httpx.get(faulty.url + FILE).json() == {"Exception": "busy"}
    assert time.monotonic() - start >= 0.1
    faulty.faults.clear()
    assert httpx.get(faulty.url + FILE).content == DATA

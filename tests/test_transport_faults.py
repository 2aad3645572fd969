"""Bytes over HTTP when the server or the line fails: exact, or an error of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dask.base import tokenize

import servers
from emcatalog.errors import (
    AccessDeniedError,
    ContentError,
    NotFoundError,
    RangeError,
    TransportError,
    TruncatedError,
    UnreachableError,
)
from emcatalog.transport import Transport
from transport_files import CONTENT, URL_NAME, write_files


@pytest.fixture
def server(faulty_http: Any, tmp_path: Path) -> Any:
    return faulty_http(write_files(tmp_path))


@pytest.fixture
def url(server: Any) -> str:
    return f"{server.url}/transport-files/{URL_NAME}"


def test_a_server_that_ignores_ranges_is_found_before_the_body(
    server: Any, url: str
) -> None:
    server.faults.add(servers.ignore_range)
    with pytest.raises(RangeError, match="ignores byte ranges: download the file"):
        Transport().read_range(url, 1000, 50)
    # but a whole small file that was asked for is what was asked for
    assert Transport().read_upto(url, 0, len(CONTENT)) == CONTENT


def test_ranges_that_are_answered_wrongly(server: Any, url: str) -> None:
    server.faults.add(servers.other_range(start=5, stop=5))
    with pytest.raises(RangeError, match="bytes from 1005 on; expected bytes fro"):
        Transport().read_range(url, 1000, 50)


def test_a_range_that_comes_short(server: Any, url: str) -> None:
    server.faults.add(servers.other_range(stop=-5))
    with pytest.raises(TruncatedError, match="got 45 bytes at byte 1000"):
        Transport().read_range(url, 1000, 50)


def test_a_body_that_breaks_off_is_tried_again(server: Any, url: str) -> None:
    server.faults.add(servers.truncate(lost=10), times=2)
    assert Transport().read_range(url, 0, 500) == CONTENT[:500]
    server.faults.add(servers.truncate(lost=10))
    with pytest.raises(TruncatedError, match="broke off"):
        Transport().read_range(url, 0, 500)


def test_a_reset_connection_is_tried_again(server: Any, url: str) -> None:
    server.faults.add(servers.reset, times=2)
    assert Transport().read_range(url, 0, 500) == CONTENT[:500]


@pytest.mark.parametrize("code", [429, 500, 502, 503])
def test_a_busy_server_is_tried_again(server: Any, url: str, code: int) -> None:
    server.faults.add(servers.status(code), times=2)
    assert Transport().read(url) == CONTENT
    server.faults.add(servers.status(code))
    server.forget()
    with pytest.raises(UnreachableError, match=f"status {code}.*try again later"):
        Transport(attempts=3).read(url)
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (401, AccessDeniedError, "refuses anonymous readers"),
        (403, AccessDeniedError, "refuses anonymous readers"),
        (404, NotFoundError, "nothing at"),
        (410, NotFoundError, "nothing at"),
        (418, TransportError, "status 418"),
    ],
)
def test_final_answers_are_not_asked_again(
    server: Any, url: str, code: int, kind: type[Exception], words: str
) -> None:
    server.faults.add(servers.status(code))
    with pytest.raises(kind, match=words):
        Transport().read_range(url, 0, 5)
    assert len(server.requests) == 1


def test_a_login_page_is_not_data(server: Any, url: str) -> None:
    server.faults.add(servers.login_page)
    with pytest.raises(ContentError, match="an HTML page titled 'Log in'"):
        Transport().read_range(url, 0, 5000)
    with pytest.raises(ContentError, match="expected application/json"):
        Transport().read(url, kind="application/json")


def test_compressed_transfer_is_undone(server: Any, url: str) -> None:
    server.faults.add(servers.gzipped)
    assert Transport().read(url) == CONTENT


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "'missing'"),
        ("bytes 0-49/garbage", "garbage"),
        ("bytes 1000-1049/1010", "1010"),
        ("bytes 1000-1040/128000", "Content-Length '50'"),
    ],
)
def test_a_206_that_does_not_say_what_it_brings(
    server: Any, url: str, value: str | None, told: str
) -> None:
    server.faults.add(servers.header("content-range", value))
    with pytest.raises(RangeError, match=f"status 206 with.*{told}"):
        Transport().read_range(url, 1000, 50)
    with pytest.raises(TransportError):
        Transport(attempts=1).reader(url).read(1000, 50)


def test_a_206_of_another_place(server: Any, url: str) -> None:
    server.faults.add(servers.header("content-range", "bytes 0-49/128000"))
    with pytest.raises(RangeError, match="got bytes from 0 on; expected bytes from 10"):
        Transport().read_range(url, 1000, 50)
    with pytest.raises(RangeError, match="Content-Range"):
        Transport().size(url)  # 0-49 in a body of one byte


def test_a_short_range_is_not_the_end_of_the_file(server: Any, url: str) -> None:
    """Or the blocks of a header would be joined with a hole between them."""
    server.faults.add(servers.other_range(stop=-5), times=1)
    assert Transport().reader(url, 64).read(0, 500) == CONTENT[:500]
    server.faults.add(servers.other_range(stop=-5))
    with pytest.raises(TruncatedError, match="got 59 bytes at byte 0; expected 64"):
        Transport(attempts=1).read_upto(url, 0, 64)


@pytest.mark.parametrize("fault", [servers.shortened(9), servers.lengthened(9)])
def test_bodies_that_are_not_as_long_as_their_range(
    server: Any, url: str, fault: Any
) -> None:
    server.faults.add(fault)
    with pytest.raises(RangeError, match="Content-Range 'bytes 1000-1049/128000'"):
        Transport().read_range(url, 1000, 50)


def test_a_compressed_range_is_a_range_of_something_else(server: Any, url: str) -> None:
    server.faults.add(servers.gzipped)
    with pytest.raises(RangeError, match="'gzip'; expected one range of the plain f"):
        Transport().read_range(url, 1000, 50)


def test_a_416_that_contradicts_itself(server: Any, url: str) -> None:
    assert Transport().read_upto(url, len(CONTENT), 50) == b""
    server.faults.add(servers.other_range(len(CONTENT), len(CONTENT)))
    server.faults.add(servers.header("content-range", f"bytes */{len(CONTENT)}"))
    with pytest.raises(RangeError, match="status 416 for byte 1000"):
        Transport().read_upto(url, 1000, 50)


def test_answers_without_content_are_not_empty_files(server: Any, url: str) -> None:
    server.faults.add(servers.status(204))
    with pytest.raises(TransportError, match="status 204"):
        Transport().read(url)


def test_what_was_seen_makes_no_other_volume(url: str) -> None:
    transport = Transport()
    before = tokenize(transport)
    transport.read_range(url, 0, 9)
    assert transport.versions.seen
    assert tokenize(transport) == before


def test_a_file_that_changes_meanwhile(server: Any, url: str, tmp_path: Path) -> None:
    transport = Transport()
    reader = transport.reader(url, 64)
    assert reader.read(0, 9) == CONTENT[:9]
    other = bytes(reversed(CONTENT))
    file = next(tmp_path.rglob("stack*"))
    file.write_bytes(other)
    for _ in range(2):  # not only the first time
        with pytest.raises(ContentError, match="another version.*open it again"):
            reader.read(1000, 50)
    assert Transport().read_range(url, 1000, 50) == other[1000:1050]
    server.faults.add(servers.header("etag", None))
    server.faults.add(servers.header("last-modified", None))
    transport = Transport()
    transport.read_range(url, 0, 9)
    file.write_bytes(other[:2000])
    with pytest.raises(ContentError, match="bytes 2000"):
        transport.read_range(url, 1000, 50)

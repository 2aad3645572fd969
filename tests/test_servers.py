"""The web servers of the tests do what they say, seen by plain clients."""

from __future__ import annotations

import shutil
import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest

from servers import Server, ftp, http, nginx
from servers.nginx_server import find_nginx

Serve = Callable[[Path], Server]
DATA = bytes(range(256)) * 1000
FILE = "/data%20set/deep/a%20b.dm3"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("folder")
    deep = root / "data set" / "deep"
    deep.mkdir(parents=True)
    (deep / "a b.dm3").write_bytes(DATA)
    (root / "data set" / "info.json").write_text("{}")
    return root


@pytest.fixture(params=["nginx", "http"])
def web(request: pytest.FixtureRequest, folder: Path) -> Iterator[Server]:
    serve = nginx if request.param == "nginx" else http
    with serve(folder) as server:
        yield server


def test_web_servers_answer_ranges(web: Server) -> None:
    whole = httpx.get(web.url + FILE)
    part = httpx.get(web.url + FILE, headers={"Range": "bytes=10-19"})
    tail = httpx.get(web.url + FILE, headers={"Range": "bytes=-7"})
    beyond = httpx.get(web.url + FILE, headers={"Range": "bytes=999999-"})
    assert (whole.status_code, whole.content) == (200, DATA)
    assert (part.status_code, part.content) == (206, DATA[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(DATA)}"
    assert (tail.status_code, tail.content) == (206, DATA[-7:])
    assert beyond.status_code == 416


def test_web_servers_answer_head_and_the_standard_library(web: Server) -> None:
    head = httpx.head(web.url + FILE)
    assert int(head.headers["content-length"]) == len(DATA)
    assert head.content == b""
    with urllib.request.urlopen(web.url + FILE) as answer:  # noqa: S310
        assert answer.read() == DATA


def test_web_servers_list_folders(web: Server) -> None:
    moved = httpx.get(web.url + "/data%20set")
    page = httpx.get(web.url + "/data%20set/")
    assert moved.status_code == 301
    assert moved.headers["location"].endswith("/data%20set/")
    assert page.headers["content-type"].startswith("text/html")
    assert '<a href="deep/">deep/</a>' in page.text
    assert '<a href="info.json">info.json</a>' in page.text
    assert '<a href="a%20b.dm3">' in httpx.get(web.url + "/data%20set/deep/").text


def test_web_servers_miss_what_is_not_there(web: Server) -> None:
    assert httpx.get(web.url + "/nothing.tif").status_code == 404
    escape = httpx.get(web.url + "/%2e%2e/%2e%2e/etc/hostname")
    assert escape.status_code in (400, 404)


def test_web_servers_log_each_request_at_once(web: Server) -> None:
    for i in range(30):
        web.forget()
        span = {"Range": f"bytes={i}-{i + 9}", "User-Agent": "tests"}
        httpx.get(web.url + FILE + "?level=1", headers=span)
        (request,) = web.requests
        assert request.method == "GET"
        assert request.path == "/data set/deep/a b.dm3"
        assert request.query == "level=1"
        assert request.range == f"bytes={i}-{i + 9}"
        assert (request.status, request.bytes_sent) == (206, 10)
        assert request.headers["user-agent"] == "tests"
    httpx.head(web.url + FILE)
    assert [r.method for r in web.requests] == ["GET", "HEAD"]
    assert web.bytes_sent == 10


def test_web_servers_log_transfers_that_the_client_left(
    web: Server, folder: Path
) -> None:
    (folder / "large").write_bytes(bytes(32 << 20))
    with httpx.stream("GET", web.url + "/large") as answer:
        next(answer.iter_raw(1024))
    time.sleep(0.05)
    (request,) = web.requests
    assert 1024 <= request.bytes_sent < 32 << 20


def test_web_servers_serve_many_clients_at_once(web: Server) -> None:
    def work(i: int) -> None:
        span = {"Range": f"bytes={i}-{i + 99}"}
        got.append(httpx.get(web.url + FILE, headers=span).content == DATA[i : i + 100])

    got: list[bool] = []
    threads = [threading.Thread(target=work, args=(i,)) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [True] * 16
    assert len(web.requests) == 16


@pytest.mark.parametrize("kind", [nginx, http, ftp])
def test_servers_start_and_stop_quickly(
    kind: Callable[[Path], AbstractContextManager[Server]], folder: Path
) -> None:
    start = time.monotonic()
    with kind(folder) as first, kind(folder) as second:
        assert first.url != second.url
        port = int(first.url.rpartition(":")[2])
    assert time.monotonic() - start < 5
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 1).close()


def test_nginx_takes_directives(folder: Path) -> None:
    with nginx(folder, "add_header X-Place here;") as server:
        assert httpx.get(server.url + FILE).headers["x-place"] == "here"


def test_nginx_says_why_it_did_not_start(folder: Path) -> None:
    with pytest.raises(RuntimeError, match="nonsense"), nginx(folder, "nonsense;"):
        pass


@pytest.mark.parametrize(
    ("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)]
)
def test_nginx_may_be_missing_but_not_in_ci(
    monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *args, **kwargs: None)
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="apt install nginx-light"):
        find_nginx()


def test_shared_fixtures_keep_their_servers_and_forget(
    folder: Path, nginx_at: Serve, http_at: Serve, ftp_at: Serve
) -> None:
    for serve in (nginx_at, http_at):
        server = serve(folder)
        assert httpx.get(server.url + FILE).content == DATA
        assert len(server.requests) == 1
        assert serve(folder) is server
        assert server.requests == []
    assert ftp_at(folder).url.startswith("ftp://127.0.0.1:")


def test_fixtures_of_one_test_give_new_servers(
    folder: Path, faulty_http: Serve, faulty_ftp: Serve
) -> None:
    for serve in (faulty_http, faulty_ftp):
        assert serve(folder).url != serve(folder).url

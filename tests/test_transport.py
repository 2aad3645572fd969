"""Bytes by range from real servers, through everything that goes wrong on the web."""

from __future__ import annotations

import pickle
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emcatalog.errors import (
    ContentError,
    NotFoundError,
    OptionError,
    TransportError,
    TruncatedError,
    UnreachableError,
)
from emcatalog.mirror import Mirrors
from emcatalog.transport import RangeReader, Transport
from transport_files import CONTENT, NAME, URL_NAME, write_files

PROTOCOLS = ["file", "nginx", "http", "ftp", "s3", "gcs"]


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(tmp_path_factory.mktemp("files"))


@pytest.fixture(params=PROTOCOLS)
def place(
    request: pytest.FixtureRequest, root: Path
) -> tuple[str, Transport, Callable[[str], str]]:
    """Base URL, transport, and how a name is spelled in a URL there."""
    kind: str = request.param
    if kind == "file":
        return f"{root}/transport-files", Transport(), lambda name: name
    server = request.getfixturevalue(f"{kind}_at")(root)
    quoted = {NAME: URL_NAME}
    if kind == "s3":
        options = {"endpoint_url": server.url}
        return "s3://transport-files", Transport(options), lambda name: name
    if kind == "gcs":
        options = {"endpoint_url": server.url}
        return "gs://transport-files", Transport(options), lambda name: name
    return f"{server.url}/transport-files", Transport(), lambda n: quoted.get(n, n)


Place = tuple[str, Transport, Callable[[str], str]]


class TestEveryProtocol:
    def test_ranges_are_exact(self, place: Place) -> None:
        base, transport, spell = place
        url = f"{base}/{spell(NAME)}"
        for start, length in [(0, 1), (1000, 5000), (len(CONTENT) - 7, 7), (5, 0)]:
            assert (
                transport.read_range(url, start, length)
                == (CONTENT[start : start + length])
            )

    def test_whole_file_and_size(self, place: Place) -> None:
        base, transport, spell = place
        url = f"{base}/{spell(NAME)}"
        assert transport.read(url) == CONTENT
        assert (
            transport.read(f"{base}/{spell(NAME).rpartition('/')[0]}/other.bin") == b""
        )
        assert transport.size(url) == len(CONTENT)
        assert transport.exists(url)
        assert not transport.exists(f"{base}/none")

    def test_the_end_of_a_file(self, place: Place) -> None:
        base, transport, spell = place
        url = f"{base}/{spell(NAME)}"
        size = len(CONTENT)
        assert transport.read_upto(url, size - 5, 100) == CONTENT[-5:]
        assert transport.read_upto(url, size + 5, 100) == b""
        with pytest.raises(TruncatedError, match=f"got 5 bytes at byte {size - 5}"):
            transport.read_range(url, size - 5, 100)

    def test_what_is_not_there(self, place: Place) -> None:
        base, transport, _ = place
        for ask in (
            lambda: transport.read(f"{base}/none.bin"),
            lambda: transport.read_range(f"{base}/none.bin", 5, 5),
            lambda: transport.size(f"{base}/none.bin"),
        ):
            with pytest.raises(NotFoundError, match="none.bin"):
                ask()

    def test_names_in_a_folder(self, place: Place) -> None:
        base, transport, spell = place
        folder = spell(NAME).rpartition("/")[0]
        names = transport.names(f"{base}/{folder}/")
        assert set(names) == {"below/", "other.bin", "stack #1.bin"}
        assert names == tuple(sorted(names))

    def test_large_files_are_refused_where_small_ones_are_meant(
        self, place: Place
    ) -> None:
        base, transport, spell = place
        with pytest.raises(ContentError, match="1000"):
            transport.read(f"{base}/{spell(NAME)}", limit=1000)

    def test_many_threads(self, place: Place) -> None:
        base, transport, spell = place
        url = f"{base}/{spell(NAME)}"

        def one(start: int) -> bool:
            return transport.read_range(url, start, 99) == CONTENT[start : start + 99]

        with ThreadPoolExecutor(16) as pool:
            assert all(pool.map(one, range(0, 20_000, 200)))
        assert all(transport.map(one, range(0, 2000, 100)))

    def test_it_survives_pickling(self, place: Place) -> None:
        base, transport, spell = place
        copy = pickle.loads(pickle.dumps(transport))
        assert copy.read_range(f"{base}/{spell(NAME)}", 3, 4) == CONTENT[3:7]


@pytest.mark.parametrize("kind", ["s3", "gcs"])
def test_objects_are_had_in_one_request(
    kind: str, root: Path, request: pytest.FixtureRequest
) -> None:
    server = request.getfixturevalue(f"{kind}_at")(root)
    transport = Transport({"endpoint_url": server.url})
    url = f"{'s3' if kind == 's3' else 'gs'}://transport-files/{NAME}"
    transport.read(url)
    server.forget()
    assert transport.read(url) == CONTENT
    assert transport.read_range(url, 5, 9) == CONTENT[5:14]
    assert [r.method for r in server.requests] == ["GET", "GET"]


def test_only_the_range_is_moved(http_at: Any, root: Path) -> None:
    server = http_at(root)
    Transport().read_range(f"{server.url}/transport-files/{URL_NAME}", 1000, 50)
    assert [r.range for r in server.requests] == ["bytes=1000-1049"]
    assert server.bytes_sent == 50


def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    for scheme in ("http", "ftp"):
        url = f"{scheme}://127.0.0.1:{port}/x"
        with pytest.raises(UnreachableError, match=f"no answer from 127.0.0.1:{port}"):
            Transport(attempts=2).read(url)


def test_a_host_that_does_not_exist() -> None:
    with pytest.raises(UnreachableError, match="no answer from nowhere.invalid"):
        Transport(attempts=1).read("https://nowhere.invalid/x")


def test_unknown_protocols_and_options() -> None:
    with pytest.raises(OptionError, match="a protocol and options that fsspec knows"):
        Transport().read("gopher2://a/b")
    with pytest.raises((OptionError, TransportError)):
        Transport({"nonsense": 1}).read("s3://a/b")


def test_options_are_for_the_protocol_of_the_url(http_at: Any, root: Path) -> None:
    server = http_at(root)
    mirrors = Mirrors(rules=(("s3://", f"{server.url}/"),))
    options = {"anon": True, "client_kwargs": {"region_name": "us-east-1"}}
    assert (
        Transport(options, mirrors).read(f"s3://transport-files/{URL_NAME}") == CONTENT
    )
    plain = Mirrors(rules=(("https://a.org", server.url),))
    headers = {"headers": {"X-Key": "7"}}
    assert Transport(headers, plain).read(f"https://a.org/transport-files/{URL_NAME}")
    assert server.requests[-1].headers["x-key"] == "7"


def test_mirrors_come_before_servers(tmp_path: Path) -> None:
    page = tmp_path / "https/a.org/image/7"
    page.mkdir(parents=True)
    (page / "index.html").write_bytes(b"{}")
    transport = Transport({"headers": {"X": "y"}}, Mirrors((str(tmp_path),)))
    assert transport.read("https://a.org/image/7/") == b"{}"


@settings(deadline=None, derandomize=True, max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 1500), st.integers(0, 400)), max_size=8))
def test_reader_equals_slicing(reads: list[tuple[int, int]]) -> None:
    content = CONTENT[:1300]
    asked: list[tuple[int, int]] = []

    def fetch(start: int, length: int) -> bytes:
        asked.append((start, length))
        return content[start : start + length]

    reader = RangeReader(fetch, "x", 64)
    for start, length in reads:
        expected = content[start : start + length]
        assert reader.peek(start, length) == expected
        if len(expected) < length:
            with pytest.raises(TruncatedError, match="ends within"):
                reader.read(start, length)
    blocks = [b for a, n in asked for b in range(a // 64, (a + n) // 64)]
    assert len(blocks) == len(set(blocks)), "a block was fetched twice"

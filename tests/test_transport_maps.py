"""Local files mapped into memory, and the versions of files anywhere."""

from __future__ import annotations

import os
import random
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import servers
from emcatalog.errors import ContentError, NotFoundError, TruncatedError
from emcatalog.mirror import Mirrors
from emcatalog.transport import FileMap, Transport, maps

CONTENT = random.Random(6).randbytes(50_000)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "transport-maps").mkdir()
    file = tmp_path / "transport-maps/a b.bin"
    file.write_bytes(CONTENT)
    return file


def _map(file: Path | str) -> FileMap:
    found = Transport().mapped(str(file))
    assert found is not None
    return found


def test_a_map_is_the_file(file: Path) -> None:
    found = _map(file)
    assert found.size == len(CONTENT)
    for start, length in ((0, 5), (4095, 4098), (0, 50_000), (50_000, 0)):
        view = found.view(start, length)
        assert view == CONTENT[start : start + length]
        assert view.readonly
    assert _map(f"file://{str(file).replace(' ', '%20')}").view(3, 4) == CONTENT[3:7]


def test_views_never_reach_beyond_the_file(file: Path) -> None:
    for start, length, got in ((49_990, 20, 10), (60_000, 1, 0)):
        with pytest.raises(TruncatedError, match=f"got {got} bytes at byte {start}"):
            _map(file).view(start, length)
    for start, length in ((-5, 5), (5, -5)):
        with pytest.raises(ValueError, match="a span of"):
            _map(file).view(start, length)


def test_a_file_is_mapped_once_until_it_changes(file: Path) -> None:
    first = _map(file)
    assert _map(file) is first
    file.write_bytes(bytes(reversed(CONTENT)))
    os.utime(file, ns=(1, 1))  # even within one tick of the clock
    second = _map(file)
    assert second is not first
    assert second.view(0, 9) == CONTENT[:-10:-1]


def test_a_file_that_was_replaced(file: Path, tmp_path: Path) -> None:
    """Old views show the old file, whole; the next map is of the new one."""
    old = _map(file).view(0, 50_000)
    other = tmp_path / "other"
    other.write_bytes(b"short")
    other.replace(file)
    assert old == CONTENT
    assert _map(file).size == 5


def test_a_file_that_becomes_shorter_is_an_error_and_no_signal(file: Path) -> None:
    found = _map(file)
    os.truncate(file, 10)
    with pytest.raises(TruncatedError, match=r"a b.bin: got 0 bytes at byte 40000"):
        found.view(40_000, 10)
    with pytest.raises(TruncatedError):  # also what is left: it is another file
        found.view(0, 20)
    assert _map(file).view(0, 10) == CONTENT[:10]


def test_a_file_that_grows_is_mapped_anew(file: Path) -> None:
    found = _map(file)
    with file.open("ab") as more:
        more.write(b"more")
    assert found.view(0, 50_000) == CONTENT
    assert _map(file).view(50_000, 4) == b"more"


def test_what_cannot_be_mapped(file: Path, tmp_path: Path) -> None:
    transport = Transport()
    (tmp_path / "empty").touch()
    for place in (tmp_path / "empty", tmp_path, "https://a.org/x", "s3://a/b"):
        assert transport.mapped(str(place)) is None
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        assert transport.mapped(str(tmp_path / "pipe")) is None
        assert transport.mapped(os.devnull) is None
    for absent in (tmp_path / "none", file / "below"):
        with pytest.raises(NotFoundError, match=f"{absent.name}: got nothing at"):
            transport.mapped(str(absent))


def test_mirrored_files_are_mapped(file: Path, tmp_path: Path) -> None:
    place = tmp_path / "https/a.org/x.bin"
    place.parent.mkdir(parents=True)
    place.write_bytes(CONTENT)
    found = Transport({}, Mirrors((str(tmp_path),))).mapped("https://a.org/x.bin")
    assert found is not None
    assert found.view(7, 3) == CONTENT[7:10]


def test_few_maps_are_kept_and_views_outlive_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maps, "MOST_MAPS", 3)
    views = []
    for n in range(10):
        (tmp_path / str(n)).write_bytes(bytes([n]) * 5000)
        views.append(_map(tmp_path / str(n)).view(0, 5000))
    assert len(maps._maps) == 3
    assert [view[4999] for view in views] == list(range(10))
    kept = _map(tmp_path / "7")  # used last, though mapped first
    (tmp_path / "new").write_bytes(b"new")
    _map(tmp_path / "new")
    assert _map(tmp_path / "7") is kept


def test_maps_under_many_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maps, "MOST_MAPS", 2)
    for n in range(5):
        (tmp_path / str(n)).write_bytes(bytes([n]) * 100)
    wrong: list[int] = []

    def read(n: int) -> None:
        for k in range(100):
            name = (n + k) % 5
            if _map(tmp_path / str(name)).view(5, 9) != bytes([name]) * 9:
                wrong.append(name)

    threads = [threading.Thread(target=read, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(maps._maps) == 2


@pytest.mark.parametrize("kind", ["file", "nginx", "http", "ftp", "s3"])
def test_versions_change_with_the_content(
    kind: str, file: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Not of gcs: its emulator tells no ETag."""
    url, options = str(file), {}
    if kind != "file":
        base = request.getfixturevalue(f"{kind}_at")(tmp_path).url
        url = f"{base}/transport-maps/a%20b.bin"
    if kind == "s3":
        url, options = "s3://transport-maps/a b.bin", {"endpoint_url": base}
    first = Transport(options).version(url)
    assert first
    assert Transport(options).version(url) == first
    with pytest.raises(NotFoundError):
        Transport(options).version(url.replace("bin", "none"))
    if kind != "s3":  # the store holds a copy
        file.write_bytes(CONTENT[:-1])
        assert Transport(options).version(url) not in ("", first)


@pytest.mark.skipif(sys.platform == "win32", reason="it tells no time of a change")
def test_a_local_file_whose_time_is_set_back_has_another_version(file: Path) -> None:
    os.utime(file, ns=(10**18, 10**18))
    first = Transport().version(str(file))
    assert Transport().version(str(file)) == first
    file.write_bytes(CONTENT[::-1])
    os.utime(file, ns=(10**18, 10**18))
    assert Transport().version(str(file)) != first


def test_versions_are_asked_for_once(
    faulty_http: Any, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = faulty_http(file.parent)
    url, transport = f"{server.url}/a%20b.bin", Transport()
    transport.read_range(url, 0, 5)
    known = transport.version(url)
    assert known == transport.version(url)
    assert len(server.requests) == 1  # the answer to a range told it
    monkeypatch.setattr("emcatalog.transport.versions.RECHECK_SECONDS", 0.0)
    assert transport.version(url) == known
    assert len(server.requests) == 2
    assert server.bytes_sent == 6
    assert server.connections.ever == 1
    file.write_bytes(CONTENT[:-1])
    with pytest.raises(ContentError, match="another version.*open it again"):
        transport.version(url)


@pytest.mark.parametrize(
    ("absent", "told"),
    [((), True), (("etag",), True), (("etag", "last-modified"), False)],
)
def test_versions_are_as_good_as_what_servers_tell(
    faulty_http: Any, file: Path, absent: tuple[str, ...], told: bool
) -> None:
    server = faulty_http(file.parent)
    for name in absent:
        server.faults.add(servers.header(name, None))
    version = Transport().version(f"{server.url}/a%20b.bin")
    assert bool(version) is told
    assert ("50000" in version) is (absent == ("etag",))


def test_versions_of_ftp_are_asked_for_once(ftp_at: Any, file: Path) -> None:
    server = ftp_at(file.parent)
    transport, url = Transport(), f"{server.url}/a%20b.bin"
    known = transport.version(url)
    asked = len(server.requests)
    assert transport.version(url) == known
    assert len(server.requests) == asked
    transport.versions._told.clear()
    file.write_bytes(CONTENT[:-1])
    with pytest.raises(ContentError, match="another version.*open it again"):
        transport.version(url)


def test_weak_tags_tell_nothing_of_bytes(faulty_http: Any, file: Path) -> None:
    server = faulty_http(file.parent)
    server.faults.add(servers.header("etag", 'W/"abc"'))
    assert "abc" not in Transport().version(f"{server.url}/a%20b.bin")

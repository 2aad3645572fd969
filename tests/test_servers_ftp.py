"""The FTP server of the tests does what it says, seen by the standard library."""

from __future__ import annotations

import ftplib
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers import ftp
from servers.ftp_server import RunningFtp

DATA = bytes(range(256)) * 1000


@pytest.fixture
def ftpd(tmp_path: Path) -> Iterator[RunningFtp]:
    deep = tmp_path / "data set" / "deep"
    deep.mkdir(parents=True)
    (deep / "a b.dm3").write_bytes(DATA)
    (tmp_path / "data set" / "info.json").write_text("{}")
    with ftp(tmp_path) as server:
        yield server


def retrieve(server: RunningFtp, rest: int | None = None) -> bytes:
    parts: list[bytes] = []
    with ftplib.FTP() as client:  # noqa: S321
        client.connect("127.0.0.1", server.port)
        client.login()
        try:
            client.retrbinary("RETR data set/deep/a b.dm3", parts.append, rest=rest)
        except EOFError:
            client.close()
    return b"".join(parts)


def test_ftp_retrieves_from_an_offset(ftpd: RunningFtp) -> None:
    assert retrieve(ftpd) == DATA
    assert retrieve(ftpd, rest=1000) == DATA[1000:]
    assert (ftpd.count("CONNECT"), ftpd.count("RETR")) == (2, 2)
    last = ftpd.requests[-1]
    assert last.path == "/data set/deep/a b.dm3"
    assert (last.range, last.status) == ("bytes=1000-", 226)
    assert ftpd.bytes_sent == 2 * len(DATA) - 1000


def test_ftp_lists_and_refuses_to_write(ftpd: RunningFtp) -> None:
    with ftplib.FTP() as client:  # noqa: S321
        client.connect("127.0.0.1", ftpd.port)
        client.login()
        rows = dict(client.mlsd("/data set", ["type", "size"]))
        assert rows["info.json"] == {"type": "file", "size": "2"}
        assert rows["deep"]["type"] == "dir"
        client.voidcmd("TYPE I")
        assert client.size("/data set/info.json") == 2
        with pytest.raises(ftplib.error_perm, match="550"):
            client.delete("/data set/info.json")
        with pytest.raises(ftplib.error_perm, match="550"):
            client.size("/../../etc/hostname")


def test_ftp_drops_a_transfer(ftpd: RunningFtp) -> None:
    ftpd.faults.drop_after, ftpd.faults.drops = 70_000, 1
    assert retrieve(ftpd) == DATA[:70_000]
    assert ftpd.bytes_sent == 70_000
    assert retrieve(ftpd) == DATA


def test_ftp_refuses_more_visitors(ftpd: RunningFtp) -> None:
    ftpd.faults.most_connections = 1
    with ftplib.FTP() as first:  # noqa: S321
        first.connect("127.0.0.1", ftpd.port)
        with ftplib.FTP() as second, pytest.raises(ftplib.error_temp, match="421"):  # noqa: S321
            second.connect("127.0.0.1", ftpd.port)
    assert ftpd.requests[1].status == 421

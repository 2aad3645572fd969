"""Zip files read by ranges: whole members, few requests, damage told."""

from __future__ import annotations

import contextlib
import io
import struct
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emcatalog.errors import (
    EmcatalogError,
    FormatError,
    NotFoundError,
    UnreachableError,
)
from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport
from emcatalog.transport.archive import Archive

if TYPE_CHECKING:
    from servers.fixtures import Serve

TRANSPORT = Transport(mirrors=Mirrors(), attempts=1)
TEXT = b"a member of some length " * 50


def written(members: dict[str, bytes], method: int = 8, comment: bytes = b"") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.comment = comment
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def archive_of(tmp_path: Path, content: bytes) -> Archive:
    (tmp_path / "a.zip").write_bytes(content)
    return Archive.open(str(tmp_path / "a.zip"), TRANSPORT)


@given(
    members=st.dictionaries(
        st.text("abc/é", min_size=1, max_size=8).filter(lambda n: n[-1] != "/"),
        st.binary(max_size=3000),
        max_size=5,
    ),
    method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
    # zipfile takes the last PK\5\6 for the end of the directory, also in a comment
    comment=st.binary(max_size=100).filter(lambda c: b"PK" not in c),
)
def test_members(
    members: dict[str, bytes],
    method: int,
    comment: bytes,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    content = written(members, method, comment)
    archive = archive_of(tmp_path_factory.mktemp("zip"), content)
    archive.check()
    assert set(archive.names()) == members.keys()
    assert {name: archive.read(name, 3000) for name in members} == members


def test_zip64(tmp_path: Path) -> None:
    """More members than 16 bits count, and a member written with 64-bit sizes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        for i in range(66_000):
            packed.writestr(zipfile.ZipInfo(str(i)), b"")
        with packed.open("large", "w", force_zip64=True) as member:
            member.write(TEXT)
    archive = archive_of(tmp_path, file.getvalue())
    archive.check()
    assert len(archive.members) == 66_001
    assert archive.read("large", 2000) == TEXT


def test_few_requests(tmp_path: Path, nginx_at: Serve) -> None:
    noise = {f"chunk{i}": bytes(10_000) for i in range(100)}
    content = written({"first": TEXT, **noise, "last": TEXT}, zipfile.ZIP_STORED)
    (tmp_path / "a.zip").write_bytes(content)
    server = nginx_at(tmp_path)
    archive = Archive.open(f"{server.url}/a.zip", TRANSPORT)
    assert archive.read("first", 2000) == archive.read("last", 2000) == TEXT
    assert len(server.requests) <= 5
    assert sum(request.bytes_sent for request in server.requests) < 300_000


@pytest.mark.parametrize(
    ("offset", "fmt", "value", "message"),
    [
        (8, "<H", 1, "is encrypted"),
        (10, "<H", 14, "method 14 of the zip format"),
        (10, "<H", 99, "method 99 of the zip format"),
        (20, "<I", 2**31, "reaches beyond the ends"),
        (24, "<I", 2**31, "is said to hold 2147483648 bytes"),
    ],
)
def test_members_that_cannot_be_read(
    tmp_path: Path, offset: int, fmt: str, value: int, message: str
) -> None:
    """Fields of the directory (APPNOTE 4.3.12) that say what is not so."""
    content = bytearray(written({"a": TEXT}))
    struct.pack_into(fmt, content, content.index(b"PK\x01\x02") + offset, value)
    archive = archive_of(tmp_path, bytes(content))
    with pytest.raises(FormatError, match=message):
        archive.check()


def test_a_file_without_its_beginning(tmp_path: Path) -> None:
    """Members then lie before the start of the file."""
    archive = archive_of(tmp_path, written({"a": TEXT, "b": TEXT})[40:])
    with pytest.raises(FormatError, match="reaches beyond the ends"):
        archive.check()
    with pytest.raises(FormatError, match="does not unpack"):
        archive.read("a", 2000)


def test_a_version_to_come(tmp_path: Path) -> None:
    """A member that needs a newer version of the format (APPNOTE 4.4.3)."""
    content = bytearray(written({"a": TEXT}))
    struct.pack_into("<H", content, content.index(b"PK\x01\x02") + 6, 99)
    with pytest.raises(FormatError, match="zip file version"):
        archive_of(tmp_path, bytes(content))


def test_damaged_members(tmp_path: Path) -> None:
    content = written({"a": TEXT}, zipfile.ZIP_STORED)
    archive = archive_of(tmp_path, content.replace(b"member", b"masher", 1))
    with pytest.raises(FormatError, match="does not unpack.*CRC"):
        archive.read("a", 2000)
    whole = archive_of(tmp_path, content)
    with pytest.raises(FormatError, match="more than 10 bytes"):
        whole.read("a", 10)
    with pytest.raises(NotFoundError, match="no member 'b' in the zip file"):
        whole.read("b", 10)


class Broken(Transport):
    """A line that breaks once the length is known."""

    def read_upto(self, url: str, start: int, length: int) -> bytes:
        raise UnreachableError(got="no answer")


def test_network_faults_are_not_damage(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(written({"a": TEXT}))
    with pytest.raises(UnreachableError):
        Archive.open(str(tmp_path / "a.zip"), Broken(mirrors=Mirrors()))


def test_bomb(tmp_path: Path) -> None:
    """A member that unpacks to far more than is wanted is not unpacked whole."""
    archive = archive_of(tmp_path, written({"a": bytes(200 * 2**20)}))
    with pytest.raises(FormatError, match="more than 1000 bytes"):
        archive.read("a", 1000)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_damage_gives_errors_of_ours(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = bytearray(written({"a": TEXT, "b": b"x"}))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    with contextlib.suppress(EmcatalogError):
        archive = archive_of(tmp_path_factory.mktemp("zip"), bytes(content[:cut]))
        archive.check()
        for name in archive.names():
            archive.read(name, 10_000)

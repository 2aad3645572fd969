"""Texts that declare much or unfold: JSON, YAML, answers of servers.

Every case runs in a process of its own whose memory limit is 64 MiB. What comes out is
an error of ours or voxels, and the process never grows by more than `bounded.BOUND` (a
case that has another bound says why).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bounded import (
    MIB,
    kept,
    measured,
    opened,
    packed_zeros,
)
from emcatalog.errors import EmcatalogError

DEEP = b'{"multiscales": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("ngff", ".zattrs"),
        ("ngff", "zarr.json"),
        ("ngff", "attributes.json"),
        ("precomputed", "info"),
    ],
)
@pytest.mark.parametrize("text", [DEEP, b"[" * 100_000, b'{"a":' * 100_000])
def test_json_that_is_nested_deep(
    tmp_path: Path, name: str, file: str, text: bytes
) -> None:
    (tmp_path / file).write_bytes(text)
    found = measured(opened, name, str(tmp_path), {})
    kept(found, "FormatError", "NotFoundError", bound=64 * MIB)


def listed(place: str) -> list[str]:
    """What is wrong with a catalog, and its names."""
    from emcatalog.catalog import open_catalog, problems

    catalog = open_catalog(place)
    return [*problems(catalog), *catalog]


def described(place: str) -> str:
    """All entries of a catalog, made and shown."""
    from emcatalog.catalog import open_catalog

    catalog = open_catalog(place)
    return "".join(str(catalog[name])[:10] for name in catalog)


@pytest.mark.parametrize("work", [listed, described])
def test_a_yaml_alias_bomb(tmp_path: Path, work: Any) -> None:
    rows = ["a0: &a0 [x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    entry = "sources: {b: {driver: tiff, args: {urlpath: *a11}}}"
    place = tmp_path / "c.yaml"
    place.write_text("\n".join([*rows, entry]))
    found = measured(work, str(place), seconds=30)
    kept(found, "FormatError", "OptionError", "list", "str")


def test_a_catalog_in_itself(tmp_path: Path) -> None:
    """A catalog that is an entry of its own ends."""
    place = tmp_path / "c.yaml"
    path = "{{ CATALOG_DIR }}/c.yaml"
    args = f"{{path: '{path}'}}"
    place.write_text(f"sources: {{a: {{driver: yaml_file_cat, args: {args}}}}}")
    found = measured(listed, str(place), seconds=30)
    kept(found, "FormatError", "OptionError", "list")


class _Endless:
    """An ASGI application whose every answer is a gigabyte of blanks."""

    def __init__(self, packed: bytes = b"", *, announced: bool = True) -> None:
        self.packed, self.announced = packed, announced

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        size = len(self.packed) or 2**30
        headers = [(b"content-type", b"application/json")]
        headers += [(b"content-length", str(size).encode())] * self.announced
        headers += [(b"content-encoding", b"gzip")] * bool(self.packed)
        start = {"type": "http.response.start", "status": 200, "headers": headers}
        await send(start)
        pieces = [self.packed] if self.packed else [b" " * MIB] * 1024
        for piece in pieces:
            body = {"type": "http.response.body", "body": piece, "more_body": True}
            await send(body)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


@pytest.mark.parametrize("way", ["announced", "chunked", "gzip"])
def test_an_info_of_a_gigabyte(way: str) -> None:
    """At most 16 MiB of metadata are read, packed or not."""
    from servers.asgi import serve_asgi

    packed = packed_zeros("gzip") if way == "gzip" else b""
    with serve_asgi(_Endless(packed, announced=way != "chunked")) as url:
        found = measured(opened, "precomputed", f"{url}/v", {})
    kept(found, "ContentError", "FormatError", bound=96 * MIB)


def test_the_measure_measures() -> None:
    """A process that takes 300 MiB is seen to."""
    found = measured(_greedy)
    assert found.peak > 250 * MIB
    assert found.kind == "int"


def _greedy() -> int:
    return len(bytearray(300 * MIB).replace(b"\0", b"\1"))


def test_a_message_is_one_letter() -> None:
    """However long and odd the names in a file are, a terminal can show it."""
    error = EmcatalogError(got="\x1b[2J\ud800" + "x" * MIB, entry="\r" * 5000)
    text = str(error.about("\x9b" * MIB))
    assert len(text) < 4000
    assert text.isprintable()
    assert "\\x1b[2J\\ud800xxx" in text

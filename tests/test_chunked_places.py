"""Engine one: the key-value store of a URL, and names of what lies inside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emcatalog.chunked import above, child, folder, kvstore, local_path
from emcatalog.errors import FormatError, OptionError
from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport

PLAIN = Transport(mirrors=Mirrors())


@pytest.mark.parametrize(
    ("url", "options", "expected"),
    [
        ("/d/v", {}, {"driver": "file", "path": "/d/v/"}),
        ("file:///d/a%20b", {}, {"driver": "file", "path": "/d/a b/"}),
        ("https://a.org/v", {}, {"driver": "http", "base_url": "https://a.org/v/"}),
        (
            "https://a.org/v?t=1",
            {"headers": {"X": "y"}},
            {"driver": "http", "base_url": "https://a.org/v/?t=1", "headers": ["X: y"]},
        ),
        (
            "s3://b/k v",
            {},
            {
                "driver": "s3",
                "bucket": "b",
                "path": "k v/",
                "aws_credentials": {"type": "anonymous"},
            },
        ),
        (
            "s3://b/k",
            {"profile": "me", "client_kwargs": {"region_name": "eu-west-2"}},
            {
                "driver": "s3",
                "bucket": "b",
                "path": "k/",
                "aws_region": "eu-west-2",
                "aws_credentials": {"type": "profile", "profile": "me"},
            },
        ),
        (
            "gs://b/k v",
            {},
            {
                "driver": "http",
                "base_url": "https://storage.googleapis.com/b/k%20v/",
            },
        ),
        (
            "s3://b/sample#1/v?",
            {},
            {
                "driver": "s3",
                "bucket": "b",
                "path": "sample#1/v?/",
                "aws_credentials": {"type": "anonymous"},
            },
        ),
        (
            "gs://b/k",
            {"token": "google_default"},
            {"driver": "gcs", "bucket": "b", "path": "k/"},
        ),
    ],
)
def test_where_bytes_are_looked_for(
    url: str, options: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert kvstore(url, Transport(options, Mirrors())) == expected


def test_places_that_tensorstore_cannot_read() -> None:
    with pytest.raises(OptionError, match=r"ftp:// for a chunked volume"):
        kvstore("ftp://a.org/v", PLAIN)
    with pytest.raises(OptionError, match=r"an access key in storage_options"):
        kvstore("s3://b/v", Transport({"key": "k", "secret": "s"}, Mirrors()))


def test_urls_of_folders(tmp_path: Path) -> None:
    assert folder("s3://b/v//") == "s3://b/v/"
    assert child("https://a.org/v/?t=1", "a b/c") == "https://a.org/v/a%20b/c?t=1"
    assert child("s3://b/v", "a b") == "s3://b/v/a b"
    assert child("/d", "") == "/d/"
    for path in ("a" * 300, "\ud800", "..", "a/../b", "/a", "a\\b", "a\0b"):
        with pytest.raises(FormatError, match="a path inside the volume's folder"):
            child("/d", path)
    store = kvstore("https://a.org/v%201/8_8_8?t=1", PLAIN)
    parent, name = above(store)
    assert (parent["base_url"], name) == ("https://a.org/v%201/?t=1", "8_8_8")
    assert local_path("https://a.org/v", PLAIN) is None
    assert local_path(str(tmp_path), PLAIN) == tmp_path
    (tmp_path / "https/a.org/v").mkdir(parents=True)
    mirrored = Transport(mirrors=Mirrors((str(tmp_path),)))
    assert local_path("https://a.org/v", mirrored) == tmp_path / "https/a.org/v"

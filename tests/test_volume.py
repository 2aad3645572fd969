"""Levels of a pyramid, memory limits, records and mirrors."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from emcatalog.errors import EmcatalogError, FormatError, MemoryLimitError, OptionError
from emcatalog.mirror import current_mirrors, mirror_path, use_mirror
from emcatalog.record import (
    Claim,
    Record,
    declared,
    declared_voxel_size,
    voxel_size,
)
from emcatalog.units import parse_bytes
from emcatalog.volume import allowing, ensure_fits


def test_sizes_are_read_as_people_write_them() -> None:
    assert parse_bytes("512") == 512
    assert parse_bytes("64MB") == 64_000_000
    assert parse_bytes(" 1.5 GiB ") == 1610612736
    for text in ("", "GiB", "4 apples", "-", "1e999"):
        with pytest.raises(OptionError, match="bytes, or a size such as 4GiB"):
            parse_bytes(text)


def test_memory_limit_speaks_of_both_sizes() -> None:
    with pytest.raises(MemoryLimitError) as caught, allowing(2**30):
        ensure_fits((41394, 39725, 34427), np.dtype(np.uint8))
    assert "51.49 TiB; expected at most 1 GiB at once" in str(caught.value)


def test_the_most_trusted_claim_wins_and_losers_stay() -> None:
    record = Record(
        (
            Claim("voxel_size_z", 80.0, "catalog", "args", "nm"),
            Claim("voxel_size_z", 50.0, "file", "SBFSEM", "nm"),
        )
    )
    assert record.value("voxel_size_z") == 50.0
    (conflict,) = record.conflicts()
    assert [c.value for c in conflict.losers] == [80.0]


def test_unknown_voxel_sizes_are_named() -> None:
    record = Record(declared_voxel_size([5, None, None]))
    with pytest.raises(FormatError, match="no voxel size along y, x in the source"):
        voxel_size(record)
    assert voxel_size(Record(declared_voxel_size(4))) == (4.0, 4.0, 4.0)


@pytest.mark.parametrize("bad", [[5, 5], [0, 1, 1], [1, -1, 1], ["a", 1, 1], True])
def test_declared_sizes_are_checked(bad: object) -> None:
    with pytest.raises(OptionError, match="z, y, x"):
        declared_voxel_size(bad)  # type: ignore[arg-type]


def test_claims_are_of_the_vocabulary() -> None:
    with pytest.raises(OptionError, match="did you mean 'organism'"):
        Claim("organsm", "mouse", "file")
    assert declared({"title": "T", "anything": 1}) == (
        Claim("title", "T", "catalog", "metadata"),
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://a.org/../../etc/passwd",
        "https://a.org/%2e%2e/%2e%2e/etc/passwd",
        "https://a.org/a%2f..%2f..%2fb",
        "s3://bucket/%2e%2e/x",
        "/etc/passwd",
    ],
)
def test_no_url_leaves_the_mirror(url: str) -> None:
    with pytest.raises(OptionError):
        mirror_path(url)


def test_hosts_cannot_leave_the_mirror() -> None:
    for url in ("https://../x", "https://./x", "..://a/x"):
        with pytest.raises(OptionError):
            mirror_path(url)


def test_a_hash_is_a_letter_in_the_name_of_an_object() -> None:
    assert str(mirror_path("s3://b/sample#1/info")) == "s3/b/sample#1/info"
    assert str(mirror_path("https://a.org/x#top")) == "https/a.org/x"


def test_mirror_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "https/a.org/x y"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"1")
    url = "https://a.org/x%20y"
    assert current_mirrors().resolve(url) == url
    monkeypatch.setenv("EMCATALOG_MIRROR", os.pathsep.join([str(tmp_path)]))
    assert current_mirrors().resolve(url) == str(file)
    assert current_mirrors().resolve("https://a.org/z") == "https://a.org/z"
    with use_mirror(rules={"https://a.org/": "http://h/", "https://a.org/x": "/d/"}):
        assert current_mirrors().resolve(url) == "/d/%20y"
    assert current_mirrors().resolve(url) == str(file)
    monkeypatch.setenv("EMCATALOG_MIRROR", str(tmp_path / "none"))
    with pytest.raises(OptionError, match="which is not a directory"):
        current_mirrors()


def test_every_error_is_a_letter_and_survives_pickling() -> None:
    import pickle

    from emcatalog import errors

    kinds = [k for k in vars(errors).values() if isinstance(k, type)]
    for kind in kinds:
        if not issubclass(kind, EmcatalogError):
            continue
        error = kind(got="a", expected="b", hint="c").about("entry")
        again = pickle.loads(pickle.dumps(error))
        assert str(again) == "entry: got a; expected b. Try: c"
        assert type(again) is kind
        assert str(again.about("other").about("other")).startswith("other: entry: g")

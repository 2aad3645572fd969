"""Snapshots: read back as they were written, the newest counts, damage is named."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emcatalog.errors import FormatError
from emcatalog.metadata import snapshot
from emcatalog.metadata.snapshot import (
    Snapshot,
    load,
    save,
    snapshots,
    user_folder,
)
from emcatalog.record import Claim
from metadata_files import store

__all__ = ["store"]

DEPTH = Claim("depth", 16, "file", "16 files", time="2025-06-11")


def at(time: str, depth: int = 16) -> Snapshot:
    return Snapshot("dm3 a.dm3", "", (Claim("depth", depth, "file", time=time),))


@given(
    identity=st.text(min_size=1).filter(lambda t: t.isprintable()),
    title=st.text(),
    where=st.text(),
)
def test_it_comes_back_as_it_went(
    identity: str, title: str, where: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    claims = (
        Claim("title", "cells", "api", where, time="2025-06-11"),
        Claim("chunks", (1, 64, 64), "file"),
        Claim("voxel_size_z", 0, "file", unit="nm").examined(),
    )
    told = Snapshot(identity, title, claims, {"depth": "Counted."})
    path = save(told, tmp_path_factory.mktemp("kept"))
    back = load(path)
    assert back == told
    assert [c.time for c in back.claims] == [c.time for c in claims]
    assert save(told, path.parent) == path
    assert list(path.parent.iterdir()) == [path]


def test_the_same_facts_are_the_same_bytes(tmp_path: Path) -> None:
    first, second = (save(at("2025-01-01"), tmp_path / n).read_bytes() for n in "ab")
    assert first == second


def test_data_of_like_names_has_files_of_its_own(tmp_path: Path) -> None:
    names = ["dm3 a/b", "dm3 a-b", "dm3 a b", "x" * 500, "y" + "x" * 499]
    kept = {save(Snapshot(name, "", (DEPTH,)), tmp_path) for name in names}
    assert len(kept) == len(names)
    assert {load(path).identity for path in kept} == set(names)


@pytest.mark.parametrize(
    ("shipped", "own", "depth"),
    [("2025-01-01", "2025-02-01", 2), ("2025-02-01", "2025-01-01", 1),
     ("2025-01-01", "2025-01-01", 2), ("", "2024", 2)],
)  # fmt: skip
def test_the_newest_counts(store: Path, shipped: str, own: str, depth: int) -> None:
    save(at(shipped, 1), snapshot.SHIPPED)
    save(at(own, 2))
    (found,) = snapshots().values()
    assert found.claims[0].value == depth


def test_what_is_no_file_is_no_snapshot(store: Path) -> None:
    """A folder, a link to nowhere, and a pipe, which would be waited for."""
    save(at("2025-06-11"))
    (store / "folder.json").mkdir()
    (store / "nowhere.json").symlink_to(store / "gone")
    os.mkfifo(store / "pipe.json")
    assert list(snapshots()) == ["dm3 a.dm3"]


def test_no_folder_is_no_snapshot(store: Path) -> None:
    assert snapshots() == {}
    assert not store.exists()


def test_where_they_lie(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, store: Path
) -> None:
    assert user_folder() == store
    monkeypatch.delenv(snapshot.FOLDER_VARIABLE)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert user_folder().name == "snapshots"
    assert user_folder().parent.name == "emcatalog"


GOOD: dict[str, Any] = {"identity": "dm3 a", "title": "", "claims": []}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "<html>",
        "{",
        json.dumps(GOOD | {"identity": 3}),
        json.dumps(GOOD | {"identity": ""}),
        json.dumps(GOOD | {"claims": None}),
        json.dumps(GOOD | {"claims": ["depth"]}),
        json.dumps(GOOD | {"claims": [{"field": "dept", "value": 1}]}),
        json.dumps(
            GOOD | {"claims": [{"field": "depth", "value": 1, "source": "rumour"}]}
        ),
        json.dumps(
            GOOD | {"claims": [{"field": "depth", "value": 1, "source": "catalog"}]}
        ),
        json.dumps(GOOD | {"verdicts": {"dept": "none"}}),
        json.dumps(GOOD | {"verdicts": ["depth"]}),
        json.dumps(GOOD | {"verdicts": {"depth": 3}}),
        "\xff",
        "[" * 100_000,
    ],
    ids=range(16),
)
def test_damage_is_named(store: Path, text: str) -> None:
    place = store / "mine.json"
    store.mkdir()
    place.write_bytes(text.encode("latin-1"))
    with pytest.raises(FormatError) as caught:
        snapshots()
    assert caught.value.entry == f"snapshot {place}"
    assert "--refresh" in caught.value.hint


def test_a_file_without_end_is_not_read(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(at("2025"))
    monkeypatch.setattr(snapshot, "LARGEST", 10)
    with pytest.raises(FormatError, match="at most 10 bytes"):
        snapshots()


def test_those_that_are_shipped_are_sound() -> None:
    found = [load(path) for path in sorted(snapshot.SHIPPED.glob("*.json"))]
    assert len({one.identity for one in found}) == len(found)
    assert all(one.claims for one in found)

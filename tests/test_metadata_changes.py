"""What changed since the snapshot, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from emcatalog.metadata.changes import changes, compared
from emcatalog.metadata.consolidate import Reader
from emcatalog.metadata.reading import Reading, read
from emcatalog.metadata.snapshot import Snapshot, save, snapshots
from emcatalog.record import Claim
from metadata_files import catalog, entry, keep, store, tiff

__all__ = ["store"]

URL = "https://a.org/1/"


def told(*claims: Claim) -> Snapshot:
    return Snapshot("tiff a.tif", "", claims)


def test_each_change_is_told_field_by_field_and_source_by_source() -> None:
    before = told(
        Claim("depth", 16, "file", "pages", time="2025-06-11"),
        Claim("width", 5, "file", "ImageWidth"),
        Claim("gaps", "3", "file", "names"),
        Claim("title", "Old", "api", f"{URL}#title"),
        Claim("organ", "eye", "api", f"{URL}#organ"),
        Claim("tissue", "retina", "api", "https://b.org/#tissue"),
        Claim("width", 9, "secondary", "a table"),
        Claim("licence", "CC0", "page", "a page"),
    )
    now = Reading(
        (
            Claim("width", 6, "file", "elsewhere"),
            Claim("depth", 16, "file", "elsewhere", time="2026-06-11"),
            Claim("title", "New", "api", f"{URL}#name"),
            Claim("bits", 8, "file", "BitsPerSample"),
        ),
        (URL,),
    )
    found = {
        (r["field"], r["source"]): (r["change"], r["before"], r["now"])
        for r in changes("mine", before, now)
    }
    assert found == {
        ("width", "file"): ("changed", "5", "6"),
        ("gaps", "file"): ("gone", "3", ""),
        ("title", "api"): ("changed", "Old", "New"),
        ("organ", "api"): ("gone", "eye", ""),
        ("bits", "file"): ("new", "", "8"),
    }


def test_order_and_repetition_are_no_change() -> None:
    a, b = Claim("width", 5, "file", "a"), Claim("width", 6, "file", "b")
    assert not list(changes("mine", told(a, b), Reading((b, a, a))))


def test_what_was_kept_from_a_reading_has_not_changed(
    tmp_path: Path, store: Path
) -> None:
    own = catalog(tmp_path, mine=entry(tiff(tmp_path / "a.tif")))
    save(Snapshot(own.mine.identity, "", read(own.mine).claims))
    found = compared(Reader(own, {}), "mine", snapshots())
    assert (found.rows, found.remarks, found.failed) == ((), (), False)


def test_a_file_that_changed(tmp_path: Path, store: Path) -> None:
    own = catalog(tmp_path, mine=entry(tiff(tmp_path / "a.tif")))
    path = keep(own.mine, *read(own.mine).claims)
    before = path.read_bytes(), path.stat().st_mtime_ns
    tiff(tmp_path / "a.tif", nm=22, shape=(5, 6, 9))
    rows = {r["field"]: r for r in compared(Reader(own, {}), "mine", snapshots()).rows}
    assert (rows["width"]["before"], rows["width"]["now"]) == ("7", "9")
    assert rows["voxel_size_z"]["before"] == "20 nm"
    assert rows["voxel_size_z"]["now"] == "22 nm"
    assert not {"depth", "height", "organ"} & set(rows)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


@pytest.mark.parametrize("kept", [True, False])
def test_what_cannot_be_compared_is_remarked(
    kept: bool, tmp_path: Path, store: Path
) -> None:
    own = catalog(tmp_path, mine=entry(tmp_path / "gone.tif"))
    if kept:
        keep(own.mine, Claim("depth", 5, "file"))
    found = compared(Reader(own, {}), "mine", snapshots())
    assert (found.rows, found.failed) == ((), kept)
    (remark,) = found.remarks
    assert remark.startswith("mine: ")
    assert ("no snapshot" in remark) is not kept

"""Runs of predict that end early: the next one goes on, and never lies."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from emcatalog.blocks.destination import Destination
from emcatalog.blocks.journal import Journal
from emcatalog.blocks.kept import Kept
from emcatalog.blocks.stitch import predict
from emcatalog.blocks.written import Written
from emcatalog.cache.lock import locked
from emcatalog.errors import CorruptError, OptionError, TransportError
from stitch_runs import Runs, image, run, runs

CELLS = 12


class FailureError(Exception):
    pass


@pytest.fixture(scope="module")
def program() -> Iterator[Runs]:
    with runs() as found:
        yield found


def read(out: Path) -> Any:
    return np.asarray(zarr.open_group(out, mode="r")["s0"])


def is_right(out: Path) -> None:
    np.testing.assert_array_equal(read(out), image() + 1)
    assert not out.with_name(out.name + ".part").exists()
    assert not list(out.rglob("*.partial"))


def counted(limit: int, seen: list[int]) -> Any:
    """A function that fails after ``limit`` blocks."""

    def function(block: Any) -> Any:
        if len(seen) == limit:
            raise FailureError
        seen.append(1)
        return block + 1

    return function


def listed(out: Path) -> dict[Path, tuple[int, int]]:
    return {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in out.rglob("*")}


@pytest.mark.parametrize("overlap", ["crop", "blend"])
def test_killed_again_and_again_it_ends(
    tmp_path: Path, program: Runs, overlap: str
) -> None:
    out = tmp_path / "a.zarr"
    done = 0
    while program.killed_at(13 + 5 * done, out, overlap) is None:
        # it may have been moved, and what is beside not yet be gone
        assert not out.exists() or (read(out) == image().to_numpy() + 1).all()
        done += 1
    assert done > 2
    is_right(out)


@pytest.mark.parametrize("force", [False, True])
def test_killed_at_any_moment_the_next_run_ends(
    tmp_path: Path, program: Runs, force: bool
) -> None:
    """Moving the result to its place is no moment to be killed in, either."""
    last = program.killed_at(0, tmp_path / "whole.zarr", "crop")
    assert last
    deaths = 0
    for change in (*range(1, last - 9, 6), *range(last - 9, last + 1)):
        out = tmp_path / f"{change}.zarr"
        if force:
            predict(image(), lambda b: b, out, 8, halo=1)
        # threads race for folders, so the number of changes is not always the same
        deaths += program.killed_at(change, out, "crop", force) is None
        assert not out.exists() or read(out).shape == image().shape
        run(out, "crop", force=force)
        is_right(out)
    assert deaths > 15


@pytest.mark.parametrize("overlap", ["crop", "blend"])
@pytest.mark.parametrize("limit", [0, 1, 5, 11])
def test_after_a_failure_only_the_rest_is_computed(
    tmp_path: Path, overlap: str, limit: int
) -> None:
    out = tmp_path / "a.zarr"
    seen: list[int] = []
    with pytest.raises(FailureError):
        run(out, overlap, function=counted(limit, seen))
    assert not out.exists()
    run(out, overlap, function=counted(1000, seen))
    # what was computed when it failed may not have been on the disk yet
    assert CELLS <= len(seen) <= CELLS + 3
    is_right(out)


@pytest.mark.parametrize("overlap", ["crop", "blend"])
def test_a_second_run_does_nothing(tmp_path: Path, overlap: str) -> None:
    out = tmp_path / "a.zarr"
    run(out, overlap)
    before = listed(out)
    run(out, overlap, function=counted(0, []))
    assert listed(out) == before
    is_right(out)


def test_results_do_not_depend_on_where_it_was_killed(tmp_path: Path) -> None:
    """Blends are sums of floats, which have an order; bytes are compared."""
    whole, parts = tmp_path / "whole.zarr", tmp_path / "parts.zarr"

    def wild(block: Any) -> Any:
        return (np.sin(block) * np.mean(block)).astype(np.float32)

    def failing(seen: list[int]) -> Any:
        until = counted(5, seen)
        return lambda block: (until(block), wild(block))[1]

    run(whole, "blend", function=wild)
    with pytest.raises(FailureError):
        run(parts, "blend", function=failing([]))
    run(parts, "blend", function=wild)
    assert read(whole).tobytes() == read(parts).tobytes()


def test_other_options_are_told(tmp_path: Path) -> None:
    out = tmp_path / "a.zarr"
    with pytest.raises(FailureError):
        run(out, "crop", function=counted(5, []))
    with pytest.raises(OptionError, match=r"overlap='crop', not 'blend'"):
        run(out, "blend")
    options: Any = {"halo": 2, "label": "one"}
    with pytest.raises(OptionError, match=r"shape=\[8, 7, 11\], not \[7, 7, 11\]"):
        predict(image()[1:], lambda b: b, out, 8, **options)
    with pytest.raises(OptionError, match="label='one', not 'two'"):
        predict(image(), lambda b: b, out, 8, halo=2, label="two")
    with pytest.raises(OptionError, match="expected float32"):
        run(out, "crop", function=lambda block: block.astype(np.float64))
    run(out, "blend", force=True)
    is_right(out)


def test_what_stands_there_is_not_replaced_unless_told(tmp_path: Path) -> None:
    out = tmp_path / "a.zarr"
    run(out, "crop")
    before = listed(out)
    with pytest.raises(OptionError, match="exists, and is another result"):
        run(out, "blend")
    with pytest.raises(FailureError):
        run(out, "blend", force=True, function=counted(5, []))
    assert listed(out) == before  # until the new one is whole
    run(out, "blend", force=True)
    is_right(out)
    plain = tmp_path / "notes"
    plain.mkdir()
    for force, message in ((False, "exists"), (True, "no Zarr store")):
        with pytest.raises(OptionError, match=message):
            run(plain, "crop", force=force)


def test_with_force_the_same_is_computed_again(tmp_path: Path) -> None:
    out, seen = tmp_path / "a.zarr", []
    run(out, "crop")
    run(out, "crop", force=True, function=counted(1000, seen))
    assert len(seen) == CELLS
    is_right(out)


def test_one_run_at_a_time(tmp_path: Path) -> None:
    out = tmp_path / "a.zarr"
    part = tmp_path / "a.zarr.part"
    part.mkdir()
    with locked(part / "lock"), pytest.raises(OptionError, match="another run"):
        run(out, "crop")
    run(out, "crop")
    is_right(out)


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "a.zarr"
    add = Journal.add

    def full(self: Journal, cell: int, told: int) -> None:
        if cell == 7:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        add(self, cell, told)

    monkeypatch.setattr(Journal, "add", full)
    with pytest.raises(TransportError, match=r"a\.zarr: got No space left"):
        run(out, "crop")
    monkeypatch.undo()
    run(out, "crop")
    is_right(out)


def test_a_place_that_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: Path, **options: Any) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "mkdir", refused)
    with pytest.raises(TransportError, match=r"a\.zarr: got Permission denied"):
        run(tmp_path / "a.zarr", "crop")


def test_what_the_function_raises_is_not_the_disks(tmp_path: Path) -> None:
    def without_model(block: Any) -> Any:
        raise FileNotFoundError("model.pt")

    with pytest.raises(FileNotFoundError, match="model") as caught:
        run(tmp_path / "a.zarr", "crop", function=without_model)
    assert not isinstance(caught.value, TransportError)


@pytest.mark.parametrize(
    ("damage", "overlap"),
    [("flip", "crop"), ("cut", "crop"), ("remove", "crop"), ("flip", "blend")],
)
def test_a_disk_that_forgets_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str, overlap: str
) -> None:
    out = tmp_path / "a.zarr"
    write = Written.write

    def damaging(self: Written, cell: int, voxels: Any) -> None:
        write(self, cell, voxels)
        path = self._shard(cell)
        if cell != 7:
            return
        if damage == "remove":
            path.unlink()
            return
        bytes_ = bytearray(path.read_bytes())
        bytes_[5] ^= 255
        path.write_bytes(bytes_ if damage == "flip" else bytes_[:-9])

    monkeypatch.setattr(Written, "write", damaging)
    with pytest.raises(CorruptError, match="other voxels in 1 of 12 files"):
        run(out, overlap)
    assert not out.exists()
    monkeypatch.undo()
    seen: list[int] = []
    run(out, overlap, function=counted(CELLS, seen))
    # a cell is made of one block, or of all that reach it
    assert len(seen) == {"crop": 1, "blend": 12}[overlap]
    is_right(out)


@pytest.mark.parametrize(
    "torn", [b"1 0000", b"\0\0\0\n2 00000000\n", b"9 00000000\n", b"2 x\n"]
)
def test_a_torn_line_of_the_journal_counts_for_nothing(
    tmp_path: Path, torn: bytes
) -> None:
    path = tmp_path / "journal"
    path.write_bytes(b"3 0000abcd\n" + torn)
    journal = Journal(path, 5)
    assert journal.done.tolist() == [False, False, False, True, False]
    journal.add(1, 7)
    again = Journal(path, 5)
    assert again.done.tolist() == [False, True, False, True, False]
    assert again.sums.tolist() == [0, 7, 0, 0xABCD, 0]
    again.forget([3])
    assert Journal(path, 5).done.tolist() == [False, True, False, False, False]


def test_torn_shards_and_results_count_for_nothing(tmp_path: Path) -> None:
    out = tmp_path / "a.zarr"
    with pytest.raises(FailureError):
        run(out, "blend", function=counted(9, []))
    part = tmp_path / "a.zarr.part"
    kept = sorted((part / "kept").iterdir())
    kept[0].write_bytes(kept[0].read_bytes()[:-5])
    kept[1].write_bytes(b"")
    for name in ("99.00000000.part", ".nfs0001", "7.0.npy"):
        (part / "kept" / name).write_bytes(b"x")
    (part / "store" / "s0" / "c" / "1" / "1").mkdir(parents=True, exist_ok=True)
    (part / "store" / "s0" / "c" / "1" / "1" / "2").write_bytes(b"garbage")
    (part / "store" / "s0" / "c" / "1" / "1" / "2.abc.partial").write_bytes(b"x")
    run(out, "blend")
    is_right(out)


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "kept")
    voxels = np.arange(24.0).reshape(2, 3, 4)
    kept.put(5, voxels)
    kept.put(2, voxels[:, 1:].copy())
    again = Kept(tmp_path / "kept")
    assert again.tiles() == [2, 5]
    np.testing.assert_array_equal(again.get(5), voxels)
    again.drop(5)
    again.drop(5)
    assert 5 not in again
    assert Kept(tmp_path / "kept").tiles() == [2]


def test_a_result_that_was_moved_is_cleared_up_after(tmp_path: Path) -> None:
    out = tmp_path / "a.zarr"
    run(out, "crop")
    part = Destination(out, {}).part
    part.mkdir()
    (part / "journal").write_bytes(b"")
    run(out, "crop", function=counted(0, []))
    is_right(out)

"""The harness of reading: engines in turn, wrong voxels, failures, the command."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from benchmarks.reads import __main__ as command
from benchmarks.reads import limits, rounds, stores, worker
from benchmarks.reads.engines import OURS, Blocks, Contestant
from benchmarks.reads.limits import DECODING
from benchmarks.reads.rounds import Crew, Outcome, Plan
from benchmarks.reads.small import SIDE, small_stores, task_of
from benchmarks.reads.task import Engine, Reader, Task
from benchmarks.reads.worker import EngineError, Worker
from emcatalog.geometry import Region


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of stores of a volume with a side of 128."""
    return small_stores(tmp_path_factory.mktemp("stores"))


def opened(task: Task) -> Reader:
    """Reads from the truth itself."""
    truth = task.stored.voxels()
    return Blocks(lambda region: np.array(truth[region.slices]))


def lying(task: Task) -> Reader:
    """One voxel of one block is wrong."""
    right = opened(task)

    def one(region: Region) -> np.ndarray:
        block = right.read(region)
        block[-1, -1, -1] ^= 1
        return block

    return Blocks(one)


def losing(task: Task) -> Reader:
    """Gives one block of a batch twice, and another not at all."""
    right = opened(task)
    return Blocks(
        right.read, lambda regions: iter([(0, right.read(regions[0]))] * len(regions))
    )


def wide(task: Task) -> Reader:
    """The right numbers in another type."""
    right = opened(task)
    return Blocks(lambda region: right.read(region).astype(np.uint16))


def raising(task: Task) -> Reader:
    """Fails when it reads."""

    def one(region: Region) -> np.ndarray:
        raise OSError("the disk is\ngone")

    return Blocks(one)


def dying(task: Task) -> Reader:
    """Its process ends."""
    return Blocks(lambda region: os._exit(3))


def sleeping(task: Task) -> Reader:
    """Gives no answer."""
    return Blocks(lambda region: time.sleep(600))


def chunked(task: Task) -> bool:
    """Takes part in everything."""
    return True


def contestant(name: str, way: Callable[[Task], Reader]) -> Engine:
    """An engine of this file."""
    return Contestant(name, way, chunked)


def outcome_of(task: Task, engines: Sequence[Engine]) -> Outcome:
    """Two rounds of engines."""
    with Crew.called(fresh=False) as crew:
        return rounds.run(task, engines, Plan(2), crew, None)


def test_wrong_and_failing_engines_are_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the others go on; limits are not compared."""
    monkeypatch.setattr(worker, "PATIENCE", 20.0)
    ways = (lying, losing, wide, raising, dying, opened)
    engines = [contestant(way.__name__, way) for way in ways]
    outcome = outcome_of(task_of(folder, "zarr2-64", 3), [*limits.LIMITS, *engines])
    assert list(outcome.notes) == [DECODING, "opened"]
    assert [len(notes) for notes in outcome.notes.values()] == [2, 2]
    assert "1 wrong voxels in Region" in outcome.wrong["lying"]
    assert outcome.wrong["losing"] == "blocks [0, 0, 0] came of a batch of 3"
    assert "uint16" in outcome.wrong["wide"]
    assert outcome.failures == {
        "raising": "OSError: the disk is",
        "dying": "its process died",
    }
    assert len(outcome.needed) == 2


def test_an_engine_that_hangs_is_given_up(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process is ended."""
    made = Worker(contestant("sleeping", sleeping))
    try:
        made.open(task_of(folder, "raw"))
        monkeypatch.setattr(worker, "PATIENCE", 0.1)
        with pytest.raises(EngineError, match=r"no answer in 0\.1 s"):
            made.turn([[Region((0, 0, 0), (1, 1, 1))]])
    finally:
        made.end()


def test_the_same_new_blocks_for_all(folder: Path) -> None:
    """A round is the same for the same seed, and another one for another."""
    task = task_of(folder, "raw", 3)
    assert task.draw((0, 1)) == task.draw((0, 1))
    assert task.draw((0, 1)) != task.draw((0, 2))
    near = Task(**{**vars(task), "within": (80, 80, 80), "count": 8, "batch": 4})
    for batch in near.draw((1, 1)):
        assert len(batch) == 4
        starts = np.array([region.start for region in batch])
        assert np.ptp(starts, axis=0).max() <= 10
        assert all(region.stop <= (SIDE,) * 3 for region in batch)


def small(pictures: Path | None, *, form: str) -> dict[str, object]:
    """Only one format."""
    return {form: stores.formats(pictures)[form]}


def test_the_command(
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One round of some engines; tables, targets and the page."""
    monkeypatch.setattr(stores, "BLOCK", (70, 70, 70))
    monkeypatch.setattr(
        command, "all_formats", functools.partial(small, form="zarr2-64")
    )
    written = tmp_path / "page.md"
    arguments = ["--only", "zarr2-64/disk/*", "--quick", "--rounds", "1", "--engines"]
    arguments += ["emcatalog,*one by one*,*limit,TensorStore,zarr-python,cloud-volume"]
    arguments += ["--stores", str(folder), "--write", str(written)]
    assert command.main(arguments) == 0
    shown = capsys.readouterr().out
    for name in (OURS, DECODING, "TensorStore", "Targets", "of raw TensorStore"):
        assert name in shown
    text = written.read_text("utf-8")
    assert "| emcatalog (one by one) |" in text
    assert "`--only zarr2-64/disk/batch`" in text
    assert str(folder) not in text


def test_a_liar_makes_the_command_fail(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With status 1; names that nothing has are status 2."""
    monkeypatch.setattr(stores, "BLOCK", (70, 70, 70))
    monkeypatch.setattr(command, "all_formats", functools.partial(small, form="raw"))
    arguments = ["--only", "raw/disk/single", "--quick", "--rounds", "1"]
    arguments += ["--stores", str(folder), "--engines", "*"]
    assert command.main(arguments, [contestant("liar", lying)]) == 1
    assert "liar is WRONG: 1 wrong voxels" in capsys.readouterr().out
    assert command.main(arguments, [contestant(OURS, raising)]) == 1
    assert command.main(arguments, [contestant("honest", opened)]) == 0
    for odd in (["--formats", "zarr9"], ["--engines", "x"], ["--serving", "ftp"]):
        assert command.main([*arguments, *odd]) == 2
        assert "nothing is called" in capsys.readouterr().err

"""The harness of reading: engines in turn, wrong voxels, limits, figures, the page."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from benchmarks.reads import __main__ as command
from benchmarks.reads import limits, rounds, stores, tasks, volumes, worker
from benchmarks.reads.engines import CHUNKED, OURS, Blocks, Contestant
from benchmarks.reads.figures import HEADS, Ratio, faster, rows
from benchmarks.reads.limits import DECODERS, DECODING, WIRE
from benchmarks.reads.page import page
from benchmarks.reads.peers import CHUNKED_PEERS, CLOUDVOLUME
from benchmarks.reads.rounds import Crew, Note, Outcome, Plan
from benchmarks.reads.stores import LAYOUTS, chunk_files
from benchmarks.reads.task import Engine, Link, Moved, Reader, Stored, Task
from benchmarks.reads.verdicts import TARGETS, verdicts
from benchmarks.reads.worker import EngineError, Turn, Worker
from emcatalog.geometry import Region

SIDE = 128


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of stores of a volume with a side of 128."""
    made = tmp_path_factory.mktemp("stores")
    dice = np.random.default_rng(3)
    ramp = np.add.outer(np.arange(SIDE), np.add.outer(np.arange(SIDE), range(SIDE)))
    noise = dice.integers(0, 16, (SIDE, SIDE, SIDE))
    voxels = (ramp // 2 % 200 + noise).astype(np.uint8)
    np.save(made / f"tissue-{volumes.QUICK_SIZE}.npy", voxels)
    return made


def task_of(folder: Path, name: str, batch: int = 1) -> Task:
    """Blocks of 70^3 of a layout on the disk."""
    stored = stores.formats()[name].write(folder, True)
    return Task(
        name=f"{name}/disk/{'batch' if batch > 1 else 'single'}",
        stored=stored,
        serving="disk",
        place=f"{folder}/{stored.path}",
        folder=str(folder),
        block=(70, 70, 70),
        count=3,
        batch=batch,
    )


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_holds_the_truth(folder: Path, name: str) -> None:
    """Read by every engine that reads it, here in one process."""
    task = task_of(folder, name)
    truth = task.stored.voxels()
    original = np.load(folder / f"tissue-{volumes.QUICK_SIZE}.npy")
    differ = np.abs(truth.astype(int) - original)
    assert differ.max() <= (40 if "jpeg" in name else 0)
    region = Region((3, 20, 41), (73, 101, 128))
    readers = [e for e in (*CHUNKED, *CHUNKED_PEERS) if e.fits(task)]
    there, _ = rounds.installed(readers)
    assert OURS in [engine.name for engine in there]
    for engine in there:
        if engine.name == CLOUDVOLUME:
            continue  # it changes how warnings are shown, and is run in a process below
        reader = engine.open(task)
        np.testing.assert_array_equal(reader.read(region), truth[region.slices])
        together = dict(reader.read_many([region, region]))
        np.testing.assert_array_equal(together[1], truth[region.slices])
        reader.close()


@pytest.mark.parametrize("name", [n for n, lay in LAYOUTS.items() if not lay.twin])
def test_sizes_and_decoding(folder: Path, name: str) -> None:
    """Sizes are those of files; the limit's decoders give the voxels of each chunk."""
    task, layout = task_of(folder, name), LAYOUTS[name]
    at = folder / task.stored.path.removesuffix(f"/{stores.ARRAY}")
    truth, side = task.stored.voxels(), layout.chunk
    sizes = np.load(task.stored.piece_bytes)
    for cell, plain in chunk_files(at, truth.shape, layout):
        path = plain if plain.exists() else plain.with_name(f"{plain.name}.gz")
        assert sizes[cell] == path.stat().st_size
        place = tuple(slice(n * side, (n + 1) * side) for n in cell)
        if (layout.driver, layout.encoding) in DECODERS:
            out = np.empty(side**3, np.uint8)
            DECODERS[layout.driver, layout.encoding]()(path.read_bytes(), out)
            np.testing.assert_array_equal(out, truth[place].ravel())


def test_needed_bytes_count_pieces_once(folder: Path) -> None:
    """Two blocks of a batch share their chunks; the wire is asked once for a batch."""
    task = task_of(folder, "raw")
    one, two = Region((0, 0, 0), (65, 10, 10)), Region((5, 0, 0), (66, 64, 64))
    assert limits.needed_bytes(task, [[one, two]]) == 2 * 64**3
    assert limits.needed_bytes(task, [[one], [two]]) == 4 * 64**3
    assert limits.wire_seconds(task, [[one]]) is None
    far = Task(**{**vars(task), "link": Link(0.03, 64**3)})
    assert limits.wire_seconds(far, [[one, two]]) == pytest.approx(1.03)
    assert limits.wire_seconds(far, [[one], [two]]) == pytest.approx(2.06)


def test_rows_are_pieces_of_one_size() -> None:
    """A number stands for a lattice of equal pieces."""
    stored = Stored("x", "x", "tiff", "x", Path(), (1, 1, 500), 500)
    sizes = stored.sizes(Region((2, 10, 40), (4, 13, 50)))
    assert sizes.tolist() == [500] * 6


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
    arguments += ["emcatalog,*one by one,*limit,TensorStore,zarr-python,cloud-volume"]
    arguments += ["--stores", str(folder), "--write", str(written)]
    assert command.main(arguments) == 0
    shown = capsys.readouterr().out
    for name in (OURS, DECODING, "TensorStore", "Targets", "of raw TensorStore"):
        assert name in shown
    text = written.read_text("utf-8")
    assert "| emcatalog, one by one |" in text
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


def note(seconds: float, requests: int = 0, moved: int = 0) -> Note:
    """A turn of so many seconds."""
    return Note(Turn(seconds, seconds, 6, 300, 2**20), Moved(requests, moved))


def test_figures_and_verdicts(folder: Path) -> None:
    """Ratios of medians, the middle half of the rounds, and bounds on them."""
    assert faster([1.0, 1.0, 4.0], [2.0, 3.0, 4.0]) == Ratio(3.0, 1.5, 2.5)
    task = task_of(folder, "zarr2-64")
    notes = {
        OURS: [note(1.0), note(1.2), note(1.4)],
        "TensorStore": [note(1.2), note(1.2), note(1.2)],
        DECODING: [note(0.6), note(0.6), note(0.6)],
        "zarr-python": [note(4.0), note(4.0), note(4.0)],
    }
    outcome = Outcome(task, notes, {}, {"x": "y"}, (150, 150, 150))
    cells = {row[0]: dict(zip(HEADS, row, strict=True)) for row in rows(outcome)}
    assert list(cells) == [DECODING, OURS, "TensorStore", "zarr-python"]
    assert cells[OURS]["of the limit"] == "0.50 (0.46–0.55)"
    assert cells[OURS]["of TensorStore"].startswith("1.00")
    assert cells[OURS]["requests"] == "2.0"
    assert cells[OURS]["moved"] == "2.00"
    assert cells[OURS]["peak MiB"] == "1"
    found = {v.target.text: (v.met, round(v.value, 2)) for v in verdicts([outcome])}
    assert found == {
        "single blocks on a disk: of raw TensorStore": (True, 1.0),
        "single blocks on a disk: of decoding alone": (False, 0.5),
        "64³ chunks and shards on a disk: times zarr-python": (True, 3.33),
    }
    text = page([outcome], verdicts([outcome]), {"odd": ["module"]}, "run it")
    assert "| single blocks on a disk: of raw TensorStore | ≥ 0.95 | 1.00 |" in text
    assert "Not installed: odd (module)." in text
    assert "x: y" in text


def test_far_away_the_wire_is_the_limit(folder: Path) -> None:
    """And requests and bytes are the server's."""
    task = Task(**{**vars(task_of(folder, "raw")), "serving": "proxy"})
    notes = {OURS: [note(2.0, 30, 400)] * 2, "cloud-volume": [note(3.0, 60, 800)] * 2}
    outcome = Outcome(task, notes, {}, {}, (200, 200), (1.0, 1.0))
    cells = {row[0]: dict(zip(HEADS, row, strict=True)) for row in rows(outcome)}
    assert list(cells) == [WIRE, OURS, "cloud-volume"]
    assert cells[OURS]["of the limit"] == "0.50 (0.50–0.50)"
    assert cells["cloud-volume"]["requests"] == "20.0"
    assert cells["cloud-volume"]["moved"] == "4.00"
    assert [v.met for v in verdicts([outcome])] == [True]


def test_every_target_covers_some_task() -> None:
    """And the tasks of a quick run are there."""
    formats = tasks.all_formats(None)
    names = tasks.planned(list(formats), ("disk", "nginx", "proxy"))
    for glob in tasks.QUICK:
        assert tasks.chosen(names, [glob])
    engines = [engine.name for engine in command.ENGINES]
    for glob in tasks.QUICK_ENGINES:
        assert tasks.chosen(engines, [glob])
    assert len({target.text for target in TARGETS}) == len(TARGETS)


def test_the_real_stack(tmp_path: Path) -> None:
    """Sections in the order of their names, mirrored until they are large enough."""
    from PIL import Image

    dice = np.random.default_rng(0)
    planes = dice.integers(0, 255, (3, 20, 30), np.uint8)
    for number, plane in enumerate(planes):
        Image.fromarray(plane).save(tmp_path / f"iso.{number:04d}.png")
    made = np.load(volumes.real(tmp_path, True, tmp_path), mmap_mode="r")
    assert made.shape == (volumes.QUICK_SIZE,) * 3
    np.testing.assert_array_equal(made[:3, :20, :30], planes)
    np.testing.assert_array_equal(made[3:6, :20, :30], planes[::-1])
    with pytest.raises(FileNotFoundError, match="no PNG files"):
        volumes.real(tmp_path / "x", True, tmp_path / "x")

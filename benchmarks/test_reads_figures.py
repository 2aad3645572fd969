"""The harness of reading: figures, verdicts and the page."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

from benchmarks.reads import __main__ as command
from benchmarks.reads import tasks
from benchmarks.reads.engines import OURS
from benchmarks.reads.figures import HEADS, Ratio, faster, rows
from benchmarks.reads.limits import DECODING, WIRE
from benchmarks.reads.page import busy, page
from benchmarks.reads.rounds import Note, Outcome
from benchmarks.reads.small import small_stores, task_of
from benchmarks.reads.task import Moved, Task
from benchmarks.reads.verdicts import TARGETS, verdicts
from benchmarks.reads.worker import Turn


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of stores of a volume with a side of 128."""
    return small_stores(tmp_path_factory.mktemp("stores"))


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
        "single blocks on a disk, `da.isel`: of raw TensorStore": (True, 1.0),
        "single blocks on a disk, `da.isel`: of decoding alone": (False, 0.5),
        "64³ chunks and shards on a disk: times zarr-python": (True, 3.33),
    }
    text = page([outcome], verdicts([outcome]), {"odd": ["module"]}, "run it")
    assert (
        "| single blocks on a disk, `da.isel`: of raw TensorStore | ≥ 0.95 | 1.00 |"
        in text
    )
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


@pytest.mark.parametrize("name", ["figures", "page", "tasks", "volumes"])
def test_examples(name: str) -> None:
    """The examples in docstrings of the harness."""
    module = importlib.import_module(f"benchmarks.reads.{name}")
    found = doctest.testmod(module)
    assert found.attempted
    assert not found.failed


def test_a_busy_machine_is_told() -> None:
    """Its figures are to be read with care."""
    assert "load average 900 on" in busy(900.0)


def test_the_page_tells_the_command() -> None:
    """All that was asked for but the paths of this machine."""
    words = ["--quick", "--only", "a/*", "--rounds", "3", "--real", "/x", "--stores"]
    given = command.parser().parse_args([*words, "/y"])
    assert command.written_as(given) == (
        "python -m benchmarks.reads --quick --only 'a/*' --rounds 3 --real SECTIONS "
        "--write docs/reading.md"
    )

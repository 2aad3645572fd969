"""The harness of blocks: every block is compared, limits hold, and what is written."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.blocks import __main__ as command
from benchmarks.blocks import contestants as who
from benchmarks.blocks import environments, volumes
from benchmarks.blocks.figures import rows, verdicts
from benchmarks.blocks.judging import Truth
from benchmarks.blocks.odd import odd
from benchmarks.blocks.process import ContestantError, Limits, Process
from benchmarks.blocks.rounds import Bench, Outcome
from benchmarks.blocks.task import Task
from benchmarks.reads.small import SIDE, small_stores

HERE = {"": Path(sys.executable)}
needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="PyTorch is not installed"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of stores of a volume with a side of 128."""
    return small_stores(tmp_path_factory.mktemp("stores"))


def test_blocks_are_compared(folder: Path) -> None:
    """At their place, or where they are found; one wrong voxel is enough."""
    path = str(next(folder.glob("*.npy")))
    voxels, truth = np.load(path), Truth(path)
    block = voxels[5:25, 30:50, 71:91].copy()
    assert truth.fault(block, (5, 30, 71)) == ""
    assert truth.fault(block, (5, 30, 72)).endswith("wrong voxels at (5, 30, 72)")
    assert "a block of (20, 20, 20)" in truth.fault(block, (120, 30, 71))
    assert truth.found(block) == [5, 30, 71]
    assert truth.found(block.astype(np.float32)) == [5, 30, 71]
    assert truth.found(block + 0.5) is None
    block[-1, -1, -1] ^= 1
    assert truth.fault(block, (5, 30, 71)) == "1 wrong voxels at (5, 30, 71)"
    assert "nowhere in the source" in truth.fault(block, None)
    truth.close()


def test_wrong_blocks_and_failures_are_told(folder: Path) -> None:
    """And these contestants are out; others are timed, and each block is compared."""
    task = volumes.loading(folder, "zarr2-64/anywhere", quick=True)
    ways = ("honest", "silent", "lying", "few", "raising")
    outcome = Bench(HERE, 2).load(task, [odd(way) for way in ways])
    assert outcome.wrong["lying"].startswith("1 wrong voxels at")
    assert outcome.wrong["few"] == f"{task.count - 1} blocks, not {task.count}"
    assert outcome.failures == {"raising": "OSError: the disk is"}
    assert outcome.seconds.keys() == outcome.peaks.keys() == {"honest", "silent"}
    assert all(len(seconds) == 2 for seconds in outcome.seconds.values())
    epochs = 4  # the first is not timed, the last is weighed
    assert outcome.checked == dict.fromkeys(("honest", "silent"), epochs * task.count)
    assert outcome.known["silent"] == 0
    assert {row[0]: row[-1] for row in rows(outcome)} == {
        "honest": "32",
        "silent": "32, places found",
    }


@pytest.mark.parametrize(
    ("way", "limits", "told"),
    [
        ("sleeping", Limits(seconds=0.3), "no answer in"),
        ("greedy", Limits(bytes=2**27), "more than 0.125 GiB"),
    ],
)
def test_limits_hold(folder: Path, way: str, limits: Limits, told: str) -> None:
    """A plan that takes longer, or more memory, is ended and told."""
    task = volumes.empty(folder, "plan/small", (256, 256, 256))
    process = Process(odd(way), HERE[""])
    try:
        with pytest.raises(ContestantError, match=told):
            process.ask("plan", task.told(), limits=limits)
    finally:
        process.end()


def test_a_plan_takes_no_memory(folder: Path) -> None:
    """However many blocks there are; and its number of blocks is right."""
    small = volumes.empty(folder, "plan/small", (256, 256, 256))
    counts = []
    for name, shape in volumes.PLANS.items():
        task = volumes.empty(folder, name, shape)
        outcome = Bench(HERE, 1).plan(task, small, [who.AHEAD])
        assert outcome.failures == {}
        counts.append(outcome.checked[who.AHEAD.name])
        assert outcome.peaks[who.AHEAD.name] < 2**23
    assert counts == [100**3, 269 * 309 * 323]


def made(seconds: dict[str, float], kind: str = "load") -> Outcome:
    """An outcome of three rounds that are all alike."""
    task = Task(
        "plan/1e6" if kind == "plan" else "zarr2-64/tiles",
        "g/s0",
        (8,) * 3,
        (4,) * 3,
        8,
    )
    numbers = dict.fromkeys(seconds, 8)
    return Outcome(
        task,
        kind,
        {name: [s] * 3 for name, s in seconds.items()},
        {name: [0.001] for name in seconds},
        {name: int(s * 2**30) for name, s in seconds.items()},
        numbers,
        numbers,
    )


def test_figures_and_targets() -> None:
    """Ratios are speeds; memory is compared, too."""
    load = made({who.AHEAD.name: 1.0, who.HAND_AHEAD.name: 0.8, "xbatcher": 4.0})
    cells = {row[0]: row for row in rows(load)}
    assert cells[who.AHEAD.name][1:3] == ["8.0", "125.00"]
    assert cells["xbatcher"][3].startswith("0.25")
    found = {v.text: (v.value, v.met) for v in verdicts([load])}
    assert found == {
        "read ahead: of TensorStore by hand": (0.8, False),
        "read ahead: times the fastest peer": (4.0, True),
    }
    plan = made({who.AHEAD.name: 0.001, "xbatcher": 2.0}, "plan")
    plan.seconds["xbatcher"] = [2.0]  # it is slow, and was asked once
    found = {v.text: (round(v.value, 6), v.met) for v in verdicts([plan])}
    assert found == {
        "plan: times the quickest peer": (2000.0, True),
        "plan: memory over the least of peers": (round(1.024 / 2048, 6), True),
    }


@needs_torch
def test_the_command(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Quick: targets, and a page that has no path of this machine."""
    written = tmp_path / "page.md"
    arguments = ["--quick", "--only", "plan/1e6;zarr3-shards/tiles"]
    arguments += ["--contestants", "*read ahead;xbatcher", "--stores", str(folder)]
    assert command.main([*arguments, "--write", str(written)]) == 0
    shown = capsys.readouterr().out
    assert "read ahead: of TensorStore by hand" in shown
    assert "xbatcher is left out: no environment" in shown
    text = written.read_text("utf-8")
    assert f"| {who.AHEAD.name} | 1,000,000 |" in text
    assert f"{SIDE // 64 * (SIDE // 64) ** 2} blocks of 64 x 64 x 64" in text
    assert "Left out: xbatcher (no environment)." in text
    assert str(folder) not in text


def test_names_that_nothing_has(capsys: pytest.CaptureFixture[str]) -> None:
    """Are status 2."""
    for unknown in (["--only", "zarr9/tiles"], ["--contestants", "x"]):
        assert command.main(unknown) == 2
        assert "nothing is called" in capsys.readouterr().err


def test_environments_are_pinned(tmp_path: Path) -> None:
    """Each package to one version; and one that is not there is None."""
    assert environments.python_of(tmp_path, "xbatcher") is None
    assert environments.python_of(None, "") == Path(sys.executable)
    named = {c.environment for c in who.CONTESTANTS} - {""}
    assert named == environments.PINNED.keys()
    for packages in environments.PINNED.values():
        assert environments.TORCH in packages
        assert all("==" in package for package in packages)

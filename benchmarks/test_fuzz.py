"""The tools of fuzzing: changes, watching, making small, the table."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path

import pytest

from benchmarks.fuzz.__main__ import main, table
from benchmarks.fuzz.campaign import Note, Order, Tally, Tell
from benchmarks.fuzz.mutation import Mutator
from benchmarks.fuzz.reducing import reduced
from benchmarks.fuzz.watching import run

SEEDS = {
    "bytes": bytes(range(200)),
    "text": b"a=1\nspacing=0.05 unit=um\n",
    "json": json.dumps({"a": [1, {"b": "c"}], "d": None}).encode(),
}


@pytest.mark.parametrize("form", SEEDS)
def test_changes(form: str) -> None:
    """Equal dice make equal changes; they differ, and are bounded."""
    data = SEEDS[form]

    def changes() -> list[bytes]:
        dice = random.Random(1)  # noqa: S311
        change = Mutator(dice, form, (b"word",), 300)
        return [change(data, data[::-1]) for _ in range(400)]

    first = changes()
    assert first == changes()
    assert len(set(first)) > 200
    assert max(map(len, first)) <= 300
    if form == "json":
        assert sum(map(_is_json, first)) > 200


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


def test_making_small() -> None:
    """Only what matters to the failure stays."""
    data = b"x" * 500 + b"needle" + b"y" * 300 + b"!"
    found = reduced(data, lambda part: b"needle" in part and part.endswith(b"!"))
    assert found == b"needle!"


def crashing(order: Order, note: Note, tell: Tell) -> None:
    """Ends itself on its third input, and only the first time."""
    for number in range(order.runs):
        note(b"input %d" % number)
        if order.seed == 0 and number == 2:
            os.kill(os.getpid(), signal.SIGSEGV)
    tell(Tally(runs=order.runs, seconds=1.0))


def hanging(order: Order, note: Note, tell: Tell) -> None:
    """Never ends its second input, the first time."""
    for number in range(order.runs):
        note(b"input %d" % number)
        if order.seed == 0 and number == 1:
            time.sleep(600)
    tell(Tally(runs=order.runs, seconds=1.0))


def test_a_crash_is_noted_and_the_campaign_goes_on() -> None:
    """The input that was under trial is the failure."""
    found = run(Order("x", 10, 60.0, 0), crashing)
    assert found.failures == {"crash, signal 11": (b"input 2", "crash, signal 11")}
    assert found.runs == 10


def test_a_hang_is_noted_and_the_campaign_goes_on() -> None:
    """As for a crash."""
    found = run(Order("x", 10, 60.0, 0, hang=1.0), hanging)
    assert found.failures == {"hang": (b"input 1", "hang")}
    assert found.runs == 10


def test_the_command(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A short campaign in a process of its own keeps all laws."""
    for name in ("EMCATALOG_MEMORY_LIMIT", "EMCATALOG_MIRROR"):
        monkeypatch.setenv(name, "")  # put back after the test
    assert main(["box", "--runs", "300", "--out", str(tmp_path)]) == 0
    assert "box: 300 inputs" in capsys.readouterr().out
    (tmp_path / "kept").write_bytes(b"0:9,:,:")
    assert main(["box", "--replay", str(tmp_path / "kept")]) == 0
    assert "read a box" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="no target bix"):
        main(["bix"])


def test_the_table_counts() -> None:
    """One row for each target."""
    tally = Tally(10, 2.0)
    tally.outcomes.update({"read all": 4, "FormatError: x": 6})
    shown = table({"dm3": tally})
    cells = [next(iter(column.cells)) for column in shown.columns]
    assert cells == ["dm3", "10", "5", "2", "40 %", "", "0"]

"""docs/caches.md tells the truth: its commands run, its figures are the defaults."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

import emcatalog
from emcatalog.cache import budget, disk, later, room, settings
from emcatalog.cli import app
from emcatalog.recheck import RECHECK_SECONDS

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "docs/caches.md").read_text("utf-8")
NOWHERE = dict.fromkeys(("https://", "s3://", "gs://"), "http://127.0.0.1:9/")


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.M | re.S)
    return str(found)


def test_the_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    for line in block("sh").splitlines():
        words = re.fullmatch(r"export (\w+)=(.+)|emcatalog (.+)", line)
        assert words, line
        if words[1]:
            monkeypatch.setenv(words[1], words[2])
            continue
        with emcatalog.use_mirror(rules=NOWHERE):
            done = CliRunner().invoke(app, words[3].split())
        assert "at most 1.00 GiB: 512.00 MiB decoded chunks" in done.output
        assert f"0 B of 100.00 GiB in {tmp_path}/.cache/emcatalog/kept" in done.output
    names: dict[str, object] = {}
    exec(compile(block("python"), "caches.md", "exec"), names)  # noqa: S102 - our own
    told = re.findall(r"^(\S.*?)  # (\d+)$", block("python"), re.M)
    assert len(told) == 4
    for expression, shown in told:
        assert repr(eval(expression, names)) == shown  # noqa: S307


def test_the_figures_are_those_of_the_code() -> None:
    assert "512 MiB if it is not told, or a sixteenth" in TEXT
    assert (budget.MOST, budget.SHARE) == (512 * 2**20, 16)
    assert "its limit is 20 GiB" in TEXT
    assert settings.USUAL_LIMIT == 20 * 2**30
    assert "at most five minutes" in TEXT
    assert RECHECK_SECONDS == 300
    assert "larger than an eighth of the limit" in TEXT
    assert disk.LARGEST_SHARE == 8
    assert "when 64 MiB wait" in TEXT
    assert later.WAITING_BYTES == 64 * 2**20
    assert "goes after ten minutes" in TEXT
    assert room.ABANDONED_SECONDS == 600

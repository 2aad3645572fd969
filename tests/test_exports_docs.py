"""docs/exports.md tells the truth: its code runs and gives what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from emcatalog.cli import app
from emcatalog.mirror import use_mirror

TEXT = (Path(__file__).resolve().parent.parent / "docs/exports.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.M | re.S)


def test_python_blocks_run(
    sample_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, object] = {}
    shown = []
    with use_mirror(sample_root):
        for block in blocks("python"):
            exec(compile(block, "docs/exports.md", "exec"), names)  # noqa: S102 - our own
            for expression, value in re.findall(r"^(\S.*?)  # (.+)$", block, re.M):
                assert repr(eval(expression, names)) == value  # noqa: S307
                shown.append(value)
    assert len(shown) == 5
    assert "EMPIAR-11759" in capsys.readouterr().out


def test_commands_run(sample_root: Path) -> None:
    (commands,) = blocks("sh")
    for line in commands.splitlines():
        program, *words = line.split()
        assert program == "emcatalog"
        with use_mirror(sample_root):
            done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.output
        assert "licen" in done.output

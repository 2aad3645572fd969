"""The README tells the truth: its code runs, its commands are those of CI."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile

from emcatalog.mirror import use_mirror

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.M | re.S)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as a reader of the README would have it."""
    for name in ("catalog.yaml", "catalog-more.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "cells").mkdir()
    for n in range(12):
        image = np.full((64, 64), n, np.uint8)
        tifffile.imwrite(tmp_path / f"cells/slice_{n:03}.tif", image)
    (tmp_path / "mine.yaml").write_text(blocks("yaml")[0])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_python_blocks_run(desk: Path, sample_root: Path) -> None:
    names: dict[str, object] = {}
    with use_mirror(sample_root):
        for block in blocks("python"):
            exec(compile(block, "README.md", "exec"), names)  # noqa: S102 - our own
            for expression, shown in re.findall(r"^(\S.*?)  # (\(.*\))$", block, re.M):
                assert repr(eval(expression, names)) == shown  # noqa: S307


def test_own_data_takes_five_lines() -> None:
    assert len(blocks("yaml")[0].splitlines()) == 5


def test_set_up_is_two_commands_and_ci_runs_the_second() -> None:
    commands = [b.strip() for b in blocks("sh") if "pip install" in b]
    assert len(commands) == 2
    assert commands[0].endswith("&& emcatalog demo")
    assert f"\n{commands[1]}\n" in (ROOT / ".ci/run").read_text("utf-8")


def test_command_line_examples_exist() -> None:
    from emcatalog import cli

    for line in "".join(blocks("sh")).splitlines():
        word = re.match(r"emcatalog (\w+)", line)
        if word:
            assert word.group(1) in Path(cli.__file__).parent.joinpath(
                "__init__.py"
            ).read_text("utf-8") or any(
                word.group(1) in p.stem or word.group(1) in p.read_text("utf-8")
                for p in Path(cli.__file__).parent.rglob("*.py")
            )

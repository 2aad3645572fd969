"""docs/inference.md tells the truth: its code runs, its figures are the code's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from emcatalog.blocks.running import AHEAD, THREADS
from emcatalog.mirror import use_mirror

TEXT = (Path(__file__).resolve().parent.parent / "docs/inference.md").read_text("utf-8")


def test_python_blocks_run(
    sample_root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    pytest.importorskip("torch")
    names: dict[str, object] = {}
    with use_mirror(sample_root):
        for block in re.findall(r"^```python\n(.*?)^```", TEXT, re.M | re.S):
            exec(compile(block, "docs/inference.md", "exec"), names)  # noqa: S102
            for expression, shown in re.findall(r"^(\S.*?)  # (.+)$", block, re.M):
                assert repr(eval(expression, names)) == shown  # noqa: S307
    assert capsys.readouterr().out.startswith("0/")
    stores = {"edges.ome.zarr", "cells.ome.zarr", "again.ome.zarr"}
    assert {path.name for path in tmp_path.iterdir()} == stores


def test_its_figures_are_those_of_the_code() -> None:
    assert (THREADS, AHEAD) == (4, 2)
    assert "Four more threads read two batches ahead and write\ntwo behind" in TEXT

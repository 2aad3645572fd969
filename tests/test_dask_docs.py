"""docs/dask.md tells the truth: its code runs, its figures are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from emcatalog.driver.chunks import CHUNK_BYTES, MOST_CHUNKS
from emcatalog.mirror import use_mirror

TEXT = (Path(__file__).resolve().parent.parent / "docs/dask.md").read_text("utf-8")


def test_python_blocks_run(
    sample_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, object] = {}
    with use_mirror(sample_root):
        for block in re.findall(r"^```python\n(.*?)^```", TEXT, re.M | re.S):
            exec(compile(block, "docs/dask.md", "exec"), names)  # noqa: S102 - our own
            for expression, shown in re.findall(r"^(\S.*?)  # (\(.*\))$", block, re.M):
                assert repr(eval(expression, names)) == shown  # noqa: S307
    seen = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert sorted(seen) == ["0", "1", "2"]


def test_its_figures_are_the_defaults() -> None:
    assert f"of {CHUNK_BYTES // 2**20} MiB at most" in TEXT
    assert f"{MOST_CHUNKS:,} chunks".replace(",", " ") in TEXT

"""docs/blocks.md tells the truth: its code runs, and its drawing is that of tiles."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from emcatalog.blocks import tiles
from emcatalog.mirror import use_mirror

TEXT = (Path(__file__).resolve().parent.parent / "docs/blocks.md").read_text("utf-8")


SHOWN = re.compile(r"^(\S.*?)  # ([(\d T].*)$", re.M)


def test_python_blocks_run(
    sample_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # it writes a file
    names: dict[str, object] = {}
    checked = 0
    with use_mirror(sample_root):
        for block in re.findall(r"^```python\n(.*?)^```", TEXT, re.M | re.S):
            exec(compile(block, "docs/blocks.md", "exec"), names)  # noqa: S102 - our own
            for expression, shown in SHOWN.findall(block):
                assert str(eval(expression, names)) == shown  # noqa: S307
                checked += 1
    assert checked > 5


def test_the_drawing_is_that_of_the_module() -> None:
    (drawing,) = re.findall(r"^```text\n(.*?)^```", TEXT, re.M | re.S)
    assert textwrap.indent(drawing, "    ").strip() in (tiles.__doc__ or "")

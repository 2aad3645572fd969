"""docs/training.md tells the truth: its code runs and shows what it says."""

from __future__ import annotations

import multiprocessing
import re
from pathlib import Path

import pytest

from emcatalog.mirror import use_mirror

pytest.importorskip("torch", reason="needs emcatalog[torch]")

TEXT = (Path(__file__).resolve().parent.parent / "docs/training.md").read_text("utf-8")
SHOWN = re.compile(r"^(\S.*?)  # ([(\[{\dTt].*)$", re.M)


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
def test_python_blocks_run(sample_root: Path) -> None:
    # else each worker imports all of it anew
    multiprocessing.set_forkserver_preload(["emcatalog.blocks.torch"])
    names: dict[str, object] = {}
    checked = 0
    with use_mirror(sample_root):
        for block in re.findall(r"^```python\n(.*?)^```", TEXT, re.M | re.S):
            code: list[str] = []
            # what is shown is shown there and then: it may change later
            for line in block.splitlines():
                shown = SHOWN.match(line)
                if shown is None:
                    code.append(line)
                    continue
                exec(compile("\n".join(code), "training.md", "exec"), names)  # noqa: S102
                assert str(eval(shown[1], names)) == shown[2]  # noqa: S307 - our own
                code, checked = [], checked + 1
            exec(compile("\n".join(code), "training.md", "exec"), names)  # noqa: S102
    assert checked == 8

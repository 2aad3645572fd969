"""Writing the sample: beside its place, verified, moved; never over other files."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from emcatalog import sample
from emcatalog.errors import OptionError
from emcatalog.mirror import mirror_path
from emcatalog.sample import idr, writing


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write only the smallest miniature, to see how writing behaves."""
    only = {"dataset1": sample.SAMPLES["dataset1"]}
    monkeypatch.setattr(writing, "SAMPLES", only)


@pytest.mark.usefixtures("quick")
def test_second_call_does_nothing(tmp_path: Path) -> None:
    root = sample.write_sample(tmp_path / "sample")
    before = {p: p.stat().st_mtime_ns for p in root.rglob("*")}
    heard: list[float] = []
    assert sample.write_sample(root, lambda _line, share: heard.append(share)) == root
    assert heard == [1.0]
    assert {p: p.stat().st_mtime_ns for p in root.rglob("*")} == before


def test_foreign_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(OptionError, match=r"is not a sample.*choose another directory"):
        sample.write_sample(tmp_path)
    with pytest.raises(OptionError, match="is not a sample"):
        sample.write_sample(tmp_path / "thesis.tex")
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.usefixtures("quick")
def test_damaged_sample_is_replaced(tmp_path: Path) -> None:
    root = sample.write_sample(tmp_path / "empty")
    file = root / mirror_path(idr.FILE)
    file.write_bytes(file.read_bytes()[:-1])
    assert sample.write_sample(root) == root
    assert file.stat().st_size > 46 * 97 * 140
    assert [p.name for p in tmp_path.iterdir()] == ["empty"]


@pytest.mark.usefixtures("quick")
def test_old_sample_with_foreign_files_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = sample.write_sample(tmp_path / "old")
    (root / "notes.txt").write_text("mine")
    assert sample.write_sample(root) == root  # whole: other files do no harm
    monkeypatch.setattr(writing, "FORMAT_VERSION", 99)
    with pytest.raises(OptionError, match=r"other files: notes.txt"):
        sample.write_sample(root)
    (root / "notes.txt").unlink()
    sample.write_sample(root)
    assert json.loads((root / writing.STAMP).read_text())["emcatalog sample"] == 99


@pytest.mark.usefixtures("quick")
def test_interrupted_write_leaves_nothing(tmp_path: Path) -> None:
    def stop(_line: str, share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sample.write_sample(tmp_path / "sample", stop)
    assert list(tmp_path.iterdir()) == []


def test_killed_write_leaves_nothing_visible(tmp_path: Path) -> None:
    target = tmp_path / "sample"
    context = multiprocessing.get_context("spawn")
    writer = context.Process(target=sample.write_sample, args=(target,))
    writer.start()
    deadline = time.monotonic() + 30
    while not list(tmp_path.rglob("*.tif")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(writer.pid or 0, signal.SIGKILL)
    writer.join()
    assert [p for p in tmp_path.iterdir() if not p.name.startswith(".")] == []


@pytest.mark.usefixtures("quick")
def test_writing_into_an_empty_folder(tmp_path: Path) -> None:
    assert (sample.write_sample(tmp_path) / writing.STAMP).exists()

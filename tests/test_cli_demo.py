"""``emcatalog sample`` and ``emcatalog demo``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cli_fixtures import Run

FIVE = [f"dataset{n}" for n in range(1, 6)]


def test_sample_refuses_other_folders_and_tells_how_to_use_it(
    run: Run, sample_root: Path, tmp_path: Path
) -> None:
    text = run("sample", str(sample_root)).output
    assert f"EMCATALOG_MIRROR={sample_root}" in text
    assert "use_mirror" in text
    (tmp_path / "mine.txt").write_text("x")
    refused = run("sample", str(tmp_path), code=2)
    assert "is not a sample" in refused.stderr


def test_demo_draws_all_five(run: Run, sample_root: Path, tmp_path: Path) -> None:
    out = tmp_path / "five.png"
    done = run("demo", "--dir", str(sample_root), "--out", str(out))
    for part in (*FIVE, "DM3", "gs://", "2.96 × 4 × 4", "EMCATALOG_MIRROR", str(out)):
        assert part in done.stdout, part
    with Image.open(out) as picture:
        assert picture.width == 1898
        assert 1300 < picture.height < 1700
        assert np.asarray(picture.convert("L")).std() > 50
    assert [p.name for p in tmp_path.iterdir()] == ["five.png"]


def test_demo_in_a_narrow_terminal_keeps_its_numbers(
    run: Run, sample_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    out = tmp_path / "five.png"
    text = run("demo", "--dir", str(sample_root), "--out", str(out)).stdout
    for part in (
        "50 × 7.998 × 7.998",
        "141 × 315 × 324",
        "int16",
        "5 levels",
        "0.42 × 1.26 × 1.3",
    ):
        assert part in text
    assert max(map(len, text[: text.index("The same box")].splitlines())) <= 80
    assert f"export EMCATALOG_MIRROR={sample_root}\n" in text


def test_demo_leaves_the_mirror_as_it_was(
    run: Run, sample_root: Path, tmp_path: Path
) -> None:
    from emcatalog.mirror import current_mirrors

    before = current_mirrors()
    run("demo", "--dir", str(sample_root), "--out", str(tmp_path / "five.png"))
    assert current_mirrors() == before


def test_demo_refuses_early(run: Run, tmp_path: Path) -> None:
    done = run("demo", "--out", str(tmp_path / "a.jpg"), code=2)
    assert "ends in .png" in done.stderr
    place = tmp_path / "mine"
    place.mkdir()
    (place / "x.txt").write_text("x")
    words = ("demo", "--dir", str(place), "--out", str(tmp_path / "a.png"))
    assert "is not a sample" in run(*words, code=2).stderr
    assert (place / "x.txt").exists()

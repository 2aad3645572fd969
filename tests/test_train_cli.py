"""``emcatalog train``: one short run writes all that the long one does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from PIL import Image

from cli_fixtures import Run
from emcatalog.geometry import Grid
from emcatalog.sample import SAMPLES

pytest.importorskip("torch", reason="needs emcatalog[torch]")


SHOWN = "dataset3"


@pytest.fixture
def one(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the five: the others take long."""
    import emcatalog.train

    found = emcatalog.train.with_truth

    def only(catalog: Any, sample: Path) -> dict[str, Any]:
        return {SHOWN: found(catalog, sample)[SHOWN]}

    monkeypatch.setattr(emcatalog.train, "with_truth", only)


@pytest.mark.usefixtures("one")
def test_a_short_run_writes_everything(
    run: Run, sample_root: Path, tmp_path: Path
) -> None:
    out = tmp_path / "trained"
    words = ("train", "--steps", "2", "--device", "cpu", "--dir", str(sample_root))
    done = run(*words, "--out", str(out))
    for part in (SHOWN, "all voxels", "best threshold", str(out / "held-out.png")):
        assert part in done.stdout, part
    names = ["held-out.png", "model.pt", "predictions", "scores.json"]
    assert sorted(path.name for path in out.iterdir()) == names
    told = json.loads((out / "scores.json").read_text("utf-8"))
    assert len(told["losses"]) == told["course"]["steps"] == 2
    assert list(told["held_out"]) == [SHOWN, "together"]
    with Image.open(out / "held-out.png") as picture:
        assert np.asarray(picture.convert("L")).std() > 20
    volume = out / "predictions" / f"{SHOWN}.ome.zarr"
    _check_volume(volume, SAMPLES[SHOWN].grid)
    before = (out / "model.pt").read_bytes()
    refused = run(*words, "--out", str(out), code=2)
    assert "--force" in refused.stderr
    assert (out / "model.pt").read_bytes() == before


def _check_volume(store: Path, grid: Grid) -> None:
    """It covers the extent of its dataset, but for a part of a voxel."""
    with xr.open_zarr(store, consolidated=False) as found:
        values = found["s0"].to_numpy()
    extent = [n * v for n, v in zip(grid.shape, grid.voxel_size, strict=True)]
    assert np.allclose(np.array(values.shape) * 16, extent, atol=24)
    assert ((values >= 0) & (values <= 1)).all()
    assert values.std() > 0


def test_what_cannot_be_is_refused_before_anything_is_learnt(
    run: Run, sample_root: Path, tmp_path: Path
) -> None:
    words = ("train", "--dir", str(sample_root), "--out")
    (tmp_path / "file").write_text("x")
    assert "a folder, or none" in run(*words, str(tmp_path / "file"), code=2).stderr
    away = str(tmp_path / "no" / "where")
    assert "mkdir -p" in run(*words, away, code=2).stderr
    new = str(tmp_path / "new")
    assert "the device" in run(*words, new, "--device", "abacus", code=2).stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_page_tells_the_truth(
    sample_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sample").symlink_to(sample_root)
    page = Path(__file__).resolve().parent.parent / "docs/train.md"
    (code,) = re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)
    names: dict[str, object] = {}
    exec(compile(code, "docs/train.md", "exec"), names)  # noqa: S102 - our own
    assert eval("0 <= score.iou <= score.dice <= 1", names)  # noqa: S307
    assert (tmp_path / "likely.ome.zarr").is_dir()

"""The benchmark of stitching runs, and all its ways write the same."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import stitching


def test_stitching(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results are compared, here and by `measure`.

    No axis is thinner than a block, and none ends in a chunk thinner than a halo: for
    that dask changes its chunks, which then share those of the store.
    """
    monkeypatch.setattr(stitching, "CORE", 24)
    voxels = np.random.default_rng(0).integers(0, 255, (56, 40, 40), np.uint8)
    store = stitching.write_store(tmp_path / "in.zarr", voxels)
    truth = stitching.smooth(voxels)
    for number, (way, run) in enumerate(stitching.WAYS.items()):
        stitching.check(way, run(store, tmp_path / f"{number}.zarr"), truth)
    seen = {"a loop, zarr-python": [], stitching.PEER: []}
    for way, figures in seen.items():
        figures.append(stitching.measure(way, store, tmp_path, truth))
    assert stitching.table(seen).row_count == 2

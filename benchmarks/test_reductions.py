"""The benchmark of reductions runs, and all its ways find the same."""

from pathlib import Path

import numpy as np

from benchmarks.reductions import (
    PEER,
    REDUCTIONS,
    WAYS,
    measure,
    ours,
    peak,
    table,
    write_stores,
)


def test_reductions(tmp_path: Path) -> None:
    """Answers are compared inside; ours takes no more than a task for each chunk."""
    voxels = np.random.default_rng(0).integers(0, 255, (256, 64, 80), np.uint8)
    for title, store in write_stores(tmp_path, voxels).items():
        figures = measure(store, voxels, rounds=1)
        assert set(figures) == {(name, way) for name in REDUCTIONS for way in WAYS}
        parts = ours(store).data.npartitions
        # reading a chunk and reducing it are one task; few more join the parts
        assert figures["max", "emcatalog"].tasks <= 2 * parts
        peaks = {("max", PEER): peak(PEER, store, "max")}
        assert table(title, figures, peaks, voxels.nbytes).row_count == len(figures)

"""The benchmark runs, and all its ways read the same."""

from pathlib import Path

import numpy as np

from benchmarks.overhead import measure, table, ways, write_volume


def test_overhead(tmp_path: Path) -> None:
    """Every way reads the same voxels, and the table has them all."""
    source = write_volume(tmp_path / "volume", 96)
    box = (slice(1, 65), slice(30, 94), slice(0, 64))
    blocks = [np.asarray(read(box)) for read in ways(source).values()]
    for block in blocks[1:]:
        np.testing.assert_array_equal(block, blocks[0])
    seconds = measure(source, 64, rounds=2, per_round=2)
    assert table(seconds, 64).row_count == len(blocks)

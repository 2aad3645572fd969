"""The benchmark runs, and all its ways read the same."""

from pathlib import Path

import numpy as np

from benchmarks.overhead import measure, table, ways, write_volume
from emcatalog.geometry import Region


def test_overhead(tmp_path: Path) -> None:
    """Every way reads the same voxels, and the table has them all."""
    source = write_volume(tmp_path / "volume", 96)
    boxes = [Region((1, 30, 0), (65, 94, 64)), Region((0, 3, 32), (64, 67, 96))]
    blocks = [dict(read(boxes)) for read in ways(source).values()]
    for several in blocks[1:]:
        for index in range(2):
            np.testing.assert_array_equal(several[index], blocks[0][index])
    seconds = measure(source, 64, rounds=2, per_round=2)
    assert table(seconds, 64).row_count == len(blocks)

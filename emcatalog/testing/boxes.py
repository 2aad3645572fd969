"""Regions of a volume that are worth reading in a test."""

from __future__ import annotations

import numpy as np

from emcatalog.geometry import Grid, Region


def regions(grid: Grid, count: int = 6, seed: int = 0) -> list[Region]:
    """Boxes of a volume for testing: its corners, single voxels and random boxes."""
    random = np.random.default_rng(seed)
    z, y, x = grid.shape
    far = Region((z - 1, y - 1, x - 1), (z, y, x))
    found = [Region((0, 0, 0), (1, 1, 1)), far]
    for _ in range(count):
        starts = [int(random.integers(0, n)) for n in grid.shape]
        most = [min(n - a, 48) for a, n in zip(starts, grid.shape, strict=True)]
        stops = [
            a + 1 + int(random.integers(0, m))
            for a, m in zip(starts, most, strict=True)
        ]
        found.append(
            Region((starts[0], starts[1], starts[2]), (stops[0], stops[1], stops[2]))
        )
    return found

"""A folder of small stores for the tests of the harness of reading."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.reads import stores, volumes
from benchmarks.reads.task import Task

SIDE = 128


def small_stores(made: Path) -> Path:
    """A folder of stores of a volume with a side of 128."""
    dice = np.random.default_rng(3)
    ramp = np.add.outer(np.arange(SIDE), np.add.outer(np.arange(SIDE), range(SIDE)))
    noise = dice.integers(0, 16, (SIDE, SIDE, SIDE))
    voxels = (ramp // 2 % 200 + noise).astype(np.uint8)
    np.save(made / f"tissue-{volumes.QUICK_SIZE}.npy", voxels)
    return made


def task_of(folder: Path, name: str, batch: int = 1) -> Task:
    """Blocks of 70^3 of a layout on the disk."""
    stored = stores.formats()[name].write(folder, True)
    return Task(
        name=f"{name}/disk/{'batch' if batch > 1 else 'single'}",
        stored=stored,
        serving="disk",
        place=f"{folder}/{stored.path}",
        folder=str(folder),
        block=(70, 70, 70),
        count=3,
        batch=batch,
    )

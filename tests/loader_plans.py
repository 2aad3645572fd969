"""Plans for the tests of loaders, and what their blocks are; no PyTorch in here."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from block_volumes import labelled, lazy, numbered
from chunked_volumes import volume_of
from emcatalog.blocks import Block, Plan, Random, plan
from emcatalog.geometry import Grid

SHAPE = (12, 20, 24)
COUNT = 1000


def mixed(root: Path, count: int = COUNT) -> Plan:
    """A volume that TensorStore reads, with labels, and one in memory."""
    if not root.exists():
        volume_of(root, numbered(SHAPE))
    stored = lazy(volume_of(root, numbered(SHAPE)))
    grid = Grid(SHAPE, stored.em.voxel_size)
    arrays = {
        "stored": {"image": stored, "cells": labelled(grid, numbered(SHAPE, "u2"))},
        "memory": {
            "image": labelled(grid, numbered(SHAPE)[::-1].copy()),
            "cells": labelled(grid, numbered(SHAPE, "u2")),
        },
    }
    return plan(arrays, (4, 5, 6), Random(count, "equal"), seed=5)


def expected(made: Plan, indices: Any = None) -> list[str]:
    """Hashes of the plan's blocks, read one by one."""
    wanted = range(len(made)) if indices is None else indices
    return [_of_block(made, index, made[index]) for index in wanted]


def _of_block(made: Plan, index: int, block: Block) -> str:
    at = made.counter(index)
    arrays = (block.data, block.mask, block.riders["cells"], np.array(block.box))
    return _hash(arrays, (block.dataset, at.epoch, at.index))


def found(batch: Any) -> list[str]:
    """Hashes of the blocks of a batch, in their order."""
    names = ("image", "mask", "cells", "box")
    return [
        _hash(
            [np.asarray(batch[name][row]).squeeze(0)
             if name != "box" else np.asarray(batch[name][row]) for name in names],
            (batch["dataset"][row], int(batch["epoch"][row]), int(batch["index"][row])),
        )
        for row in range(len(batch["dataset"]))
    ]  # fmt: skip


def _hash(arrays: Any, names: tuple[Any, ...]) -> str:
    told = hashlib.sha256(repr(names).encode())
    for array in arrays:
        told.update(f"{array.shape} {array.dtype}".encode())
        told.update(np.ascontiguousarray(array).tobytes())
    return told.hexdigest()

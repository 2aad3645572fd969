"""Blocks as plain arrays, one by one or many stacked, for NumPy, JAX and others."""

from __future__ import annotations

import itertools
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from typing import Any

import numpy as np

from emcatalog.blocks.block import Block
from emcatalog.blocks.counter import whole
from emcatalog.blocks.members import MAIN
from emcatalog.blocks.planning import Plan
from emcatalog.blocks.prefetch import prefetch
from emcatalog.errors import OptionError

Sample = dict[str, Any]


def batches(
    plan: Plan,
    size: int,
    *,
    drop_last: bool = False,
    threads: int = 4,
    memory: int | str = "512 MiB",
) -> Generator[Sample]:
    """The plan's blocks in order, ``size`` at a time, each batch as a mapping.

    ``image``, ``mask`` and each rider are arrays of batch, z, y, x; ``box`` holds for
    each block the first and the last face along z, y and x in nm (batch, 2, 3);
    ``dataset`` lists names; ``epoch`` and ``index`` say which block of the whole plan
    it is, whatever part of it this is. What is left at the end is a smaller batch, or
    none with ``drop_last``.

    Blocks are read ahead; for ``threads``, ``memory`` and how to leave it early see
    `prefetch`. Raises OptionError for blocks that cannot be stacked, and what reading
    raises.

    >>> import xarray as xr
    >>> from emcatalog.blocks import Random, plan
    >>> from emcatalog.geometry import Grid
    >>> from emcatalog.index import voxel_coords
    >>> grid = Grid((8, 8, 8), (50.0, 4.0, 4.0))
    >>> array = xr.DataArray(np.ones(grid.shape, "u1"), voxel_coords(grid))
    >>> for batch in batches(plan({"cells": array}, 4, Random(5)), 3):
    ...     print(batch["image"].shape, batch["index"], batch["dataset"][0])
    (3, 4, 4, 4) [0 1 2] cells
    (2, 4, 4, 4) [3 4] cells
    """
    whole(size, "size", least=1)
    blocks = prefetch(plan, threads=threads, memory=memory)
    return _batches(plan, size, drop_last, blocks)


def _batches(
    plan: Plan, size: int, drop_last: bool, blocks: Generator[tuple[int, Block]]
) -> Generator[Sample]:
    with closing(blocks):
        samples = (sample(plan, index, block) for index, block in blocks)
        while batch := list(itertools.islice(samples, size)):
            if len(batch) == size or not drop_last:
                yield stacked(batch)


def sample(plan: Plan, index: int, block: Block) -> Sample:
    """Block ``index`` of ``plan`` as a mapping; see `batches`.

    Raises OptionError for a rider that has the name of something else.
    """
    at = plan.counter(index)
    told: Sample = {
        MAIN: block.data,
        "mask": block.mask,
        "box": np.array(block.box),
        "dataset": block.dataset,
        "epoch": at.epoch,
        "index": at.index,
    }
    if taken := told.keys() & block.riders.keys():
        raise OptionError(
            entry=block.dataset,
            got=f"a rider with the name {min(taken)!r}",
            expected=f"another name than {', '.join(told)}",
        )
    return told | dict(block.riders)


def stacked(samples: Sequence[Sample]) -> Sample:
    """One mapping of many samples: arrays with one more axis before theirs.

    Raises OptionError unless all have the same names, shapes and types.
    """
    ensure_alike(samples)
    names = samples[0].keys()
    return {name: _joined([one[name] for one in samples]) for name in names}


def _joined(values: list[Any]) -> Any:
    if isinstance(values[0], str):
        return values
    return np.stack(values) if np.ndim(values[0]) else np.array(values)


def ensure_alike(samples: Sequence[Mapping[str, Any]]) -> None:
    """Raise OptionError for samples whose arrays cannot be stacked as they are."""
    first = _described(samples[0])
    for one in samples[1:]:
        if (other := _described(one)) == first:
            continue
        name = next(n for n in {**first, **other} if first.get(n) != other.get(n))
        raise OptionError(
            entry=one["dataset"],
            got=f"{name!r} of {other.get(name, 'no kind')} beside "
            f"{first.get(name, 'none')} of {samples[0]['dataset']!r}",
            expected="blocks of one shape and type in a batch",
            hint="size in whole voxels, Tiles(edge='shift') or 'pad', normalize= for "
            "one type, the same riders for all; or batches of 1",
        )


def _described(one: Mapping[str, Any]) -> dict[str, str]:
    arrays = {name: array for name, array in one.items() if hasattr(array, "dtype")}
    return {
        name: f"{' x '.join(map(str, array.shape))} {array.dtype}"
        for name, array in arrays.items()
    }

"""Transforms of other libraries as steps, with random numbers of ours."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emcatalog.blocks.block import Block
from emcatalog.blocks.counter import Counter
from emcatalog.blocks.members import MAIN, MASK
from emcatalog.blocks.turned import MovedBlock
from emcatalog.errors import GeometryError, OptionError

SEED = 2**32
"""Seeds of other libraries stay below."""


@dataclass(frozen=True)
class Transform:
    """A step that passes the arrays of a block through ``transform``.

    ``transform`` is called with a dict of ``"image"``, ``"mask"`` (0 or 1, uint8) and
    the riders, each with a channel in front: (1, z, y, x). It gives a mapping back with
    the same names, of arrays or tensors on the CPU; dictionary transforms of MONAI do.
    Its random numbers belong to the block, if they can be set: one that has
    ``set_random_state``, as those of MONAI, is copied for each block and seeded with
    ``set_random_state(seed=number)``; any other is called within ``seeded(number)``, a
    context manager that seeds what it uses. Others must draw no numbers, or blocks are
    not the same in every process.

    If it ``moves`` voxels, nobody knows where they lie after it, so the block's
    `to_xarray` raises; ``place`` tells where they were read.
    """

    transform: Callable[[dict[str, Any]], Mapping[str, Any]]
    seeded: Callable[[int], AbstractContextManager[Any]] | None = None
    moves: bool = True
    stream: str = "transform"

    def __call__(self, block: Block, at: Counter) -> Block:
        """The block, transformed."""
        given = {MAIN: block.data, MASK: block.mask.astype(np.uint8), **block.riders}
        number = at.draws(self.stream).below(SEED)
        called: Any = self.transform
        around: AbstractContextManager[Any] = contextlib.nullcontext()
        if self.seeded is not None:
            around = self.seeded(number)
        elif hasattr(called, "set_random_state"):
            called = copy.deepcopy(called)  # other threads use it, too
            called.set_random_state(seed=number)
        with around:
            made = called({name: voxels[None] for name, voxels in given.items()})
        found = {name: _array(name, made, block) for name in given}
        shape = found[MAIN].shape
        same = self.moves or shape == block.data.shape
        if not same or any(each.shape != shape for each in found.values()):
            shapes = ", ".join(f"{name} {each.shape}" for name, each in found.items())
            raise GeometryError(
                entry=block.dataset,
                got=f"{shapes} from {called!r:.60}",
                expected=f"one shape{'' if self.moves else f', {block.data.shape}'}",
                hint="a transform of the image alone takes a dict and changes one of "
                "its arrays; moves=True allows other shapes",
            )
        told = {each.name: getattr(block, each.name) for each in fields(block)}
        real = found.pop(MASK) > 0.5
        told |= {"data": found.pop(MAIN), "real": real, "riders": found}
        if self.moves:
            told.pop("turn", None)
            return MovedBlock(**told)
        return type(block)(**told)


def _array(name: str, made: Any, block: Block) -> NDArray[Any]:
    try:
        found = np.asarray(made[name])
    except (KeyError, TypeError, ValueError) as error:
        raise OptionError(
            entry=block.dataset,
            got=f"no array {name!r:.60} from a transform: {error!r:.200}",
            expected="a mapping with the names that it was given",
        ) from None
    if found.ndim != 4 or found.shape[0] != 1:
        raise OptionError(
            entry=block.dataset,
            got=f"{name!r:.60} of shape {found.shape} from a transform",
            expected="(1, z, y, x)",
        )
    return np.ascontiguousarray(found[0])

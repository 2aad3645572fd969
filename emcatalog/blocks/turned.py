"""Blocks that were turned, and still know where their voxels lie."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from emcatalog.blocks.block import Block
from emcatalog.blocks.members import MAIN, MASK
from emcatalog.errors import GeometryError
from emcatalog.geometry import AXES, Triple


@dataclass(frozen=True)
class Turn:
    """Axes that change places, and are then turned round or not.

    Axis ``a`` of what is made is axis ``order[a]`` of what is given, from its end on if
    ``flips[a]``.

    >>> Turn((0, 2, 1), (False, True, False)).applied(np.array([[[1, 2], [3, 4]]]))
    array([[[2, 4],
            [1, 3]]])
    """

    order: Triple = (0, 1, 2)
    flips: tuple[bool, bool, bool] = (False, False, False)

    def applied(self, voxels: NDArray[Any]) -> NDArray[Any]:
        """``voxels``, turned; C order, a copy."""
        steps = tuple(slice(None, None, -1 if flip else 1) for flip in self.flips)
        return voxels.transpose(self.order)[steps].copy()

    def after(self, first: Turn) -> Turn:
        """This turn of what ``first`` has turned, as one."""
        z, y, x = (first.order[a] for a in self.order)
        a, b, c = (
            first.flips[axis] != flip
            for axis, flip in zip(self.order, self.flips, strict=True)
        )
        return Turn((z, y, x), (a, b, c))


@dataclass(frozen=True, eq=False)
class TurnedBlock(Block):
    """A block whose arrays were turned after reading, as ``turn`` says.

    ``place`` is where its voxels were read. `to_xarray` names the axes as they lie now,
    and labels each voxel where it is: ``.transpose("z", "y", "x").sortby(["z", "y",
    "x"])`` turns it back.
    """

    turn: Turn = field(default_factory=Turn)

    @property
    def mask(self) -> NDArray[np.bool_]:
        """True where a voxel is real; read-only where it is True everywhere."""
        whole = np.broadcast_to(np.bool_(True), self.data.shape)
        return whole if self.real is None else self.real

    def to_xarray(self) -> xr.Dataset:
        """``image``, ``mask`` and each rider, labelled by voxel centres in nm."""
        # labels of the place, which has another shape if its sides differ
        empty = np.broadcast_to(np.bool_(False), self.place.shape)
        plain = Block(empty, self.place).to_xarray()
        dims = tuple(AXES[axis] for axis in self.turn.order)
        steps = {
            dim: slice(None, None, -1)
            for dim, flip in zip(dims, self.turn.flips, strict=True)
            if flip
        }
        coords = plain.drop_vars((MAIN, MASK)).isel(steps)
        arrays: dict[str, Any] = {MAIN: self.data, MASK: self.mask, **self.riders}
        return coords.assign({name: (dims, each) for name, each in arrays.items()})


@dataclass(frozen=True, eq=False)
class MovedBlock(Block):
    """A block whose voxels were moved after reading; ``place`` is where they were."""

    @property
    def mask(self) -> NDArray[np.bool_]:
        """True where a voxel is real, as far as the transform has kept it."""
        whole = np.broadcast_to(np.bool_(True), self.data.shape)
        return whole if self.real is None else self.real

    def to_xarray(self) -> xr.Dataset:
        """Raise GeometryError: nobody knows where the voxels lie."""
        raise GeometryError(
            entry=self.dataset,
            got="a block of which a transform of another library has moved the voxels",
            expected="a block that knows where they lie",
            hint="Transform(..., moves=False) if it moves none; Mirror and Rotate tell "
            "how they turn",
        )


def turned(block: Block, turn: Turn) -> Block:
    """The block with data, mask and riders turned alike."""
    made: dict[str, Any] = {
        "data": turn.applied(block.data),
        "riders": {name: turn.applied(each) for name, each in block.riders.items()},
        "real": None if block.real is None else turn.applied(block.real),
    }
    if isinstance(block, MovedBlock):
        return replace(block, **made)
    told = {each.name: getattr(block, each.name) for each in fields(block)}
    before: Turn = told.pop("turn", Turn())
    return TurnedBlock(**{**told, **made}, turn=turn.after(before))

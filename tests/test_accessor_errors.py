"""What ``da.em`` refuses, and how it says so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

from backward_volume import GRID, Memory, lazy, ordinary
from emcatalog.errors import (
    CorruptError,
    GeometryError,
    LabelError,
    OptionError,
    UnitError,
)

STICKS_OUT = (
    r"^got block 0, of 5 x 5 x 5 voxels \(z, y, x\), which sticks out along 'z': "
    r"voxels -2 to 2; expected voxels 0 to 19; a centre from 104.44 up to, but "
    r"without, 151.8 nm has room. Try: take a smaller shape, or move the centre"
)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (
            {"center": (101, 0, 100), "shape": 5},
            LabelError,
            STICKS_OUT,
        ),
        ({"start": (0, 20, 0), "shape": 5}, LabelError, "along 'y': voxels 20 to 24"),
        ({"start": (0, 0, 0), "shape": 25}, LabelError, "expected voxels 0 to 19. Try"),
        ({"start": (0, 0, -1), "shape": 5}, LabelError, "along 'x': voxels -1 to 3"),
        ({"center": (1, 0, 0), "shape": 5}, LabelError, "the label 1 nm along 'z'"),
        ({"center": (120, 0)}, UnitError, "expected three lengths"),
        ({"center": "120 nm"}, UnitError, "expected three lengths"),
        ({"center": 120}, UnitError, "the centre 120; expected three lengths"),
        ({"center": (120, 0, "1 s")}, UnitError, "of dimension"),
        ({"center": (120, 0, float("nan"))}, LabelError, "nan"),
        ({}, OptionError, "neither a centre nor a start"),
        ({"center": (120, 0, 0), "start": (0, 0, 0)}, OptionError, "got both"),
        ({"start": (0, 0, 0), "shape": 0}, OptionError, "the shape 0; expected voxels"),
        ({"start": (0, 0, 0), "shape": (1, 2)}, OptionError, r"the shape \(1, 2\)"),
        ({"start": (0, 0, 0), "shape": 1.5}, OptionError, "the shape 1.5"),
        ({"start": (0, 0, 0), "shape": True}, OptionError, "the shape True"),
        ({"start": (0, 0)}, OptionError, "whole numbers"),
        ({"start": (0, 0, 0.5)}, OptionError, "whole numbers. Try: centres are in"),
        ({"start": 5}, OptionError, "whole numbers"),
    ],
)
def test_blocks_that_cannot_be(
    arguments: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        lazy().em.block(**arguments)


def test_many_are_refused_before_any_is_read() -> None:
    volume = Memory(GRID)
    with pytest.raises(LabelError, match="block 1, of 4 x 4 x 4"):
        lazy(volume).em.blocks(starts=[(0, 0, 0), (18, 0, 0)], shape=4)
    with pytest.raises(UnitError, match=r"centres of shape \(2, 4\)"):
        lazy(volume).em.blocks(np.zeros((2, 4)), 4)
    assert not volume.asked


@pytest.mark.parametrize(
    ("array", "kind", "message"),
    [
        (lazy().isel(z=3), GeometryError, r"got an array with {'y': 24, 'x': 28}"),
        (lazy().rename(z="t"), GeometryError, "expected dimensions z, y and x"),
        (lazy()[:0], GeometryError, "a voxel at least along each"),
        (lazy().drop_vars("y"), UnitError, "'y' without a coordinate in nanometres"),
        (ordinary().assign_coords(x=np.arange(28.0)), UnitError, "'x' without"),
        (
            ordinary().assign_coords(x=("x", np.arange(28.0), {"units": "um"})),
            UnitError,
            "'x' in 'um'; expected voxel centres in nanometres",
        ),
        (
            ordinary().assign_coords(x=("x", np.arange(28.0) ** 2, {"units": "nm"})),
            GeometryError,
            "not evenly spaced",
        ),
    ],
)
def test_arrays_that_have_no_blocks(
    array: xr.DataArray, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        array.em.block(start=(0, 0, 0), shape=2)
    with pytest.raises(kind, match=message):
        _ = array.em.voxel_size


def test_errors_of_reading_name_the_entry() -> None:
    class Broken(Memory):
        def read_many(self, regions: Any) -> Any:
            yield 0, self.read(regions[0])
            raise CorruptError(got="a chunk that does not decode")

    blocks = lazy(Broken(GRID)).em.blocks(starts=[(0, 0, 0), (1, 1, 1)], shape=2)
    assert next(blocks)[0] == 0
    with pytest.raises(CorruptError, match="^x: got a chunk"):
        next(blocks)

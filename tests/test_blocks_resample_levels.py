"""Which level is resampled, and that beads stay where they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from block_levels import levels
from block_volumes import labelled
from emcatalog.blocks import Points, members, plan
from emcatalog.blocks.datasets import finer
from emcatalog.driver import VolumeSource
from emcatalog.geometry import Grid
from emcatalog.record import Record
from emcatalog.volume import Pyramid


@pytest.mark.parametrize(
    ("wanted", "level"),
    [
        ((8.0, 4.0, 4.0), 0),
        ((16.0, 8.0, 8.0), 1),
        ((24.0, 12.0, 12.0), 1),  # nearest is the coarsest, which has lost too much
        ((31.0, 16.0, 16.0), 1),
        ((32.0, 16.0, 16.0), 2),
        ((16.0, 16.0, 7.0), 0),
        ((900.0, 900.0, 900.0), 2),
        ((2.0, 2.0, 2.0), 0),  # none is so fine
    ],
)
def test_the_nearest_finer_level_is_resampled(wanted: Any, level: int) -> None:
    made = levels(*[np.zeros(1)] * 3)
    found = finer(Pyramid(tuple(made), Record()), wanted)
    assert found == made[level].grid.voxel_size


class Cells(VolumeSource):
    """A source of three levels."""

    name = "cells"

    @staticmethod
    def open_pyramid(urlpath: str, transport: Any) -> Pyramid:
        shapes = ((12, 16, 20), (6, 8, 10), (3, 4, 5))
        return Pyramid(tuple(levels(*map(np.zeros, shapes))), Record())


def test_sources_are_resampled_from_it() -> None:
    wanted = (24.0, 12.0, 12.0)
    source = Cells("anywhere")
    assert source.pyramid.nearest(15.1) == 2  # the mean of 24, 12 and 12
    (found,) = members({"a": source}, (32.0, 20.0, 20.0), resample=True)
    (plain,) = members({"a": source}, (32.0, 15.0, 15.0))
    (finest,) = members({"a": source}, (32.0, 15.0, 15.0), resample=True)
    assert (found.level, plain.level, finest.level) == (2, 2, 1)
    (same,) = members({"a": source}, wanted, resample=True)
    assert same.level == 1
    assert same.grid.voxel_size == wanted


@pytest.mark.parametrize("size", [(4.0, 4.0, 4.0), (8.0, 3.0, 5.0), (16.0, 8.0, 8.0)])
@pytest.mark.parametrize("kind", ["image", ""])
def test_the_centroid_of_a_bead_stays(size: Any, kind: str) -> None:
    grid = Grid((40, 64, 64), (8.0, 4.0, 4.0), (100.0, 0.0, -8.0))
    centre = np.array([261.3, 128.7, 115.1])
    axes = np.meshgrid(*(grid.centres(a) for a in range(3)), indexing="ij")
    far = sum((c - o) ** 2 for c, o in zip(axes, centre, strict=True))
    voxels: Any = 1000 * np.exp(-far / (2 * 30.0**2))
    if not kind:  # labels: those of the nearest voxel
        voxels = (far < 75.0**2).astype(np.uint8)
    array = labelled(grid, voxels).assign_attrs(kind=kind)
    blocks = plan(
        {"a": array}, "240 nm", Points([centre]), voxel_size=size, resample=True
    )
    told = blocks[0].to_xarray().image.astype(float)
    assert told.em.voxel_size == size
    before = centroid(array.astype(float))
    limit = 0.05 if kind else 0.3  # the nearest of two voxels may be the upper
    for axis, step in enumerate(size):
        largest = max(step, grid.voxel_size[axis])
        assert abs(centroid(told)[axis] - before[axis]) < limit * largest


def centroid(array: Any) -> list[float]:
    total = float(array.sum())
    return [float((array * array[dim]).sum()) / total for dim in "zyx"]

"""Pyramids for the tests of samplers and statistics, and draws that are all drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import xarray as xr

from block_volumes import Sparse
from emcatalog.driver.array import to_dataset
from emcatalog.geometry import Grid
from emcatalog.record import Claim, Record
from emcatalog.volume import Pyramid

FINE = Grid((12, 16, 20), (8.0, 4.0, 4.0), (100.0, 0.0, -8.0))


def halved(grid: Grid, factor: int = 2) -> Grid:
    """The grid of which each voxel covers ``factor`` of ``grid`` along each axis."""
    z, y, x = (n // factor for n in grid.shape)
    a, b, c = (s * factor for s in grid.voxel_size)
    origin = [
        o + (factor - 1) * s / 2
        for o, s in zip(grid.origin, grid.voxel_size, strict=True)
    ]
    return Grid((z, y, x), (a, b, c), (origin[0], origin[1], origin[2]))


def levels(*wholes: Any, grid: Grid = FINE, factor: int = 2) -> list[Sparse]:
    """Volumes of these voxels, each coarser than the one before."""
    made = []
    for whole in wholes:
        made.append(Sparse(grid, whole))
        grid = halved(grid, factor)
    return made


def shown(volumes: Any, kind: str = "segmentation") -> xr.DataArray:
    """The finest of these volumes as a driver shows it."""
    record = Record((Claim("kind", kind, "file", "a test"),))
    dataset = to_dataset(Pyramid(tuple(volumes), record), 0, "x", {})
    return dataset["segmentation" if kind == "segmentation" else "image"]


def coarser(whole: Any, factor: int = 2) -> Any:
    """Every ``factor``-th voxel, as labels are often made coarser."""
    steps = slice(factor // 2, None, factor)
    z, y, x = (n // factor for n in whole.shape)
    return np.ascontiguousarray(whole[steps, steps, steps][:z, :y, :x])


class Script:
    """Numbers that are told in advance; it writes down of how many each was one."""

    def __init__(self, told: list[int]) -> None:
        self.told, self.counts = told, list[int]()

    def below(self, count: int) -> int:
        turn = len(self.counts)
        self.counts.append(count)
        if turn == len(self.told):
            self.told.append(0)
        return self.told[turn]


class At:
    """A counter with one script for all purposes."""

    seed = epoch = index = attempt = 0

    def __init__(self, script: Script) -> None:
        self.script = script

    def first(self) -> At:
        return self

    def draws(self, _: str) -> Script:
        return self.script


def outcomes(made: Callable[[Any], Any]) -> Iterator[tuple[Any, Fraction]]:
    """All that ``made`` can give, for all that can be drawn, and how likely each is."""
    told: list[int] = []
    while True:
        script = Script(told)
        result = made(script)
        chance = Fraction(1)
        for count in script.counts:
            chance /= count
        yield result, chance
        told = script.told[: len(script.counts)]
        while told and told[-1] + 1 == script.counts[len(told) - 1]:
            told.pop()
        if not told:
            return
        told[-1] += 1

"""Plan: which blocks an epoch has, and reading them; the two apart."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from emcatalog.blocks import missing as gaps
from emcatalog.blocks import padding
from emcatalog.blocks.block import Block, Voxels
from emcatalog.blocks.counter import Counter, whole
from emcatalog.blocks.datasets import members
from emcatalog.blocks.members import MAIN, Member
from emcatalog.blocks.normalize import normalized
from emcatalog.blocks.padding import Cut
from emcatalog.blocks.places import Place, spaces
from emcatalog.blocks.samplers import Random, Sampler, Way
from emcatalog.errors import MissingError, OptionError

Step = Callable[[Block, Counter], Block]
"""What is done with a block after reading: a pure, picklable function of both."""

Where = Callable[[Block], bool]
"""Whether a block is taken, as it was read: a pure, picklable function."""

MOST_PLACES = 1000
"""Places that are tried for one block of a plan with ``where``."""


def plan(  # noqa: PLR0913 - all that a plan is
    arrays: Any,
    size: Any = 128,
    sampler: Way | None = None,
    *,
    voxel_size: Any = "native",
    resample: bool = False,
    pad: str = "never",
    missing: str = "raise",
    where: Where | None = None,
    normalize: Any = None,
    seed: int = 0,
) -> Plan:
    """Blocks of ``size`` at the places that ``sampler`` chooses in ``arrays``.

    - ``arrays``: one dataset or a mapping of names to datasets, with riders if need be;
      ``voxel_size`` (nm) chooses the level of each, ``resample`` makes voxels just so
      large: see `members`.
    - ``size``: one number or three (z, y, x); whole numbers are voxels, texts such as
      ``"1 um"`` and quantities are lengths.
    - ``sampler``: `Random` (the default), `Tiles`, `Stratified`, `Points`;
      `Foreground`, `Balanced` and `Weighted`, which look at coarse levels now.
    - ``pad``: "never", or what stands where a block sticks out: "reflect", "edge" or
      "constant" (zeros). Random blocks stick out only of axes that are too short.
    - ``missing``: what if voxels are not stored, or not numbers: "raise"; "mask" marks
      them in the block's mask; "skip" takes another place instead, and says so in
      `Block.skipped`; "fill" takes the source's fill value for data, and asks nothing.
      Of riders the fill value is taken: in labels it means background.
    - ``where``: takes another place instead of a block for which it is not True, and
      says so in `Block.skipped`; such as `Enough`.
    - ``normalize``: "percentile", "zscore" or statistics of each dataset: see
      `Normalize`, of which it is the first step. Names look at each dataset now.
    - ``seed``: another one gives other random places.

    Else only metadata are read. Raises GeometryError for a block that is larger than
    its volume, OptionError for what does not fit, and what `members` raises.
    """
    found = members(arrays, voxel_size, resample)
    mode, policy = padding.checked(pad), gaps.checked(missing)
    rooms = tuple(spaces(found, size, mode != padding.NEVER))
    made = (sampler or Random()).over(rooms)
    if (policy == "skip" or where) and not made.redraws:
        told = "missing='skip'" if policy == "skip" else f"where={where!r:.60}"
        raise OptionError(
            got=f"{told} with {made.describe()}",
            expected="random places, of which another can be drawn",
            hint="missing='mask' marks what is not there; Random() and others redraw",
        )
    steps = (normalized(found, normalize),) if normalize is not None else ()
    drawn, indices = whole(seed, "seed"), range(len(made))
    return Plan(found, made, indices, drawn, 0, mode, policy, where, steps)


@dataclass(frozen=True, eq=False)
class Plan(Sequence[Block]):
    """A sequence of blocks of known length, of which nothing is read until it is asked.

    ``plan[i]`` is a pure function of the seed, the epoch and ``i``: the same block in
    any process, on any machine, in any order. A plan is small whatever its length, and
    can be pickled; slices of it are plans. Made by `plan`.

    >>> import xarray as xr
    >>> from emcatalog.geometry import Grid
    >>> from emcatalog.index import voxel_coords
    >>> grid = Grid((60, 64, 64), (50.0, 4.0, 4.0))
    >>> array = xr.DataArray(np.ones(grid.shape, "u1"), voxel_coords(grid))
    >>> blocks = plan({"cells": array}, (16, 32, 32), Random(1000))
    >>> len(blocks), blocks[7].data.shape, blocks[7].place == blocks.place(7)
    (1000, (16, 32, 32), True)
    """

    members: tuple[Member, ...]
    sampler: Sampler
    indices: range
    seed: int
    number: int = 0
    pad: str = padding.NEVER
    missing: str = "raise"
    where: Where | None = None
    steps: tuple[Step, ...] = ()

    def __len__(self) -> int:
        return len(self.indices)

    @overload
    def __getitem__(self, index: int) -> Block: ...

    @overload
    def __getitem__(self, index: slice) -> Plan: ...

    def __getitem__(self, index: int | slice) -> Block | Plan:
        """Block ``index``, read; or, of a slice, the plan of these blocks."""
        if isinstance(index, slice):
            return replace(self, indices=self.indices[index])
        return self._block(self.counter(index))

    def counter(self, index: int) -> Counter:
        """Where numbers for block ``index`` are drawn. IndexError beyond the end."""
        return Counter(self.seed, self.number, self.indices[index])

    def place(self, index: int) -> Place:
        """Where block ``index`` lies, without reading; of "skip" the first attempt."""
        return self.sampler.place(self.counter(index))

    def epoch(self, number: int) -> Plan:
        """The same plan in another epoch: random places are drawn anew."""
        return replace(self, number=whole(number, "epoch"))

    def shard(self, rank: int, world: int) -> Plan:
        """Every ``world``-th block from ``rank`` on: shards share none, and miss none.

        Their lengths differ by one where ``world`` does not divide that of the plan.
        """
        count = whole(world, "world", least=1)
        if whole(rank, "rank") >= count:
            raise OptionError(got=f"rank {rank} of {world}", expected="a rank below it")
        return self[rank::count]

    def from_step(self, step: int) -> Plan:
        """What is left of the epoch after ``step`` blocks."""
        return self[whole(step, "step") :]

    def then(self, step: Step) -> Plan:
        """The plan whose blocks go through ``step(block, counter)`` after reading."""
        return replace(self, steps=(*self.steps, step))

    def read_many(self, indices: Sequence[int]) -> Iterator[tuple[int, Block]]:
        """``(index, its block)`` as they come, each once for each time it is named.

        Blocks of one dataset are read together: what they have in common is fetched
        and decoded once where the engine can, with many requests in flight and in
        bounded memory. The blocks are those of ``plan[i]``.
        """
        grouped: dict[int, list[tuple[int, Counter, Place]]] = {}
        for index in indices:
            at = self.counter(index)
            place = self.sampler.place(at)
            grouped.setdefault(place.member, []).append((index, at, place))
        for number, wanted in grouped.items():
            member = self.members[number]
            cuts = [Cut.of(place, member.within, self.pad) for _, _, place in wanted]
            for turn, read in member.read_many([cut.region for cut in cuts]):
                index, at, place = wanted[turn]
                yield index, self._finished(at, place, cuts[turn], read)

    def _block(self, at: Counter) -> Block:
        return self._finished(at, *self._read(at))

    def _read(self, at: Counter) -> tuple[Place, Cut, Mapping[str, Voxels]]:
        place = self.sampler.place(at)
        member = self.members[place.member]
        cut = Cut.of(place, member.within, self.pad)
        return place, cut, member.read(cut.region)

    def _finished(
        self, at: Counter, place: Place, cut: Cut, read: Mapping[str, Voxels]
    ) -> Block:
        """The block made of what was ``read`` of ``cut``, or of another attempt."""
        skipped: list[Place] = []
        while not isinstance(made := self._made(place, cut, read), Block):
            skipped.append(place)
            if len(skipped) == (gaps.ATTEMPTS if self.where is None else MOST_PLACES):
                raise _none(skipped, made)
            at = at.again()
            place, cut, read = self._read(at)
        block = replace(made, skipped=tuple(skipped)) if skipped else made
        return functools.reduce(lambda done, step: step(done, at), self.steps, block)

    def _made(self, place: Place, cut: Cut, read: Mapping[str, Voxels]) -> Block | str:
        """The block as it was read; or, if another is to be taken, why."""
        member = self.members[place.member]
        real = None
        if self.missing != "fill":
            real = gaps.held(member.image, cut.region, read[MAIN])
        if real is not None and self.missing != "mask":
            if self.missing == "raise":
                raise _missing(place, real)
            return "missing voxels"
        made = {name: cut.filled(voxels) for name, voxels in read.items()}
        data, real = made.pop(MAIN), cut.spread(real)
        block = Block(data, place, member.record, made, real)
        return (
            block
            if self.where is None or self.where(block)
            else "voxels that where= refuses"
        )

    def __repr__(self) -> str:
        return "\n".join(_lines(self))


def _none(skipped: Sequence[Place], why: str) -> MissingError:
    return MissingError(
        entry=skipped[-1].dataset,
        got=f"{why} at {len(skipped)} places in turn, the last {skipped[-1].box} nm",
        expected="a place where all voxels are stored, and where= is True",
        hint="take a part that has such places with .sel; Foreground and Weighted find "
        "them on a coarse level",
    )


def _missing(place: Place, real: NDArray[np.bool_]) -> MissingError:
    return MissingError(
        entry=place.dataset,
        got=f"{np.count_nonzero(~real)} of {real.size} voxels that are not stored, or "
        f"no numbers, in the block {place.box} nm (z, y, x)",
        expected="voxels",
        hint="missing='mask' marks them, 'skip' takes another place, 'fill' takes them "
        "as they are",
    )


def _lines(shown: Plan) -> Iterator[str]:
    first = shown.place(0).shape if len(shown) else ()
    sides = " x ".join(map(str, first)) or "no"
    yield (
        f"<Plan of {len(shown):,} blocks of {sides} voxels (z, y, x), "
        f"epoch {shown.number}, seed {shown.seed}>"
    )
    yield f"{shown.sampler.describe()}; pad={shown.pad!r}, missing={shown.missing!r}"
    for member in shown.members:
        shape = " x ".join(map(str, member.within.shape))
        size = " x ".join(f"{s:g}" for s in member.grid.voxel_size)
        riders = f", with {', '.join(member.riders)}" if member.riders else ""
        voxels = f"{shape} voxels of {size} nm, level {member.level}"
        yield f"  {member.name}: {voxels}{riders}"
    yield "plan[0] reads a block, plan.place(0) tells where it lies, plan.epoch(1) is"
    yield "the next epoch; plan[:100] and plan.shard(0, 2) are plans, too"

"""Blocks read ahead: the plan's own, in bounded memory, errors at their place."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from block_volumes import labelled, lazy, numbered, sparse
from emcatalog.blocks import Block, Counter, Plan, Points, Random, Tiles, plan
from emcatalog.blocks.batching import batches, stacked
from emcatalog.blocks.prefetch import RUN, prefetch
from emcatalog.errors import MemoryLimitError, OptionError, TruncatedError
from emcatalog.geometry import Grid, Region
from emcatalog.volume import allowing, ensure_fits

GRID = Grid((12, 16, 20), (8.0, 4.0, 4.0))


def mixed(count: int = 40, **options: Any) -> Plan:
    arrays = {
        "a": {"image": lazy(sparse()), "cells": lazy(sparse())},
        "b": labelled(Grid((6, 9, 7), (8.0, 4.0, 4.0))),
    }
    return plan(arrays, (4, 5, 6), Random(count), **options)


def workers() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name.startswith("emcatalog blocks")]


def settle(condition: Callable[[], bool]) -> None:
    """Wait until it is so; the tests' own timeout ends what never is."""
    while not condition():
        time.sleep(0.001)


def assert_alike(one: Block, other: Block) -> None:
    assert one.place == other.place
    np.testing.assert_array_equal(one.data, other.data)
    assert one.riders.keys() == other.riders.keys()
    for name, voxels in one.riders.items():
        np.testing.assert_array_equal(voxels, other.riders[name])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 30), st.integers(1, 5), st.integers(0, 5000), st.booleans())
def test_they_are_the_plans_blocks(
    count: int, threads: int, memory: int, in_order: bool
) -> None:
    made = mixed(30)[:count]
    found = list(prefetch(made, threads=threads, memory=memory, in_order=in_order))
    indices = [index for index, _ in found]
    assert sorted(indices) == list(range(count))
    assert not in_order or indices == sorted(indices)
    for index, block in found:
        assert_alike(block, made[index])
    assert not workers()


@dataclass(frozen=True)
class Gated:
    """A volume that holds back what it is asked for until the test lets it go."""

    grid: Grid
    dtype: Any = field(default_factory=lambda: np.dtype(np.uint32))
    chunks: tuple[int, int, int] = (4, 4, 4)
    shut: set[int] = field(default_factory=set)
    opened: threading.Condition = field(default_factory=threading.Condition)
    seen: list[int] = field(default_factory=list)

    def read(self, region: Region) -> Any:
        first = region.start[2]
        self.seen.append(first)
        with self.opened:
            self.opened.wait_for(lambda: first not in self.shut)
        return numbered(self.grid.shape)[region.slices].copy()

    def read_many(self, regions: Any) -> Any:
        return ((i, self.read(region)) for i, region in enumerate(regions))

    def stored(self, region: Region) -> Any:
        return np.ones(region.shape, np.bool_)

    def open(self, *firsts: int) -> None:
        with self.opened:
            self.shut.difference_update(firsts)
            self.opened.notify_all()


def rows(volume: Any) -> Plan:
    """Block i begins at voxel i of x and takes 4 + 1 bytes."""
    centres = [(0, 0, 4.0 * x) for x in range(volume.grid.shape[2])]
    return plan(lazy(volume), 1, Points(centres))


COST = 5


def gated(*shut: int) -> Gated:
    return Gated(Grid((1, 1, 60), (4.0, 4.0, 4.0)), shut=set(shut))


def test_memory_is_bounded_and_used() -> None:
    volume = gated()
    flow = prefetch(rows(volume), threads=1, memory=20 * COST)
    for taken in range(1, 31):
        assert next(flow)[0] == taken - 1
        # runs of 8 begin while all that is held fits into the memory of 20
        begun = (taken + 20) // RUN * RUN
        settle(lambda wanted=begun: len(volume.seen) >= wanted)  # type: ignore[misc]
        assert len(volume.seen) == begun
    flow.close()
    assert not workers()


def test_a_block_larger_than_the_memory_is_read_alone() -> None:
    volume = gated()
    flow = prefetch(rows(volume), threads=3, memory=1)
    for taken in range(1, 20):
        next(flow)
        settle(lambda wanted=taken: len(volume.seen) == wanted + 1)  # type: ignore[misc]
    flow.close()
    assert len(volume.seen) == 20


def test_in_order_they_wait_and_else_they_come() -> None:
    volume = gated(0)
    flow = prefetch(rows(volume), threads=2, in_order=False)
    others = [next(flow)[0] for _ in range(RUN)]
    assert sorted(others) == list(range(RUN, 2 * RUN))
    volume.open(0)
    assert sorted(index for index, _ in flow) == [*range(RUN), *range(2 * RUN, 60)]

    volume = gated(0)
    flow = prefetch(rows(volume), threads=2)
    threading.Thread(
        target=lambda: (settle(lambda: len(volume.seen) > RUN), volume.open(0))
    ).start()
    assert [index for index, _ in flow] == list(range(60))


@pytest.mark.parametrize("how", ["closed", "dropped", "failed"])
def test_it_ends_when_it_is_left(how: str) -> None:
    volume = gated()
    flow = prefetch(rows(volume), threads=2, memory=RUN * 4 * COST)
    assert next(flow)[0] == 0
    if how == "closed":
        flow.close()
    elif how == "dropped":
        del flow
        gc.collect()
    else:
        with pytest.raises(ZeroDivisionError):
            flow.throw(ZeroDivisionError)
    assert not workers()
    assert len(volume.seen) <= 1 + 4 * RUN


def test_nothing_begins_before_the_first_is_asked_for() -> None:
    volume = gated()
    flow = prefetch(rows(volume))
    assert not workers()
    flow.close()
    assert volume.seen == []


def explode_at_21(block: Block, at: Counter) -> Block:
    if at.index == 21:
        raise TruncatedError(got="7 bytes", expected="64")
    return block


@pytest.mark.parametrize("threads", [1, 4])
def test_what_is_raised_is_raised_at_its_place(threads: int) -> None:
    made = mixed().then(explode_at_21)
    found: list[int] = []
    with pytest.raises(TruncatedError, match="got 7 bytes"):
        found.extend(index for index, _ in prefetch(made, threads=threads))
    assert found == list(range(21))
    assert not workers()
    with pytest.raises(TruncatedError):
        list(prefetch(made, threads=threads, in_order=False))
    assert not workers()


def test_a_block_that_comes_when_asked_again_is_no_failure() -> None:
    failing = {"left": 1}

    class Shaky(Gated):
        def read_many(self, regions: Any) -> Any:
            for i, region in enumerate(regions):
                if region.start[2] == 5 and failing["left"]:
                    failing["left"] -= 1
                    raise TruncatedError(got="7 bytes", expected="64")
                yield i, self.read(region)

    volume = Shaky(Grid((1, 1, 60), (4.0, 4.0, 4.0)))
    values = [int(block.data[0, 0, 0]) for _, block in prefetch(rows(volume))]
    assert values == list(range(1, 61))
    assert failing["left"] == 0


def test_limits_of_the_caller_hold_in_its_threads() -> None:
    class Limited(Gated):
        def read(self, region: Region) -> Any:
            ensure_fits((1000,), self.dtype)
            return super().read(region)

    made = rows(Limited(Grid((1, 1, 60), (4.0, 4.0, 4.0))))
    with allowing("1 KiB"), pytest.raises(MemoryLimitError):
        next(prefetch(made))
    assert next(prefetch(made))[0] == 0


@pytest.mark.parametrize("wrong", [{"threads": 0}, {"memory": "much"}])
def test_arguments_are_checked_at_once(wrong: Any) -> None:
    with pytest.raises(OptionError):
        prefetch(mixed(), **wrong)
    with pytest.raises(OptionError):
        batches(mixed(), 4, **wrong)
    with pytest.raises(OptionError, match="size=0"):
        batches(mixed(), 0)


def test_batches_are_stacked_blocks() -> None:
    arrays = {"image": lazy(sparse()), "cells": lazy(sparse())}
    made = plan({"a": arrays}, (4, 5, 6), Random(10), missing="mask").epoch(3)[1:]
    found = list(batches(made, 4))
    assert [len(batch["index"]) for batch in found] == [4, 4, 1]
    assert [len(b["index"]) for b in batches(made, 4, drop_last=True)] == [4, 4]
    for number, batch in enumerate(found):
        assert batch["image"].shape[1:] == batch["mask"].shape[1:] == (4, 5, 6)
        for row, index in enumerate(batch["index"]):
            assert index == 1 + 4 * number + row
            block = made[int(index) - 1]
            for name, voxels in [("image", block.data), *block.riders.items()]:
                np.testing.assert_array_equal(batch[name][row], voxels)
            np.testing.assert_array_equal(batch["mask"][row], block.mask)
            np.testing.assert_array_equal(batch["box"][row], block.box)
            assert (batch["dataset"][row], batch["epoch"][row]) == ("a", 3)
    assert not workers()


def test_batches_may_be_left() -> None:
    flow = batches(mixed()[::2], 2)
    with pytest.raises(OptionError):  # "b" has no cells
        list(flow)
    flow = batches(plan(labelled(GRID), 4, Random(40)), 2)
    next(flow)
    assert workers()
    flow.close()
    assert not workers()


def test_blocks_that_cannot_be_stacked_say_why() -> None:
    partial = plan({"a": labelled(GRID)}, 8, Tiles(edge="partial"))
    with pytest.raises(OptionError, match=r"'image' of 8 x 8 x 4 uint32 beside 8 x 8"):
        list(batches(partial, 8))
    assert sum(len(b["index"]) for b in batches(partial, 1)) == len(partial)
    two = {"a": labelled(GRID), "b": labelled(GRID, numbered(GRID.shape, "u2"))}
    with pytest.raises(OptionError, match=r"uint16 beside .* uint32 of 'a'"):
        list(batches(plan(two, 12 // 3, Tiles()), 1000))
    with pytest.raises(OptionError, match="'cells' of"):
        list(batches(mixed(), 40))


def test_riders_have_names_of_their_own() -> None:
    arrays = {"image": labelled(GRID), "box": labelled(GRID)}
    with pytest.raises(OptionError, match="a: got a rider with the name 'box'"):
        next(batches(plan({"a": arrays}, 4), 2))


def test_stacked_arrays_are_new() -> None:
    one = {"image": np.zeros((1, 2, 3)), "dataset": "a"}
    assert not np.shares_memory(stacked([one])["image"], one["image"])
    assert stacked([one, one])["dataset"] == ["a", "a"]

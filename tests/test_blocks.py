"""Plans: pure, small, and equal to their sources voxel for voxel."""

from __future__ import annotations

import hashlib
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from itertools import chain
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from block_volumes import HEMIBRAIN, Sparse, labelled, lazy, numbered, sparse
from emcatalog.blocks import (
    Block,
    Counter,
    Plan,
    Random,
    Tiles,
    plan,
)
from emcatalog.errors import OptionError
from emcatalog.geometry import Grid

SHAPE = (12, 16, 20)
GRID = Grid(SHAPE, (8.0, 4.0, 4.0), (100.0, 0.0, -8.0))


def small(**options: Any) -> Plan:
    arrays = {"a": lazy(sparse()), "b": labelled(Grid((6, 9, 7), (8.0, 4.0, 4.0)))}
    return plan(arrays, (4, 5, 6), Random(40), **options)


def digest(made: Plan, indices: Any) -> list[str]:
    """What blocks are, in another process too."""
    found = []
    for index in indices:
        block = made[index]
        told = hashlib.sha256(block.data.tobytes())
        told.update(repr((block.place, block.data.shape, block.skipped)).encode())
        found.append(told.hexdigest())
    return found


def test_a_plan_is_a_sequence() -> None:
    made = small()
    assert len(made) == 40
    assert len(list(made[::7])) == 6
    assert made[-1].place == made[39].place == made.place(np.int64(39))
    assert [b.place for b in made[5:9][1:]] == [made.place(i) for i in (6, 7, 8)]
    for wrong in (40, -41):
        with pytest.raises(IndexError):
            made[wrong]


def test_a_block_tells_all_about_itself() -> None:
    source = lazy(sparse())
    block = plan({"cells": source}, (4, 5, 6), Random(9))[3]
    place = block.place
    box = dict(zip("zyx", map(slice, place.start, place.stop), strict=True))
    expected = source.isel(box)
    assert (block.dataset, block.level) == ("cells", 0)
    assert dict(zip("zyx", map(slice, *block.box), strict=True)) == expected.em.box
    told = block.to_xarray()
    xr.testing.assert_identical(
        told.image.coords.to_dataset(), expected.coords.to_dataset()
    )
    np.testing.assert_array_equal(told.image, expected)
    assert told.mask.all()
    assert told.attrs["dataset"] == "cells"
    assert pickle.loads(pickle.dumps(block)).place == place


KINDS = {
    "lazy": lambda: lazy(sparse()),
    "sliced": lambda: lazy(sparse((20, 24, 28))).isel(
        z=slice(3, 15), y=slice(8, None), x=slice(0, 20)
    ),
    "memory": lambda: labelled(GRID),
    "dask": lambda: labelled(GRID).chunk({"z": 5}),
    "dask of ours": lambda: lazy(sparse()).chunk({"z": 4}),
    "swapped": lambda: labelled(GRID, numbered(SHAPE, ">u2")),
    "relabelled": lambda: (
        lazy(sparse((24, 16, 20)))
        .isel(z=slice(None, None, 2))
        .pipe(lambda da: __import__("emcatalog.index").index.relabel(da, {"z": 16}))
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", [Random(12), Tiles(halo=1)], ids=["random", "tiles"])
def test_blocks_are_voxels_of_their_source(kind: str, way: Any) -> None:
    source = KINDS[kind]()
    whole = source.values
    made = plan(source, (4, 5, 6), way)
    blocks = dict(enumerate(made)) | {}
    for index, block in blocks.items():
        part = tuple(map(slice, block.place.start, block.place.stop))
        np.testing.assert_array_equal(block.data, whole[part])
        assert block.data.dtype == whole.dtype.newbyteorder("=")
        assert block.data.flags.c_contiguous
        assert block.data.flags.writeable
        assert block.mask.all()
        assert block.place == made.place(index)
    block.data[:] = 0
    np.testing.assert_array_equal(source.values, whole)


def test_many_are_read_as_one_by_one() -> None:
    made = small()
    wanted = [5, 3, 3, -1, 20]
    found = list(made.read_many(wanted))
    assert sorted(index for index, _ in found) == sorted(wanted)
    for index, block in found:
        np.testing.assert_array_equal(block.data, made[index].data)
        assert block.place == made.place(index)


def test_nothing_is_read_before_it_is_asked_for() -> None:
    volume = sparse()
    made = plan(lazy(volume), 4)
    repr(made), made.place(3), made.epoch(1), made[3:5], pickle.dumps(made)
    assert volume.seen == volume.asked == []
    made[0]
    assert len(volume.seen) == 1
    assert volume.asked == []  # no piece of storage is of one value


def test_a_plan_of_hemibrain_is_small() -> None:
    source = lazy(Sparse(HEMIBRAIN, chunks=(64, 64, 64)))
    made = plan({"hemibrain": source}, 128)
    assert len(made) == 269 * 309 * 324 == 26_931_204
    attributes = pickle.dumps(dict(source.attrs))
    assert len(pickle.dumps(made)) < 2000 + len(attributes)
    last = plan({"hemibrain": source}, 128, Tiles(shuffle=True)).epoch(3)
    assert len(pickle.dumps(last)) < 2000 + len(attributes)
    assert last.place(len(last) - 1).shape == (128, 128, 128)
    assert len(made[1_000_000::7].shard(3, 8)) == 463_057


@given(st.integers(0, 2**60), st.integers(0, 9), st.integers(0, 39))
def test_blocks_are_pure(seed: int, epoch: int, index: int) -> None:
    one, other = small(seed=seed), pickle.loads(pickle.dumps(small(seed=seed)))
    other.epoch(epoch + 1)[0]
    assert one.epoch(epoch).place(index) == other.epoch(epoch).place(index)
    block, again = one.epoch(epoch)[index], other[::-1].epoch(epoch)[39 - index]
    np.testing.assert_array_equal(block.data, again.data)


def test_epochs_and_seeds_differ() -> None:
    made = small()
    ways = [made, made.epoch(1), made.epoch(2**40), small(seed=1)]
    told = [tuple(w.place(i) for i in range(40)) for w in ways]
    assert len(set(told)) == 4
    assert told[0] == tuple(made.epoch(1).epoch(0).place(i) for i in range(40))


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_blocks_are_the_same_in_other_processes(method: str) -> None:
    made = small(missing="skip").epoch(2).from_step(3)
    here = digest(made, range(len(made)))
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        halves = [
            pool.submit(digest, made.shard(r, 2), range(n))
            for r, n in ((0, 19), (1, 18))
        ]
        even, odd = (half.result() for half in halves)
    assert (even, odd) == (here[::2], here[1::2])


@given(st.integers(1, 8), st.integers(0, 40))
def test_shards_and_steps_part_an_epoch(world: int, step: int) -> None:
    made = small()
    left = made.from_step(step)
    parts = [
        [left.shard(r, world).indices[i] for i in range(len(left.shard(r, world)))]
        for r in range(world)
    ]
    assert sorted(chain.from_iterable(parts)) == list(range(step, 40))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def add_index(block: Block, at: Counter) -> Block:
    from dataclasses import replace

    more = at.draws("test").below(100)
    return replace(block, data=block.data.astype(np.float32) + more)


def test_steps_are_pure_functions_of_block_and_counter() -> None:
    made = small().then(add_index).epoch(1)
    found = [made[i].data - small().epoch(1)[i].data for i in range(40)]
    assert all(len(np.unique(part)) == 1 for part in found)
    assert len({float(part[0, 0, 0]) for part in found}) > 10
    again = pickle.loads(pickle.dumps(made))
    np.testing.assert_array_equal(again[7].data, made[7].data)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pad": "zeros"}, "got pad='zeros'; expected 'never', 'reflect'"),
        ({"missing": None}, "got missing=None; expected 'raise', 'fill'"),
        ({"seed": -1}, "got seed=-1"),
        ({"sampler": Tiles(), "missing": "skip"}, "missing='mask' marks"),
        ({"sampler": Random(0)}, "got count=0"),
        ({"sampler": Random("many")}, "got count='many'"),
    ],
)
def test_options_that_do_not_fit(options: Any, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        plan(labelled(GRID), 4, **options)
    assert message in str(caught.value)


def test_shards_and_epochs_that_cannot_be() -> None:
    made = small()
    for wrong in (
        lambda: made.shard(2, 2),
        lambda: made.shard(0, 0),
        lambda: made.epoch(-1),
    ):
        with pytest.raises(OptionError):
            wrong()


def test_a_plan_shows_what_it_is() -> None:
    arrays = {"a": lazy(sparse()), "b": labelled(GRID)}
    shown = repr(plan(arrays, 5, Tiles(halo=1, edge="drop")))
    assert (
        "<Plan of 144 blocks of 5 x 5 x 5 voxels (z, y, x), epoch 0, seed 0>" in shown
    )
    assert "a: 12 x 16 x 20 voxels of 8 x 4 x 4 nm, level 0" in shown
    assert "nobody writes (3, 4, 2) voxels of a, (3, 4, 2) voxels of b" in shown
    assert "pad='never', missing='raise'" in shown
    assert "plan.place(0)" in shown

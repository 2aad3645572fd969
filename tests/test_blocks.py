"""Plans: pure, small, and equal to their sources voxel for voxel."""

from __future__ import annotations

import hashlib
import itertools
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from itertools import chain
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from block_volumes import HEMIBRAIN, Sparse, labelled, lazy, numbered, sparse
from emcatalog.blocks import (
    Block,
    Counter,
    Plan,
    Points,
    Random,
    Stratified,
    Tiles,
    plan,
)
from emcatalog.errors import GeometryError, MissingError, OptionError, TruncatedError
from emcatalog.geometry import Grid, Region

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


def padded(shape: tuple[int, ...], start: Any, size: Any, mode: str) -> Any:
    """What numpy.pad says of a block that sticks out."""
    voxels = numbered(shape)
    low = [max(0, -a) for a in start]
    high = [max(0, a + n - s) for a, n, s in zip(start, size, shape, strict=True)]
    wide = np.pad(voxels, list(zip(low, high, strict=True)), mode)
    part = (slice(a + b, a + b + n) for a, b, n in zip(start, low, size, strict=True))
    return wide[tuple(part)]


@settings(max_examples=60)
@given(st.data(), st.sampled_from(["reflect", "edge", "constant"]))
def test_padding_is_that_of_numpy(data: st.DataObject, mode: str) -> None:
    side = st.integers(1, 6)
    shape, size = (
        data.draw(st.tuples(side, side, side)),
        data.draw(st.tuples(side, side, side)),
    )
    grid = Grid(shape, (2.0, 2.0, 2.0))
    centre = [data.draw(st.integers(0, n - 1)) for n in shape]
    volume = Sparse(grid, numbered(shape))
    made = plan(lazy(volume), size, Points([[2.0 * c for c in centre]]), pad=mode)
    block = made[0]
    start = tuple(c - n // 2 for c, n in zip(centre, size, strict=True))
    assert block.place.start == start
    np.testing.assert_array_equal(block.data, padded(shape, start, size, mode))
    np.testing.assert_array_equal(
        block.mask, padded(shape, start, size, "constant") > 0
    )


@pytest.mark.parametrize("mode", ["reflect", "edge", "constant"])
def test_thin_volumes_do_not_vanish(mode: str) -> None:
    grid = Grid((5, 40, 40), (50.0, 4.0, 4.0))
    made = plan({"thin": labelled(grid)}, 16, Random(30), pad=mode)
    starts = {made.place(i).start[0] for i in range(30)}
    assert len(made) == 30
    assert starts <= set(range(-11, 1))
    assert len(starts) > 5
    for block in made:
        assert block.data.shape == (16, 16, 16)
        assert block.mask.sum() == 5 * 16 * 16
        expected = {"constant": {0}, "reflect": set(), "edge": set()}[mode]
        assert (
            set(block.data[~block.mask].tolist()) - set(numbered(grid.shape).ravel())
            == expected
        )


def test_thin_volumes_without_padding_name_the_remedy() -> None:
    grid = Grid((16, 300, 300), (50.0, 4.0, 4.0))
    with pytest.raises(GeometryError) as caught:
        plan({"thin": labelled(grid)})
    message = str(caught.value)
    assert "thin: got blocks of 128 x 128 x 128 voxels in 16 x 300 x 300" in message
    assert "pad='reflect', 'edge' or 'constant', or size=(16, 128, 128)" in message


ABSENT = frozenset({(0, 0, 0), (1, 2, 2), (2, 3, 4)})


def test_missing_voxels_raise_by_default() -> None:
    made = plan({"s": lazy(sparse(absent=ABSENT))}, 6, Points([[124, 12, 4]]))
    with pytest.raises(
        MissingError, match=r"s: got \d+ of 216 voxels .*missing='mask'"
    ):
        made[0]
    with pytest.raises(MissingError):
        list(made.read_many([0]))


@settings(max_examples=40)
@given(
    st.sets(st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 4))),
    st.integers(0, 99),
)
def test_masks_are_what_the_source_says(absent: Any, index: int) -> None:
    volume = sparse(absent=frozenset(absent))
    cut = lazy(volume).isel(z=slice(1, None), y=slice(2, None))
    block = plan(cut, (3, 5, 7), Random(100), missing="mask")[index]
    z, y, x = block.place.start
    region = Region((z + 1, y + 2, x), (z + 4, y + 7, x + 7))
    np.testing.assert_array_equal(block.mask, volume.held(region))
    assert (block.real is None) == block.mask.all()


def test_fill_takes_what_comes_and_asks_nothing() -> None:
    volume = sparse(absent=ABSENT)
    block = plan(lazy(volume), SHAPE, Random(1), missing="fill")[0]
    assert block.mask.all()
    assert (block.data == 0).sum() == 3 * 64
    assert volume.asked == []


def test_one_value_that_is_stored_is_no_gap() -> None:
    volume = Sparse(Grid((8, 8, 8), (4.0, 4.0, 4.0)))
    block = plan(lazy(volume), 6, Random(1))[0]
    assert block.mask.all()
    assert len(volume.asked) == 1


def test_skipped_blocks_are_told_and_replaced_by_pure_ones() -> None:
    volume = sparse(absent=ABSENT)
    made = plan(lazy(volume), 5, Random(100), missing="skip")
    blocks = dict(made.read_many(range(100)))
    skipped = [b for b in blocks.values() if b.skipped]
    assert 5 < len(skipped) < 95
    for index, block in blocks.items():
        assert volume.held(Region(block.place.start, block.place.stop)).all()
        np.testing.assert_array_equal(block.data, made[index].data)
        assert (block.place, block.skipped) == (made[index].place, made[index].skipped)
        places = [*block.skipped, block.place]
        assert places[0] == made.place(index)
        assert len(set(places)) == len(places)


@pytest.mark.parametrize("way", [Random(200, "equal"), Stratified(200, "equal")])
def test_skipping_keeps_to_its_dataset(way: Any) -> None:
    """However little of a dataset is there, it is met as often as its weight says."""
    cells = itertools.product(range(3), range(4), range(5))
    gone = frozenset(cell for cell in cells if cell[2] > 1)
    arrays = {"thin": lazy(sparse(absent=gone)), "full": lazy(sparse())}
    made = plan(arrays, 4, way, missing="skip")
    blocks = [made[i] for i in range(200)]
    assert [b.dataset for b in blocks] == [made.place(i).dataset for i in range(200)]
    assert 70 < sum(b.dataset == "thin" for b in blocks) < 130
    assert sum(bool(b.skipped) for b in blocks) > 20


def test_skipping_leaves_a_stratum_that_holds_one_place() -> None:
    volume = sparse((4, 4, 8), absent=frozenset({(0, 0, 1)}))
    made = plan(lazy(volume), 4, Stratified(5), missing="skip")
    assert [block.place.start for block in made] == [(0, 0, 0)] * 5


def test_skipping_ends() -> None:
    everything = frozenset(
        (z, y, x) for z in range(3) for y in range(4) for x in range(5)
    )
    made = plan(lazy(sparse(absent=everything)), 4, Random(1), missing="skip")
    with pytest.raises(MissingError, match="at 32 places in turn"):
        made[0]


def test_numbers_that_are_none_are_missing() -> None:
    voxels = numbered(SHAPE, np.float32)
    voxels[3, 4, 5] = np.nan
    made = plan({"n": labelled(GRID, voxels)}, SHAPE, Random(1), missing="mask")
    np.testing.assert_array_equal(made[0].mask, ~np.isnan(voxels))
    with pytest.raises(MissingError, match="1 of 3840 voxels"):
        plan({"n": labelled(GRID, voxels)}, SHAPE, Random(1))[0]


@pytest.mark.parametrize("policy", ["raise", "fill", "mask", "skip"])
def test_a_failed_read_is_never_a_block(policy: str) -> None:
    made = plan({"broken": lazy(sparse(broken=True))}, 4, missing=policy)
    with pytest.raises(TruncatedError, match="broken: got 7 bytes"):
        made[0]
    with pytest.raises(TruncatedError, match="broken: got 7 bytes"):
        list(made.read_many([0, 1]))


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

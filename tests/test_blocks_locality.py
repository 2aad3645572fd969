"""Visits: an order that reads less, gives each tile once, and still is shuffled."""

from __future__ import annotations

import math
import pickle
from collections import Counter as Tally
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from block_volumes import HEMIBRAIN, Sparse, labelled, lazy, numbered, sparse
from chunked_volumes import CHUNKS, volume_of
from emcatalog.blocks import Plan, Random, Stratified, Tiles, plan, split
from emcatalog.blocks.groups import Groups
from emcatalog.blocks.locality import Visits
from emcatalog.blocks.prefetch import prefetch
from emcatalog.cache.budget import CACHE_VARIABLE
from emcatalog.errors import OptionError
from emcatalog.geometry import Grid, Region, Triple
from emcatalog.testing import traffic


@settings(max_examples=300)
@given(
    st.integers(1, 200), st.integers(1, 30), st.integers(1, 6), st.integers(0, 2**40)
)
def test_groups_are_an_order(count: int, size: int, mix: int, seed: int) -> None:
    order = Groups(count, size, mix, seed)
    numbers = [order[i] for i in range(count)]
    assert sorted(numbers) == list(range(count))
    # a group is met in one window of `mix` groups, and what is left over in one of them
    places: dict[int, list[int]] = {}
    for place, number in enumerate(numbers):
        places.setdefault(number // size, []).append(place)
    longest = size * mix + count % size
    assert all(max(p) - min(p) < longest for p in places.values())
    for wrong in (count, -count - 1):
        with pytest.raises(IndexError):
            order[wrong]


def test_all_orders_of_groups_are_met() -> None:
    seen = Tally(
        tuple(dict.fromkeys(Groups(8, 2, 1, seed)[i] // 2 for i in range(8)))
        for seed in range(2400)
    )
    assert len(seen) == math.factorial(4)
    # 100 of each are expected; six standard deviations are 60
    assert max(abs(count - 100) for count in seen.values()) < 60


def test_within_a_window_all_orders_are_met() -> None:
    seen = Tally(
        tuple(Groups(4, 2, 2, seed, epoch)[i] for i in range(4))
        for seed in range(50)
        for epoch in range(48)
    )
    assert len(seen) == math.factorial(4)
    assert max(abs(count - 100) for count in seen.values()) < 60


def size_of(made: Plan) -> int:
    """Blocks of a group."""
    sampler: Any = made.sampler
    return int(sampler.size)


def places(made: Plan) -> list[Any]:
    return [made.place(i) for i in range(len(made))]


SIDES = st.integers(1, 9)


@settings(max_examples=80, deadline=None)
@given(
    st.tuples(st.integers(6, 24), st.integers(6, 24), st.integers(6, 24)),
    st.tuples(st.integers(3, 6), st.integers(3, 6), st.integers(3, 6)),
    st.sampled_from(["shift", "drop", "partial"]),
    st.integers(0, 1),
    st.integers(1, 5),
    st.none() | st.tuples(SIDES, SIDES, SIDES),
    st.integers(0, 5),
)
def test_each_tile_is_visited_once(  # noqa: PLR0917 - all that may matter
    shape: Any, size: Any, edge: str, halo: int, mix: int, piece: Any, cut: int
) -> None:
    arrays = {
        "a": lazy(sparse(shape)).isel(x=slice(cut if shape[2] > 12 else 0, None)),
        "b": labelled(Grid((6, 9, 7), (8.0, 4.0, 4.0))),
    }
    way = Tiles(halo, edge)
    visits = plan(arrays, size, Visits(way, mix, piece))
    tiles = places(plan(arrays, size, way))
    assert len(visits) == len(tiles)
    assert sorted(places(visits), key=repr) == sorted(tiles, key=repr)


def test_parts_of_a_split_are_visited_within_their_bounds() -> None:
    volume = Sparse(Grid((20, 24, 28), (4.0, 4.0, 4.0)), numbered((20, 24, 28)))
    (member,) = split(lazy(volume), {"train": 1, "test": 1}, "8 nm", "x")["test"]
    assert member.within.start == (0, 0, 15)
    for way in (Visits(Tiles()), Visits(Random(500))):
        starts = np.array([place.start for place in places(plan(member, 2, way))])
        assert starts.min(0).tolist() == [0, 0, 15]
        assert starts.max(0).tolist() == [18, 22, 26]
    # though tiles straddle chunks here
    near = chunks_read(plan(member, 2, Visits(Tiles(), mix=2)), 16)
    assert near < chunks_read(plan(member, 2, Tiles(shuffle=True)), 16) / 3


def test_epochs_and_seeds_differ_and_are_repeated() -> None:
    array = lazy(sparse((24, 24, 24)))
    made = plan(array, 4, Visits(Tiles()))
    orders = [made, made.epoch(1), plan(array, 4, Visits(Tiles()), seed=1)]
    told = [tuple(p.start for p in places(order)) for order in orders]
    assert len(set(told)) == 3
    assert [p.start for p in places(pickle.loads(pickle.dumps(made)))] == list(told[0])


def chunks_read(made: Plan, held: int, offset: Triple = (0, 0, 0)) -> int:
    """Chunks that are read for all blocks in turn, if the last ``held`` are kept.

    The array begins at voxel ``offset`` of its volume.
    """
    kept: dict[Any, None] = {}
    read = 0
    for place in places(made):
        start, stop = np.add(place.start, offset), np.add(place.stop, offset)
        for tile in Region(tuple(start), tuple(stop)).tiles(CHUNKS):
            cell = tuple(a // c for a, c in zip(tile.start, CHUNKS, strict=True))
            read += cell not in kept
            kept.pop(cell, None)
            kept[cell] = None
            if len(kept) > held:
                del kept[next(iter(kept))]
    return read


@pytest.mark.parametrize("first", [0, 2, 4, 6])
def test_groups_begin_where_chunks_do(first: int) -> None:
    volume = Sparse(Grid((20, 24, 28), (4.0, 4.0, 4.0)), numbered((20, 24, 28)))
    array = lazy(volume).isel(z=slice(first, None), x=slice(first, None))
    visits = plan(array, 2, Visits(Tiles(), mix=1))
    met = math.ceil((20 - first) / 4) * 6 * math.ceil((28 - first) / 4)
    read = chunks_read(visits, 1, (first, 0, first))
    if first % 4:
        # chunks that are cut at the ends share groups, and their tiles are mixed
        read = chunks_read(visits, 8, (first, 0, first))
        assert met <= read < 1.1 * met
    else:
        assert read == met


def test_far_fewer_chunks_than_shuffled() -> None:
    volume = Sparse(Grid((32, 32, 32), (4.0, 4.0, 4.0)), numbered((32, 32, 32)))
    visits = plan(lazy(volume), 2, Visits(Tiles(), mix=4))
    shuffled = plan(lazy(volume), 2, Tiles(shuffle=True))
    # 512 chunks, each of 8 tiles; as many are held as are mixed
    assert chunks_read(visits, 4) == 512
    assert chunks_read(shuffled, 4) > 4000
    random = plan(lazy(volume), 2, Random(4096))
    near = plan(lazy(volume), 2, Visits(Random(4096), mix=4))
    assert chunks_read(near, 32) < chunks_read(random, 32) / 3


def test_fewer_bytes_come_from_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # half of it is for decoded chunks, of which there are 128 KiB
    monkeypatch.setenv(CACHE_VARIABLE, "48 KiB")
    shape = (32, 32, 32)
    array = lazy(volume_of(tmp_path / "v", numbered(shape)))
    counted = {}
    for name, way in (("visits", Visits(Tiles())), ("shuffled", Tiles(shuffle=True))):
        with traffic() as seen:
            for index, block in prefetch(plan(array, 2, way), threads=1):
                assert block.data.any(), index
        counted[name] = seen.bytes
    # each chunk once, against nearly each tile's chunk anew; a volume is opened anew
    # once in a while, and what was kept is then forgotten
    assert 4 * math.prod(shape) <= counted["visits"] < 4.2 * math.prod(shape)
    assert counted["shuffled"] > 7 * counted["visits"]


def test_random_places_remain_equally_likely() -> None:
    # pieces cut the 9 x 7 places of y and x into unequal parts
    made = plan(lazy(sparse((2, 10, 8))), 2, Visits(Random(9000), 2, (2, 6, 4)), seed=3)
    seen = Tally(place.start for place in places(made))
    expected = len(made) / 63
    assert len(seen) == 63
    square = sum((count - expected) ** 2 / expected for count in seen.values())
    # 63 +- 11 if all were independent; the 6 of a group lie together
    assert size_of(made) == 6
    assert square < 6 * 120


def test_places_of_a_group_lie_in_one_piece() -> None:
    array = lazy(sparse((24, 24, 24))).isel(z=slice(1, None))
    made = plan(array, 4, Visits(Random(400), mix=1))
    size = size_of(made)
    assert size == 8
    starts = [np.add(place.start, (1, 0, 0)) // 8 for place in places(made)]
    for first in range(0, 400, size):
        assert len({tuple(start) for start in starts[first : first + size]}) == 1
    assert len({tuple(start) for start in starts}) > 15


def test_skipped_blocks_are_replaced_from_anywhere() -> None:
    absent = frozenset((z, y, x) for z in range(4) for y in range(4) for x in (0, 1))
    volume = sparse((16, 16, 16), absent=absent)
    made = plan(lazy(volume), 4, Visits(Random(40)), missing="skip")
    for block in made:
        assert block.place.start[2] >= 8
        assert block.data.all()
    assert any(block.skipped for block in made)


def test_places_of_hemibrain_cost_nothing() -> None:
    volume = Sparse(HEMIBRAIN, chunks=(64, 64, 64))
    for way in (Visits(Tiles()), Visits(Random())):
        made = plan(lazy(volume), 128, way)
        assert len(made) == 269 * 309 * 324
        assert len(pickle.dumps(made)) < 10_000
        assert made.place(26_000_000 % len(made)).shape == (128, 128, 128)
    assert volume.seen == []


def test_what_cannot_be_visited_is_a_letter() -> None:
    array = labelled(Grid((8, 8, 8), (4.0, 4.0, 4.0)))
    wrong: Any = Stratified()
    with pytest.raises(OptionError, match="visits of Stratified; expected Tiles or"):
        plan(array, 4, Visits(wrong))
    with pytest.raises(OptionError, match="mix=0"):
        plan(array, 4, Visits(Tiles(), mix=0))
    with pytest.raises(OptionError, match="shape"):
        plan(array, 4, Visits(Tiles(), piece=0))
    assert "shuffled; 8 in a group, 4 groups mixed" in repr(
        plan(array, 2, Visits(Tiles()))
    )
    assert "8 in a piece, 4 pieces mixed" in repr(plan(array, 2, Visits(Random())))

"""Samplers: inside, uniform, complete; exactly, wherever numbers can be counted."""

from __future__ import annotations

import itertools
import math
import pickle
from collections import Counter as Tally
from typing import Any

import numpy as np
import pint
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from block_volumes import labelled, lazy, sparse
from emcatalog.blocks import (
    Counter,
    Draws,
    Points,
    Random,
    Space,
    Stratified,
    Temperature,
    Tiles,
    members,
    plan,
)
from emcatalog.blocks.mixing import Mixture
from emcatalog.blocks.places import voxels
from emcatalog.blocks.stratified import near
from emcatalog.errors import GeometryError, LabelError, OptionError, UnitError
from emcatalog.geometry import Grid, Region

SIDE = st.integers(1, 7)
SHAPE = st.tuples(SIDE, SIDE, SIDE)


def space(shape: Any, size: Any, within: Region | None = None) -> Space:
    (found,) = members(labelled(Grid(shape, (3.0, 2.0, 1.0))))
    made = found if within is None else found.cropped(within)
    fits = all(s <= n for s, n in zip(size, made.within.shape, strict=True))
    return Space(0, made, size, padded=not fits)


class Told:
    """A counter that draws the words it is told."""

    epoch = seed = attempt = 0

    def __init__(self, number: int, count: int, index: int = 0) -> None:
        width = (count - 1).bit_length()
        self.word, self.index = number << 64 - width if width else 0, index

    def draws(self, _: str) -> Draws:
        return Draws(lambda: self.word)


@given(SHAPE, SHAPE)
def test_each_number_is_another_place_and_each_place_has_one(
    shape: Any, size: Any
) -> None:
    made = space(shape, size)
    found = [made.numbered(number) for number in range(made.count)]
    ends = [sorted((0, n - s)) for n, s in zip(shape, size, strict=True)]
    expected = itertools.product(*(range(a, b + 1) for a, b in ends))
    assert sorted(found) == sorted(expected)


@given(SHAPE, SHAPE)
def test_random_places_are_exactly_uniform(shape: Any, size: Any) -> None:
    made = space(shape, size)
    sampler = Random(1).over((made,))
    numbers = range(made.count)
    tally = Tally(sampler.place(Told(n, made.count)).start for n in numbers)
    assert set(tally.values()) == {1}
    assert len(tally) == made.count
    # inside wherever the axis is long enough: the last origin is n - s
    for axis in range(3):
        starts = {start[axis] for start in tally}
        assert max(starts) == max(0, shape[axis] - size[axis])
        assert min(starts) == min(0, shape[axis] - size[axis])


def test_random_places_of_a_plan_are_uniform() -> None:
    """Chi-square over the 3 x 4 x 5 places; 59 degrees of freedom, 0.1 %."""
    made = plan(labelled(Grid((5, 6, 7), (8.0, 4.0, 4.0))), 3, Random(30_000), seed=5)
    tally = Tally(made.place(i).start for i in range(30_000))
    assert len(tally) == 60
    assert sum((n - 500) ** 2 / 500 for n in tally.values()) < 98.3


def test_datasets_are_met_by_their_weights() -> None:
    grids = {"a": Grid((4, 4, 4), (1.0,) * 3), "b": Grid((4, 4, 4), (2.0,) * 3)}
    arrays = {name: labelled(grid) for name, grid in grids.items()}
    cases: list[tuple[Any, float]] = [
        ("volume", 1 / 9),
        ("equal", 1 / 2),
        (Temperature(3), 1 / 3),
        ({"a": 3, "b": 1}, 3 / 4),
        ({"b": 0, "a": 0.1}, 1),
    ]
    for weights, share in cases:
        made = plan(arrays, 2, Random(4000, weights), seed=1)
        count = sum(made.place(i).dataset == "a" for i in range(4000))
        spread = math.sqrt(4000 * share * (1 - share))
        assert abs(count - 4000 * share) <= 3.3 * spread  # 0.1 %
        even = plan(arrays, 2, Stratified(4000, weights), seed=1)
        count = sum(even.place(i).dataset == "a" for i in range(4000))
        assert abs(count - 4000 * share) <= 1


@given(st.lists(st.integers(0, 50), min_size=1, max_size=6), st.integers(1, 500))
def test_shares_are_exact(parts: list[int], count: int) -> None:
    assume(sum(parts))
    mixture = Mixture(tuple(itertools.accumulate(parts)))
    assert mixture.shares == tuple(parts)
    tally = Tally(mixture.chosen(n) for n in range(sum(parts)))
    assert [tally[i] for i in range(len(parts))] == parts
    given = mixture.apportioned(count)
    assert sum(given) == count
    exact = [count * part / sum(parts) for part in parts]
    assert all(abs(a - b) < 1 for a, b in zip(given, exact, strict=True))
    assert all(n == 0 for n, part in zip(given, parts, strict=True) if not part)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("size", "expected 'volume', 'equal', a Temperature"),
        ({"a": 1}, "expected one for each of a, b"),
        ({"a": 1, "b": 1, "ab": 2}, "known: a, b"),
        ({"a": -1, "b": 1}, "at least 0, one of them above 0"),
        ({"a": 0, "b": 0}, "one of them above 0"),
        ({"a": math.nan, "b": 1}, "numbers of at least 0"),
        ({"a": "much", "b": 1}, "numbers of at least 0"),
    ],
)
def test_weights_that_do_not_fit(weights: Any, message: str) -> None:
    arrays = {name: labelled(Grid((4, 4, 4), (1.0,) * 3)) for name in "ab"}
    with pytest.raises(OptionError) as caught:
        plan(arrays, 2, Random(weights=weights))
    assert message in str(caught.value)


def test_temperatures_are_positive() -> None:
    with pytest.raises(OptionError, match="temperature of 0"):
        Temperature(0)


EDGE = st.sampled_from(["shift", "pad", "partial", "drop"])
HALO = st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 2))


@settings(max_examples=200)
@given(SHAPE, SHAPE, HALO, EDGE, st.booleans())
def test_tiles_write_each_voxel_once(
    shape: Any, core: Any, halo: Any, edge: str, shuffle: bool
) -> None:
    size = tuple(c + 2 * h for c, h in zip(core, halo, strict=True))
    fits = all(s <= n for s, n in zip(size, shape, strict=True))
    assume(fits or edge in ("pad", "shift"))
    pad = "edge" if edge == "pad" or not fits else "never"
    source = labelled(Grid(shape, (3.0, 2.0, 1.0)))
    made = plan(source, size, Tiles(halo, edge, shuffle), pad=pad).epoch(2)
    written = np.zeros(shape, int)
    for block in made:
        place, write = block.place, block.place.write
        assert write is not None
        assert write.size
        written[write.slices] += 1
        check_halo(place, shape, halo, edge)
        inner = write.relative_to(place.start).slices if min(place.start) >= 0 else None
        if inner is not None:
            np.testing.assert_array_equal(
                block.data[inner], source.values[write.slices]
            )
    if edge != "drop":
        assert (written == 1).all()
        return
    (lattice,) = made.sampler.lattices
    assert written.max() == 1
    kept = [int(written.sum(axis).max()) for axis in range(3)]
    assert lattice.left_out == tuple(np.subtract(shape, kept))


def check_halo(place: Any, shape: Any, halo: Any, edge: str) -> None:
    """Around what is written lies the halo, or the end of the volume."""
    axes = zip(
        place.start, place.stop, place.write.start, place.write.stop, shape, halo,
        strict=True,
    )  # fmt: skip
    for start, stop, low, high, n, margin in axes:
        assert start <= low < high <= stop
        assert low - start >= margin or (edge != "pad" and start <= 0)
        assert stop - high >= margin or (edge != "pad" and stop >= n)
        if edge in ("partial", "drop"):
            assert 0 <= start < stop <= n


def drawn(edge: str) -> list[str]:
    """An axis of 14 voxels in blocks of 8 with a halo of 2, as a plan has them."""
    source = labelled(Grid((1, 1, 14), (1.0,) * 3))
    pad = "edge" if edge == "pad" else "never"
    made = plan(source, (1, 1, 8), Tiles((0, 0, 2), edge), pad=pad)
    lines = []
    for index in range(len(made)):
        place = made.place(index)
        row = [" "] * 22
        for x in range(place.start[2], place.stop[2]):
            written = place.write.start[2] <= x < place.write.stop[2]
            row[x + 2] = "#" if written else "-" if 0 <= x < 14 else "."
        lines.append("".join(row).rstrip())
    return lines


@pytest.mark.parametrize("edge", ["shift", "pad", "partial", "drop"])
def test_tiles_are_as_they_are_drawn(edge: str) -> None:
    import emcatalog.blocks.tiles as module

    text = (module.__doc__ or "").splitlines()
    first = next(i for i, line in enumerate(text) if f'edge="{edge}"' in line)
    expected = drawn(edge)
    shown = [line[19:41].rstrip() for line in text[first : first + len(expected)]]
    assert shown == expected


def test_tiles_come_in_order_or_shuffled() -> None:
    source = labelled(Grid((4, 6, 9), (1.0,) * 3))
    ordered = plan(source, 2, Tiles())
    starts = [ordered.place(i).start for i in range(len(ordered))]
    assert starts == sorted(starts)
    assert starts[-1] == (2, 4, 7)  # moved inside
    assert ordered.place(0).write == Region((0, 0, 0), (2, 2, 2))
    mixed = plan(source, 2, Tiles(shuffle=True))
    epochs = [[mixed.epoch(e).place(i) for i in range(30)] for e in range(3)]
    for places in epochs:
        assert sorted(place.start for place in places) == starts
    assert epochs[0] != epochs[1] != epochs[2] != epochs[0]


@pytest.mark.parametrize(
    ("way", "message"),
    [
        (Tiles(edge="cut"), "got edge='cut'; expected 'shift', 'pad'"),
        (Tiles(halo=2), "a halo of (2, 2, 2) in blocks of (4, 4, 4)"),
        (Tiles(halo=(1, 1)), "got halo=(1, 1)"),
        (Tiles(halo=-1), "got halo=-1"),
        (Tiles(edge="pad"), "Try: pad='reflect'"),
    ],
)
def test_tiles_that_cannot_be(way: Tiles, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        plan(labelled(Grid((8, 8, 8), (1.0,) * 3)), 4, way)
    assert message in str(caught.value)


RANGES = st.tuples(*[st.builds(range, st.integers(-3, 0), st.integers(1, 6))] * 3)


@given(RANGES, st.integers(1, 30))
def test_near_numbers_are_all_places_once(origins: Any, fine: int) -> None:
    count = math.prod(map(len, origins))
    found = [near(n, origins, (3.0, 2.0, 1.0), fine) for n in range(count)]
    assert sorted(found) == sorted(itertools.product(*origins))


@settings(max_examples=50)
@given(SHAPE, SHAPE, st.integers(1, 12))
def test_stratified_places_are_exactly_uniform(
    shape: Any, size: Any, count: int
) -> None:
    made = space(shape, size)
    assume(made.count <= 200)
    sampler = Stratified(count).over((made,))
    tally: Tally[Any] = Tally()
    for index in range(count):
        told = (Told(n, made.count, index) for n in range(made.count))
        tally.update(sampler.place(each).start for each in told)
    assert len(tally) == made.count
    assert set(tally.values()) == {count}


def test_stratified_places_lie_apart() -> None:
    """Each eighth of a cube gets exactly an eighth of the blocks, in every epoch."""
    made = plan(labelled(Grid((17, 17, 17), (1.0,) * 3)), 2, Stratified(64), seed=3)
    assert len(made) == 64
    for epoch in range(4):
        places = [made.epoch(epoch).place(i) for i in range(64)]
        parts = Tally(tuple(a // 8 for a in place.start) for place in places)
        assert set(parts.values()) == {8}
        assert len(parts) == 8
    orders = {tuple(made.epoch(e).place(i).start for i in range(64)) for e in range(4)}
    assert len(orders) == 4


def test_given_points_are_the_blocks_of_the_accessor() -> None:
    source = lazy(sparse((12, 16, 20)))
    centers = [(148, 20, 30), ("0.14 um", 33.9, 12), (139.9, 26, 28)]
    made = plan(source, (4, 5, 6), Points(centers))
    assert len(made) == 3
    for index, center in enumerate(centers):
        expected = source.em.block(center, (4, 5, 6))
        np.testing.assert_array_equal(made[index].data, expected)
        assert made.epoch(7).place(index) == made.place(index)


def test_points_of_several_datasets() -> None:
    arrays = {name: labelled(Grid((9, 9, 9), (1.0,) * 3)) for name in "abc"}
    points = {"c": [(4, 4, 4)], "a": np.array([[2, 3, 4], [5, 5, 5]])}
    made = pickle.loads(pickle.dumps(plan(arrays, 3, Points(points))))
    told = [(b.dataset, b.place.start) for b in made]
    assert told == [("c", (3, 3, 3)), ("a", (1, 2, 3)), ("a", (4, 4, 4))]
    assert made[0].place.member == 2


@pytest.mark.parametrize(
    ("points", "kind", "message"),
    [
        ([], OptionError, "no points"),
        ([(0, 4, 4)], LabelError, "a: got block 0, of 3 x 3 x 3 voxels"),
        ([(90, 4, 4)], LabelError, "a: got"),
        ([(4, 4)], UnitError, "expected three lengths"),
        ({"b": [(4, 4, 4)]}, OptionError, "expected a mapping with names among a"),
        ({}, OptionError, "points for no dataset"),
    ],
)
def test_points_that_cannot_be(points: Any, kind: Any, message: str) -> None:
    with pytest.raises(kind) as caught:
        plan({"a": labelled(Grid((9, 9, 9), (1.0,) * 3))}, 3, Points(points))
    assert message in str(caught.value)


def test_sizes_in_nanometres() -> None:
    registry = pint.UnitRegistry()
    steps = (50.0, 4.0, 4.0)
    assert voxels("1 um", steps) == (20, 250, 250)
    assert voxels(registry.Quantity(0.2, "um"), steps) == (4, 50, 50)
    assert voxels((1, "13 nm", np.int64(7)), steps) == (1, 3, 7)
    assert voxels("1 nm", steps) == (1, 1, 1)
    arrays = {
        "fine": labelled(Grid((40, 40, 40), (2.0,) * 3)),
        "coarse": labelled(Grid((40, 40, 40), (4.0,) * 3)),
    }
    made = plan(arrays, "32 nm", Points({"fine": [(40,) * 3], "coarse": [(80,) * 3]}))
    assert [block.data.shape for block in made] == [(16,) * 3, (8,) * 3]
    assert all(hi - lo == 32 for b in made for lo, hi in zip(*b.box, strict=True))


@pytest.mark.parametrize(
    ("size", "kind", "message"),
    [
        (32.0, UnitError, "Try: 32, or '32 nm'"),
        ((8, 8), OptionError, "one number or three"),
        (0, OptionError, "each 1 or more"),
        ("5", UnitError, "without a unit"),
        ("0 nm", UnitError, "a positive length"),
        ("3 s", UnitError, "of dimension"),
        (9, GeometryError, "size=(8, 8, 8)"),
        (None, UnitError, "of type NoneType"),
    ],
)
def test_sizes_that_cannot_be(size: Any, kind: Any, message: str) -> None:
    with pytest.raises(kind) as caught:
        plan(labelled(Grid((8, 8, 8), (4.0,) * 3)), size)
    assert message in str(caught.value)


def test_one_seed_draws_other_numbers_for_other_purposes() -> None:
    at = Counter(0, 0, 0)
    assert at.draws("place").word() != at.draws("augment").word()

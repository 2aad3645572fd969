"""Foreground: exactly as likely as it says, found on coarse levels, bounded."""

from __future__ import annotations

import itertools
import pickle
from collections import defaultdict
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from block_levels import FINE, At, coarser, halved, levels, outcomes, shown
from block_volumes import labelled, lazy, sparse
from emcatalog.blocks import Foreground, Plan, plan, split
from emcatalog.blocks.coarse import cells_of, counts, looks
from emcatalog.blocks.hits import nonzero, tally
from emcatalog.blocks.members import Channel
from emcatalog.errors import (
    GeometryError,
    MemoryLimitError,
    MissingError,
    OptionError,
)
from emcatalog.geometry import Grid, Region

SHAPE = FINE.shape
SIDE = st.integers(1, 7)
TRIPLE = st.tuples(SIDE, SIDE, SIDE)


def spots(seed: int = 0, share: float = 0.02, shape: Any = SHAPE) -> Any:
    """Labels 1 and 2 at some voxels."""
    drawn = np.random.default_rng(seed).random(shape)
    return ((drawn < share).astype(np.uint8) + (drawn < share / 2)).astype(np.uint8)


def planned(labels: Any, way: Any, size: Any = 4, **options: Any) -> Plan:
    image = labelled(FINE)
    return plan({"a": {"image": image, "labels": labels}}, size, way, **options)


def chances(made: Plan) -> dict[Any, Fraction]:
    """How likely each place is, exactly."""
    found: dict[Any, Fraction] = defaultdict(Fraction)
    for place, chance in outcomes(lambda script: made.sampler.place(At(script))):
        found[place.start] += chance
    return found


def law(voxels: Any, size: Any, shape: Any) -> dict[Any, Fraction]:
    """Any of the voxels, and any of the places that contain it."""
    found: dict[Any, Fraction] = defaultdict(Fraction)
    for voxel in voxels:
        axes = [
            [o for o in range(n - s + 1) if o <= v < o + s]
            for v, s, n in zip(voxel, size, shape, strict=True)
        ]
        places = list(itertools.product(*axes))
        for place in places:
            found[place] += Fraction(1, len(voxels) * len(places))
    return found


@settings(max_examples=15, deadline=None)
@given(st.data(), st.tuples(*[st.integers(1, 4)] * 3), st.integers(0, 99))
def test_places_are_exactly_as_likely_as_the_law_says(
    data: st.DataObject, shape: Any, seed: int
) -> None:
    size = tuple(data.draw(st.integers(1, n)) for n in shape)
    mask = spots(seed, 0.2, shape)
    assume(mask.any())
    grid = Grid(shape, (3.0, 2.0, 1.0))
    arrays = {"image": labelled(grid), "labels": labelled(grid, mask)}
    made = plan(arrays, size, Foreground())
    wanted = [tuple(map(int, row)) for row in np.argwhere(mask)]
    found = chances(made)
    assert found == law(wanted, size, shape)
    assert sum(found.values()) == 1


def test_voxels_below_a_coarse_level_are_equally_likely() -> None:
    fine = spots(3, 0.1)
    coarse = coarser(fine)
    made = planned(shown(levels(fine, coarse)), Foreground(scan=coarse.nbytes))
    (hits,) = made.sampler.groups[0].hits
    assert hits.look.steps == 1
    found: dict[Any, Fraction] = defaultdict(Fraction)
    for voxel, chance in outcomes(hits.attempt):
        found[voxel] += chance
    shown_there = np.kron(coarse, np.ones((2, 2, 2), np.uint8)) > 0
    wanted = {tuple(map(int, row)) for row in np.argwhere(fine * shown_there)}
    assert found.pop(None) < 1
    assert set(found) == wanted
    assert set(found.values()) == {Fraction(1, 8 * int((coarse > 0).sum()))}


@settings(max_examples=60, deadline=None)
@given(
    TRIPLE,
    TRIPLE,
    st.tuples(*[st.sampled_from([1.0, 1.5, 2.0, 3.7])] * 3),
    st.tuples(*[st.sampled_from([-3.0, -0.5, 0.0, 0.25, 2.0])] * 3),
)
def test_each_fine_voxel_belongs_to_the_coarse_one_that_contains_its_centre(
    shape: Any, coarse_shape: Any, factors: Any, shift: Any
) -> None:
    fine = Grid(shape, (3.0, 2.0, 1.0), (5.0, 0.0, -7.0))
    steps = tuple(f * s for f, s in zip(factors, fine.voxel_size, strict=True))
    origin = tuple(o + s for o, s in zip(fine.origin, shift, strict=True))
    coarse = Grid(coarse_shape, steps, origin)
    volumes = [sparse(shape), sparse(coarse_shape)]
    object.__setattr__(volumes[1], "grid", coarse)
    channel = Channel(volumes[0], (0, 0, 0), "x", (volumes[1],))
    found = list(looks(channel, fine, fine.region))
    expected = []
    for axis in range(3):
        centres = fine.centres(axis)
        low = coarse.origin[axis] - steps[axis] / 2
        expected.append(np.floor(np.round((centres - low) / steps[axis], 6)))
    inside = [(e >= 0) & (e < n) for e, n in zip(expected, coarse_shape, strict=True)]
    if not all(each.any() for each in inside):
        assert len(found) == 1  # levels that lie elsewhere are of no use
        return
    look = found[1]
    for axis in range(3):
        for number in range(coarse_shape[axis]):
            first, last = look.first(axis, number), look.first(axis, number + 1)
            held = np.flatnonzero(expected[axis] == number)
            inner = [i for i in range(first, last) if 0 <= i < shape[axis]]
            assert inner == held.tolist()
            assert last - first <= look.most[axis]
        met = expected[axis][inside[axis]]
        assert look.region.slices[axis] == slice(int(met.min()), int(met.max()) + 1)


@settings(max_examples=40, deadline=None)
@given(TRIPLE, st.integers(1, 40), st.integers(0, 99), st.data())
def test_hits_of_cells_are_counted(
    shape: Any, most: int, seed: int, data: st.DataObject
) -> None:
    volume = sparse(shape)
    whole = spots(seed, 0.3, shape)
    object.__setattr__(volume, "whole", whole)
    start = tuple(data.draw(st.integers(0, n - 1)) for n in shape)
    within = Region(start, shape)
    (look,) = looks(Channel(volume, (0, 0, 0), "x"), volume.grid, within)
    cell = cells_of(look, (1, 1, 1), most)
    places = counts(within, cell)
    assert np.prod(places) <= max(most, 1)
    expected: dict[int, int] = defaultdict(int)
    for row in np.argwhere(whole > 0):
        if all(a <= v for a, v in zip(start, row, strict=True)):
            number = np.ravel_multi_index(
                [v // c - a // c for v, a, c in zip(row, start, cell, strict=True)],
                places,
            )
            expected[int(number)] += 1
    found = tally(look, cell, lambda voxels: [(True, voxels > 0)])
    numbers, ends = found.get(True, (np.zeros(0, int), np.zeros(0, int)))
    assert numbers.tolist() == sorted(expected)
    assert np.diff(ends, prepend=0).tolist() == [expected[n] for n in sorted(expected)]


def test_every_block_shows_what_is_wanted_and_all_is_pure() -> None:
    fine = spots(1)
    volumes = levels(fine, coarser(fine))
    for scan in ("64 MiB", fine.size // 8):
        made = planned(shown(volumes), Foreground("labels", 2, count=60, scan=scan))
        again = pickle.loads(pickle.dumps(made))
        assert len(made) == 60
        for index, block in enumerate(made):
            assert (block.riders["labels"] == 2).any()
            assert again.place(index) == block.place
        assert len({made.place(i) for i in range(60)}) > 20
        assert made.epoch(1).place(0) != made.place(0)


def test_what_is_looked_at_is_bounded_and_looked_at_once() -> None:
    fine = spots(2, 0.1)
    volumes = levels(fine, coarser(fine), coarser(coarser(fine)))
    limit = volumes[1].whole.nbytes
    made = planned(shown(volumes), Foreground(scan=limit, count=10))
    assert sum(region.size for region in volumes[1].seen) == limit
    assert volumes[0].seen == volumes[2].seen == []
    for index in range(10):
        made.place(index)
    assert all(region.size == 1 for region in volumes[0].seen)
    with pytest.raises(MemoryLimitError, match=r"got 3 x 4 x 5 voxels .*scan=60"):
        planned(shown(volumes), Foreground(scan=59))


def test_a_mask_may_have_other_voxels_than_the_image() -> None:
    grid = halved(FINE, 4)
    mask = np.zeros(grid.shape, np.uint8)
    mask[1, 2, 3] = 1
    made = plan({"a": labelled(FINE)}, 3, Foreground(labelled(grid, mask), count=50))
    low, high = (4, 8, 12), (8, 12, 16)
    for index in range(50):
        place = made.place(index)
        axes = zip(place.start, place.stop, low, high, strict=True)
        assert all(a < d and c < b for a, b, c, d in axes)
    hits = made.sampler.groups[0].hits[0]
    found = {voxel for voxel, _ in outcomes(hits.attempt) if voxel}
    box = itertools.product(*(range(a, b) for a, b in zip(low, high, strict=True)))
    assert found == set(box)


@pytest.mark.parametrize("ratio", [1.5, 2.7])
def test_voxels_are_equally_likely_where_ratios_are_uneven(ratio: float) -> None:
    fine = Grid((5, 6, 7), (8.0, 4.0, 4.0))
    steps = (8.0 * ratio, 4.0 * ratio, 4.0 * ratio)
    grid = Grid((4, 4, 5), steps, (1.0, 0.5, 2.0))
    mask = spots(4, 0.4, grid.shape)
    way = Foreground(labelled(grid, mask), scan=mask.nbytes)
    (hits,) = plan({"a": labelled(fine)}, 2, way).sampler.groups[0].hits
    assert hits.look.steps == 1
    found: dict[Any, Fraction] = defaultdict(Fraction)
    for voxel, chance in outcomes(hits.attempt):
        found[voxel] += chance
    found.pop(None)
    centres = [
        np.floor(np.round((fine.centres(a) - grid.edges(a)[0]) / steps[a], 6))
        for a in range(3)
    ]
    wanted = set()
    for voxel in itertools.product(*map(range, fine.shape)):
        cell = [int(centres[a][i]) for a, i in enumerate(voxel)]
        inside = all(0 <= c < n for c, n in zip(cell, grid.shape, strict=True))
        if inside and mask[tuple(cell)]:
            wanted.add(voxel)
    assert set(found) == wanted
    assert len(set(found.values())) == 1


def bright(voxels: Any) -> Any:
    return voxels > 3700


def test_the_image_itself_may_tell() -> None:
    made = plan({"a": labelled(FINE)}, 2, Foreground("image", bright, count=30))
    assert all((block.data > 3700).any() for block in made)


def test_a_share_of_the_blocks() -> None:
    mask = np.zeros(SHAPE, np.uint8)
    mask[0, 0, 0] = 1
    made = planned(labelled(FINE, mask), Foreground(count=4000, share=0.25), 2)
    met = sum(made.place(i).start == (0, 0, 0) for i in range(4000))
    spread = (4000 * 0.25 * 0.75) ** 0.5
    assert abs(met - 1000) < 3.5 * spread
    assert "25% of the blocks" in repr(made)


def test_datasets_are_met_by_their_weights() -> None:
    arrays = {
        name: {"image": labelled(FINE), "labels": labelled(FINE, spots(seed))}
        for seed, name in enumerate("ab")
    }
    empty = {"image": labelled(FINE), "labels": labelled(FINE, spots(0) * 0)}
    way = Foreground(count=2000, weights={"a": 3, "b": 1, "c": 0})
    made = plan({**arrays, "c": empty}, 4, way)
    met = [made.place(i).dataset for i in range(2000)]
    assert abs(met.count("a") - 1500) < 3.5 * (2000 * 3 / 16) ** 0.5
    assert set(met) == {"a", "b"}


def test_thin_volumes_and_parts() -> None:
    mask = spots(5, 0.05)
    arrays = {"image": labelled(FINE), "labels": labelled(FINE, mask)}
    thin = plan(arrays, (16, 4, 4), Foreground(count=40), pad="reflect")
    assert all((b.riders["labels"] * b.mask).any() for b in thin)
    parts = split(arrays, {"train": 1, "test": 1})
    for part in parts.values():
        within = part[0].within
        for block in plan(part, 3, Foreground(count=30)):
            ends = zip(within.start, block.place.start, within.stop, strict=True)
            assert all(a <= b <= c - 3 for a, b, c in ends)
            assert block.riders["labels"].any()


def test_what_is_missing_is_not_wanted() -> None:
    volume = sparse(absent=frozenset({(0, 0, 0)}))
    way = Foreground("image", lambda voxels: voxels == 0, count=3)
    with pytest.raises(MissingError, match="no wanted voxel"):
        plan({"a": lazy(volume)}, 2, way)
    values = np.zeros(SHAPE, np.float32)
    values[2:4] = np.nan
    with pytest.raises(MissingError, match="no wanted voxel"):
        planned(labelled(FINE, values), Foreground())


def test_coarse_levels_that_lie_end_with_a_letter() -> None:
    fine = np.zeros(SHAPE, np.uint8)
    made = planned(
        shown(levels(fine, coarser(fine) + 1)), Foreground(scan=fine.size // 8)
    )
    with pytest.raises(MissingError, match="1000 places in turn where a coarse level"):
        made.place(0)


ELSEWHERE = Grid(SHAPE, FINE.voxel_size, (9000.0, 0.0, 0.0))


@pytest.mark.parametrize(
    ("way", "error", "message"),
    [
        (Foreground(), MissingError, "some foreground. Try: another wanted="),
        (Foreground("label"), OptionError, "did you mean 'labels'?"),
        (Foreground(wanted="x"), OptionError, "expected values of voxels"),
        (Foreground(wanted=lambda v: v), OptionError, "True or False for each of"),
        (Foreground(share=0), OptionError, "got share=0"),
        (Foreground(share="all"), OptionError, "got share='all'"),
        (Foreground(scan=7), MemoryLimitError, "in 7 bytes"),
        (Foreground(labelled(ELSEWHERE)), GeometryError, "one that overlaps"),
        (Foreground({"b": labelled(FINE)}), OptionError, "expected one for a"),
        (Foreground(7), OptionError, "got a int"),
    ],
)
def test_what_does_not_fit(way: Any, error: Any, message: str) -> None:
    with pytest.raises(error) as caught:
        planned(labelled(FINE, np.zeros(SHAPE, np.uint8)), way)
    assert message in str(caught.value)


def is_zero(voxels: Any) -> Any:
    return voxels == 0


def test_voxels_that_are_missing_are_never_drawn() -> None:
    volume = sparse(absent=frozenset({(0, 0, 0), (1, 2, 3)}))
    object.__setattr__(volume, "whole", np.where(spots(7, 0.5), volume.whole, 0))
    made = plan({"a": lazy(volume)}, 1, Foreground("image", is_zero, count=100))
    for index in range(100):
        place = made.place(index)
        region = Region(place.start, place.stop)
        assert volume.held(region).all()
        assert volume.read(region).item() == 0
    assert nonzero(np.array([np.nan, 0, 2, -1])).tolist() == [False, False, True, True]

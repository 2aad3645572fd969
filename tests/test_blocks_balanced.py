"""Balanced and weighted places, and blocks that show enough."""

from __future__ import annotations

import itertools
import pickle
from collections import Counter as Tally
from collections import defaultdict
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from block_levels import FINE, At, coarser, levels, outcomes, shown
from block_volumes import labelled, lazy, sparse
from emcatalog.blocks import (
    Balanced,
    Enough,
    Plan,
    Random,
    Tiles,
    Weighted,
    members,
    plan,
)
from emcatalog.blocks.places import Space
from emcatalog.blocks.weighted import contrast, origins
from emcatalog.errors import MissingError, OptionError
from emcatalog.geometry import Grid, Region

SHAPE = FINE.shape


def rare() -> Any:
    """Much of class 1, a little of class 2, one voxel of class 7."""
    voxels = np.zeros(SHAPE, np.uint16)
    voxels[:, 4:12] = 1
    voxels[2:4, 12:14, 6:10] = 2
    voxels[11, 15, 19] = 7
    return voxels


def planned(labels: Any, way: Any, size: Any = 3) -> Plan:
    return plan({"a": {"image": labelled(FINE), "labels": labels}}, size, way)


def test_each_class_is_exactly_as_likely_as_any_other() -> None:
    grid = Grid((2, 3, 4), (8.0, 4.0, 4.0))
    voxels = np.zeros(grid.shape, np.uint8)
    voxels[0], voxels[1, 2, 3], voxels[1, 0, :2] = 3, 9, 5
    arrays = {"image": labelled(grid), "labels": labelled(grid, voxels)}
    made = plan(arrays, 1, Balanced())
    found: dict[int, Fraction] = defaultdict(Fraction)
    where: dict[Any, Fraction] = defaultdict(Fraction)
    for place, chance in outcomes(lambda script: made.sampler.place(At(script))):
        found[int(voxels[place.start])] += chance
        where[place.start] += chance
    assert dict(found) == dict.fromkeys((3, 5, 9), Fraction(1, 3))
    assert where[1, 0, 1] == Fraction(1, 6)
    assert where[0, 1, 1] == Fraction(1, 36)


def test_rare_classes_are_met_as_often() -> None:
    made = planned(labelled(FINE, rare()), Balanced(count=3000), 1)
    seen = Tally(int(rare()[made.place(i).start]) for i in range(3000))
    assert set(seen) == {1, 2, 7}
    assert sum((n - 1000) ** 2 / 1000 for n in seen.values()) < 13.8  # 0.1 %
    again = pickle.loads(pickle.dumps(made))
    assert [again.place(i) for i in range(9)] == [made.place(i) for i in range(9)]
    assert "class 1, class 2, class 7" in repr(made)


def test_classes_of_a_coarse_level_are_checked_at_the_voxels() -> None:
    fine = rare()
    volumes = levels(fine, coarser(fine))
    made = planned(shown(volumes), Balanced(count=40, scan=volumes[1].whole.nbytes))
    assert volumes[0].seen == []
    named = {group.name for group in made.sampler.groups}
    assert named == {"class 1", "class 2", "class 7"}
    for index in range(40):
        assert {1, 2, 7} & set(np.unique(made[index].riders["labels"]).tolist())


def test_chosen_classes_and_some_of_all_blocks() -> None:
    made = planned(labelled(FINE, rare()), Balanced(classes=[7], count=20))
    assert all((block.riders["labels"] == 7).any() for block in made)
    made = planned(labelled(FINE, rare()), Balanced(classes=[7], count=400, share=0.5))
    met = sum(made.place(i).stop == SHAPE for i in range(400))
    assert 160 < met < 240
    every = planned(labelled(FINE, rare()), Balanced(ignore=()))
    assert len(every.sampler.groups) == 4


def test_a_class_of_one_dataset_is_drawn_from_it() -> None:
    other = np.where(rare() == 7, 0, rare())
    arrays = {
        name: {"image": labelled(FINE), "labels": labelled(FINE, voxels)}
        for name, voxels in (("a", rare()), ("b", other))
    }
    made = plan(arrays, 1, Balanced(count=2000))
    seen = Tally(
        (p.dataset, int(rare()[p.start])) for p in map(made.place, range(2000))
    )
    assert seen["b", 7] == 0
    assert abs(seen["a", 7] - 667) < 75
    assert abs(seen["a", 1] - seen["b", 1]) < 90


@pytest.mark.parametrize(
    ("labels", "way", "error", "message"),
    [
        (rare(), Balanced(classes=[1, 3]), MissingError, "no voxel of class 3 on lev"),
        (rare() * 0, Balanced(), MissingError, "expected voxels of some class"),
        (np.arange(3840).reshape(SHAPE), Balanced(), OptionError, "more than 256 kin"),
        (rare() * 0.5, Balanced(), OptionError, "got labels of float64; expected who"),
        (rare(), Balanced(share=2), OptionError, "got share=2"),
    ],
)
def test_labels_that_do_not_fit(
    labels: Any, way: Any, error: Any, message: str
) -> None:
    with pytest.raises(error) as caught:
        planned(labelled(FINE, labels), way)
    assert message in str(caught.value)


SIDE = st.integers(1, 9)


@settings(max_examples=60, deadline=None)
@given(st.tuples(SIDE, SIDE, SIDE), st.tuples(SIDE, SIDE, SIDE), st.data())
def test_cells_part_the_places(shape: Any, size: Any, data: st.DataObject) -> None:
    volume = sparse(shape)
    start = tuple(data.draw(st.integers(0, n - 1)) for n in shape)
    (found,) = members(lazy(volume))
    member = found.cropped(Region(start, shape))
    space = Space(0, member, size, padded=True)
    scale = Weighted(lambda voxels, real: 1).over((space,)).scales[0]
    assert scale is not None
    for axis, parts in enumerate(origins(space, scale.look, scale.cell)):
        assert [i for part in parts for i in part] == list(space.origins[axis])
        middle = size[axis] // 2
        first = start[axis] // scale.cell[axis]
        for number, part in enumerate(parts[1:-1], 1):
            cells = {(i + middle) // scale.cell[axis] - first for i in part}
            assert cells <= {number}


def by_first(voxels: Any, real: Any) -> float:
    return float(voxels.flat[0] // 64 % 4)


def test_places_are_as_likely_as_their_cells_are_heavy() -> None:
    made = plan({"a": labelled(FINE)}, 4, Weighted(by_first))
    (scale,) = made.sampler.scales
    ranges = origins(scale.space, scale.look, scale.cell)
    places = list(itertools.product(*map(range, map(len, ranges))))
    volume = labelled(FINE).values
    total, parts = int(scale.ends[-1]), np.diff(scale.ends, prepend=0)
    told = dict(zip(scale.numbers.tolist(), parts.tolist(), strict=True))
    weights = {}
    for number, place in enumerate(places):
        corner = tuple(i * c for i, c in zip(place, scale.cell, strict=True))
        count = np.prod([len(axis[i]) for axis, i in zip(ranges, place, strict=True)])
        weights[number] = by_first(volume[corner[0] :, corner[1] :, corner[2] :], 0)
        weights[number] *= int(count)
    whole = sum(weights.values())
    for number, weight in weights.items():
        # what is kept of weights has 40 bits
        assert told.get(number, 0) / total == pytest.approx(weight / whole, rel=1e-9)
    assert any(number not in told for number in weights)


def test_empty_parts_are_left_out() -> None:
    voxels = np.random.default_rng(0).integers(0, 255, SHAPE).astype(np.uint8)
    voxels[:, :, 8:] = 50
    made = plan({"a": labelled(FINE, voxels)}, 4, Weighted(count=100))
    assert all(block.data.std() > 0 for block in made)
    assert made.place(3) == pickle.loads(pickle.dumps(made)).place(3)
    assert made.epoch(1).place(3) != made.place(3)


def test_contrast_counts_what_is_real() -> None:
    voxels = np.array([[[1.0, 3.0, np.nan]]])
    assert contrast(voxels, ~np.isnan(voxels)) == 1
    assert contrast(voxels, np.zeros((1, 1, 3), bool)) == 0
    volume = sparse(absent=frozenset(itertools.product(range(3), range(4), range(2))))
    made = plan({"a": lazy(volume)}, 4, Weighted(count=40, weight=in_part))
    assert all(made.place(i).start[2] + 2 >= 8 for i in range(40))


def in_part(voxels: Any, real: Any) -> float:
    return float(real.mean())


@pytest.mark.parametrize(
    ("weight", "error", "message"),
    [
        (lambda v, r: 0, MissingError, "weights of 0 in all of"),
        (lambda v, r: -1, OptionError, "the weight -1"),
        (lambda v, r: float("nan"), OptionError, "the weight nan"),
        (lambda v, r: v, OptionError, "a number of at least 0 for each cell"),
    ],
)
def test_weights_that_do_not_fit(weight: Any, error: Any, message: str) -> None:
    with pytest.raises(error) as caught:
        plan({"a": labelled(FINE)}, 4, Weighted(weight))
    assert message in str(caught.value)


def test_where_takes_what_it_is_true_for() -> None:
    arrays = {"image": labelled(FINE), "labels": labelled(FINE, rare())}
    made = plan(arrays, 3, Random(60), where=Enough(0.5, "labels", [1, 2]))
    blocks = dict(made.read_many(range(60)))
    assert any(block.skipped for block in blocks.values())
    for index, block in blocks.items():
        assert np.isin(block.riders["labels"], [1, 2]).mean() >= 0.5
        assert block.place == made[index].place
        assert block.skipped == made[index].skipped
        first = block.skipped[0] if block.skipped else block.place
        assert first == made.place(index)


def test_where_sees_what_is_missing() -> None:
    volume = sparse(absent=frozenset({(0, 0, 0), (1, 1, 1)}))
    made = plan(lazy(volume), 5, Random(40), missing="mask", where=Enough(1.0, "mask"))
    assert all(block.mask.all() for block in made)


@pytest.mark.parametrize(
    ("made", "error", "message"),
    [
        (lambda a: plan(a, 3, Tiles(), where=Enough()), OptionError, "got where=Enou"),
        (lambda a: plan(a, 3, where=Enough(0.5, "x"))[0], OptionError, "got of='x'"),
        (
            lambda a: plan(a, 3, where=Enough(1, wanted=[9]))[0],
            MissingError,
            "voxels that where= refuses at 1000 places in turn",
        ),
        (lambda a: Enough(0), OptionError, "got least=0"),
        (lambda a: Enough("half"), OptionError, "got least='half'"),
    ],
)
def test_where_that_cannot_be(made: Any, error: Any, message: str) -> None:
    arrays = {"image": labelled(FINE), "labels": labelled(FINE, rare())}
    with pytest.raises(error) as caught:
        made(arrays)
    assert message in str(caught.value)

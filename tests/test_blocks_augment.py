"""Augmentations: pure, alike for data, mask and riders, true to where voxels lie."""

from __future__ import annotations

import contextlib
import itertools
import pickle
from collections import Counter as Tally
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from block_volumes import labelled, lazy, numbered, sparse
from emcatalog.blocks import (
    Block,
    Counter,
    Intensity,
    Mirror,
    Noise,
    Plan,
    Random,
    Rotate,
    plan,
)
from emcatalog.blocks.augment import rotations
from emcatalog.blocks.foreign import Transform
from emcatalog.blocks.turned import MovedBlock, Turn, TurnedBlock, turned
from emcatalog.errors import GeometryError, OptionError
from emcatalog.geometry import Grid

CUBE = Grid((9, 9, 9), (4.0, 4.0, 4.0), (100.0, 0.0, -8.0))
FLAT = Grid((9, 9, 9), (50.0, 4.0, 4.0))


def planned(grid: Grid = CUBE, size: Any = 4, **options: Any) -> Plan:
    image = labelled(grid)
    labels = labelled(grid, (image.values % 7).astype(np.uint8))
    arrays = {"image": image, "labels": labels}
    return plan({"a": arrays}, size, Random(60), **options)


def turn_back(told: xr.Dataset) -> xr.Dataset:
    return told.transpose("z", "y", "x").sortby(["z", "y", "x"])


@pytest.mark.parametrize("grid", [CUBE, FLAT], ids=["cube", "flat"])
@pytest.mark.parametrize(
    "steps",
    [[Mirror()], [Rotate()], [Rotate(), Mirror("y"), Rotate("zx", stream="more")]],
    ids=["mirror", "rotate", "all"],
)
def test_voxels_still_know_where_they_lie(grid: Grid, steps: Any) -> None:
    plain = planned(grid, pad="constant", size=(4, 4, 4))
    made = plain
    for step in steps:
        made = made.then(step)
    for before, after in zip(plain, made, strict=True):
        assert isinstance(after, TurnedBlock)
        assert after.data.flags.c_contiguous
        assert after.data.shape == before.data.shape
        assert after.place == before.place
        xr.testing.assert_equal(turn_back(after.to_xarray()), before.to_xarray())
        np.testing.assert_array_equal(
            after.riders["labels"], (after.data % 7).astype(np.uint8)
        )
    assert len({block.data.tobytes() for block in made}) > 30
    turns = {block.turn for block in made}
    assert len(turns) > 5
    if grid is FLAT:
        assert all(turn.order[0] == 0 for turn in turns)


def test_masks_are_turned_with_their_data() -> None:
    volume = sparse((12, 12, 12), absent=frozenset({(0, 0, 1), (1, 2, 0)}))
    even = replace(volume, grid=Grid((12, 12, 12), (4.0, 4.0, 4.0)))
    made = plan({"a": lazy(even)}, 6, Random(40), missing="mask")
    blocks = list(made.then(Rotate()).then(Mirror()))
    assert any(block.real is not None for block in blocks)
    for block in blocks:
        np.testing.assert_array_equal(block.mask, block.data > 0)


def test_shapes_follow_their_axes() -> None:
    block = planned(size=(2, 3, 4))[0]
    made = turned(block, Turn((2, 0, 1), (True, False, True)))
    assert made.data.shape == made.mask.shape == (4, 2, 3)
    assert dict(made.to_xarray().sizes) == {"x": 4, "z": 2, "y": 3}
    xr.testing.assert_equal(turn_back(made.to_xarray()), block.to_xarray())
    assert pickle.loads(pickle.dumps(made)).turn == made.turn


TURNS = [
    Turn(order, flips)
    for order in itertools.permutations(range(3))
    for flips in itertools.product((False, True), repeat=3)
]


@given(st.sampled_from(TURNS), st.sampled_from(TURNS))
def test_turns_add_up(one: Turn, two: Turn) -> None:
    voxels = numbered((2, 3, 4))
    np.testing.assert_array_equal(
        two.after(one).applied(voxels), two.applied(one.applied(voxels))
    )


def matrix(turn: Turn) -> Any:
    made = np.zeros((3, 3))
    for axis, (of, flip) in enumerate(zip(turn.order, turn.flips, strict=True)):
        made[axis, of] = -1 if flip else 1
    return made


@pytest.mark.parametrize(
    ("sides", "axes", "count"),
    [
        ([(8, 4.0)] * 3, "zyx", 24),
        ([(8, 50.0), (8, 4.0), (8, 4.0)], "zyx", 8),
        ([(4, 4.0), (8, 4.0), (8, 4.0)], "zyx", 8),
        ([(8, 4.0)] * 3, "yx", 4),
        ([(8, 1.0), (8, 2.0), (8, 3.0)], "zyx", 4),
        ([(8, 4.0)] * 3, "z", 1),
    ],
)
def test_rotations_are_the_group_that_keeps_the_block(
    sides: Any, axes: str, count: int
) -> None:
    found = [matrix(turn) for turn in rotations(sides, axes)]
    assert len(found) == len({each.tobytes() for each in found}) == count
    lengths = np.array(sides)
    for each in found:
        assert np.linalg.det(each) == pytest.approx(1)  # nothing is mirrored
        np.testing.assert_array_equal(np.abs(each) @ lengths, lengths)
        assert any(np.array_equal(each @ other, np.eye(3)) for other in found)


def test_each_turn_is_as_likely_as_any_other() -> None:
    block = planned()[0]
    steps: Any = [(Rotate(), 24), (Mirror(), 8), (Mirror("zx"), 4)]
    for step, count in steps:
        seen = Tally(step(block, Counter(0, 0, i)).turn for i in range(100 * count))
        assert len(seen) == count
        # chi-square of up to 23 degrees of freedom, 0.1 %
        assert sum((n - 100) ** 2 / 100 for n in seen.values()) < 49.7


ALL = (Rotate(), Mirror(), Intensity(), Noise())


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**60), st.integers(0, 9), st.integers(0, 59))
def test_steps_are_pure(seed: int, epoch: int, index: int) -> None:
    made = planned(seed=seed, normalize="percentile").epoch(epoch)
    for step in ALL:
        made = made.then(step)
    again = pickle.loads(pickle.dumps(made))
    again[(index + 1) % 60]
    one, other = made[index], again[index]
    assert one.data.dtype == np.float32
    np.testing.assert_array_equal(one.data, other.data)
    assert one.turn == other.turn
    assert not np.array_equal(one.data, made.epoch(epoch + 1)[index].data)


@pytest.mark.parametrize("dtype", ["u1", "i2", "u4", "u8", "f4", "f8"])
def test_types_are_kept_and_whole_numbers_stay_inside(dtype: str) -> None:
    ends = np.iinfo(dtype) if dtype[0] != "f" else np.finfo(np.float32)
    voxels = np.where(numbered(CUBE.shape) % 2, ends.max, 0).astype(dtype)
    block = plan({"a": labelled(CUBE, voxels)}, 9, Random(1))[0]
    if dtype[0] == "f":
        block = replace(block, data=(voxels > 0).astype(dtype))
    for step in (Intensity(), Noise(0.2)):
        made = step(block, Counter(0, 0, 3))
        assert made.data.dtype == np.dtype(dtype)
        assert made.data.shape == block.data.shape
        assert not np.array_equal(made.data, block.data)
        low, high = made.data[block.data == 0], made.data[block.data > 0]
        assert float(low.mean()) < float(high.mean())
        assert block.data.max() == (ends.max if dtype[0] != "f" else 1)


def test_intensity_is_what_it_says() -> None:
    data = np.linspace(-1, 2, 729).reshape(9, 9, 9)
    block = replace(planned(size=9)[0], data=data)
    for index in range(50):
        at = Counter(5, 0, index)
        shifted = Intensity(shift=0.3, scale=0, gamma=0)(block, at).data - data
        assert np.ptp(shifted) < 1e-12
        assert abs(shifted[0, 0, 0]) <= 0.3
        scaled = Intensity(shift=0, scale=0.5, gamma=0)(block, at).data / data
        assert np.ptp(scaled) < 1e-12
        assert 0.5 <= scaled[0, 0, 0] <= 1.5
        bent = Intensity(shift=0, scale=0, gamma=0.7)(block, at).data
        np.testing.assert_array_equal(np.sign(bent), np.sign(data))
        large = data > 1.1
        power = np.log(bent[large]) / np.log(data[large])
        assert np.ptp(power) < 1e-9
        assert np.exp(-0.7) <= power[0] <= np.exp(0.7)


def test_noise_is_bell_shaped_and_of_its_deviation() -> None:
    grid = Grid((64, 64, 64), (4.0, 4.0, 4.0))
    block = plan({"a": labelled(grid, np.zeros(grid.shape, "f4"))}, 64, Random(1))[0]
    noise = Noise(0.5)(block, Counter(1, 2, 3)).data.astype(float) / 0.5
    count = noise.size
    assert abs(noise.mean()) < 4 / count**0.5
    assert abs(noise.std() - 1) < 4 / count**0.5
    assert np.abs(noise).max() <= 3.5
    # four even numbers have a kurtosis of 3 - 1.2 / 4
    assert (noise**4).mean() == pytest.approx(2.7, abs=0.03)
    assert abs((noise[1:] * noise[:-1]).mean()) < 4 / count**0.5
    other = Noise(0.5, stream="other")(block, Counter(1, 2, 3)).data
    assert abs((noise * other).mean()) < 4 / count**0.5
    # the numbers of today are those of tomorrow
    shown = Noise(1.0)(block, Counter(0, 0, 0)).data[0, 0, :3]
    np.testing.assert_allclose(shown, [-1.1886706, -0.1658155, 0.3648523], rtol=1e-6)


@pytest.mark.parametrize(
    "made",
    [
        lambda: Mirror("zz"),
        lambda: Mirror(""),
        lambda: Rotate("xyw"),
        lambda: Intensity(scale=1),
        lambda: Intensity(shift=float("nan")),
        lambda: Intensity(gamma=-1),
        lambda: Noise(-0.1),
        lambda: Noise(float("inf")),
    ],
)
def test_steps_that_cannot_be(made: Any) -> None:
    with pytest.raises(OptionError):
        made()


class Shaken:
    """What a library with random numbers of its own looks like."""

    def __init__(self) -> None:
        self.numbers = np.random.RandomState()

    def set_random_state(self, seed: int) -> Shaken:
        self.numbers = np.random.RandomState(seed)
        return self

    def __call__(self, given: dict[str, Any]) -> dict[str, Any]:
        assert all(each.ndim == 4 for each in given.values())
        noise = self.numbers.normal(size=given["image"].shape)
        return {**given, "image": given["image"] + noise}


STATE: list[int] = []


@contextlib.contextmanager
def stated(number: int) -> Iterator[None]:
    STATE.append(number)
    yield
    STATE.pop()


def from_state(given: dict[str, Any]) -> dict[str, Any]:
    return {**given, "image": given["image"] * 0.0 + STATE[-1]}


@pytest.mark.parametrize(
    "step", [Transform(Shaken()), Transform(from_state, stated)], ids=["own", "within"]
)
def test_numbers_of_other_libraries_belong_to_the_block(step: Transform) -> None:
    made = planned().then(step)
    forth = [made[i].data for i in range(20)]
    back = [made[i].data for i in reversed(range(20))]
    for one, other in zip(forth, reversed(back), strict=True):
        np.testing.assert_array_equal(one, other)
    assert len({each.tobytes() for each in forth}) == 20
    assert not np.array_equal(made.epoch(1)[0].data, forth[0])
    assert STATE == []


def test_transforms_of_others_take_labels_and_mask_along() -> None:
    def cropped(given: dict[str, Any]) -> dict[str, Any]:
        return {name: each[:, 1:, :, ::-1] for name, each in given.items()}

    made = planned().then(Transform(cropped))
    block, plain = made[3], planned()[3]
    assert isinstance(block, MovedBlock)
    np.testing.assert_array_equal(block.data, plain.data[1:, :, ::-1])
    np.testing.assert_array_equal(
        block.riders["labels"], plain.riders["labels"][1:, :, ::-1]
    )
    assert block.mask.shape == (3, 4, 4)
    assert block.mask.dtype == np.bool_
    with pytest.raises(GeometryError, match="has moved the voxels"):
        block.to_xarray()
    again = Mirror()(block, Counter(0, 0, 0))
    with pytest.raises(GeometryError, match="has moved the voxels"):
        again.to_xarray()


def test_transforms_that_move_nothing_keep_the_place() -> None:
    step = Transform(lambda given: {**given, "image": given["image"] * 2}, moves=False)
    made = planned().then(Rotate()).then(step)
    block = made[5]
    assert isinstance(block, TurnedBlock)
    xr.testing.assert_equal(
        turn_back(block.to_xarray()).image, planned()[5].to_xarray().image * 2
    )


@pytest.mark.parametrize(
    ("transform", "options", "error", "message"),
    [
        (lambda g: {"image": g["image"]}, {}, OptionError, "no array 'mask'"),
        (lambda g: None, {}, OptionError, "no array 'image'"),
        (
            lambda g: {**g, "image": g["image"][0]},
            {},
            OptionError,
            "of shape (4, 4, 4)",
        ),
        (
            lambda g: {**g, "image": g["image"][:, 1:]},
            {},
            GeometryError,
            "image (3, 4, 4)",
        ),
        (
            lambda g: {k: v[:, 1:] for k, v in g.items()},
            {"moves": False},
            GeometryError,
            "expected one shape, (4, 4, 4)",
        ),
    ],
)
def test_transforms_that_do_not_fit(
    transform: Any, options: Any, error: Any, message: str
) -> None:
    with pytest.raises(error) as caught:
        planned().then(Transform(transform, **options))[0]
    assert message in str(caught.value)


def test_a_plain_block_is_turned_into_one_that_tells_so() -> None:
    block: Block = planned()[0]
    assert not isinstance(block, TurnedBlock)
    same = turned(block, Turn())
    xr.testing.assert_identical(same.to_xarray(), block.to_xarray())

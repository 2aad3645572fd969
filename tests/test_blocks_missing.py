"""Blocks where voxels are not there: padded, marked, replaced; never black."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from block_volumes import Sparse, labelled, lazy, numbered, sparse
from emcatalog.blocks import Points, Random, Stratified, plan
from emcatalog.errors import GeometryError, MissingError, TruncatedError
from emcatalog.geometry import Grid, Region

SHAPE = (12, 16, 20)
GRID = Grid(SHAPE, (8.0, 4.0, 4.0), (100.0, 0.0, -8.0))


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


@pytest.mark.parametrize("few", [0, 256])
def test_pieces_need_not_be_looked_at_one_by_one(
    few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emcatalog.blocks.missing.FEW_PIECES", few)
    volume = sparse(absent=frozenset({(0, 1, 1), (2, 1, 1), (2, 3, 0)}))
    block = plan(lazy(volume), SHAPE, Random(1), missing="mask")[0]
    np.testing.assert_array_equal(block.mask, volume.held(volume.grid.region))
    assert volume.asked == [Region((0, 4, 0), (12, 16, 8))]


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
    with pytest.raises(MissingError, match="32 places in turn"):
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

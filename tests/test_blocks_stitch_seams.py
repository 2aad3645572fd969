"""Weights of tiles: whole numbers that sum to one, wherever tiles and volumes end."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from block_volumes import labelled, numbered
from emcatalog.blocks import Tiles, plan
from emcatalog.blocks.seams import Blend, Crop, Seams, taken
from emcatalog.blocks.tiles import Lattice
from emcatalog.geometry import Grid


def lattice(shape: Any, size: Any, halo: Any, first: int = 0) -> Lattice:
    array = labelled(Grid(tuple(n + first for n in shape), (8.0, 4.0, 4.0)))
    inner = array.isel(z=slice(first, None), y=slice(first, None), x=slice(first, None))
    sampler: Any = plan(inner, size, Tiles(halo), pad="edge").sampler
    return sampler.lattices[0]


@st.composite
def lattices(draw: Any) -> Lattice:
    shape = draw(st.tuples(*[st.integers(1, 14)] * 3))
    size = draw(st.tuples(*[st.integers(1, 11)] * 3))
    halo = tuple(draw(st.integers(0, (n - 1) // 2)) for n in size)
    return lattice(shape, size, halo)


@settings(max_examples=100, deadline=None)
@given(made=lattices())
def test_weights_sum_to_one_and_lie_in_their_blocks(made: Lattice) -> None:
    seams = Seams(made)
    shape = made.space.member.within.shape
    total = np.zeros(shape, np.int64)
    written = np.zeros(shape, np.int64)
    for tile in range(int(np.prod(made.counts))):
        place, support = made.place(tile), seams.support(tile)
        assert all(a <= b for a, b in zip(place.start, support.start, strict=True))
        assert all(a >= b for a, b in zip(place.stop, support.stop, strict=True))
        assert seams.cell(tile) == place.write
        z, y, x = seams.weights(tile, support)
        weights = z[:, None, None] * y[:, None] * x
        assert weights.min() >= 0
        total[support.slices] += weights
        written[seams.cell(tile).slices] += 1
    assert (total == seams.whole).all()
    assert (written == 1).all()


@settings(max_examples=50, deadline=None)
@given(made=lattices())
def test_tiles_around_a_cell_are_all_that_reach_it(made: Lattice) -> None:
    seams = Seams(made)
    count = int(np.prod(made.counts))
    for cell in range(count):
        region = seams.cell(cell)
        reach = [t for t in range(count) if seams.support(t).intersect(region).size]
        assert seams.around(cell) == reach


def test_far_from_faces_a_tile_is_alone() -> None:
    seams = Seams(lattice((16, 1, 1), (12, 1, 1), (2, 0, 0)))
    z, _, _ = seams.weights(0, seams.support(0))
    assert z.tolist() == [8] * 6 + [7, 5, 3, 1]
    z, _, _ = seams.weights(1, seams.support(1))
    assert z.tolist() == [1, 3, 5, 7] + [8] * 6


def test_parts_are_copies() -> None:
    voxels = numbered((4, 4, 4))
    made = lattice((4, 4, 4), 4, 0)
    part = Crop(made, np.zeros(1, np.bool_)).cut(0, voxels)
    part[:] = 0
    assert voxels.min() == 1
    assert taken(voxels, made.place(0).write, (0, 0, 0)).flags.c_contiguous


def test_results_are_kept_no_longer_than_needed(tmp_path: Any) -> None:
    """In order, two layers of tiles at most wait."""
    from emcatalog.blocks.kept import Kept

    made = lattice((60, 12, 12), (10, 10, 10), (2, 2, 2))
    count = int(np.prod(made.counts))
    done = np.zeros(count, np.bool_)
    kept = Kept(tmp_path / "kept")
    blend = Blend(made, done, kept)
    most = 0
    for tile in range(count):
        assert blend.wanted(tile)
        part = blend.cut(tile, np.ones((10, 10, 10), np.float32))
        for cell, voxels in blend.cells(tile, part):
            assert (voxels == 1).all()
            done[cell] = True
        most = max(most, len(kept.tiles()))
    assert done.all()
    assert not kept.tiles()
    layer = made.counts[1] * made.counts[2]
    assert most <= 2 * layer + made.counts[2] + 2

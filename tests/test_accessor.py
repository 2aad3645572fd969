"""``da.em``: blocks equal slices, on every kind of array."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pint
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from backward_volume import GRID, Memory, lazy, on_dask, ordinary
from emcatalog.accessor.source import window_of
from emcatalog.driver.array import to_mask
from emcatalog.driver.chunks import dask_chunks
from emcatalog.geometry import AXES, Region
from emcatalog.record import Record
from emcatalog.volume import Pyramid

KINDS: dict[str, Callable[[], xr.DataArray]] = {
    "lazy": lazy,
    "dask": on_dask,
    "numpy": lambda: lazy().load(),
    "dask of xarray": lambda: lazy().chunk({"z": 5}),
    "ordinary": ordinary,
    "mask": lambda: to_mask(
        Pyramid((Memory(GRID),), Record()), 0, "x", dask_chunks(Memory(GRID))
    ),
}
CUTS: dict[str, Callable[[xr.DataArray], xr.DataArray]] = {
    "whole": lambda da: da,
    "sliced": lambda da: da.isel(z=slice(2, 18)).isel(y=slice(3, 23), x=slice(4, None)),
    "selected": lambda da: da.sel(y=slice(-20, 44)),
    "stepped": lambda da: da.isel(z=slice(1, None, 2), x=slice(None, None, 2)),
    "backwards": lambda da: da.isel(y=slice(None, None, -1)),
    "far apart": lambda da: da.isel(z=slice(None, None, 7)),
    "fancy": lambda da: da.isel(x=np.arange(3, 20)),
    "transposed": lambda da: da.transpose("x", "z", "y"),
    "computed": lambda da: da + 1,
    "stacked": lambda da: da.expand_dims(channel=2),
}


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("kind", KINDS)
def test_blocks_are_slices(kind: str, cut: str) -> None:
    array = CUTS[cut](KINDS[kind]())
    random = np.random.default_rng(len(kind) + len(cut))
    shape = (2, 5, 4)
    most = [array.sizes[dim] - n for dim, n in zip(AXES, shape, strict=True)]
    starts = random.integers(0, np.array(most) + 1, (7, 3))
    expected = [
        array.isel({d: slice(a, a + n) for d, a, n in zip(AXES, s, shape, strict=True)})
        for s in starts
    ]
    found = dict(array.em.blocks(starts=starts, shape=shape))
    assert sorted(found) == list(range(7))
    for index, block in enumerate(expected):
        alone = array.em.block(start=starts[index], shape=shape)
        xr.testing.assert_identical(alone, block)
        xr.testing.assert_identical(found[index], block.load())
        assert isinstance(found[index].variable._data, np.ndarray)


@settings(deadline=None, derandomize=True, max_examples=80)
@given(
    st.tuples(*(st.integers(1, 6) for _ in AXES)),
    st.tuples(*(st.floats(0, 1, exclude_max=True) for _ in AXES)),
    st.sampled_from(["whole", "sliced", "backwards"]),
)
def test_the_voxel_of_the_centre_is_in_the_middle(
    shape: Any, where: Any, cut: str
) -> None:
    array = CUTS[cut](lazy())
    # a position somewhere in each axis' inner voxels
    center = []
    for dim, part, size in zip(AXES, where, array.em.voxel_size, strict=True):
        inner = array[dim].values[3:-3]
        low = inner.min() - size / 2
        center.append(float(low + part * (inner.size * size - 1e-3)))
    block = array.em.block(center, shape)
    assert block.shape == shape
    middle = block.isel({d: n // 2 for d, n in zip(AXES, shape, strict=True)})
    labels = dict(zip(AXES, center, strict=True))
    xr.testing.assert_identical(middle, array.sel(labels))


def test_a_centre_on_a_face_is_the_exact_middle_of_an_even_block() -> None:
    block = lazy().em.block((100 - 1.48 + 5 * 2.96, -42 + 10 * 4, -4 + 6 * 8), 4)
    assert block.em.box == {
        "z": slice(107.4, 119.24),
        "y": slice(-10.0, 6.0),
        "x": slice(28.0, 60.0),
    }


def test_centres_are_lengths_of_any_kind() -> None:
    array, ureg = lazy(), pint.UnitRegistry()
    expected = array.em.block((120, 0, 100), 5)
    for center in (
        ("0.12 um", "0 nm", "100 nm"),
        [120 * ureg.nm, 0 * ureg.um, "0.1 um"],
        np.array([120.0, 0, 100]),
        [0.12, 0, 0.1] * ureg.um,
    ):
        xr.testing.assert_identical(array.em.block(center, 5), expected)
    ((index, block),) = array.em.blocks([("0.12 um", 0, 100)], 5)
    assert index == 0
    xr.testing.assert_identical(block, expected.load())


@pytest.mark.parametrize("kind", ["lazy", "dask"])
def test_many_blocks_are_one_request_of_the_engine(kind: str) -> None:
    volume = Memory(GRID)
    make = {"lazy": lazy, "dask": on_dask}[kind]
    array = make(volume).isel(z=slice(2, None))[:, 1:]
    blocks = array.em.blocks(starts=[(0, 0, 0), (3, 4, 5), (0, 0, 0)], shape=(2, 3, 4))
    order = [index for index, _ in blocks]
    assert order == [2, 1, 0]  # as they come
    region = Region((2, 1, 0), (4, 4, 4))
    assert volume.asked == [[region, Region((5, 5, 5), (7, 8, 9)), region]]


def test_nothing_is_read_before_it_is_asked_for() -> None:
    volume = Memory(GRID)
    lazy(volume).em.blocks(starts=[(0, 0, 0)], shape=2)
    lazy(volume).em.block(start=(0, 0, 0), shape=2)
    assert not volume.asked
    assert not list(lazy(volume).em.blocks([], 3))
    assert not list(lazy(volume).em.blocks(starts=[], shape=3))


def test_which_arrays_are_windows_of_volumes() -> None:
    for array in (lazy(), on_dask(), lazy().isel(z=2), on_dask()[1:, ::2]):
        assert window_of(array) is not None
    cached = xr.Dataset({"a": lazy()}).copy()
    assert window_of(cached.a) is not None
    loaded = lazy().load()
    for array in (loaded, on_dask() + 1, lazy()[[1, 5]], lazy().chunk(5), lazy().T):
        assert window_of(array) is None


def test_arrays_that_were_changed_show_the_change() -> None:
    for kind in ("lazy", "dask", "numpy"):
        array = KINDS[kind]().copy()
        if kind == "lazy":
            array.load()
        array[0:3] = 9
        ((_, block),) = array.em.blocks(starts=[(0, 0, 0)], shape=3)
        assert (block.values == 9).all()


def test_where_it_lies() -> None:
    array = lazy()
    assert array.em.voxel_size == GRID.voxel_size
    assert array.em.extent == GRID.extent
    assert array.em.box["z"] == slice(*GRID.edges(0))
    for cut in ("whole", "sliced", "backwards", "transposed"):
        part = CUTS[cut](array)
        xr.testing.assert_identical(part.sel(part.em.box), part)
    stepped = array[::2]
    assert stepped.em.voxel_size == GRID.voxel_size
    assert stepped.em.extent[0] == pytest.approx(19 * 2.96)
    assert array[:1].em.extent[0] == 2.96


def test_it_comes_with_the_arrays_and_not_with_the_face() -> None:
    code = (
        "import sys, emcatalog; assert 'xarray' not in sys.modules\n"
        "from emcatalog.driver import VolumeSource\n"
        "import xarray; assert hasattr(xarray.DataArray, 'em')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

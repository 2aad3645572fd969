"""``da.em``: blocks equal slices, on every kind of array."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pint
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from emcatalog.accessor.source import window_of
from emcatalog.driver.array import to_dataset, to_mask
from emcatalog.driver.chunks import dask_chunks
from emcatalog.errors import (
    CorruptError,
    GeometryError,
    LabelError,
    OptionError,
    UnitError,
)
from emcatalog.geometry import AXES, Grid, Region
from emcatalog.record import Record
from emcatalog.volume import Pyramid

SHAPE = (20, 24, 28)
GRID = Grid(SHAPE, (2.96, 4.0, 8.0), (100.0, -40.0, 0.0))
WHOLE = np.arange(np.prod(SHAPE), dtype=np.uint16).reshape(SHAPE)


@dataclass(frozen=True)
class Memory:
    """A volume that answers backwards, and tells what it was asked for at once."""

    grid: Grid
    dtype: np.dtype[Any] = WHOLE.dtype
    chunks: tuple[int, int, int] = (4, 4, 4)
    asked: list[list[Region]] = field(default_factory=list, compare=False)

    def read(self, region: Region) -> Any:
        return np.ascontiguousarray(WHOLE[region.slices])

    def read_many(self, regions: Any) -> Any:
        self.asked.append(list(regions))
        for index in reversed(range(len(regions))):
            yield index, self.read(regions[index])

    def stored(self, region: Region) -> Any:
        return self.read(region) % 2 == 0


def lazy(volume: Any = None) -> xr.DataArray:
    return to_dataset(Pyramid((volume or Memory(GRID),), Record()), 0, "x", {})["image"]


def on_dask(volume: Any = None) -> xr.DataArray:
    volume = volume or Memory(GRID)
    sizes = dask_chunks(volume, {"z": 8})
    pyramid = Pyramid((volume,), Record())
    return to_dataset(pyramid, 0, "x", {}, sizes)["image"]


def ordinary() -> xr.DataArray:
    """Read from a file by something else: no VoxelIndex, but a unit."""
    array = lazy().load().drop_indexes(AXES)
    return array.set_xindex("z").set_xindex("y").set_xindex("x")


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


STICKS_OUT = (
    r"^got block 0, of 5 x 5 x 5 voxels \(z, y, x\), which sticks out along 'z': "
    r"voxels -2 to 2; expected voxels 0 to 19; a centre from 104.44 up to, but "
    r"without, 151.8 nm has room. Try: take a smaller shape, or move the centre"
)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (
            {"center": (101, 0, 100), "shape": 5},
            LabelError,
            STICKS_OUT,
        ),
        ({"start": (0, 20, 0), "shape": 5}, LabelError, "along 'y': voxels 20 to 24"),
        ({"start": (0, 0, 0), "shape": 25}, LabelError, "expected voxels 0 to 19. Try"),
        ({"start": (0, 0, -1), "shape": 5}, LabelError, "along 'x': voxels -1 to 3"),
        ({"center": (1, 0, 0), "shape": 5}, LabelError, "the label 1 nm along 'z'"),
        ({"center": (120, 0)}, UnitError, "expected three lengths"),
        ({"center": "120 nm"}, UnitError, "expected three lengths"),
        ({"center": 120}, UnitError, "the centre 120; expected three lengths"),
        ({"center": (120, 0, "1 s")}, UnitError, "of dimension"),
        ({"center": (120, 0, float("nan"))}, LabelError, "nan"),
        ({}, OptionError, "neither a centre nor a start"),
        ({"center": (120, 0, 0), "start": (0, 0, 0)}, OptionError, "got both"),
        ({"start": (0, 0, 0), "shape": 0}, OptionError, "the shape 0; expected voxels"),
        ({"start": (0, 0, 0), "shape": (1, 2)}, OptionError, r"the shape \(1, 2\)"),
        ({"start": (0, 0, 0), "shape": 1.5}, OptionError, "the shape 1.5"),
        ({"start": (0, 0, 0), "shape": True}, OptionError, "the shape True"),
        ({"start": (0, 0)}, OptionError, "whole numbers"),
        ({"start": (0, 0, 0.5)}, OptionError, "whole numbers. Try: centres are in"),
        ({"start": 5}, OptionError, "whole numbers"),
    ],
)
def test_blocks_that_cannot_be(
    arguments: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        lazy().em.block(**arguments)


def test_many_are_refused_before_any_is_read() -> None:
    volume = Memory(GRID)
    with pytest.raises(LabelError, match="block 1, of 4 x 4 x 4"):
        lazy(volume).em.blocks(starts=[(0, 0, 0), (18, 0, 0)], shape=4)
    with pytest.raises(UnitError, match=r"centres of shape \(2, 4\)"):
        lazy(volume).em.blocks(np.zeros((2, 4)), 4)
    assert not volume.asked


@pytest.mark.parametrize(
    ("array", "kind", "message"),
    [
        (lazy().isel(z=3), GeometryError, r"got an array with {'y': 24, 'x': 28}"),
        (lazy().rename(z="t"), GeometryError, "expected dimensions z, y and x"),
        (lazy()[:0], GeometryError, "a voxel at least along each"),
        (lazy().drop_vars("y"), UnitError, "'y' without a coordinate in nanometres"),
        (ordinary().assign_coords(x=np.arange(28.0)), UnitError, "'x' without"),
        (
            ordinary().assign_coords(x=("x", np.arange(28.0), {"units": "um"})),
            UnitError,
            "'x' in 'um'; expected voxel centres in nanometres",
        ),
        (
            ordinary().assign_coords(x=("x", np.arange(28.0) ** 2, {"units": "nm"})),
            GeometryError,
            "not evenly spaced",
        ),
    ],
)
def test_arrays_that_have_no_blocks(
    array: xr.DataArray, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        array.em.block(start=(0, 0, 0), shape=2)
    with pytest.raises(kind, match=message):
        _ = array.em.voxel_size


def test_errors_of_reading_name_the_entry() -> None:
    class Broken(Memory):
        def read_many(self, regions: Any) -> Any:
            yield 0, self.read(regions[0])
            raise CorruptError(got="a chunk that does not decode")

    blocks = lazy(Broken(GRID)).em.blocks(starts=[(0, 0, 0), (1, 1, 1)], shape=2)
    assert next(blocks)[0] == 0
    with pytest.raises(CorruptError, match="^x: got a chunk"):
        next(blocks)


def test_it_comes_with_the_arrays_and_not_with_the_face() -> None:
    code = (
        "import sys, emcatalog; assert 'xarray' not in sys.modules\n"
        "from emcatalog.driver import VolumeSource\n"
        "import xarray; assert hasattr(xarray.DataArray, 'em')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

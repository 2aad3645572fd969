"""Pictures: the right planes, the right proportions, true scale bars."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from emcatalog.errors import GeometryError, LabelError, OptionError
from emcatalog.geometry import Grid
from emcatalog.index import voxel_coords
from emcatalog.view import (
    Words,
    bar_length,
    cut,
    gallery,
    length_text,
    orthoviews,
    shade,
    subtitle,
)

GRID = Grid((6, 20, 30), (50.0, 8.0, 8.0), (100.0, 4.0, 4.0))
WHITE = 250


def _array(name: str = "image", **attrs: str) -> xr.DataArray:
    values = np.arange(np.prod(GRID.shape), dtype=np.uint16).reshape(GRID.shape)
    return xr.DataArray(values, voxel_coords(GRID), name=name, attrs=attrs)


def _pixels(figure: Figure) -> NDArray[np.uint8]:
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    canvas.draw()  # type: ignore[no-untyped-call]
    return np.asarray(canvas.buffer_rgba())[..., :3]  # type: ignore[no-untyped-call]


def _plane(figure: Figure, name: str) -> Any:
    return next(a for a in figure.axes if a.get_gid() == f"plane-{name}")


def test_planes_are_those_of_the_array() -> None:
    array = _array()
    planes = cut(array, {"z": 160, "x": "0.1 um"})
    xy, xz, yz = planes.planes
    np.testing.assert_array_equal(xy.values, array.values[1])
    np.testing.assert_array_equal(xz.values, array.values[:, 10, :])
    np.testing.assert_array_equal(yz.values, array.values[:, :, 12].T)
    assert planes.at == (150.0, 84.0, 100.0)
    assert planes.edges == ((75.0, 375.0), (0.0, 160.0), (0.0, 240.0))
    assert [p.name for p in planes.planes] == ["xy", "xz", "yz"]


def test_a_flipped_or_transposed_array_gives_the_same_planes() -> None:
    array = _array()
    wanted = cut(array, {"z": 160, "y": 40, "x": 40})
    for other in (
        array.isel(z=slice(None, None, -1), x=slice(None, None, -1)),
        array.transpose("x", "z", "y"),
    ):
        found = cut(other, {"z": 160, "y": 40, "x": 40})
        for one, two in zip(wanted.planes, found.planes, strict=True):
            np.testing.assert_array_equal(one.values, two.values)
        assert found.edges == wanted.edges


def test_of_a_lazy_array_only_three_planes_are_read() -> None:
    read: list[int] = []

    class Counting(BackendArray):
        shape, dtype = (400, 500, 600), np.dtype("uint8")

        def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
            return indexing.explicit_indexing_adapter(
                key, self.shape, indexing.IndexingSupport.BASIC, self._read
            )

        def _read(self, key: Any) -> Any:
            out = np.broadcast_to(np.uint8(0), self.shape)[key]
            read.append(out.size)
            return out

    lazy = indexing.LazilyIndexedArray(Counting())
    grid = Grid((400, 500, 600), (8.0, 8.0, 8.0))
    variable = xr.Variable(("z", "y", "x"), lazy)
    cut(xr.DataArray(variable, voxel_coords(grid)))
    assert sorted(read) == [400 * 500, 400 * 600, 500 * 600]


def test_one_voxel_takes_its_size_from_the_index() -> None:
    planes = cut(_array().isel(z=[2]))
    assert planes.voxel_size == (50.0, 8.0, 8.0)
    assert planes.edges[0] == (175.0, 225.0)
    bare = _array().isel(z=[2]).drop_indexes("z")
    with pytest.raises(GeometryError, match="one voxel along z and no voxel size"):
        cut(bare)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (xr.DataArray(np.zeros((3, 3)), dims=("y", "x")), "expected z, y and x"),
        (
            xr.DataArray(np.zeros((3, 3, 3)), dims=("z", "y", "x")),
            "without coordinates",
        ),
        (_array().isel(z=slice(0, 0)), "at least one voxel along each"),
    ],
)
def test_what_is_no_volume_is_refused(array: xr.DataArray, message: str) -> None:
    with pytest.raises(GeometryError, match=message):
        orthoviews(array)


def test_other_words_are_refused() -> None:
    with pytest.raises(OptionError, match="did you mean 'dark'"):
        orthoviews(_array(), theme="drak")
    with pytest.raises(GeometryError, match="no array"):
        gallery({})
    with pytest.raises(LabelError, match="from 75 nm up to"):
        orthoviews(_array(), {"z": "1 mm"})


@given(st.floats(1e-3, 1e9))
def test_bars_are_round_and_as_long_as_there_is_room(room: float) -> None:
    length = bar_length(room)
    assert room / 2.51 <= length <= room * 1.002
    digits = f"{length:.3e}".partition("e")[0]
    assert digits in ("1.000", "2.000", "5.000")


@pytest.mark.parametrize("room", [0.0, -1.0, float("inf"), float("nan")])
def test_no_room_no_bar(room: float) -> None:
    with pytest.raises(GeometryError, match="a positive length"):
        bar_length(room)


def test_lengths_are_written_in_their_unit() -> None:
    told = [length_text(v) for v in (0.5, 200, 1000, 2500, 3e6)]
    assert told == ["0.5 nm", "200 nm", "1 µm", "2.5 µm", "3 mm"]


def test_contrast_counts_no_faulty_voxels_and_survives_flat_ones() -> None:
    noisy = np.array([np.nan, np.inf, 0, 1, 2, 3], np.float32)
    low, high = shade.limits([noisy])
    assert 0 <= low < high <= 3
    assert shade.limits([np.full(9, 7, np.uint8)]) == (6.5, 7.5)
    assert shade.limits([np.full(9, np.nan)]) == (0.0, 1.0)
    grey = shade.grey(noisy, 0, 2)
    assert grey.min() == 0
    assert grey.max() == 1


def test_a_label_has_one_colour_and_none_is_black() -> None:
    labels = np.array([[0, 7, 2**40 + 9], [7, 0, 8]], np.uint64)
    colours = shade.coloured(labels)
    assert colours.shape == (2, 3, 3)
    assert not colours[0, 0].any()
    assert not colours[1, 1].any()
    np.testing.assert_array_equal(colours[0, 1], colours[1, 0])
    assert np.abs(colours[0, 1] - colours[1, 2]).max() > 0.1
    figure = orthoviews(_array(name="segmentation"))
    assert np.ptp(_pixels(figure).astype(int), axis=-1).max() > 100


def test_voxels_keep_their_physical_proportions() -> None:
    figure = orthoviews(_array())
    sizes = {n: _plane(figure, n).get_window_extent() for n in ("xy", "xz", "yz")}
    assert sizes["xy"].width / sizes["xy"].height == pytest.approx(240 / 160)
    assert sizes["xz"].width / sizes["xz"].height == pytest.approx(240 / 300)
    assert sizes["yz"].width / sizes["yz"].height == pytest.approx(300 / 160)
    assert sizes["xy"].width == pytest.approx(sizes["xz"].width)
    assert sizes["xy"].height == pytest.approx(sizes["yz"].height)


@pytest.mark.parametrize("width", [4, 20, 33, 1000])
def test_the_scale_bar_is_as_long_as_it_says(width: int) -> None:
    grid = Grid((8, 16, width), (20.0, 20.0, 7.3))
    dark = xr.DataArray(np.zeros(grid.shape, np.uint8), voxel_coords(grid))
    dark[0, 0, 0] = 255  # so that the rest is black
    figure = orthoviews(dark)
    axes = _plane(figure, "xy")
    (label,) = (t.get_text() for t in axes.texts if t.get_text().endswith("m"))
    value, unit = label.split()
    said = float(value) * {"nm": 1, "µm": 1000}[unit]
    pixels = _pixels(figure)
    place = axes.get_window_extent()
    rows = pixels[len(pixels) - int(place.y1) : len(pixels) - int(place.y0)]
    inside = rows[:, int(place.x0) + 1 : int(place.x1) - 1]
    longest = max(_longest(row.min(axis=-1) > WHITE) for row in inside)
    assert longest * width * 7.3 / place.width == pytest.approx(
        said, abs=2.5 * width * 7.3 / place.width
    )


def test_all_planes_have_the_same_bar_where_there_is_room() -> None:
    def bars(array: xr.DataArray) -> list[float]:
        patches = (p for axes in orthoviews(array).axes for p in axes.patches)
        return [p.get_width() for p in patches if isinstance(p, Rectangle)]

    assert bars(_array()) == [50.0, 50.0, 50.0]
    assert bars(_array().isel(z=[0])) == [50.0, 50.0]


def _longest(bright: NDArray[np.bool_]) -> int:
    ends = np.flatnonzero(np.diff(np.concatenate([[0], bright.view(np.int8), [0]])))
    return int(np.max(ends[1::2] - ends[::2], initial=0))


@pytest.mark.parametrize("count", [1, 2, 3, 5, 6])
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_gallery_shows_every_volume(count: int, theme: str) -> None:
    arrays = {f"volume{n}": _array() for n in range(count)}
    figure = gallery(arrays, Words("title", "note", ("line",)), theme=theme)
    planes = [a for a in figure.axes if (a.get_gid() or "").startswith("plane-")]
    assert len(planes) == 3 * count
    pixels = _pixels(figure)
    columns = min(3, count)
    assert pixels.shape[1] == 96 + columns * 566 + (columns - 1) * 52
    for axes in planes:
        place = axes.get_window_extent()
        top, bottom = len(pixels) - int(place.y1), len(pixels) - int(place.y0)
        assert place.x0 >= 0
        assert place.x1 <= pixels.shape[1]
        assert pixels[top:bottom, int(place.x0) : int(place.x1)].std() > 20


def test_titles_tell_what_is_known() -> None:
    known = {"organism": "Mus musculus", "modality": "FIB-SEM", "tissue": ""}
    assert subtitle(_array(**known)) == "Mus musculus · FIB-SEM"
    figure = orthoviews(_array(dataset="dataset4", format="TIFF", **known))
    texts = [text.get_text() for text in figure.texts]
    assert {"dataset4", "Mus musculus · FIB-SEM", "TIFF · uint16"} <= set(texts)
    assert {"6", "20", "30", "50", "8"} <= set(texts)


def test_no_global_state_of_pyplot_is_touched() -> None:
    import subprocess
    import sys

    code = "import sys, emcatalog.view; print('matplotlib.pyplot' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("shape", [(1, 40, 40), (90, 2, 2), (2, 2, 90), (4, 90, 3)])
def test_odd_shapes_stay_on_the_page(shape: tuple[int, int, int]) -> None:
    grid = Grid(shape, (8.0, 8.0, 8.0))
    values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    array = xr.DataArray(values, voxel_coords(grid))
    figure = gallery({"a": array, "b": array})
    width, height = figure.get_size_inches() * 100
    assert height < 1.5 * width
    for axes in figure.axes:
        place = axes.get_window_extent()
        assert place.x0 >= 0
        assert place.y0 >= 0
        assert place.x1 <= width
        assert place.y1 <= height
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    ends = [text.get_window_extent(renderer).x1 for text in figure.texts]
    assert max(ends) <= width

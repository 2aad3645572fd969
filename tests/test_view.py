"""Pictures: the right planes, the right proportions, true scale bars."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw
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
    letters,
    orthoviews,
    shade,
    subtitle,
)

GRID = Grid((6, 20, 30), (50.0, 8.0, 8.0), (100.0, 4.0, 4.0))
WHITE = 250


def _array(name: str = "image", **attrs: str) -> xr.DataArray:
    values = np.arange(np.prod(GRID.shape), dtype=np.uint16).reshape(GRID.shape)
    return xr.DataArray(values, voxel_coords(GRID), name=name, attrs=attrs)


def _flat(grid: Grid, label: int = 1) -> xr.DataArray:
    values = np.full(grid.shape, label, np.uint16)
    return xr.DataArray(values, voxel_coords(grid), name="segmentation")


def _runs(found: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last but one of each run."""
    ends = np.flatnonzero(np.diff(np.concatenate([[0], found.view(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in ends.reshape(-1, 2)]


def _places(picture: Image.Image, label: int = 1) -> dict[str, tuple[slice, slice]]:
    """Rows and columns of the three planes of one label."""
    (colour,) = shade.coloured(np.array([label]))
    found = (np.asarray(picture) == colour).all(axis=-1)
    upper, lower = (slice(*run) for run in _runs(found.any(axis=1)))
    left, right = (slice(*run) for run in _runs(found.any(axis=0)))
    return {"xy": (upper, left), "xz": (lower, left), "yz": (upper, right)}


def _size(place: tuple[slice, slice]) -> tuple[int, int]:
    rows, columns = place
    return columns.stop - columns.start, rows.stop - rows.start


def _bar(picture: Image.Image, place: tuple[slice, slice]) -> int:
    """Pixels of the longest white line."""
    white = np.asarray(picture)[place].min(axis=-1) > WHITE
    return max((b - a for row in white for a, b in _runs(row)), default=0)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    draw = ImageDraw.ImageDraw.text

    def text(self: ImageDraw.ImageDraw, xy: Any, line: str, *how: Any, **more: Any):
        lines.append(line)
        assert all(how[1].getmask(c).size for c in line if c != " ")
        draw(self, xy, line, *how, **more)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", text)
    return lines


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
    assert grey.max() == 255


def test_a_label_has_one_colour_and_none_is_black() -> None:
    labels = np.array([[0, 7, 2**40 + 9], [7, 0, 8]], np.uint64)
    colours = shade.coloured(labels)
    assert colours.shape == (2, 3, 3)
    assert not colours[0, 0].any()
    assert not colours[1, 1].any()
    np.testing.assert_array_equal(colours[0, 1], colours[1, 0])
    assert np.ptp(colours[[0, 1], [1, 2]].astype(int), axis=0).max() > 25
    picture = np.asarray(orthoviews(_array(name="segmentation")), int)
    assert np.ptp(picture, axis=-1).max() > 100


def test_voxels_keep_their_physical_proportions() -> None:
    places = _places(orthoviews(_flat(GRID)))
    sizes = {name: _size(place) for name, place in places.items()}
    extents = {"xy": (240, 160), "xz": (240, 300), "yz": (300, 160)}
    scale = sizes["xy"][0] / 240
    for name, extent in extents.items():
        np.testing.assert_allclose(sizes[name], np.multiply(extent, scale), atol=2)


@pytest.mark.parametrize("width", [4, 20, 33, 1000, 2000])
def test_the_scale_bar_is_as_long_as_it_says(width: int, written: list[str]) -> None:
    picture = orthoviews(_flat(Grid((8, 16, width), (20.0, 20.0, 7.3))))
    place = _places(picture)["xy"]
    value, unit = next(line for line in written if line.endswith("m")).split()
    said = float(value) * {"nm": 1, "µm": 1000, "um": 1000}[unit]
    pixel = width * 7.3 / _size(place)[0]
    assert _bar(picture, place) * pixel == pytest.approx(said, abs=2.5 * pixel)


def test_all_planes_have_the_same_bar_where_there_is_room() -> None:
    def bars(array: xr.DataArray) -> list[float]:
        picture = orthoviews(array)
        places = _places(picture)
        pixel = 240 / _size(places["xy"])[0]
        return [_bar(picture, place) * pixel for place in places.values()]

    assert bars(_flat(GRID)) == pytest.approx([50, 50, 50], abs=0.6)
    *two, none = bars(_flat(GRID).isel(z=[0]))
    assert two == pytest.approx([50, 50], abs=0.6)
    assert none < 5


@pytest.mark.parametrize("count", [1, 2, 3, 5, 6])
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_gallery_shows_every_volume(count: int, theme: str) -> None:
    arrays = {f"volume{n}": _flat(GRID, n + 1) for n in range(count)}
    picture = gallery(arrays, Words("title", "note", ("line",)), theme=theme)
    columns = min(3, count)
    assert picture.width == 96 + columns * 566 + (columns - 1) * 52
    first = {name: _size(place) for name, place in _places(picture).items()}
    for n in range(count):
        places = _places(picture, n + 1)
        assert {name: _size(place) for name, place in places.items()} == first
        row, column = divmod(n, 3)
        assert places["xy"][1].start == pytest.approx(48 + column * 618, abs=1)
        assert (places["xy"][0].start > picture.height / 2) == bool(row)


def test_titles_tell_what_is_known(written: list[str]) -> None:
    known = {"organism": "Mus musculus", "modality": "FIB-SEM", "tissue": ""}
    assert subtitle(_array(**known)) == "Mus musculus · FIB-SEM"
    orthoviews(_array(dataset="dataset4", format="TIFF", **known))
    assert {"dataset4", "Mus musculus · FIB-SEM", "TIFF · uint16"} <= set(written)
    assert {"6", "20", "30", "50", "8"} <= set(written)


def test_without_fonts_of_the_system_all_is_told(
    written: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays = {f"volume{n}": _array(tissue="rétine — 日") for n in range(5)}
    words = Words("5 × 1 µm…", "note", ("a  = b",))
    usual = gallery(arrays, words)
    written.clear()
    monkeypatch.setattr(letters, "FAMILIES", ("absent.ttf, absent.ttf, absent.ttf",))
    plain = gallery(arrays, words)
    assert plain.size == usual.size
    assert {"5 x 1 um...", "retine - ?", "volume0", "a", "="} <= set(written)
    assert np.asarray(plain)[48:100].std() > 10  # the title


def test_letters_that_none_can_draw_are_spaces(written: list[str]) -> None:
    orthoviews(_array(), title="two\nlines\0 \ud800")
    assert "two lines   " in written


@pytest.mark.parametrize("shape", [(1, 40, 40), (90, 2, 2), (2, 2, 90), (4, 90, 3)])
def test_odd_shapes_stay_on_the_page(shape: tuple[int, int, int]) -> None:
    array = _flat(Grid(shape, (8.0, 8.0, 8.0)))
    picture = gallery({"a": array, "b": array})
    assert picture.height < 1.5 * picture.width
    pixels = np.asarray(picture)
    (colour,) = shade.coloured(np.array([1]))
    assert (pixels == colour).all(axis=-1).any()
    paper = pixels[0, 0]
    for edge in (pixels[:47], pixels[-47:], pixels[:, :47], pixels[:, -47:]):
        assert (edge == paper).all()

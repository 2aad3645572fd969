"""Every type of pixel and 1 to 4 dimensions: what is written is read, by others too."""

from __future__ import annotations

import math
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ncempy.io.dm import fileDM
from numpy.typing import NDArray

from dm_writer import DATA_TYPES, document, encode, image
from emcatalog.errors import FormatError, OptionError
from emcatalog.mirror import Mirrors
from emcatalog.testing import VolumeTests
from emcatalog.transport import Transport
from emcatalog.view import cut, orthoviews
from emcatalog.volume import Pyramid
from emcatalog_dm3 import Dm3Source, open_pyramid

TRANSPORT = Transport(mirrors=Mirrors())
NM = [(8.0, "nm")] * 3
LEAVES = st.one_of(
    st.text(max_size=8),
    st.booleans(),
    st.integers(-(2**31), 2**31 - 1),
    st.floats(allow_nan=False),
)
NAMES = st.text(st.characters(max_codepoint=255), min_size=1, max_size=8)
TAGS = st.recursive(
    st.dictionaries(NAMES.map("x".__add__), LEAVES, max_size=3),
    lambda inner: (
        st.dictionaries(NAMES.map("x".__add__), inner, max_size=2)
        | st.lists(inner, max_size=2)
    ),
    max_leaves=6,
)


def noise(shape: tuple[int, ...], dtype: str, seed: int = 0) -> NDArray[Any]:
    """Any bits: NaN, infinities and negative zeros too."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    data = np.frombuffer(np.random.default_rng(seed).bytes(size), np.uint8)
    stored = data & 1 if dtype == "bool" else data
    return stored.view(dtype).reshape(shape)


@contextmanager
def written(data: bytes, name: str = "a.dm4") -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / name
        place.write_bytes(data)
        yield place


def opened(place: Path, **options: Any) -> Pyramid:
    return open_pyramid(str(place), TRANSPORT, **{"voxel_size_nm": 1, **options})


def read(place: Path, **options: Any) -> NDArray[np.generic]:
    volume = opened(place, **options).level(0)
    return volume.read(volume.grid.region)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_what_is_written_is_read(data: st.DataObject) -> None:
    """Any type, shape, version, byte order and neighbourhood; ncempy agrees."""
    dtype = data.draw(st.sampled_from(sorted(DATA_TYPES)))
    shape = data.draw(st.lists(st.integers(1, 7), min_size=1, max_size=4).map(tuple))
    version, order = data.draw(
        st.sampled_from([(3, "<"), (3, ">"), (4, "<"), (4, ">")])
    )
    others = data.draw(st.integers(0, 1))
    pixels = noise(shape, dtype, seed=data.draw(st.integers(0, 99)))
    spare = [image(noise((2, 3), "uint8"), name="other")] * others
    mine = image(pixels, NM, "mine", tags={"x": data.draw(TAGS)})
    images = data.draw(st.permutations([mine, *spare]))
    first = {"x": data.draw(TAGS)}
    thumbnail, last = data.draw(st.sampled_from([None, (3, 5), (60, 70)])), False
    if thumbnail:
        last = data.draw(st.booleans())
    tree = document(*images, thumbnail=thumbnail, first=first, last=last)
    expected = pixels.reshape((1, 1, 1, *shape)[-4:])
    with written(encode(tree, version, order)) as place:
        name = "mine" if others else None
        for time in range(len(expected)):
            chosen = time if len(shape) == 4 else None
            found = read(place, image=name, time=chosen)
            assert found.dtype == pixels.dtype
            assert found.tobytes() == expected[time].tobytes()
        if order == "<" and dtype not in ("int64", "uint64", "bool"):
            at = images.index(mine) + (thumbnail is not None and not last)
            assert expected.tobytes() == ncempy(place, at, pixels.size)


def ncempy(place: Path, index: int, count: int) -> bytes:
    """Pixels of image ``index`` where, and of the type that, ncempy finds them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with fileDM(str(place)) as file:
            dtype = file._DM2NPDataType(file.dataType[index])
            offset = int(file.dataOffset[index])
            return np.fromfile(str(place), dtype, count, offset=offset).tobytes()


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("dimensions", [1, 2, 3])
@pytest.mark.parametrize("dtype", sorted(set(DATA_TYPES) - {"int64", "uint64"}))
def test_hyperspy_reads_the_same(dtype: str, dimensions: int, version: int) -> None:
    """A third reader, so that our writer and reader share no misunderstanding."""
    reader = pytest.importorskip("rsciio.digitalmicrograph")
    pixels = noise((2, 3, 5)[-dimensions:], dtype, seed=dimensions)
    units = [(0.008, "µm", -3.0), (2.0, "nm", 4.5), (30.0, "Å", 1.0)][:dimensions]
    with written(encode(document(image(pixels, units)), version)) as place:
        pyramid = opened(place)
        (signal,) = reader.file_reader(str(place))
        ours = read(place)
    assert signal["data"].dtype == ours.dtype
    assert signal["data"].tobytes() == ours.tobytes()
    nm = {"µm": 1e3, "nm": 1.0, "Å": 0.1}
    grid = pyramid.level(0).grid
    for axis in signal["axes"]:
        at, factor = "zyx".index(axis["name"]), nm[axis["units"]]
        assert grid.voxel_size[at] == pytest.approx(axis["scale"] * factor, rel=1e-6)
        assert grid.origin[at] == pytest.approx(axis["offset"] * factor, rel=1e-6)


class TestComplex(VolumeTests):
    """The whole contract with complex voxels."""

    @pytest.fixture
    def truth(self) -> NDArray[np.generic]:
        numbers = np.random.default_rng(1).normal(size=(4, 12, 17, 2))
        return numbers.astype("f4").view("c8")[..., 0]

    @pytest.fixture
    def source(self, tmp_path: Path, truth: NDArray[np.generic]) -> Dm3Source:
        place = tmp_path / "waves.dm4"
        place.write_bytes(encode(document(image(truth, NM)), 4, ">"))
        return Dm3Source(str(place))

    def test_values_pictures_and_attributes(
        self, source: Dm3Source, truth: NDArray[np.generic]
    ) -> None:
        array = source.to_dask()
        assert array.attrs["pixel_type"] == "complex64"
        np.testing.assert_array_equal(array.values, truth)
        np.testing.assert_array_equal(array.sel(z="16 nm").values, truth[2])
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of numpy, if the imaginary part is lost
            assert orthoviews(array).width
        shown = cut(array).planes[0].values
        np.testing.assert_array_equal(shown, np.abs(truth[2]))


def test_truth_values(tmp_path: Path) -> None:
    """Truth values of numpy, whatever byte but zero means true."""
    place = tmp_path / "mask.dm3"
    for bits in (noise((5, 7), "bool"), noise((5, 7), "uint8")):
        place.write_bytes(encode(document(image(bits, NM, kind=14))))
        found = read(place)[0]
        assert found.dtype == np.bool_
        np.testing.assert_array_equal(found, bits != 0)
        np.testing.assert_array_equal(found.view(np.uint8), (bits != 0).astype("u1"))
    masked = Dm3Source(str(place), voxel_size_nm=1).to_dask()
    np.testing.assert_array_equal(masked.values[0], bits != 0)
    assert orthoviews(masked).width


@pytest.mark.parametrize("kind", [8, 23])
@pytest.mark.parametrize("order", ["<", ">"])
def test_channel_of_rgb(kind: int, order: str) -> None:
    pixels = noise((3, 4, 4), "uint8")
    with written(encode(document(image(pixels, NM, kind=kind)), 3, order)) as place:
        with pytest.raises(FormatError, match=r"got an RGB picture.*channel=0"):
            opened(place)
        for channel in range(4):
            found = read(place, channel=channel)[0]
            np.testing.assert_array_equal(found, pixels[..., channel])
            record = opened(place, channel=channel).record
            assert record.value("channels") == ("red", "green", "blue", "alpha")
            assert record.value("channel") == channel
        with pytest.raises(OptionError, match=r"channel=4.*0 to 3"):
            opened(place, channel=4)
    with (
        written(encode(document(image(pixels[0], NM)))) as place,
        pytest.raises(OptionError, match=r"channel=1.*no channel"),
    ):
        opened(place, channel=1)


@pytest.mark.parametrize("kind", [5, 27, 28])
def test_packed_transforms_are_refused(kind: int) -> None:
    half = noise((5, 3), "complex64")
    with (
        written(encode(document(image(half, kind=kind)))) as place,
        pytest.raises(FormatError, match=rf"packed.*data type {kind}.*half of the"),
    ):
        opened(place)


def test_a_fourth_axis_is_chosen_from() -> None:
    pixels = noise((3, 2, 4, 5), "uint16")
    units = [*NM, (0.5, "s")]
    with written(encode(document(image(pixels, units, "movie")))) as place:
        listed = (
            r"movie \(3 x 2 x 4 x 5, uint16\): got 4 dimensions: x: 5 of 8 nm; "
            r"y: 4 of 8 nm; z: 2 of 8 nm; t: 3 of 0\.5 s \(time\).*time=0 to time=2"
        )
        with pytest.raises(FormatError, match=listed):
            opened(place)
        for time in range(3):
            np.testing.assert_array_equal(read(place, time=time), pixels[time])
            assert opened(place, time=time).record.value("time") == time
        for time in (-1, 3):
            with pytest.raises(OptionError, match=rf"time={time}; expected 0 to 2"):
                opened(place, time=time)
    with written(encode(document(image(pixels[:1], units)))) as place:
        np.testing.assert_array_equal(read(place), pixels[0])
        with pytest.raises(OptionError, match="time=1; expected no time, or 0"):
            opened(place, time=1)


def test_a_line() -> None:
    pixels = noise((9,), "float32")
    with written(encode(document(image(pixels, [(2.0, "nm")])))) as place:
        volume = opened(place, voxel_size_nm=[7, 5, None]).level(0)
        assert volume.grid.shape == (1, 1, 9)
        assert volume.grid.voxel_size == (7.0, 5.0, 2.0)
        assert volume.read(volume.grid.region).tobytes() == pixels.tobytes()
        with pytest.raises(FormatError, match="no voxel size along z, y in"):
            opened(place, voxel_size_nm=None)

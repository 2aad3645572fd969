"""DM3 and DM4 files as volumes: pixels, places, choices, and what they say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dm_writer import document, encode, image
from emcatalog.errors import EmcatalogError, FormatError, OptionError
from emcatalog.mirror import Mirrors
from emcatalog.testing import VolumeTests
from emcatalog.transport import Transport
from emcatalog.volume import Pyramid
from emcatalog_dm3 import Dm3Source, open_pyramid

TRANSPORT = Transport(mirrors=Mirrors())
KNOWN = [(8.0, "nm"), (8.0, "nm"), (50.0, "nm")]


def opened(place: Path | str | list[str], **options: Any) -> Pyramid:
    return open_pyramid(
        place if isinstance(place, list) else str(place), TRANSPORT, **options
    )


def read(place: Path | str | list[str], **options: Any) -> NDArray[np.generic]:
    volume = opened(place, **options).level(0)
    return volume.read(volume.grid.region)


def noise(shape: tuple[int, ...], dtype: str = "uint8", seed: int = 0) -> NDArray[Any]:
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    data = np.random.default_rng(seed).bytes(size)
    return np.frombuffer(data, dtype).reshape(shape).copy()


def thick(scale: float = 50.0, unit: str = "nm") -> dict[str, Any]:
    info = [{}, {}, {"Scale": scale, "Units": unit}]
    return {"Meta Data": {"Dimension info": info, "Format": "Image"}}


def series(folder: Path, count: int = 4, **more: Any) -> NDArray[np.uint8]:
    """Slices of 12 x 17 pixels, their names in no order of letters."""
    stack = noise((count, 12, 17))
    for z, plane in enumerate(stack):
        tags = image(plane, KNOWN, f"slice {z}", tags=thick())
        file = document(tags, thumbnail=(4 + 3 * z, 5), **more)
        (folder / f"cell7_slice_{z + 8}.dm3").write_bytes(encode(file))
    return stack


@pytest.fixture
def one(tmp_path: Path) -> Callable[..., Path]:
    """Write one file of the images given."""

    def write(*images: Any, **more: Any) -> Path:
        place = tmp_path / "one.dm3"
        place.write_bytes(encode(document(*images, **more)))
        return place

    return write


class TestConformance(VolumeTests):
    @pytest.fixture
    def truth(self, tmp_path: Path) -> NDArray[np.generic]:
        return series(tmp_path)

    @pytest.fixture
    def source(self, tmp_path: Path, truth: NDArray[np.generic]) -> Dm3Source:
        return Dm3Source(str(tmp_path))

    @pytest.fixture
    def damaged(self, tmp_path: Path, truth: NDArray[np.generic]) -> Dm3Source:
        source = Dm3Source(str(tmp_path))
        assert source.volume
        place = tmp_path / "cell7_slice_9.dm3"
        place.write_bytes(place.read_bytes()[:600])
        return source


def test_slices_by_folder_pattern_range_and_list(tmp_path: Path) -> None:
    stack = series(tmp_path)
    (tmp_path / "notes.txt").touch()
    (tmp_path / "cell7.xml.gz").touch()
    paths = [str(tmp_path / f"cell7_slice_{n}.dm3") for n in (8, 9, 10, 11)]
    for place in (
        tmp_path,
        f"{tmp_path}/*.dm3",
        f"{tmp_path}/cell7_slice_{{8..11}}.dm3",
        paths,
    ):
        np.testing.assert_array_equal(read(place), stack)
    np.testing.assert_array_equal(read(paths[::-1]), stack[::-1])
    assert opened(tmp_path).level(0).grid.voxel_size == (50.0, 8.0, 8.0)


def test_upper_case_and_dm4_slices(tmp_path: Path) -> None:
    pixels = noise((2, 3, 4))
    for z, name in enumerate(("S1.DM3", "S2.Dm4")):
        file = document(image(pixels[z], KNOWN, tags=thick()))
        (tmp_path / name).write_bytes(encode(file, version=3 + z))
    np.testing.assert_array_equal(read(tmp_path), pixels)


def test_missing_slice(tmp_path: Path) -> None:
    stack = series(tmp_path)
    (tmp_path / "cell7_slice_10.dm3").unlink()
    with pytest.raises(FormatError, match=r"no cell7_slice_10\.dm3"):
        opened(tmp_path)
    pyramid = opened(tmp_path, gaps="absent")
    volume = pyramid.level(0)
    stack[2] = 0
    np.testing.assert_array_equal(volume.read(volume.grid.region), stack)
    stored = volume.stored(volume.grid.region)
    assert stored.any(axis=(1, 2)).tolist() == [True, True, False, True]
    assert pyramid.record.value("gaps") == "1 of 4 sections are absent: z index 2"


def test_no_slices(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(EmcatalogError, match=r"\.dm3, \.dm4.*folder has notes\.txt"):
        opened(tmp_path)


@pytest.mark.parametrize(
    ("odd", "message"),
    [
        (image(noise((12, 16)), KNOWN), r"shape.*\(1, 12, 16\).*\(1, 12, 17\), as in"),
        (image(noise((12, 17), "uint16"), KNOWN), r"pixel type <u2 x 1.*\|u1 x 1"),
        (image(noise((12, 17)), [(8.0, "nm"), (8.02, "nm")]), r"8\.02 nm along y"),
        (image(noise((12, 17)), KNOWN, tags=thick(40.0)), r"40\.0 nm along z.*50\.0"),
    ],
)
def test_a_slice_unlike_the_others_is_named(
    tmp_path: Path, odd: Any, message: str
) -> None:
    series(tmp_path)
    (tmp_path / "cell7_slice_10.dm3").write_bytes(encode(document(odd)))
    with pytest.raises(FormatError, match=rf"slice_10\.dm3: got .*{message}"):
        opened(tmp_path)


def test_nearly_equal_voxels_are_equal(tmp_path: Path) -> None:
    stack = series(tmp_path)
    near = image(stack[2], [(8.004, "nm"), (8e-3, "Âµm")], tags=thick(0.05, "um"))
    (tmp_path / "cell7_slice_10.dm3").write_bytes(encode(document(near)))
    np.testing.assert_array_equal(read(tmp_path), stack)


def test_stacks_do_not_make_a_series(tmp_path: Path) -> None:
    for n in (1, 2):
        file = encode(document(image(noise((3, 4, 5)), KNOWN)))
        (tmp_path / f"stack{n}.dm3").write_bytes(file)
    with pytest.raises(FormatError, match="a stack of 3 planes in a series"):
        opened(tmp_path)


def test_several_images_ask_for_a_choice(one: Callable[..., Path]) -> None:
    first, second = noise((3, 4)), noise((5, 6), "float32")
    place = one(
        image(first, KNOWN, "survey"), image(second, KNOWN, "HAADF", tags=thick())
    )
    listing = r"1: survey \(3 x 4, uint8\); 2: HAADF \(5 x 6, float32\)"
    with pytest.raises(OptionError, match=rf"2 images: {listing}.*image=1 chooses"):
        opened(place)
    for choice in (2, "2", "HAADF"):
        assert read(place, image=choice).tobytes() == second.tobytes()
    for choice in (0, 7, "hadf"):
        with pytest.raises(
            OptionError, match=rf"image={choice!r}, which fits 0.*HAADF"
        ):
            opened(place, image=choice)


@pytest.mark.parametrize(
    ("refused", "message"),
    [
        (image(noise((3, 4)), kind=99), "data type 99.*newer than this driver"),
        (image(noise((2, 1, 2, 3, 2))), "got 5 dimensions; expected 1 to 4"),
        (image(noise((0, 4))), r"dimensions \(4, 0\)"),
        (image(noise((3, 4)), kind=10), "12 bytes of pixels; expected 24"),
        (image(noise((3, 4)), kind=13), "12 bytes of pixels; expected 192"),
    ],
)
def test_what_is_no_volume_is_refused(
    one: Callable[..., Path], refused: Any, message: str
) -> None:
    with pytest.raises(FormatError, match=message) as caught:
        opened(one(refused), voxel_size_nm=1)
    assert "one.dm3, image 1, unnamed (" in str(caught.value)


@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("names", [("a", "b"), ("Ωmega µ", "漢字 🔬"), ("b", "a")])
def test_images_by_name_wherever_the_thumbnail_is(
    one: Callable[..., Path], names: tuple[str, str], last: bool
) -> None:
    pixels = noise((2, 3, 4))
    images = [
        image(p, KNOWN, n, tags=thick()) for p, n in zip(pixels, names, strict=True)
    ]
    place = one(*images, last=last)
    for plane, name, index in zip(pixels, names, (0, 1), strict=True):
        np.testing.assert_array_equal(read(place, image=name)[0], plane)
        np.testing.assert_array_equal(read(place, image=index + 1 - last)[0], plane)
    with pytest.raises(OptionError, match=r"fits 0 images"):
        opened(place, image=2 if last else 0)


def test_images_of_one_name_are_chosen_by_index(one: Callable[..., Path]) -> None:
    pixels = noise((2, 3, 4))
    place = one(
        *(image(p, KNOWN, "same", tags=thick()) for p in pixels), thumbnail=None
    )
    with pytest.raises(OptionError, match="'same', which fits 2 images.*by index"):
        opened(place, image="same")
    for index, plane in enumerate(pixels):
        np.testing.assert_array_equal(read(place, image=index)[0], plane)


def test_only_a_thumbnail(one: Callable[..., Path]) -> None:
    with pytest.raises(FormatError, match="1 images, of which 1 are thumbnails"):
        opened(one())

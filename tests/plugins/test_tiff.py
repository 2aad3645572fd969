"""TIFF volumes against tifffile as an oracle, on written files and on real ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from emcatalog.geometry import Region
from emcatalog.mirror import Mirrors
from emcatalog.sample import truth
from emcatalog.testing import VolumeTests
from emcatalog.transport import Transport
from emcatalog_tiff import TiffSource, open_pyramid

TRANSPORT = Transport(mirrors=Mirrors())
TYPES = ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8")
TILES = ((16, 32), (48, 64))
STREAMS = (None, "lzw", "zlib", "packbits", "zstd", "lzma")


def read(path: Path | str, **options: Any) -> NDArray[np.generic]:
    options.setdefault("voxel_size_nm", 1)
    volume = open_pyramid(str(path), TRANSPORT, **options).level(0)
    return volume.read(volume.grid.region)


def noise(shape: tuple[int, ...], dtype: str, seed: int = 0) -> NDArray[Any]:
    random = np.random.default_rng(seed)
    if dtype.startswith("f"):
        return random.normal(size=shape).astype(dtype)
    info = np.iinfo(dtype)
    return random.integers(info.min, info.max, shape, dtype, endpoint=True)


@st.composite
def layouts(draw: st.DrawFn) -> dict[str, Any]:
    """Options of tifffile.imwrite that may be combined."""
    dtype = draw(st.sampled_from(TYPES))
    compression = draw(st.sampled_from(STREAMS))
    kinds = (None, 3) if dtype.startswith("f") else (None, 2)
    predictor = draw(st.sampled_from(kinds)) if compression else None
    pieces = draw(
        st.sampled_from(
            [{}, *({"rowsperstrip": n} for n in (1, 7)), *({"tile": t} for t in TILES)]
        )
    )
    return {
        "dtype": dtype,
        "byteorder": draw(st.sampled_from("<>")),
        "bigtiff": draw(st.booleans()),
        "compression": compression,
        "predictor": predictor,
        "shape": (
            draw(st.integers(1, 4)),
            *draw(st.sampled_from(((21, 45), (33, 32)))),
        ),
        **pieces,
    }


@given(layouts())
@settings(max_examples=120, deadline=None)
def test_any_layout_reads_as_tifffile_reads_it(
    tmp_path_factory: pytest.TempPathFactory, options: dict[str, Any]
) -> None:
    path = tmp_path_factory.mktemp("layout") / "a.tif"
    shape = options.pop("shape")
    voxels = noise(shape, options.pop("dtype"))
    order = options["byteorder"]
    stored = voxels.astype(voxels.dtype.newbyteorder(order))
    tifffile.imwrite(path, stored, photometric="minisblack", **options)
    volume = open_pyramid(str(path), TRANSPORT, voxel_size_nm=1).level(0)
    assert volume.grid.shape == shape
    assert volume.dtype == voxels.dtype
    np.testing.assert_array_equal(volume.read(volume.grid.region), voxels)
    box = Region((0, 5, 3), (shape[0], 19, 30))
    np.testing.assert_array_equal(volume.read(box), voxels[box.slices])
    np.testing.assert_array_equal(tifffile.imread(path).reshape(shape), voxels)


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
@pytest.mark.parametrize("pieces", [{}, {"rowsperstrip": 5}, {"tile": (16, 16)}])
def test_a_sample_of_a_colour_picture(
    tmp_path: Path, planar: str, compression: str | None, pieces: dict[str, Any]
) -> None:
    colours = noise((2, 20, 30, 3), "u2")
    stored = colours if planar == "contig" else np.moveaxis(colours, -1, 1)
    path = tmp_path / "rgb.tif"
    tifffile.imwrite(
        path, stored, photometric="rgb", planarconfig=planar, compression=compression,
        predictor=2 if compression else None, **pieces,
    )  # fmt: skip
    for channel in range(3):
        np.testing.assert_array_equal(
            read(path, channel=channel), colours[..., channel]
        )


@pytest.mark.parametrize("tile", [None, (64, 64)])
@pytest.mark.parametrize(
    ("compression", "options"),
    [
        ("jpeg2000", {"reversible": True}),
        ("webp", {"lossless": True}),
        ("jpegxl", {"lossless": True}),
        ("lerc", {}),
        ("png", {}),
        ("jpeg", {"level": 90}),
    ],
)
def test_picture_codecs(
    tmp_path: Path,
    compression: str,
    options: dict[str, Any],
    tile: tuple[int, int] | None,
) -> None:
    path = tmp_path / "a.tif"
    colours = 3 if compression == "webp" else 1
    voxels = noise((3, 64, 128, colours), "u1").squeeze()
    tifffile.imwrite(
        path, voxels, tile=tile, compression=compression, compressionargs=options,
        photometric="rgb" if colours == 3 else "minisblack",
    )  # fmt: skip
    expected = tifffile.imread(path)
    if colours == 3:
        np.testing.assert_array_equal(read(path, channel=1), expected[..., 1])
    else:
        np.testing.assert_array_equal(read(path), expected)
    record = open_pyramid(str(path), TRANSPORT, channel=0, voxel_size_nm=1).record
    assert record.value("lossy") == {"jpeg": 1, "png": 0}.get(compression)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i4"])
def test_differences_in_lerc(tmp_path: Path, dtype: str) -> None:
    path, voxels = tmp_path / "a.tif", noise((2, 21, 45), "u1").astype(dtype)
    tifffile.imwrite(
        path, voxels, compression="lerc", predictor=2, photometric="minisblack"
    )
    np.testing.assert_array_equal(read(path), voxels)


@pytest.mark.parametrize("subsampling", [(1, 1), (2, 2)])
def test_jpeg_colours(tmp_path: Path, subsampling: tuple[int, int]) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, noise((2, 48, 64, 3), "u1"), photometric="ycbcr", compression="jpeg",
        subsampling=subsampling, tile=(16, 32),
    )  # fmt: skip
    for channel in range(3):
        expected = tifffile.imread(path)[..., channel]
        np.testing.assert_array_equal(read(path, channel=channel), expected)


@pytest.mark.parametrize("bits", [1, 2, 4, 6, 10, 12, 14, 24])
def test_packed_integers(tmp_path: Path, bits: int) -> None:
    dtype = "u1" if bits <= 8 else "u2" if bits <= 16 else "u4"
    voxels = noise((2, 9, 13), dtype) & np.array((1 << bits) - 1, dtype)
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path,
        voxels.astype(bool) if bits == 1 else voxels,
        bitspersample=bits,
        photometric="minisblack",
    )
    found = read(path)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, voxels)


def test_palettes_are_indices_and_white_is_not_exchanged(tmp_path: Path) -> None:
    voxels = noise((16, 16), "u1")
    palette = noise((3, 256), "u2")
    tifffile.imwrite(
        tmp_path / "p.tif", voxels, photometric="palette", colormap=palette
    )
    tifffile.imwrite(tmp_path / "w.tif", voxels, photometric="miniswhite")
    np.testing.assert_array_equal(read(tmp_path / "p.tif")[0], voxels)
    np.testing.assert_array_equal(read(tmp_path / "w.tif")[0], voxels)


def test_absent_tiles_are_zeros_and_not_stored(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tiles = iter([b"\1" * 256, b"", b"", b"\2" * 256])
    tifffile.imwrite(path, tiles, shape=(32, 32), dtype="u1", tile=(16, 16))
    volume = open_pyramid(str(path), TRANSPORT, voxel_size_nm=1).level(0)
    found = volume.read(volume.grid.region)[0]
    assert found[::16, ::16].tolist() == [[1, 0], [0, 2]]
    stored = volume.stored(volume.grid.region)[0]
    assert stored[::16, ::16].tolist() == [[True, False], [False, True]]


class TestInsight(VolumeTests):
    """EPFL's layout: strips of four rows, each directory behind its pixels."""

    @pytest.fixture
    def truth(self) -> NDArray[np.generic]:
        return noise((12, 37, 53), "u1")

    @pytest.fixture
    def source(self, tmp_path: Path, truth: NDArray[np.uint8]) -> TiffSource:
        from emcatalog.sample import tiff

        tiff.insight(tmp_path / "a.tif", truth)
        return TiffSource(str(tmp_path / "a.tif"), voxel_size_nm=[5, 5, 5])

    @pytest.fixture
    def damaged(self, tmp_path: Path, truth: NDArray[np.uint8]) -> TiffSource:
        from emcatalog.sample import tiff

        tiff.imagej(tmp_path / "b.tif", truth, "ImageJ=1.52p\nimages=12\nslices=12\n")
        data = (tmp_path / "b.tif").read_bytes()
        (tmp_path / "b.tif").write_bytes(data[: len(data) // 2])
        return TiffSource(str(tmp_path / "b.tif"), voxel_size_nm=[5, 5, 5])


def test_the_sample_of_dataset_3(sample_root: Path) -> None:
    (path,) = (sample_root / "https/documents.epfl.ch").rglob("volumedata.tif")
    np.testing.assert_array_equal(read(path), truth("dataset3")[0])


class TestCompressedSeries(VolumeTests):
    """One file for each section, compressed tiles."""

    @pytest.fixture
    def truth(self) -> NDArray[np.generic]:
        return noise((5, 70, 90), "i2")

    @pytest.fixture
    def source(self, tmp_path: Path, truth: NDArray[np.int16]) -> TiffSource:
        for z, section in enumerate(truth):
            tifffile.imwrite(
                tmp_path / f"s_{z + 8}.tif", section, tile=(32, 32), compression="lzw"
            )
        return TiffSource(f"{tmp_path}/s_*.tif", voxel_size_nm=[50, 8, 8])

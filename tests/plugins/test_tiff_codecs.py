"""TIFF: every compression and predictor over every layout, written by other libraries.

tifffile and Pillow (libtiff) write; what they do not write is made here from segments
that imagecodecs encodes, or by the few lines that the format needs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from emcatalog.errors import CorruptError
from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport
from emcatalog_tiff import open_pyramid
from tiff_writer import encoded

TRANSPORT = Transport(mirrors=Mirrors())
TYPES = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8", "c8", "c16"]
RANDOM = np.random.default_rng(0)
BITS = RANDOM.random((61, 45)) > 0.5


def read(path: Path, **options: Any) -> NDArray[np.generic]:
    volume = open_pyramid(str(path), TRANSPORT, voxel_size_nm=1, **options).level(0)
    return volume.read(volume.grid.region)


def noise(shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    random = np.random.default_rng(1)
    if dtype.startswith("c"):
        parts = random.normal(size=(2, *shape))
        return (parts[0] + 1j * parts[1]).astype(dtype)
    if dtype.startswith("f"):
        return random.normal(size=shape).astype(dtype)
    info = np.iinfo(dtype)
    return random.integers(info.min, info.max, shape, dtype, endpoint=True)


PREDICTORS = {"u": (2, 34892, 34893), "i": (2, 34892, 34893), "c": ()}
PREDICTORS["f"] = (2, 3, 34892, 34893, 34894, 34895)


@st.composite
def layouts(draw: st.DrawFn) -> dict[str, Any]:
    """Options of tifffile.imwrite that may be combined."""
    dtype = draw(st.sampled_from(TYPES))
    compression = draw(
        st.sampled_from((None, "lzw", "zlib", "packbits", "zstd", "lzma"))
    )
    known = PREDICTORS[dtype[0]] if compression else ()
    return {
        "dtype": dtype,
        "compression": compression,
        "predictor": draw(st.sampled_from((None, *known))),
        "byteorder": draw(st.sampled_from("<>")),
        "bigtiff": draw(st.booleans()),
        "planarconfig": draw(st.sampled_from((None, "contig", "separate"))),
        **draw(st.sampled_from(({"rowsperstrip": 7}, {"tile": (16, 32)}))),
    }


@given(layouts())
@settings(max_examples=150, deadline=None)
def test_the_matrix(
    tmp_path_factory: pytest.TempPathFactory, options: dict[str, Any]
) -> None:
    path = tmp_path_factory.mktemp("matrix") / "a.tif"
    planar = options["planarconfig"]
    voxels = noise((2, 21, 45, 3) if planar else (2, 21, 45), options.pop("dtype"))
    stored = np.moveaxis(voxels, -1, 1) if planar == "separate" else voxels
    stored = stored.astype(stored.dtype.newbyteorder(options["byteorder"]))
    kind = "rgb" if planar else "minisblack"
    try:
        tifffile.imwrite(path, stored, photometric=kind, metadata=None, **options)
    except (ValueError, NotImplementedError, imagecodecs.DeltaError):
        return  # the few combinations that the library does not write
    channels = range(3) if planar else (None,)
    for number in channels:
        expected = voxels if number is None else voxels[..., number]
        found = read(path, channel=number)
        assert found.dtype == voxels.dtype
        np.testing.assert_array_equal(found, expected)


def reversed_bits(data: bytes) -> bytes:
    return bytes(imagecodecs.bitorder_decode(data))


@pytest.mark.parametrize("compression", ["none", "zlib", "lzw", "packbits"])
def test_fill_order_2(tmp_path: Path, compression: str) -> None:
    voxels = noise((9, 13), "u2")
    data = voxels.tobytes()
    if compression != "none":
        data = getattr(imagecodecs, f"{compression}_encode")(data)
    path = encoded(
        tmp_path / "a.tif", reversed_bits(data), (9, 13), compression, bits=16, t266=2
    )
    np.testing.assert_array_equal(read(path)[0], voxels)


def old_lzw(data: bytes) -> bytes:
    """LZW as it was before TIFF 5: the lowest bit first, no early change of width."""
    table = {bytes([n]): n for n in range(256)}
    codes, word, width = [(256, 9)], b"", 9
    for byte in data:
        longer = word + bytes([byte])
        if longer in table:
            word = longer
            continue
        codes.append((table[word], width))
        table[longer] = len(table) + 2
        if len(table) + 2 == (1 << width) + 1:
            width += 1
        word = bytes([byte])
    codes += [(table[word], width), (257, width)]
    number = place = 0
    for code, bits in codes:
        number |= code << place
        place += bits
    return number.to_bytes(-(-place // 8), "little")


def test_lzw_of_the_old_bit_order(tmp_path: Path) -> None:
    voxels = RANDOM.integers(0, 30, (40, 50), "u1")
    segment = old_lzw(voxels.tobytes())
    assert segment[0] == 0
    assert segment[1] & 1
    path = encoded(tmp_path / "a.tif", segment, (40, 50), "lzw")
    np.testing.assert_array_equal(read(path)[0], voxels)


FAXES: list[tuple[str, dict[int, int]]] = [
    ("tiff_ccitt", {}),
    ("group3", {}),
    ("group3", {292: 1}),  # coded in two dimensions
    ("group3", {292: 4}),  # ends of lines on byte boundaries
    ("group4", {}),
    ("group4", {266: 2}),
    ("group4", {278: 16}),
]


@pytest.mark.parametrize(("compression", "tags"), FAXES)
def test_faxes(tmp_path: Path, compression: str, tags: dict[int, int]) -> None:
    path = tmp_path / "a.tif"
    Image.fromarray(BITS).save(path, "TIFF", compression=compression, tiffinfo=tags)
    with tifffile.TiffFile(path) as tiff:
        for tag, value in tags.items():
            assert tiff.pages[0].tags[tag].value == value
    np.testing.assert_array_equal(read(path)[0], BITS)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg_by_libtiff_has_tables(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "a.tif"
    image = Image.fromarray(noise((50, 70, 3), "u1")).convert(mode)
    image.save(path, "TIFF", compression="jpeg", tiffinfo={278: 16})
    with tifffile.TiffFile(path) as tiff:
        assert len(tiff.pages[0].jpegtables) > 100
        assert len(tiff.pages[0].dataoffsets) > 1
    expected = np.asarray(Image.open(path)).reshape(50, 70, -1)
    for channel in range(expected.shape[2]):
        np.testing.assert_array_equal(
            read(path, channel=channel)[0], expected[..., channel]
        )


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_jpeg_without_loss(tmp_path: Path, bits: int) -> None:
    dtype = "u1" if bits == 8 else "u2"
    voxels = (noise((32, 48), dtype) >> (0 if bits != 12 else 4)).astype(dtype)
    segment = imagecodecs.ljpeg_encode(voxels, bitspersample=bits)
    path = encoded(tmp_path / "a.tif", segment, (32, 48), "jpeg", bits=bits)
    np.testing.assert_array_equal(read(path)[0], voxels)


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
def test_pixarlog(tmp_path: Path, dtype: str) -> None:
    voxels = np.linspace(0, 1, 32 * 48).reshape(32, 48)
    voxels = (voxels * (1 if dtype == "f4" else np.iinfo(dtype).max)).astype(dtype)
    segment = imagecodecs.pixarlog_encode(voxels)
    form = {"u1": (8, 1), "u2": (16, 1), "f4": (32, 3)}[dtype]
    path = encoded(
        tmp_path / "a.tif", segment, (32, 48), "pixarlog", bits=form[0], t339=form[1]
    )
    expected = imagecodecs.pixarlog_decode(segment, shape=voxels.shape, dtype=dtype)
    np.testing.assert_array_equal(read(path)[0], expected)
    record = open_pyramid(str(path), TRANSPORT, voxel_size_nm=1).record
    assert record.value("lossy") == 1


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("part", ["i2", "i4"])
def test_complex_integers(tmp_path: Path, part: str, byteorder: str) -> None:
    """SampleFormat 5: pairs of integers, read as the floating point that holds them."""
    pairs = noise((9, 13, 2), part)
    data = pairs.astype(f"{byteorder}{part}").tobytes()
    bits = 16 * int(part[1])
    path = encoded(
        tmp_path / "a.tif", data, (9, 13), bits=bits, order=byteorder, t339=5
    )
    found = read(path)[0]
    assert found.dtype == ("c8" if part == "i2" else "c16")
    np.testing.assert_array_equal(found.real, pairs[..., 0])
    np.testing.assert_array_equal(found.imag, pairs[..., 1])


@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_floats_of_24_bits(tmp_path: Path, byteorder: str) -> None:
    values = np.array([[0.0, 1.0, -1.5, 3.25, 2.0**-20, -65536.0]], "f4")
    segment = imagecodecs.float24_encode(values, byteorder=byteorder)
    path = encoded(
        tmp_path / "a.tif", segment, values.shape, bits=24, order=byteorder, t339=3
    )
    np.testing.assert_array_equal(read(path)[0], values)


@pytest.mark.parametrize("bits", range(1, 33))
def test_every_width_of_packed_integers(tmp_path: Path, bits: int) -> None:
    dtype = "u1" if bits <= 8 else "u2" if bits <= 16 else "u4"
    voxels = noise((5, 13), dtype) & np.array((1 << bits) - 1, dtype)
    segment = imagecodecs.packints_encode(voxels, bits, runlen=13)
    if bits in (8, 16, 32):
        segment = voxels.tobytes()
    text = "".join(f"{n:0{bits}b}" for n in voxels[0])
    if bits not in (16, 32):  # the highest bit first, each row from a new byte
        assert int(text, 2) == int.from_bytes(segment[: -(-13 * bits // 8)], "big") >> (
            -13 * bits % 8
        )
    path = encoded(tmp_path / "a.tif", segment, (5, 13), bits=bits)
    np.testing.assert_array_equal(read(path)[0], voxels)


@pytest.mark.parametrize("tall", [True, False])
@pytest.mark.parametrize("compression", ["zlib", "lzw", "zstd", "packbits", "jpeg"])
def test_the_last_strip_may_be_filled_up(
    tmp_path: Path, compression: str, tall: bool
) -> None:
    voxels = np.full((16, 24), 7, "u1")
    encode = getattr(imagecodecs, f"{compression}_encode")
    strips = [encode(voxels), encode(voxels if tall else voxels[:4])]
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, iter(map(bytes, strips)), shape=(20, 24), dtype="u1", rowsperstrip=16,
        compression=compression, metadata=None, photometric="minisblack",
    )  # fmt: skip
    np.testing.assert_array_equal(read(path)[0], np.full((20, 24), 7))


@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize("samples", [1, 2, 3, 4])
def test_png_of_every_kind_or_refused(tmp_path: Path, samples: int, dtype: str) -> None:
    """Pillow has no colours of 16 bits: they are refused, not made 8 bits."""
    voxels = noise((20, 30, samples)[: 2 if samples == 1 else 3], dtype)
    bits = 8 * voxels.dtype.itemsize
    segment = imagecodecs.png_encode(voxels)
    path = encoded(tmp_path / "a.tif", segment, voxels.shape, "png", bits=bits)
    if samples > 1 and dtype == "u2":
        with pytest.raises(CorruptError):
            read(path, channel=0)
        return
    for channel in range(samples):
        expected = voxels if samples == 1 else voxels[..., channel]
        np.testing.assert_array_equal(read(path, channel=channel)[0], expected)


@pytest.mark.parametrize("form", ["j2k", "jp2"])
def test_jpeg2000_in_a_box_or_alone(tmp_path: Path, form: str) -> None:
    voxels = noise((20, 30), "u2")
    segment = imagecodecs.jpeg2k_encode(voxels, codecformat=form, reversible=True)
    path = encoded(tmp_path / "a.tif", segment, (20, 30), "jpeg2000", bits=16)
    np.testing.assert_array_equal(read(path)[0], voxels)

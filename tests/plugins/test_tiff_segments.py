"""TIFF: strips and tiles that are cut, too large, or of a kind that is not read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

import tiff_writer
from emcatalog.errors import CorruptError, EmcatalogError, FormatError, MemoryLimitError
from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport
from emcatalog_tiff import open_pyramid

TRANSPORT = Transport(mirrors=Mirrors())
RANDOM = np.random.default_rng(0)
BITS = RANDOM.random((61, 45)) > 0.5
NOISE = RANDOM.integers(0, 256, (32, 40), "u1")


def read(path: Path, **options: Any) -> NDArray[np.generic]:
    volume = open_pyramid(str(path), TRANSPORT, voxel_size_nm=1, **options).level(0)
    return volume.read(volume.grid.region)


@pytest.mark.parametrize("compression", ["tiff_ccitt", "group3", "group4"])
def test_cut_faxes_are_never_white(tmp_path: Path, compression: str) -> None:
    path = tmp_path / "a.tif"
    Image.fromarray(BITS).save(path, "TIFF", compression=compression)
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        code, (count,) = int(page.compression), page.databytecounts
        whole = path.read_bytes()[page.dataoffsets[0] :][:count]
    for length in range(0, count - 6, 3):
        tiff_writer.encoded(path, whole[:length] or b"\0", BITS.shape, code, bits=1)
        with pytest.raises(CorruptError):
            read(path)


LARGE = np.zeros((2000, 3000), "u1")


@pytest.mark.parametrize("compression", ["zlib", "zstd", "lzma", "lzw", "packbits"])
def test_bombs_of_bytes_are_not_unfolded(tmp_path: Path, compression: str) -> None:
    if compression == "packbits":
        segment = b"\x81\0" * 50_000  # each pair stands for 128 zeros
    else:
        segment = getattr(imagecodecs, f"{compression}_encode")(LARGE.tobytes())
    path = tiff_writer.encoded(tmp_path / "a.tif", segment, (8, 8), compression)
    try:
        found = read(path)
    except CorruptError:
        return
    np.testing.assert_array_equal(found, np.zeros((1, 8, 8)))  # only its beginning


@pytest.mark.parametrize(
    ("compression", "encoder"),
    [
        ("jpeg", "jpeg8"), ("jpeg", "ljpeg"), ("jpeg2000", "jpeg2k"), ("png", "png"),
        ("jpegxl", "jpegxl"), ("lerc", "lerc"), ("webp", "webp"),
    ],
)  # fmt: skip
def test_bombs_of_pictures_are_refused(
    tmp_path: Path, compression: str, encoder: str
) -> None:
    colours = encoder == "webp"
    picture = np.stack([LARGE] * 3, -1) if colours else LARGE
    segment = getattr(imagecodecs, f"{encoder}_encode")(picture)
    shape = (8, 8, 3) if colours else (8, 8)
    path = tiff_writer.encoded(tmp_path / "a.tif", segment, shape, compression)
    with pytest.raises(CorruptError, match=r"a.tif, section 0.*2000, 3000"):
        read(path, channel=0)


def test_jpeg2000_of_many_components_is_not_unfolded(tmp_path: Path) -> None:
    segment = imagecodecs.jpeg2k_encode(np.zeros((8, 8, 4), "u1"), codecformat="j2k")
    path = tiff_writer.encoded(tmp_path / "a.tif", segment, (8, 8), "jpeg2000")
    with pytest.raises(CorruptError, match=r"picture of \(8, 8, 4\).*\(8, 8, 1\)"):
        read(path)


def test_a_tile_larger_than_the_memory_limit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, NOISE[:16, :16], tile=(16, 16), compression="zlib")
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        for tag in (322, 323):
            tiff.pages[0].tags[tag].overwrite(65520)
    monkeypatch.setenv("EMCATALOG_MEMORY_LIMIT", "1GB")
    with pytest.raises(MemoryLimitError, match=r"a.tif.*65520 x 65520"):
        read(path)


@pytest.mark.parametrize(
    ("compression", "encoder"),
    [
        ("jpeg", "jpeg8"), ("jpeg", "ljpeg"), ("jpeg2000", "jpeg2k"), ("png", "png"),
        ("jpegxl", "jpegxl"), ("lerc", "lerc"),
        ("zlib", "zlib"), ("lzw", "lzw"), ("zstd", "zstd"), ("lzma", "lzma"),
        ("packbits", "packbits"),
    ],
)  # fmt: skip
def test_cut_segments_are_never_grey(
    tmp_path: Path, compression: str, encoder: str
) -> None:
    voxels = NOISE
    options = {"bitspersample": 8} if encoder == "ljpeg" else {}
    segment = bytes(getattr(imagecodecs, f"{encoder}_encode")(voxels, **options))
    path = tiff_writer.encoded(tmp_path / "a.tif", segment, voxels.shape, compression)
    whole = read(path)
    for length in range(1, len(segment), 1 + len(segment) // 40):
        tiff_writer.encoded(path, segment[:length], voxels.shape, compression)
        try:
            np.testing.assert_array_equal(read(path), whole)
        except EmcatalogError:
            continue
        assert length > len(segment) * 0.97  # only what stands behind the values


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (6, "OJPEG"), (34661, "JBIG"), (34676, "SGILOG"), (48124, "JETRAW"),
        (65000, "EER_V0"), (32809, "THUNDERSCAN"), (34934, "JPEGXR"), (4711, "unknown"),
    ],
)  # fmt: skip
def test_other_compressions_are_refused_by_name(
    tmp_path: Path, code: int, name: str
) -> None:
    path = tiff_writer.encoded(tmp_path / "a.tif", b"\0" * 64, (8, 8), code)
    with pytest.raises(FormatError, match=rf"a.tif.*compression {code} \({name}\)"):
        read(path)

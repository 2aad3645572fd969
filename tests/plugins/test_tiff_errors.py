"""TIFF: files that are damaged, of another kind or not alike."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from emcatalog.errors import (
    CorruptError,
    EmcatalogError,
    FormatError,
    NotFoundError,
    OptionError,
    TruncatedError,
)
from emcatalog.mirror import Mirrors
from emcatalog.sample import tiff
from emcatalog.transport import Transport
from emcatalog_tiff import TiffSource, open_pyramid

TRANSPORT = Transport(mirrors=Mirrors(), attempts=1)
STACK = (np.arange(3 * 6 * 8) * 5 % 251).astype(np.uint8).reshape(3, 6, 8)


def read(path: Path | str | list[str], **options: Any) -> NDArray[np.generic]:
    place = path if isinstance(path, list) else str(path)
    volume = open_pyramid(place, TRANSPORT, voxel_size_nm=1, **options).level(0)
    return volume.read(volume.grid.region)


def zipped(path: Path) -> None:
    tifffile.imwrite(
        path, STACK, compression="zlib", metadata=None, photometric="minisblack"
    )


def tiled(path: Path) -> None:
    tifffile.imwrite(
        path, STACK, bigtiff=True, tile=(16, 16), byteorder=">", metadata=None,
        photometric="minisblack",
    )  # fmt: skip


def imagej(path: Path) -> None:
    tiff.imagej(path, STACK, "ImageJ=1.52p\nimages=3\nslices=3\n")


def insight(path: Path) -> None:
    tiff.insight(path, STACK)


def ome(path: Path) -> None:
    tifffile.imwrite(
        path.with_suffix(".ome.tif"), STACK, metadata={"axes": "ZYX"},
        photometric="minisblack",
    )  # fmt: skip
    path.with_suffix(".ome.tif").rename(path)


WRITERS = (zipped, tiled, imagej, insight, ome)


@pytest.mark.parametrize("write", WRITERS)
def test_every_truncation_is_an_error_or_harmless(
    tmp_path: Path, write: Callable[[Path], None]
) -> None:
    path = tmp_path / "a.tif"
    write(path)
    data = path.read_bytes()
    wrong = []
    for length in range(0, len(data), 1 + len(data) // 600):
        path.write_bytes(data[:length])
        try:
            found = read(path)
        except EmcatalogError:
            continue
        if not np.array_equal(found, STACK):
            wrong.append(length)
    assert not wrong


@pytest.mark.parametrize("write", WRITERS)
def test_flipped_bytes_never_raise_foreign_errors(
    tmp_path: Path, write: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMCATALOG_MEMORY_LIMIT", "1MB")
    path = tmp_path / "a.tif"
    write(path)
    data = path.read_bytes()
    random = np.random.default_rng(0)
    refused = 0
    for place in range(0, len(data), 1 + len(data) // 800):
        spoilt = bytearray(data)
        spoilt[place] ^= int(random.integers(1, 256))
        path.write_bytes(spoilt)
        try:
            read(path)
        except EmcatalogError:
            refused += 1
    assert refused > 20


def test_a_cut_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    insight(path)
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(TruncatedError, match=r"a.tif.*cut short"):
        read(path)
    imagej(path)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(TruncatedError, match=r"a.tif.*cut short"):
        read(path)


def test_a_section_that_was_cut_is_named_when_it_is_read(tmp_path: Path) -> None:
    for z, section in enumerate(STACK):
        tifffile.imwrite(tmp_path / f"s{z}.tif", section)
    cut = tmp_path / "s1.tif"
    cut.write_bytes(cut.read_bytes()[:-10])
    with pytest.raises(TruncatedError, match=r"s1.tif.*fetch it again"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (b"<!DOCTYPE html><html>", "HTML or XML page"),
        (struct.pack(">3I", 3, 100, 1), "a DM3 file: use the driver dm3"),
        (b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00", "gzip archive: unpack it"),
        (b"", "an empty file"),
        (b"II*\0\0\0\0\0", "without pages"),
        (b"MM\0*\0\0\xff\0", "page 0 is at byte 65280"),
        (b"II+\0\x10\0\0\0" + bytes(8), "invalid BigTIFF offset size"),
    ],
)
def test_other_files_are_told(tmp_path: Path, head: bytes, message: str) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(head)
    with pytest.raises(EmcatalogError, match=rf"a.tif.*{message}"):
        read(path)


def test_a_chain_that_bites_its_tail(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    imagej(path)
    data = bytearray(path.read_bytes())
    data[-4:] = struct.pack(">I", 8)
    path.write_bytes(data)
    with pytest.raises(FormatError, match=r"comes back to byte 8.*ends"):
        read(path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"data": np.zeros((8, 16), "u8"), "compression": "zlib", "predictor": 3},
            r"predictor 3 \(floatpred\) of uint64",
        ),
        (
            {"data": np.zeros((8, 16), "f4"), "compression": "lerc", "predictor": 3},
            r"predictor 3 \(floatpred\) of float32",
        ),
        (
            {"data": np.zeros((8, 16), "u1"), "extratags": [(33445, "I", 1, 2, True)]},
            "stand for others",
        ),
        (
            {
                "data": np.zeros((8, 16), "u1"),
                "extratags": [
                    (65420, "I", 1, 1, True),
                    (271, "s", 0, "Hamamatsu", True),
                ],
            },
            "kind NDPI",
        ),
        ({"data": np.zeros((3, 4, 5, 3), "u1"), "photometric": "rgb"}, "channel=0"),
        ({"data": np.zeros((4, 32, 32), "u1"), "volumetric": True}, "flat pages"),
    ],
)
def test_what_is_not_read(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    path = tmp_path / "a.tif"
    data = options.pop("data")
    options = {"photometric": "minisblack", "metadata": None, **options}
    if options.get("volumetric"):
        options["tile"] = (16, 16, 16)
    tifffile.imwrite(path, data, **options)
    with pytest.raises(FormatError, match=rf"a.tif.*{message}"):
        read(path)


def test_unknown_compression(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK[0], metadata=None)
    with tifffile.TiffFile(path, mode="r+") as file:
        file.pages[0].tags[259].overwrite(32766)
    with pytest.raises(FormatError, match=r"compression 32766.*rewrite the file"):
        read(path)


def test_a_corrupt_segment_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    zipped(path)
    with tifffile.TiffFile(path) as file:
        place = file.pages[2].dataoffsets[0]
    data = bytearray(path.read_bytes())
    data[place + 2 : place + 8] = bytes(6)
    path.write_bytes(data)
    with pytest.raises(CorruptError, match=r"a.tif, section 2"):
        read(path)


def test_a_short_segment_is_not_filled_up(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK[0], compression="packbits", metadata=None)
    with tifffile.TiffFile(path, mode="r+") as file:
        page = file.pages[0]
        page.tags[279].overwrite((page.databytecounts[0] // 2,))
    with pytest.raises(CorruptError, match=r"bytes in a segment.*expected 48"):
        read(path)


def test_sections_of_a_series_must_be_alike(tmp_path: Path) -> None:
    for z, section in enumerate(STACK):
        tifffile.imwrite(tmp_path / f"s{z}.tif", section)
    names = [str(tmp_path / f"s{z}.tif") for z in (2, 0)]
    np.testing.assert_array_equal(read(names), STACK[[2, 0]])
    tifffile.imwrite(tmp_path / "s1.tif", STACK[1, :5])
    with pytest.raises(FormatError, match=r"s1.tif: got shape \(5, 8\).*s0.tif"):
        read(tmp_path)
    tifffile.imwrite(tmp_path / "s1.tif", STACK, photometric="minisblack")
    with pytest.raises(FormatError, match=r"s1.tif: got 3 sections in one file"):
        read(tmp_path)


def test_gaps(tmp_path: Path) -> None:
    for z in (8, 9, 11):
        tifffile.imwrite(tmp_path / f"s_{z:03d}.tif", STACK[0])
    with pytest.raises(FormatError, match=r"no s_010.tif.*gaps"):
        read(tmp_path)
    source = TiffSource(str(tmp_path), gaps="absent", voxel_size_nm=[50, 8, 8])
    array = source.to_xarray()
    assert array.shape == (4, 6, 8)
    assert array.attrs["gaps"] == "1 of 4 sections are absent: z index 2"
    assert not array.values[2].any()
    assert source.stored().values[:, 0, 0].tolist() == [True, True, False, True]
    with pytest.raises(NotFoundError, match=r"s_010.tif"):
        read(f"{tmp_path}/s_{{008..011}}.tif")
    with pytest.raises(OptionError, match="'error' or 'absent'"):
        read(tmp_path, gaps="fill")


def test_what_tifffile_works_around_is_not_printed(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    # a description that calls itself ASCII, with a byte that no text encoding has
    note = b"a note that is too long to lie in the tag itself" + b"\x81\x00"
    pixels = np.zeros((4, 4), np.uint8)
    tifffile.imwrite(path, pixels, metadata=None, extratags=[(270, 2, 0, note, True)])
    told = {}
    for library in ("tifffile", "emcatalog_tiff, tifffile"):
        opened = (
            "with tifffile.TiffFile(sys.argv[1]) as tiff: tiff.pages[0].tags[270].value"
        )
        code = f"import sys, {library}\n{opened}"
        asked = [sys.executable, "-c", code, path]
        told[library] = subprocess.run(asked, capture_output=True, check=True).stderr
    assert b"coercing" in told["tifffile"]
    assert told["emcatalog_tiff, tifffile"] == b""

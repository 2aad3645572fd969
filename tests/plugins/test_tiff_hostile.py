"""TIFF: headers that lie. Only our errors come out, in little time and memory."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import tiff_writer
from emcatalog.errors import EmcatalogError, FormatError
from emcatalog.geometry import Region
from emcatalog.mirror import Mirrors
from emcatalog.testing import traffic
from emcatalog.transport import Transport
from emcatalog_tiff import chain, hyperstack, open_pyramid

TRANSPORT = Transport(mirrors=Mirrors(), attempts=1)
PLAIN = {256: 4, 257: 4, 258: 8, 259: 1, 262: 1, 277: 1, 278: 4}
PIXELS = bytes(range(16))


def read(path: Path, **options: Any) -> NDArray[np.generic]:
    volume = open_pyramid(str(path), TRANSPORT, voxel_size_nm=1, **options).level(0)
    return volume.read(volume.grid.region)


LIES: list[dict[int, Any]] = [
    {256: 4.0}, {257: 4.0}, {278: 4.0}, {277: 1.0}, {259: 1.5},
    {256: 0}, {257: 0}, {256: 1 << 31}, {257: 1 << 31}, {256: 5}, {257: 5},
    {258: 0}, {258: 9999}, {259: 0}, {277: 0},
    {277: 60000}, {278: 0, 257: 9}, {273: 1 << 30}, {273: 7},
    {279: 0}, {279: 3}, {279: (8, 8)}, {284: 2, 277: 50000}, {284: 9, 277: 3},
    {317: 9}, {317: 3}, {322: 0, 323: 0}, {32997: 1 << 20},
    {322: 1 << 30, 323: 1 << 30, 324: 8, 325: 16, 259: 8}, {339: 6}, {339: 99},
    {256: 1 << 25, 257: 1 << 25, 278: 1 << 25, 259: 8}, {257: 1 << 25, 278: 1},
    {273: 0, 279: 16}, {530: (2, 2), 262: 6, 277: 3},
    {270: "ImageJ=1.5\nimages=99999999999\nslices=99999999999\n"},
    {270: "ImageJ=1.5\nimages=1000000000\n"}, {270: "ImageJ=1.5\nchannels=0\n"},
    {270: '{"shape": [1000000000000, 4, 4]}'}, {270: '{"shape": [0]}'},
    {270: '{"shape": [' + "[" * 5000}, {270: '<?xml version="1.0"?><OME>'},
    {270: '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/'
     'OME/2016-06"><Image><Pixels DimensionOrder="XYZCT" SizeX="4" SizeY="4" '
     'SizeZ="999999999999" SizeC="1" SizeT="1"><TiffData IFD="0" '
     'PlaneCount="999999999999"/></Pixels></Image></OME>'},
]  # fmt: skip


HARMLESS: list[dict[int, Any]] = [
    {258: (8, 8)},  # more sizes than samples
    {273: (8, 8)},  # more strips than rows
    {279: 1 << 31},  # the rows are all there
    {330: (1 << 31, 5, 0)},  # reduced copies outside of the file
]


@pytest.mark.parametrize("lie", LIES, ids=[str(lie)[:50] for lie in LIES])
def test_a_lie_is_refused(
    tmp_path: Path, lie: dict[int, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMCATALOG_MEMORY_LIMIT", "64MB")
    path = tiff_writer.write(tmp_path / "a.tif", [(PLAIN | lie, PIXELS)])
    tracemalloc.start()
    with pytest.raises(EmcatalogError, match=r"a\.tif|EMCATALOG_MEMORY_LIMIT"):
        read(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 << 20


@pytest.mark.parametrize("lie", HARMLESS, ids=map(str, HARMLESS))
def test_what_values_do_not_depend_on_is_harmless(
    tmp_path: Path, lie: dict[int, Any]
) -> None:
    path = tiff_writer.write(tmp_path / "a.tif", [(PLAIN | lie, PIXELS)])
    assert read(path).tobytes() == PIXELS


def many(path: Path, count: int) -> Path:
    """Directories behind each other that all name the same strip."""
    tags = sorted({**PLAIN, 273: 8, 279: 16}.items())
    entries = b"".join(struct.pack("<HHII", c, 4, 1, v) for c, v in tags)
    size = 2 + len(entries) + 4
    out = bytearray(b"II*\0" + struct.pack("<I", 24) + PIXELS)
    for n in range(count):
        following = 24 + size * (n + 1) if n + 1 < count else 0
        out += struct.pack("<H", len(tags)) + entries + struct.pack("<I", following)
    path.write_bytes(out)
    return path


def test_more_pages_than_a_volume_has_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain, "MOST_PAGES", 300)
    assert read(many(tmp_path / "a.tif", 300)).shape == (300, 4, 4)
    with pytest.raises(FormatError, match="more than 300 pages"):
        read(many(tmp_path / "a.tif", 301))
    assert hyperstack.MOST_PAGES == 100_000


def test_pages_that_share_one_large_table_are_refused(tmp_path: Path) -> None:
    """Each page would cost the memory of the whole table."""
    strips = 100_000
    table = struct.pack(f"<{strips}I", *([8] * strips))
    out = bytearray(b"II*\0" + struct.pack("<I", 8 + len(table)) + table)
    tags = {**PLAIN, 257: strips, 278: 1}
    rows = [(c, 1, v) for c, v in tags.items()] + [(273, strips, 8), (279, strips, 8)]
    entries = b"".join(struct.pack("<HHII", c, 4, n, v) for c, n, v in sorted(rows))
    size = 2 + len(entries) + 4
    for n in range(400):
        following = len(out) + size if n < 399 else 0
        out += struct.pack("<H", len(rows)) + entries + struct.pack("<I", following)
    (tmp_path / "a.tif").write_bytes(out)
    tracemalloc.start()
    with pytest.raises(FormatError, match="more than 4 times"):
        read(tmp_path / "a.tif")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 << 20


def test_imagej_beyond_4_gb(tmp_path: Path) -> None:
    """One directory, and pictures without directories far behind 2^32 bytes."""
    shape = 4500, 1000, 1024
    text = f"ImageJ=1.53t\nimages={shape[0]}\nslices={shape[0]}\nunit=\\u00B5m\n"
    text += "spacing=-0.05\nloop=false\n"
    tags = {
        256: shape[2], 257: shape[1], 258: 8, 259: 1, 262: 1, 270: text, 277: 1,
        278: shape[1], 279: 1024 * 1000,
    }  # fmt: skip
    path = tmp_path / "a.tif"
    header = tiff_writer.write(path, [({**tags, 273: 512}, b"")], ">").stat().st_size
    assert header <= 512
    with path.open("r+b") as out:  # holes for the pixels
        out.truncate(512 + 4500 * 1000 * 1024)
        for z in (0, 4194, 4499):
            out.seek(512 + z * 1000 * 1024 + 1024 * 3 + 7)
            out.write(bytes([1 + z % 200]))
    assert path.stat().st_size > 2**32
    pyramid = open_pyramid(str(path), TRANSPORT, voxel_size_nm=[None, 8, 8])
    volume = pyramid.level(0)
    assert volume.grid.shape == shape
    assert volume.grid.voxel_size == (50, 8, 8)
    with traffic() as seen:
        for z in (0, 4194, 4499):
            box = volume.read(Region((z, 2, 6), (z + 1, 5, 9)))
            expected = np.zeros((1, 3, 3), "u1")
            expected[0, 1, 1] = 1 + z % 200
            np.testing.assert_array_equal(box, expected)
    assert seen.bytes < 100_000
    with path.open("r+b") as out:
        out.truncate(512 + 4499 * 1000 * 1024)
    with pytest.raises(FormatError, match="4500 pages"):
        open_pyramid(str(path), TRANSPORT, voxel_size_nm=8)

"""The paged engine against NumPy: any layout, any region, exact bytes."""

from __future__ import annotations

import dataclasses
import os
import pickle
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from emcatalog.errors import (
    CorruptError,
    FormatError,
    GeometryError,
    NotFoundError,
    TruncatedError,
)
from emcatalog.geometry import Grid, Region
from emcatalog.paged import Layout, Page, PagedVolume, window
from emcatalog.transport import Transport, maps
from page_writer import Zlib, boxes, layouts, write


@settings(deadline=None, derandomize=True, max_examples=150)
@given(layouts())
def test_any_region_of_any_layout(
    tmp_path_factory: pytest.TempPathFactory, drawn: tuple[Layout, int, int]
) -> None:
    layout, depth, seed = drawn
    random = np.random.default_rng(seed)
    shape = depth, *layout.shape
    whole = random.integers(0, 200, (*shape, layout.samples)).astype(layout.dtype)
    path = tmp_path_factory.mktemp("pages") / "stack.bin"
    pages = write(path, whole, layout, random)
    volume = PagedVolume(Grid(shape, (1.0, 1.0, 1.0)), layout, pages, Transport())
    volume = pickle.loads(pickle.dumps(volume))
    regions = [volume.grid.region, *(boxes(shape, random) for _ in range(5))]
    together = dict(volume.read_many(regions))
    for index, region in enumerate(regions):
        voxels = volume.read(region)
        np.testing.assert_array_equal(together[index], voxels)
        assert voxels.flags.writeable
        assert voxels.flags.c_contiguous
        assert voxels.dtype == layout.dtype.newbyteorder("=")
        expected = whole[(*region.slices, layout.sample)]
        np.testing.assert_array_equal(voxels, expected)
        assert volume.stored(region).all()


def plain(path: Path, depth: int = 3, rows: int = 100, columns: int = 64) -> Any:
    layout = Layout((rows, columns), np.dtype("u1"), (rows, columns))
    whole = np.random.default_rng(1).integers(0, 255, (depth, rows, columns), np.uint8)
    path.write_bytes(b"head" + whole.tobytes())
    pages = tuple(
        Page(str(path), (4 + z * rows * columns,), (rows * columns,))
        for z in range(depth)
    )
    grid = Grid(whole.shape, (1.0, 1.0, 1.0))
    return PagedVolume(grid, layout, pages, Transport()), whole


def test_what_lies_beyond_the_edge_is_no_other_voxel(tmp_path: Path) -> None:
    volume, whole = plain(tmp_path / "a")
    strips = dataclasses.replace(volume.layout, segment=(1, 64))
    pages = tuple(
        Page(p.url, tuple(p.offsets[0] + 64 * n for n in range(100)), (64,) * 100)
        for p in volume.pages
    )
    volume = dataclasses.replace(volume, layout=strips, pages=pages)
    inside = Region((0, 0, 0), (3, 100, 64))
    np.testing.assert_array_equal(volume.read(inside), whole)
    for beyond in ((1, 1, 65), (1, 101, 1), (4, 1, 1)):
        region = Region((0, 0, 0), beyond)
        for ask in (volume.read, volume.stored):
            with pytest.raises(GeometryError, match="one inside the volume of"):
                ask(region)
    with pytest.raises(GeometryError):
        volume.read(Region((0, 0, 64), (1, 1, 65)))


def test_absent_pages_and_segments_are_zero_and_not_stored(tmp_path: Path) -> None:
    volume, whole = plain(tmp_path / "a")
    first, _, last = volume.pages
    empty = dataclasses.replace(last, counts=(0,))
    volume = dataclasses.replace(volume, pages=(first, None, empty))
    voxels = volume.read(volume.grid.region)
    np.testing.assert_array_equal(voxels[0], whole[0])
    assert not voxels[1:].any()
    assert volume.stored(volume.grid.region).all((1, 2)).tolist() == [
        True,
        False,
        False,
    ]


def test_a_file_that_ends_early_is_named(tmp_path: Path) -> None:
    volume, _ = plain(tmp_path / "a")
    content = (tmp_path / "a").read_bytes()
    (tmp_path / "a").write_bytes(content[:-1])
    assert volume.read(Region((0, 0, 0), (2, 100, 64))).any()
    with pytest.raises(TruncatedError, match=f"{tmp_path}/a: got 6399 bytes"):
        volume.read(Region((2, 0, 0), (3, 100, 64)))
    (tmp_path / "a").unlink()
    with pytest.raises(NotFoundError, match=f"nothing at {tmp_path}/a"):
        volume.read(volume.grid.region)


def test_a_file_that_is_cut_under_its_map(tmp_path: Path) -> None:
    """It is noticed at once: to touch what is gone would end the process."""
    volume, whole = plain(tmp_path / "a", depth=300, rows=100)
    np.testing.assert_array_equal(volume.read(volume.grid.region), whole)
    content = (tmp_path / "a").read_bytes()
    os.truncate(tmp_path / "a", 4 + 6400)
    assert volume.read(Region((0, 0, 0), (1, 9, 9))).shape == (1, 9, 9)
    with pytest.raises(TruncatedError, match=f"{tmp_path}/a: got 0 bytes at byte 12"):
        volume.read(Region((1, 90, 0), (300, 100, 64)))
    (tmp_path / "a").write_bytes(content)
    np.testing.assert_array_equal(volume.read(volume.grid.region), whole)


def test_a_file_that_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume, whole = plain(tmp_path / "a")
    np.testing.assert_array_equal(volume.read(volume.grid.region), whole)
    (tmp_path / "b").write_bytes(bytes(4 + whole.size))
    (tmp_path / "b").rename(tmp_path / "a")
    monkeypatch.setattr(window, "FRESH", -1.0)
    assert not volume.read(volume.grid.region).any()


def test_many_files_are_read_with_few_maps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More files than a process may have open, as 256 on some systems, are read."""
    monkeypatch.setattr(window, "MOST_FILES", 8)
    monkeypatch.setattr(maps, "MOST_MAPS", 4)
    volume, whole = plain(tmp_path / "a", depth=9)
    pages = []
    for z, section in enumerate(whole):
        (tmp_path / f"{z}").write_bytes(section.tobytes())
        pages.append(Page(str(tmp_path / f"{z}"), (0,), (section.size,)))
    volume = dataclasses.replace(volume, pages=tuple(pages))
    for _ in range(2):
        np.testing.assert_array_equal(volume.read(volume.grid.region), whole)
        assert len(window._recent) <= 8
        kept = {id(file) for _, ref in window._recent.values() if (file := ref())}
        assert len(kept | {id(file) for _, file in maps._maps.values()}) <= 4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no zlib", "section 0: got bytes that do not decode"),
        (zlib.compress(b"123"), "section 0: got bytes that do not decode"),
    ],
)
def test_bytes_that_do_not_decode(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a").write_bytes(content)
    layout = Layout((4, 4), np.dtype("u1"), (4, 4), Zlib("u1"))
    pages = (Page(str(tmp_path / "a"), (0,), (len(content),)),)
    volume = PagedVolume(Grid((1, 4, 4), (1, 1, 1)), layout, pages, Transport())
    with pytest.raises(CorruptError, match=message):
        volume.read(volume.grid.region)


def test_damaged_page_tables_are_refused(tmp_path: Path) -> None:
    volume, _ = plain(tmp_path / "a")
    short = dataclasses.replace(volume.pages[0], counts=(99,))
    broken = dataclasses.replace(volume, pages=(short,) * 3)
    assert broken.read(Region((0, 0, 0), (1, 1, 64))).any()
    with pytest.raises(FormatError, match="a segment of 99 bytes; expected all of its"):
        broken.read(Region((0, 0, 0), (1, 2, 64)))
    packed = dataclasses.replace(volume.layout, codec=Zlib("u1"))
    huge = dataclasses.replace(volume.pages[0], counts=(2**50,))
    broken = dataclasses.replace(volume, layout=packed, pages=(huge,) * 3)
    with pytest.raises(FormatError, match="expected an encoded strip or tile"):
        broken.read(broken.grid.region)
    with pytest.raises(FormatError, match="a page table of"):
        dataclasses.replace(volume, pages=volume.pages[:2])
    twice = dataclasses.replace(short, offsets=(0, 1), counts=(1, 1))
    with pytest.raises(FormatError, match="got 2 segments on page 0; expected 1"):
        dataclasses.replace(volume, pages=(twice,) * 3)

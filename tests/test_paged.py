"""The paged engine against NumPy: any layout, any region, exact bytes."""

from __future__ import annotations

import dataclasses
import pickle
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emcatalog.errors import (
    CorruptError,
    FormatError,
    GeometryError,
    NotFoundError,
    TruncatedError,
)
from emcatalog.geometry import Grid, Region
from emcatalog.paged import Layout, Page, PagedVolume
from emcatalog.transport import Transport


@dataclasses.dataclass(frozen=True)
class Zlib:
    """A codec of the tests."""

    dtype: str

    def decode(self, data: bytes, shape: tuple[int, int, int]) -> Any:
        return np.frombuffer(zlib.decompress(data), self.dtype).reshape(shape)


def write(
    path: Path, whole: np.ndarray[Any, Any], layout: Layout, random: Any
) -> tuple[Page, ...]:
    """Store ``whole`` (z, y, x, samples) as pages; segments at random places."""
    pages, body = [], bytearray(b"header")
    (height, width), (down, across) = layout.segment, layout.segments
    for section in whole:
        padded = np.zeros((down * height, across * width, layout.samples), layout.dtype)
        padded[: section.shape[0], : section.shape[1]] = section
        offsets, counts = [], []
        for row in range(down):
            for column in range(across):
                piece = padded[
                    row * height : (row + 1) * height,
                    column * width : (column + 1) * width,
                ]
                if across == 1:  # the last strip ends with the page
                    piece = piece[: layout.shape[0] - row * height]
                data = piece.tobytes()
                if layout.codec:
                    data = zlib.compress(data)
                body += bytes(int(random.integers(0, 30)))
                offsets.append(len(body))
                counts.append(len(data))
                body += data
        pages.append(Page(str(path), tuple(offsets), tuple(counts)))
    path.write_bytes(body)
    return tuple(pages)


@st.composite
def layouts(draw: st.DrawFn) -> tuple[Layout, int, int]:
    rows, columns = draw(st.integers(1, 25)), draw(st.integers(1, 25))
    tiled = draw(st.booleans())
    segment = draw(st.integers(1, 12)), draw(st.integers(1, 12)) if tiled else columns
    dtype = np.dtype(draw(st.sampled_from(["u1", "<i2", ">u2", ">f4", "<u8"])))
    samples = draw(st.integers(1, 3))
    layout = Layout(
        (rows, columns),
        dtype,
        segment,
        Zlib(dtype.str) if draw(st.booleans()) else None,
        samples,
        draw(st.integers(0, samples - 1)),
    )
    return layout, draw(st.integers(1, 4)), draw(st.integers(0, 2**32))


def boxes(shape: tuple[int, ...], random: Any) -> Region:
    spans = [sorted(random.integers(0, n + 1, 2)) for n in shape]
    (a, b), (c, d), (e, f) = ((int(p), int(q)) for p, q in spans)
    return Region((a, c, e), (b, d, f))


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
    for region in [volume.grid.region, *(boxes(shape, random) for _ in range(5))]:
        voxels = volume.read(region)
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

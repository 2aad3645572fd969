"""DM files that are cut short, damaged, or something else: always an error of ours."""

from __future__ import annotations

import copy
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dm_writer import Leaf, document, encode, image
from emcatalog.errors import (
    EmcatalogError,
    FormatError,
    TruncatedError,
)
from emcatalog.geometry import Region
from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport
from emcatalog_dm3 import open_pyramid
from emcatalog_dm3.images import BLOCK
from emcatalog_dm3.tags import DEEPEST, MOST_TAGS, read_tags

TRANSPORT = Transport(mirrors=Mirrors(), attempts=1)
PIXELS = np.arange(1, 61, dtype=np.uint8).reshape(6, 10)
MINE = image(PIXELS, [(8.0, "nm")] * 2, "mine")


def read(place: Path, data: bytes) -> NDArray[np.generic]:
    place.write_bytes(data)
    pyramid = open_pyramid(str(place), TRANSPORT, voxel_size_nm=8)
    return pyramid.level(0).read(pyramid.level(0).grid.region)


def parse(place: Path, data: bytes) -> Any:
    place.write_bytes(data)
    return read_tags(TRANSPORT.reader(str(place), BLOCK))


@pytest.mark.parametrize(("version", "order"), [(3, "<"), (4, ">")])
def test_a_file_cut_anywhere_is_refused(
    tmp_path: Path, version: int, order: str
) -> None:
    place = tmp_path / "cut.dm3"
    whole = encode(document(MINE), version, order)
    np.testing.assert_array_equal(read(place, whole)[0], PIXELS)
    # the eight bytes at the end of a file mean nothing
    for size in [*range(0, len(whole) - 8, 7), len(whole) - 9]:
        with pytest.raises((FormatError, TruncatedError)) as caught:
            read(place, whole[:size])
        assert str(place) in str(caught.value)


def test_a_file_cut_within_its_pixels_says_so(tmp_path: Path) -> None:
    large = image(np.ones((300, 400), np.uint8), [(8.0, "nm")] * 2)
    whole = encode(document(large))
    within = r"ends before byte \d+, within or after its 120000-byte array"
    with pytest.raises(TruncatedError, match=rf"cut\.dm3: got a file that {within}"):
        read(tmp_path / "cut.dm3", whole[:100_000])


def test_pixels_at_the_end_of_the_tags_are_looked_for(tmp_path: Path) -> None:
    """No tag follows that would be missed: the last byte of the pixels is."""
    large = image(np.ones((300, 400), np.uint8), [(8.0, "nm")] * 2)
    inner = large["ImageData"]
    data = inner.pop("Data")
    tags = {"Thumbnails": [], "ImageList": [{"ImageData": inner | {"Data": data}}]}
    whole = encode(tags)[:-8]
    assert read(tmp_path / "a.dm3", whole).all()
    with pytest.raises(TruncatedError, match="within or after its 120000-byte array"):
        read(tmp_path / "a.dm3", whole[:-1])


def test_a_file_that_shrinks_after_opening(tmp_path: Path) -> None:
    place = tmp_path / "a.dm3"
    whole = encode(document(MINE))
    place.write_bytes(whole)
    volume = open_pyramid(str(place), TRANSPORT, voxel_size_nm=8).level(0)
    place.write_bytes(whole[: whole.index(PIXELS.tobytes()) + 20])
    with pytest.raises(TruncatedError, match=r"a\.dm3.*got 20 bytes.*expected 60"):
        volume.read(volume.grid.region)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "an empty file"),
        (b"\0\0", "a file that begins with"),
        (b"<!DOCTYPE html><html>", "an HTML or XML page that begins with"),
        (b"II*\0" + bytes(50), "a TIFF file"),
        (b"\x89PNG\r\n\x1a\n", r"a file that begins with b'\\x89PNG"),
        *[
            (struct.pack(">3I", n, 9, 1), f"DigitalMicrograph file of version {n}")
            for n in (1, 2, 5)
        ],
        (struct.pack(">3I", 3, 9, 7), "the byte order 7 before byte 12; expected 0"),
    ],
)
def test_other_files_are_named(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(FormatError, match=message) as caught:
        read(tmp_path / "other.dm3", data)
    assert "other.dm3" in str(caught.value)


def nested(depth: int) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for _ in range(depth):
        tree = {"": tree}
    return tree


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        (nested(DEEPEST + 1), f"tags in tags in tags.*{DEEPEST} levels"),
        ({"x": Leaf((20,) * 300, "", ())}, "a value of 300 types"),
        ({"x": Leaf((), "", ())}, "a value of 0 types"),
        ({"x": Leaf((1,), "", ())}, r"the value type \[1\]"),
        ({"x": Leaf((20, 4), "", ())}, r"the value type \[20, 4\]"),
        ({"x": Leaf((15, 0, 9, 0, 6), "", ())}, r"the value type \[15, 0, 9"),
        ({"x": Leaf((15, 0, 1, 5, 6), "", ())}, r"the value type \[15, 0, 1, 5"),
        ({"x": Leaf((6, 6), "", ())}, r"the value type \[6, 6\]"),
    ],
)
def test_limits_of_tags(tmp_path: Path, tree: dict[str, Any], message: str) -> None:
    with pytest.raises((FormatError, TruncatedError), match=message):
        parse(tmp_path / "a.dm3", encode(tree))


@pytest.mark.parametrize(("version", "count"), [(3, 2**31), (4, 2**63), (4, 2**32)])
def test_groups_that_claim_more_tags_than_any_header_has(
    tmp_path: Path, version: int, count: int
) -> None:
    """They fail at once, not when the file ends: here it goes on with good tags."""
    length = ">I" if version == 3 else ">Q"
    head = struct.pack(">I", version) + struct.pack(length, 9) + struct.pack(">I", 1)
    tag = struct.pack(">BH", 20, 0) + bytes(10 if version == 3 else 18)
    group = b"\1\0" + struct.pack(length, count)
    place = tmp_path / "a.dm3"
    place.write_bytes(head + group + tag * MOST_TAGS)
    reader = TRANSPORT.reader(str(place), BLOCK)
    with pytest.raises(FormatError, match=f"more than {MOST_TAGS} tags"):
        read_tags(reader)
    assert len(reader._blocks) <= 2


def test_all_groups_together_have_no_more_tags(tmp_path: Path) -> None:
    """Each of them alone would pass: what they claim is added up."""
    claim = struct.pack(">BBI", 1, 0, MOST_TAGS // 2 + 1)
    inner = struct.pack(">BH", 20, 0) + claim
    head = struct.pack(">3I", 3, 9, 1)
    with pytest.raises(FormatError, match=f"more than {MOST_TAGS} tags"):
        parse(tmp_path / "a.dm3", head + claim + inner + bytes(100))


def test_arrays_larger_than_any_file(tmp_path: Path) -> None:
    tree = {"x": Leaf((20, 12, 2**60), "", ())}
    with pytest.raises(FormatError, match=r"an array of \d+ bytes"):
        parse(tmp_path / "a.dm4", encode(tree, version=4))


def test_sizes_of_64_bits(tmp_path: Path) -> None:
    """A DM4 file of 5 GiB, most of it a hole: its last voxels, its first, its shape."""
    planes, side = 5, 1 << 15
    mine = image(np.zeros((1, 2, 3), np.uint8), [(8.0, "nm")] * 3)
    mine["ImageData"]["Dimensions"] = [side, side, planes]
    mine["ImageData"]["Data"] = Leaf((20, 10, planes * side**2), "8s", (b"PIXELS__",))
    head, _, behind = encode(document(mine), 4).partition(b"PIXELS__")
    place = tmp_path / "large.dm4"
    with place.open("wb") as file:
        file.write(head)
        file.seek(planes * side**2 - 5, 1)
        file.write(b"\1\2\3\4\5" + behind)
    volume = open_pyramid(str(place), TRANSPORT).level(0)
    assert volume.grid.shape == (planes, side, side)
    last = volume.read(Region((4, side - 1, side - 5), (5, side, side)))
    assert last.tolist() == [[[1, 2, 3, 4, 5]]]
    assert not volume.read(Region((0, 0, 0), (2, 1, 9))).any()
    with place.open("r+b") as file:
        file.truncate(len(head) + planes * side**2 - 1)
    with pytest.raises(TruncatedError, match=f"{planes * side**2}-byte array"):
        open_pyramid(str(place), TRANSPORT)


def test_structures_and_texts_of_all_kinds(tmp_path: Path) -> None:
    """Arrays of structures and of arrays, byte texts and text tags are passed over."""
    tree = {
        "point": Leaf((15, 0, 2, 0, 6, 0, 3), "fi", (1.0, 2)),
        "points": Leaf((20, 15, 0, 2, 0, 2, 0, 2, 3), "6h", (1,) * 6),
        "matrix": Leaf((20, 20, 2, 3, 2), "6h", (1,) * 6),
        "octets": Leaf((20, 10, 3), "3s", ("µm".encode(),)),
        "latin": Leaf((20, 9, 2), "2s", ("µm".encode("latin-1"),)),
        "text": Leaf((18, 5), "5s", (b"hello",)),
        "after": 7,
    }
    for version in (3, 4):
        root = parse(tmp_path / "a.dm3", encode(tree, version)).root
        assert [root.text(n) for n in ("octets", "latin", "text", "after", "none")] == [
            "µm",
            "µm",
            "hello",
            "",
            "",
        ]
        assert root.number("after") == 7
        assert root.number("text") is None
        assert root.group("after").members == {}


def test_images_are_told_by_place_not_by_name(tmp_path: Path) -> None:
    tags = document(MINE) | {"Thumbnails": []}
    tags["ImageList"] = {"²": MINE, "9" * 5000: MINE}
    with pytest.raises(FormatError, match="got 0 images, of which 0 are thumbnails"):
        read(tmp_path / "a.dm3", encode(tags))


TWICE = {
    (): "ImageList",
    ("ImageList", 1): "ImageData",
    ("ImageList", 1, "ImageData"): "Dimensions",
    ("ImageList", 1, "ImageData", "Calibrations"): "Dimension",
    ("ImageList", 1, "ImageData", "Calibrations", "Dimension", 0): "Scale",
}
"""Groups by their path, and a tag of each that the volume depends on."""


@pytest.mark.parametrize(("path", "name"), TWICE.items())
@pytest.mark.parametrize("version", [3, 4])
def test_tags_of_one_name(
    tmp_path: Path, version: int, path: tuple[Any, ...], name: str
) -> None:
    """Which of the two is meant is not told, even where one of them would fit."""
    tags = copy.deepcopy(document(MINE))
    group: Any = tags
    for step in path:
        group = group[step]
    other = f"{name[:-1]}?"  # a dict has each name once
    group[other] = group[name]
    if name == "Dimensions":
        group[other] = [15, 4]
    data = encode(tags, version).replace(other.encode(), name.encode())
    with pytest.raises(FormatError, match=f"with more than one '{name}'") as caught:
        read(tmp_path / "a.dm3", data)
    assert str(tmp_path / "a.dm3") in caught.value.entry


def test_tags_of_one_name_that_say_nothing_of_the_image(tmp_path: Path) -> None:
    """Users and programs add what they like."""
    mine = MINE | {"ImageTags": {"note": "one", "not?": "two"}}
    data = encode(document(mine)).replace(b"not?", b"note")
    np.testing.assert_array_equal(read(tmp_path / "a.dm3", data)[0], PIXELS)


def outcome(place: Path, data: bytes) -> EmcatalogError | None:
    """The error of ours, if there is one; another exception fails the test."""
    try:
        read(place, data)
    except EmcatalogError as error:
        return error
    return None


@pytest.mark.parametrize(("version", "order"), [(3, "<"), (4, ">")])
def test_random_damage(tmp_path: Path, version: int, order: str) -> None:
    """Flipped bits and huge counts in any place: an error of ours or voxels, soon."""
    random = np.random.default_rng(version)
    tags = document(MINE)
    del tags["DocumentObjectList"]
    whole = encode(tags, version, order)
    place = tmp_path / "a.dm3"
    tracemalloc.start()
    try:
        for at in range(4, len(whole) - 8, 11):
            for patch in (b"\xff" * 4, random.bytes(1), b"\0\0\0\1"):
                damaged = whole[:at] + patch + whole[at + len(patch) :]
                error = outcome(place, damaged)
                assert error is None or (error.expected and error.entry), error
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()

"""Pictures that are damaged, made to harm, of another kind or not alike."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from collections.abc import Callable
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

from emcatalog.errors import (
    CorruptError,
    EmcatalogError,
    FormatError,
    MemoryLimitError,
    NotFoundError,
    OptionError,
    TruncatedError,
)
from emcatalog.geometry import Region
from emcatalog.testing import traffic
from emcatalog_images import ImagesSource
from picture_writer import bmp, chunk, exif, noise, opened, png, read, tissue

GREY = tissue(24, 40)
SEVERAL = np.stack([tissue(24, 40, n) for n in range(3)], axis=-1)


def by_pillow(kind: str, values: Any = GREY, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(values).save(file, kind, **options)
    return file.getvalue()


def plain(magic: bytes, samples: int = 1) -> bytes:
    numbers = noise((24, 40, samples), 99).reshape(24, -1)
    numbers[-1, -1] = 7  # a number that lost digits at the very end cannot be told
    body = b"\n".join(b" ".join(b"%d" % n for n in row) for row in numbers)
    return magic + b"\n# text\n40 24\n99\n" + body + b"\n"


SEEDS: dict[str, bytes] = {
    "png": png(GREY, extra=chunk(b"pHYs", bytes(9)) + chunk(b"eXIf", exif(3))),
    "png16": png(noise((24, 40), 65535), 16, interlaced=True),
    "palette": png(GREY & 15, 4, 3, extra=chunk(b"PLTE", bytes(48))),
    "jpeg": by_pillow("jpeg", exif=b"Exif\0\0" + exif(6), dpi=(72, 72)),
    "progressive": by_pillow("jpeg", progressive=True),
    "colours": by_pillow("jpeg", SEVERAL),
    "lossless": imagecodecs.jpeg8_encode(GREY, lossless=True),
    "pgm": b"P5 40 24 255\n" + GREY.tobytes(),
    "pbm": b"P4 40 24\n" + np.packbits(GREY > 128, axis=1).tobytes(),
    "plain": plain(b"P2"),
    "plain ppm": plain(b"P3", 3),
    "bmp": bmp(GREY),
    "bmp1": bmp(GREY & 1, 1),
    "webp": by_pillow("webp", SEVERAL),
    "lossless webp": by_pillow("webp", SEVERAL, lossless=True),
}


def outcome(path: Path) -> tuple[NDArray[Any], EmcatalogError | None]:
    """The only section, or the error of ours that came in its place."""
    source = ImagesSource(str(path), voxel_size_nm=1, channel=0)
    try:
        return source.read(memory_limit="64 MiB").values[0], None
    except EmcatalogError as error:
        return np.empty(0), error


@pytest.mark.parametrize("kind", SEEDS)
def test_every_truncation_is_an_error_or_harmless(tmp_path: Path, kind: str) -> None:
    data, path = SEEDS[kind], tmp_path / "picture"
    whole = read(path, data, channel=0)
    cuts = {*range(min(200, len(data))), *range(0, len(data), 37)}
    for cut in sorted({*cuts, *range(len(data) - 20, len(data))}):
        path.write_bytes(data[:cut])
        found, error = outcome(path)
        if error is None:  # what follows the voxels
            assert cut >= len(data) - 1
            np.testing.assert_array_equal(found, whole)
        else:
            assert "picture" in error.entry
            assert error.expected


def mutated(data: bytes, edits: list[tuple[str, int, int]]) -> bytes:
    out = bytearray(data)
    for what, place, value in edits:
        at = place % (len(out) + 1)
        if what == "set" and at < len(out):
            out[at] = value
        elif what == "insert":
            out[at:at] = bytes([value]) * 3
        elif what == "delete":
            del out[at : at + value]
    return bytes(out)


EDITS = st.lists(
    st.tuples(
        st.sampled_from(["set", "insert", "delete"]),
        # headers are short, and come first
        st.one_of(st.integers(0, 64), st.integers(0, 4000)),
        st.integers(0, 255),
    ),
    min_size=1,
    max_size=4,
)


@pytest.mark.parametrize("kind", SEEDS)
@given(edits=EDITS)
@settings(max_examples=100, deadline=None)
def test_damage_anywhere_gives_our_errors_only(
    tmp_path_factory: pytest.TempPathFactory,
    kind: str,
    edits: list[tuple[str, int, int]],
) -> None:
    path = tmp_path_factory.mktemp("damage") / "picture"
    path.write_bytes(mutated(SEEDS[kind], edits))
    found, error = outcome(path)
    assert found.nbytes <= 64 * 2**20
    assert error is None or error.entry


def test_a_jpeg_that_lost_its_middle_is_refused_where_it_was_filled(
    tmp_path: Path,
) -> None:
    """libjpeg fills with grey and says nothing; so does Pillow."""
    big = by_pillow("jpeg", tissue(400, 600), quality=90)
    half = len(big) // 2
    lost = big[:half] + big[half + 3000 :]
    with Image.open(io.BytesIO(lost)) as oracle:
        assert np.ptp(np.asarray(oracle)[-8:]) == 0
    with pytest.raises(CorruptError, match=r"a.jpg.*codes that end before the picture"):
        read(tmp_path / "a.jpg", lost)


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.99])
def test_a_jpeg_without_an_end_is_refused(tmp_path: Path, keep: float) -> None:
    big = by_pillow("jpeg", tissue(400, 600))
    cut = big[: int(len(big) * keep)]
    for data in (cut, cut + bytes(len(big) - len(cut))):  # also one filled with zeros
        with pytest.raises(TruncatedError, match=r"a.jpg.*without an end.*fetch"):
            read(tmp_path / "a.jpg", data)


def bomb_png(size: int) -> bytes:
    head = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + body


def bomb_jpeg(size: int) -> bytes:
    data = by_pillow("jpeg")
    place = data.index(b"\xff\xc0") + 5
    return data[:place] + struct.pack(">HH", size, size) + data[place + 4 :]


BOMBS: dict[str, tuple[bytes, str]] = {
    "png": (bomb_png(31623), "compressed bytes for"),
    "jpeg": (bomb_jpeg(31623), "a bit for each block"),
    "plain": (b"P2 31623 31623 255\n1 2 3", "3 numbers; expected"),
    "bmp": (
        bmp(GREY)[:18] + struct.pack("<ii", 31623, 31623) + bmp(GREY)[26:],
        "bytes",
    ),
    "pgm": (b"P5 31623 31623 255\n123", "a file of 22 bytes; expected"),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_thousand_million_pixels_in_a_few_bytes(tmp_path: Path, kind: str) -> None:
    (data, letter), path = BOMBS[kind], tmp_path / "bomb"
    path.write_bytes(data)
    source = ImagesSource(str(path), voxel_size_nm=1)
    tracemalloc.start()
    try:
        with pytest.raises(EmcatalogError, match=rf"bomb.*{letter}"):
            source.to_xarray().isel(z=0, y=0, x=slice(0, 9)).load()
        assert tracemalloc.get_traced_memory()[1] < 16 * 2**20
    finally:
        tracemalloc.stop()


def test_a_picture_that_memory_cannot_hold_is_not_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = opened(tmp_path / "a.png", png(np.zeros((3000, 3000), np.uint8))).level(0)
    monkeypatch.setenv("EMCATALOG_MEMORY_LIMIT", "1MB")
    with pytest.raises(MemoryLimitError, match="3000 x 3000 x 1"):
        volume.read(Region((0, 0, 0), (1, 1, 1)))


def test_wide_tables_do_not_make_opening_long(tmp_path: Path) -> None:
    texts = chunk(b"tEXt", b"a\0b") * 5000
    with traffic() as seen, pytest.raises(FormatError, match="among the first 1000"):
        opened(tmp_path / "a.png", png(GREY, extra=texts))
    assert seen.bytes < 20_000
    comments = b"\xff\xfe\0\2" * 5000
    with pytest.raises(FormatError, match="1000 segments before the first scan"):
        opened(tmp_path / "a.jpg", b"\xff\xd8" + comments)


def tiff() -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, GREY)
    return file.getvalue()


def cmyk() -> bytes:
    file = io.BytesIO()
    Image.fromarray(GREY).convert("CMYK").save(file, "jpeg")
    return file.getvalue()


def animated(kind: str) -> bytes:
    return by_pillow(
        kind, save_all=True, append_images=[Image.fromarray(255 - GREY)], duration=9
    )


FOREIGN: dict[str, tuple[bytes, str]] = {
    "tiff": (tiff(), "a TIFF: use the driver tiff"),
    "dm3": (struct.pack(">III", 3, 100, 1), "a DM3 file: use the driver dm3"),
    "dm4": (struct.pack(">IQI", 4, 100, 1), "a DM4 file: use the driver dm3"),
    "jp2": (imagecodecs.jpeg2k_encode(GREY), "JPEG 2000: convert it"),
    "gif": (by_pillow("gif"), "a GIF: convert it"),
    "html": (b"<!DOCTYPE html><p>404", "an HTML or XML page"),
    "gzip": (b"\x1f\x8b\x08" + bytes(9), "a gzip archive: unpack it"),
    "empty": (b"", "an empty file"),
    "text": (b"hello, world", "check that the file is whole"),
    "pam": (b"P7\nWIDTH 1\n", "a PAM picture"),
    "wav": (b"RIFF\x24\0\0\0WAVEfmt ", "RIFF b'WAVE'"),
    "apng": (animated("png"), "an animation of 2 frames"),
    "animated webp": (animated("webp"), "an animation; expected one picture"),
    "mpo": (animated("mpo"), r"several pictures \(MPF\)"),
    "pgm of two": (SEEDS["pgm"] * 2, "a file of several pictures"),
    "cmyk": (cmyk(), "a JPEG.*4 samples"),
    "rle bmp": (bmp(GREY)[:30] + b"\1" + bmp(GREY)[31:], "8 bits, compression 1"),
    "old bmp": (bmp(GREY)[:14] + b"\x0c" + bmp(GREY)[15:], "a header of 12 bytes"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_other_files_are_named(tmp_path: Path, kind: str) -> None:
    data, letter = FOREIGN[kind]
    with pytest.raises(FormatError, match=rf"section.png: got .*{letter}"):
        opened(tmp_path / "section.png", data)


HEADERS: dict[str, tuple[bytes, str]] = {
    "png type": (png(GREY, 8, 0).replace(b"\x08\0\0\0\0", b"\x08\5\0\0\0", 1), "IHDR"),
    "png bits": (
        SEEDS["png"][:8] + chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 3, 0, 0, 0, 0)),
        "colour type 0, 3 bits",
    ),
    "png width": (
        SEEDS["png"][:8]
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 0, 4, 8, 0, 0, 0, 0))
        + chunk(b"IDAT"),
        r"a picture of \(4, 0\)",
    ),
    "png without palette": (png(GREY & 3, 2, 3), "a palette of 0 bytes"),
    "png without voxels": (SEEDS["png"][:33] + chunk(b"IEND"), "no chunk IDAT"),
    "jpeg height": (bomb_jpeg(0), r"a picture of \(0, 0\)"),
    "jpeg without frame": (b"\xff\xd8\xff\xda\0\2\0\0", "no frame"),
    "jpeg marker": (b"\xff\xd8\xff\xe0\0\1\0\0", "a marker"),
    "arithmetic": (
        by_pillow("jpeg").replace(b"\xff\xc0", b"\xff\xc9", 1), "frame type 9"
    ),
    "pgm": (b"P5 40 a 255\n", "a header without its numbers"),
    "pgm maxval": (b"P5 1 1 65536\n", "values to 65536"),
    "pgm zero": (b"P5 1 1 0\n1", "values to 0"),
    "crlf": (b"P5 2 2 255\r\n1234", "ends in two bytes"),
    "bmp start": (bmp(GREY)[:10] + bytes(4) + bmp(GREY)[14:], "behind the palette"),
}  # fmt: skip


@pytest.mark.parametrize("kind", HEADERS)
def test_unsound_headers(tmp_path: Path, kind: str) -> None:
    data, letter = HEADERS[kind]
    with pytest.raises(FormatError, match=rf"a.png: got.*{letter}"):
        opened(tmp_path / "a.png", data)


BODIES: dict[str, tuple[bytes, str]] = {
    "a letter": (b"P2 2 2 9\n1 2 x 4", "letters among the numbers"),
    "a minus": (b"P2 2 2 9\n1 2 -3 4", "letters among the numbers"),
    "a large value": (b"P2 2 2 9\n1 2 10 4", "the value 10; expected 9 at most"),
    "a huge value": (b"P2 2 2 9\n1 2 %b 4" % (b"9" * 99), "expected 9 at most"),
    "too few": (b"P2 2 2 9\n1 2", "2 numbers; expected 4"),
    "none": (b"P2 2 2 9\n#\n", "0 numbers; expected 4"),
    "too many": (b"P2 2 2 9\n1 2 3 4 5", "5 numbers for 4 pixels"),
    "no bit": (b"P1 2 2\n1012", "the value 2; expected 1"),
    "a flipped bit": (
        SEEDS["png"].replace(b"IDAT", b"IDAT!", 1), "without its last chunk|decode"
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", BODIES)
def test_unsound_bodies(tmp_path: Path, kind: str) -> None:
    data, letter = BODIES[kind]
    with pytest.raises(EmcatalogError, match=rf"a.pnm, section 0: got.*({letter})"):
        read(tmp_path / "a.pnm", data)


def test_each_byte_of_a_png_counts(tmp_path: Path) -> None:
    """Chunks have sums: a value that differs is never silent."""
    data = png(noise((8, 9)))
    whole = read(tmp_path / "a.png", data)
    start, stop = data.index(b"IDAT"), data.index(b"tEXt") - 4
    for place in range(start, stop):
        spoiled = bytearray(data)
        spoiled[place] ^= 0x10
        try:
            found = read(tmp_path / "a.png", bytes(spoiled))
        except EmcatalogError:
            continue
        np.testing.assert_array_equal(found, whole)


OTHERS: dict[str, tuple[Callable[[], bytes], str]] = {
    "size": (lambda: png(GREY[:-1]), r"shape \(y, x\) \(23, 40\); expected \(24, 40\)"),
    "depth": (lambda: png(GREY.astype(np.uint16), 16), "largest value 65535"),
    "kind": (lambda: by_pillow("jpeg"), "encoding jpeg; expected png"),
    "colours": (lambda: png(SEVERAL, 8, 2), "samples in a pixel 3"),
    "palette": (lambda: png(GREY, 8, 3, extra=chunk(b"PLTE", b"abc")), "palette True"),
    "pixels": (
        lambda: png(GREY, extra=chunk(b"pHYs", struct.pack(">IIB", 10**8, 10**8, 1))),
        r"pixel size in nm \(y, x\) \(10.0, 10.0\); expected \(0.0, 0.0\)",
    ),
    "zero bytes": (lambda: b"", "an empty file"),
    "tiff": (tiff, "use the driver tiff"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_the_section_that_differs_is_named(tmp_path: Path, kind: str) -> None:
    make, letter = OTHERS[kind]
    for number in range(5):
        (tmp_path / f"s{number}.png").write_bytes(png(GREY) if number != 3 else make())
    with pytest.raises(FormatError, match=rf"s3.png: got.*{letter}"):
        opened(tmp_path)


def test_palettes_that_disagree_are_refused(tmp_path: Path) -> None:
    """One that only has more colours gives an index no other meaning."""
    colours = noise((16, 3), seed=1).tobytes()
    tables = {"a1": colours[:12], "a2": colours, "b1": colours, "b2": colours[::-1]}
    for name, table in tables.items():
        data = png(GREY & 3, 4, 3, extra=chunk(b"PLTE", table))
        (tmp_path / f"{name}.png").write_bytes(data)
    assert opened(tmp_path / "a*.png").level(0).grid.shape == (2, 24, 40)
    with pytest.raises(FormatError, match=r"b2.png: got another palette"):
        opened(tmp_path / "b*.png")


def test_several_samples_ask_for_a_channel(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    with pytest.raises(
        FormatError, match=r"red, green, blue\).*channel=0 to channel=2"
    ):
        opened(path, png(SEVERAL, 8, 2))
    with pytest.raises(FormatError, match=r"2 samples in a pixel \(grey, alpha\)"):
        opened(path, png(SEVERAL[..., :2], 8, 4))
    for wrong in (3, -1):
        with pytest.raises(OptionError, match=rf"a.png: got channel={wrong}; expected"):
            opened(path, png(SEVERAL, 8, 2), channel=wrong)
    with pytest.raises(OptionError, match=r"channel=1; expected 0 to 0 \(grey\)"):
        opened(path, png(GREY), channel=1)


def test_a_file_that_changed_since_opening_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    volume = opened(path, png(GREY)).level(0)
    path.write_bytes(png(SEVERAL, 8, 2))
    with pytest.raises(CorruptError, match=r"of other facts.*open the volume again"):
        volume.read(volume.grid.region)
    path.write_bytes(tiff())
    with pytest.raises(FormatError, match="use the driver tiff"):
        volume.read(volume.grid.region)


def test_a_missing_section_of_a_range_is_named(tmp_path: Path) -> None:
    for number in (1, 3):
        (tmp_path / f"s{number}.png").write_bytes(png(GREY))
    with pytest.raises(NotFoundError, match=r's2\.png.*gaps="absent" takes'):
        opened(tmp_path / "s{1..3}.png")
    with pytest.raises(NotFoundError) as caught:
        opened(tmp_path / "s2.png")
    assert "absent" not in caught.value.hint
    volume = opened(tmp_path / "s{1..3}.png", gaps="absent").level(0)
    assert volume.stored(volume.grid.region).any(axis=(1, 2)).tolist() == [1, 0, 1]

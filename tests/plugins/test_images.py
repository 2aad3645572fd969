"""Pictures as a volume: every kind equals what was written, or what Pillow reads."""

from __future__ import annotations

import csv
import hashlib
import io
import struct
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

import servers
from emcatalog.errors import FormatError
from emcatalog.geometry import Region
from emcatalog.testing import VolumeTests, traffic
from emcatalog_images import ImagesSource, open_pyramid
from picture_writer import TRANSPORT, bmp, chunk, exif, noise, opened, png, read, tissue

DEPTHS = ((0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (3, 1), (3, 2), (3, 4), (3, 8))
COLOURS = ((2, 8), (2, 16), (4, 8), (4, 16), (6, 8), (6, 16))
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
RAMP = np.arange(12, dtype=np.uint8).reshape(3, 4)


def palette(bits: int) -> bytes:
    return chunk(b"PLTE", noise((1 << bits, 3), seed=3).tobytes())


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(("colour", "bits"), DEPTHS + COLOURS)
def test_png_values_are_those_stored(
    tmp_path: Path, colour: int, bits: int, interlaced: bool
) -> None:
    """Also where Pillow and libpng spread them, make 8 bits of 16, or apply colours."""
    samples = SAMPLES[colour]
    stored = noise((11, 19, samples), 2**bits - 1)
    values = stored[..., 0] if samples == 1 else stored
    transparent = chunk(b"tRNS", bytes({0: 2, 2: 6, 3: 2}.get(colour, 0)))
    extra = b"".join(
        (
            chunk(b"gAMA", struct.pack(">I", 45455)),
            palette(bits) if colour == 3 else b"",
            transparent if colour in (0, 2, 3) else b"",
        )
    )
    data = png(values, bits, colour, interlaced=interlaced, extra=extra)
    Image.open(io.BytesIO(data)).load()  # the writer writes PNG
    for sample in range(samples):
        found = read(tmp_path / "a.png", data, channel=sample)
        np.testing.assert_array_equal(found, stored[..., sample])
        assert found.dtype == (np.uint16 if bits == 16 else np.uint8)


@pytest.mark.parametrize("mode", ["L", "RGB", "I;16", "P", "1", "LA", "RGBA"])
def test_png_by_pillow(tmp_path: Path, mode: str) -> None:
    samples = {"RGB": 3, "LA": 2, "RGBA": 4}.get(mode, 1)
    values = noise((30, 41, samples), 65535 if mode == "I;16" else 255).squeeze()
    if mode == "P":
        picture = Image.fromarray(values)
        picture.putpalette(noise((256, 3), seed=4).tobytes())
    elif mode == "1":
        values = values > 99
        picture = Image.fromarray(values)
    else:
        picture = Image.fromarray(values)
    path = tmp_path / "a.png"
    picture.save(path)
    for sample in range(samples):
        expected = values[..., sample] if samples > 1 else values
        np.testing.assert_array_equal(read(path, channel=sample), expected)


@pytest.mark.parametrize(
    "options",
    [{}, {"progressive": True}, {"optimize": True}, {"restart_marker_blocks": 2}],
)
def test_jpeg_equals_pillow(tmp_path: Path, options: dict[str, Any]) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(tissue(123, 211)).save(path, quality=85, **options)
    with Image.open(path) as oracle:
        np.testing.assert_array_equal(read(path), np.asarray(oracle))
    assert opened(path).record.value("lossy") == 1


@pytest.mark.parametrize("options", [{"subsampling": n} for n in (0, 1, 2)])
def test_jpeg_colours_equal_pillow(tmp_path: Path, options: dict[str, Any]) -> None:
    path = tmp_path / "a.jpeg"
    colours = np.stack([tissue(64, 80, n) for n in range(3)], axis=-1)
    Image.fromarray(colours).save(path, **options)
    with Image.open(path) as oracle:
        expected = np.asarray(oracle)
    for channel in range(3):
        found = read(path, channel=channel)
        np.testing.assert_array_equal(found, expected[..., channel])


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_lossless_jpeg(tmp_path: Path, bits: int) -> None:
    values = noise((40, 60), 2**bits - 1)
    data = imagecodecs.jpeg8_encode(values, lossless=True, bitspersample=bits)
    np.testing.assert_array_equal(read(tmp_path / "a.jpg", data), values)
    assert opened(tmp_path / "a.jpg").record.value("lossy") == 0


def test_jpeg_of_twelve_bits(tmp_path: Path) -> None:
    values = (tissue(40, 64).astype(np.uint16) * 16).astype(np.uint16)
    data = imagecodecs.jpeg8_encode(values, 95, bitspersample=12)
    found = read(tmp_path / "a.jpg", data).astype(int)
    assert np.abs(found - values).max() < 150


def test_a_jpeg_that_ends_in_black_is_whole(tmp_path: Path) -> None:
    padded = tissue(64, 100)
    padded[40:] = 0
    for options in ({}, {"progressive": True}, {"quality": 30, "optimize": True}):
        Image.fromarray(padded).save(tmp_path / "a.jpg", **options)
        with Image.open(tmp_path / "a.jpg") as oracle:
            np.testing.assert_array_equal(read(tmp_path / "a.jpg"), np.asarray(oracle))


@pytest.mark.parametrize("highest", [1, 9, 100, 255, 256, 1000, 65535])
@pytest.mark.parametrize("kind", [2, 3, 5, 6])
def test_greymaps_and_pixmaps(tmp_path: Path, kind: int, highest: int) -> None:
    """Values are not spread over 8 or 16 bits, as Pillow does."""
    samples = 3 if kind in (3, 6) else 1
    values = noise((7, 5, samples), highest)
    head = f"P{kind}\n# by hand\n5 # wide\n7\r\n{highest}\n".encode()
    if kind > 3:
        body = values.astype(">u2" if highest > 255 else "u1").tobytes()
    else:
        body = b"\n".join(
            b" ".join(b"%d" % v for v in r) for r in values.reshape(7, -1)
        )
        body += b" # the end\n"
    for channel in range(samples):
        found = read(tmp_path / "a.pnm", head + body, channel=channel)
        np.testing.assert_array_equal(found, values[..., channel])
        assert found.dtype == values.dtype


@pytest.mark.parametrize("kind", [1, 4])
def test_bitmaps(tmp_path: Path, kind: int) -> None:
    bits = noise((6, 13), 1)
    plain = b"\n".join("".join(map(str, row)).encode() for row in bits)
    body = plain if kind == 1 else np.packbits(bits, axis=1).tobytes()
    found = read(tmp_path / "a.pbm", b"P%d 13 6\n" % kind + body)
    np.testing.assert_array_equal(found, bits)
    with Image.open(tmp_path / "a.pbm") as oracle:  # 1 is black
        np.testing.assert_array_equal(found, ~np.asarray(oracle))


def test_a_plain_picture_may_be_much_longer_than_its_values(tmp_path: Path) -> None:
    values = noise((900, 1000), 255)
    body = b"\n".join(b" ".join(b"%3d" % v for v in row) for row in values)
    found = read(tmp_path / "a.pgm", b"P2 1000 900 255\n" + body)
    np.testing.assert_array_equal(found, values)


def test_rows_of_a_raw_greymap_are_had_alone(tmp_path: Path) -> None:
    values = noise((2000, 500), 65535)
    data = b"P5 500 2000 65535\n" + values.astype(">u2").tobytes()
    (tmp_path / "a.pgm").write_bytes(data)
    with servers.http(tmp_path) as server:
        pyramid = open_pyramid(f"{server.url}/a.pgm", TRANSPORT, voxel_size_nm=4)
        server.forget()
        found = pyramid.level(0).read(Region((0, 700, 20), (1, 710, 30)))
        np.testing.assert_array_equal(found[0], values[700:710, 20:30])
        assert server.bytes_sent == 16 * 1000  # two bands of eight rows


@pytest.mark.parametrize("upwards", [True, False])
@pytest.mark.parametrize("bits", [1, 4, 8, 24, 32])
def test_bmp(tmp_path: Path, bits: int, upwards: bool) -> None:
    colours = bits >= 24
    shape = (9, 13, 3) if colours else (9, 13)
    values = noise(shape, 2 ** min(bits, 8) - 1)
    data = bmp(values, bits, upwards=upwards)
    for channel in range(3 if colours else 1):
        found = read(tmp_path / "a.bmp", data, channel=channel)
        np.testing.assert_array_equal(
            found, values[..., channel] if colours else values
        )
    if bits != 4:  # of which Pillow makes colours
        with Image.open(tmp_path / "a.bmp") as oracle:
            seen = np.asarray(oracle.convert("RGB" if colours else "L"))
        expected = values * 255 if bits == 1 else values
        np.testing.assert_array_equal(seen, expected)


def test_bmp_by_pillow(tmp_path: Path) -> None:
    Image.fromarray(tissue(20, 33)).save(tmp_path / "a.bmp")
    np.testing.assert_array_equal(read(tmp_path / "a.bmp"), tissue(20, 33))


@pytest.mark.parametrize("samples", [3, 4])
@pytest.mark.parametrize("lossless", [True, False])
def test_webp(tmp_path: Path, samples: int, lossless: bool) -> None:
    colours = np.stack([tissue(30, 45, n) for n in range(samples)], axis=-1)
    Image.fromarray(colours).save(
        tmp_path / "a.webp", lossless=lossless, exact=True, quality=80
    )
    with Image.open(tmp_path / "a.webp") as oracle:
        expected = np.asarray(oracle)
    for channel in range(samples):
        found = read(tmp_path / "a.webp", channel=channel)
        np.testing.assert_array_equal(found, expected[..., channel])
    record = opened(tmp_path / "a.webp", channel=0).record
    assert record.value("lossy") == int(not lossless)


def test_the_record_says_what_was_read(tmp_path: Path) -> None:
    record = opened(tmp_path / "a b.png", png(RAMP, 4, 3, extra=palette(4))).record
    expected = {
        "format": "PNG", "compression": "png", "pixel_type": "uint8", "lossy": 0,
        "rendered": 0, "title": "a b.png", "orientation": None, "gaps": None,
    }  # fmt: skip
    assert {name: record.value(name) for name in expected} == expected
    claim = record.winner("pixel_type")
    assert claim
    assert claim.locator == "indices of a palette"


@pytest.mark.parametrize("orientation", [1, 6])
def test_pixels_are_not_turned_and_the_record_says_so(
    tmp_path: Path, orientation: int
) -> None:
    turned = chunk(b"eXIf", exif(orientation))
    path = tmp_path / "a.png"
    np.testing.assert_array_equal(read(path, png(RAMP, extra=turned)), RAMP)
    said = {1: None, 6: 6}[orientation]
    assert opened(path).record.value("orientation") == said
    photo = tmp_path / "a.jpg"
    Image.fromarray(tissue(16, 40)).save(photo, exif=b"Exif\0\0" + exif(orientation))
    assert read(photo).shape == (16, 40)
    assert opened(photo).record.value("orientation") == said


def test_lengths_in_the_file_go_before_those_declared(tmp_path: Path) -> None:
    at_8_nm = chunk(b"pHYs", struct.pack(">IIB", 125_000_000, 333_333_333, 1))
    grid = opened(tmp_path / "a.png", png(RAMP, extra=at_8_nm)).level(0).grid
    assert grid.voxel_size == (5, 3, 8)
    said = opened(tmp_path / "a.bmp", bmp(RAMP, per_metre=250_000_000))
    assert said.level(0).grid.voxel_size == (5, 4, 4)
    assert [c.losers[0].value for c in said.record.conflicts()] == [5, 5]
    Image.fromarray(RAMP).save(tmp_path / "a.jpg", dpi=(50800, 50800))
    assert opened(tmp_path / "a.jpg").level(0).grid.voxel_size == (5, 500, 500)


@pytest.mark.parametrize(
    "density",
    [(2835, 2835, 1), (125_000_000, 125_000_000, 0), (0, 0, 1), (1, 2, 1)],
    ids=["72 dpi", "no unit", "zero", "metres"],
)
def test_settings_of_a_display_are_no_voxel_size(
    tmp_path: Path, density: tuple[int, int, int]
) -> None:
    data = png(RAMP, extra=chunk(b"pHYs", struct.pack(">IIB", *density)))
    assert opened(tmp_path / "a.png", data).level(0).grid.voxel_size == (5, 5, 5)
    with pytest.raises(FormatError, match=r"a.png: got no voxel size along y, x"):
        opened(tmp_path / "a.png", voxel_size_nm=[40, None, None])


@given(
    st.sampled_from(DEPTHS + COLOURS), st.integers(1, 40), st.integers(1, 40),
    st.booleans(), st.integers(0, 99),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_any_png_reads_as_written(
    tmp_path_factory: pytest.TempPathFactory,
    kind: tuple[int, int],
    height: int,
    width: int,
    interlaced: bool,
    seed: int,
) -> None:
    (colour, bits), path = kind, tmp_path_factory.mktemp("png") / "a.png"
    samples = SAMPLES[colour]
    stored = noise((height, width, samples), 2**bits - 1, seed)
    values = stored[..., 0] if samples == 1 else stored
    extra = palette(bits) if colour == 3 else b""
    data = png(values, bits, colour, interlaced=interlaced, extra=extra)
    channel = seed % samples
    found = read(path, data, channel=channel)
    np.testing.assert_array_equal(found, stored[..., channel])


def test_opening_a_folder_over_http_costs_a_request_a_file(tmp_path: Path) -> None:
    folder = tmp_path / "raw data"
    folder.mkdir()
    stack = np.stack([tissue(200, 300, z) for z in range(12)])
    for z, section in enumerate(stack):
        Image.fromarray(section).save(folder / f"s {z:02} [1].png")
    with servers.http(tmp_path) as server:
        volume = open_pyramid(
            f"{server.url}/raw%20data/", TRANSPORT, voxel_size_nm=5
        ).level(0)
        assert len(server.requests) == 13
        assert server.bytes_sent < 13 * 4096
        np.testing.assert_array_equal(volume.read(volume.grid.region), stack)


def sections(folder: Path, ending: str, stack: NDArray[Any]) -> str:
    folder.mkdir()
    for z, section in enumerate(stack, 98):
        path = folder / f"mag_2_slice_{z}.{ending}"
        if ending == "pgm":
            size = b" ".join(b"%d" % n for n in section.shape[::-1])
            path.write_bytes(b"P5 %b 65535\n" % size + section.astype(">u2").tobytes())
        else:
            Image.fromarray(section).save(path)
    return str(folder)


class TestPngFolder(VolumeTests):
    metadata_budget = 5 * 1024

    @pytest.fixture
    def truth(self) -> NDArray[np.generic]:
        return noise((5, 60, 70), 65535)

    @pytest.fixture
    def source(self, tmp_path: Path, truth: NDArray[Any]) -> ImagesSource:
        place = sections(tmp_path / "stack", "png", truth)
        return ImagesSource(place, voxel_size_nm=[40, 8, 8])

    @pytest.fixture
    def damaged(self, source: ImagesSource) -> ImagesSource:
        path = Path(str(source.options["urlpath"])) / "mag_2_slice_100.png"
        path.write_bytes(path.read_bytes()[:-200])
        return source


class TestRawFolderWithAGapOverHttp(VolumeTests):
    @pytest.fixture
    def truth(self) -> NDArray[np.generic]:
        stack = noise((5, 60, 70), 65535)
        stack[2] = 0
        return stack

    @pytest.fixture
    def source(self, tmp_path: Path, truth: NDArray[Any], http_at: Any) -> ImagesSource:
        place = sections(tmp_path / "stack", "pgm", truth)
        (Path(place) / "mag_2_slice_100.pgm").unlink()
        url = f"{http_at(tmp_path).url}/stack/"
        return ImagesSource(url, voxel_size_nm=[40, 8, 8], gaps="absent")

    def test_the_gap_is_said(self, source: ImagesSource) -> None:
        said = source.pyramid.record.value("gaps")
        assert said == "1 of 5 sections are absent: z index 2"


class TestOneJpeg(VolumeTests):
    @pytest.fixture
    def truth(self, tmp_path: Path) -> NDArray[np.generic]:
        path = tmp_path / "one.jpg"
        Image.fromarray(tissue(300, 200)).save(path)
        with Image.open(path) as oracle:
            return np.asarray(oracle)[np.newaxis]

    @pytest.fixture
    def source(self, tmp_path: Path, truth: NDArray[Any]) -> ImagesSource:
        return ImagesSource(str(tmp_path / "one.jpg"), voxel_size_nm=8)


def digest(values: NDArray[np.generic]) -> str:
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()[:16]


def rows(realdata: Path, folder: str = "em_stacks/") -> dict[str, dict[str, str]]:
    with (realdata / "EXPECTED.csv").open(encoding="utf-8") as file:
        found = {row["path"]: row for row in csv.DictReader(file)}
    return {path: row for path, row in found.items() if path.startswith(folder)}


def test_every_real_picture_is_read_or_named_another_driver(realdata: Path) -> None:
    expected = rows(realdata)
    assert expected
    for name, row in expected.items():
        path = realdata / name
        if path.suffix in (".tif", ".tiff"):
            with pytest.raises(FormatError, match=r"a TIFF: use the driver tiff"):
                opened(path)
            continue
        values = read(path)
        assert digest(values) == row["array_sha256_16_C"], name
        assert "x".join(map(str, values.shape)) == row["shape"]
        assert values.dtype == row["dtype"]


def test_real_folders_are_one_volume(realdata: Path) -> None:
    place = realdata / "em_stacks/neuroproof-fib25/training_sample1/grayscale_maps"
    expected = rows(realdata, str(place.relative_to(realdata)))
    with traffic() as seen:
        volume = opened(place, voxel_size_nm=10).level(0)
    assert volume.grid.shape == (250, 250, 250)
    assert seen.bytes <= 250 * 1024
    voxels = volume.read(volume.grid.region)
    found = [digest(section) for section in voxels]
    assert found == [row["array_sha256_16_C"] for _, row in sorted(expected.items())]


class TestRealSections(VolumeTests):
    metadata_budget = 10 * 1024

    @pytest.fixture
    def source(self, realdata: Path) -> ImagesSource:
        place = realdata / "em_stacks/neuroproof-fib25/training_sample1/grayscale_maps"
        return ImagesSource(str(place / "iso.260*.png"), voxel_size_nm=10)


class TestRealJpeg(VolumeTests):
    @pytest.fixture
    def source(self, realdata: Path) -> ImagesSource:
        path = realdata / "em_stacks/wk-temca2-jpg/1/60/140.jpg"
        return ImagesSource(str(path), voxel_size_nm=[40, 8, 8])

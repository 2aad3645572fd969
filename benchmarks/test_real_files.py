"""The sweep finds what is there and hides nothing: tested on hand-made folders."""

from __future__ import annotations

import csv
import doctest
import hashlib
import importlib
import json
import os
import pkgutil
import shutil
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorstore
import tifffile
from numpy.typing import NDArray
from PIL import Image

from benchmarks.real_files.__main__ import main, parser
from benchmarks.real_files.discover import DRIVERS, discover
from benchmarks.real_files.expected import parse_row
from benchmarks.real_files.findings import (
    FAULTS,
    UNREADABLE,
    Finding,
    Outcome,
    Row,
    shown,
)
from benchmarks.real_files.page import REFRESH, page, versions
from benchmarks.real_files.report import failed, refusals
from benchmarks.real_files.series import in_order
from benchmarks.real_files.survey import Survey, survey
from benchmarks.real_files.sweep import gather, sweep
from benchmarks.real_files.workers import Task, perform

PICTURE = np.arange(20 * 30, dtype=np.uint16).reshape(20, 30)
HERE = [str(Path(__file__).parent / "real_files")]
PAGE = Path(__file__).parent.parent / "docs/real-files.md"
COLUMNS = ("path", "item", "shape", "dtype", "array_sha256_16_C", "axes", "order")

FAKES = """
import os, time
from emcatalog.errors import FormatError
from emcatalog.driver import VolumeSource

def foreign(urlpath, transport):
    return 1 // 0

def asleep(urlpath, transport):
    time.sleep(600)

def dying(urlpath, transport):
    os.abort()

def disguised(urlpath, transport):
    try:
        len(5)
    except TypeError as error:
        raise FormatError(got="a header that cannot be read") from error

def greedy(urlpath, transport):
    return bytearray(2**40)

class Foreign(VolumeSource):
    name, open_pyramid = "foreign", staticmethod(foreign)

class Asleep(VolumeSource):
    name, open_pyramid = "asleep", staticmethod(asleep)

class Dying(VolumeSource):
    name, open_pyramid = "dying", staticmethod(dying)

class Disguised(VolumeSource):
    name, open_pyramid = "disguised", staticmethod(disguised)

class Greedy(VolumeSource):
    name, open_pyramid = "greedy", staticmethod(greedy)
"""


@pytest.fixture
def fakes(tmp_path_factory: pytest.TempPathFactory, monkeypatch: Any) -> str:
    """A module of drivers that do what none may; its name."""
    place = tmp_path_factory.mktemp("fakes")
    (place / "emcatalog_fakes.py").write_text(FAKES)
    monkeypatch.syspath_prepend(str(place))
    return "emcatalog_fakes"


def sha(array: NDArray[Any]) -> str:
    """The digest as EXPECTED.csv has it."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]


def write_expected(place: Path, *rows: Sequence[str]) -> None:
    """An EXPECTED.csv of these rows."""
    with (place / "EXPECTED.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([COLUMNS, *rows])


def tiff_row(path: str, array: NDArray[Any], **changes: str) -> list[str]:
    """A row as the real folder has them for a TIFF."""
    axes = "ZYXS"[4 - array.ndim :] if array.ndim == 4 else "YXS"[: array.ndim]
    row = {
        "path": path,
        "item": "0",
        "shape": "x".join(map(str, array.shape)),
        "dtype": str(array.dtype),
        "array_sha256_16_C": sha(array),
        "axes": "XResolution 1/1 unit 1",
        "order": f"tifffile asarray; axes {axes}; TIFF < NONE strips pages=1",
    }
    return list((row | changes).values())


def swept(place: Path, **options: Any) -> dict[str, Finding]:
    """Findings by path (and part), without other libraries."""
    drivers = options.pop("drivers", None)
    found = sweep(gather(place, drivers=drivers), jobs=1, **options)
    tried = [f for f in found if f.path != "EXPECTED.csv"]
    return {" ".join(filter(None, (f.path, f.part))): f for f in tried}


def test_a_picture_is_equal_and_a_lying_row_is_wrong(tmp_path: Path) -> None:
    """Voxels, shape, unreadable rows: whatever does not fit is WRONG."""
    for name in ("good", "digest", "shape", "broken", "nothing"):
        tifffile.imwrite(tmp_path / f"{name}.tif", PICTURE)
    write_expected(
        tmp_path,
        tiff_row("good.tif", PICTURE),
        tiff_row("digest.tif", PICTURE, array_sha256_16_C="0" * 16),
        tiff_row("shape.tif", PICTURE, shape="30x20"),
        tiff_row("broken.tif", PICTURE, shape="?"),
        tiff_row("gone.tif", PICTURE),
    )
    folder = gather(tmp_path)
    found = {f.path: f for f in sweep(folder, jobs=1)}
    assert found["good.tif"].outcome is Outcome.EQUAL
    assert found["nothing.tif"].outcome is Outcome.READ
    for name in ("digest.tif", "shape.tif", "broken.tif"):
        assert found[name].outcome is Outcome.WRONG, name
    assert "shape '?'" in found["broken.tif"].detail
    assert [row.path for row in folder.expected.unasked()] == ["gone.tif"]


def test_exchanged_axes_are_wrong_and_named(tmp_path: Path) -> None:
    """A digest that fits other axes than the declared ones is no luck, but a fault."""
    square = np.arange(64, dtype=np.uint8).reshape(8, 8)
    tifffile.imwrite(tmp_path / "a.tif", square)
    row = tiff_row("a.tif", square, array_sha256_16_C=sha(square.T))
    write_expected(tmp_path, row)
    finding = swept(tmp_path)["a.tif"]
    assert finding.outcome is Outcome.WRONG
    assert "axes exchanged: xy" in finding.detail


def test_colours_and_channels_are_put_together(tmp_path: Path) -> None:
    """What the driver gives one channel at a time is compared as the file has it."""
    random = np.random.default_rng(0)
    colour = random.integers(0, 255, (20, 30, 3), np.uint8)
    stack = random.integers(0, 255, (4, 2, 20, 30), np.uint8)
    tifffile.imwrite(tmp_path / "rgb.tif", colour, photometric="rgb")
    tifffile.imwrite(tmp_path / "hyper.tif", stack, imagej=True)
    order = "tifffile asarray; axes ZCYX; TIFF"
    both = random.integers(0, 255, (2, 4, 20, 30, 3), np.uint8)
    tifffile.imwrite(
        tmp_path / "both.ome.tif", both, photometric="rgb", metadata={"axes": "CZYXS"}
    )
    write_expected(
        tmp_path,
        tiff_row("rgb.tif", colour),
        tiff_row("hyper.tif", stack, order=order),
        tiff_row("both.ome.tif", both, order="tifffile asarray; axes CZYXS; TIFF"),
    )
    found = swept(tmp_path)
    assert {f.outcome for f in found.values()} == {Outcome.EQUAL}
    assert found["hyper.tif"].shape == (2, 1, 4, 20, 30)


@pytest.mark.parametrize(
    ("axes", "outcome"),
    [
        ("XResolution 250000/1 unit 1 ImageJ unit=micron", Outcome.CALIBRATION),
        ("XResolution 250/1 unit 1 ImageJ unit=micron", Outcome.EQUAL),
        ("XResolution 72/1 unit 2", Outcome.EQUAL),
    ],
)
def test_calibration(tmp_path: Path, axes: str, outcome: Outcome) -> None:
    """Other voxel sizes than expected are told; a screen's resolution is none."""
    tifffile.imwrite(
        tmp_path / "a.tif", PICTURE, imagej=True, resolution=(250, 250),
        metadata={"unit": "micron"},
    )  # fmt: skip
    write_expected(tmp_path, tiff_row("a.tif", PICTURE, axes=axes))
    assert swept(tmp_path)["a.tif"].outcome is outcome


@pytest.mark.parametrize(
    ("kind", "outcome", "words"),
    [
        ("Foreign", Outcome.FOREIGN, "ZeroDivisionError: integer division"),
        ("Asleep", Outcome.HANG, "no end after 10 s"),
        ("Dying", Outcome.CRASH, "SIGABRT"),
        ("Disguised", Outcome.FOREIGN, "TypeError: object of type 'int' has no len()"),
        ("Greedy", Outcome.FOREIGN, "MemoryError"),
    ],
)
def test_drivers_that_fail(
    tmp_path: Path, fakes: str, kind: str, outcome: Outcome, words: str
) -> None:
    """An error that is not ours, a hang, a crash: found, and the rest goes on."""
    tifffile.imwrite(tmp_path / "a.tif", PICTURE)
    (tmp_path / "b.dm3").write_bytes(b"")
    drivers = {"TIFF": f"{fakes}:{kind}", "DM": "dm3"}
    timeout = 10 if kind == "Asleep" else 60
    found = swept(tmp_path, timeout=timeout, drivers=drivers)
    assert found["a.tif"].outcome is outcome
    assert words in found["a.tif"].detail
    assert found["b.dm3"].outcome is Outcome.REFUSED
    assert failed(found.values())


def test_damage_is_refused_in_our_words(tmp_path: Path) -> None:
    """Broken, empty and unreachable files, with names that are a trial."""
    tifffile.imwrite(tmp_path / "whole.tif", PICTURE)
    data = (tmp_path / "whole.tif").read_bytes()
    names = ["cut.tif", "ünï #1 100%25 .tif", "a\nb.tif", "x[1]*.tif"]
    for name in names:
        (tmp_path / name).write_bytes(data[: 200 if name == "cut.tif" else None])
    (tmp_path / "empty.tif").touch()
    (tmp_path / "link.tif").symlink_to("nowhere.tif")
    (tmp_path / "loop").symlink_to(".")
    found = swept(tmp_path)
    refused = {p for p, f in found.items() if f.outcome is Outcome.REFUSED}
    assert refused == {"cut.tif", "empty.tif", "link.tif"}
    assert {p for p, f in found.items() if f.outcome is Outcome.READ} == {
        "whole.tif", *names[1:]
    }  # fmt: skip
    assert found["loop"].outcome is Outcome.NONE
    assert len(found) == 8
    assert all(str(tmp_path) not in f.detail for f in found.values())
    assert len(refusals(found.values())) == 3


def write_zarr(place: Path, shape: Sequence[int], driver: str = "zarr") -> NDArray[Any]:
    """An array of Zarr v2, Zarr v3 or N5; its voxels."""
    voxels = np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)
    key = "dimensions" if driver == "n5" else "shape"
    kinds = {"n5": {"dataType": "uint16", "blockSize": [4] * len(shape)},
             "zarr3": {"data_type": "uint16"}, "zarr": {"dtype": "<u2"}}  # fmt: skip
    metadata = {key: list(shape), **kinds[driver]}
    store = {"driver": "file", "path": f"{place}/"}
    spec = {"driver": driver, "kvstore": store, "metadata": metadata}
    tensorstore.open(spec, create=True).result()[...] = voxels
    return voxels


def test_stores_are_found_and_compared(tmp_path: Path) -> None:
    """Zarr v2, v3, N5 and OME-Zarr, each in the order of its own dimensions."""
    rows = []
    for driver in ("zarr", "zarr3", "n5"):
        place = tmp_path / f"{driver} 100%"
        voxels = write_zarr(place, (5, 6, 7), driver)
        order = "array as tensorstore n5 gives it" if driver == "n5" else "C order; v2"
        rows.append([place.name, "0", "5x6x7", "uint16", sha(voxels), "", order])
    group = tmp_path / "image.zarr"
    voxels = write_zarr(group / "s0", (5, 6, 7))
    scale = [{"type": "scale", "scale": [2.0, 1.0, 1.0]}]
    axes = [{"name": a, "type": "space", "unit": "micrometer"} for a in "zyx"]
    dataset = {"path": "s0", "coordinateTransformations": scale}
    image = {"version": "0.4", "axes": axes, "datasets": [dataset]}
    (group / ".zattrs").write_text(json.dumps({"multiscales": [image]}))
    (group / ".zgroup").write_text('{"zarr_format": 2}')
    transforms = str(scale)
    rows.append(
        ["image.zarr/s0", "0", "5x6x7", "uint16", sha(voxels), transforms, "zyx C"]
    )
    write_expected(tmp_path, *rows)
    folder = gather(tmp_path)
    found = {(f.path, f.kind): f for f in sweep(folder, jobs=1)}
    for path in ("zarr 100%", "zarr3 100%"):
        assert found[path, "Zarr"].outcome is Outcome.EQUAL, found
    assert found["n5 100%", "N5"].outcome is Outcome.EQUAL
    assert found["image.zarr", "OME-Zarr"].outcome is Outcome.EQUAL
    assert found["image.zarr/s0", "Zarr"].outcome is Outcome.EQUAL
    rows[-1][5] = str([{"type": "scale", "scale": [3.0, 1.0, 1.0]}])
    write_expected(tmp_path, *rows)
    found = {(f.path, f.kind): f for f in sweep(gather(tmp_path), jobs=1)}
    group_finding = found["image.zarr", "OME-Zarr"]
    assert group_finding.outcome is Outcome.CALIBRATION
    assert "voxel z is 2000.0 nm, expected 3000.0" in group_finding.detail


def test_metadata_without_chunks_is_no_reading(tmp_path: Path) -> None:
    """Fill values alone are not called read."""
    write_zarr(tmp_path / "a.zarr", (5, 6, 7))
    for chunk in (tmp_path / "a.zarr").glob("[0-9]*"):
        chunk.unlink()
    assert swept(tmp_path)["a.zarr"].outcome is Outcome.EMPTY


def test_a_series_is_compared_section_by_section(tmp_path: Path) -> None:
    """Files that differ in one number are a volume, in the order of the numbers."""
    rows = []
    for number in (8, 9, 10):
        name = f"s_{number}.tif"
        tifffile.imwrite(tmp_path / name, PICTURE + number)
        rows.append(tiff_row(name, PICTURE + number))
    write_expected(tmp_path, *rows)
    assert swept(tmp_path)["s_8.tif .. s_10.tif"].outcome is Outcome.EQUAL
    rows[1], rows[2] = rows[2], rows[1]
    rows[1][0], rows[2][0] = rows[2][0], rows[1][0]
    write_expected(tmp_path, *rows)
    finding = swept(tmp_path)["s_8.tif .. s_10.tif"]
    assert finding.outcome is Outcome.WRONG
    assert "section 1" in finding.detail


def test_a_gap_in_a_series_is_told() -> None:
    """Order is by number; two numbers that vary, or one twice, are no series."""
    names = ["a10", "a9", "a12"]
    assert [p.name for p in in_order(list(map(Path, names)))] == ["a9", "a10", "a12"]
    assert in_order([Path("a1b1"), Path("a2b2"), Path("a3b4")]) == []
    assert in_order([Path("a1"), Path("a01"), Path("a2")]) == []


def test_what_is_there_is_found_by_bytes_and_suffix(tmp_path: Path) -> None:
    """First bytes go before the suffix; a suffix of ours is tried in any case."""
    tifffile.imwrite(tmp_path / "no_suffix", PICTURE)
    tifffile.imwrite(tmp_path / "wrong.png", PICTURE)
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "a.png")
    for name, data in {
        "text.dm3": b"hello", "notes.txt": b"hello", "table": b"", "c.map": b"x" * 99,
        "dm": b"\0\0\0\3\0\0\1\0\0\0\0\1", "no_dm": b"\0\0\0\3" * 4, "x.zip": b"PK\3\4",
    }.items():  # fmt: skip
        (tmp_path / name).write_bytes(data)
    found = {i.path: (i.kind, i.driver, i.why) for i in discover(tmp_path)}
    assert found["no_suffix"][:2] == ("TIFF", "tiff")
    assert found["wrong.png"][:2] == ("TIFF", "tiff")
    assert found["a.png"][:2] == ("picture", DRIVERS["picture"])
    assert found["text.dm3"][:2] == ("DM", "dm3")
    assert found["dm"][:2] == ("DM", "dm3")
    for name in ("notes.txt", "table", "c.map", "no_dm", "x.zip"):
        assert not found[name][1]
        assert found[name][2]


def test_pictures_of_every_kind_are_found(tmp_path: Path) -> None:
    """What the driver of pictures reads is told by its bytes, and read."""
    grey = Image.fromarray(np.random.default_rng(1).integers(0, 256, (7, 9), np.uint8))
    for suffix in ("bmp", "ppm", "pbm", "pgm", "png"):
        colour = {"ppm": "RGB", "pbm": "1"}.get(suffix, "L")
        grey.convert(colour).save(tmp_path / f"as {suffix}.{suffix}")
        (tmp_path / f"as {suffix}.{suffix}").rename(tmp_path / suffix)
    grey.convert("RGB").save(tmp_path / "webp", "WEBP", lossless=True)
    found = swept(tmp_path)
    assert {path: f.outcome for path, f in found.items()} == dict.fromkeys(
        ("bmp", "ppm", "pbm", "pgm", "png", "webp"), Outcome.READ
    )


def test_damaged_metadata_is_refused_and_not_passed_over(tmp_path: Path) -> None:
    """A store whose metadata is lost is in the table, and so is what lies below."""
    expected = {}
    for name in (".zattrs", ".zgroup", "zarr.json", "attributes.json"):
        for n, text in enumerate(("", "[]", '{"zarr_format": 3', "\0" * 40)):
            store = tmp_path / f"{name.strip('.')} {n}"
            store.mkdir()
            (store / name).write_text(text)
            expected[store.name] = Outcome.REFUSED
    write_zarr(store / "below", (5, 6, 7))
    expected[f"{store.name}/below"] = Outcome.READ
    found = swept(tmp_path)
    assert {path: f.outcome for path, f in found.items()} == expected


def test_names_of_metadata_that_are_no_files(tmp_path: Path) -> None:
    """Folders, pipes and lost links called like metadata do no harm."""
    (tmp_path / "info").mkdir()
    (tmp_path / "zarr.json").symlink_to("nowhere")
    os.mkfifo(tmp_path / "attributes.json")
    (tmp_path / ".zarray").symlink_to(".zarray")
    tifffile.imwrite(tmp_path / "info/a.tif", PICTURE)
    found = swept(tmp_path)
    assert {path: f.outcome for path, f in found.items()} == {
        "info/a.tif": Outcome.READ, "zarr.json": Outcome.NONE,
        "attributes.json": Outcome.NONE, ".zarray": Outcome.REFUSED,
    }  # fmt: skip


def test_what_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    """Whatever its name promises, but for a name that promises no volume."""
    names = ("a.tif", "a.dm3", "a.zip", "a.zarr.zip", "a.unknown", "nothing")
    for name in (*names, "a.txt"):
        (tmp_path / name).symlink_to(name)
    found = swept(tmp_path)
    assert {path: f.outcome for path, f in found.items()} == {
        **dict.fromkeys(names, Outcome.REFUSED), "a.txt": Outcome.NONE
    }  # fmt: skip
    assert found["nothing"].kind == UNREADABLE
    assert all("symbolic links" in f.detail for f in found.values())


@pytest.mark.parametrize("mode", [0, 0o400, 0o100])
def test_folders_that_are_not_to_be_entered(tmp_path: Path, mode: int) -> None:
    """One folder without permission does not end the sweep, and is told."""
    write_zarr(tmp_path / "a.zarr", (5, 6, 7))
    tifffile.imwrite(tmp_path / "b.tif", PICTURE)
    place = tmp_path / "a.zarr"
    place.chmod(mode)
    if os.access(place, os.R_OK | os.X_OK):
        pytest.skip("root may enter every folder")
    try:
        found = swept(tmp_path)
    finally:
        place.chmod(0o700)
    assert found.pop("b.tif").outcome is Outcome.READ
    assert {f.outcome for f in found.values()} <= {Outcome.REFUSED, Outcome.NONE}
    assert found


def test_zip_files_that_cannot_be_unpacked(tmp_path: Path) -> None:
    """What Python cannot unpack does not end the sweep, and is refused."""
    methods = {"encrypted": zipfile.ZIP_STORED, "lzma": zipfile.ZIP_LZMA,
               "deflate": zipfile.ZIP_DEFLATED}  # fmt: skip
    for name, method in methods.items():
        place = tmp_path / f"{name}.zip"
        with zipfile.ZipFile(place, "w", method) as archive:
            archive.writestr(".zgroup", '{"zarr_format": 2}' * 9)
        packed = bytearray(place.read_bytes())
        if name == "encrypted":
            packed[6] = packed[packed.index(b"PK\1\2") + 8] = 1
        else:
            start = 30 + len(".zgroup")
            packed[start : start + 12] = b"\xff" * 12
        place.write_bytes(packed)
    found = swept(tmp_path)
    assert {f.outcome for f in found.values()} == {Outcome.REFUSED}
    assert len(found) == 3


def test_a_store_packed_with_its_folder(tmp_path: Path) -> None:
    """A zip file is a store if its metadata is at the top or in its one folder."""
    write_zarr(tmp_path / "a.zarr", (5, 6, 7))
    shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path, "a.zarr")
    found = swept(tmp_path)
    assert found["packed.zip"].outcome is Outcome.READ


def test_one_file_or_store_is_a_folder_too(tmp_path: Path) -> None:
    """PATH may be the thing itself."""
    tifffile.imwrite(tmp_path / "a.tif", PICTURE)
    write_zarr(tmp_path / "b.zarr", (5, 6, 7))
    assert [f.path for f in swept(tmp_path / "a.tif").values()] == ["a.tif"]
    assert [f.outcome for f in swept(tmp_path / "b.zarr").values()] == [Outcome.READ]


def test_peers_are_asked_where_no_row_is(tmp_path: Path) -> None:
    """Libraries that agree are named; one that reads otherwise is shown."""
    tifffile.imwrite(tmp_path / "same.tif", PICTURE)
    colour = np.random.default_rng(0).integers(0, 2**16, (8, 9, 3), np.uint16)
    tifffile.imwrite(tmp_path / "deep.tif", colour, photometric="rgb")  # Pillow: 8 bit
    done = survey(gather(tmp_path), jobs=1, timeout=60)
    found = {f.path: f for f in done.findings}
    assert found["same.tif"].outcome is Outcome.PEERS
    assert any(name.startswith("tifffile") for name in found["same.tif"].agreed)
    assert found["deep.tif"].outcome is Outcome.DIFFERS
    assert "Pillow" in found["deep.tif"].detail
    assert not done.comparisons


def test_equal_numbers_of_another_type_are_told(tmp_path: Path) -> None:
    """Pillow has 16-bit greys of a PGM as int32; what differs is the type alone."""
    deep = np.random.default_rng(0).integers(0, 2**16, (8, 9), np.uint16)
    (tmp_path / "a.pgm").write_bytes(b"P5 9 8 65535\n" + deep.astype(">u2").tobytes())
    (finding,) = survey(gather(tmp_path), jobs=1, timeout=60).findings
    assert finding.outcome is Outcome.DIFFERS
    assert "equal voxels of another type: uint16 for int32" in finding.detail
    write_expected(tmp_path, tiff_row("a.pgm", deep.astype(np.int32) + 1))
    finding = swept(tmp_path)["a.pgm"]
    assert finding.outcome is Outcome.WRONG
    assert finding.detail.startswith("other voxels than")
    assert finding.detail.endswith("of another type: uint16 for int32")


def test_libraries_side_by_side(tmp_path: Path) -> None:
    """A library that gives another array is not right, and one that raises errs."""
    colour = np.random.default_rng(0).integers(0, 2**16, (8, 9, 3), np.uint16)
    tifffile.imwrite(tmp_path / "deep.tif", colour, photometric="rgb")
    write_expected(tmp_path, tiff_row("deep.tif", colour))
    done = survey(gather(tmp_path), jobs=1, timeout=60)
    verdicts = {one.library: one.verdict for one in done.comparisons}
    assert verdicts["emcatalog"] == verdicts["tifffile + zarr"] == "right"
    assert verdicts["Pillow"] == "another array"
    assert verdicts["tensorstore"] == "error"


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status, table and files; a fault is 1, no folder is 2."""
    tifffile.imwrite(tmp_path / "a.tif", PICTURE)
    write_expected(tmp_path, tiff_row("a.tif", PICTURE))
    out, md = tmp_path / "out.json", tmp_path / "page.md"
    command = [str(tmp_path), "--no-peers", "--jobs", "1", "--only", "*.tif"]
    assert main([*command, "--json", str(out), "--write", str(md)]) == 0
    printed = capsys.readouterr().out
    assert "1 equal to EXPECTED.csv" in printed
    assert max(map(len, printed.splitlines())) <= 80
    (finding,) = json.loads(out.read_text())["findings"]
    assert (finding["path"], finding["outcome"]) == ("a.tif", "equal")
    assert str(tmp_path) not in md.read_text()
    write_expected(tmp_path, tiff_row("a.tif", PICTURE + 1))
    assert main(command) == 1
    assert "WRONG: a.tif" in capsys.readouterr().out
    assert main([str(tmp_path / "gone")]) == 2
    (tmp_path / "EXPECTED.csv").write_text("path,nothing\n")
    assert main(command) == 2
    assert "lacks the columns shape" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("name", [m.name for m in pkgutil.iter_modules(HERE)])
def test_examples_run(name: str) -> None:
    """The examples in the sweep's own docstrings."""
    module = importlib.import_module(f"benchmarks.real_files.{name}")
    assert doctest.testmod(module).failed == 0


def test_help_teaches() -> None:
    """Every outcome, the options and an example are told."""
    text = parser().format_help()
    for word in ("EXPECTED.csv", "WRONG", "FOREIGN", "HANG", "--no-peers", "examples:"):
        assert word in text


def test_workers_outlive_their_tasks(tmp_path: Path) -> None:
    """A killed worker is replaced, and tasks are not lost or done twice."""
    kill = Task("kill", "os:abort", ())
    sums = [Task(n, "operator:add", (n, 1)) for n in range(6)]
    answers = list(perform([*sums[:3], kill, *sums[3:]], 2, 30))
    assert {a.task.key: a.value for a in answers if not a.failure} == {
        n: n + 1 for n in range(6)
    }
    assert [a.failure for a in answers if a.task.key == "kill"] == ["crash"]


@pytest.mark.skipif(os.name == "nt", reason="such names are not for Windows")
def test_names_that_are_no_text(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 in a name can be read, printed and written as JSON."""
    name = os.fsdecode(b"bad\xff.tif")
    tifffile.imwrite(tmp_path / "good.tif", PICTURE)
    (tmp_path / "good.tif").rename(tmp_path / name)
    assert shown(name) == r"bad\udcff.tif"
    out = tmp_path / "out.json"
    main([str(tmp_path), "--no-peers", "--jobs", "1", "--json", str(out)])
    (finding,) = json.loads(out.read_bytes())["findings"]
    assert (os.fsencode(finding["path"]), finding["outcome"]) == (
        b"bad\xff.tif", str(Outcome.READ)
    )  # fmt: skip


def test_rows_are_read_as_they_are_meant() -> None:
    """Fortran order is C order of the axes turned round; RGBA has four samples."""
    make: Callable[..., Row] = lambda **m: parse_row(  # noqa: E731
        {"path": "a", "dtype": "uint8", "array_sha256_16_C": "ab" * 8, **m}
    )
    row = make(shape="4x3x2x1", order="xyzc; sha over tobytes('F'); jpeg unsharded ")
    assert (row.shape, row.letters) == ((1, 2, 3, 4), "czyx")
    row = make(shape="7x2x3", axes="Energy loss:1 eV,y:2 µm,x:2 µm", order="numpy C")
    assert row.letters == "qyx"
    assert make(shape="3x4", order="C order; v2 chunks [3, 4]").letters == ""
    assert "no sha256" in make(shape="1", array_sha256_16_C="zz").bad


@pytest.fixture(scope="module")
def realdata() -> Path:
    """The real files; the tests that need them skip where they are absent."""
    beside = PAGE.parent.parent / "../shared/realdata"
    place = Path(os.environ.get("EMCATALOG_REALDATA", beside))
    if not (place / "EXPECTED.csv").is_file():
        pytest.skip("no real files: set EMCATALOG_REALDATA")
    return place.resolve()


@pytest.fixture(scope="module")
def whole(realdata: Path) -> Survey:
    """The whole sweep over the real files, and the other libraries, once."""
    # other tests may be at work beside: slowness alone is no hang
    return survey(gather(realdata), peers=same_libraries(), timeout=300)


def same_libraries() -> bool:
    """Whether the committed page was made with the libraries that are here."""
    return versions() in PAGE.read_text("utf-8")


@pytest.mark.timeout(1200)
def test_real_files_are_read_right_or_refused(whole: Survey) -> None:
    """No voxel wrong, no calibration wrong, no foreign error, no hang, no crash."""
    bad = {*FAULTS, Outcome.CALIBRATION, Outcome.DIFFERS}
    assert [f for f in whole.findings if f.outcome in bad] == []
    assert [row.path for row in whole.unasked] == []
    equal = [f for f in whole.findings if f.outcome is Outcome.EQUAL]
    assert len(equal) > 500


@pytest.mark.timeout(1200)
def test_the_page_is_what_the_sweep_writes(whole: Survey, realdata: Path) -> None:
    """docs/real-files.md is not written by hand, and not old."""
    if not same_libraries():
        pytest.skip(f"the page was made with other libraries than {versions()}")
    text = page(whole.findings, [], realdata / "EXPECTED.csv").rstrip()
    # how the others fare on a busy machine is not ours to assert
    assert PAGE.read_text("utf-8").startswith(text), f"refresh the page: {REFRESH}"

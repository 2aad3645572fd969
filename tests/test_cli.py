"""The command line: every command against the sample, and every kind of mistake."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import xarray as xr
from PIL import Image
from typer.testing import CliRunner

import emcatalog
from emcatalog.cli import app

FIVE = [f"dataset{n}" for n in range(1, 6)]
BOX = "40:140,0.1um:300nm,:500"
Run = Callable[..., Any]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command; no mirror, and lines that are long enough."""
    monkeypatch.delenv("EMCATALOG_MIRROR", raising=False)
    monkeypatch.setenv("COLUMNS", "250")

    def invoke(*words: str, code: int = 0) -> Any:
        done = CliRunner().invoke(app, list(words))
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == code, done.output
        return done

    return invoke


@pytest.fixture
def mirrored(run: Run, sample_root: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command that reads from the sample."""
    monkeypatch.setenv("EMCATALOG_MIRROR", str(sample_root))
    return run


def _wanted(sample_root: Path, name: str = "dataset3") -> xr.DataArray:
    with emcatalog.use_mirror(sample_root):
        array = emcatalog.open_catalog()[name].to_xarray()
        box = {"z": slice(40, 140), "y": slice(100, 300), "x": slice(None, 500)}
        taken: xr.DataArray = array.sel(box).load()
    return taken


# ------------------------------------------------------------------ help and version


def test_help_teaches_and_loads_nothing_heavy() -> None:
    code = (
        "import sys; from emcatalog.cli import app;"
        "from typer.testing import CliRunner;"
        "done = CliRunner().invoke(app, ['--help']); assert done.exit_code == 0;"
        "print(sorted(m for m in sys.modules if m in {'xarray', 'numpy', 'intake',"
        "'dask', 'matplotlib', 'tensorstore', 'pandas', 'zarr', 'aiohttp'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_help_names_every_command(run: Run) -> None:
    text = run("--help").output
    for name in ("demo", "list", "show", "read", "sample", "doctor"):
        assert name in text
        assert f"emcatalog {name}" in run(name, "--help").output
    assert "EMCATALOG_MIRROR" in text


def test_version(run: Run) -> None:
    assert run("--version").output == f"emcatalog {emcatalog.__version__}\n"


@pytest.mark.parametrize(
    "words", [["raed"], ["list", "--lal"], ["read", "dataset1"], ["show"]]
)
def test_words_that_no_command_knows_are_status_2(words: list[str], run: Run) -> None:
    run(*words, code=2)


# ----------------------------------------------------------------------------- list


def test_list_works_without_anything(run: Run) -> None:
    text = run("list").output
    for name in (*FIVE, "openorganelle", "variant (clahe_yz or raw)", "more.*"):
        assert name in text
    assert "more.fafb" not in text
    assert "mirror" not in text
    assert "more.fafb" in run("list", "--all").output


def test_list_says_what_the_mirror_holds(mirrored: Run) -> None:
    found = json.loads(mirrored("list", "--json").output)
    held = {entry["name"]: entry["in_mirror"] for entry in found}
    assert all(held[name] for name in FIVE)
    assert not held["openorganelle"]
    assert not held["more.fafb"]
    assert "mirror" in mirrored("list").output


def test_list_of_another_catalog(run: Run, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(
        "sources:\n  cells:\n    driver: tiff\n    description: mine\n"
        "    args: {urlpath: cells.tif, voxel_size_nm: [5, 5, 5]}\n"
    )
    (entry,) = json.loads(run("list", "--catalog", str(own), "--json").output)
    assert entry["name"] == "cells"
    assert entry["driver"] == "tiff"
    assert entry["in_mirror"] is None
    missing = run("list", "--catalog", str(tmp_path / "no.yaml"), code=1)
    assert "a catalog in YAML" in missing.stderr


# ----------------------------------------------------------------------------- show


def test_show_tells_sizes_claims_and_conflicts(mirrored: Run) -> None:
    text = mirrored("show", "dataset2").output
    for part in (
        "16 × 200 × 198",
        "50 × 7.99825 × 7.99825",
        "CC0",
        "SBFSEM.Record.Slice thickness",
        "not voxel_size_x",
        "less trusted source",
    ):
        assert part in text, part


def test_show_lists_parameters_with_what_is_allowed(mirrored: Run) -> None:
    text = mirrored("show", "dataset5", "-p", "variant=raw").output
    assert "clahe_yz | raw" in text
    assert "emdata/raw/jpeg" in text
    assert "64 × 64 × 64" in text


def test_show_as_json_is_whole(mirrored: Run) -> None:
    told = json.loads(mirrored("show", "dataset4", "-p", "level=1", "--json").output)
    assert told["level"] == 1
    assert told["levels"][0]["shape"] == [141, 315, 324]
    assert told["levels"][1]["voxel_size_nm"] == [5.92, 8.0, 8.0]
    assert told["levels"][0]["bytes"] == 141 * 315 * 324 * 2
    assert told["attrs"]["licence"] == "CC BY 4.0"
    assert {c["field"] for c in told["claims"]} >= {"voxel_size_z", "format", "title"}
    assert told["parameters"][0]["name"] == "level"


def test_show_of_a_nested_entry(mirrored: Run) -> None:
    text = mirrored("show", "more.hemibrain_segmentation").output
    assert "segmentation" in text
    assert "uint64" in text


def test_show_offline_tells_what_the_catalog_knows(run: Run) -> None:
    with emcatalog.use_mirror(rules={"https://": "http://127.0.0.1:9/"}):
        done = run("show", "dataset3", code=1)
    assert "CA1 hippocampus" in done.stdout
    assert "no answer from" in done.stderr
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("words", "code", "messages"),
    [
        (["datset4"], 2, ["the name 'datset4'", "did you mean 'dataset4'"]),
        (["more.faffb"], 2, ["catalog more", "did you mean 'fafb'"]),
        (["more"], 2, ["a catalog of further entries", "more.ENTRY"]),
        (["dataset3.x"], 2, ["'x' after the name of a volume"]),
        (["dataset4", "-p", "levle=1"], 2, ["'levle'", "did you mean 'level'"]),
        (["dataset4", "-p", "level"], 2, ["-p level", "KEY=VALUE"]),
        (["dataset4", "-p", "level=1", "-p", "level=2"], 2, ["one KEY=VALUE"]),
        (["dataset4", "-p", "level=one"], 2, ["dataset4", "invalid literal"]),
        (["dataset4", "-p", "level=12"], 1, ["level 12", "0 to 4"]),
        (["dataset5", "-p", "variant=clahe"], 2, ["clahe_yz", "raw"]),
    ],
)
def test_mistakes_are_answered_by_a_letter(
    words: list[str], code: int, messages: list[str], mirrored: Run
) -> None:
    done = mirrored("show", *words, code=code)
    assert done.stderr.startswith("error")
    assert "expected" in done.stderr
    for message in messages:
        assert message in done.stderr
    assert not done.stdout


def test_debug_lets_the_error_through(mirrored: Run) -> None:
    with pytest.raises(emcatalog.EmcatalogError, match="datset4"):
        mirrored("--debug", "show", "datset4", code=1)


# ----------------------------------------------------------------------------- read


def test_read_npy(mirrored: Run, sample_root: Path, tmp_path: Path) -> None:
    out = tmp_path / "box.npy"
    done = mirrored("read", "dataset3", "--box", BOX, "--out", str(out))
    wanted = _wanted(sample_root)
    np.testing.assert_array_equal(np.load(out), wanted.values)
    assert wanted.shape == (20, 40, 100)
    assert f"wrote {out}" in done.stdout
    assert "20 × 40 × 100 voxels (z, y, x) of uint8, 78.12 KiB" in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["box.npy"]


@pytest.mark.parametrize("name", ["box.tif", "box.TIFF"])
def test_read_tiff_is_calibrated_for_imagej(
    name: str, mirrored: Run, sample_root: Path, tmp_path: Path
) -> None:
    out = tmp_path / name
    mirrored("read", "dataset4", "--box", BOX, "--out", str(out))
    wanted = _wanted(sample_root, "dataset4")
    with tifffile.TiffFile(out) as tiff:
        np.testing.assert_array_equal(tiff.asarray(), wanted.values)
        known = tiff.imagej_metadata
        assert known is not None
        across = tiff.pages[0].tags["XResolution"].value  # type: ignore[union-attr]
    assert (known["unit"], known["spacing"]) == ("nm", 2.96)
    assert across[1] / across[0] == pytest.approx(4.0)
    assert -known["zorigin"] * 2.96 == pytest.approx(wanted.z.values[0])
    told = json.loads(known["Info"])["attrs"]
    assert told["licence"] == "CC BY 4.0"
    assert told["origin_nm"] == pytest.approx([41.44, 100, 0])
    assert told["extent_nm"] == pytest.approx([wanted.sizes["z"] * 2.96, 200, 500])


def test_read_zarr_keeps_coordinates_and_attributes(
    mirrored: Run, sample_root: Path, tmp_path: Path
) -> None:
    out = tmp_path / "box.zarr"
    words = ("read", "dataset5", "-p", "level=1", "--box", BOX, "--out", str(out))
    mirrored(*words)
    opened = xr.open_zarr(out).image
    with emcatalog.use_mirror(sample_root):
        whole = emcatalog.open_catalog().dataset5(level=1).to_xarray()
        wanted = whole.sel(z=slice(40, 140), y=slice(100, 300), x=slice(None, 500))
        wanted = wanted.load()
    np.testing.assert_array_equal(opened.values, wanted.values)
    for axis in ("z", "y", "x"):
        np.testing.assert_array_equal(opened[axis].values, wanted[axis].values)
        assert opened[axis].attrs["units"] == "nm"
    assert opened.attrs["voxel_size_nm"] == [16.0, 16.0, 16.0]
    assert opened.attrs["title"] == "FlyEM hemibrain"
    refused = mirrored(*words, code=2)
    assert "which exists" in refused.stderr
    assert "--force" in refused.stderr
    mirrored(*words, "--force")
    assert xr.open_zarr(out).image.equals(opened)


def test_read_by_voxels_and_whole(
    mirrored: Run, sample_root: Path, tmp_path: Path
) -> None:
    out = tmp_path / "slab.npy"
    mirrored("read", "dataset3", "--voxels", "3:5,-10:,:7", "--out", str(out))
    with emcatalog.use_mirror(sample_root):
        whole = emcatalog.open_catalog().dataset3.read().values
    np.testing.assert_array_equal(np.load(out), whole[3:5, -10:, :7])
    mirrored("read", "dataset3", "--out", str(out), "--force")
    np.testing.assert_array_equal(np.load(out), whole)
    mirrored("read", "dataset3", "--box", "x=0:5", "--out", str(out), "-f")
    np.testing.assert_array_equal(np.load(out), whole[:, :, :1])


def test_read_of_one_voxel_as_tiff(mirrored: Run, tmp_path: Path) -> None:
    out = tmp_path / "one.tif"
    mirrored("read", "dataset4", "--voxels", "0:1,0:1,0:1", "--out", str(out))
    assert tifffile.imread(out).size == 1


@pytest.mark.parametrize(
    ("words", "code", "messages"),
    [
        (["--box", "1:2"], 2, ["--box '1:2'", "START:STOP for z, y and x"]),
        (["--box", "0:1,2,3:4"], 2, ["START:STOP for z, y and x"]),
        (["--box", "x=0:1,x=2:3"], 2, ["START:STOP for z, y and x"]),
        (["--box", "t=0:1"], 2, ["START:STOP for z, y and x"]),
        (["--box", "0:1,0:1s,:"], 2, ["'1s'", "[time]", "text of length"]),
        (["--box", "0:1,0:1qq,:"], 2, ["the unknown unit 'qq'"]),
        (["--box", "0:1mm^2,:,:"], 2, ["'1mm^2'"]),
        (["--box", "9um:10um,:,:"], 1, ["wholly outside", "497.5 nm"]),
        (["--box", "6:9,:,:"], 1, ["the centre of no voxel", "voxel of 5 nm"]),
        (["--voxels", "0:101,:,:"], 1, ["voxels 0:101 along z", "within 0:100"]),
        (["--voxels", "5:5,:,:"], 1, ["voxels 5:5 along z", "at least one"]),
        (["--voxels", "1um:2um,:,:"], 2, ["the voxel '1um'", "--box"]),
        (["--voxels", ":,:,:", "--box", ":,:,:"], 2, ["one of them"]),
    ],
)
def test_boxes_that_do_not_fit(
    words: list[str], code: int, messages: list[str], mirrored: Run, tmp_path: Path
) -> None:
    done = mirrored(
        "read", "dataset3", *words, "--out", str(tmp_path / "a.npy"), code=code
    )
    assert done.stderr.startswith("error")
    for message in messages:
        assert message in done.stderr, done.stderr
    assert not list(tmp_path.iterdir())


def test_files_that_cannot_be_written(mirrored: Run, tmp_path: Path) -> None:
    def refused(name: str, *words: str, entry: str = "dataset3", code: int = 2) -> str:
        out = str(tmp_path / name)
        return str(mirrored("read", entry, *words, "--out", out, code=code).stderr)

    assert "one of .npy, .tif, .tiff, .zarr" in refused("a.jpg")
    assert "the suffix ''" in refused("a")
    assert "whose folder does not exist" in refused("no/a.tif")
    labels = refused("a.tif", entry="more.hemibrain_segmentation")
    assert "voxels of uint64" in labels
    assert "write .zarr or .npy" in labels
    (tmp_path / "b.npy").write_text("mine")
    assert "which exists" in refused("b.npy")
    assert (tmp_path / "b.npy").read_text() == "mine"
    (tmp_path / "c.zarr").mkdir()
    (tmp_path / "c.zarr" / "thesis.txt").write_text("mine")
    assert "not a Zarr store" in refused("c.zarr", "--force")
    assert (tmp_path / "c.zarr" / "thesis.txt").read_text() == "mine"


def test_more_than_the_memory_limit_is_refused(
    mirrored: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMCATALOG_MEMORY_LIMIT", "1MiB")
    out = tmp_path / "a.npy"
    done = mirrored("read", "dataset3", "--out", str(out), code=1)
    for part in ("7.812 MiB", "at most 1 MiB", "coarser level", "--box"):
        assert part in done.stderr
    mirrored("read", "dataset3", "--box", BOX, "--out", str(out))


def test_a_failed_write_leaves_nothing(
    mirrored: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from emcatalog.cli import writing

    def lose(array: xr.DataArray, path: Path) -> None:
        np.save(path, array.to_numpy() + 1)

    broken = writing.Format(lose, writing.FORMATS[".npy"].read)
    monkeypatch.setitem(writing.FORMATS, ".npy", broken)
    out = tmp_path / "a.npy"
    out.write_text("old")
    words = ("read", "dataset3", "--box", BOX, "--out", str(out), "--force")
    assert "other voxels than those" in mirrored(*words, code=1).stderr
    assert [p.name for p in tmp_path.iterdir()] == ["a.npy"]
    assert out.read_text() == "old"


# ------------------------------------------------------------------ sample and demo


def test_sample_refuses_other_folders_and_tells_how_to_use_it(
    run: Run, sample_root: Path, tmp_path: Path
) -> None:
    text = run("sample", str(sample_root)).output
    assert f"EMCATALOG_MIRROR={sample_root}" in text
    assert "use_mirror" in text
    (tmp_path / "mine.txt").write_text("x")
    refused = run("sample", str(tmp_path), code=2)
    assert "is not a sample" in refused.stderr


def test_demo_draws_all_five(run: Run, sample_root: Path, tmp_path: Path) -> None:
    out = tmp_path / "five.png"
    done = run("demo", "--dir", str(sample_root), "--out", str(out))
    for part in (*FIVE, "DM3", "gs://", "2.96 × 4 × 4", "EMCATALOG_MIRROR", str(out)):
        assert part in done.stdout, part
    with Image.open(out) as picture:
        assert picture.width == 1898
        assert 1300 < picture.height < 1700
        assert np.asarray(picture.convert("L")).std() > 50
    assert [p.name for p in tmp_path.iterdir()] == ["five.png"]


def test_demo_in_a_narrow_terminal_keeps_its_numbers(
    run: Run, sample_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    out = tmp_path / "five.png"
    text = run("demo", "--dir", str(sample_root), "--out", str(out)).stdout
    for part in ("141 × 315 × 324", "int16, 5 levels", "0.42 × 1.26 × 1.3"):
        assert part in text
    assert f"export EMCATALOG_MIRROR={sample_root}\n" in text


def test_demo_leaves_the_mirror_as_it_was(
    run: Run, sample_root: Path, tmp_path: Path
) -> None:
    from emcatalog.mirror import current_mirrors

    before = current_mirrors()
    run("demo", "--dir", str(sample_root), "--out", str(tmp_path / "five.png"))
    assert current_mirrors() == before


def test_demo_refuses_early(run: Run, tmp_path: Path) -> None:
    done = run("demo", "--out", str(tmp_path / "a.jpg"), code=2)
    assert "ends in .png" in done.stderr
    place = tmp_path / "mine"
    place.mkdir()
    (place / "x.txt").write_text("x")
    words = ("demo", "--fresh", "--dir", str(place), "--out", str(tmp_path / "a.png"))
    assert "is not a sample" in run(*words, code=2).stderr
    assert (place / "x.txt").exists()


def test_fresh_writes_the_sample_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from emcatalog import sample as miniatures
    from emcatalog.cli import sample

    place = tmp_path / "old"
    place.mkdir()
    stamp = place / "sample.json"
    stamp.write_text(json.dumps({"emcatalog sample": 1, "files": {}}))
    asked: list[int] = []

    def write(root: Path, report: Any) -> Path:
        asked.append(json.loads(stamp.read_text())["emcatalog sample"])
        return root

    monkeypatch.setattr(miniatures, "write_sample", write)
    sample.write(place)
    sample.write(place, fresh=True)
    assert asked == [1, -1]

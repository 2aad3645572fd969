"""The command line: help, ``list`` and ``show``, and every kind of mistake."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import emcatalog
from cli_fixtures import Run

FIVE = [f"dataset{n}" for n in range(1, 6)]


# ------------------------------------------------------------------ help and version


def test_help_teaches_and_loads_nothing_heavy() -> None:
    code = (
        "import sys; from emcatalog.cli import app;"
        "from click.testing import CliRunner;"
        "done = CliRunner().invoke(app, ['--help']); assert done.exit_code == 0;"
        "print(sorted(m for m in sys.modules if m in {'xarray', 'numpy', 'intake',"
        "'dask', 'PIL', 'tensorstore', 'pandas', 'zarr', 'aiohttp'}))"
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


@pytest.mark.parametrize("asked", ["-h", "--help"])
def test_help_fits_into_80_columns(
    asked: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for words in ([], ["demo"], ["list"], ["show"], ["read"], ["sample"], ["doctor"]):
        text = run(*words, asked).output
        assert max(map(len, text.splitlines())) <= 80
        assert "-h, --help" in text
    example = (
        '    emcatalog read dataset4 --box "0:500,1um:1.5um,0:512" --out box.tif\n'
    )
    assert example in run("read", asked).output


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
    assert told["attrs"]["licence"] == "CC-BY-4.0"
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
        (["dataset4", "-p", "level=one"], 2, ["dataset4", "one", "int"]),
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

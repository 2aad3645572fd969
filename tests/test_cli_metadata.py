"""``emcatalog metadata`` and ``emcatalog search``."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from pathlib import Path
from typing import Any

import jsonschema
import pandas as pd
import pytest

from cli_fixtures import Run
from emcatalog.driver import VolumeSource
from emcatalog.metadata import snapshot
from emcatalog.metadata.columns import ALL, USUAL
from emcatalog.metadata.snapshot import snapshots
from emcatalog.record import FIELDS, Claim
from metadata_files import catalog, entry, keep, store, tiff

__all__ = ["store"]
pytestmark = pytest.mark.usefixtures("store")

FAR = "https://nowhere.invalid/far.tif"
EVIL = "\x1b[31mred\x9b2J\x07\u202egnp|<b>=1"
TIMES = "×"


@pytest.fixture
def own(tmp_path: Path) -> str:
    """Two volumes on disk, one declared wrongly, and one known by its snapshot."""
    place = tiff(tmp_path / "a.tif")
    mouse = {"organism": "mouse", "modality": "FIB-SEM", "organ": "brain"}
    family = entry(tmp_path / "{{ name }}.tif")
    family["parameters"] = {"name": {"description": "", "type": "str", "default": "a"}}
    inner = catalog(tmp_path / "inner", deep=entry(place))
    made = catalog(
        tmp_path,
        good=entry(place, mouse),
        wrong=entry(place, mouse, voxel_size_nm=[20, 20, 22]),
        far=entry(FAR, {"organism": "zebrafish"}, voxel_size_nm=[50, 8, 8]),
        family=family,
        more={"driver": "yaml_file_cat", "args": {"path": str(inner.path)}},
    )
    keep(
        made.far,
        *(Claim(f, n, "file", "pages", time="2025-06-11") for f, n in
          (("depth", 16), ("height", 5500), ("width", 5496))),
        Claim("pixel_type", "uint8", "file", time="2025-06-11"),
        Claim("voxel_size_x", 80.0, "secondary", "a table", "nm"),
        Claim("licence", "CC0", "secondary", "a table"),
        voxel_size_x="It was in angstrom.",
    )  # fmt: skip
    return str(made.path)


@pytest.fixture
def ask(run: Run, own: str) -> Run:
    """Run ``emcatalog metadata`` on the catalog."""
    return lambda *words, code=0: run("metadata", "--catalog", own, *words, code=code)


def tame(done: Any) -> str:
    """What a command wrote, if none of it moves, colours or turns anything."""
    text: str = done.stdout + done.stderr
    kinds = {c: unicodedata.category(c) for c in text if not c.isprintable()}
    assert {c for c, kind in kinds.items() if kind != "Zs"} <= {"\n"}
    return text


def test_one_table(ask: Run) -> None:
    done = ask()
    rows = {line.split()[0]: line for line in done.stdout.splitlines() if line.strip()}
    assert set(rows) >= {"good", "wrong", "far"}
    assert not {"family", "more.deep"} & set(rows)
    assert f"5 {TIMES} 6 {TIMES} 7" in rows["good"]
    assert f"16 {TIMES} 5500 {TIMES} 5496" in rows["far"]
    assert f"50* {TIMES} 8* {TIMES} 8*" in rows["far"]
    assert "unconfirmed" in rows["far"]
    for told in ("2 fields are in dispute", "imputed", "1 further", "(-p): family"):
        assert told in done.stderr


@pytest.mark.parametrize("columns", [40, 60, 80, 100, 120, 160])
def test_it_fits_every_terminal(
    columns: int, ask: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    for words in ((), ("--fields", "all"), ("--conflicts",), ("--fields",)):
        shown = ask(*words).stdout
        assert max(map(len, shown.splitlines())) <= columns
        assert "…" not in shown
    explained = ask("--explain", "wrong.voxel_size").stdout.splitlines()
    assert all(line == line.rstrip() or len(line) == columns for line in explained)


def test_names_nested_ones_and_families(ask: Run) -> None:
    shown = ask("more", "family", "--format", "csv").stdout
    assert [row["name"] for row in csv.DictReader(io.StringIO(shown))] == [
        "more.deep",
        "family",
    ]
    every = ask("--all", "--format", "csv").stdout
    assert len(list(csv.DictReader(io.StringIO(every)))) == 5
    assert "did you mean 'good'" in ask("gud", code=2).stderr


def test_parameters_are_those_of_one_entry(ask: Run, tmp_path: Path) -> None:
    tiff(tmp_path / "b.tif", shape=(9, 6, 7))
    shown = ask("family", "-p", "name=b", "--fields", "depth", "--format", "csv").stdout
    assert shown == "depth\n9\n"
    assert "the name of one entry" in ask("-p", "name=b", code=2).stderr
    explained = ask("--explain", "family.depth", "-p", "name=b").stdout
    assert "9  (file" in explained
    assert "one entry" in ask("good", "far", "-p", "name=b", code=2).stderr


def test_formats_have_the_columns_and_values(ask: Run, tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(ask("--format", "csv").stdout)))
    assert tuple(rows[0]) == ALL
    assert rows[2]["pixel_size_in_nm"] == "50, 8, 8"
    assert rows[2]["species"] == "Danio rerio"
    assert rows[2]["licence"] == ""
    assert "licence" in rows[2]["unconfirmed"]
    head = ask("--format", "md").stdout.splitlines()[0]
    assert head == f"| {' | '.join(USUAL)} |"
    told = json.loads(ask("--format", "json").stdout)["datasets"]
    assert [one["name"] for one in told] == ["good", "wrong", "far"]
    assert {"field", "value", "source"} <= set(told[2]["claims"][0])
    assert ask("--format", "html").stdout.startswith("<!doctype html>")
    target = tmp_path / "t.parquet"
    assert "wrote" in ask("--out", str(target)).stdout
    assert pd.read_parquet(target)["depth"].tolist() == [5, 5, 16]
    piped = ask("--format", "parquet").stdout_bytes
    assert pd.read_parquet(io.BytesIO(piped)).shape == (3, len(ALL))


def test_a_file_by_its_suffix(ask: Run, tmp_path: Path) -> None:
    target = tmp_path / "table.csv"
    ask("--out", str(target))
    assert target.read_text("utf-8") == ask("--format", "csv").stdout
    assert ".csv" in ask("--out", str(tmp_path / "table.xls"), code=2).stderr
    ask("--out", str(tmp_path / "any"), "--format", "md")
    assert (tmp_path / "any").read_text("utf-8") == ask("--format", "md").stdout
    assert "No such file" in ask("--out", str(tmp_path / "no/t.csv"), code=1).stderr


def test_fields(ask: Run) -> None:
    shown = ask("--fields", "name,voxel,species", "--format", "csv").stdout
    assert shown.splitlines()[0] == (
        "name,voxel_size_z,voxel_size_y,voxel_size_x,species"
    )
    assert json.loads(ask("--fields", "name", "--format", "json").stdout) == [
        {"name": name} for name in ("good", "wrong", "far")
    ]
    assert "did you mean 'depth'" in ask("--fields", "name,dpth", code=2).stderr
    told = ask("--fields").stdout
    assert all(name in told for name in FIELDS)
    listed = json.loads(ask("--fields", "--format", "json").stdout)
    assert [row["field"] for row in listed] == list(FIELDS)
    assert listed[0]["meaning"]


def test_conflicts(ask: Run) -> None:
    shown = ask("--conflicts").stdout
    wrong, far = shown.split("wrong.voxel_size_x")[1].split("far.voxel_size_x")
    assert re.search(r"wins +20 nm +\(file \d{4}-\d\d-\d\d\)", wrong)
    assert re.search(r"loses +22 nm +\(catalog\)\s+voxel_size_nm", wrong)
    assert "trusted before" in wrong
    assert "It was in angstrom." in far
    assert "far.licence" in far
    assert "doubted" in far
    rows = json.loads(ask("--conflicts", "--format", "json").stdout)
    assert {(r["dataset"], r["field"]) for r in rows} == {
        ("wrong", "voxel_size_x"),
        ("far", "voxel_size_x"),
        ("far", "licence"),
    }
    assert "Nobody disagrees." in ask("good", "--conflicts").stdout
    for kind in ("md", "csv", "html"):
        assert "It was in angstrom" in ask("--conflicts", "--format", kind).stdout


def test_explain(ask: Run) -> None:
    shown = ask("--explain", "wrong.voxel_size").stdout
    assert [a for a in "zyx" if f"wrong.voxel_size_{a}" in shown] == list("zyx")
    assert "Danio rerio" in ask("--explain", "far.species").stdout
    assert "far.depth" in ask("--explain", "far").stdout
    assert "nobody" in ask("--explain", "far.instrument").stdout
    assert "more.deep.depth" in ask("--explain", "more.deep.depth").stdout
    rows = json.loads(ask("--explain", "far.depth", "--format", "json").stdout)
    assert [(r["value"], r["locator"], r["time"]) for r in rows] == [
        (16, "pages", "2025-06-11")
    ]
    for word, near in (("far.dpeth", "depth"), ("fr.depth", "far"), ("fr", "far")):
        assert f"did you mean '{near}'" in ask("--explain", word, code=2).stderr


def test_raw_tags_are_the_vendors_own(ask: Run) -> None:
    assert isinstance(json.loads(ask("--raw", "good").stdout), dict)
    assert "did you mean" in ask("--raw", "god", code=2).stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--conflicts", "--schema"), "--conflicts and --schema"),
        (("--check", "--refresh"), "--check and --refresh"),
        (("--schema", "--format", "csv"), "--schema and --format"),
        (("--write", "d", "--out", "x.csv"), "--write and --out"),
        (("good", "--explain", "far.depth"), "--explain and NAMES"),
        (("--export", "cff", "--fields", "name"), "--export and --fields"),
        (("good", "--raw", "far"), "--raw and NAMES"),
    ],
)
def test_one_question_at_a_time(words: tuple[str, ...], told: str, ask: Run) -> None:
    """What would mean nothing is refused, and not passed over."""
    assert told in ask(*words, code=2).stderr


def test_conflicts_about_some_fields(ask: Run) -> None:
    words = ("far", "--conflicts", "--format", "json", "--fields")
    rows = json.loads(ask(*words, "voxel_size").stdout)
    assert {row["field"] for row in rows} == {"voxel_size_x"}
    assert "did you mean 'licence'" in ask(*words, "licenc", code=2).stderr
    assert json.loads(ask(*words, "depth").stdout) == []


def test_a_host_that_does_not_answer(run: Run, tmp_path: Path) -> None:
    place = "http://127.0.0.1:9/a.tif"
    made = catalog(tmp_path, mine=entry(place, {"organism": "mouse"}))
    done = run("metadata", "--catalog", str(made.path), code=1)
    assert "Mus musculus" in done.stdout
    assert f"mine: {place}" in done.stderr
    folder = tmp_path / "out"
    refused = run(
        "metadata", "--catalog", str(made.path), "--write", str(folder), code=1
    )
    assert "nothing is written" in refused.stderr
    assert not folder.exists()


def test_without_a_network_snapshots_are_enough(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shipped catalog: no source is opened, for any of the questions."""
    real = Path(snapshot.__file__).parent / "snapshots"
    monkeypatch.setattr(snapshot, "SHIPPED", real)
    if len(list(real.glob("*.json"))) < 5:
        pytest.skip("no snapshots are shipped yet")

    def refuse(*_: object, **__: object) -> None:
        pytest.fail("something was opened")

    monkeypatch.setattr(VolumeSource, "opened", refuse)
    five = [f"dataset{n}" for n in range(1, 6)]
    rows = json.loads(run("metadata", "--format", "json").stdout)["datasets"]
    assert [row["name"] for row in rows] == five
    run("metadata", "--conflicts")
    run("metadata", "--explain", "dataset2.voxel_size")
    run("search", "mouse voxel<10nm")


def test_refresh_then_check(ask: Run, tmp_path: Path) -> None:
    first = ask("good", "--check", code=1)
    assert "good: no snapshot to compare with" in first.stderr
    assert "Nothing was compared" in first.stdout
    ask("good", "wrong", "--refresh")
    # one file, and so one snapshot, whatever is declared of it
    assert len(snapshots()) == 2
    assert "Nothing changed" in ask("good", "--check").stdout
    tiff(tmp_path / "a.tif", shape=(8, 6, 7))
    assert "5" in ask("--explain", "good.depth").stdout
    shown = ask("good", "--check", code=1).stdout
    assert re.search(r"good +depth +changed +file +5 +8", shown)
    rows = json.loads(ask("good", "--check", "--format", "json", code=1).stdout)
    assert ("depth", "5", "8") in {(r["field"], r["before"], r["now"]) for r in rows}
    ask("good", "--refresh")
    assert "Nothing changed" in ask("good", "--check").stdout
    assert "8" in ask("good", "--fields", "depth").stdout


def test_check_tells_how_much_was_compared(ask: Run, tmp_path: Path) -> None:
    tiff(tmp_path / "b.tif")
    inner = catalog(tmp_path / "two", a=entry(tmp_path / "a.tif"),
                    b=entry(tmp_path / "b.tif"))  # fmt: skip
    told = ("--catalog", str(inner.path))
    ask(*told, "a", "--refresh")
    assert "Nothing changed since the snapshots; 1 of 2 have none" in " ".join(
        ask(*told, "--check").stdout.split()
    )


def test_one_is_no_plural(ask: Run, tmp_path: Path) -> None:
    place = tiff(tmp_path / "a.tif")
    one = catalog(tmp_path / "one", a=entry(place, voxel_size_nm=[20, 20, 22]))
    assert "1 field is in dispute" in ask("--catalog", str(one.path)).stderr


def test_check_tells_what_cannot_be_read(ask: Run, tmp_path: Path) -> None:
    ask("good", "--refresh")
    (tmp_path / "a.tif").unlink()
    assert "good: " in ask("good", "--check", code=1).stderr
    assert "good" in ask("good", "--refresh", code=1).stdout
    assert ask("good", "--fields", "depth", "--format", "csv").stdout == "depth\n5\n"


def test_no_refresh_from_a_mirror(
    ask: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMCATALOG_MIRROR", str(tmp_path))
    assert "unset EMCATALOG_MIRROR" in ask("--refresh", code=2).stderr


def test_the_table_is_written_to_files(ask: Run, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "metadata"
    ask("--write", str(folder))
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(first) == {f"consolidated.{kind}" for kind in ("csv", "json", "md")}
    assert first["consolidated.csv"].decode() == ask("--format", "csv").stdout
    assert first["consolidated.json"].decode() == ask("--format", "json").stdout
    ask("--write", str(folder))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first


def test_the_schema_is_that_of_the_claims(ask: Run) -> None:
    schema = json.loads(ask("--schema").stdout)
    for row in json.loads(ask("--format", "json").stdout)["datasets"]:
        jsonschema.validate({"claims": row["claims"]}, schema)


@pytest.mark.parametrize(
    ("form", "word"),
    [("croissant", "mlcommons"), ("ro-crate", "ro/crate"), ("datacite", "datacite"),
     ("ngff", "multiscales"), ("citation", "good"), ("bibtex", "@misc"),
     ("cff", "cff-version")],
)  # fmt: skip
def test_exports(form: str, word: str, ask: Run, tmp_path: Path) -> None:
    text = ask("good", "--export", form).stdout
    assert word in text
    if form not in ("citation", "bibtex", "cff"):
        json.loads(text)
    target = tmp_path / "export.json"
    ask("good", "--export", form, "--out", str(target))
    assert target.read_text("utf-8") == text


def test_exports_of_several(ask: Run) -> None:
    found = json.loads(ask("good", "far", "--export", "datacite").stdout)
    assert len(found) == 2
    assert ask("good", "far", "--export", "bibtex").stdout.count("@misc") == 2


def test_search(run: Run, own: str) -> None:
    words = ("search", "--catalog", own)
    shown = run(*words, "mouse", "voxel<25nm").stdout
    assert "good" in shown
    assert "far" not in shown
    found = json.loads(run(*words, "zebrafish", "--json").stdout)
    assert [one["name"] for one in found] == ["far"]
    assert "Nothing found." in run(*words, "unicorn").stdout
    assert "did you mean 'voxel'" in run(*words, "voxl<3", code=2).stderr
    assert "good" in run(*words, "--", "FIB-SEM", "-zebrafish").stdout
    assert json.loads(run(*words, "unicorn", "--json").stdout) == []


def test_nothing_that_a_file_or_catalog_says_is_obeyed(
    run: Run, tmp_path: Path
) -> None:
    place = tiff(tmp_path / "a.tif")
    told = {"organism": EVIL, "title": EVIL, "note": EVIL, "licence": EVIL}
    made = catalog(tmp_path, mine=entry(place, told), **{EVIL: entry("gone", told)})
    where = ("--catalog", str(made.path))
    keep(made.mine, Claim("title", EVIL, "api", EVIL), Claim("note", "x", "file"))
    for words in (
        (), ("--conflicts",), ("--fields", "all"), ("--format", "md"),
        ("--format", "csv"), ("--format", "json"), ("--format", "html"),
        ("--export", "croissant"), ("--export", "citation"),
    ):  # fmt: skip
        tame(run("metadata", *where, *words, code=1))
    for words in (("--explain", "mine"), ("--raw", "mine"), ("mine", "--check")):
        code = 1 if "--check" in words else 0
        tame(run("metadata", *where, *words, code=code))
    for bad in (("--explain", EVIL * 2), (EVIL * 2,), ("--fields", EVIL)):
        tame(run("metadata", *where, *bad, code=2))
    for query, code in (("red", 0), (f"{EVIL}<3", 2), (f'title:"{EVIL}', 2)):
        tame(run("search", *where, query, code=code))
    page = run("metadata", *where, "--format", "html", code=1).stdout
    assert "<b>" not in page


@pytest.mark.parametrize("command", ["metadata", "search"])
def test_help_has_examples(command: str, run: Run) -> None:
    told = run(command, "--help").stdout
    assert "Examples:" in told
    assert told.count(f"emcatalog {command}") >= 4

"""The shipped catalog, checked without any network, and catalogs of one's own."""

from __future__ import annotations

import os
from pathlib import Path

import intake
import pytest

import emcatalog
from emcatalog.catalog import catalog_path, entries, open_catalog, problems
from emcatalog.driver import VolumeSource, driver
from emcatalog.errors import FormatError, NotFoundError, OptionError, UnknownNameError

ROOT = Path(__file__).resolve().parent.parent
FIVE = [f"dataset{n}" for n in range(1, 6)]
FAMILIES = ["idr_image", "empiar_dm", "empiar_tiff", "openorganelle", "precomputed_url"]


def test_three_ways_to_the_same_catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    ways = [
        intake.open_catalog("catalog.yaml"),
        emcatalog.open_catalog(),
        intake.cat.emcatalog,
    ]
    assert len({tuple(sorted(way)) for way in ways}) == 1
    assert len({way.dataset4.options["urlpath"] for way in ways}) == 1


def test_it_holds_the_five_and_the_families_and_more() -> None:
    catalog = open_catalog()
    assert set(catalog) >= {*FIVE, *FAMILIES, "more"}
    more = catalog.more
    assert len(list(more)) >= 10
    for name in more:
        assert more[name].metadata["verified"] is False


def test_every_entry_is_sound() -> None:
    assert problems(open_catalog()) == []


def at(name: str) -> VolumeSource:
    found = open_catalog()
    for part in name.split("."):
        found = found[part]
    return found


def test_every_parameter_reaches_the_driver() -> None:
    """Intake ignores parameters that are not templated; each of ours changes args."""
    for name, entry in entries(open_catalog()):
        for parameter in entry.describe()["user_parameters"]:
            other = {
                "level": 3,
                "image_id": 77,
                "accession": 10101,
            }.get(parameter["name"], (parameter.get("allowed") or [""])[-1] or "other")
            if other == parameter.get("default"):
                other = parameter["allowed"][0]
            changed = at(name)(**{parameter["name"]: other})
            given = str({"level": changed.level, **changed.options})
            assert str(other) in given, f"{name}: {parameter['name']}"


def test_drivers_of_the_five() -> None:
    catalog = open_catalog()
    names = [type(catalog[name]).name for name in FIVE]
    assert names == ["idr", "dm3", "tiff", "ngff", "precomputed"]
    for name in names:
        assert driver(name).name == name


def test_no_warnings_and_typed_parameters() -> None:
    catalog = open_catalog()  # warnings are errors in this test suite
    assert catalog.dataset5(level="2", variant="raw").level == 2
    assert "emdata/raw/jpeg" in catalog.dataset5(variant="raw").options["urlpath"]


def test_descriptions_are_complete() -> None:
    for name in FIVE:
        entry = open_catalog()._entries[name].describe()
        assert entry["description"]
        assert entry["metadata"]["title"]
        assert entry["metadata"]["modality"]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda c: c.datset4, "did you mean 'dataset4'"),
        (lambda c: c["dataset44"], "did you mean 'dataset4'"),
        (lambda c: c.more.fafbb, "did you mean 'fafb'"),
        (lambda c: c.dataset5(lvl=2), "did you mean 'level'"),
        (lambda c: c.dataset5(varient="raw"), "the option 'varient'"),
    ],
)
def test_unknown_names_are_answered_with_a_suggestion(
    ask: object, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    for catalog in (open_catalog(), intake.open_catalog("catalog.yaml")):
        with pytest.raises(UnknownNameError, match=message):
            ask(catalog)  # type: ignore[operator]


def test_values_that_do_not_fit_are_refused() -> None:
    with pytest.raises(OptionError, match="not one of the allowed values: clahe_yz"):
        open_catalog().dataset5(variant="clahe")
    with pytest.raises(OptionError, match="dataset5: .*'deep'"):
        open_catalog().dataset5(level="deep")


def test_a_catalog_of_ones_own(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "sources:\n  mine:\n    driver: tiff\n    args:\n"
        '      urlpath: "{{ CATALOG_DIR }}/stack.tif"\n'
        "      voxel_size_nm: [40, 8, 8]\n"
    )
    catalog = open_catalog(mine)
    assert problems(catalog) == []
    with pytest.raises(NotFoundError, match=f"mine: .*nothing at {tmp_path}/stack.tif"):
        catalog.mine.to_dask()


UNUSED = """driver: ngff
    args: {urlpath: x}
    parameters: {level: {type: int, default: 0, description: a level}}"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("driver: tif\n    args: {urlpath: x}", "did you mean 'tiff'"),
        ("driver: tiff\n    args: {urlpth: x}", "did you mean 'urlpath'"),
        ("driver: tiff\n    args: {urlpath: x, voxel_size_nm: big}", "voxel_size_nm"),
        (
            "driver: tiff\n    args: {urlpath: x}\n    metadata: {released: soon}",
            "'soon' is no date",
        ),
        (UNUSED, "the parameter 'level', which no argument uses"),
        (
            UNUSED.replace("urlpath: x", "urlpath: level, level: 0"),
            "the parameter 'level', which no argument uses",
        ),
    ],
)
def test_problems_are_found_offline(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(f"sources:\n  bad:\n    {text}\n")
    (found,) = problems(open_catalog(path))
    assert found.startswith("bad: ") or "driver" in found
    assert message in found


def test_files_that_are_no_catalogs(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no file at"):
        open_catalog(tmp_path / "none.yaml")
    for text in ("- 1\n- 2\n", "a: [", ""):
        path = tmp_path / "bad.yaml"
        path.write_text(text)
        with pytest.raises(FormatError, match=r"bad.yaml: got .*expected a catalog"):
            open_catalog(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sources:\n  a: {driver: tiff}\n  b: {}\n  a: {driver: ngff}\n", "2 and 4"),
        ("sources:\n  a: {driver: tiff, args: {urlpath: x, urlpath: y}}", "2 and 2"),
        ("sources: {}\nname: x\nsources: {}\n", "1 and 3"),
        ("sources:\n  a: &a\n  - {driver: x,\n     driver: y}\n  b: *a\n", "3 and 4"),
    ],
)
def test_a_name_that_stands_twice(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "twice.yaml"
    path.write_text(text)
    with pytest.raises(FormatError, match=f"twice.yaml: got the name .*{message};"):
        open_catalog(path)


def test_names_of_different_types_or_places_are_no_twins(tmp_path: Path) -> None:
    path = tmp_path / "fine.yaml"
    own = "{driver: tiff, args: {urlpath: x}, metadata: {1: a, '1': b}}"
    path.write_text(f"sources:\n  a: {own}\n  b: {own}\n")
    assert list(open_catalog(path)) == ["a", "b"]


def test_catalog_path_is_a_real_file() -> None:
    assert os.fspath(catalog_path()).endswith("catalog.yaml")
    assert catalog_path().is_file()

"""Rows, marks, columns, and what is disputed."""

from __future__ import annotations

import warnings
from pathlib import Path

import pandas as pd
import pytest

from emcatalog.errors import UnknownNameError
from emcatalog.metadata import conflicts, records, table
from emcatalog.metadata.choosing import choose
from emcatalog.metadata.columns import ALL, EARLIER, FIELD_COLUMNS, chosen, fields_of
from emcatalog.metadata.consolidate import Described, consolidated
from emcatalog.metadata.consolidated import documents
from emcatalog.metadata.settling import claim_rows, unsettled
from emcatalog.metadata.table import displayed, document, row
from emcatalog.record import FIELDS, Claim
from metadata_files import catalog, entry, store, tiff

__all__ = ["store"]

EARLIER_NAMES = [
    "name", "url", "depth", "height", "width", "pixel_type", "pixel_size_in_nm",
    "experiment_type", "species", "organ", "publication_url",
]  # fmt: skip
CLAIMS = (
    Claim("url", "https://a.org/x.tif", "catalog"),
    Claim("depth", 16, "file", "pages", time="2025-06-11"),
    Claim("voxel_size_z", 50.0, "catalog", "voxel_size_nm", "nm"),
    Claim("voxel_size_y", 7.998250424861908, "file", "Scale", "nm", "2025-06-11"),
    Claim("voxel_size_x", 7.998250424861908, "file", "Scale", "nm", "2025-06-11"),
    Claim("voxel_size_y", 8.0, "api", "pixel_width", "nm", "2025-06-12"),
    Claim("voxel_size_y", 80.0, "secondary", "a table", "nm"),
    Claim("voxel_size_x", 0.0, "page", "a page", "nm"),
    Claim("organism", "zebrafish", "secondary", "a table"),
    Claim("modality", "SBFSEM", "api"),
    Claim("doi", "10.1000/a", "paper"),
)
FISH = Described(
    "fish", consolidated(CLAIMS), "snapshot", verdicts={"voxel_size_y": "Angstrom."}
)


def test_the_columns_of_earlier_tables_come_first_by_their_names() -> None:
    assert list(ALL[: len(EARLIER_NAMES)]) == EARLIER_NAMES
    assert len(set(ALL)) == len(ALL)
    assert set(FIELDS) <= set(ALL)


def test_a_row_tells_values_and_how_far_they_are_to_be_trusted() -> None:
    found = row("fish", FISH.record)
    assert found["pixel_size_in_nm"] == "50, 7.998250424861908, 7.998250424861908"
    assert found["experiment_type"] == found["modality"] == "SBF-SEM"
    assert found["publication_url"] == "https://doi.org/10.1000/a"
    assert found["species"] is None
    assert found["height"] is None
    assert found["imputed"] == ("voxel_size_z", "extent_z")
    assert found["unconfirmed"] == ("organism",)
    assert found["conflicts"] == ("voxel_size_y",)
    assert found["as_of"] == "2025-06-12"
    assert "file: depth, voxel_size_y, voxel_size_x" in str(found["sources"])


def test_people_see_marks_where_the_values_stand() -> None:
    shown = displayed(row("fish", FISH.record))
    assert str(shown["pixel_size_in_nm"]).endswith("(imputed)")
    assert shown["species"] == shown["organism"] == "unconfirmed"
    assert shown["depth"] == 16
    assert shown["height"] is None


def test_a_voxel_size_that_is_known_in_part() -> None:
    part = consolidated([Claim("voxel_size_y", 8.0, "file", unit="nm")])
    assert row("part", part)["pixel_size_in_nm"] == "?, 8, ?"
    assert row("none", consolidated([]))["pixel_size_in_nm"] is None


def test_disputes_have_every_claim_and_a_reason() -> None:
    told = unsettled([FISH])
    assert [e.field for _, e in told] == ["voxel_size_y", "voxel_size_x", "organism"]
    found = claim_rows(told)
    claims = [c for f in ("voxel_size_y", "voxel_size_x", "organism")
              for c in FISH.record.about(f)]  # fmt: skip
    assert len(found) == len(claims)
    verdicts = [(r["field"], r["verdict"], r["value"]) for r in found]
    assert verdicts == [
        ("voxel_size_y", "wins", 7.998250424861908),
        ("voxel_size_y", "agrees", 8.0),
        ("voxel_size_y", "loses", 80.0),
        ("voxel_size_x", "wins", 7.998250424861908),
        ("voxel_size_x", "doubted", 0.0),
        ("organism", "doubted", "Danio rerio"),
    ]
    assert str(found[0]["why"]).endswith(". Angstrom.")
    assert found[0]["locator"] == "Scale"
    assert found[0]["time"] == "2025-06-11"
    assert "less than" in str(found[4]["why"])
    assert "others say so" in str(found[5]["why"])


def test_the_document_holds_every_claim() -> None:
    (found,) = document([FISH])["datasets"]
    assert len(found["claims"]) == len(FISH.record.claims)
    assert found["conflicts"][0]["others"] == [80.0]
    assert "species" not in found


def test_the_files_are_the_same_bytes_each_time() -> None:
    made = documents([FISH])
    assert made == documents([FISH])
    assert set(made) == {f"consolidated.{kind}" for kind in ("csv", "json", "md")}
    assert all(text.endswith("\n") for text in made.values())
    assert "**voxel_size_y**: " in made["consolidated.md"]


@pytest.mark.parametrize("name", [*EARLIER, *FIELD_COLUMNS, "voxel", "dtype", "extent"])
def test_every_name_means_fields(name: str) -> None:
    assert set(fields_of(name)) <= set(FIELDS)


def test_columns_are_chosen_by_their_names() -> None:
    assert chosen("all") == ALL
    assert chosen(" name,voxel_size ,name, species") == (
        "name", "voxel_size_z", "voxel_size_y", "voxel_size_x", "species",
    )  # fmt: skip
    with pytest.raises(UnknownNameError, match="did you mean 'depth'"):
        chosen("name,dpeth")


def family(place: str, **parameters: object) -> dict[str, object]:
    told = {n: {"description": "", **p} for n, p in parameters.items()}  # type: ignore[dict-item]  # a mapping
    return entry(place, level="{{ level }}") | {"parameters": told}


def test_families_have_no_row_unless_they_are_named(tmp_path: Path) -> None:
    level = {"type": "int", "default": 0}
    text = {"type": "str", "default": "a"}
    closed = text | {"allowed": ["a", "b"]}
    inner = catalog(tmp_path / "in", deep=entry("a.tif"), other=family(
        "{{ n }}.tif", n=text, level=level))  # fmt: skip
    own = catalog(
        tmp_path,
        single=entry("a.tif"),
        leveled=family("a.tif", level=level),
        variant=family("{{ v }}.tif", v=closed, level=level),
        sibling=family("{{ n }}.tif", n=text, level=level),
        more={"driver": "yaml_file_cat", "args": {"path": str(inner.path)}},
    )
    choice = choose(own)
    assert choice.names == ("single", "leveled", "variant")
    assert choice.families == ("sibling", "more.other")
    assert choice.nested == ("more.deep",)
    assert choose(own, ["sibling", "more"]).names == ("sibling", "more.deep")
    assert len(choose(own, every=True).names) == 6
    with pytest.raises(UnknownNameError, match="did you mean 'single'"):
        choose(own, ["singel"])


def test_from_python(tmp_path: Path, store: Path) -> None:
    place = tiff(tmp_path / "a.tif")
    own = catalog(tmp_path, a=entry(place, voxel_size_nm=[20, 20, 22]), b=entry(place))
    found = records(own)
    shown = table(found)
    assert isinstance(shown, pd.DataFrame)
    assert list(shown.columns) == list(ALL)
    assert shown["depth"].tolist() == [5, 5]
    assert list(records(own, ["b"])) == ["b"]
    assert [(n, e.field) for n, e in conflicts(own)] == [("a", "voxel_size_x")]


def test_python_is_warned_of_what_could_not_be_read(
    tmp_path: Path, store: Path
) -> None:
    own = catalog(tmp_path, gone=entry(tmp_path / "gone.tif", {"organ": "eye"}))
    with pytest.warns(UserWarning, match="gone: .*no file|gone: .*nothing") as caught:
        found = records(own)
    assert caught[0].filename == __file__
    assert found["gone"].value("organ") == "eye"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tiff(tmp_path / "gone.tif")
        assert records(own)["gone"].value("depth") == 5

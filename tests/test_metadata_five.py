"""The truth about the five datasets, and that its evidence and its losers are kept.

No server is asked here: what is known comes from the snapshots that are shipped.
"""

from __future__ import annotations

import functools
import json
import operator
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emcatalog.catalog import entries, open_catalog
from emcatalog.metadata import records, table
from emcatalog.metadata.snapshot import SHIPPED, load
from emcatalog.record import Record

FIVE = tuple(f"dataset{n}" for n in range(1, 6))
SIZES: dict[str, tuple[tuple[int, int, int], tuple[float, float, float]]] = {
    "dataset1": ((184, 775, 1121), (20.0, 20.0, 20.0)),
    "dataset2": ((16, 5500, 5496), (50.0, 7.998250424861908, 7.998250424861908)),
    "dataset3": ((1065, 1536, 2048), (5.0, 5.0, 5.0)),
    "dataset4": ((564, 2520, 2596), (2.96, 4.0, 4.0)),
    "dataset5": ((41394, 39725, 34427), (8.0, 8.0, 8.0)),
}
TABLE = {
    "dataset1": ("uint8", "20, 20, 20", "FIB-SEM", "Homo sapiens", None),
    "dataset2": (
        "uint8", "50, 7.998250424861908, 7.998250424861908", "SBF-SEM", "Danio rerio",
        "eye",
    ),
    "dataset3": ("uint8", "5, 5, 5", "FIB-SEM", None, "brain"),
    "dataset4": ("int16", "2.96, 4, 4", "FIB-SEM", "Mus musculus", "brain"),
    "dataset5": ("uint8", "8, 8, 8", "FIB-SEM", "Drosophila melanogaster", "brain"),
}  # fmt: skip
PAPERS = {
    "dataset1": "https://doi.org/10.1126/sciadv.aba8811",
    "dataset2": None,
    "dataset3": "https://ieeexplore.ieee.org/document/6619103",
    "dataset4": "https://doi.org/10.1038/s41586-021-03992-4",
    "dataset5": "https://doi.org/10.7554/eLife.57443",
}

LOSERS = (
    ("dataset1", "voxel_size_z", 50.0, "secondary"),
    ("dataset1", "voxel_size_x", 50.0, "secondary"),
    ("dataset1", "voxel_size_y", 50000.0, "secondary"),
    ("dataset1", "voxel_size_z", 22.0, "secondary"),
    ("dataset1", "height", 1121, "secondary"),
    ("dataset1", "width", 775, "secondary"),
    ("dataset1", "data_doi", "10.17867/10000141d7/22", "secondary"),
    ("dataset2", "height", 5632, "api"),
    ("dataset2", "width", 5628, "api"),
    ("dataset2", "voxel_size_z", 80.0, "secondary"),
    ("dataset2", "voxel_size_y", 80.0, "secondary"),
    ("dataset2", "acquired", "2018-11-06", "secondary"),
    ("dataset2", "instrument", "FEI Quanta", "file"),
    ("dataset3", "height", 2048, "page"),
    ("dataset3", "width", 1536, "page"),
    ("dataset3", "extent_x", 5000.0, "page"),
    ("dataset3", "modality", "TEM", "secondary"),
    ("dataset3", "organ", "mitochondria", "secondary"),
    ("dataset4", "voxel_size_z", 4.0, "secondary"),
    ("dataset4", "voxel_size_x", 2.96, "secondary"),
    ("dataset4", "depth", 1669, "secondary"),
    ("dataset4", "pixel_type", "uint16", "secondary"),
    ("dataset4", "compression", "blosc lz4", "secondary"),
    ("dataset5", "depth", 41408, "server"),
    ("dataset5", "width", 34432, "server"),
    ("dataset5", "height", 39552, "secondary"),
    ("dataset5", "height", 39743, "page"),
    ("dataset5", "voxel_size_y", 4.0, "secondary"),
    ("dataset5", "pixel_type", "uint64", "secondary"),
)
"""Claims that circulate and are wrong, or less exact: shown, never believed."""

DOUBTED = (
    ("dataset1", "organ", "chromatin"),
    ("dataset2", "beam_current", 0.0),
    ("dataset2", "organism", "Mus musculus"),
    ("dataset3", "organism", "Mus musculus"),
    ("dataset3", "organism", "Homo sapiens"),
    ("dataset3", "licence", "non-commercial"),
    ("dataset4", "organ", "liver"),
    ("dataset5", "depth", 1000),
)


@pytest.fixture
def known(offline: None) -> dict[str, Record]:
    return records(names=FIVE)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No snapshot but those that are shipped, and no server is ever asked."""
    monkeypatch.setenv("EMCATALOG_SNAPSHOTS", str(tmp_path / "none"))

    def asked(*args: object, **options: object) -> None:
        raise AssertionError("a server was asked")

    monkeypatch.setattr("emcatalog.metadata.consolidate.read", asked)


def shipped() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(SHIPPED.glob("*.json")):
        yield path.stem, json.loads(path.read_text("utf-8"))


@pytest.mark.parametrize("name", FIVE)
def test_sizes_are_those_of_the_data(name: str, known: dict[str, Record]) -> None:
    shape, voxel = SIZES[name]
    record = known[name]
    assert [record.value(f) for f in ("depth", "height", "width")] == list(shape)
    assert [record.value(f"voxel_size_{a}") for a in "zyx"] == list(voxel)
    for field in ("depth", "height", "width"):
        winner = record.winner(field)
        assert winner
        assert winner.source == "file"
    extents = [record.value(f"extent_{a}") for a in "zyx"]
    assert extents == pytest.approx([n * v for n, v in zip(shape, voxel, strict=True)])


@pytest.mark.parametrize("axis", "zyx")
def test_who_says_the_voxel_size(axis: str, known: dict[str, Record]) -> None:
    winners = {n: known[n].winner(f"voxel_size_{axis}") for n in FIVE}
    sources = {n: winner.source for n, winner in winners.items() if winner}
    assert sources == dict.fromkeys(FIVE, "file") | {"dataset3": "page"}


def test_the_columns_of_earlier_tables(known: dict[str, Record]) -> None:
    shown = table(known)
    assert list(shown.columns[:11]) == [
        "name", "url", "depth", "height", "width", "pixel_type", "pixel_size_in_nm",
        "experiment_type", "species", "organ", "publication_url",
    ]  # fmt: skip
    assert list(shown["name"]) == list(FIVE)
    for _, row in shown.iterrows():
        name = str(row["name"])
        told = [
            None if row.isna()[column] else row[column]
            for column in (
                "pixel_type", "pixel_size_in_nm", "experiment_type", "species", "organ",
                "publication_url",
            )
        ]  # fmt: skip
        assert told == [*TABLE[name], PAPERS[name]]
        assert [row["depth"], row["height"], row["width"]] == list(SIZES[name][0])
        assert "://" in row["url"]


@pytest.mark.parametrize(("name", "field", "value", "source"), LOSERS)
def test_what_circulates_loses_and_is_shown(
    name: str, field: str, value: object, source: str, known: dict[str, Record]
) -> None:
    (conflict,) = (c for c in known[name].conflicts() if c.field == field)
    found = [(c.value, c.source) for c in conflict.losers]
    assert (value, source) in found
    assert conflict.winner.value != value


@pytest.mark.parametrize(("name", "field", "value"), DOUBTED)
def test_what_cannot_be_or_is_not_confirmed_is_doubted(
    name: str, field: str, value: object, known: dict[str, Record]
) -> None:
    doubts = [c for c in known[name].doubts() if (c.field, c.value) == (field, value)]
    assert doubts
    assert known[name].value(field) != value


def test_the_unconfirmed_is_marked_and_has_no_value(known: dict[str, Record]) -> None:
    record = known["dataset3"]
    for field in ("organism", "licence"):
        assert record.value(field) is None
        doubts = [c.doubt for c in record.doubts() if c.field == field]
        assert doubts
        assert all(doubt.startswith("unconfirmed: ") for doubt in doubts)
    row = table({"dataset3": record}).iloc[0]
    assert {"organism", "licence"} <= set(row["unconfirmed"].split(", "))


def test_angstrom_is_no_disagreement(known: dict[str, Record]) -> None:
    """EMPIAR's 80.0 is 8 nm, which is the file's size with fewer digits."""
    claims = known["dataset2"].about("voxel_size_x")
    api = [c for c in claims if c.source == "api"]
    assert {c.value for c in api} == {8.0}
    (conflict,) = (
        c for c in known["dataset2"].conflicts() if c.field == "voxel_size_x"
    )
    assert not set(api) & set(conflict.losers)


@pytest.mark.parametrize("name", FIVE)
def test_each_disagreement_has_a_verdict(name: str, known: dict[str, Record]) -> None:
    """What the snapshots themselves disagree on was looked into."""
    catalog = open_catalog()
    (snapshot,) = (s for _, s in shipped() if s["identity"] == catalog[name].identity)
    inner = Record.from_json({"claims": snapshot["claims"]})
    disputed = {c.field for c in inner.conflicts()}
    assert disputed - set(snapshot["verdicts"]) <= {"note", "description"}
    heard_of = disputed | {c.field for c in known[name].conflicts()}
    heard_of |= {c.field for c in inner.doubts()}
    told = {f for f in snapshot["verdicts"] if not f.startswith("voxel_size")}
    told -= {"accelerating_voltage", "licence"}  # told though nobody disagrees
    assert told <= heard_of


def described() -> list[str]:
    """Entries of which there is a snapshot."""
    known = {load(path).identity for path in SHIPPED.glob("*.json")}
    catalog = open_catalog()
    names = [name for name, _ in entries(catalog)]
    return [name for name in names if entry(catalog, name).identity in known]


def entry(catalog: Any, name: str) -> Any:
    return functools.reduce(operator.getitem, name.split("."), catalog)


@pytest.mark.parametrize("name", described())
def test_the_catalog_agrees_with_its_evidence(name: str, offline: None) -> None:
    """What the author declares loses against nothing that is known better."""
    lost = [
        (conflict.field, claim.value)
        for conflict in records(open_catalog(), [name])[name].conflicts()
        for claim in conflict.losers
        # the address of a server is not that of the file
        if claim.source == "catalog" and conflict.field not in ("description", "url")
    ]
    assert not lost


def test_a_wrong_declared_voxel_size_is_found(tmp_path: Path, offline: None) -> None:
    """The published 80 nm, declared in one's own catalog for the same files."""
    place = open_catalog().dataset2.options["urlpath"]
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "sources:\n  retina:\n    driver: dm3\n    args:\n"
        f'      urlpath: "{place}"\n      voxel_size_nm: [50, 80, 80]\n'
    )
    record = records(open_catalog(mine), ["retina"])["retina"]
    assert record.value("voxel_size_x") == SIZES["dataset2"][1][2]
    (conflict,) = (c for c in record.conflicts() if c.field == "voxel_size_x")
    assert (80.0, "catalog") in [(c.value, c.source) for c in conflict.losers]

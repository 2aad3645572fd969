"""RO-Crate: the rocrate library reads it, and every term is of its vocabulary."""

from __future__ import annotations

import datetime
import json
from importlib.resources import files
from typing import Any

import pytest

from emcatalog.errors import OptionError
from emcatalog.exports import ro_crate
from emcatalog.record import Claim, Record
from told_records import HEMIBRAIN, HIPPOCAMPUS, RECORDS, RETINA

rocrate = pytest.importorskip("rocrate.rocrate")

DAY = datetime.date(2025, 7, 1)


def read(records: list[Record]) -> Any:
    """The crate as the library has it, from JSON as it would be in a file."""
    document = json.loads(json.dumps(ro_crate(records, published=DAY)))
    return rocrate.ROCrate(document)


def test_the_library_reads_it_back() -> None:
    crate = read(list(RECORDS))
    assert crate.version == "1.2"
    assert crate.name == "emcatalog"
    assert crate.datePublished.date() == DAY
    assert crate.license["name"] == "see each data set"
    parts = {part.id: part for part in crate.root_dataset["hasPart"]}
    assert list(parts) == [
        "https://a.org/data/",
        "https://a.org/%20Hippocampus/volumedata.tif",
        "gs://bucket/emdata/jpeg/",
    ]
    retina, hippocampus, hemibrain = parts.values()
    assert [part.type for part in parts.values()] == ["Dataset", "File", "Dataset"]
    assert retina["license"]["identifier"] == "CC0-1.0"
    assert retina["about"]["name"] == "Danio rerio"
    assert retina["sdDatePublished"] == "2025-06-11"
    assert hemibrain["citation"].id == "https://doi.org/10.7554/eLife.57443"
    assert hemibrain["license"]["name"] == "as the page says"
    assert hippocampus.get("license") is None


def test_each_measure_says_where_it_comes_from() -> None:
    crate = read([RETINA])
    part = crate.get("https://a.org/data/")
    told = {p["propertyID"]: p for p in part["additionalProperty"]}
    assert told["voxel_size_z"]["value"] == 50.0
    assert (told["voxel_size_z"]["unitText"], told["voxel_size_z"]["unitCode"]) == (
        "nm",
        "C45",
    )
    assert "the data's own file (Slice thickness" in told["voxel_size_z"]["description"]
    assert told["height"]["value"] == 5500
    assert "5632" not in json.dumps(ro_crate([RETINA]))


def test_every_reference_leads_somewhere_and_every_id_is_one() -> None:
    graph = ro_crate(list(RECORDS), published=DAY)["@graph"]
    ids = [entity["@id"] for entity in graph]
    assert len(set(ids)) == len(ids)
    outside = {"https://w3id.org/ro/crate/1.2"}
    assert set(references(graph)) <= set(ids) | outside


def references(value: Any) -> list[str]:
    if isinstance(value, list):
        return [found for item in value for found in references(item)]
    if not isinstance(value, dict):
        return []
    if set(value) == {"@id"}:
        return [value["@id"]]
    return [found for item in value.values() for found in references(item)]


def test_every_term_is_in_the_context() -> None:
    text = files("rocrate").joinpath("data/ro-crate.jsonld").read_text("utf-8")
    context = json.loads(text)["@context"]
    terms = set(context if isinstance(context, dict) else context[-1])
    for entity in ro_crate(list(RECORDS))["@graph"]:
        used = {key for key in entity if not key.startswith("@")} | {entity["@type"]}
        assert used <= terms


def test_one_record_gives_its_name_and_licence_to_the_crate() -> None:
    root = ro_crate([RETINA])["@graph"][1]
    assert root["name"] == "Developing retina in zebrafish"
    assert root["license"] == {
        "@id": "https://creativecommons.org/publicdomain/zero/1.0/"
    }
    today = datetime.datetime.now(datetime.UTC).date()
    written = datetime.date.fromisoformat(root["datePublished"])
    assert today - written <= datetime.timedelta(days=1)  # it may be midnight


def test_a_crate_of_an_unknown_licence_says_so() -> None:
    crate = read([HIPPOCAMPUS])
    assert crate.license["name"] == "not known"
    place = "https://a.org/%20Hippocampus/volumedata.tif"
    assert crate.get(place).get("license") is None


def test_data_of_no_place_is_named_within_the_crate() -> None:
    record = Record((Claim("name", "mine", "catalog"),))
    assert read([record]).get("#mine")["name"] == "mine"
    local = Record((Claim("url", "/data/a.tif", "catalog"),))
    assert ro_crate([local])["@graph"][1]["hasPart"] == [{"@id": "#a"}]


def test_records_of_the_same_files_are_named_within_the_crate() -> None:
    other = HEMIBRAIN.with_claims((Claim("name", "again", "catalog"),))
    twice = [HEMIBRAIN, Record(other.claims[1:])]
    parts = ro_crate(twice)["@graph"][1]["hasPart"]
    assert parts == [{"@id": "#dataset5"}, {"@id": "#again"}]


@pytest.mark.parametrize("records", [[], [HEMIBRAIN, HEMIBRAIN]])
def test_records_have_names_of_their_own(records: list[Record]) -> None:
    with pytest.raises(OptionError, match="one record or more, each of another name"):
        ro_crate(records)

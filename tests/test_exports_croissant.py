"""Croissant: mlcroissant reads what is exported, and misses only what is unknown."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import pytest

from emcatalog.errors import OptionError
from emcatalog.exports import croissant
from emcatalog.record import Claim, Record
from emcatalog.series import expand
from emcatalog.transport import Transport
from told_records import HEMIBRAIN, HIPPOCAMPUS, RECORDS, RETINA

mlcroissant = pytest.importorskip("mlcroissant")

pytestmark = pytest.mark.filterwarnings(
    "ignore:ConjunctiveGraph is deprecated:DeprecationWarning"  # rdflib's own
)


def read(document: dict[str, Any]) -> Any:
    """The data set as mlcroissant has it, from JSON as it would be in a file."""
    return mlcroissant.Dataset(jsonld=json.loads(json.dumps(document)))


def missing(dataset: Any) -> set[str]:
    """Last words of the properties that mlcroissant would like to have."""
    issues = dataset.metadata.ctx.issues
    assert not issues.errors
    return {warning.split('"')[1].rpartition("/")[2] for warning in issues.warnings}


def test_a_full_record_has_neither_error_nor_warning() -> None:
    dataset = read(croissant([RETINA], version="1.0.0"))
    assert missing(dataset) == set()
    metadata = dataset.metadata
    assert metadata.name == "Developing retina in zebrafish"
    assert metadata.license == ["https://creativecommons.org/publicdomain/zero/1.0/"]
    assert metadata.url == "https://doi.org/10.6019/EMPIAR-11759"
    assert str(metadata.date_published.date()) == "2024-01-15"
    assert "doi = {10.6019/EMPIAR-11759}" in metadata.cite_as
    assert metadata.ctx.conforms_to.value.endswith("croissant/1.1")


@pytest.mark.parametrize(
    ("records", "unknown"),
    [
        ([RETINA], {"version"}),
        ([HIPPOCAMPUS], {"version", "datePublished", "license"}),
        ([HEMIBRAIN], {"version", "datePublished"}),
        (RECORDS, {"version", "datePublished"}),
    ],
)
def test_warnings_are_what_is_not_known(
    records: Sequence[Record], unknown: set[str]
) -> None:
    assert missing(read(croissant(records))) == unknown


def test_rows_are_the_winners_with_their_sources() -> None:
    rows = list(read(croissant(RECORDS)).records("volumes"))
    named = {row["volumes/name"]: row for row in rows}
    assert list(named) == ["dataset2", "dataset3", "dataset5"]
    first, second = named["dataset2"], named["dataset3"]
    for field in ("voxel_size_z", "voxel_size_x", "height", "depth", "pixel_type"):
        assert first[f"volumes/{field}"] == RETINA.value(field)
    assert first["volumes/voxel_size_z_source"] == (
        "the data's own file (Slice thickness, 2025-06-11)"
    )
    assert "declared and not measured" in second["volumes/voxel_size_z_source"]
    # what is not known is absent, not zero
    assert math.isnan(second["volumes/height"])
    assert "81.25" not in json.dumps(croissant(RECORDS))


def test_no_checksum_is_made_up() -> None:
    document = croissant([RETINA])
    assert not {"sha256", "md5"} & set(document["distribution"][0])
    # which mlcroissant takes for live data only
    document["isLiveDataset"] = False
    with pytest.raises(mlcroissant.ValidationError, match="sha256"):
        read(document)


def test_a_file_is_a_file_and_a_folder_a_set() -> None:
    resources = {r["@id"]: r for r in croissant(RECORDS)["distribution"]}
    assert list(resources) == [
        "dataset2/data", "dataset2/files", "dataset3/data", "dataset5/data",
        "dataset5/files",
    ]  # fmt: skip
    sections, volume = resources["dataset2/files"], resources["dataset3/data"]
    assert resources["dataset2/data"]["contentUrl"] == "https://a.org/data/"
    assert resources["dataset2/data"]["encodingFormat"] == "inode/directory"
    assert "dmformat" in sections["encodingFormat"]
    assert sections["includes"] == [f"s_{i:04}.dm3" for i in range(16)]
    assert volume["contentUrl"].endswith("/%20Hippocampus/volumedata.tif")
    assert volume["encodingFormat"] == "image/tiff"
    assert resources["dataset5/data"]["contentUrl"] == "gs://bucket/emdata/jpeg/"
    assert "precomputed" in resources["dataset5/files"]["encodingFormat"]


def test_a_licence_in_words_stays_words() -> None:
    (found,) = read(croissant([HEMIBRAIN])).metadata.license
    assert found.name == "as the page says"


def test_a_record_of_nothing_is_still_a_data_set() -> None:
    dataset = read(croissant([Record()]))
    assert [row["volumes/name"] for row in dataset.records("volumes")] == ["volume"]


@pytest.mark.parametrize("records", [[], [RETINA, RETINA]])
def test_records_have_names_of_their_own(records: list[Record]) -> None:
    with pytest.raises(OptionError, match="one record or more, each of another name"):
        croissant(records)


def test_a_collection_has_a_day_only_if_all_have_one() -> None:
    later = Record(
        (Claim("name", "b", "catalog"), Claim("released", "2025-02-01", "api"))
    )
    assert croissant([RETINA, later])["datePublished"] == "2025-02-01"
    assert "datePublished" not in croissant([RETINA, HIPPOCAMPUS])


def test_a_server_is_not_the_place_of_data() -> None:
    server = Claim("url", "https://idr.openmicroscopy.org", "catalog", "urlpath")
    assert "distribution" not in croissant([Record((server,))])
    file = Claim("download", ("ftp://a.org/a b.tif", "https://a.org/a b.tif"), "page")
    (found,) = croissant([Record((server, file))])["distribution"]
    assert found["contentUrl"] == "ftp://a.org/a%20b.tif"
    missing(read(croissant([Record((server, file))])))


@pytest.mark.parametrize(
    ("name", "patterns"),
    [
        ("s_*.tif", ["s_*.tif"]),
        ("s_{9..11}.tif", ["s_9.tif", "s_10.tif", "s_11.tif"]),
        ("s_{11..09}.tif", ["s_11.tif", "s_10.tif", "s_09.tif"]),
        ("s_{0000..4999}.tif", ["s_[0-9][0-9][0-9][0-9].tif"]),
        ("s_{1..5000}.tif", ["s_*.tif"]),
    ],
)
def test_ranges_are_named_or_are_patterns(name: str, patterns: list[str]) -> None:
    record = Record((Claim("url", f"https://a.org/{name}", "catalog"),))
    document = croissant([record])
    assert document["distribution"][1]["includes"] == patterns
    missing(read(document))


@pytest.mark.parametrize("told", ["9..11", "11..09", "00..100", "0..3", "7..7"])
def test_names_of_a_range_are_those_that_are_read(told: str) -> None:
    url = f"https://a.org/s_{{{told}}}.tif"
    document = croissant([Record((Claim("url", url, "catalog"),))])
    folder, names = document["distribution"]
    places = [folder["contentUrl"] + name for name in names["includes"]]
    assert tuple(places) == expand(url, Transport(), (".tif",))


@pytest.mark.parametrize(
    ("told", "url", "encoding"),
    [
        ("ImageJ TIFF", "https://a.org/a.tif", "image/tiff"),
        ("BigTIFF", "https://a.org/a.btf", "image/tiff"),
        ("OME-Zarr 0.5", "s3://b/a.zarr.zip", "https://ngff.openmicroscopy.org/"),
        ("OME-Zarr 0.4", "s3://b/a.zarr", "https://ngff.openmicroscopy.org/"),
        ("Zarr v3 array", "s3://b/a", "https://zarr-specs.readthedocs.io/"),
        ("N5", "s3://b/a.n5/em", "https://github.com/saalfeldlab/n5"),
        ("", "https://a.org/a.JPG", "image/jpeg"),
        ("", "https://a.org/a.pgm", "application/octet-stream"),
        ("unheard of", "https://a.org/folder", "application/octet-stream"),
    ],
)
def test_formats_have_media_types_or_pages(told: str, url: str, encoding: str) -> None:
    claims = [Claim("url", url, "catalog")]
    claims += [Claim("format", told, "file")] if told else []
    resources = croissant([Record(tuple(claims))])["distribution"]
    assert resources[-1]["encodingFormat"] == encoding

"""OMERO's JSON API, and what submitters told IDR: annotations, tables, studies."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emcatalog.errors import ContentError, FormatError
from emcatalog.harvest import Evidence, understood
from emcatalog.harvest.omero import claims
from emcatalog.record import Record

URL = "https://idr.openmicroscopy.org/x/"


def length(value: Any, unit: Any = None, symbol: Any = None) -> dict[str, Any]:
    found = {"Value": value, "Unit": unit, "Symbol": symbol, "@type": "TBD#LengthI"}
    return {name: part for name, part in found.items() if part is not None}


def image(**pixels: Any) -> dict[str, Any]:
    sizes = {"SizeX": 1121, "SizeY": 775, "SizeZ": 184, "Type": {"value": "uint8"}}
    owner = {"owner": {"FirstName": "Ann", "Email": "ann@lab.org"}}
    return {
        "Name": "stack.tif",
        "AcquisitionDate": 1591747200000,
        "Pixels": sizes | pixels,
        "omero:details": owner,
    }


def test_an_image() -> None:
    micron = length(0.02, "MICROMETER", "µm")
    sizes = {f"PhysicalSize{axis}": micron for axis in "XYZ"}
    record = Record(claims({"data": image(**sizes)}, URL))
    assert {f: record.value(f) for f in record.fields} == {
        "title": "stack.tif",
        "depth": 184,
        "height": 775,
        "width": 1121,
        "pixel_type": "uint8",
        "bits": 8,
        "voxel_size_z": 20.0,
        "voxel_size_y": 20.0,
        "voxel_size_x": 20.0,
        "acquired": "2020-06-10",
    }
    assert {claim.source for claim in record.claims} == {"server"}
    place = record.about("voxel_size_z")[0].locator
    assert place == f"{URL}#data.Pixels.PhysicalSizeZ.Value"


def flat() -> dict[str, Any]:
    """The sizes one floor higher."""
    whole = image()
    return {**whole, **whole.pop("Pixels")}


@pytest.mark.parametrize(
    "document", [{"data": image()}, image(), {"data": flat()}, flat()]
)
def test_sizes_may_be_higher_up(document: object) -> None:
    record = Record(claims(document, URL))
    sizes = [record.value(f) for f in ("depth", "height", "width", "title")]
    assert sizes == [184, 775, 1121, "stack.tif"]


@pytest.mark.parametrize(
    ("size", "value"),
    [
        (length(20, "NANOMETER"), 20.0),
        (length(200, "ANGSTROM", "Å"), 20.0),
        (length(0.02, "MICROMETER"), 20.0),
        (length(0.02, None, "µm"), 20.0),
        (length("0.02", "MICROMETER"), 20.0),
        (length(2e-5, "MILLIMETER"), 20.0),
    ],
)
def test_each_length_has_its_unit(size: Any, value: float) -> None:
    record = Record(claims(image(PhysicalSizeX=size), URL))
    assert record.value("voxel_size_x") == value


@pytest.mark.parametrize(
    ("size", "doubt"),
    [
        (length(1.0, "PIXEL"), "is no unit that gives nm"),
        (length(1.0, "REFERENCEFRAME"), "is no unit that gives nm"),
        (length(2.4, None, "s"), "is no unit that gives nm"),
        (length(2.4), "its unit is not told"),
        (length(2.4, 5, ["µm"]), "its unit is not told"),
        (0.02, "its unit is not told"),
        (length(0, "MICROMETER"), "less than 0.001 nm"),
        (length(1e9, "MICROMETER"), "more than"),
        (length(-0.02, "MICROMETER"), "less than 0.001 nm"),
        (length("wide", "MICROMETER"), "not a number"),
    ],
)
def test_lengths_that_cannot_be_are_doubted(size: Any, doubt: str) -> None:
    record = Record(claims(image(PhysicalSizeX=size), URL))
    assert record.value("voxel_size_x") is None
    (claim,) = record.doubts()
    assert doubt in claim.doubt


@pytest.mark.parametrize("clock", [0, 24234, -5, 1e20, "soon", True, [1], 4e12, 2018])
def test_a_clock_that_was_not_set_is_doubted(clock: Any) -> None:
    record = Record(claims(image() | {"AcquisitionDate": clock}, URL))
    assert record.value("acquired") is None
    assert [claim.field for claim in record.doubts()] == ["acquired"]


@pytest.mark.parametrize(
    ("name", "pixel_type", "bits"),
    [("float", "float32", 32), ("double", "float64", 64), ("uint16", "uint16", 16)],
)
def test_pixel_types_have_names_of_their_own(
    name: str, pixel_type: str, bits: int
) -> None:
    record = Record(claims(image(Type={"value": name}), URL))
    assert (record.value("pixel_type"), record.value("bits")) == (pixel_type, bits)


@pytest.mark.parametrize("document", [{"data": []}, {"data": {}}, {"Name": "x"}])
def test_other_documents_describe_no_image(document: object) -> None:
    with pytest.raises(FormatError, match="without SizeX, SizeY and SizeZ"):
        claims(document, URL)


STUDY = [
    ["Organism", "Homo sapiens"],
    ["Cell Line", "U2OS"],
    ["Imaging Method", "focused ion beam scanning electron microscopy (FIB-SEM)"],
    ["Publication Title", "Chromatin arranges in chains."],
    ["Publication Authors", "Other A, Else B"],
    [
        "Publication DOI",
        "10.1126/sciadv.aba8811 https://doi.org/10.1126/sciadv.aba8811",
    ],
    ["Data DOI", "10.17867/10000141d https://doi.org/10.17867/10000141d"],
    ["License", "CC BY 4.0 https://creativecommons.org/licenses/by/4.0/"],
    ["Release Date", "2020-07-22"],
    ["Copyright", "Ann Other"],
    ["Antibody", "none"],
]


def annotated(*pairs: Any) -> Record:
    document = {
        "annotations": [
            {"ns": "idr.openmicroscopy.org/study/info", "values": [*pairs]}
        ],
        "experimenters": [{"firstName": "Ann", "email": "ann@lab.org"}],
    }
    url = f"{URL}?type=map&project=1161"
    data = json.dumps(document).encode()
    return Record(understood(Evidence("omero-annotations", url), data))


def test_annotations_of_a_study() -> None:
    record = annotated(*STUDY)
    assert {f: record.value(f) for f in record.fields} == {
        "modality": "FIB-SEM",
        "organism": "Homo sapiens",
        "cell": "U2OS",
        "publication_url": "https://doi.org/10.1126/sciadv.aba8811",
        "doi": "10.1126/sciadv.aba8811",
        "data_doi": "10.17867/10000141d",
        "licence": "CC-BY-4.0",
        "citation": "Other A, Else B. Chromatin arranges in chains. "
        "https://doi.org/10.1126/sciadv.aba8811",
        "released": "2020-07-22",
    }
    assert record.doubts() == ()
    assert {claim.source for claim in record.claims} == {"api"}
    (place,) = {claim.locator for claim in record.about("licence")}
    assert "?type=map&project=1161#annotations.0.values.7 (License)" in place


def test_two_methods_of_a_study_are_a_conflict() -> None:
    record = annotated(["Imaging Method", "confocal"], ["Imaging Method", "FIB-SEM"])
    assert [conflict.field for conflict in record.conflicts()] == ["modality"]


def test_annotations_that_are_none() -> None:
    assert annotated().claims == ()
    odd = [1, ["Organism"], ["Organism", None], [1, 2], ["Organism", ""], {"a": 1}]
    assert annotated(*odd).claims == ()
    assert annotated(["Data DOI", "pending"]).claims == ()


TABLE = (
    "\ufeffDataset Name,Image Name,Characteristics [Organism],Term Source 1 Accession,"
    "Characteristics [Cell Line],Comment [Image Description],Channels\r\n"
    'one,a.tif,Homo sapiens,NCBITaxon_9606,HeLa,"a cell, in G1",grey\r\n'
    "one,b 1.tif,Homo sapiens,NCBITaxon_9606,U2OS,another,grey\r\n"
)


def tabled(text: str | bytes, image_name: str = "") -> Record:
    url = f"https://a.org/t.csv{'#' if image_name else ''}{image_name}"
    data = text if isinstance(text, bytes) else text.encode()
    return Record(understood(Evidence("idr-table", url), data))


def test_a_row_of_a_table() -> None:
    record = tabled(TABLE, "a.tif")
    assert {f: record.value(f) for f in record.fields} == {
        "title": "a.tif",
        "organism": "Homo sapiens",
        "taxon_id": 9606,
        "cell": "HeLa",
        "description": "a cell, in G1",
    }
    (claim,) = record.about("cell")
    assert claim.locator == "https://a.org/t.csv#a.tif.Characteristics [Cell Line]"
    assert tabled(TABLE, "b%201.tif").value("cell") == "U2OS"


def test_without_an_image_only_what_all_rows_say_is_claimed() -> None:
    record = tabled(TABLE)
    assert record.fields == ("organism", "taxon_id")


@pytest.mark.parametrize(
    ("text", "name", "error", "message"),
    [
        (TABLE, "c.tif", FormatError, "without a row for 'c.tif'"),
        ("a,b\n1,2\n", "", FormatError, "no such table"),
        ("", "", FormatError, "no such table"),
        ('Image Name\n"a', "", FormatError, "cannot be read"),
        ("<html></html>", "", ContentError, "an HTML page"),
    ],
)
def test_other_tables_are_refused(
    text: str, name: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        tabled(text, name)


def test_a_table_of_windows() -> None:
    text = "Image Name,Characteristics [Cell Line]\na.tif,café\n"
    assert tabled(text.encode("cp1252"), "a.tif").value("cell") == "café"


DESCRIBED = """# hints
Comment[IDR Study Accession]\tidr0086\t\t
Study Title\tChromatin\t\t
Study Organism\tMus musculus\tHomo sapiens\t
Study Publication Title\tChromatin arranges in chains\t
Study Author List\tOther A, Else B\t
Study DOI\t10.1126/sciadv.aba8811\t
Study Person Email\tann@lab.org\t
Study License\tCC BY 4.0\t\t
Study Data DOI\t
Experiment Number\t1
Comment[IDR Experiment Name]\tidr0086-miron-micrographs/experimentA\t
Experiment Imaging Method\tstructured illumination microscopy (SIM)\t
Experiment Number\t4
Comment[IDR Experiment Name]\tidr0086-miron-micrographs/experimentD\t
Experiment Imaging Method\tscanning electron microscopy (SEM)\t
Experiment Comments\tFIB-SEM, Focused Ion Beam Scanning Electron Microscopy\t
"""


def described(experiment: str = "") -> Record:
    url = f"https://a.org/s.txt#{experiment}"
    return Record(understood(Evidence("idr-study", url), DESCRIBED.encode()))


def test_the_description_of_a_study() -> None:
    expected = {
        "licence": "CC-BY-4.0",
        "doi": "10.1126/sciadv.aba8811",
        "publication_url": "https://doi.org/10.1126/sciadv.aba8811",
        "citation": "Other A, Else B. Chromatin arranges in chains. "
        "https://doi.org/10.1126/sciadv.aba8811",
    }
    record = described()
    assert {f: record.value(f) for f in record.fields} == expected
    one = described("idr0086-miron-micrographs/experimentD")
    assert {f: one.value(f) for f in one.fields} == expected | {"modality": "FIB-SEM"}
    assert [claim.value for claim in one.about("modality")] == ["FIB-SEM", "SEM"]


def test_other_texts_describe_no_study() -> None:
    with pytest.raises(FormatError, match="describes no study: 'hello'"):
        understood(Evidence("idr-study", "https://a.org/s.txt"), b"hello")

"""The harvesters on answers that archives really gave.

The answers are not part of the project: the tests skip where they are absent.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from archive_answers import xml
from emcatalog.errors import FormatError
from emcatalog.harvest import Evidence, evidence_for, understood
from emcatalog.record import Record

EMPIAR_DATA = "https://ftp.ebi.ac.uk/empiar/world_availability/11759/data/*.dm3"
IMAGE = "Figure_S3B_FIB-SEM_U2OS_20x20x20nm_xy.tif"


@pytest.fixture(scope="module")
def sources(realdata: Path) -> Path:
    place = realdata.parent / "sources"
    if not place.is_dir():
        pytest.skip(f"no answers of archives in {place}")
    return place


def read(kind: str, url: str, data: bytes) -> Record:
    return Record(understood(Evidence(kind, url), data))


def told(record: Record) -> dict[str, Any]:
    """Winners of all fields but the long texts."""
    long = {"description", "preparation"}
    return {f: record.value(f) for f in record.fields if f not in long}


ENTRY = {
    "title": "Developing retina in zebrafish 55 hpf larval eye.",
    "source": "EMPIAR",
    "accession": "EMPIAR-11759",
    "download": ("https://ftp.ebi.ac.uk/empiar/world_availability/11759/data/",),
    "format": "DM3",
    "height": 5632,
    "width": 5628,
    "pixel_type": "uint8",
    "bits": 8,
    "voxel_size_z": 50.0,
    "voxel_size_y": 8.0,
    "voxel_size_x": 8.0,
    "modality": "SBF-SEM",
    "instrument": "FEI Magellan400",
    "accelerating_voltage": 1900.0,
    "dwell_time": 0.5,
    "beam_current": 0.2,
    "section_thickness": 50.0,
    "data_doi": "10.6019/EMPIAR-11759",
    "citation": "Wilsch-Bräuninger M. Developing retina in zebrafish 55 hpf larval "
    "eye. EMPIAR, EMPIAR-11759. 2024. https://doi.org/10.6019/EMPIAR-11759",
    "released": "2024-01-15",
    "note": "EMPIAR's category is 'reconstructed volumes'",
}


def test_the_entry_of_dataset2(sources: Path) -> None:
    (evidence,) = evidence_for(EMPIAR_DATA, "dm3", {})
    data = (sources / "empiar_api_entry_11759.json").read_bytes()
    record = Record(understood(evidence, data))
    assert told(record) == ENTRY
    assert record.conflicts() == record.doubts() == ()
    words = " ".join(str(claim.value) for claim in record.claims)
    assert "Dresden" not in words
    assert "Max Planck" not in words


def test_the_xml_of_dataset2(sources: Path) -> None:
    whole = json.loads((sources / "empiar_xml_11759_as_dict.json").read_bytes())
    text = xml("entry", whole["entry"], namespace="http://pdbe.org/empiar")
    record = read("empiar-xml", "https://a.org/11759.xml#data", text.encode())
    assert told(record) == ENTRY
    # the dictionary itself is XML as well, parsed by somebody
    data = json.dumps(whole).encode()
    assert told(read("empiar", "https://a.org/11759#data", data)) == ENTRY


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("data/frames", (3838, 3710, 0.33702, "uint16", "TIFF")),
        ("data/tomograms", (960, 928, 1.348, "int16", "MRC")),
        ("data/metadata", (3708, 3838, 0.33702, "float32", "MRC")),
    ],
)
def test_an_entry_with_three_sets(
    realdata: Path, folder: str, expected: tuple[Any, ...]
) -> None:
    place = realdata / "json_empiar/bia-integrator/EMPIAR-IMAGELABELTEST"
    data = (place / "IMAGELABELTEST.json").read_bytes()
    record = read("empiar", f"https://a.org/x#{folder}", data)
    fields = ("width", "height", "voxel_size_x", "pixel_type", "format")
    assert tuple(record.value(field) for field in fields) == expected
    assert record.value("data_doi") == "10.6019/EMPIAR-10988"
    assert record.value("modality") is None  # "EMDB" is none
    silent = read("empiar", "https://a.org/x", data)
    assert {silent.value(field) for field in fields} == {None}


def test_an_entry_without_a_pixel_height(realdata: Path) -> None:
    place = realdata / "json_empiar/bia-integrator/EMPIAR-SPECIMENTEST"
    data = (place / "SPECIMENTEST.json").read_bytes()
    record = read("empiar", "https://a.org/x#data/frames", data)
    sizes = [record.value(f"voxel_size_{axis}") for axis in "zyx"]
    assert sizes == [None, None, 0.3425]
    assert record.value("pixel_type") == "uint8"


def test_the_server_of_dataset5(sources: Path) -> None:
    data = (sources / "dvid_hemibrain_grayscale_info.json").read_bytes()
    assert told(read("dvid", "https://a.org/info", data)) == {
        "depth": 41408,
        "height": 39725,
        "width": 34432,
        "pixel_type": "uint8",
        "bits": 8,
        "voxel_size_z": 8.0,
        "voxel_size_y": 8.0,
        "voxel_size_x": 8.0,
    }


def test_the_viewer_of_dataset5(sources: Path) -> None:
    data = (sources / "hemibrain_ng_state.json").read_bytes()
    bucket = "precomputed://gs://neuroglancer-janelia-flyem-hemibrain"
    assert told(read("neuroglancer", "https://a.org/state", data)) == {
        "download": (f"{bucket}/emdata/clahe_yz/jpeg",),
        "voxel_size_z": 8.0,
        "voxel_size_y": 8.0,
        "voxel_size_x": 8.0,
        "segmentations": ("segmentation", "roi", "mito", "mask"),
    }


def test_the_page_of_dataset4(sources: Path) -> None:
    data = (sources / "openorganelle_webpage_nacc2.json").read_bytes()
    assert told(read("openorganelle-page", "https://a.org/page", data)) == {
        "source": "OpenOrganelle",
        "accession": "jrc_mus-nacc-2",
        "download": ("s3://janelia-cosem-datasets/jrc_mus-nacc-2/",),
        "voxel_size_z": 2.96,
        "voxel_size_y": 4.0,
        "voxel_size_x": 4.0,
        "extent_z": 1669.44,
        "extent_y": 10080.0,
        "extent_x": 10384.0,
        "modality": "FIB-SEM",
        "accelerating_voltage": 200.0,
        "dwell_time": 2.5,
        "beam_current": 0.22,
        "segmentations": ("nuclei: https://doi.org/10.25378/janelia.26513209",),
        "publication_url": "https://doi.org/10.1038/s41586-021-03992-4",
        "doi": "10.1038/s41586-021-03992-4",
        "data_doi": "10.25378/janelia.24222898",
        "acquired": "2015-03-09",
    }


CELLS = {
    # z, y, x in nm; organism; day; volts; segmentations; papers
    "jrc_ccl81-covid-1": (4, 4, 4, "Monkey", "2020-09-10", 700, 0, 0),
    "jrc_choroid-plexus-2": (8, 8, 8, "Mus musculus", "2017-04-05", 1100, 6, 2),
    "jrc_cos7-11": (8, 8, 8, "Monkey", "2018-04-27", 1200, 0, 2),
    "jrc_ctl-id8-1": (3.48, 4, 4, "Mus musculus", "2020-02-04", 700, 0, 1),
    "jrc_ctl-id8-2": (8, 8, 8, "Mus musculus", "2019-10-18", 1200, 7, 0),
    "jrc_ctl-id8-3": (8, 8, 8, "Mus musculus", "2020-02-12", 1200, 1, 0),
    "jrc_ctl-id8-4": (8, 8, 8, "Mus musculus", "2020-03-12", 1200, 1, 0),
    "jrc_ctl-id8-5": (8, 8, 8, "Mus musculus", "2020-01-29", 1200, 1, 0),
    "jrc_dauer-larva": (
        70, 4, 4, "Caenorhabditis elegans", "2012-01-01", None, 1, 0,
    ),
    "jrc_hela-1": (8, 8, 8, "Homo sapiens", "2017-04-05", 600, 6, 1),
    "jrc_hela-2": (5.24, 4, 4, "Homo sapiens", "2017-06-21", 900, 29, 2),
    "jrc_hela-21": (8, 8, 8, "Homo sapiens", "2017-04-12", 900, 0, 1),
    "jrc_hela-22": (8, 8, 8, "Homo sapiens", "2017-06-15", 1200, 0, 1),
    "jrc_hela-3": (3.24, 4, 4, "Homo sapiens", "2017-08-09", 1000, 29, 2),
    "jrc_hela-4": (4.28, 4, 4, "Homo sapiens", "2019-05-30", 900, 0, 1),
    "jrc_hela-bfa": (8, 8, 8, "Homo sapiens", "2019-10-09", 1200, 4, 1),
    "jrc_hela-h89-1": (8, 8, 8, "Homo sapiens", "2020-10-09", 1200, 0, 1),
    "jrc_hela-h89-2": (8, 8, 8, "Homo sapiens", "2020-10-15", 1200, 0, 1),
    "jrc_jurkat-1": (3.44, 4, 4, "Homo sapiens", "2018-08-10", 1000, 29, 2),
    "jrc_macrophage-2": (3.36, 4, 4, "Homo sapiens", "2018-11-11", 1200, 29, 2),
    "jrc_sum159-1": (4.56, 4, 4, "Homo sapiens", "2017-11-21", 1200, 1, 2),
}  # fmt: skip
MANIFESTS = "json_openorganelle/fibsem-metadata/api"
URL = "https://a.org/manifest.json"


def cell(realdata: Path, name: str, path: str = "") -> Record:
    data = (realdata / MANIFESTS / name / "manifest.json").read_bytes()
    return read("openorganelle", f"{URL}#{path}", data)


def test_every_manifest_is_expected(realdata: Path) -> None:
    places = (realdata / MANIFESTS).glob("*/manifest.json")
    assert {place.parent.name for place in places} == set(CELLS)


@pytest.mark.parametrize("name", CELLS)
def test_a_manifest(realdata: Path, name: str) -> None:
    record = cell(realdata, name)
    *size, organism, day, volts, segmented, papers = CELLS[name]
    assert [record.value(f"voxel_size_{axis}") for axis in "zyx"] == size
    assert record.value("organism") == organism
    assert record.value("acquired") == day
    assert record.value("accelerating_voltage") == volts
    names = record.value("segmentations") or ()
    assert isinstance(names, tuple)
    assert len(names) == segmented
    assert len(record.about("doi")) == papers
    assert record.value("accession") == name
    assert record.value("title")
    assert record.value("description")
    # two manifests disagree with themselves: the image is of 4 nm steps
    fields = [conflict.field for conflict in record.conflicts()]
    assert fields == (["voxel_size_z"] if "h89" in name else [])


TURNED = {
    "jrc_hela-1": "y from 8000 by -8 nm",
    "jrc_hela-2": "y from 6400 by -4 nm",
    "jrc_hela-3": "y from 4000 by -4 nm",
    "jrc_jurkat-1": "y from 12000 by -4 nm",
    "jrc_macrophage-2": "y from 8000 by -4 nm",
}


@pytest.mark.parametrize("name", CELLS)
def test_images_that_are_shown_turned(realdata: Path, name: str) -> None:
    path = f"{name}/neuroglancer/em/fibsem-uint8.precomputed"
    record = cell(realdata, name, path)
    expected = f"shown against the order of the voxels: {TURNED.get(name)}"
    assert record.value("note") == (expected if name in TURNED else None)
    if name in TURNED:
        assert record.value("format") == "precomputed"
        assert record.value("pixel_type") == "uint8"
        other = cell(realdata, name, f"{name}/{name}.n5/em/fibsem-uint16")
        is_alone = name == "jrc_hela-1"  # it has no N5 image
        assert other.value("note") == (expected if is_alone else None)


def test_pieces_of_omero(realdata: Path) -> None:
    place = realdata / "json_omero/qupath-inline"
    data = (place / "TestOmeroImage_01.json").read_bytes()
    record = read("omero", "https://a.org/1/", data)
    assert told(record) == {
        "title": "name",
        "depth": 3,
        "height": 2,
        "width": 1,
        "pixel_type": "uint8",
        "bits": 8,
        "voxel_size_z": None,
        "voxel_size_y": None,
        "voxel_size_x": None,
        "acquired": None,
    }
    doubts = [claim.doubt for claim in record.doubts()]
    assert doubts[1:] == [f"'{unit}' is no unit that gives nm" for unit in "fds"]


def test_other_answers_of_omero_are_no_image(realdata: Path) -> None:
    places = sorted((realdata / "json_omero").glob("*/*.json"))
    others = [place for place in places if place.name != "TestOmeroImage_01.json"]
    assert len(others) > 10
    for place in others:
        with pytest.raises(FormatError):
            read("omero", "https://a.org/1/", place.read_bytes())


def test_the_table_of_dataset1(realdata: Path) -> None:
    place = realdata / "json_omero/idr0086-metadata/experimentD"
    data = (place / "idr0086-experimentD-annotation.csv").read_bytes()
    record = read("idr-table", f"https://a.org/t.csv#{IMAGE}", data)
    assert {f: record.value(f) for f in record.fields} == {
        "title": IMAGE,
        "organism": "Homo sapiens",
        "taxon_id": 9606,
        "cell": "U2OS",
        "description": "FIB-SEM chromatin IF image in U2OS cells in G1",
    }
    whole = read("idr-table", "https://a.org/t.csv", data)
    assert whole.fields == ("organism", "taxon_id")

"""OpenOrganelle's manifests, and facts of its pages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from archive_answers import manifest
from emcatalog.errors import FormatError
from emcatalog.harvest import Evidence, understood
from emcatalog.record import Claim, Record

URL = "https://a.org/cell/manifest.json"


def said(kind: str, document: object, url: str = URL) -> Record:
    return Record(understood(Evidence(kind, url), json.dumps(document).encode()))


def of(record: Record, field: str) -> list[Claim]:
    return [claim for claim in record.claims if claim.field == field]


def size(record: Record, field: str = "voxel_size") -> list[Any]:
    return [record.value(f"{field}_{axis}") for axis in "zyx"]


def test_a_manifest() -> None:
    record = said("openorganelle", manifest(fibsem_uint8=[5.24, 4.0, 4.0]))
    assert {f: record.value(f) for f in record.fields} == {
        "title": "A cell",
        "source": "OpenOrganelle",
        "accession": "cell",
        "download": ("s3://janelia-cosem-datasets/cell/cell.n5/em/fibsem_uint8",),
        "format": "n5",
        "pixel_type": "uint8",
        "voxel_size_z": 5.24,
        "voxel_size_y": 4.0,
        "voxel_size_x": 4.0,
        "extent_z": 33000.0,
        "extent_y": 6000.0,
        "extent_x": 48000.0,
        "modality": "FIB-SEM",
        "accelerating_voltage": 900.0,
        "dwell_time": 10.0,
        "beam_current": 0.25,
        "organism": "Homo sapiens",
        "cell": "HeLa",
        "preparation": "High pressure freezing",
        "segmentations": ("mito_seg",),
        "publication_url": "https://doi.org/10.1038/s41586-021-03992-4",
        "doi": "10.1038/s41586-021-03992-4",
        "data_doi": "10.25378/janelia.13114211",
        "citation": "HHMI/Janelia. A cell. OpenOrganelle, cell. "
        "https://doi.org/10.25378/janelia.13114211",
        "acquired": "2017-06-21",
    }
    assert record.conflicts() == ()
    assert {claim.source for claim in record.claims} == {"api"}
    # the second paper is kept, with a doubt
    assert {claim.field for claim in record.doubts()} == {"doi", "publication_url"}


def test_a_negative_scale_is_a_note() -> None:
    document = manifest(fibsem_uint8=[5.24, -4.0, 4.0])
    document["metadata"]["imaging"] = {}
    record = said("openorganelle", document)
    assert size(record) == [5.24, 4.0, 4.0]
    (note,) = of(record, "note")
    assert note.value == ("shown against the order of the voxels: y from 6400 by -4 nm")
    assert note.locator == f"{URL}#sources.fibsem-uint8.transform.scale"


def test_a_source_that_disagrees_with_the_acquisition_is_a_conflict() -> None:
    record = said("openorganelle", manifest(fibsem_uint8=[4.0, 4.0, 4.0]))
    assert [c.field for c in record.conflicts()] == ["voxel_size_z"]


def test_the_path_in_the_bucket_chooses_the_image() -> None:
    images = manifest(fibsem_uint8=[5.24, -4.0, 4.0], fibsem_uint16=[5.24, 4.0, 4.0])
    several = said("openorganelle", images)
    assert several.value("format") is None  # nobody said which one is meant
    assert len(of(several, "voxel_size_y")) == 3
    one = said("openorganelle", images, f"{URL}#cell/cell.n5/em/fibsem_uint16")
    assert one.value("pixel_type") == "uint16"
    assert one.value("note") is None
    other = said("openorganelle", images, f"{URL}#cell/cell.zarr/recon-1/em/x")
    assert other.value("pixel_type") is None


@pytest.mark.parametrize("scale", [0, True, None, "wide", [4], 1e12, 10**400])
def test_a_scale_that_is_none_is_not_believed(scale: Any) -> None:
    document = manifest(fibsem_uint8=[5.24, 4.0, scale])
    document["metadata"]["imaging"] = {}
    record = said("openorganelle", document)
    assert size(record) == [5.24, 4.0, None]
    assert len(record.about("voxel_size_x")) == (0 if scale is None else 1)


@pytest.mark.parametrize("axes", [["x", "y", "z"], ["z", "x", "y"]])
def test_axes_are_taken_as_they_are_named(axes: list[str]) -> None:
    document = manifest(fibsem_uint8=[1.0, 2.0, 3.0])
    document["metadata"]["imaging"] = {}
    document["sources"]["fibsem-uint8"]["transform"]["axes"] = axes
    record = said("openorganelle", document)
    named = dict(zip(axes, [1.0, 2.0, 3.0], strict=True))
    assert size(record) == [named[axis] for axis in "zyx"]


@pytest.mark.parametrize(
    "axes", [None, "zyx", ["z", "z", "x"], ["a", "b", "c"], [[], {}, 1]]
)
def test_axes_that_are_not_named_have_no_size(axes: Any) -> None:
    document = manifest(fibsem_uint8=[1.0, 2.0, 3.0])
    document["metadata"]["imaging"] = {}
    document["sources"]["fibsem-uint8"]["transform"]["axes"] = axes
    record = said("openorganelle", document)
    expected = [None, None, 3.0] if axes == ["z", "z", "x"] else [None] * 3
    assert size(record) == expected


def test_what_nobody_filled_in_is_doubted() -> None:
    document = manifest()
    document["metadata"]["imaging"] |= {"primaryEnergy": 0, "current": 0, "scanRate": 0}
    record = said("openorganelle", document)
    unset = {"accelerating_voltage", "beam_current", "dwell_time"}
    assert unset <= {claim.field for claim in record.doubts()}
    assert not unset & {f for f in record.fields if record.value(f) is not None}


@pytest.mark.parametrize(
    "document", [{"metadata": {}}, {"metadata": [], "sources": {}}, {"sources": {}}]
)
def test_other_documents_are_no_manifest(document: object) -> None:
    with pytest.raises(FormatError, match="no manifest of OpenOrganelle"):
        said("openorganelle", document)


PAGE = {
    "Acquisition details": {
        "Imaging_start_date": " Mon Mar 09 2015",
        "Final_voxel_size_(nm)": " (4, 4, 2.96) (x, y, z)",
        "Dimensions_(nm)": " (10384, 10080, 1669.44) (x, y, z)",
        "Dataset_ID": " jrc_mus-nacc-2",
        "reconstructed_FIB-SEM_data": "https://doi.org/10.25378/janelia.24222898",
        "Nuclei_segmentations": "https://doi.org/10.25378/janelia.26513209",
        "Xu_et_al.,_2021": "https://doi.org/10.1038/s41586-021-03992-4",
        "Wu_et_al.,_2017": "https://doi.org/10.1073/pnas.1701078114",
        "Contact": "ann@lab.org",
    },
    "FIB-SEM parameters": {"Scan_rate_(MHz)": " 0.4", "Current_(nA)": " 0.22"},
}


@pytest.mark.parametrize("document", [PAGE, {"raw_metadata": PAGE}])
def test_a_page(document: object) -> None:
    record = said("openorganelle-page", document)
    assert {f: record.value(f) for f in record.fields} == {
        "source": "OpenOrganelle",
        "accession": "jrc_mus-nacc-2",
        "voxel_size_z": 2.96,
        "voxel_size_y": 4.0,
        "voxel_size_x": 4.0,
        "extent_z": 1669.44,
        "extent_y": 10080.0,
        "extent_x": 10384.0,
        "modality": "FIB-SEM",
        "dwell_time": 2.5,
        "beam_current": 0.22,
        "segmentations": ("nuclei: https://doi.org/10.25378/janelia.26513209",),
        "publication_url": "https://doi.org/10.1038/s41586-021-03992-4",
        "doi": "10.1038/s41586-021-03992-4",
        "data_doi": "10.25378/janelia.24222898",
        "acquired": "2015-03-09",
    }
    assert {claim.source for claim in record.claims} == {"page"}


def paged(text: str) -> Record:
    return said("openorganelle-page", {"A": {"Final_voxel_size_(nm)": text}})


def test_the_order_of_axes_is_that_of_the_text() -> None:
    assert size(paged("(2.96, 4, 5) (z, y, x)")) == [2.96, 4.0, 5.0]
    assert size(paged("(2.96, 4, 5) (y, z, x)")) == [4.0, 2.96, 5.0]


@pytest.mark.parametrize(
    "text",
    ["(4, 4, 2.96)", "(4, 4, 2.96) (x, y, y)", "4", "(4, 4) (x, y)", "x" * 10**5],
)
def test_without_an_order_nothing_is_believed(text: str) -> None:
    record = paged(text)
    assert size(record) == [None] * 3
    assert len(record.doubts()) == 3


def test_other_documents_are_no_page() -> None:
    with pytest.raises(FormatError, match="without facts of a page"):
        said("openorganelle-page", {"a": {"b": "c"}})

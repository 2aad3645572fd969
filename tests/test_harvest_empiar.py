"""EMPIAR's entries: angstrom, numbers as texts, several sets of images, free text."""

from __future__ import annotations

from typing import Any

import pytest

from archive_answers import DETAILS, empiar, xml
from emcatalog.errors import ContentError, FormatError
from emcatalog.harvest import Evidence, understood
from emcatalog.harvest.empiar import claims
from emcatalog.record import Claim, Record

URL = "https://www.ebi.ac.uk/empiar/api/entry/EMPIAR-11759/"


def told(document: object, url: str = f"{URL}#data") -> Record:
    return Record(claims(document, url))


def of(record: Record, field: str) -> list[Claim]:
    return [claim for claim in record.claims if claim.field == field]


def test_an_entry() -> None:
    record = told(empiar())
    assert {f: record.value(f) for f in record.fields if f != "description"} == {
        "title": "Retina of a fish.",
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
        "citation": "Other A, Else B. Retina of a fish. EMPIAR, EMPIAR-11759. 2024. "
        "https://doi.org/10.6019/EMPIAR-11759",
        "released": "2024-01-15",
        "note": "EMPIAR's category is 'reconstructed volumes'",
    }
    assert record.conflicts() == record.doubts() == ()
    by_source = {claim.field for claim in record.claims if claim.source != "api"}
    assert by_source == {"download"}


def test_eighty_angstrom_are_eight_nanometres() -> None:
    size = of(told(empiar(details="")), "voxel_size_y")
    assert [(c.value, c.unit, c.locator) for c in size] == [
        (8.0, "nm", f"{URL}#EMPIAR-11759.imagesets.0.pixel_height")
    ]
    assert of(told(empiar(details="")), "voxel_size_z") == []


def test_free_text_is_named_as_such() -> None:
    record = told(empiar())
    (z,) = of(record, "voxel_size_z")
    place = f"{URL}#EMPIAR-11759.imagesets.0.details"
    assert z.locator == f"{place} (free text: '50nm per section (z)')"
    (description,) = of(record, "description")
    assert description.value == DETAILS.replace("somebody@lab.org.", "....")


@pytest.mark.parametrize(
    ("width", "value", "doubt"),
    [
        (5628, 5628, ""),
        ("5628", 5628, ""),
        (5628.0, 5628, ""),
        (" 5628 ", 5628, ""),
        ("five", "five", "'five' is not a number"),
        (0, 0, "0 is less than 1"),
        (-5, -5, "-5 is less than 1"),
        (0.5, 0.5, "less than 1"),
        (float("nan"), "nan", "finite"),
        (float("inf"), "inf", "finite"),
        (10**400, None, "finite"),
        (True, None, "not a"),
        ([5628, 1], "[5628, 1]", "it is an array or object"),
        ({"a": 1}, "{'a': 1}", "it is an array or object"),
    ],
)
def test_a_width_is_a_number_or_doubted(width: Any, value: Any, doubt: str) -> None:
    (claim,) = of(told(empiar(image_width=width)), "width")
    assert value is None or claim.value == value
    assert bool(claim.doubt) == bool(doubt)
    assert doubt in claim.doubt


@pytest.mark.parametrize("width", [None, "", " ", [], {}])
def test_a_silent_member_claims_nothing(width: Any) -> None:
    assert of(told(empiar(image_width=width)), "width") == []


@pytest.mark.parametrize("size", [0, -80, 1e10, "80 stones", float("nan")])
def test_absurd_pixels_are_doubted(size: Any) -> None:
    record = told(empiar(pixel_width=size, details=""))
    assert record.value("voxel_size_x") is None
    assert [c.field for c in record.doubts()] == ["voxel_size_x"]


@pytest.mark.parametrize(
    ("word", "pixel_type", "bits"),
    [
        ("UNSIGNED BYTE", "uint8", 8),
        ("SIGNED BYTE", "int8", 8),
        ("UNSIGNED 16 BIT INTEGER", "uint16", 16),
        ("SIGNED 16 BIT INTEGER", "int16", 16),
        ("UNSIGNED 32 BIT INTEGER", "uint32", 32),
        ("SIGNED 32 BIT INTEGER", "int32", 32),
        ("32 BIT FLOAT", "float32", 32),
        ("BIT", "bool", 1),
        ("4 BIT INTEGER", "4 BIT INTEGER", 4),
        ("crayon", "crayon", None),
    ],
)
def test_voxel_types(word: str, pixel_type: str, bits: int | None) -> None:
    record = told(empiar(voxel_type=word))
    assert record.value("pixel_type") == pixel_type
    assert record.value("bits") == bits


def several() -> dict[str, Any]:
    document = empiar(details="")
    entry = document["EMPIAR-11759"]
    first = entry["imagesets"][0]
    entry["imagesets"] += [
        first | {"directory": "data/tomograms", "pixel_width": 13.48},
        first | {"directory": "/data/frames/", "pixel_width": 3.3702},
    ]
    return document


@pytest.mark.parametrize(
    ("folder", "size"),
    [
        ("data/tomograms", 1.348),
        ("data/tomograms/TS_026", 1.348),
        ("data/frames", 0.33702),
        ("data/other", 8.0),
        ("data", 8.0),
    ],
)
def test_the_folder_chooses_the_set_of_images(folder: str, size: float) -> None:
    record = told(several(), f"{URL}#{folder}")
    assert record.value("voxel_size_x") == size
    assert record.doubts() == ()


@pytest.mark.parametrize(
    ("url", "doubt"),
    [
        (URL, "which of the 3 sets of images is meant is not told"),
        (f"{URL}#elsewhere", "no set of images of the entry is in the folder"),
    ],
)
def test_of_several_sets_none_is_picked_in_silence(url: str, doubt: str) -> None:
    record = told(several(), url)
    assert record.value("voxel_size_x") is None
    sizes = of(record, "voxel_size_x")
    assert [claim.value for claim in sizes] == [8.0, 1.348, 0.33702]
    assert all(claim.doubt.startswith(doubt) for claim in sizes)
    assert record.value("title") == "Retina of a fish."


def test_sets_without_a_folder() -> None:
    assert told(empiar(directory=None)).value("width") == 5628
    document = empiar()
    document["EMPIAR-11759"]["imagesets"] *= 500
    assert len(of(told(document, URL), "width")) == 20


def test_papers_of_an_entry() -> None:
    document = empiar()
    dois = [{"doi": "10.1000/first"}, {"doi": None}, {"doi": "doi:10.1000/second"}]
    document["EMPIAR-11759"]["citation"] = dois
    record = told(document)
    assert record.value("doi") == "10.1000/first"
    assert record.value("publication_url") == "https://doi.org/10.1000/first"
    assert [c.value for c in of(record, "doi") if c.doubt] == ["10.1000/second"]


def test_an_experiment_type_that_is_an_archive() -> None:
    document = empiar()
    document["EMPIAR-11759"]["experiment_type"] = "EMDB"
    record = told(document)
    assert record.value("modality") is None
    assert "not how it was imaged" in of(record, "modality")[0].doubt


@pytest.mark.parametrize(
    "document",
    [{"EMPIAR-1": 3}, {"EMPIAR-1": {}, "EMPIAR-2": {}}, {"title": "x"}, {"entry": {}}],
)
def test_other_documents_are_no_entry(document: object) -> None:
    with pytest.raises(FormatError, match="entries of EMPIAR"):
        claims(document, URL)


XML: dict[str, Any] = {
    "@accessionCode": "EMPIAR-11759",
    "admin": {
        "keyDates": {"releaseDate": "2024-01-15"},
        "title": "Retina of a fish.",
        "correspondingAuthor": {"lastName": "Ann"},
        "authorsList": {"author": [{"@order": "1", "#text": "Other A"}, "Else B"]},
        "entryDOI": "10.6019/EMPIAR-11759",
        "experimentType": "SBF-SEM",
    },
    "imageSet": {
        "directory": "/data",
        "category": "reconstructed volumes",
        "dataFormat": "DM3",
        "voxelType": "UNSIGNED BYTE",
        "dimensions": {
            "imageWidth": "5628",
            "pixelWidth": "80.0",
            "imageHeight": "5632",
            "pixelHeight": "80.0",
        },
        "details": DETAILS,
    },
}


def from_xml(text: str, url: str = f"{URL}#data") -> Record:
    return Record(understood(Evidence("empiar-xml", url), text.encode()))


def test_the_xml_says_what_the_api_says() -> None:
    text = xml("entry", XML, namespace="http://pdbe.org/empiar")
    record, other = from_xml(text), told(empiar())
    assert record.fields == other.fields
    for field in record.fields:
        assert record.value(field) == other.value(field), field
    (width,) = of(record, "width")
    assert width.locator == f"{URL}#entry.imageSet.dimensions.imageWidth"


def test_xml_with_several_sets() -> None:
    more = XML["imageSet"] | {"directory": "/data/more", "details": ""}
    text = xml("entry", XML | {"imageSet": [XML["imageSet"], more]})
    record = from_xml(text, f"{URL}#data/more")
    assert record.value("width") == 5628
    assert record.value("voxel_size_z") is None  # that stands in the other set


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("", FormatError, "text that is not XML"),
        ("<entry>", FormatError, "text that is not XML"),
        ("{}", FormatError, "text that is not XML"),
        ("<entry/>", FormatError, "entries of EMPIAR"),
        ("<html><body>log in</body></html>", ContentError, "an HTML page"),
        ("<!DOCTYPE html><html/>", ContentError, "an HTML page"),
        (
            '<!DOCTYPE e [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><e>&b;</e>',
            FormatError,
            "document type of its own",
        ),
        ("<a>" * 70 + "</a>" * 70, FormatError, "more than 64 deep"),
        ("<a>" * 50_000 + "</a>" * 50_000, FormatError, "deep"),
        ('<?xml version="1.0" encoding="none"?><entry/>', FormatError, "not XML"),
    ],
)
def test_other_xml_is_refused(text: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        from_xml(text)


def test_a_document_type_in_another_encoding_is_found_as_well() -> None:
    text = '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE a [<!ENTITY b "c">]><a/>'
    with pytest.raises(FormatError, match="document type of its own"):
        understood(Evidence("empiar-xml", URL), text.encode("utf-16"))

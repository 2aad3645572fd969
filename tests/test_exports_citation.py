"""How to cite, in words, BibTeX and CFF; DataCite; licences."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from emcatalog.errors import OptionError
from emcatalog.exports import citation, croissant, datacite, licence, ro_crate
from emcatalog.record import Claim, Record
from told_records import HEMIBRAIN, HIPPOCAMPUS, RECORDS, RETINA

bibtexparser = pytest.importorskip("bibtexparser")
schema45 = pytest.importorskip("datacite.schema45")

NOTHING = Record()


def cff(record: Record) -> Any:
    """The CITATION.cff of ``record``, which must be valid by the format's schema."""
    bundled = files("check_jsonschema") / "builtin_schemas/vendor"
    schema = json.loads(
        (bundled / "citation-file-format.json").read_text(encoding="utf-8")
    )
    document = yaml.safe_load(citation(record, "cff"))
    jsonschema.Draft7Validator(
        schema, format_checker=jsonschema.Draft7Validator.FORMAT_CHECKER
    ).validate(document)
    return document


def faults(document: dict[str, Any]) -> list[str]:
    """What DataCite's own schema finds wrong."""
    read = json.loads(json.dumps(document))
    return [error.message for error in schema45.validator.iter_errors(read)]


def entry(record: Record) -> dict[str, str]:
    """The fields of the BibTeX entry, with TeX undone."""
    undo = [bibtexparser.middlewares.LatexDecodingMiddleware()]
    library = bibtexparser.parse_string(
        citation(record, "bibtex"), append_middleware=undo
    )
    assert not library.failed_blocks
    (found,) = library.entries
    return {field.key: field.value for field in found.fields}


def test_words() -> None:
    assert citation(RETINA) == (
        "Developing retina in zebrafish (EMPIAR-11759). "
        "Data: https://doi.org/10.6019/EMPIAR-11759. Released 2024-01-15. "
        "Licence: CC0-1.0."
    )
    assert citation(HIPPOCAMPUS).endswith("Cite: Lucchi et al. 2013.")
    assert citation(NOTHING) == "volume."


def test_a_publication_is_cited_once() -> None:
    words = "Scheffer et al. 2020, eLife, doi:10.7554/elife.57443."
    record = HEMIBRAIN.with_claims((Claim("citation", words, "page"),))
    assert citation(record).endswith(f" Cite: {words}")
    assert citation(HEMIBRAIN).endswith(" Cite: https://doi.org/10.7554/eLife.57443.")


def test_bibtex_is_read_back() -> None:
    assert entry(RETINA) == {
        "title": "Developing retina in zebrafish",
        "year": "2024",
        "doi": "10.6019/EMPIAR-11759",
        "url": "https://doi.org/10.6019/EMPIAR-11759",
        "note": "Licence: CC0-1.0",
    }
    assert entry(HEMIBRAIN)["note"] == (
        "https://doi.org/10.7554/eLife.57443. Licence: as the page says"
    )
    assert "year" not in entry(HEMIBRAIN)


LETTERS = "ab19 .,:;()[]/+=<>|\\&%$#_~^µé"
"""What means something to TeX, and some that does not; braces are BibTeX's too."""


@given(st.text(LETTERS, min_size=1, max_size=30).filter(str.strip))
def test_bibtex_holds_any_title(title: str) -> None:
    record = Record((Claim("name", "a", "catalog"), Claim("title", title, "page")))
    # the decoder's circumflex and tilde are those of Unicode
    read = entry(record)["title"].translate({0x2C6: "^", 0x2DC: "~"})
    assert read.split() == title.split()


@given(st.text("a{}\\", min_size=1))
def test_bibtex_counts_braces(title: str) -> None:
    record = Record((Claim("title", title, "page"),))
    inside = citation(record, "bibtex").partition("title = ")[2]
    # it does so without regard to backslashes
    assert inside.count("{") + 1 == inside.count("}")
    assert entry(record)


def test_cff_is_valid_by_its_schema() -> None:
    full = cff(RETINA)
    assert full["type"] == "dataset"
    assert full["license"] == "CC0-1.0"
    assert full["doi"] == "10.6019/EMPIAR-11759"
    assert full["date-released"] == "2024-01-15"
    hippocampus = cff(HIPPOCAMPUS)
    assert "license" not in hippocampus
    assert hippocampus["message"].endswith("Lucchi et al. 2013.")
    # there is no place for a licence in words but the message
    assert "Licence: as the page says." in cff(HEMIBRAIN)["message"]
    assert cff(NOTHING)["title"] == "volume"


def test_a_second_of_release_is_a_day_for_cff() -> None:
    record = Record((Claim("released", "2024-01-15T10:20:30Z", "page"),))
    assert cff(record)["date-released"] == "2024-01-15"
    assert not faults(datacite(record))


def test_cff_leaves_out_a_date_that_is_not_a_day() -> None:
    record = Record((Claim("released", "2024", "page"),))
    assert "date-released" not in cff(record)
    assert entry(record)["year"] == "2024"


def test_datacite_is_valid_by_its_schema() -> None:
    document = datacite(RETINA)
    assert faults(document) == []
    assert document["publisher"] == {"name": "EMPIAR"}
    assert document["publicationYear"] == "2024"
    assert document["sizes"] == ["16 x 5500 x 5496 voxels (z, y, x)"]
    (right,) = document["rightsList"]
    assert right["rightsIdentifier"] == "CC0-1.0"
    technical = document["descriptions"][-1]
    assert technical["descriptionType"] == "TechnicalInfo"
    assert (
        "voxel size z 50.0 nm; the data's own file (Slice thickness, 2025-06-11)"
        in technical["description"]
    )


@pytest.mark.parametrize("record", [HIPPOCAMPUS, HEMIBRAIN, NOTHING])
def test_datacite_says_what_is_not_available(record: Record) -> None:
    document = datacite(record)
    assert document["creators"] == [{"name": ":unav"}]
    assert document["publisher"] == {"name": ":unav"}
    # a year has no code for being unknown, and is not made up
    assert faults(document) == ["'publicationYear' is a required property"]


def test_datacite_names_the_publication() -> None:
    assert datacite(HEMIBRAIN)["relatedIdentifiers"] == [
        {
            "relatedIdentifier": "10.7554/eLife.57443",
            "relatedIdentifierType": "DOI",
            "relationType": "IsDescribedBy",
        }
    ]
    page = Record((Claim("publication_url", "https://a.org/paper", "page"),))
    (found,) = datacite(page)["relatedIdentifiers"]
    assert (found["relatedIdentifierType"], found["relatedIdentifier"]) == (
        "URL",
        "https://a.org/paper",
    )


@pytest.mark.parametrize(
    ("told", "spdx", "place"),
    [
        ("CC BY 4.0", "CC-BY-4.0", "https://creativecommons.org/licenses/by/4.0/"),
        ("cc-by-nc-sa 3.0", "CC-BY-NC-SA-3.0",
         "https://creativecommons.org/licenses/by-nc-sa/3.0/"),
        ("http://creativecommons.org/licenses/by-sa/4.0/legalcode", "CC-BY-SA-4.0",
         "https://creativecommons.org/licenses/by-sa/4.0/"),
        ("https://creativecommons.org/licenses/by/4.0/deed.en", "CC-BY-4.0",
         "https://creativecommons.org/licenses/by/4.0/"),
        ("https://spdx.org/licenses/CC-BY-4.0.html", "CC-BY-4.0",
         "https://creativecommons.org/licenses/by/4.0/"),
        ("CC0", "CC0-1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0",
         "https://creativecommons.org/publicdomain/zero/1.0/"),
        ("ODbL-1.0", "ODbL-1.0", "https://spdx.org/licenses/ODbL-1.0.html"),
        ("https://a.org/terms", "", "https://a.org/terms"),
        ("CC BY", "", ""),
        ("CC BY 4.1", "", ""),
        ("not CC BY 4.0", "", ""),
        ("CC BY 4.0 for the images", "", ""),
        ("ask the authors", "", ""),
    ],
)  # fmt: skip
def test_licences(told: str, spdx: str, place: str) -> None:
    found = licence(told)
    assert (found.told, found.spdx, found.url) == (told, spdx, place)
    assert found.name == (spdx or told)


def test_licences_are_those_of_spdx() -> None:
    schema = json.loads(
        (
            files("check_jsonschema")
            / "builtin_schemas/vendor/citation-file-format.json"
        ).read_text(encoding="utf-8")
    )
    known = set(schema["definitions"]["license-enum"]["enum"])
    kinds = ("BY", "BY-NC", "BY-NC-ND", "BY-NC-SA", "BY-ND", "BY-SA")
    names = [f"CC-{kind}-{version}.0" for kind in kinds for version in (1, 2, 3, 4)]
    for name in (*names, "CC0-1.0", "MIT", "Apache-2.0", "PDDL-1.0", "ODC-By-1.0"):
        assert licence(name).spdx == name
        assert name in known


def test_an_unknown_form_is_named() -> None:
    with pytest.raises(OptionError, match="'bib' of a citation"):
        citation(RETINA, "bib")  # type: ignore[arg-type]  # what a caller may write


SIGNED = "https://me:hush@a.org/v.tif?X-Amz-Signature=hush"
WORDS = ("title", "description", "citation", "licence", "preparation", "tissue")
MAIL = "ask a.person@lab.example"


def every_export(record: Record) -> str:
    texts = [citation(record, form) for form in ("text", "bibtex", "cff")]
    documents = [croissant([record]), ro_crate([record]), datacite(record)]
    return "\n".join([*texts, *(json.dumps(d) for d in documents)])


def test_neither_contacts_nor_secrets_nor_losers_are_exported() -> None:
    record = Record(
        (
            *(Claim(field, f"{field}: {MAIL}", "page") for field in WORDS),
            Claim("url", SIGNED, "catalog", "urlpath"),
            Claim("publication_url", SIGNED, "page"),
            Claim("voxel_size_z", 50.0, "file", f"{SIGNED} {MAIL}", "nm"),
            Claim("voxel_size_z", 81.25, "secondary", "loser", "nm"),
            Claim("organism", "Mus musculus", "api"),
            Claim("organism", "Danio rerio", "secondary"),
        )
    )
    text = every_export(record)
    assert "50.0" in text
    for hidden in ("person", "hush", "81.25", "loser", "Danio"):
        assert hidden not in text


@pytest.mark.parametrize("record", [*RECORDS, NOTHING])
def test_exports_are_the_same_each_time(record: Record) -> None:
    assert every_export(record) == every_export(record)

"""Whatever words a record has, others' libraries read every export of it."""

from __future__ import annotations

import json
from importlib.resources import files

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from emcatalog.exports import citation, croissant, datacite, ro_crate
from emcatalog.record import Claim, Record

mlcroissant = pytest.importorskip("mlcroissant")
rocrate = pytest.importorskip("rocrate.rocrate")
schema45 = pytest.importorskip("datacite.schema45")
bibtexparser = pytest.importorskip("bibtexparser")

pytestmark = pytest.mark.filterwarnings(
    "ignore:ConjunctiveGraph is deprecated:DeprecationWarning",  # rdflib's own
    "ignore:.* does not look like a valid URI:UserWarning",
)

FIELDS = (
    "name", "title", "source", "accession", "description", "organism", "tissue",
    "licence", "citation", "publication_url", "format", "url", "modality", "doi",
)  # fmt: skip

words = st.dictionaries(st.sampled_from(FIELDS), st.text(min_size=1, max_size=40))
records = words.map(
    lambda told: Record(tuple(Claim(f, value, "page") for f, value in told.items()))
)
few = settings(max_examples=30, deadline=None)  # importing the libraries takes long


@few
@given(records)
def test_croissant(record: Record) -> None:
    document = json.loads(json.dumps(croissant([record])))
    dataset = mlcroissant.Dataset(jsonld=document)
    assert not dataset.metadata.ctx.issues.errors
    assert len(list(dataset.records("volumes"))) == 1


@few
@given(records)
def test_ro_crate(record: Record) -> None:
    document = json.loads(json.dumps(ro_crate([record])))
    (part,) = document["@graph"][1]["hasPart"]
    assert rocrate.ROCrate(document).get(part["@id"])["name"]


@few
@given(records)
def test_datacite(record: Record) -> None:
    document = json.loads(json.dumps(datacite(record)))
    faults = [error.message for error in schema45.validator.iter_errors(document)]
    assert faults == ["'publicationYear' is a required property"]


@few
@given(records)
def test_citations(record: Record) -> None:
    place = "builtin_schemas/vendor/citation-file-format.json"
    schema = json.loads((files("check_jsonschema") / place).read_text("utf-8"))
    document = yaml.safe_load(citation(record, "cff"))
    jsonschema.Draft7Validator(schema).validate(document)
    library = bibtexparser.parse_string(citation(record, "bibtex"))
    assert not library.failed_blocks
    assert len(library.entries) == 1

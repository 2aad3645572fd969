"""Records as JSON: written, read back, and told apart from what is none."""

from __future__ import annotations

import json

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emcatalog.errors import FormatError
from emcatalog.record import FIELDS, MEASURED, Claim, Record, schema
from record_claims import lists


@settings(max_examples=40, deadline=None, derandomize=True)
@given(lists)
def test_through_json_and_back(told: tuple[Claim, ...]) -> None:
    record = Record(told)
    document = json.loads(json.dumps(record.to_json(), allow_nan=False))
    again = Record.from_json(document)
    assert again == record
    assert [c.time for c in again.claims] == [c.time for c in record.claims]
    jsonschema.validate(document, schema())


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("<html>", "'<html>' in place of a record; expected a list 'claims'"),
        ({"claims": {}}, "in place of a record"),
        ({"claims": [5]}, r"claims\[0\] = 5; expected members"),
        ({"claims": [{"field": "title", "value": "a"}]}, "the source ''"),
        ({"claims": [{"field": "titel", "value": 1, "source": "file"}]}, "'title'"),
        ({"claims": [{"field": "title", "value": {}, "source": "api"}]}, "value = {}"),
        ({"claims": [{"field": "title", "value": 1, "source": 2}]}, "texts as"),
        ({"claims": [{"field": "title", "valeu": 1, "source": "api"}]}, "members"),
    ],
)
def test_damaged_documents_are_named(document: object, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        Record.from_json(document)


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=6,
)
members = st.fixed_dictionaries(
    {"field": st.one_of(st.sampled_from(list(FIELDS)), json_values)},
    optional={
        "value": json_values,
        "source": st.one_of(st.sampled_from(MEASURED), json_values),
        "unit": st.one_of(st.sampled_from(["nm", "V", "x"]), json_values),
        "doubt": json_values,
    },
)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(
    st.one_of(json_values, st.lists(members, max_size=3).map(lambda r: {"claims": r}))
)
def test_any_document_is_a_record_or_refused(document: object) -> None:
    try:
        record = Record.from_json(document)
    except FormatError:
        return
    jsonschema.validate(record.to_json(), schema())

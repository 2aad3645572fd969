"""Whatever an archive answers: claims, or an error of ours."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive_answers import empiar, manifest, xml
from emcatalog.errors import EmcatalogError
from emcatalog.harvest import KINDS, Evidence, understood
from emcatalog.record import Record
from test_harvest_empiar import XML
from test_harvest_idr import DESCRIBED, STUDY, TABLE, image
from test_harvest_organelles import PAGE
from test_harvest_viewers import STATE

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.sampled_from([0, -1, 10**400, "", "0", "-8", "1e999", "nm", "2018", "10.1/x"])
    | st.floats()
    | st.text(max_size=8)
)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner)
    ),
    max_leaves=12,
)
DVID = {
    "Extended": {
        "MinPoint": [0, 0, 0],
        "MaxPoint": [9, 9, 9],
        "BlockSize": [64, 64, 64],
        "VoxelSize": [8, 8, 8],
        "VoxelUnits": ["nanometers"] * 3,
        "Values": [{"DataType": "uint8"}],
    }
}
SIZE = {"PhysicalSizeX": {"Value": 0.02, "Unit": "MICROMETER", "Symbol": "um"}}
SOUND: dict[str, Any] = {
    "empiar": empiar(),
    "omero": {"data": image(**SIZE)},
    "omero-annotations": {"annotations": [{"values": STUDY}]},
    "openorganelle": manifest(fibsem_uint8=[5.24, -4.0, 4.0]),
    "openorganelle-page": {"raw_metadata": PAGE},
    "neuroglancer": STATE,
    "dvid": DVID,
}
TEXTS = {
    "empiar-xml": xml("entry", XML),
    "idr-table": TABLE,
    "idr-study": DESCRIBED,
}
URL = "https://a.org/x#data"


def holds(kind: str, data: bytes) -> None:
    """The law: claims that a record can keep as JSON, or an error of ours."""
    try:
        claims = understood(Evidence(kind, URL), data)
    except EmcatalogError:
        return
    record = Record(claims)
    assert json.loads(json.dumps(record.to_json()))
    assert all(len(claim.locator) < 4000 for claim in claims)
    for conflict in record.conflicts():
        assert conflict.why


def paths(document: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document."""
    found = [here]
    if isinstance(document, dict):
        found += [p for k, v in document.items() for p in paths(v, (*here, k))]
    if isinstance(document, list):
        found += [p for n, v in enumerate(document) for p in paths(v, (*here, n))]
    return found


def spoiled(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The document with another value at ``path``."""
    if not path:
        return value
    whole = copy.deepcopy(document)
    part = whole
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    return whole


def test_every_kind_is_tried() -> None:
    assert set(SOUND) | set(TEXTS) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_sound_documents_say_something(kind: str) -> None:
    data = json.dumps(SOUND[kind]) if kind in SOUND else TEXTS[kind]
    url = "https://a.org/x#a.tif" if kind == "idr-table" else URL
    assert len(understood(Evidence(kind, url), data.encode())) > 3


@pytest.mark.parametrize("kind", SOUND)
@settings(max_examples=40)
@given(document=DOCUMENTS)
def test_any_json(kind: str, document: Any) -> None:
    holds(kind, json.dumps(document).encode())


@pytest.mark.parametrize("kind", SOUND)
@settings(max_examples=80)
@given(data=st.data())
def test_any_value_anywhere(kind: str, data: st.DataObject) -> None:
    document = SOUND[kind]
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(paths(document)))
        document = spoiled(document, path, data.draw(DOCUMENTS))
    holds(kind, json.dumps(document).encode())


@pytest.mark.parametrize("kind", SOUND)
def test_each_kind_of_value_everywhere(kind: str) -> None:
    for path in paths(SOUND[kind]):
        for value in (
            None,
            True,
            0,
            -1,
            "",
            "x",
            [],
            {},
            [[]],
            [None],
            {"a": 1},
            1e300,
        ):
            holds(kind, json.dumps(spoiled(SOUND[kind], path, value)).encode())


@pytest.mark.parametrize("kind", SOUND)
def test_claims_of_a_long_document_are_not_long(kind: str) -> None:
    for path in paths(SOUND[kind]):
        for value in ("x " * 50_000, [0] * 50_000, {"x" * 10**5: "y" * 10**5}):
            data = json.dumps(spoiled(SOUND[kind], path, value)).encode()
            try:
                claims = understood(Evidence(kind, URL), data)
            except EmcatalogError:
                continue
            assert sum(len(repr(claim)) for claim in claims) < 60_000, path


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40)
@given(data=st.binary(max_size=200))
def test_any_bytes(kind: str, data: bytes) -> None:
    holds(kind, data)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=50)
@given(data=st.data())
def test_any_damage(kind: str, data: st.DataObject) -> None:
    text = json.dumps(SOUND[kind]) if kind in SOUND else TEXTS[kind]
    whole = bytearray(text.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place : place + 1] = data.draw(st.binary(max_size=3))
    holds(kind, bytes(whole))

"""Evidence is found by the URL of the data, fetched, and refused where it is none."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.responses import JSONResponse

import servers
from archive_answers import empiar, manifest
from emcatalog import harvest as room
from emcatalog.errors import (
    ContentError,
    EmcatalogError,
    FormatError,
    NotFoundError,
    OptionError,
    UnreachableError,
)
from emcatalog.harvest import (
    KINDS,
    Evidence,
    declared_evidence,
    documents,
    evidence_for,
    harvest,
    understood,
)
from emcatalog.mirror import Mirrors
from emcatalog.record import Record
from emcatalog.transport import Transport
from servers.http_server import FaultyServer
from servers.omero_image import OmeroImage

ENTRY = "/empiar/api/entry/EMPIAR-11759/"
ORGANELLE = "/fibsem-metadata/stable/api/cell/manifest.json"
TRANSPORT = Transport(mirrors=Mirrors(), attempts=1)


@pytest.fixture(scope="module")
def running() -> Iterator[FaultyServer]:
    with servers.archive(
        {ENTRY: empiar(), ORGANELLE: json.dumps(manifest(fibsem_uint8=[5.24, 4, 4]))}
    ) as server:
        yield server


@pytest.fixture
def archive(running: FaultyServer) -> FaultyServer:
    running.faults.clear()
    running.forget()
    return running


def test_an_entry_is_fetched_once_and_stamped(archive: FaultyServer) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    claims = harvest(Evidence("empiar", f"{archive.url}{ENTRY}#data"), TRANSPORT)
    assert Record(claims).value("voxel_size_y") == 8.0
    (time,) = {claim.time for claim in claims}
    assert before <= datetime.fromisoformat(time) <= datetime.now(UTC)
    assert [(r.method, r.path) for r in archive.requests] == [("GET", ENTRY)]
    assert all(claim.locator.startswith(archive.url + ENTRY) for claim in claims)


def test_json_that_is_sent_as_text_is_json(archive: FaultyServer) -> None:
    claims = harvest(Evidence("openorganelle", archive.url + ORGANELLE), TRANSPORT)
    assert Record(claims).value("accession") == "cell"


def test_an_address_without_its_slash_is_redirected(archive: FaultyServer) -> None:
    claims = harvest(Evidence("empiar", archive.url + ENTRY.rstrip("/")), TRANSPORT)
    assert Record(claims).value("accession") == "EMPIAR-11759"


def test_what_an_omero_server_knows() -> None:
    told = (("Organism", "Homo sapiens"), ("Cell Line", "U2OS"))
    pixels = np.zeros((1, 1, 3, 4, 5), np.uint8)
    image = OmeroImage(pixels, (0.02, 0.02, 0.02), image_id=7, annotations=told)
    with servers.omero(image) as server:
        evidence = evidence_for(server.url, "idr", {"image_id": 7})
        claims = [claim for e in evidence for claim in harvest(e, TRANSPORT)]
    record = Record(tuple(claims))
    assert [record.value(f) for f in ("depth", "height", "width")] == [3, 4, 5]
    assert [record.value(f"voxel_size_{axis}") for axis in "zyx"] == [20.0] * 3
    assert [record.value(f) for f in ("organism", "cell")] == ["Homo sapiens", "U2OS"]
    assert {c.source for c in claims} == {"server", "api"}
    assert record.conflicts() == ()


def test_no_word_of_a_person_but_authors(archive: FaultyServer) -> None:
    for kind, path in (("empiar", ENTRY), ("openorganelle", ORGANELLE)):
        claims = harvest(Evidence(kind, archive.url + path), TRANSPORT)
        text = " ".join(f"{claim.value} {claim.locator}" for claim in claims)
        assert "@" not in text
        assert "Ann" not in text


@pytest.mark.parametrize("kind", KINDS)
def test_a_login_page_is_no_evidence(archive: FaultyServer, kind: str) -> None:
    archive.faults.add(servers.login_page)
    with pytest.raises(ContentError, match="got an HTML page") as caught:
        harvest(Evidence(kind, archive.url + ENTRY), TRANSPORT)
    assert archive.url + ENTRY in str(caught.value)


JSON_KINDS = [k for k in KINDS if k not in ("empiar-xml", "idr-table", "idr-study")]
REFUSED: dict[str, tuple[object, type[EmcatalogError], str]] = {
    "exception": ({"Exception": "no pixels", "id": 7}, FormatError, "no pixels"),
    "busy": ({"ConcurrencyException": {"backOff": 9}}, UnreachableError, "is busy"),
    "detail": ({"detail": "Not found"}, FormatError, "detail: 'Not found'"),
    "message": ({"message": "Image 7 not found"}, FormatError, "Image 7 not found"),
    "array": ([1, 2], FormatError, "JSON"),
    "empty array": ([], FormatError, "JSON"),
    "empty object": ({}, FormatError, "JSON"),
    "null": (None, FormatError, "JSON"),
    "text": ("no", FormatError, "JSON"),
    "number": (1, FormatError, "JSON"),
}


@pytest.mark.parametrize("kind", JSON_KINDS)
@pytest.mark.parametrize("name", REFUSED)
def test_other_json_is_refused(archive: FaultyServer, kind: str, name: str) -> None:
    document, error, message = REFUSED[name]
    archive.faults.add(servers.respond(JSONResponse(document)))
    with pytest.raises(error, match=re.escape(message)) as caught:
        harvest(Evidence(kind, archive.url + ENTRY), TRANSPORT)
    assert str(caught.value).startswith(archive.url)


@pytest.mark.parametrize("kind", JSON_KINDS)
@pytest.mark.parametrize("data", [b"", b"{", b'{"a": 1', b"\xff\xfe", b"9" * 5000])
def test_damaged_json_is_refused(kind: str, data: bytes) -> None:
    with pytest.raises(FormatError, match=r"https://a\.org/x"):
        understood(Evidence(kind, "https://a.org/x"), data)


def test_a_name_with_two_values_is_refused() -> None:
    twice = b'{"EMPIAR-1": {"title": "%s", "title": "%s"}}'
    evidence = Evidence("empiar", "https://a.org/x")
    with pytest.raises(FormatError, match="'title' stands twice in an object"):
        understood(evidence, twice % (b"a", b"b"))
    assert understood(evidence, twice % (b"a", b"a"))[0].value == "EMPIAR-1"


@pytest.mark.parametrize("deep", ['[{"a":', "["])
def test_json_that_is_too_deep_is_refused(deep: str) -> None:
    for depth in (70, 2000, 200_000):
        with pytest.raises(FormatError):
            understood(Evidence("omero", "https://a.org/x"), (deep * depth).encode())
    closed = b"[" * 70 + b"]" * 70
    with pytest.raises(FormatError, match="more than 64 deep"):
        understood(Evidence("omero", "https://a.org/x"), closed)


def test_what_is_not_there_is_not_found(archive: FaultyServer) -> None:
    with pytest.raises(NotFoundError, match="EMPIAR-1/"):
        harvest(Evidence("empiar", f"{archive.url}/EMPIAR-1/"), TRANSPORT)


def test_half_an_answer_is_none(archive: FaultyServer) -> None:
    archive.faults.add(servers.truncate(lost=10))
    with pytest.raises(EmcatalogError, match=re.escape(archive.url)):
        harvest(Evidence("empiar", archive.url + ENTRY), TRANSPORT)


def test_a_document_has_a_largest_size(
    archive: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "LIMIT", 100)
    with pytest.raises(ContentError, match="at most 100"):
        harvest(Evidence("empiar", archive.url + ENTRY), TRANSPORT)


def test_secrets_of_an_address_are_not_written() -> None:
    url = "https://me:word@a.org/annotations/?type=map&image=3&token=hidden&x=also#part"
    told = {"annotations": [{"values": [["Organism", "Homo sapiens"]]}]}
    claims = understood(Evidence("omero-annotations", url), json.dumps(told).encode())
    (claim,) = claims
    assert claim.locator == (
        "https://a.org/annotations/?type=map&image=3#annotations.0.values.0 (Organism)"
    )


def test_evidence_may_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "entry.json").write_text(json.dumps(empiar()), "utf-8")
    claims = harvest(Evidence("empiar", f"{tmp_path}/entry.json#data"), TRANSPORT)
    assert Record(claims).value("data_doi") == "10.6019/EMPIAR-11759"


EMPIAR = "https://ftp.ebi.ac.uk/empiar/world_availability"
API = "https://www.ebi.ac.uk/empiar/api/entry/EMPIAR"
MANIFESTS = "https://raw.githubusercontent.com/janelia-cosem/fibsem-metadata/stable/api"
HELA = f"{MANIFESTS}/jrc_hela-2/manifest.json"
IDR = "https://idr.openmicroscopy.org"
FOUND: list[tuple[Any, str, dict[str, Any], list[tuple[str, str]]]] = [
    (
        f"{EMPIAR}/11759/data/F57_slice_{{0000..0015}}.dm3", "dm3", {},
        [("empiar", f"{API}-11759/#data")],
    ),
    (
        "ftp://ftp.ebi.ac.uk/empiar/world_availability/10982/data/a%20b/c.tif", "tiff",
        {}, [("empiar", f"{API}-10982/#data/a%20b")],
    ),
    ([f"{EMPIAR}/1/data/a.tif", "b.tif"], "tiff", {}, [("empiar", f"{API}-1/#data")]),
    (f"{EMPIAR}/1/data/a.tif?key=a/b", "tiff", {}, [("empiar", f"{API}-1/#data")]),
    (f"{EMPIAR}/1", "tiff", {}, [("empiar", f"{API}-1/")]),
    (
        "s3://janelia-cosem-datasets/jrc_hela-2/jrc_hela-2.n5/em/fibsem-uint16", "ngff",
        {},
        [("openorganelle", f"{HELA}#jrc_hela-2/jrc_hela-2.n5/em/fibsem-uint16")],
    ),
    (
        "precomputed://https://janelia-cosem-datasets.s3.amazonaws.com/jrc_hela-3/em",
        "precomputed", {},
        [("openorganelle", f"{MANIFESTS}/jrc_hela-3/manifest.json#jrc_hela-3/em")],
    ),
    (
        f"{IDR}/", "idr", {"image_id": 9846137, "route": "file"},
        [
            ("omero", f"{IDR}/api/v0/m/images/9846137/"),
            (
                "omero-annotations",
                f"{IDR}/webclient/api/annotations/?type=map&image=9846137",
            ),
        ],
    ),
    (IDR, "idr", {"image_id": "7"}, [
        ("omero", f"{IDR}/api/v0/m/images/7/"),
        ("omero-annotations", f"{IDR}/webclient/api/annotations/?type=map&image=7"),
    ]),
    (IDR, "idr", {"image_id": "{{ id }}"}, []),
    (IDR, "idr", {}, []),
    ("gs://neuroglancer-janelia-flyem-hemibrain/emdata/raw", "precomputed", {}, []),
    ("s3://other/janelia-cosem-datasets/x", "ngff", {}, []),
    ("/data/empiar/slices/*.dm3", "dm3", {}, []),
    ("", "dm3", {}, []),
    ([], "dm3", {}, []),
    (None, "dm3", {}, []),
]  # fmt: skip


@pytest.mark.parametrize(("urlpath", "driver", "options", "expected"), FOUND)
def test_evidence_follows_from_where_the_data_lies(
    urlpath: Any, driver: str, options: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    found = evidence_for(urlpath, driver, options)
    assert [(evidence.kind, evidence.url) for evidence in found] == expected


def test_an_entry_names_further_evidence() -> None:
    rows = [{"kind": "dvid", "url": "https://a.org/info"}]
    assert declared_evidence(rows) == (Evidence("dvid", "https://a.org/info"),)
    assert declared_evidence(None) == declared_evidence([]) == ()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("https://a.org", "expected a list of {kind"),
        ([{"kind": "dvid"}], "expected a list of {kind"),
        ([{"kind": "dvid", "url": "x", "more": 1}], "expected a list of {kind"),
        ([{"kind": "empier", "url": "x"}], "did you mean 'empiar'"),
        ([{"kind": 3, "url": "x"}], "evidence of the kind 3"),
        ([{"kind": "dvid", "url": ""}], "expected the URL of a document"),
        ([{"kind": "dvid", "url": 5}], "evidence at 5"),
    ],
)
def test_evidence_that_is_wrongly_declared(rows: object, message: str) -> None:
    with pytest.raises(OptionError, match=re.escape(message)):
        declared_evidence(rows)


def test_every_kind_has_a_reader() -> None:
    assert set(KINDS) == set(room._READERS)

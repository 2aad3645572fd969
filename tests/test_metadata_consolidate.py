"""One entry -> one record: what the data says, what its author declares, snapshots."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

import archive_answers
import servers
from emcatalog.catalog import VolumeCatalog
from emcatalog.driver import VolumeSource
from emcatalog.errors import NotFoundError, OptionError, UnreachableError
from emcatalog.metadata.columns import ALL
from emcatalog.metadata.consolidate import Reader, consolidated, merged
from emcatalog.metadata.reading import Reading, read
from emcatalog.metadata.snapshot import snapshots
from emcatalog.metadata.table import row
from emcatalog.mirror import use_mirror
from emcatalog.record import Claim
from metadata_files import REMOTE, catalog, described, entry, keep, store, tiff

__all__ = ["store"]
pytestmark = pytest.mark.usefixtures("store")

NOWHERE = "https://nowhere.invalid/a.tif"
ENTRY = "/empiar/api/entry/EMPIAR-11759/"


@pytest.fixture
def shut(monkeypatch: pytest.MonkeyPatch) -> None:
    """No source can be opened and no archive asked."""

    def refuse(*_: object, **__: object) -> None:
        pytest.fail("something was opened")

    monkeypatch.setattr(VolumeSource, "opened", refuse)
    monkeypatch.setattr("emcatalog.metadata.reading.harvest", refuse)


def test_a_new_dataset_gets_the_same_row_without_code(tmp_path: Path) -> None:
    place = tiff(tmp_path / "a.tif")
    told = {"organism": "mouse", "organ": "brain", "modality": "FIBSEM"}
    found = row("mine", described(catalog(tmp_path, mine=entry(place, told))).record)
    assert set(found) == set(ALL)
    assert {c: found[c] for c in ("name", "url", "depth", "height", "width")} == {
        "name": "mine", "url": str(place), "depth": 5, "height": 6, "width": 7,
    }  # fmt: skip
    assert found["pixel_type"] == "uint8"
    assert found["pixel_size_in_nm"] == "20, 20, 20"
    assert (found["species"], found["taxon_id"]) == ("Mus musculus", 10090)
    assert (found["experiment_type"], found["organ"]) == ("FIB-SEM", "brain")
    assert found["extent_z"] == 100.0
    assert found["publication_url"] is None


def test_a_voxel_size_that_is_declared_wrongly_is_found(tmp_path: Path) -> None:
    place = tiff(tmp_path / "a.tif")
    own = catalog(tmp_path, mine=entry(place, voxel_size_nm=[20, 20, 22]))
    (conflict,) = described(own).record.conflicts()
    assert (conflict.field, conflict.winner.value) == ("voxel_size_x", 20.0)
    assert [(c.value, c.source) for c in conflict.losers] == [(22.0, "catalog")]
    assert conflict.winner.source == "file"
    assert conflict.winner.locator
    assert date.fromisoformat(conflict.winner.time) <= datetime.now(UTC).date()
    assert "trusted before" in conflict.why


def test_what_is_read_tells_the_url_and_the_tag(tmp_path: Path) -> None:
    place = tiff(tmp_path / "a.tif")
    claim = described(catalog(tmp_path, mine=entry(place))).record.winner("depth")
    assert claim is not None
    url, _, tag = claim.locator.partition("#")
    assert url == str(place)
    assert tag


def test_what_only_the_author_declares_is_imputed(tmp_path: Path) -> None:
    place = tiff(tmp_path / "a.tif", nm=50)
    own = catalog(tmp_path, mine=entry(place, {"section_thickness": 60}))
    assert row("mine", described(own).record)["imputed"] == ("section_thickness",)


def test_an_author_who_tells_a_url_is_not_in_conflict_with_himself(
    tmp_path: Path,
) -> None:
    place, page = tiff(tmp_path / "a.tif"), "https://a.org/where-it-was-found"
    own = catalog(tmp_path, mine=entry(place, {"url": page}))
    for record in (described(own).record, own.mine.record):
        assert (record.value("url"), record.value("protocol")) == (page, "file")
        assert not record.conflicts()


def test_a_taxon_that_is_not_the_organism_s_is_found(tmp_path: Path) -> None:
    place = tiff(tmp_path / "a.tif")
    own = catalog(tmp_path, mine=entry(place, {"organism": "mouse", "taxon_id": 9606}))
    for record in (described(own).record, own.mine.record):
        (conflict,) = record.conflicts()
        assert conflict.winner.value == 9606
        (loser,) = conflict.losers
        assert (loser.value, loser.locator) == (10090, "organism Mus musculus")


def test_lengths_follow_from_a_declared_voxel_size_also_with_a_snapshot(
    tmp_path: Path, shut: None
) -> None:
    own = catalog(tmp_path, mine=entry(REMOTE, voxel_size_nm=[50, 8, 8]))
    keep(own.mine, Claim("depth", 16, "file"), Claim("width", 100, "api"))
    record = described(own).record
    assert record.value("extent_z") == 800.0
    assert record.value("extent_x") == 800.0
    assert record.value("extent_y") is None
    claim = record.winner("extent_z")
    assert claim is not None
    assert claim.source == "catalog"


def test_a_snapshot_is_enough_and_the_author_is_heard_as_of_now(
    tmp_path: Path, shut: None
) -> None:
    depth = Claim("depth", 16, "file", "16 files", time="2025-06-11")
    own = catalog(tmp_path, mine=entry(REMOTE, {"organ": "eye"}))
    keep(own.mine, depth, depth="Counted twice.")
    found = described(own)
    assert (found.taken, found.troubles) == ("snapshot", ())
    assert found.record.winner("depth") == depth
    assert found.record.value("organ") == "eye"
    assert found.explain("depth").why.endswith(". Counted twice.")
    changed = catalog(tmp_path, mine=entry(REMOTE, {"organ": "brain"}))
    assert described(changed).record.value("organ") == "brain"


def test_a_snapshot_belongs_to_data_not_to_a_name(tmp_path: Path, shut: None) -> None:
    first = catalog(tmp_path, mine=entry(REMOTE))
    keep(first.mine, Claim("depth", 16, "file"))
    other = entry(REMOTE, voxel_size_nm=[9, 9, 9], level=0)
    own = catalog(tmp_path, renamed=other, elsewhere=entry(NOWHERE))
    assert described(own, "renamed").record.value("depth") == 16
    assert described(own, "elsewhere", remote=False).record.value("depth") is None


def test_a_host_that_does_not_answer(tmp_path: Path) -> None:
    """What the catalog knows is there all the same, and the trouble is told."""
    own = catalog(tmp_path, mine=entry("http://127.0.0.1:9/a.tif", {"organ": "eye"}))
    found = described(own)
    (trouble,) = found.troubles
    assert isinstance(trouble, UnreachableError)
    assert trouble.entry.startswith("mine: http://127.0.0.1:9/a.tif")
    assert found.taken == "catalog"
    assert found.record.value("organ") == "eye"


def test_no_server_is_asked_where_only_local_files_may_be_read(
    tmp_path: Path, shut: None
) -> None:
    found = described(catalog(tmp_path, mine=entry(NOWHERE)), remote=False)
    assert (found.taken, found.troubles) == ("catalog", ())


def test_local_files_are_read_where_no_server_may_be_asked(tmp_path: Path) -> None:
    for place in (tiff(tmp_path / "a.tif"), f"file://{tmp_path / 'a.tif'}"):
        found = described(catalog(tmp_path, mine=entry(place)), remote=False)
        assert (found.taken, found.record.value("depth")) == ("headers", 5)


def test_one_bad_entry_does_not_hide_the_others(tmp_path: Path) -> None:
    place = tiff(tmp_path / "a.tif")
    bad = {"voxel": entry(place, {"voxel_size": 10**9}), "gone": entry("gone.tif")}
    own = catalog(tmp_path, **bad, unknown=entry(place) | {"driver": "dm5"},
                  mine=entry(place))  # fmt: skip
    voxel, gone, unknown, mine = Reader(own, {}).describe(list(own))
    assert mine.record.value("depth") == 5
    assert not mine.troubles
    for one in (voxel, gone, unknown):
        (trouble,) = one.troubles
        assert trouble.entry.startswith(one.name)
        assert one.record.value("name") == one.name
    assert isinstance(voxel.troubles[0], OptionError)
    assert isinstance(gone.troubles[0], NotFoundError)


@pytest.mark.parametrize("source", ["page", "api", "file", "catalog"])
def test_hearsay_is_believed_only_beside_a_witness(source: Any) -> None:
    told = Claim("organism", "Mus musculus", "secondary", "a table")
    alone = consolidated([told])
    assert alone.winner("organism") is None
    assert [c.doubt for c in alone.doubts()] == [
        "only tables and write-ups of others say so"
    ]
    other = Claim("organism", "rat", source)
    record = consolidated([told, other])
    assert record.value("organism") == "Rattus norvegicus"
    assert [c.losers[0].value for c in record.conflicts()] == ["Mus musculus"]


def test_what_a_reading_replaces() -> None:
    """The file is read whole; others by document, and field by field."""
    old = [
        Claim("gaps", "3", "file", "a tag that is gone"),
        Claim("title", "Old", "api", "https://a.org/1/#title"),
        Claim("organ", "eye", "api", "https://a.org/1/#organ"),
        Claim("tissue", "retina", "api", "https://a.org/2/#tissue"),
        Claim("depth", 9, "server", "info"),
        Claim("levels", 1, "server", "info"),
        Claim("licence", "CC0", "page", "https://a.org/about"),
        Claim("organism", "mouse", "secondary", "https://b.org/"),
    ]
    new = (Claim("title", "New", "api", "https://a.org/1/#title"),
           Claim("depth", 8, "server", "info"))  # fmt: skip
    kept = merged(old, Reading(new, ("https://a.org/1/",)))
    assert kept[:2] == new
    assert {c.field for c in kept[2:]} == {"tissue", "levels", "licence", "organism"}


@pytest.fixture
def online(tmp_path: Path) -> Iterator[tuple[VolumeCatalog, dict[str, object], Any]]:
    """A volume of an archive and the archive's entries, both on loopback."""
    answers: dict[str, object] = {ENTRY: archive_answers.empiar()}
    root = tmp_path / "files"
    tiff(root / REMOTE.removeprefix("https://ftp.ebi.ac.uk/"), shape=(5, 600, 700))
    own = catalog(tmp_path, mine=entry(REMOTE))
    with servers.http(root) as files, servers.archive(answers) as archive:
        rules = {"https://ftp.ebi.ac.uk/": f"{files.url.rstrip('/')}/",
                 "https://www.ebi.ac.uk/": f"{archive.url.rstrip('/')}/"}  # fmt: skip
        with use_mirror(rules=rules):
            yield own, answers, files


Online = tuple[VolumeCatalog, dict[str, object], Any]


def test_headers_and_archives_are_read_and_no_voxel(online: Online) -> None:
    own, _, files = online
    found = described(own)
    assert (found.taken, found.troubles) == ("headers", ())
    assert found.record.value("title") == "Retina of a fish."
    assert {c.source for c in found.record.claims} >= {"file", "api", "catalog"}
    for claim in found.record.claims:
        assert claim.time or claim.source in ("catalog", "default")
    assert sum(request.bytes_sent for request in files.requests) < 5 * 600 * 700 / 4
    assert not snapshots()


def test_a_refresh_is_kept_and_enough_from_then_on(
    online: Online, request: pytest.FixtureRequest
) -> None:
    own = online[0]
    fresh = described(own, refresh=True)
    assert (fresh.taken, fresh.troubles) == ("headers", ())
    (kept,) = snapshots().values()
    assert kept.identity == own.mine.identity
    assert kept.title == "Retina of a fish."
    assert "catalog" not in {claim.source for claim in kept.claims}
    request.getfixturevalue("shut")
    again = described(own)
    assert again.taken == "snapshot"
    assert row("mine", again.record) == row("mine", fresh.record)


def test_a_refresh_keeps_what_no_program_reads_again(online: Online) -> None:
    own = online[0]
    page = Claim("preparation", "epoxy", "page", "https://a.org/", time="2025-06-11")
    keep(own.mine, page, Claim("depth", 99, "file"), depth="Counted.")
    found = described(own, refresh=True)
    assert found.record.winner("preparation") == page
    assert [claim.value for claim in found.record.about("depth")] == [5]
    (kept,) = snapshots().values()
    assert page in kept.claims
    assert kept.verdicts == {"depth": "Counted."}


@pytest.mark.parametrize(
    "answer", ["<html>sign in</html>", "{not json", {"detail": "broken"}, "[" * 9999]
)
def test_a_refresh_that_fails_in_part_keeps_the_older_snapshot(
    answer: object, online: Online
) -> None:
    own, answers, _ = online
    path = keep(own.mine, Claim("depth", 99, "file", time="2025-06-11"))
    before = path.read_bytes()
    answers[ENTRY] = answer
    found = described(own, refresh=True)
    (trouble,) = found.troubles
    assert trouble.entry.startswith("mine: https://www.ebi.ac.uk/empiar/api/")
    assert (found.taken, found.record.value("depth")) == ("snapshot", 99)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_refresh_without_a_snapshot_tells_what_could_be_read(online: Online) -> None:
    own, answers, _ = online
    answers[ENTRY] = "<html>"
    found = described(own, refresh=True)
    assert (found.taken, found.record.value("depth")) == ("headers", 5)
    assert found.troubles
    assert not snapshots()


def test_a_document_that_an_archive_need_not_have(
    online: Online, tmp_path: Path
) -> None:
    """Where it is not there, that is a trouble only if somebody says it is."""
    own, answers, _ = online
    del answers[ENTRY]
    assert described(own).troubles == ()
    url = "https://www.ebi.ac.uk/empiar/api/entry/EMPIAR-11759/"
    keep(own.mine, Claim("title", "Retina", "api", f"{url}#EMPIAR-11759.title"))
    assert isinstance(described(own, refresh=True).troubles[0], NotFoundError)


def test_a_document_that_an_entry_names_has_to_be_there(
    online: Online, tmp_path: Path
) -> None:
    url = "https://www.ebi.ac.uk/elsewhere/"
    told = {"evidence": [{"kind": "empiar", "url": url}]}
    (trouble,) = described(catalog(tmp_path / "n", mine=entry(REMOTE, told))).troubles
    assert isinstance(trouble, NotFoundError)
    assert url in trouble.entry


def test_what_was_opened_before_is_read_again(tmp_path: Path) -> None:
    source = catalog(tmp_path, mine=entry(tiff(tmp_path / "a.tif"))).mine
    depths = []
    for depth in (5, 9):
        tiff(tmp_path / "a.tif", shape=(depth, 6, 7))
        depths += [c.value for c in read(source).claims if c.field == "depth"]
    assert depths == [5, 9]


def test_evidence_that_an_entry_names_is_read(online: Online, tmp_path: Path) -> None:
    answers = online[1]
    answers["/other/"] = archive_answers.empiar(pixel_width=30.0, pixel_height=30.0)
    told = {"evidence": [{"kind": "empiar", "url": "https://www.ebi.ac.uk/other/"}]}
    own = catalog(tmp_path / "more", mine=entry(REMOTE, told))
    found = described(own)
    said = {c.value for c in found.record.about("voxel_size_x") if c.source == "api"}
    assert {3.0, 8.0} <= said
    wrong = catalog(tmp_path / "wrong", mine=entry(REMOTE, {"evidence": ["x"]}))
    assert "evidence" in str(described(wrong).troubles[0])


def test_no_refresh_from_a_mirror(tmp_path: Path, store: Path) -> None:
    own = catalog(tmp_path, mine=entry(REMOTE))
    with use_mirror(tmp_path), pytest.raises(OptionError, match="mirror"):
        described(own, refresh=True)
    assert not store.exists()


def test_parameters_choose_among_siblings(tmp_path: Path) -> None:
    for n in (3, 4):
        tiff(tmp_path / f"{n}.tif", shape=(n, 6, 7))
    free = entry(tmp_path / "{{ number }}.tif")
    free["parameters"] = {"number": {"description": "", "type": "int", "default": 3}}
    own = catalog(tmp_path, family=free)
    for given, depth in (({}, 3), ({"number": "4"}, 4)):
        (found,) = Reader(own, given).describe(["family"])
        assert found.record.value("depth") == depth

"""What a record makes of its claims."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emcatalog.errors import FormatError, OptionError, UnknownNameError
from emcatalog.record import (
    FIELDS,
    MEASURED,
    TOLD,
    Claim,
    Record,
    agree,
    voxel_size,
)
from record_claims import SIZE, claims, lists


def said(
    value: Any, source: Any = "file", field: str = SIZE, unit: str = "nm"
) -> Claim:
    return Claim(field, value, source, f"what {source} says", unit)


@settings(deadline=None, derandomize=True)
@given(lists)
def test_nothing_is_lost(told: tuple[Claim, ...]) -> None:
    record = Record(told)
    assert [c.field for c in record.claims] == [c.field for c in told]
    weighed: list[Claim] = []
    for field in record.fields:
        found = record.explain(field)
        weighed += [found.winner] if found.winner else []
        weighed += [*found.agreeing, *found.losers, *found.doubted]
        assert found.winner == record.winner(field)
        assert sorted(map(id, record.about(field))) == sorted(
            id(c) for c in record.claims if c.field == field
        )
    assert sorted(map(id, weighed)) == sorted(map(id, record.claims))


@settings(deadline=None, derandomize=True)
@given(lists, st.randoms())
def test_the_winner_does_not_depend_on_the_order(
    told: tuple[Claim, ...], random: Any
) -> None:
    other = list(told)
    random.shuffle(other)
    one, two = Record(told), Record(tuple(other))
    for field in FIELDS:
        first, second = one.winner(field), two.winner(field)
        assert (first is None) == (second is None)
        if first and second:
            assert first.source == second.source  # of equal trust the order decides


@settings(deadline=None, derandomize=True)
@given(lists)
def test_what_is_examined_stays_as_it_is(told: tuple[Claim, ...]) -> None:
    record = Record(told)
    assert Record(record.claims) == record
    for claim in record.claims:
        assert claim.doubt or (claim.unit or FIELDS[claim.field].unit == claim.unit)
        if claim.doubt:
            assert record.winner(claim.field) is not claim


@settings(deadline=None, derandomize=True)
@given(claims(), claims())
def test_agreement_is_mutual(one: Claim, two: Claim) -> None:
    values = one.examined().value, two.examined().value
    for field in FIELDS.values():
        assert agree(field, *values) == agree(field, *reversed(values))
    assert agree(FIELDS[one.field], values[0], values[0])


@settings(deadline=None, derandomize=True)
@given(st.floats(1e-3, 1e6), st.floats(1e-3, 1e6))
def test_conflicts_are_mutual(one: float, two: float) -> None:
    def differ(a: float, b: float) -> bool:
        return bool(Record((said(a), said(b, "api"))).conflicts())

    assert differ(one, two) == differ(two, one)
    assert not differ(one, one)


@pytest.mark.parametrize(
    ("field", "one", "other", "same"),
    [
        (SIZE, 7.998250424861908, 8.0, True),
        (SIZE, 7.998250424861908, 7.998, True),
        (SIZE, 7.998250424861908, 8.1, False),
        (SIZE, 7.998250424861908, 80.0, False),
        (SIZE, 80.0, 84.0, False),
        (SIZE, 2.96, 3.0, True),
        (SIZE, 0.6, 1.0, False),  # rounded, but nearly twice as much
        ("depth", 16, 16, True),
        ("depth", 5496, 5500, False),
        ("acquired", "2018-06-11", "2018-06-11T22:26:45", True),
        ("acquired", "2018-06", "2018-06-11", True),
        ("acquired", "2018-06-11", "2018-11-06", False),
        ("title", "A  retina.", "a retina", True),
        ("title", "A retina", "A brain", False),
        ("chunks", (64, 64, 64), (64, 64, 64), True),
        ("chunks", (64, 64, 64), (64, 64), False),
        ("display_window", (0.0, 254.6), (0, 255), False),
        ("modality", "SEM", "FIB-SEM", True),
        ("modality", "EM", "ATUM-SEM", True),
        ("modality", "TEM", "FIB-SEM", False),
        ("modality", "SBF-SEM", "FIB-SEM", False),
        ("segmentations", ("nuclei", "Mitochondria"), ("mitochondria",), True),
        ("segmentations", ("nuclei", "mitochondria"), ("nuclei", "axons"), False),
        ("channels", ("a", "b"), ("a",), False),
        ("note", "one thing", "another", True),
        ("description", "one thing", "another", True),
        ("organ", "brain", "eye", False),
    ],
)
def test_agreement(field: str, one: Any, other: Any, same: bool) -> None:
    assert agree(FIELDS[field], one, other) is same


def test_of_equal_trust_the_narrower_term_wins() -> None:
    words = ("electron microscopy", "scanning EM", "FIBSEM", "TEM")
    told = tuple(said(word, "api", "modality", "") for word in words)
    found = Record(told).explain("modality")
    assert found.winner == Record(told).winner("modality") == told[2].examined()
    assert [c.value for c in found.agreeing] == ["EM", "SEM"]
    assert [c.value for c in found.losers] == ["TEM"]
    page = (said("SEM", "page", "modality", ""), said("FIB-SEM", field="modality"))
    assert Record(page).value("modality") == "SEM"  # trust goes before
    assert not Record(page).conflicts()


def test_two_that_make_the_winner_more_precise_may_disagree() -> None:
    told = [said("SEM", "api", "modality", ""), said("FIB-SEM", "page", "modality", "")]
    record = Record((*told, said("SBF-SEM", "paper", "modality", "")))
    (conflict,) = record.conflicts()
    assert [c.value for c in conflict.losers] == ["SBF-SEM"]
    sizes = (said(8), said(8.4, "api"), said(7.6, "page"))
    assert [c.value for c in Record(sizes).explain(SIZE).losers] == [7.6]


def test_a_convention_disagrees_with_nobody() -> None:
    told = said("labels", "catalog", "kind", ""), said("image", "default", "kind", "")
    found = Record(told)
    assert (found.value("kind"), found.conflicts()) == ("segmentation", ())
    (loser,) = found.explain("kind").losers
    assert loser.source == "default"
    assert "trusted before a convention" in found.explain("kind").why


def test_the_api_that_tells_angstrom() -> None:
    """80 angstrom agree with 7.99825 nm; 80 nm of a table do not."""
    claims = (
        said(7.998250424861908),
        said("80.0", "api", unit="Å"),
        said(80, "secondary"),
    )
    (conflict,) = Record(claims).conflicts()
    assert [c.value for c in conflict.losers] == [80.0]
    assert conflict.winner.value == 7.998250424861908
    assert "the data file is trusted before what others wrote" in conflict.why
    assert Record(claims).about(SIZE)[1].value == 8.0


def test_two_orders_of_trust() -> None:
    assert set(TOLD) == set(MEASURED) == {*TOLD}
    by_size = Record((said(4.0, "api"), said(5.0, "file")))
    assert by_size.value(SIZE) == 5.0
    told = (
        Claim("instrument", "FEI Quanta", "file", "Microscope Info.Name"),
        Claim("instrument", "FEI Magellan 400", "api", "details"),
    )
    (conflict,) = Record(told).conflicts()
    assert conflict.winner.value == "FEI Magellan 400"
    assert "about what is told, the archive's API is trusted before" in conflict.why


@pytest.mark.parametrize("field", list(FIELDS))
def test_each_field_is_won_by_the_most_trusted(field: str) -> None:
    kind = FIELDS[field]
    eight = range(8)
    values: dict[str, list[Any]] = {
        "text": [f"text {n}" for n in eight],
        "texts": [(str(n),) for n in eight],
        "number": [500.0 + 50 * n for n in eight],
        "numbers": [(n,) for n in eight],
        "count": [1 + n for n in eight],
        "flag": [0, 1] * 4,
        "date": [f"201{n}" for n in eight],
        "doi": [f"10.1234/{n}" for n in eight],
    }
    found = values[kind.type]
    if kind.terms and kind.terms.limited:
        found = list(kind.terms.names) * 4
    rows = zip(reversed(kind.trust), found, strict=False)
    record = Record(tuple(Claim(field, v, s, unit=kind.unit) for s, v in rows))
    assert not record.doubts()
    assert [c.source for c in record.about(field)] == list(kind.trust)
    assert record.explain(field).winner == record.claims[-1]


def test_equal_trust_is_told() -> None:
    record = Record((said(4.0), said(5.0), said(9.0, "page")))
    (conflict,) = record.conflicts()
    assert conflict.winner.value == 4.0
    assert "claims of equal trust differ" in conflict.why
    assert "the data file is trusted before the keeper's web page" in conflict.why


def test_an_explanation_tells_everything() -> None:
    claims = (said(8.0), said(8.0, "server"), said(80.0, "page"), said(0, "api"))
    *lines, why = str(Record(claims).explain(SIZE)).splitlines()
    assert lines == [
        "voxel_size_x: distance of voxels along x",
        "  is: 8.0 nm (file: what file says)",
        "  also said: 8.0 nm (server: what server says)",
        "  not: 80.0 nm (page: what page says)",
        "  doubted: 0 nm (api: what api says, 0 nm is less than 0.001 nm)",
    ]
    assert why.startswith("  why: about what is measured, the data file is trusted")
    assert Record().explain(SIZE).why == "nobody says anything"
    with pytest.raises(UnknownNameError, match="did you mean 'organism'"):
        Record().explain("organsm")


def test_doubted_claims_never_win() -> None:
    record = Record((said(0.0), said(8.0, "secondary")))
    assert record.value(SIZE) == 8.0
    assert [c.value for c in record.doubts()] == [0.0]
    assert not record.conflicts()
    alone = Record(tuple(said(0.0, field=f"voxel_size_{a}") for a in "zyx"))
    assert alone.winner(SIZE) is None
    assert alone.explain(SIZE).why == "all that is said is doubted"
    with pytest.raises(FormatError) as caught:
        voxel_size(alone)
    assert "along z, y, x in the source; it says only 0.0 nm (file" in str(caught.value)
    assert "0 nm is less than 0.001 nm" in str(caught.value)


def test_the_time_of_reading() -> None:
    record = Record((said(8.0), said(9.0, "catalog"), said(8.0, "default")))
    earlier = Claim(SIZE, 8.0, "api", unit="nm", time="2020-01-01")
    read = record.with_claims([earlier]).read_at("2025-06-11")
    assert [c.time for c in read.claims] == ["2025-06-11", "", "", "2020-01-01"]
    assert read == record.with_claims([earlier])  # when it was read is no difference


def test_claims_are_of_known_fields_and_sources() -> None:
    with pytest.raises(OptionError, match="did you mean 'organism'"):
        Claim("organsm", "mouse", "file")
    with pytest.raises(OptionError, match="did you mean 'page'"):
        Claim("organism", "mouse", "pages")  # type: ignore[arg-type]

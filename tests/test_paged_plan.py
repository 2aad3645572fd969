"""Parcels: nothing lost, little moved for nothing, work for every connection."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from emcatalog.paged.pieces import Piece, joined
from emcatalog.paged.plan import MOST, MOST_SPANS, WASTE, parcels
from emcatalog.transport import Speed
from emcatalog.transport.speed import LEAST_REQUEST as LEAST

FAR = Speed(latency=0.03, bandwidth=25e6)
SPEEDS = st.one_of(
    st.none(), st.builds(Speed, st.floats(0, 2), st.floats(1e3, 1e9))
)  # fmt: skip


def piece(offset: int, length: int, url: str = "u") -> Piece:
    return Piece(url, offset, length, 0, offset, 0, 1)


def pages(count: int, length: int, apart: int) -> list[Piece]:
    return [piece(n * apart, length) for n in range(count)]


PIECES = st.lists(
    st.builds(
        piece,
        st.integers(0, 40 * LEAST),
        st.integers(1, 3 * LEAST),
        st.sampled_from(["u", "v"]),
    ),
    max_size=60,
)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(PIECES, SPEEDS, st.integers(1, 40))
def test_each_piece_is_in_one_span_that_holds_it(
    pieces: list[Piece], speed: Speed | None, connections: int
) -> None:
    planned = parcels(pieces, speed, connections)
    found = [p for parcel in planned for span in parcel.pieces for p in span]
    assert sorted(found) == sorted(set(pieces))
    for parcel in planned:
        assert len(parcel.spans) <= MOST_SPANS
        largest = max(p.length for span in parcel.pieces for p in span)
        assert parcel.size <= max(MOST, largest)
        ends = [(start, start + length) for start, length in parcel.spans]
        assert all(a[1] < b[0] for a, b in itertools.pairwise(ends))
        for (start, stop), within in zip(ends, parcel.pieces, strict=True):
            assert start == min(p.offset for p in within)
            assert stop == max(p.offset + p.length for p in within)
            assert {p.url for p in within} == {parcel.url}


@settings(deadline=None, derandomize=True, max_examples=300)
@given(PIECES, SPEEDS, st.integers(1, 40))
def test_little_is_moved_for_nothing(
    pieces: list[Piece], speed: Speed | None, connections: int
) -> None:
    planned = parcels(pieces, speed, connections)
    needed = sum(p.length for p in set(pieces))
    assert sum(parcel.size for parcel in planned) <= (1 + WASTE) * needed


@settings(deadline=None, derandomize=True, max_examples=100)
@given(PIECES, SPEEDS, st.integers(1, 40))
def test_pieces_are_cut_out_of_their_spans(
    pieces: list[Piece], speed: Speed | None, connections: int
) -> None:
    content = bytes(n % 251 for n in range(256)) * (44 * LEAST // 256)
    for parcel in parcels(pieces, speed, connections):
        spans = [content[start : start + length] for start, length in parcel.spans]
        for together in (False, True):
            found = list(parcel.cut(spans, together=together))
            assert [p for lot, _ in found for p in lot] == [
                p for span in parcel.pieces for p in span
            ]
            for lot, data in found:
                whole = joined(lot)
                assert data == content[whole.offset :][: whole.length]
                assert whole.rows == sum(p.rows for p in lot)


def test_bands_that_follow_each_other_stay_together() -> None:
    bands = [Piece("u", n * 100, 100, 0, n * 8, 0, 8) for n in range(4)]
    other = [Piece("u", 400, 100, 1, 0, 0, 8)]
    (parcel,) = parcels([*bands, *other], FAR, 1)
    content = bytes(500)
    assert [lot for lot, _ in parcel.cut([content], together=True)] == [
        tuple(bands),
        tuple(other),
    ]
    assert joined(tuple(bands)) == Piece("u", 0, 400, 0, 0, 0, 32)


def test_rows_of_many_pages_are_fewer_requests_than_pages() -> None:
    """And as many as there are connections, so that all of them work."""
    planned = parcels(pages(128, 128 * 2048, 3 << 20), FAR, 8)
    assert 8 <= len(planned) <= 12
    assert all(len(parcel.spans) > 1 for parcel in planned)
    assert max(p.size for p in planned) <= 1.1 * 128 * 128 * 2048 / 8


def test_a_gap_is_read_over_where_it_is_cheaper_than_a_request() -> None:
    near = [piece(0, 1 << 20), piece((1 << 20) + 50_000, 1 << 20)]
    assert [p.spans for p in parcels(near, FAR, 1)] == [((0, (2 << 20) + 50_000),)]
    loopback = Speed(latency=1e-4, bandwidth=1e8)
    assert [len(p.spans) for p in parcels(near, loopback, 1)] == [2]


def test_short_gaps_are_read_over_first() -> None:
    starts = [0, 1000 + 100, 2100 + 400]  # gaps of 100 and 400 bytes
    planned = parcels([piece(n, 1000) for n in starts], FAR, 1)
    assert [p.spans for p in planned] == [((0, 2100), (2500, 1000))]


def test_a_small_read_is_one_request() -> None:
    assert len(parcels(pages(8, 2048, 1 << 20), None, 32)) == 1


def test_files_are_never_mixed() -> None:
    mixed = [piece(0, 10, "u"), piece(10, 10, "v"), piece(20, 10, "u")]
    assert [p.url for p in parcels(mixed, FAR, 1)] == ["u", "v"]


def test_no_pieces_are_no_parcels() -> None:
    assert parcels([], FAR, 8) == []

"""Which ranges are asked for, and the answers of several ranges, without a server."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

import servers
from emcatalog.transport import Span
from emcatalog.transport.multipart import Part, assembled, parts_of
from emcatalog.transport.origin import GarbledError
from emcatalog.transport.several import header
from emcatalog.transport.spans import MOST_LETTERS, MOST_RANGES, cut, plan, runs

SIZE = 300_000
CONTENT = random.Random(5).randbytes(SIZE)
SPANS_OF_FILES = st.lists(
    st.integers(0, SIZE).flatmap(
        lambda a: st.tuples(st.just(a), st.integers(0, min(SIZE - a, 90_000)))
    ),
    max_size=12,
)


def _slices(spans: list[Span]) -> list[bytes]:
    return [CONTENT[start : start + length] for start, length in spans]


@settings(deadline=None, derandomize=True, max_examples=100)
@given(SPANS_OF_FILES, st.integers(1, SIZE), st.integers(1, MOST_RANGES))
def test_plans_hold_every_byte_once(spans: list[Span], size: int, most: int) -> None:
    requests = plan(spans, size, most)
    ranges = [span for request in requests for span in request]
    wanted = {byte for a, n in spans for byte in (a, a + n - 1) if n}
    for byte in wanted:
        assert sum(a <= byte < a + n for a, n in ranges) == 1
    assert sum(n for _, n in ranges) == sum(n for _, n in runs(spans))
    for request in requests:
        assert 0 < len(request) <= most
        assert len(header(request)) <= MOST_LETTERS + 6
        ends = [byte for a, n in request for byte in (a, a + n)]
        assert ends == sorted(set(ends))  # no touching, no overlap
    assert cut(spans, {a: CONTENT[a : a + n] for a, n in ranges}) == _slices(spans)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(
    st.data(),
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)), min_size=1, max_size=5),
)
def test_no_damaged_answer_gives_other_bytes(
    data: st.DataObject, spans: list[Span]
) -> None:
    """Data cannot be proved; whatever else of an answer is changed is found."""
    content, ranges = CONTENT[:70], runs(spans)
    parts = [servers.Part(a, a + n - 1, 70, b"\0" * n) for a, n in ranges]
    body = bytearray(servers.Several(content, parts).body())
    at = data.draw(st.integers(0, len(body) - 1))
    body[at] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del body[data.draw(st.integers(0, len(body))) :]
    try:
        found = list(parts_of(bytes(body), b"3d6b6a416f9b5", len(ranges)))
        assert {a: len(data) for a, data in assembled(ranges, found).items()} == dict(
            ranges
        )
    except GarbledError:
        return


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.binary(max_size=200), st.integers(1, 5))
def test_any_bytes_are_parts_or_refused(body: bytes, most: int) -> None:
    for text in (body, b"--x\r\n" + body):
        try:
            parts = list(parts_of(text, b"x", most))
        except GarbledError:
            continue
        assert all(isinstance(part, Part) for part in parts)

"""Many spans at once: exact bytes, few requests, whatever servers make of them."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import servers
from emcatalog.errors import OptionError, TruncatedError
from emcatalog.transport import Span, Transport, speed, systems
from emcatalog.transport.http import Http
from emcatalog.transport.spans import MOST_LETTERS, MOST_RANGES

SIZE = 300_000
CONTENT = random.Random(4).randbytes(SIZE)
PLACES = ["file", "nginx", "http", "faulty", "ftp", "s3", "gcs"]

spans_of_files = st.lists(
    st.integers(0, SIZE).flatmap(
        lambda a: st.tuples(
            st.just(a), st.integers(0, min(SIZE - a, 90_000)) | st.integers(0, 9)
        )
    ).filter(lambda span: sum(span) <= SIZE),
    max_size=12,
)  # fmt: skip


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("spans")
    (folder / "transport-spans").mkdir()
    (folder / "transport-spans/file.bin").write_bytes(CONTENT)
    return folder


@pytest.fixture(scope="module", params=PLACES)
def place(
    request: pytest.FixtureRequest, root: Path, shared_servers: Any
) -> Iterator[tuple[str, Transport]]:
    kind: str = request.param
    if kind == "file":
        yield str(root / "transport-spans/file.bin"), Transport()
    elif kind == "faulty":  # another mode of answering with each request
        with servers.http(root) as server:
            server.faults.add(_many_ways())
            yield f"{server.url}/transport-spans/file.bin", Transport(attempts=6)
    elif kind in ("s3", "gcs"):
        server = shared_servers.at(kind, root)
        transport = Transport({"endpoint_url": server.url})
        yield f"{'gs' if kind == 'gcs' else kind}://transport-spans/file.bin", transport
    else:
        server = shared_servers.at(kind, root)
        yield f"{server.url}/transport-spans/file.bin", Transport()


def _many_ways() -> Any:
    ways = [
        servers.several(),
        servers.several(lambda answer: answer.parts.reverse()),
        servers.several(lambda answer: answer.join()),
        servers.several(lambda answer: answer.parts.pop()),
        servers.only_several(servers.ignore_range),
        lambda app: app,
        servers.only_several(servers.status(400)),
    ]
    taken = random.Random(1)

    def fault(app: Any) -> Any:
        return taken.choice(ways)(app)

    return fault


def _slices(spans: Sequence[Span], content: bytes = CONTENT) -> list[bytes]:
    return [content[start : start + length] for start, length in spans]


@settings(
    deadline=None,
    derandomize=True,
    max_examples=25,
)
@given(spans=spans_of_files)
def test_spans_equal_slices(place: tuple[str, Transport], spans: list[Span]) -> None:
    url, transport = place
    for system in systems._systems.values():  # so that each example tries anew
        if isinstance(system, Http):
            system._habits.clear()
    assert transport.read_spans(url, spans) == _slices(spans)


def test_spans_beyond_the_end(place: tuple[str, Transport]) -> None:
    url, transport = place
    with pytest.raises(TruncatedError, match=f"got 5 bytes at byte {SIZE - 5}"):
        transport.read_spans(url, [(0, 9), (SIZE - 5, 9), (7000, 9)])
    with pytest.raises(TruncatedError, match=f"got 0 bytes at byte {SIZE + 5}"):
        transport.read_spans(url, [(0, 9), (SIZE + 5, 9), (7000, 9)])
    assert transport.read_spans(url, [(SIZE - 5, 5), (0, 5)]) == [
        CONTENT[-5:],
        CONTENT[:5],
    ]


def test_spans_of_a_file_that_is_not_there(place: tuple[str, Transport]) -> None:
    url, transport = place
    with pytest.raises(FileNotFoundError, match="none.bin"):
        transport.read_spans(url.replace("file.bin", "none.bin"), [(0, 1), (5, 5)])


def test_spans_before_the_file(place: tuple[str, Transport]) -> None:
    url, transport = place
    for wrong in ((-3, 5), (3, -5)):
        with pytest.raises(OptionError, match=f"a span of {wrong[1]} bytes at byte"):
            transport.read_spans(url, [(0, 1), wrong])


@pytest.fixture
def server(faulty_http: Any, root: Path) -> Any:
    return faulty_http(root)


@pytest.fixture
def url(server: Any) -> str:
    return f"{server.url}/transport-spans/file.bin"


SPANS = [(1000, 50), (9000, 70), (5000, 60), (5060, 40), (200_000, 30), (9100, 5)]
RANGES = "bytes=1000-1049,5000-5099,9000-9069,9100-9104,200000-200029"


def _asked(server: Any) -> list[str]:
    return [request.range for request in server.requests]


def test_several_spans_are_had_in_one_request(server: Any, url: str) -> None:
    assert Transport().read_spans(url, SPANS) == _slices(SPANS)
    assert _asked(server) == [RANGES]
    assert server.bytes_sent < sum(n for _, n in SPANS) + 4 * 200


def test_many_spans_are_shared_by_requests_that_servers_take(
    server: Any, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spans = [(1000 * n, 3) for n in range(SIZE // 1000)]
    assert Transport().read_spans(url, spans) == _slices(spans)
    asked = _asked(server)
    assert len(asked) == 3
    for text in asked:
        assert text.count(",") < MOST_RANGES
        assert len(text) < MOST_LETTERS + 6
    spans = [(0, SIZE)]
    server.forget()
    assert Transport().read_spans(url, spans) == _slices(spans)
    monkeypatch.setattr(speed, "LARGEST_REQUEST", 2**17)
    monkeypatch.setattr(speed, "REQUEST_SECONDS", 1e-9)
    server.forget()
    assert Transport().read_spans(url, spans) == _slices(spans)
    assert 1 < len(server.requests) <= 8  # a long span comes over several connections


GOOD: dict[str, Callable[[servers.Several], object]] = {
    "as asked": lambda answer: None,
    "in another order": lambda answer: answer.parts.reverse(),
    "in fewer parts": lambda answer: answer.join(),
    "with no line break before": lambda answer: setattr(answer, "before", b""),
    "without a last line break": lambda answer: setattr(answer, "end", answer.end[:-2]),
    "by Apache of old": lambda answer: setattr(
        answer, "announced", "multipart/x-byteranges;boundary=3d6b6a416f9b5"
    ),
    "of unknown size": lambda answer: [
        setattr(part, "size", "*") for part in answer.parts
    ],
}


@pytest.mark.parametrize("change", GOOD.values(), ids=GOOD)
def test_answers_as_the_standard_allows_them(
    server: Any, url: str, change: Callable[[servers.Several], object]
) -> None:
    server.faults.add(servers.several(change))
    transport = Transport()
    for _ in range(2):
        assert transport.read_spans(url, SPANS) == _slices(SPANS)
    assert _asked(server) == [RANGES] * 2


def _set(**values: Any) -> Callable[[servers.Several], object]:
    return lambda answer: [setattr(answer, *pair) for pair in values.items()]


def _of_part(number: int, **values: Any) -> Callable[[servers.Several], object]:
    return lambda answer: [
        setattr(answer.parts[number], *pair) for pair in values.items()
    ]


def _shift(answer: servers.Several) -> None:
    answer.parts[1].first += 1
    answer.parts[1].last += 1


def _compressed(answer: servers.Several) -> None:
    answer.headers["content-encoding"] = "br"


WRONG: dict[str, Callable[[servers.Several], object]] = {
    "another boundary": _set(boundary=b"other"),
    "no boundary": _set(announced="multipart/byteranges"),
    "another type": _set(announced="image/tiff"),
    "no first boundary": _set(before=b"--"),
    "words before": _set(before=b"Hello.\r\n"),
    "words after": lambda answer: setattr(answer, "end", answer.end + b"Bye.\r\n"),
    "no end": _set(end=b""),
    "a missing part": lambda answer: answer.parts.pop(1),
    "a part twice": lambda answer: answer.parts.append(answer.parts[0]),
    "only the first": lambda answer: setattr(answer, "parts", answer.parts[:1]),
    "another range": _shift,
    "a longer range": _of_part(1, last=5100),
    "a shorter part": _of_part(1, data=CONTENT[5000:5050]),
    "a longer part": _of_part(1, data=CONTENT[5000:5200]),
    "no range": _of_part(1, first="x"),
    "beyond the file": _of_part(4, size=200_010),
    "other sizes": _of_part(1, size=SIZE + 1),
    "gigantic headers": _of_part(1, more=b"X-Long: " + b"x" * 2000 + b"\r\n"),
    "endless headers": _of_part(1, more=b"X: y\r\n" * 500_000),
    "a header twice": _of_part(1, more=b"Content-Range: bytes 5-6/7\r\n"),
    "no header": _of_part(1, more=b"nonsense\r\n"),
    "a compressed part": _of_part(1, more=b"Content-Encoding: gzip\r\n"),
    "an ETag of its own": _of_part(1, more=b'ETag: "another"\r\n'),
    "a compressed answer": _compressed,
    "another status": _set(status=200),
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_wrong_answers_are_found_and_single_ranges_asked(
    server: Any, url: str, change: Callable[[servers.Several], object]
) -> None:
    server.faults.add(servers.several(change))
    assert Transport().read_spans(url, SPANS) == _slices(SPANS)
    assert _asked(server)[0] == RANGES
    assert sorted(_asked(server)[1:]) == sorted(
        f"bytes={a}-{b}" for a, b in re.findall(r"(\d+)-(\d+)", RANGES)
    )

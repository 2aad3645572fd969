"""Spans of many files under way together, and how quick their hosts were."""

from __future__ import annotations

import asyncio
import itertools
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import servers
from emcatalog.errors import ContentError, NotFoundError, UnreachableError
from emcatalog.transport import Transport, groups
from emcatalog.transport.groups import as_they_come

FILES = {f"{n}.bin": random.Random(n).randbytes(100_000) for n in range(12)}
SPANS = [(10, 50), (90_000, 70), (5000, 60)]


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("groups")
    (folder / "transport-groups").mkdir()
    for name, content in FILES.items():
        (folder / "transport-groups" / name).write_bytes(content)
    return folder


@pytest.fixture
def server(faulty_http: Any, root: Path) -> Any:
    return faulty_http(root)


def _all(base: str) -> list[tuple[str, list[tuple[int, int]]]]:
    return [(f"{base}/transport-groups/{name}", SPANS) for name in FILES]


def _exact(found: Iterator[tuple[int, list[bytes]]]) -> list[int]:
    """Indices in the order they came, each with the bytes of its spans."""
    contents, order = list(FILES.values()), []
    for index, data in found:
        assert data == [contents[index][a : a + n] for a, n in SPANS]
        order.append(index)
    return order


@pytest.mark.parametrize("kind", ["nginx", "http", "ftp", "s3", "gcs", "file"])
def test_groups_come_once_each(
    kind: str, root: Path, request: pytest.FixtureRequest
) -> None:
    transport, base = Transport(), str(root)
    if kind != "file":
        server = request.getfixturevalue(f"{kind}_at")(root)
        base = server.url
    if kind in ("s3", "gcs"):
        transport = Transport({"endpoint_url": base})
        base = "s3:/" if kind == "s3" else "gs:/"
    assert sorted(_exact(transport.read_groups(_all(base)))) == list(range(len(FILES)))
    assert list(transport.read_groups([])) == []
    one = list(transport.read_groups([(f"{base}/transport-groups/3.bin", [])]))
    assert one == [(0, [])]


def test_files_of_many_places(root: Path, http_at: Any, ftp_at: Any) -> None:
    bases = itertools.cycle([http_at(root).url, ftp_at(root).url, str(root)])
    wanted = [_all(base)[n] for n, base in zip(range(12), bases, strict=False)]
    assert sorted(_exact(Transport().read_groups(wanted))) == list(range(12))


def test_a_file_that_comes_late_holds_up_no_other(server: Any) -> None:
    late = threading.Event()

    def fault(app: Any) -> Any:
        async def waiting(scope: Any, receive: Any, send: Any) -> None:
            while not late.is_set():
                await asyncio.sleep(0.01)
            await app(scope, receive, send)

        return waiting

    transport = Transport()
    transport.read_spans(
        f"{server.url}/transport-groups/0.bin", SPANS
    )  # the host is known
    server.faults.add(fault, path="/0.bin")
    found = transport.read_groups(_all(server.url))
    first = _exact(itertools.islice(found, 11))
    late.set()
    assert 0 not in first
    assert _exact(found) == [0]


def test_requests_are_as_many_as_allowed_and_connections_used_again(
    server: Any,
) -> None:
    server.faults.add(servers.delay(0.02))
    wanted = _all(server.url) * 10
    transport = Transport(connections=5)
    for index, data in transport.read_groups(wanted):
        content = FILES[f"{index % 12}.bin"]
        assert data == [content[a : a + n] for a, n in SPANS]
    assert len(server.requests) == len(wanted)
    assert server.connections.most == server.connections.ever == 5


def test_tasks_and_threads_wait_at_the_same_gate(server: Any) -> None:
    server.faults.add(servers.delay(0.02))
    transport = Transport(connections=3)
    url = f"{server.url}/transport-groups/1.bin"
    thread = threading.Thread(
        target=lambda: list(
            transport.map(lambda n: transport.read_range(url, n, 1), range(20))
        )
    )
    thread.start()
    _exact(transport.read_groups(_all(server.url)))
    thread.join()
    assert 1 < server.connections.most <= 3


def test_the_first_failure_ends_it_and_is_named(server: Any) -> None:
    wanted = [(f"{server.url}/transport-groups/none.bin", SPANS), *_all(server.url)]
    with pytest.raises(NotFoundError, match="none.bin: got nothing at"):
        list(Transport(connections=1).read_groups(wanted))


def test_who_takes_no_more_asks_for_no_more(server: Any) -> None:
    wanted = _all(server.url) * 20
    found = Transport(connections=1).read_groups(wanted)
    next(found)
    found.close()
    list(Transport().read_groups(wanted[:1]))  # the loop has taken notice
    assert len(server.requests) < 30


def test_what_is_not_taken_is_bounded(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = sum(n for _, n in SPANS)
    monkeypatch.setattr(groups, "AHEAD", 4 * size)
    found = Transport().read_groups(_all(server.url) * 3)
    for taken, _ in enumerate(found, 1):
        assert len(server.requests) <= taken + 4


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.lists(st.integers(0, 9), max_size=20), st.integers(1, 20), st.integers(1, 5))
def test_work_under_way_is_bounded(sizes: list[int], ahead: int, most: int) -> None:
    under_way: dict[int, groups.Future[int]] = {}
    begun: list[int] = []

    def begin(new: Any) -> dict[int, groups.Future[int]]:
        made = {index: groups.Future[int]() for index in new}
        under_way.update(made)
        begun.extend(new)
        weights = [sizes[index] for index in under_way]
        assert len(under_way) == 1 or sum(weights) <= ahead
        assert len(under_way) <= most
        if under_way and new:  # the last that was begun is done first
            under_way[max(under_way)].set_result(max(under_way))
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(groups, "AHEAD", ahead)
        patch.setattr(groups, "MOST_AHEAD", most)
        found = as_they_come(sizes, begin)
        came = []
        for index, future in found:
            assert future.result() == index
            came.append(index)
            del under_way[index]
            if under_way and not any(f.done() for f in under_way.values()):
                under_way[max(under_way)].set_result(max(under_way))
    assert begun == list(range(len(sizes)))
    assert sorted(came) == begun


@pytest.mark.parametrize(
    "fault",
    [
        servers.status(429, retry_after=0),
        servers.status(503),
        servers.reset,
        servers.reset_after(40),
        servers.truncate(lost=100),
    ],
)
def test_requests_that_fail_are_made_again(server: Any, fault: Any) -> None:
    """Several ranges at once too, of a host that is known to answer them."""
    transport, url = Transport(), f"{server.url}/transport-groups/1.bin"
    expected = [FILES["1.bin"][a : a + n] for a, n in SPANS]
    for times in (1, 2):  # of a host unknown, and known
        server.forget()
        server.faults.add(fault, times=times)
        assert transport.read_spans(url, SPANS) == expected
        assert [r.range.count(",") for r in server.requests] == [2] * (times + 1)


def test_a_host_that_fails_for_ever(server: Any) -> None:
    server.faults.add(servers.status(503))
    with pytest.raises(UnreachableError, match="status 503.*try again later"):
        Transport(attempts=2).read_spans(f"{server.url}/transport-groups/1.bin", SPANS)


def test_retry_after_is_heeded_for_several_ranges(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    really = asyncio.sleep

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        await really(0)

    monkeypatch.setattr(groups.asyncio, "sleep", sleep)
    server.faults.add(servers.status(429, retry_after=7), times=1)
    Transport().read_spans(f"{server.url}/transport-groups/1.bin", SPANS)
    assert max(waited) >= 7


def test_a_file_that_changes_between_requests(server: Any) -> None:
    transport, url = Transport(), f"{server.url}/transport-groups/1.bin"
    transport.read_spans(url, SPANS)
    server.faults.add(servers.changed)
    with pytest.raises(ContentError, match="another version.*open it again"):
        transport.read_spans(url, [(0, 5)])
    server.faults.clear()
    server.faults.add(servers.header("etag", '"another"'))
    with pytest.raises(ContentError, match="another version.*open it again"):
        transport.read_spans(url, SPANS)


def test_a_refusal_within_a_session_is_answered_by_a_visit(server: Any) -> None:
    transport = Transport(session_url=f"{server.url}/transport-groups/")
    _exact(transport.read_groups(_all(server.url)))
    server.forget()
    server.faults.add(servers.status(403), path="1.bin", times=1)
    url = f"{server.url}/transport-groups/1.bin"
    assert transport.read_spans(url, [(0, 5)]) == [FILES["1.bin"][:5]]
    assert [r.path for r in server.requests].count("/transport-groups/") == 1


def test_connections_survive_what_is_not_there(server: Any) -> None:
    """Nor does the end of a file, or a question for its length, cost a new one."""
    transport, url = Transport(attempts=1), f"{server.url}/transport-groups/1.bin"
    for _ in range(3):
        assert transport.size(url) == 100_000
        assert transport.read_upto(url, 100_000, 5) == b""
        assert not transport.exists(f"{server.url}/transport-groups/none.bin")
    assert len(server.requests) == 9
    assert server.connections.ever == 1

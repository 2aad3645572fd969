"""How quick hosts are found to be, and who waits for whom before them."""

from __future__ import annotations

import asyncio
import os
import pickle
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import servers
from emcatalog.transport import Speed, Transport, speed
from emcatalog.transport.patience import Gate
from emcatalog.transport.speed import Meter, request_size

CONTENT = random.Random(1).randbytes(100_000)
SPANS = [(10, 50), (90_000, 70), (5000, 60)]


@pytest.fixture
def server(faulty_http: Any, tmp_path: Path) -> Any:
    for name in ("1.bin", "2.bin"):
        (tmp_path / name).write_bytes(CONTENT)
    return faulty_http(tmp_path)


def test_speed_is_unknown_until_it_was_seen(server: Any) -> None:
    transport, url = Transport(), f"{server.url}/1.bin"
    assert transport.speed(url) is None
    server.faults.add(servers.delay(0.2))
    transport.read_range(url, 0, 100_000)
    found = transport.speed(url)
    assert found is not None
    assert 0.2 <= found.latency < 5
    assert 100_000 / 5 < found.bandwidth <= 100_000 / speed.TICK
    assert Transport().speed(url.replace("1.bin", "2.bin")) == found  # of the host
    assert transport.speed("http://127.0.0.1:9/x") is None
    assert transport.speed("/local/file") is None
    assert pickle.loads(pickle.dumps(found)) == found


@settings(deadline=None, derandomize=True)
@given(
    st.floats(0.001, 1),
    st.floats(1e5, 1e9),
    st.lists(st.integers(1 << 16, 1 << 24), min_size=5, max_size=60),
    st.data(),
)
def test_speed_is_found_whatever_stalls(
    latency: float, bandwidth: float, sizes: list[int], data: st.DataObject
) -> None:
    """A fifth of the answers may take as long as they like."""
    meter = Meter()
    stalled = set(
        data.draw(
            st.lists(st.integers(0, len(sizes) - 1), max_size=min(len(sizes), 32) // 5)
        )
    )
    for n, size in enumerate(sizes):
        more = 20.0 if n in stalled else 0.0
        meter.note(latency + more, 10, latency + more)
        begun = latency + more
        meter.note(begun, size, begun + size / bandwidth + more)
    found = meter.speed()
    assert found is not None
    assert found.latency == pytest.approx(latency)
    assert found.bandwidth == pytest.approx(bandwidth, rel=1e-3)


def test_bodies_that_come_in_one_piece_tell_their_time_too() -> None:
    meter = Meter()
    meter.note(0.03, 100, 0.03)
    for _ in range(9):  # a proxy that holds an answer back until it has it all
        meter.note(0.04, 250_000, 0.04)
    found = meter.speed()
    assert found is not None
    assert found.bandwidth == pytest.approx(25e6)


def test_requests_give_all_connections_work() -> None:
    quick, far = Speed(0.0001, 1e9), Speed(0.1, 1e7)
    assert request_size(1 << 30, 8, quick) == speed.LARGEST_REQUEST
    assert request_size(8 << 20, 8, far) == 1 << 20
    least = speed.LEAST_REQUEST
    assert request_size(10, 8, None) == request_size(10, 8, quick) == least


@given(
    st.integers(2**20, 2**27), st.integers(1, 64), st.floats(1e5, 1e9), st.floats(0, 1)
)
def test_no_other_number_of_requests_would_be_much_quicker(
    total: int, connections: int, bandwidth: float, latency: float
) -> None:
    def seconds(count: int) -> float:
        return total / count / bandwidth + count * speed.REQUEST_SECONDS

    size = request_size(total, connections, Speed(latency, bandwidth))
    if speed.LEAST_REQUEST < size < speed.LARGEST_REQUEST:
        chosen = -(-total // size)
        assert chosen <= connections
        best = min(map(seconds, range(1, connections + 1)))
        assert seconds(chosen) <= 1.1 * best + speed.REQUEST_SECONDS


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_measures_anew_and_reads(server: Any) -> None:
    transport, url = Transport(), f"{server.url}/1.bin"
    transport.read_range(url, 0, 100_000)
    assert transport.speed(url) is not None
    child = os.fork()
    if child == 0:
        right = False
        try:
            right = transport.speed(url) is None
            data = transport.read_spans(url, SPANS)
            right &= data == [CONTENT[a : a + n] for a, n in SPANS]
        finally:
            os._exit(0 if right else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_whoever_gives_up_at_the_gate_leaves_no_trace() -> None:
    gate = Gate()

    async def inside(most: int, seconds: float) -> None:
        async with gate.entered_by_task(most):
            await asyncio.sleep(seconds)

    async def several() -> None:
        with gate.entered(1):
            waiting = [asyncio.ensure_future(inside(1, 0)) for _ in range(3)]
            await asyncio.sleep(0)
            waiting[0].cancel()
            await asyncio.sleep(0)
        await asyncio.wait_for(asyncio.gather(*waiting[1:]), 10)
        granted = asyncio.ensure_future(inside(1, 10))
        await asyncio.sleep(0)
        granted.cancel()
        await asyncio.wait([granted])

    asyncio.run(several())
    assert gate._inside == 0
    assert not gate._line


def test_speed_of_ftp(ftp_at: Any, tmp_path: Path) -> None:
    (tmp_path / "1.bin").write_bytes(CONTENT)
    transport, url = Transport(), f"{ftp_at(tmp_path).url}/1.bin"
    transport.read_range(url, 0, 10)
    assert transport.speed(url) is None
    transport.read_range(url, 0, 100_000)
    found = transport.speed(url)
    assert found is not None
    assert found.latency > 0
    assert found.bandwidth > 1000

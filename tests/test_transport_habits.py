"""Which hosts are asked for several ranges at once, and for how long they are not."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

import servers
from emcatalog.transport import Transport

CONTENT = random.Random(7).randbytes(200_000)
SPANS = [(1000, 50), (9000, 70), (5000, 60), (100_000, 30)]
RANGES = "bytes=1000-1049,5000-5059,9000-9069,100000-100029"
EXACT = [CONTENT[start : start + length] for start, length in SPANS]


@pytest.fixture
def server(faulty_http: Any, tmp_path: Path) -> Any:
    (tmp_path / "file.bin").write_bytes(CONTENT)
    return faulty_http(tmp_path)


@pytest.fixture
def url(server: Any) -> str:
    return f"{server.url}/file.bin"


def _asked(server: Any) -> list[str]:
    return [request.range for request in server.requests]


@pytest.mark.parametrize("code", [400, 403, 416, 431, 501])
def test_hosts_that_refuse_several_ranges_are_remembered(
    server: Any, url: str, code: int
) -> None:
    server.faults.add(servers.only_several(servers.status(code)))
    for _ in range(3):  # other readers too
        assert Transport().read_spans(url, SPANS) == EXACT
    several = [text for text in _asked(server) if "," in text]
    assert len(several) == (2 if code == 501 else 1)  # 5xx may pass


def test_hosts_are_forgiven_after_a_while(
    server: Any, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.faults.add(servers.only_several(servers.status(400)), times=4)
    assert Transport().read_spans(url, SPANS) == EXACT
    server.faults.clear()
    monkeypatch.setattr("emcatalog.transport.several.FORGIVEN_SECONDS", 0.0)
    server.forget()
    assert Transport().read_spans(url, SPANS) == EXACT
    assert _asked(server) == [RANGES]


def test_stores_that_never_answer_several_ranges_are_not_asked() -> None:
    system = Transport()._http("https://bucket.s3.us-west-2.amazonaws.com/x")
    assert system is not None
    assert system[0].habit(system[1]).hopeless
    system = Transport()._http("gs://bucket/x")
    assert system is not None
    assert system[0].habit(system[1]).hopeless


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_a_whole_file_is_not_downloaded(tmp_path: Path, limit: int) -> None:
    """nginx answers 200 to more ranges than it may serve."""
    with (tmp_path / "large.bin").open("wb") as file:
        file.truncate(1 << 28)
    with servers.nginx(tmp_path, f"max_ranges {limit};") as server:
        url, transport = f"{server.url}/large.bin", Transport()
        if limit:
            assert transport.read_spans(url, SPANS) == [bytes(n) for _, n in SPANS]
            assert transport.read_spans(url, SPANS) == [bytes(n) for _, n in SPANS]
            assert len(server.requests) == 9
        else:
            with pytest.raises(OSError, match="ignores byte ranges"):
                transport.read_spans(url, SPANS)
        assert server.bytes_sent < 1 << 26


def test_only_one_request_finds_out(server: Any, url: str) -> None:
    server.faults.add(servers.only_several(servers.ignore_range))
    groups = [(url, SPANS)] * 20
    for _, data in Transport().read_groups(groups):
        assert data == EXACT
    assert len([text for text in _asked(server) if "," in text]) == 1


def test_files_cut_short_say_nothing_of_their_host(server: Any, url: str) -> None:
    for beyond in ((199_990, 20), (300_000, 5)):
        with pytest.raises(OSError, match=f"bytes at byte {beyond[0]}"):
            Transport().read_spans(url, [*SPANS, beyond])
    server.forget()
    assert Transport().read_spans(url, SPANS) == EXACT
    assert _asked(server) == [RANGES]

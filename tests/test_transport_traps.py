"""What once went wrong in the transport, and must not again."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import fsspec
import pytest

from emcatalog.errors import (
    AccessDeniedError,
    NotFoundError,
    TransportError,
    UnreachableError,
)
from emcatalog.transport import Transport, systems
from emcatalog.transport.http import _within
from emcatalog.transport.origin import Origin, translate
from emcatalog.transport.systems import system_of


def test_work_on_the_pool_may_use_the_pool() -> None:
    """With as many items as threads, each used to wait for the others for ever."""
    transport = Transport()

    def total(n: int) -> int:
        return sum(transport.map(int, range(n)))

    # a pool of its own, so that a failure is no hang of the whole suite
    with ThreadPoolExecutor(1) as watched:
        found = watched.submit(lambda: list(transport.map(total, range(40))))
        assert found.result(timeout=30) == [n * (n - 1) // 2 for n in range(40)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_while_a_file_system_is_being_opened(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "a").touch()
    opening = threading.Event()
    really = systems._open

    def slowly(origin: Origin) -> Any:
        opening.set()
        time.sleep(0.5)
        return really(origin)

    monkeypatch.setattr(systems, "_systems", {})
    monkeypatch.setattr(systems, "_open", slowly)
    url = str(tmp_path / "a")
    other = threading.Thread(target=Transport().exists, args=(url,))
    other.start()
    opening.wait()
    child = os.fork()
    if child == 0:
        # ends the child if it hangs; pytest-timeout has a handler of its own
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(10)
        os._exit(0 if Transport().exists(url) else 1)
    assert os.waitpid(child, 0)[1] == 0
    other.join()


def test_a_missing_object_is_no_empty_one_whatever_its_name() -> None:
    with pytest.raises(NotFoundError):
        Transport().read("memory://traps/orange.tif")
    fsspec.filesystem("memory").pipe("/traps/orange", b"abc")
    assert Transport().read_upto("memory://traps/orange", 1, 9) == b"bc"


class EndpointConnectionError(Exception):
    """As botocore's: neither an OSError nor a ConnectionError."""


class ReadTimeoutError(Exception):
    """As botocore's."""


class HttpError(Exception):
    """As gcsfs's."""

    code = 403


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (EndpointConnectionError("no http://h/slice_0403.dm3"), UnreachableError),
        (ReadTimeoutError("http://h/slice_0403.dm3"), UnreachableError),
        (HttpError("no"), AccessDeniedError),
        (OSError("Forbidden: https://a/b"), AccessDeniedError),
        (OSError(5, "Input/output error", "/Connectome/403.tif"), TransportError),
    ],
)
def test_names_of_files_say_nothing_of_the_fault(
    error: Exception, kind: type[TransportError]
) -> None:
    assert type(translate(error, Origin("s3://b/slice_0403.dm3"))) is kind


def test_the_length_of_an_empty_file(http_at: Any, tmp_path: Path) -> None:
    """Starlette, S3 and GCS answer 416, with a page that has a length of its own."""
    (tmp_path / "empty.bin").write_bytes(b"")
    assert Transport().size(f"{http_at(tmp_path).url}/empty.bin") == 0


def test_orderings_of_an_index_page_are_no_files() -> None:
    assert _within("https://a.org/d/x.tif", "https://a.org/d/")
    assert not _within("https://a.org/d/?C=N;O=D", "https://a.org/d/")


def test_idle_ftp_connections_that_all_died(ftp_at: Any, tmp_path: Path) -> None:
    """More of them than attempts: a server hangs up on all that are idle."""
    (tmp_path / "a").write_bytes(b"abc")
    url, transport = f"{ftp_at(tmp_path).url}/a", Transport()
    system: Any = system_of(transport.origin(url))
    connections = [system._connect(transport.origin(url)) for _ in range(6)]
    for connection in connections:
        connection.sock.shutdown(2)
    system._idle.extend(connections)
    assert transport.read_range(url, 0, 3) == b"abc"
    assert len(system._idle) == 1


def test_passwords_of_ftp_urls_are_unescaped(
    ftp_at: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = ftp_at(tmp_path).url.replace("ftp://", "ftp://me%40lab:p%40ss@")
    said: list[tuple[str, str]] = []
    monkeypatch.setattr("ftplib.FTP.login", lambda _, *words: said.append(words))
    with pytest.raises(TransportError):
        Transport(attempts=1).size(f"{url}/a")
    assert said == [("me@lab", "p@ss")]


def test_secrets_are_not_shown() -> None:
    assert "hush" not in repr(Transport({"headers": {"Authorization": "hush"}}))
    error = TransportError(got="ftp://me:hu@sh@a.org/x", expected="as ftp://u:hush@b")
    assert str(error) == "got ftp://a.org/x; expected as ftp://b"

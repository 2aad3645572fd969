"""TensorStore itself: opening once in each process, forks, and its errors as ours."""

from __future__ import annotations

import functools
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import tensorstore

from emcatalog.cache import cache_bytes
from emcatalog.errors import (
    AccessDeniedError,
    CorruptError,
    EmcatalogError,
    ForkError,
    FormatError,
    MemoryLimitError,
    NotFoundError,
    RangeError,
    TransportError,
    UnreachableError,
)
from emcatalog.recheck import RECHECK_SECONDS
from emcatalog.transport.patience import (
    LOWEST_SPEED,
    most_connections,
    timeout_seconds,
)

RETRIES = {"max_retries": 4, "initial_delay": "200ms", "max_delay": "5s"}
"""TensorStore doubles the delay each time, adds jitter and heeds no Retry-After."""
PROTOCOLS = ("http", "s3", "gcs")
REQUESTS = 128
"""How many requests one host is asked at a time, unless it is known to be slow."""
HTTP_THREADS = 64
"""Each keeps four connections when its requests have ended, no more, and opens a second
one to a host only when the first has answered. With TensorStore's own four threads most
requests of each block would connect anew, and those of the first block come late."""

_state = {"used": False, "forked": False}


def _after_fork() -> None:
    _state["forked"] = _state["used"]


if hasattr(os, "register_at_fork"):  # Windows has no forks
    os.register_at_fork(after_in_child=_after_fork)


def context() -> Any:
    """The TensorStore context of this process.

    Raises ForkError in a forked child of a process that has read through TensorStore:
    its threads are gone there, and any use would abort the child.
    """
    if _state["forked"]:
        raise ForkError(
            got="a read in a forked child of a process that has already read",
            expected="a process that was started afresh",
            hint="multiprocessing.set_start_method('forkserver') or 'spawn'; for a "
            "PyTorch DataLoader multiprocessing_context='forkserver'",
        )
    _state["used"] = True
    return _context(os.getpid(), cache_bytes() // 2)


@functools.lru_cache(maxsize=1)
def _context(pid: int, pool: int) -> Any:
    # TensorStore itself waits for ever; read when it makes its first request
    seconds = str(max(1, round(timeout_seconds())))
    os.environ.setdefault("TENSORSTORE_CURL_LOW_SPEED_TIME_SECONDS", seconds)
    os.environ.setdefault("TENSORSTORE_CURL_LOW_SPEED_LIMIT_BYTES", str(LOWEST_SPEED))
    os.environ.setdefault("TENSORSTORE_CURL_CONNECT_TIMEOUT_SECONDS", "20")
    os.environ.setdefault("TENSORSTORE_HTTP_THREADS", str(HTTP_THREADS))
    members: dict[str, Any] = {f"{p}_request_retries": RETRIES for p in PROTOCOLS}
    # indices of shards and recent chunks; without it each chunk costs three requests
    return tensorstore.Context(members | {"cache_pool": {"total_bytes_limit": pool}})


@functools.lru_cache(maxsize=64)
def _context_of(host: str, shared: Any) -> Any:
    """``shared`` with a limit of requests of the host's own.

    So that no host is asked too much, and one that is silent holds up no other.
    """
    limit = {"limit": most_connections(host, REQUESTS)}
    own = {f"{protocol}_request_concurrency": limit for protocol in PROTOCOLS}
    return tensorstore.Context(own, parent=shared)


def _host(spec: Mapping[str, Any]) -> str:
    """The URL of the server of an array's or a store's spec; empty for local files."""
    below = spec.get("kvstore") or spec.get("base")
    if isinstance(below, Mapping):
        return _host(below)
    if url := spec.get("base_url") or spec.get("endpoint"):
        return "{0.scheme}://{0.netloc}".format(urlsplit(url))
    return f"{spec['driver']}://{spec['bucket']}" if "bucket" in spec else ""


def traffic() -> tuple[int, int]:
    """Requests and bytes that TensorStore has read in this process so far."""
    metrics = tensorstore.experimental_collect_matching_metrics("/tensorstore/kvstore/")
    totals = {"read": 0, "bytes_read": 0}
    for metric in metrics:
        kind = metric["name"].rpartition("/")[2]
        if kind in totals:
            totals[kind] += sum(int(v.get("value", 0)) for v in metric["values"])
    return totals["read"], totals["bytes_read"]


def open_store(spec: str) -> Any:
    """Open a TensorStore spec (JSON text), once in each process."""
    # opened anew once in a while: it is then that answers kept so far become too old
    return _open(spec, os.getpid(), context(), int(time.time() // RECHECK_SECONDS))


@functools.lru_cache(maxsize=512)
def _open(spec: str, pid: int, shared: Any, period: int) -> Any:
    members = json.loads(spec)
    own = _context_of(_host(members), shared)
    # open=True here would read the metadata again, whatever the spec says
    return tensorstore.open(members, context=own).result()


def open_kvstore(spec: str) -> Any:
    """Open a key-value store (JSON text), once in each process."""
    return _open_kvstore(spec, os.getpid(), context())


@functools.lru_cache(maxsize=512)
def _open_kvstore(spec: str, pid: int, shared: Any) -> Any:
    members = json.loads(spec)
    own = _context_of(_host(members), shared)
    return tensorstore.KvStore.open(members, context=own).result()


def open_memory(spec: str, chunks: Mapping[bytes, bytes]) -> Any:
    """Open an array spec whose key-value store is exactly ``chunks``.

    The store lives in a context of its own, so readers know nothing of each other.
    """
    context()  # raises in a forked child
    own = tensorstore.Context()
    memory = {"driver": "memory"}
    store = tensorstore.KvStore.open(memory, context=own).result()
    for name, content in chunks.items():
        store[name] = content
    members = {**json.loads(spec), "kvstore": memory}
    return tensorstore.open(members, context=own).result()


def verify(spec: str) -> None:
    """Raise FormatError where TensorStore does not take the metadata of ``spec``.

    Starts no thread and no request, so the process may still fork afterwards.
    """
    try:
        tensorstore.Spec(json.loads(spec))
    except (ValueError, RuntimeError, OverflowError, TypeError) as error:
        raise FormatError(
            got=f"metadata that TensorStore refuses: {_brief(error)}",
            expected="an array of a supported data type and codec",
            hint="emcatalog reads what TensorStore reads; convert the volume, or ask "
            "its keeper",
        ) from error


PATTERNS: tuple[tuple[str, type[EmcatalogError], str, str], ...] = (
    (
        "was ignored by server|byte range .* was not satisfied",
        RangeError,
        "a server that answers byte ranges",
        "this server ignores ranges: copy the volume, or use a mirror",
    ),
    (
        "Content-Range header",
        RangeError,
        "one range of the file",
        "this server or a proxy before it answers ranges wrongly; a mirror does not",
    ),
    (
        "HTTP code (405|501)",
        TransportError,
        "a server that answers HEAD requests",
        "without them it cannot be told which chunks are stored; reading needs none",
    ),
    (
        r"HTTP code 3\d\d",
        TransportError,
        "the volume itself",
        "the server redirects to another place: open that URL",
    ),
    (
        "PERMISSION_DENIED|HTTP code 40[13]",
        AccessDeniedError,
        "a public volume",
        "the server refuses anonymous readers; pass credentials in storage_options",
    ),
    (
        "retry attempts failed|UNAVAILABLE|CURL error",
        UnreachableError,
        "an answer",
        "`emcatalog doctor` checks each host; EMCATALOG_MIRROR needs no network",
    ),
    ("RESOURCE_EXHAUSTED", MemoryLimitError, "a smaller request", "read a smaller box"),
    ("NOT_FOUND", NotFoundError, "a stored volume", "check the URL"),
)


@contextmanager
def translated(url: str) -> Iterator[None]:
    """Turn what TensorStore raises into errors of ours that name ``url``."""
    try:
        yield
    except EmcatalogError as error:
        error.about(url)
        raise
    except (ValueError, OSError, RuntimeError) as error:
        raise translate(error).about(url) from error


def translate(error: Exception) -> EmcatalogError:
    """The error of ours that says what one of TensorStore's means."""
    text = _brief(error)
    for pattern, kind, expected, hint in PATTERNS:
        if re.search(pattern, text):
            return kind(got=text, expected=expected, hint=hint)
    return CorruptError(
        got=text,
        expected="bytes that decode",
        hint="fetch the chunk again; if it stays so, it is damaged at its source",
    )


def _brief(error: Exception) -> str:
    """The message without TensorStore's internals, which fill pages."""
    internals = r" \[(source locations|tensorstore_spec|http_response_body)=.*"
    return re.sub(internals, "", str(error), flags=re.DOTALL) or type(error).__name__

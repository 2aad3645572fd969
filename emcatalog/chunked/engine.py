"""TensorStore itself: opening once in each process, forks, and its errors as ours."""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import tensorstore

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

CONTEXT = {
    # indices of shards and recent chunks; without it each chunk costs three requests
    "cache_pool": {"total_bytes_limit": 128 * 2**20},
    "http_request_concurrency": {"limit": 32},
    "s3_request_concurrency": {"limit": 32},
    "http_request_retries": {
        "max_retries": 4,
        "initial_delay": "100ms",
        "max_delay": "5s",
    },
    "s3_request_retries": {
        "max_retries": 4,
        "initial_delay": "100ms",
        "max_delay": "5s",
    },
    "gcs_request_retries": {
        "max_retries": 4,
        "initial_delay": "100ms",
        "max_delay": "5s",
    },
}

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
    return _context(os.getpid())


@functools.lru_cache(maxsize=1)
def _context(pid: int) -> Any:
    return tensorstore.Context(CONTEXT)


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
    return _open(spec, os.getpid(), context())


@functools.lru_cache(maxsize=512)
def _open(spec: str, pid: int, shared: Any) -> Any:
    # open=True here would read the metadata again, whatever the spec says
    return tensorstore.open(json.loads(spec), context=shared).result()


def open_kvstore(spec: str) -> Any:
    """Open a key-value store (JSON text), once in each process."""
    return _open_kvstore(spec, os.getpid(), context())


@functools.lru_cache(maxsize=512)
def _open_kvstore(spec: str, pid: int, shared: Any) -> Any:
    return tensorstore.KvStore.open(json.loads(spec), context=shared).result()


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
        "HTTP code (405|501)",
        TransportError,
        "a server that answers HEAD requests",
        "without them it cannot be told which chunks are stored; reading needs none",
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

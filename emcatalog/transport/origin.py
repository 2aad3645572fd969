"""Where bytes are read from, what a file system must do, and its errors as ours."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from emcatalog.errors import (
    AccessDeniedError,
    NotFoundError,
    RangeError,
    TransportError,
    TruncatedError,
    UnreachableError,
)
from emcatalog.transport.versions import Version, Versions

CUT_SHORT = ("ClientPayloadError", "IncompleteReadError", "ResponseParserError")
"""Of aiohttp and botocore."""


@dataclass(frozen=True)
class Origin:
    """A URL or local path, with the options of its file system.

    ``versions`` are those of the files that its reader has seen so far.
    """

    url: str
    options: Mapping[str, Any] = field(default_factory=dict)
    session_url: str = ""
    versions: Versions = field(default_factory=Versions)

    @property
    def scheme(self) -> str:
        """Protocol of the URL; ``file`` for a local path."""
        return self.url.split("://", 1)[0] if "://" in self.url else "file"


class System(Protocol):
    """One way to have bytes."""

    def span(self, origin: Origin, start: int, length: int) -> bytes:
        """At most ``length`` bytes from ``start``."""

    def whole(self, origin: Origin, limit: int, kind: str) -> bytes:
        """The whole file, if it is not larger than ``limit``."""

    def size(self, origin: Origin) -> int:
        """Length in bytes."""

    def version(self, origin: Origin) -> Version:
        """What is told of the content as it is now."""

    def names(self, origin: Origin) -> list[str]:
        """What lies in the folder; folders end in a slash."""


class BusyError(UnreachableError):
    """A server that asks to come back later (429, 5xx)."""

    retry_after: float = 0.0


class GarbledError(RangeError):
    """An answer to a range that contradicts itself or the request; it may pass."""


def hold_over_forks(lock: threading.Lock) -> None:
    """Take ``lock`` while the process forks.

    A child that is forked while another thread holds it would find it taken for ever.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=lock.acquire,
            after_in_parent=lock.release,
            after_in_child=lock.release,
        )


@contextlib.contextmanager
def translated(origin: Origin) -> Iterator[None]:
    """Turn what a file system raises into errors of ours."""
    try:
        yield
    except TransportError:
        raise
    except Exception as error:
        raise translate(error, origin) from error


def translate(error: Exception, origin: Origin) -> TransportError:
    """The error of ours that says what a foreign exception means."""
    # by kind and status: the text names the file, and files are called anything
    kind, status = type(error).__name__, _status(error)
    name = f"{kind}: {error}"
    refused = status in (401, 403) or str(error).startswith("Forbidden: ")  # of gcsfs
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return NotFoundError(
            got=f"nothing at {origin.url}",
            expected="a file",
            hint="check the spelling; `emcatalog doctor` tells which hosts answer",
        )
    if isinstance(error, PermissionError) or "Credential" in kind or refused:
        return AccessDeniedError(
            got=f"no permission to read {origin.url} ({name})",
            expected="a public object, or credentials",
            hint="pass credentials in storage_options, or a public URL",
        )
    absent = isinstance(error, ConnectionError | TimeoutError)
    if absent or "Connect" in kind or "Timeout" in kind:
        return unreachable(origin, name)
    if is_passing(status):
        return BusyError(
            got=f"{name} from {origin.url}",
            expected="bytes",
            hint="the server is overloaded or down: try again later",
        )
    if kind in CUT_SHORT:
        return TruncatedError(got=f"{name} from {origin.url}", expected="all bytes")
    return TransportError(got=f"{name} from {origin.url}", expected="bytes")


def is_passing(status: int) -> bool:
    """Whether an HTTP status says that the same request may be answered later."""
    return status in (408, 425, 429) or status >= 500


def _status(error: Exception) -> int:
    """The HTTP status that gcsfs or botocore (beneath s3fs) knows; 0 for none."""
    answer = getattr(error.__cause__, "response", None)
    facts = answer.get("ResponseMetadata", {}) if isinstance(answer, dict) else {}
    status = getattr(error, "code", None) or facts.get("HTTPStatusCode")
    return status if isinstance(status, int) else 0


def unreachable(origin: Origin, why: str) -> UnreachableError:
    """The error for a host that does not answer."""
    # without user and password
    host = urlsplit(origin.url).netloc.rpartition("@")[2] or origin.url
    return UnreachableError(
        got=f"no answer from {host} ({why})",
        expected="a connection",
        hint="`emcatalog doctor` checks each host; a mirror needs no network "
        "(EMCATALOG_MIRROR)",
    )

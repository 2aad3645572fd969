"""The file systems behind `Transport`: one small class for each way to have bytes.

A system answers `span` with at most the bytes asked for (fewer only at the end of the
file) or raises an error of ours. Retries, gates and lengths are the caller's business.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import fsspec

from emcatalog.errors import (
    AccessDeniedError,
    ContentError,
    NotFoundError,
    OptionError,
    TransportError,
    UnreachableError,
)


class BusyError(UnreachableError):
    """A server that asks to come back later (429, 5xx)."""

    retry_after: float = 0.0


@dataclass(frozen=True)
class Origin:
    """A URL or local path, with the options of its file system."""

    url: str
    options: Mapping[str, Any] = field(default_factory=dict)
    session_url: str = ""

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

    def names(self, origin: Origin) -> list[str]:
        """What lies in the folder; folders end in a slash."""


class Local:
    """Files on disk. A folder's own page is the ``index.html`` inside it."""

    def span(self, origin: Origin, start: int, length: int) -> bytes:
        """At most ``length`` bytes from ``start``."""
        with _translated(origin), open(self._file(origin), "rb") as file:
            file.seek(start)
            return file.read(length)

    def whole(self, origin: Origin, limit: int, kind: str) -> bytes:
        """The file, or one byte more than ``limit`` of it."""
        return self.span(origin, 0, limit + 1)

    def size(self, origin: Origin) -> int:
        """Length in bytes."""
        with _translated(origin):
            return self._file(origin).stat().st_size

    def names(self, origin: Origin) -> list[str]:
        """What lies in the folder."""
        with _translated(origin):
            entries = list(os.scandir(self._path(origin)))
        return [f"{entry.name}{'/' * entry.is_dir()}" for entry in entries]

    def _file(self, origin: Origin) -> Path:
        path = self._path(origin)
        return path / "index.html" if path.is_dir() else path

    @staticmethod
    def _path(origin: Origin) -> Path:
        text = origin.url
        if text.startswith("file://"):
            text = str(unquote(text.removeprefix("file://")))
        return Path(text).expanduser()


class Objects:
    """Any other file system of fsspec, such as S3 and GCS; anonymous by default."""

    def __init__(self, origin: Origin) -> None:
        self._system = _open_fsspec(origin)

    def span(self, origin: Origin, start: int, length: int) -> bytes:
        """At most ``length`` bytes from ``start``."""
        with _translated(origin):
            stop = start + length
            try:
                data = self._system.cat_file(origin.url, start=start, end=stop)
            except OSError as error:
                if "range" in str(error).lower():  # 416: the file ends before
                    return b""
                raise
        return bytes(data)

    def whole(self, origin: Origin, limit: int, kind: str) -> bytes:
        """The object, if it is not larger than ``limit``."""
        size = self.size(origin)
        if size > limit:
            raise ContentError(
                got=f"an object of {size} bytes", expected=f"at most {limit}"
            )
        with _translated(origin):
            return bytes(self._system.cat_file(origin.url))

    def size(self, origin: Origin) -> int:
        """Length in bytes."""
        with _translated(origin):
            return int(self._system.info(origin.url)["size"] or 0)

    def names(self, origin: Origin) -> list[str]:
        """What lies under the prefix."""
        with _translated(origin):
            rows = self._system.ls(origin.url, detail=True)
        return [_row_name(row) for row in rows]


def _row_name(row: Mapping[str, Any]) -> str:
    name = str(row["name"]).rstrip("/").rsplit("/", 1)[-1]
    return name + "/" * (row["type"] == "directory")


def _open_fsspec(origin: Origin) -> Any:  # fsspec has no types
    options = dict(origin.options)
    if origin.scheme == "s3":
        options.setdefault("anon", "key" not in options and "profile" not in options)
    if origin.scheme in ("gs", "gcs"):
        # gcsfs.GCSFileSystem asks a control plane for each bucket's type, which costs
        # a minute where only the storage API is reachable; this class does not
        from gcsfs.core import GCSFileSystem

        options.setdefault("token", "anon")
        return GCSFileSystem(**options, skip_instance_cache=True)
    try:
        return fsspec.filesystem(origin.scheme, **options, skip_instance_cache=True)
    except (ValueError, ImportError, TypeError) as error:
        raise OptionError(
            got=f"{origin.scheme}:// with the options {sorted(options)}: {error}",
            expected="a protocol and options that fsspec knows",
            hint="http, https, ftp, s3, gs and local paths need nothing installed",
        ) from error


_systems: dict[object, System] = {}
_lock = threading.Lock()


def system_of(origin: Origin) -> System:
    """The system that reads ``origin``, opened once for each process and options."""
    server = urlsplit(origin.url).netloc if origin.scheme == "ftp" else ""
    session = origin.session_url
    # keyed by process: loops and sockets do not survive a fork
    key = (
        os.getpid(),
        origin.scheme,
        server,
        session,
        repr(sorted(origin.options.items())),
    )
    with _lock:
        if key not in _systems:
            _systems[key] = _open(origin)
        return _systems[key]


def _open(origin: Origin) -> System:
    from emcatalog.transport.ftp import Ftp
    from emcatalog.transport.http import Http

    if origin.scheme == "file":
        return Local()
    if origin.scheme in ("http", "https"):
        return Http(origin)
    if origin.scheme == "ftp":
        return Ftp(origin)
    return Objects(origin)


class _translated:
    """Turn what a file system raises into errors of ours."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: object, error: BaseException | None, trace: object
    ) -> None:
        if error is None or not isinstance(error, Exception):
            return
        if isinstance(error, TransportError):
            return
        raise translate(error, self._origin) from error


def translate(error: Exception, origin: Origin) -> TransportError:
    """The error of ours that says what a foreign exception means."""
    name = f"{type(error).__name__}: {error}"
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return NotFoundError(
            got=f"nothing at {origin.url}",
            expected="a file",
            hint="check the spelling; `emcatalog doctor` tells whether its host answers",
        )
    if isinstance(error, PermissionError) or "Credential" in name or "403" in name:
        return AccessDeniedError(
            got=f"no permission to read {origin.url} ({name})",
            expected="a public object, or credentials",
            hint="pass credentials in storage_options, or a public URL",
        )
    if isinstance(error, ConnectionError | TimeoutError) or "Connect" in name:
        return unreachable(origin, name)
    return TransportError(got=f"{name} from {origin.url}", expected="bytes")


def unreachable(origin: Origin, why: str) -> UnreachableError:
    """The error for a host that does not answer."""
    host = urlsplit(origin.url).netloc or origin.url
    return UnreachableError(
        got=f"no answer from {host} ({why})",
        expected="a connection",
        hint="`emcatalog doctor` checks each host; a mirror needs no network "
        "(EMCATALOG_MIRROR)",
    )

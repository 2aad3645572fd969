"""Object stores and every other file system that fsspec knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import fsspec

from emcatalog.errors import OptionError
from emcatalog.transport.origin import Origin, translated
from emcatalog.transport.patience import timeout_seconds
from emcatalog.transport.versions import Version


class Objects:
    """Any other file system of fsspec, such as S3 and GCS; anonymous by default."""

    def __init__(self, origin: Origin) -> None:
        self._system = _open_fsspec(origin)

    def span(self, origin: Origin, start: int, length: int) -> bytes:
        """At most ``length`` bytes from ``start``."""
        with translated(origin):
            stop = start + length
            try:
                data = self._system.cat_file(origin.url, start=start, end=stop)
            except OSError as error:
                if _is_past_the_end(error):
                    return b""
                raise
        return bytes(data)

    def whole(self, origin: Origin, limit: int, kind: str) -> bytes:
        """The object, or one byte more than ``limit`` of it, in one request."""
        return self.span(origin, 0, limit + 1)

    def size(self, origin: Origin) -> int:
        """Length in bytes."""
        with translated(origin):
            return int(self._system.info(origin.url)["size"] or 0)

    def version(self, origin: Origin) -> Version:
        """What the store tells of the object."""
        with translated(origin):
            facts = self._system.info(origin.url)
        tag = facts.get("ETag") or facts.get("etag")  # of S3, of GCS
        return Version(str(tag) if tag else None, size=int(facts["size"] or 0))

    def names(self, origin: Origin) -> list[str]:
        """What lies under the prefix."""
        with translated(origin):
            rows = self._system.ls(origin.url, detail=True)
        return [_row_name(row) for row in rows]


def _is_past_the_end(error: OSError) -> bool:
    """Whether an object store says 416, and not that there is no ``orange.tif``."""
    if isinstance(error, FileNotFoundError | PermissionError):
        return False
    said = str(error).lower()
    return ("range" in said and "satisf" in said) or "invalidrange" in said


def _row_name(row: Mapping[str, Any]) -> str:
    name = str(row["name"]).rstrip("/").rsplit("/", 1)[-1]
    return f"{name}/" if row["type"] == "directory" else name


def _open_fsspec(origin: Origin) -> Any:  # fsspec has no types
    options = {"use_listings_cache": False, **origin.options}
    if origin.scheme == "s3":
        options.setdefault("anon", "key" not in options and "profile" not in options)
        options.setdefault("config_kwargs", _s3_manners())
    if origin.scheme in ("gs", "gcs"):
        # gcsfs.GCSFileSystem asks a control plane for each bucket's type, which costs
        # a minute where only the storage API is reachable; this class does not
        from gcsfs.core import GCSFileSystem

        options.setdefault("token", "anon")
        return GCSFileSystem(**options, skip_instance_cache=True)
    try:
        system = fsspec.filesystem(origin.scheme, **options, skip_instance_cache=True)
    except (ValueError, ImportError, TypeError) as error:
        raise OptionError(
            got=f"{origin.scheme}:// with the options {sorted(options)}: {error}",
            expected="a protocol and options that fsspec knows",
            hint="http, https, ftp, s3, gs and local paths need nothing installed",
        ) from error
    system.retries = 1  # of s3fs
    return system


def _s3_manners() -> dict[str, Any]:
    """Patience of botocore: who asks again after a pause is Transport alone."""
    seconds = timeout_seconds()
    return {
        "retries": {"max_attempts": 0},
        "connect_timeout": 20,
        "read_timeout": seconds,
    }

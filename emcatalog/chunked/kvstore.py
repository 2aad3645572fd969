"""Where TensorStore finds the bytes of a URL: the spec of its key-value store."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from emcatalog.errors import FormatError, OptionError
from emcatalog.transport import Transport
from emcatalog.transport.gcs import public_url

Json = dict[str, Any]
LONGEST_NAME = 255
"""Bytes that a file's name may have on common file systems; longer ones are damage."""


def kvstore(url: str, transport: Transport) -> Json:
    """The key-value store of the folder ``url``, after mirrors.

    S3 and GCS are read anonymously unless the storage options carry credentials:
    ``profile`` for S3, ``token`` for GCS (any value but "anon" means Google's default
    credentials). ``endpoint_url`` names another server than Amazon's or Google's.
    Raises OptionError for a protocol that TensorStore does not speak.
    """
    store = _store(folder(url), transport)
    if store["driver"] == "file":
        store["path"] += "/"
    return store


def zipped(url: str, transport: Transport, inside: str = "") -> Json:
    """The folder ``inside`` of the zip file ``url``, after mirrors.

    ``inside`` is empty or ends in a slash. TensorStore reads the directory of the zip
    file once and each member by its range; it passes over members that it cannot
    unpack, so `emcatalog.transport.archive.Archive.check` must come first.
    """
    return {"driver": "zip", "base": _store(url, transport), "path": inside}


def is_local(store: Json) -> bool:
    """Whether a key-value store lies on this machine, also in zip files and shards."""
    while "base" in store:
        store = store["base"]
    return bool(store["driver"] == "file")


@functools.lru_cache(maxsize=1024)
def local_folder(store: str) -> str:
    """The folder, with a slash at its end, whose files are the objects of a store.

    ``store`` is JSON text; empty for servers, zip files and shards.
    """
    members = json.loads(store)
    return str(members["path"]) if members["driver"] == "file" else ""


def _store(url: str, transport: Transport) -> Json:
    origin = transport.origin(url)
    if origin.scheme == "file":
        return {"driver": "file", "path": str(_path(origin.url))}
    if origin.scheme in ("http", "https"):
        return _http(origin.url, origin.options)
    if origin.scheme == "s3":
        return _s3(origin.url, origin.options)
    if origin.scheme in ("gs", "gcs"):
        return _gcs(origin.url, origin.options)
    raise OptionError(
        entry=url,
        got=f"{origin.scheme}:// for a chunked volume",
        expected="http, https, s3, gs or a local path",
        hint="most archives serve the same files by https",
    )


def folder(url: str) -> str:
    """``url`` with exactly one slash at the end of its path; a query stays behind it.

    >>> folder("https://a.org/v.zarr?token=1")
    'https://a.org/v.zarr/?token=1'
    """
    path, query = _parted(url)
    return f"{path.rstrip('/')}/{query}"


def child(url: str, path: str) -> str:
    """The URL of ``path`` inside the folder ``url``.

    ``path`` comes out of metadata: it is escaped where ``url`` is, and may not leave
    the folder. Raises FormatError if it would.

    >>> child("https://a.org/v.zarr?token=1", "s 0/.zarray")
    'https://a.org/v.zarr/s%200/.zarray?token=1'
    """
    parts = [part for part in path.split("/") if part not in ("", ".")]
    leaves = ".." in parts or path.startswith("/") or "\\" in path or "\0" in path
    if leaves or not all(map(_is_name, parts)):
        raise FormatError(
            entry=url,
            got=f"the path {path!r} in its metadata",
            expected="a path inside the volume's folder, of names of at most "
            f"{LONGEST_NAME} bytes",
            hint="open the folder that the path leads to",
        )
    inside = "/".join(parts)
    place, query = _parted(folder(url))
    escaped = url.startswith(("http://", "https://", "file://"))
    return f"{place}{quote(inside) if escaped else inside}{query}"


def _is_name(part: str) -> bool:
    try:
        return len(part.encode()) <= LONGEST_NAME
    except UnicodeEncodeError:  # JSON can hold half of a character
        return False


def above(store: Json) -> tuple[Json, str]:
    """The key-value store of the folder above, and this folder's name in it.

    >>> above({"driver": "file", "path": "/data/volume/8_8_8/"})
    ({'driver': 'file', 'path': '/data/volume/'}, '8_8_8')
    """
    member = "base_url" if store["driver"] == "http" else "path"
    place, query = _parted(store[member])
    parent, _, name = place.rstrip("/").rpartition("/")
    if member == "base_url":
        name = unquote(name)
    return {**store, member: f"{parent}/{query}"}, name


def local_path(url: str, transport: Transport) -> Path | None:
    """Where ``url`` lies on this machine, after mirrors; None if it does not."""
    origin = transport.origin(url)
    return _path(origin.url) if origin.scheme == "file" else None


def _parted(url: str) -> tuple[str, str]:
    """A URL up to its query, and the query with its question mark."""
    if url.startswith(("http://", "https://")):
        path, mark, query = url.partition("?")
        return path, mark + query
    return url, ""


def _path(place: str) -> Path:
    if place.startswith("file://"):
        place = unquote(place.removeprefix("file://"))
    # made absolute, because another process may have another working directory
    # pathlib's raises for an unknown user
    path = Path(os.path.expanduser(place)).absolute()  # noqa: PTH111
    return path.resolve() if ".." in path.parts else path  # TensorStore refuses them


def _http(place: str, options: Mapping[str, Any]) -> Json:
    headers = dict(options.get("headers", {}))
    headers |= options.get("client_kwargs", {}).get("headers", {})
    lines = [f"{name}: {value}" for name, value in headers.items()]
    return {"driver": "http", "base_url": place} | ({"headers": lines} if lines else {})


def _s3(place: str, options: Mapping[str, Any]) -> Json:
    client = options.get("client_kwargs", {})
    spec: Json = {"driver": "s3", **_object(place)}
    if endpoint := options.get("endpoint_url") or client.get("endpoint_url"):
        spec["endpoint"] = endpoint
        spec["aws_region"] = "us-east-1"  # saves a request that asks for the region
    if region := client.get("region_name"):
        spec["aws_region"] = region
    if "key" in options or "secret" in options:
        raise OptionError(
            got="an access key in storage_options",
            expected="a profile of ~/.aws/credentials for chunked volumes on S3",
            hint="storage_options={'profile': NAME}",
        )
    if profile := options.get("profile"):
        spec["aws_credentials"] = {"type": "profile", "profile": profile}
    elif options.get("anon", True):
        spec["aws_credentials"] = {"type": "anonymous"}
    return spec


def _object(place: str) -> Json:
    # no URL parser: ? and # are letters in the names of objects, and a path cut there
    # would lead to chunks that are absent, which read as zeros
    bucket, _, path = place.partition("://")[2].partition("/")
    return {"bucket": bucket, "path": path.lstrip("/")}


def _gcs(place: str, options: Mapping[str, Any]) -> Json:
    if options.get("token", "anon") != "anon":
        return {"driver": "gcs", **_object(place)}
    # TensorStore's own GCS driver asks for credentials even where none are needed
    return _http(public_url(place, options), {})

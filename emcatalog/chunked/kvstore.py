"""Where TensorStore finds the bytes of a URL: the spec of its key-value store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from emcatalog.errors import OptionError
from emcatalog.transport import Transport

GCS = "https://storage.googleapis.com"
Json = dict[str, Any]


def kvstore(url: str, transport: Transport) -> Json:
    """The key-value store of the folder ``url``, after mirrors.

    S3 and GCS are read anonymously unless the storage options carry credentials:
    ``profile`` for S3, ``token`` for GCS (any value but "anon" means Google's default
    credentials). ``endpoint_url`` names another server than Amazon's or Google's.
    Raises OptionError for a protocol that TensorStore does not speak.
    """
    origin = transport.origin(url)
    place = origin.url.rstrip("/") + "/"
    if origin.scheme == "file":
        return {"driver": "file", "path": unquote_file(place)}
    if origin.scheme in ("http", "https"):
        return _http(place, origin.options)
    if origin.scheme == "s3":
        return _s3(place, origin.options)
    if origin.scheme in ("gs", "gcs"):
        return _gcs(place, origin.options)
    raise OptionError(
        got=f"{origin.scheme}:// for a chunked volume",
        expected="http, https, s3, gs or a local path",
        hint="most archives serve the same files by https",
    )


def unquote_file(place: str) -> str:
    """The path of a ``file://`` URL or of a plain local path."""
    if place.startswith("file://"):
        return unquote(place.removeprefix("file://"))
    return place


def _http(place: str, options: Mapping[str, Any]) -> Json:
    headers = dict(options.get("headers", {}))
    headers |= options.get("client_kwargs", {}).get("headers", {})
    lines = [f"{name}: {value}" for name, value in headers.items()]
    return {"driver": "http", "base_url": place} | ({"headers": lines} if lines else {})


def _s3(place: str, options: Mapping[str, Any]) -> Json:
    parts = urlsplit(place)
    client = options.get("client_kwargs", {})
    spec: Json = {
        "driver": "s3",
        "bucket": parts.netloc,
        "path": parts.path.lstrip("/"),
    }
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


def _gcs(place: str, options: Mapping[str, Any]) -> Json:
    parts = urlsplit(place)
    if options.get("token", "anon") != "anon":
        return {
            "driver": "gcs",
            "bucket": parts.netloc,
            "path": parts.path.lstrip("/"),
        }
    # TensorStore's own GCS driver asks for credentials even where none are needed
    endpoint = str(options.get("endpoint_url", GCS)).rstrip("/")
    return _http(f"{endpoint}/{parts.netloc}{quote(parts.path)}", {})

"""The servers of a catalog: do they answer, to anyone, and by byte ranges?"""

from __future__ import annotations

import os
import queue
import re
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from emcatalog.catalog import VolumeCatalog, entries
from emcatalog.cli.arguments import source_of
from emcatalog.cli.doctor.finding import Finding
from emcatalog.driver import VolumeSource
from emcatalog.errors import (
    AccessDeniedError,
    ContentError,
    EmcatalogError,
    NotFoundError,
    RangeError,
    UnreachableError,
)
from emcatalog.mirror import Mirrors, current_mirrors
from emcatalog.transport import Transport

SECTION = "servers"
BYTES = 16
PAGE_LIMIT = 2**22

HEADS = {
    "ngff": ("/.zattrs", "/zarr.json", "/attributes.json"),
    "precomputed": ("/info",),
    "idr": ("/webclient/imgData/{image_id}/",),
}
"""Small objects that a source of each driver has; of other drivers the file itself."""


@dataclass(frozen=True)
class Probe:
    """A small object on a server, and who needs the server."""

    host: str
    urls: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict, compare=False)
    entries: tuple[str, ...] = ()


def probes(catalog: VolumeCatalog, *, nested: bool = False) -> list[Probe]:
    """One probe for each server or bucket that entries of ``catalog`` read from.

    Entries of nested catalogs count only if ``nested``.
    """
    found: dict[str, Probe] = {}
    names = [name for name, _ in entries(catalog) if nested or "." not in name]
    for name in names:
        try:
            source = source_of(catalog, name)
        except EmcatalogError:
            continue  # the check of the catalog tells
        for probe in _probes_of(source):
            known = found.setdefault(probe.host, probe)
            users = tuple(dict.fromkeys((*known.entries, name)))
            found[probe.host] = replace(known, entries=users)
    return list(found.values())


def hosts(found: Iterable[Probe], timeout: float) -> Iterator[Finding]:
    """Ask all servers at once; one that has not answered in time is given up.

    Mirror directories are left aside, since it is the servers that are asked; prefix
    rules are followed. Takes ``timeout`` seconds at most.
    """
    answers: queue.Queue[tuple[Probe, Finding]] = queue.Queue()
    waiting = {probe.host: probe for probe in found}
    mirrors = _rules_only()
    for probe in waiting.values():
        # daemons: a name server that hangs must not keep the process alive
        work = threading.Thread(
            target=_ask, args=(probe, mirrors, answers), name=probe.host, daemon=True
        )
        work.start()
    deadline = time.monotonic() + timeout
    while waiting:
        try:
            left = max(0.0, deadline - time.monotonic())
            probe, finding = answers.get(timeout=left)
        except queue.Empty:
            break
        waiting.pop(probe.host)
        yield finding
    for probe in waiting.values():
        text = f"no answer in {timeout:g} s"
        yield _finding(probe, "note", text, "a larger --timeout")


def _rules_only() -> Mirrors:
    try:
        return replace(current_mirrors(), roots=())
    except EmcatalogError:
        return Mirrors()  # a mirror that is gone is told elsewhere


def _probes_of(source: VolumeSource) -> Iterator[Probe]:
    place = source.options.get("urlpath", "")
    first = place if isinstance(place, str) else str(next(iter(place), ""))
    options = dict(source.storage_options or {})
    yield from _probe(_heads(source, first), options)
    other = source.options.get("file_url")
    if other:
        yield from _probe((str(other),), options)


def _probe(urls: tuple[str, ...], options: dict[str, Any]) -> Iterator[Probe]:
    parts = urlsplit(urls[0])
    if parts.scheme and parts.netloc and parts.scheme != "file":
        yield Probe(f"{parts.scheme}://{parts.netloc}", urls, options)


def _heads(source: VolumeSource, url: str) -> tuple[str, ...]:
    url = url.removeprefix("precomputed://")
    tails = HEADS.get(type(source).name)
    if tails is None:
        return (_first_file(url),)
    known = {"image_id": source.options.get("image_id", "")}
    return tuple(url.rstrip("/") + tail.format(**known) for tail in tails)


def _first_file(url: str) -> str:
    """The first file of a series; the folder, where a pattern does not tell it."""
    url = re.sub(r"\{(\d+)\.\.\d+\}", r"\1", url, count=1)
    return url if not re.search(r"[*?\[{]", url) else f"{url.rpartition('/')[0]}/"


def _ask(probe: Probe, mirrors: Mirrors, answers: queue.Queue[Any]) -> None:
    try:
        finding = _answer(probe, mirrors)
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        # whatever a library of some protocol raises, the others go on
        finding = _finding(probe, "warn", f"fails: {type(error).__name__}: {error}")
    answers.put((probe, finding))


def _answer(probe: Probe, mirrors: Mirrors) -> Finding:
    transport = _transport(probe, mirrors)
    name = _server(probe, transport)
    if not _resolved(name):
        return _finding(probe, "note", f"the name {name} is not resolved: offline?")
    for url in probe.urls:
        begun = time.perf_counter()
        try:
            told = _taken(transport, url)
        except NotFoundError:
            continue
        except EmcatalogError as error:
            return _refused(probe, error)
        took = (time.perf_counter() - begun) * 1000
        return _finding(probe, "ok", f"{told}, in {took:.0f} ms")
    text = f"answers, but not with {probe.urls[0]}"
    return _finding(probe, "warn", text, "the data may have moved")


def _transport(probe: Probe, mirrors: Mirrors) -> Transport:
    url = probe.urls[0]
    # where a rule leads to another protocol, options of the first mean nothing
    same = urlsplit(mirrors.resolve(url)).scheme == urlsplit(url).scheme
    return Transport(probe.options if same else {}, mirrors, attempts=1)


def _resolved(name: str) -> bool:
    proxies = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
    if not name or any(os.environ.get(proxy) for proxy in proxies):
        return True  # a proxy resolves names itself
    try:
        socket.getaddrinfo(name, None)
    except OSError:
        return False
    return True


def _taken(transport: Transport, url: str) -> str:
    # servers make pages on request, and few of them by ranges; none needs it
    if url.endswith("/"):
        return f"answers anyone, {len(transport.read(url, limit=PAGE_LIMIT))} bytes"
    data = transport.read_upto(url, 0, BYTES)
    return f"answers anyone, by byte ranges, {len(data)} bytes"


def _server(probe: Probe, transport: Transport) -> str:
    """The name that must be resolved: that of the server behind a bucket."""
    parts = urlsplit(transport.resolve(probe.urls[0]))
    if parts.scheme in ("gs", "gcs"):
        return "storage.googleapis.com"
    if parts.scheme == "s3":
        client = dict(probe.options.get("client_kwargs") or {})
        endpoint = client.get("endpoint_url") or probe.options.get("endpoint_url")
        return urlsplit(str(endpoint or "https://s3.amazonaws.com")).hostname or ""
    return parts.hostname or ""


def _refused(probe: Probe, error: EmcatalogError) -> Finding:
    told: dict[type[EmcatalogError], str] = {
        AccessDeniedError: "refuses anonymous readers",
        RangeError: "ignores byte ranges",
        ContentError: "sends something else",
    }
    if isinstance(error, UnreachableError):
        return _finding(probe, "note", f"not reached: {error.got}")
    text = next((t for kind, t in told.items() if isinstance(error, kind)), "fails")
    return _finding(probe, "warn", f"{text}: {error.got}", error.hint)


def _finding(probe: Probe, state: Any, text: str, hint: str = "") -> Finding:
    return Finding(SECTION, probe.host, state, text, hint, probe.entries)

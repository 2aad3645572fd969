"""The servers of a catalog: do they answer, to anyone, and by byte ranges?"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from emcatalog.catalog import VolumeCatalog, entries
from emcatalog.cli.arguments import source_of
from emcatalog.cli.doctor.finding import Finding, State
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

BYTES = 16
PAGE_LIMIT = 2**22

HEADS = {
    "ngff": ("/.zattrs", "/zarr.json", "/attributes.json"),
    "precomputed": ("/info",),
    "idr": ("/webclient/imgData/{image_id}/",),
}
"""Small objects that a source of each driver has; of other drivers the file itself."""

FAULTS: dict[type[EmcatalogError], tuple[State, str]] = {
    UnreachableError: ("note", "not reached"),
    AccessDeniedError: ("warn", "refuses anonymous readers"),
    RangeError: ("warn", "ignores byte ranges"),
    ContentError: ("warn", "sends something else"),
    EmcatalogError: ("warn", "fails"),
}


@dataclass(frozen=True)
class Probe:
    """A small object on a server, at one of several ``urls``, and who needs it."""

    host: str
    urls: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)
    entries: tuple[str, ...] = ()

    def finding(self, state: State, text: str, hint: str = "") -> Finding:
        """What asking told."""
        return Finding("servers", self.host, state, text, hint, self.entries)


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
    return sorted(found.values(), key=lambda probe: probe.host)


def hosts(found: Iterable[Probe], timeout: float) -> Iterator[Finding]:
    """Ask all servers at once; one that has not answered in time is given up.

    Mirror directories are left aside, since it is the servers that are asked; prefix
    rules are followed. Takes ``timeout`` seconds at most.
    """
    answers: dict[str, Finding] = {}
    mirrors = _rules_only()

    def ask(probe: Probe) -> None:
        try:
            answers[probe.host] = _answer(probe, mirrors)
        except (OSError, ValueError, TypeError, RuntimeError) as error:
            # whatever a library of some protocol raises, the others go on
            text = f"fails: {type(error).__name__}: {error}"
            answers[probe.host] = probe.finding("warn", text)

    asked = [(p, threading.Thread(target=ask, args=(p,), daemon=True)) for p in found]
    # ^ daemons: a name server that hangs must not keep the process alive
    for _, thread in asked:
        thread.start()
    deadline = time.monotonic() + timeout
    for probe, thread in asked:
        thread.join(max(0.0, deadline - time.monotonic()))
        late = probe.finding(
            "note", f"no answer in {timeout:g} s", "a larger --timeout"
        )
        yield answers.get(probe.host, late)


def _rules_only() -> Mirrors:
    try:
        return replace(current_mirrors(), roots=())
    except EmcatalogError:
        return Mirrors()  # a mirror that is gone is told elsewhere


def _probes_of(source: VolumeSource) -> Iterator[Probe]:
    place = source.options.get("urlpath", "")
    first = place if isinstance(place, str) else str(next(iter(place), ""))
    options = dict(source.storage_options or {})
    for urls in (_heads(source, first), (str(source.options.get("file_url") or ""),)):
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


def _answer(probe: Probe, mirrors: Mirrors) -> Finding:
    transport = Transport(probe.options, mirrors, attempts=1)
    for url in probe.urls:
        begun = time.perf_counter()
        try:
            told = _taken(transport, url)
        except NotFoundError:
            continue
        except EmcatalogError as error:
            state, text = next(f for k, f in FAULTS.items() if isinstance(error, k))
            hint = "" if state == "note" else error.hint
            return probe.finding(state, f"{text}: {error.got}", hint)
        took = (time.perf_counter() - begun) * 1000
        return probe.finding("ok", f"{told}, in {took:.0f} ms")
    text = f"answers, but not with {probe.urls[0]}"
    return probe.finding("warn", text, "the data may have moved")


def _taken(transport: Transport, url: str) -> str:
    # servers make pages on request, and few of them by ranges; none needs it
    if url.endswith("/"):
        return f"answers anyone, {len(transport.read(url, limit=PAGE_LIMIT))} bytes"
    data = transport.read_upto(url, 0, BYTES)
    return f"answers anyone, by byte ranges, {len(data)} bytes"

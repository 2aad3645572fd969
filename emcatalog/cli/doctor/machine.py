"""The machine: memory, disks, the mirror and the catalog."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import platformdirs
from dask.utils import format_bytes

from emcatalog.catalog import VolumeCatalog, problems
from emcatalog.cli.doctor.finding import Finding
from emcatalog.errors import EmcatalogError
from emcatalog.mirror import MIRROR_VARIABLE, current_mirrors
from emcatalog.volume import MEMORY_VARIABLE, memory_limit

SECTION = "machine"
LITTLE = 2**30
"""Less free disk space than this is worth a warning."""


def machine() -> Iterator[Finding]:
    """The memory limit, the disks that are written to, and the mirror."""
    yield _limit()
    yield _disk("this folder", Path.cwd())
    yield _disk("cache", platformdirs.user_cache_path("emcatalog"))
    yield _mirror()


def catalog_findings(catalog: VolumeCatalog, name: str) -> Iterator[Finding]:
    """What is wrong with the entries of a catalog; one finding if nothing is."""
    try:
        found = problems(catalog)
    except ImportError as error:
        found = [f"a driver does not load: {error}"]
    for problem in found:
        yield Finding("catalog", name, "broken", problem)
    if not found:
        yield Finding("catalog", name, "ok", "every entry fits its driver")


def _limit() -> Finding:
    try:
        limit = memory_limit()
    except EmcatalogError as error:
        hint = f"export {MEMORY_VARIABLE}=4GiB, or unset it"
        return Finding(SECTION, "memory limit", "broken", str(error), hint)
    chosen = MEMORY_VARIABLE in os.environ
    why = f"from {MEMORY_VARIABLE}" if chosen else "half of what is free"
    return Finding(SECTION, "memory limit", "ok", f"{format_bytes(limit)}, {why}")


def _disk(name: str, place: Path) -> Finding:
    there = next(p for p in (place, *place.parents) if p.exists())
    if not os.access(there, os.W_OK):
        return Finding(SECTION, name, "warn", f"{there} is not writable")
    free = shutil.disk_usage(there).free
    text = f"{format_bytes(free)} free at {place}"
    if free < LITTLE:
        return Finding(SECTION, name, "warn", text, "free some disk space")
    return Finding(SECTION, name, "ok", text)


def _mirror() -> Finding:
    try:
        roots = current_mirrors().roots
    except EmcatalogError as error:
        return Finding(SECTION, "mirror", "broken", str(error), error.hint)
    told = f"read first: {', '.join(roots)}" if roots else f"none; {MIRROR_VARIABLE}"
    return Finding(SECTION, "mirror", "ok", told if roots else f"{told} is not set")

"""The caches: how much memory they may take, where the disk cache is, how full."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from dask.utils import format_bytes

from emcatalog.cache import DiskCache, cache_bytes, disk_cache
from emcatalog.cache.budget import CACHE_VARIABLE
from emcatalog.cache.settings import FOLDER_VARIABLE, LIMIT_VARIABLE
from emcatalog.cli.doctor.finding import Finding
from emcatalog.errors import EmcatalogError

SECTION = "caches"


def caches() -> Iterator[Finding]:
    """The memory of the caches, and the disk cache if there is one."""
    yield _memory()
    yield _disk()


def _memory() -> Finding:
    try:
        limit = cache_bytes()
    except EmcatalogError as error:
        hint = f"export {CACHE_VARIABLE}=1GiB, or unset it"
        return Finding(SECTION, "memory", "broken", str(error), hint)
    half = format_bytes(limit // 2)
    text = f"at most {format_bytes(limit)}: {half} decoded chunks, {half} pages"
    return Finding(SECTION, "memory", "ok", text)


def _disk() -> Finding:
    try:
        cache = disk_cache()
    except EmcatalogError as error:
        return Finding(SECTION, "disk", "broken", str(error), error.hint)
    if cache is None:
        return Finding(SECTION, "disk", "ok", f"none; {FOLDER_VARIABLE} is not set")
    return _filled(cache, cache.used())


def _filled(cache: DiskCache, used: int) -> Finding:
    text = f"{format_bytes(used)} of {format_bytes(cache.limit)} in {cache.folder}"
    free = shutil.disk_usage(cache.folder).free
    if free >= cache.limit - used:
        return Finding(SECTION, "disk", "ok", text)
    text += f", but the disk has only {format_bytes(free)} left"
    hint = f"export {LIMIT_VARIABLE}={(used + free // 2) // 2**20}MiB"
    return Finding(SECTION, "disk", "warn", text, hint)

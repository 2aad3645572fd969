"""How much memory the caches of a process may take, all sources together."""

from __future__ import annotations

import functools
import os

import psutil

from emcatalog.cache.memory import MemoryCache
from emcatalog.errors import EmcatalogError
from emcatalog.units import parse_bytes

CACHE_VARIABLE = "EMCATALOG_CACHE"
MOST = 512 * 2**20
"""Bytes that are taken without being told to, on a machine with much memory."""
SHARE = 16
"""Of the machine's memory one part in so many is taken without being told to."""


def cache_bytes() -> int:
    """Bytes of memory for the caches of this process: EMCATALOG_CACHE, or a default.

    The variable is a number of bytes or a size such as ``1GiB``; 0 is no cache. Half
    is TensorStore's, for decoded chunks and the indices of shards, half is
    `page_cache`. Without the variable it is 512 MiB, or a sixteenth of the memory of a
    smaller machine. Raises OptionError for what is no size.
    """
    told = size_of(CACHE_VARIABLE)
    return _usual() if told is None else told


def size_of(variable: str) -> int | None:
    """The size in an environment variable; None if it is not set, or empty.

    Raises OptionError, which names the variable, for what is no size.
    """
    text = os.environ.get(variable, "")
    try:
        return parse_bytes(text) if text else None
    except EmcatalogError as error:
        error.about(variable)
        raise


def page_cache() -> MemoryCache:
    """The cache of this process for encoded chunks and decoded pages of all sources.

    Its limit is half of `cache_bytes`. A forked child has one of its own, empty.
    """
    return _page_cache(os.getpid(), cache_bytes() // 2)


@functools.lru_cache(maxsize=1)
def _page_cache(pid: int, limit: int) -> MemoryCache:
    # keyed by process: a lock that another thread held at a fork would stay locked
    return MemoryCache(limit)


@functools.lru_cache(maxsize=1)
def _usual() -> int:
    return min(MOST, psutil.virtual_memory().total // SHARE)

"""What is kept so that it need not be fetched or decoded again, in memory and on disk.

Both caches belong to the process and the machine, not to a volume: every source shares
one bound of memory, and every process one folder.
"""

from emcatalog.cache.budget import cache_bytes, page_cache
from emcatalog.cache.disk import DiskCache
from emcatalog.cache.later import drop_latest, flush, put_later
from emcatalog.cache.memory import MemoryCache
from emcatalog.cache.settings import disk_cache

__all__ = [
    "DiskCache",
    "MemoryCache",
    "cache_bytes",
    "disk_cache",
    "drop_latest",
    "flush",
    "page_cache",
    "put_later",
]

"""Which folder of the machine the disk cache is, if there is one."""

from __future__ import annotations

import functools
import os
from pathlib import Path

from emcatalog.cache.budget import size_of
from emcatalog.cache.disk import DiskCache
from emcatalog.errors import OptionError

FOLDER_VARIABLE = "EMCATALOG_DISK_CACHE"
LIMIT_VARIABLE = "EMCATALOG_DISK_CACHE_LIMIT"
USUAL_LIMIT = 20 * 2**30


def disk_cache() -> DiskCache | None:
    """The folder EMCATALOG_DISK_CACHE as a cache; None if the variable is not set.

    It is made if it is not there. EMCATALOG_DISK_CACHE_LIMIT is how much it may take,
    such as ``100GiB``; 20 GiB if it is not told. Raises OptionError for what is no
    size, and for a folder that cannot be made or written to.
    """
    folder = os.environ.get(FOLDER_VARIABLE, "")
    if not folder:
        return None
    limit = size_of(LIMIT_VARIABLE)
    return _prepared(folder, USUAL_LIMIT if limit is None else limit)


@functools.lru_cache(maxsize=8)
def _prepared(folder: str, limit: int) -> DiskCache:
    """The cache in ``folder``, which is looked at once in a process."""
    # made absolute, because the process may change its working directory
    place = Path(os.path.expanduser(folder)).absolute()  # noqa: PTH111
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        usable = os.access(place, os.R_OK | os.W_OK | os.X_OK)
        told = "one that may not be written to"
    except (OSError, ValueError) as error:
        usable, told = False, str(error)
    if not usable:
        raise OptionError(
            entry=FOLDER_VARIABLE,
            got=f"the folder {folder!r}: {told}",
            expected="a folder that can be written to",
            hint=f"unset {FOLDER_VARIABLE} to read without a cache on disk",
        )
    return DiskCache(place, limit)

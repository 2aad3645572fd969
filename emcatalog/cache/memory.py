"""Values in memory, of which the least recently used are forgotten first."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray

from emcatalog.recheck import RECHECK_SECONDS

Value = bytes | NDArray[np.generic]
"""What is kept: bytes, or an array that nobody can write to."""

ENTRY_BYTES = 256
"""What an entry takes beside its value."""


class MemoryCache:
    """At most ``limit`` bytes of values, kept for `RECHECK_SECONDS`.

    Keys are hashable and say all that the value depends on: the place, its version
    where one is known, and which part of it. Keys of different users begin with a name
    of their own. May be used by many threads at once.

    >>> cache = MemoryCache(1000)
    >>> cache.put(("page", 7), b"voxels")
    >>> cache.get(("page", 7)), cache.get(("page", 8))
    (b'voxels', None)
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._size = 0
        self._kept: OrderedDict[Hashable, tuple[Value, float]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Bytes that are taken now, never more than ``limit``."""
        return self._size

    def get(self, key: Hashable) -> Value | None:
        """What was put under ``key``, if it is still kept and young enough."""
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            if time.monotonic() - found[1] > RECHECK_SECONDS:
                self._drop(key)
                return None
            self._kept.move_to_end(key)
            return found[0]

    def put(self, key: Hashable, value: Value) -> None:
        """Keep ``value``, in place of what the key had; others make room for it.

        A value larger than the whole cache is not kept. An array should own its
        voxels: a view of a larger one would keep all of that in memory. Raises
        ValueError for an array that can be written to, since all readers share it.
        """
        if isinstance(value, np.ndarray) and value.flags.writeable:
            raise ValueError("an array that can be written to cannot be shared")
        size = _size(value)
        with self._lock:
            self._drop(key)
            if size > self.limit:
                return
            while self._size + size > self.limit:
                self._drop(next(iter(self._kept)))
            self._kept[key] = value, time.monotonic()
            self._size += size

    def drop(self, key: Hashable) -> None:
        """Forget the value of ``key``."""
        with self._lock:
            self._drop(key)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()
            self._size = 0

    def _drop(self, key: Hashable) -> None:
        found = self._kept.pop(key, None)
        if found is not None:
            self._size -= _size(found[0])


def _size(value: Value) -> int:
    held = value.nbytes if isinstance(value, np.ndarray) else len(value)
    return held + ENTRY_BYTES

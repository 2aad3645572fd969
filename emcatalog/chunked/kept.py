"""Encoded chunks of remote stores, kept in memory and on disk.

A server's answer is believed until the end of a period of `RECHECK_SECONDS`, which all
chunks share: within it a chunk that is still kept costs no request. In a later period,
or in another process, a chunk on disk costs a request that carries the generation of
the object (its ETag) and brings back no bytes if it is the same; the chunks of a shard
cost that request together, for the shard's index. What has changed is fetched anew.

That a chunk is absent is kept in memory for the period and never on disk. A chunk
whose server tells no generation is not kept on disk.
"""

from __future__ import annotations

import functools
import json
import os
import threading
import time
from dataclasses import dataclass
from typing import Any, Protocol
from weakref import WeakValueDictionary

from emcatalog.cache import (
    MemoryCache,
    disk_cache,
    drop_latest,
    page_cache,
    put_later,
)
from emcatalog.chunked.engine import context, open_kvstore
from emcatalog.chunked.kvstore import is_local, local_folder
from emcatalog.recheck import RECHECK_SECONDS

CHECKED_BYTES = 4 * 2**20
"""Memory for which entries on disk were found to be the server's in this period."""
ASKERS = ("authorization:", "aws_credentials")
"""A header and a member of a store that say who asks, not what is asked for."""

Name = tuple[int, str, bytes]
"""The period, the key-value store as JSON text, and the key in it."""


class Answer(Protocol):
    """A chunk that was asked for."""

    def result(self) -> bytes | None:
        """Its bytes as they are stored; None if it is absent. Raises ValueError."""


def ask(store: str, key: bytes, batch: Any) -> Answer:
    """Begin to fetch ``key`` of a key-value store (JSON text), unless it is kept.

    It is fetched when the ``batch`` of TensorStore is left, with what lies beside it in
    a shard; who asks for what is on its way gets the same. Raises ValueError, as
    TensorStore does, and OptionError for settings of caches that cannot be followed.
    """
    if file := _file(store, key):
        return _File(file, store, key)
    if not is_remote(store):
        return _Local(open_kvstore(store).read(key, batch=batch))
    context()  # raises in a forked child, where the lock may be held for ever
    name = int(time.time() // RECHECK_SECONDS), store, key
    with _lock:
        answer = _under_way.get(name)
        if answer is None:
            answer = _under_way[name] = _Remote(name)
    answer.begin(batch)
    return answer


@functools.lru_cache(maxsize=1024)
def is_remote(store: str) -> bool:
    """Whether the bytes of a key-value store (JSON text) come over a network."""
    return not is_local(json.loads(store))


def drop(store: str, key: bytes) -> None:
    """Keep no longer what does not decode, so that it is fetched again."""
    if not is_remote(store):
        return
    name = int(time.time() // RECHECK_SECONDS), store, key
    page_cache().drop(("chunk", name))
    if disk := disk_cache():
        drop_latest(disk, _identity(store, key))


def forget() -> None:
    """Forget which entries on disk are the server's, so that it is asked again."""
    _checked(os.getpid()).clear()


def _file(store: str, key: bytes) -> str:
    """The path of a chunk that is a file on this machine; empty if it is none."""
    above = local_folder(store)
    return f"{above}{key.decode()}" if above else ""


@dataclass(frozen=True)
class _File:
    """A chunk that is a file, read when it is needed: not asked for in vain.

    Where one of several names is the chunk's, the first that there is will do.
    """

    path: str
    store: str
    key: bytes

    def result(self) -> bytes | None:
        try:
            with open(self.path, "rb") as file:  # noqa: PTH123 - a hot path
                return file.read()
        except FileNotFoundError:
            return None
        except OSError:  # TensorStore tells why it is not read
            return _Local(open_kvstore(self.store).read(self.key)).result()


class _Local:
    """A chunk in a zip file or a shard on this machine."""

    def __init__(self, request: Any) -> None:
        self._request = request

    def result(self) -> bytes | None:
        found = self._request.result()
        return found.value if found.state == "value" else None


class _Remote:
    """A chunk of a remote store, for all who ask for it while it is on its way."""

    def __init__(self, name: Name) -> None:
        self._name = name
        # two, since who is in a batch must not wait for what another batch will bring
        self._beginning, self._ending = threading.Lock(), threading.Lock()
        self._request: Any = None
        self._on_disk: tuple[str, bytes] | None = None
        self._value: bytes | None = None
        self._known = False

    def begin(self, batch: Any) -> None:
        """Look where it may be kept, and ask for it if need be; once."""
        with self._beginning:
            if not self._known and self._request is None:
                self._known = self._in_memory() or self._checked_on_disk()
                if not self._known:
                    self._request = self._asked(batch)

    def result(self) -> bytes | None:
        with self._ending:
            try:
                if not self._known:
                    self._value = self._answered(self._request.result())
                    self._known = True
            finally:  # others ask anew, though a traceback may hold this one
                _under_way.pop(self._name, None)
            return self._value

    def _in_memory(self) -> bool:
        value = page_cache().get(("chunk", self._name))
        if isinstance(value, bytes):
            self._value = value
            return True
        return page_cache().get(("absent", self._name)) is not None

    def _checked_on_disk(self) -> bool:
        disk = disk_cache()
        self._on_disk = disk.find(_identity(*self._name[1:])) if disk else None
        if self._on_disk is None:
            return False
        version, value = self._on_disk
        if _checked(os.getpid()).get(self._name) != version.encode("latin-1"):
            return False
        page_cache().put(("chunk", self._name), value)
        self._value = value
        return True

    def _asked(self, batch: Any) -> Any:
        period, store, key = self._name
        return open_kvstore(store).read(
            key,
            if_not_equal=self._on_disk and self._on_disk[0].encode("latin-1"),
            staleness_bound=period * RECHECK_SECONDS,
            batch=batch,
        )

    def _answered(self, found: Any) -> bytes | None:
        generation: bytes = found.stamp.generation
        if found.state == "value":
            value: bytes = found.value
            self._keep_on_disk(value, generation)
        elif found.state == "unspecified" and self._on_disk is not None:
            value = self._on_disk[1]  # which is of this generation
        else:
            page_cache().put(("absent", self._name), b"")
            return None
        page_cache().put(("chunk", self._name), value)
        _checked(os.getpid()).put(self._name, generation)
        return value

    def _keep_on_disk(self, value: bytes, generation: bytes) -> None:
        disk = disk_cache()
        # TensorStore's generation of an object that has an ETag: zero, then the ETag
        if disk and generation.startswith(b"\0") and len(generation) > 1:
            version = generation.decode("latin-1")
            put_later(disk, _identity(*self._name[1:]), version, value)


def _identity(store: str, key: bytes) -> str:
    return f"{_what(store)} {key.hex()}"


@functools.lru_cache(maxsize=1024)
def _what(store: str) -> str:
    """The store without who asks: it serves the same bytes to all that it serves.

    What other headers say may well choose among contents.
    """

    def without(members: Any) -> Any:
        if isinstance(members, list):
            return [item for item in members if not _says_who(item)]
        if not isinstance(members, dict):
            return members
        return {k: without(v) for k, v in members.items() if not _says_who(k)}

    return json.dumps(without(json.loads(store)), sort_keys=True)


def _says_who(item: object) -> bool:
    return isinstance(item, str) and item.lower().startswith(ASKERS)


@functools.lru_cache(maxsize=1)
def _checked(pid: int) -> MemoryCache:
    # keyed by process: a lock that another thread held at a fork would stay locked
    return MemoryCache(CHECKED_BYTES)


_lock = threading.Lock()
_under_way: WeakValueDictionary[Name, _Remote] = WeakValueDictionary()

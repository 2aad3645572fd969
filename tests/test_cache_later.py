"""Entries that a thread writes: bounded while they wait, none lost at the end."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from emcatalog.cache import DiskCache, flush, later, put_later

END = """
import sys
from pathlib import Path
from emcatalog.cache import DiskCache, put_later
cache = DiskCache(Path(sys.argv[1]), 2**24)
for i in range(50):
    put_later(cache, str(i), "1", bytes(10_000))
"""


def test_what_was_put_is_there_after_a_flush(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 2**24)
    values = [os.urandom(1000 * i) for i in range(50)]
    for i, value in enumerate(values):
        put_later(cache, str(i), "1", value)
    flush()
    assert [cache.get(str(i), "1") for i in range(50)] == values


def test_a_process_that_ends_loses_nothing(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", END, str(tmp_path)], check=True, timeout=60)
    cache = DiskCache(tmp_path, 2**24)
    assert all(cache.get(str(i), "1") for i in range(50))
    assert not list((tmp_path / "new").iterdir())


def test_no_reader_waits_for_a_slow_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes that wait are bounded; what is more is not kept."""
    cache, slow, put = DiskCache(tmp_path, 2**24), threading.Event(), DiskCache.put

    def waits(self: DiskCache, key: str, version: str, data: bytes) -> None:
        slow.wait()
        put(self, key, version, data)

    monkeypatch.setattr(DiskCache, "put", waits)
    monkeypatch.setattr(later, "WAITING_BYTES", 25_000)
    for i in range(5):
        put_later(cache, str(i), "1", bytes(10_000))
    slow.set()
    flush()
    assert [bool(cache.get(str(i), "1")) for i in range(5)] == [True] * 2 + [False] * 3
    put_later(cache, "another", "1", bytes(20_000))  # their bytes wait no more
    flush()
    assert cache.get("another", "1")


def test_an_entry_that_fails_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, put = DiskCache(tmp_path, 2**24), DiskCache.put

    def fails(self: DiskCache, key: str, version: str, data: bytes) -> None:
        if key == "bad":
            raise MemoryError
        put(self, key, version, data)

    monkeypatch.setattr(DiskCache, "put", fails)
    monkeypatch.setattr(later, "WAITING_BYTES", 1000)
    for key in ("bad", "good"):
        put_later(cache, key, "1", bytes(900))
        flush()
    assert cache.get("good", "1") == bytes(900)

"""The memory cache, its budget and the settings: laws over all orders of use."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import mock

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emcatalog.cache import (
    MemoryCache,
    budget,
    cache_bytes,
    disk_cache,
    memory,
    page_cache,
)
from emcatalog.errors import OptionError
from emcatalog.recheck import RECHECK_SECONDS

Uses = list[tuple[int, int | None]]
uses = st.lists(
    st.tuples(st.integers(0, 9), st.none() | st.integers(0, 2000)), max_size=60
)
"""Keys that are asked for (None), or put with a value of some size."""


@given(uses)
def test_the_bound_holds_and_the_least_recently_used_go_first(given: Uses) -> None:
    cache, limit = MemoryCache(4000), 4000
    kept: dict[int, bytes] = {}  # in order of use
    for key, size in given:
        if size is None:
            found = cache.get(key)
            assert found == kept.get(key)
            if key in kept:
                kept[key] = kept.pop(key)
        else:
            value = os.urandom(size)
            cache.put(key, value)
            kept.pop(key, None)
            kept[key] = value
            while _taken(kept) > limit:
                kept.pop(next(iter(kept)))
        assert cache.size == _taken(kept) <= limit


def _taken(kept: dict[int, bytes]) -> int:
    return sum(len(value) + memory.ENTRY_BYTES for value in kept.values())


def test_old_values_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    cache = MemoryCache(10_000)
    cache.put("chunk", b"voxels")
    now[0] += RECHECK_SECONDS
    assert cache.get("chunk") == b"voxels"  # which makes it no younger
    now[0] += 1
    assert cache.get("chunk") is None
    assert cache.size == 0


def test_what_is_larger_than_the_cache_is_not_kept_nor_makes_room() -> None:
    cache = MemoryCache(1000)
    cache.put("small", b"voxels")
    cache.put("large", bytes(1000))
    assert cache.get("small") == b"voxels"
    assert cache.get("large") is None


def test_arrays_are_shared_so_none_may_be_written_to() -> None:
    cache, page = MemoryCache(10_000), np.arange(100)
    with pytest.raises(ValueError, match="written"):
        cache.put("page", page)
    page.flags.writeable = False
    cache.put("page", page)
    assert cache.get("page") is page
    assert cache.size == page.nbytes + memory.ENTRY_BYTES
    cache.drop("page")
    cache.drop("page")
    assert cache.get("page") is None
    cache.put("page", page)
    cache.clear()
    assert cache.get("page") is None
    assert cache.size == 0


def test_many_threads_use_one_cache() -> None:
    cache = MemoryCache(20_000)

    def use(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for key in rng.integers(0, 50, 2000):
            found = cache.get(int(key))
            assert found is None or found == bytes([key]) * 1000
            cache.put(int(key), bytes([key]) * 1000)
            assert cache.size <= cache.limit

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(use, range(8)))


def test_the_budget_is_told_or_a_sixteenth_of_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("EMCATALOG_CACHE", raising=False)
    assert cache_bytes() == min(2**29, psutil.virtual_memory().total // 16)
    small = mock.Mock(total=2**30)
    budget._usual.cache_clear()
    with mock.patch("psutil.virtual_memory", return_value=small):
        assert cache_bytes() == 2**26
    budget._usual.cache_clear()
    monkeypatch.setenv("EMCATALOG_CACHE", "1GiB")
    assert cache_bytes() == 2**30
    assert page_cache().limit == 2**29
    assert page_cache() is page_cache()
    monkeypatch.setenv("EMCATALOG_CACHE", "0")
    assert cache_bytes() == 0
    page_cache().put("nothing", b"")
    assert page_cache().get("nothing") is None


FORK = """
import os
from emcatalog.cache import page_cache
cache = page_cache()
with cache._lock:  # as another thread may hold it at the fork
    child = os.fork()
    if not child:
        page_cache().put("page", b"voxels")
        os._exit(page_cache() is cache)
    assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_a_forked_child_has_a_cache_of_its_own() -> None:
    subprocess.run([sys.executable, "-c", FORK], check=True, timeout=60)


@pytest.mark.parametrize("variable", ["EMCATALOG_CACHE", "EMCATALOG_DISK_CACHE_LIMIT"])
@pytest.mark.parametrize("text", ["much", "-1", "4GiBit", "nan"])
def test_a_size_that_is_none_is_told_with_its_variable(
    variable: str, text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("EMCATALOG_DISK_CACHE", str(tmp_path))
    monkeypatch.setenv(variable, text)
    with pytest.raises(OptionError, match=f"^{variable}: got the size '{text}'; exp"):
        (cache_bytes if variable == "EMCATALOG_CACHE" else disk_cache)()


def test_there_is_a_disk_cache_only_where_one_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for nothing in (None, ""):
        if nothing is None:
            monkeypatch.delenv("EMCATALOG_DISK_CACHE", raising=False)
        else:
            monkeypatch.setenv("EMCATALOG_DISK_CACHE", nothing)
        assert disk_cache() is None
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMCATALOG_DISK_CACHE", "a/b")
    found = disk_cache()
    assert found
    assert found.folder == tmp_path / "a/b"
    assert found.limit == 20 * 2**30
    assert found.folder.stat().st_mode & 0o777 == 0o700
    monkeypatch.setenv("EMCATALOG_DISK_CACHE_LIMIT", "3 MiB")
    told = disk_cache()
    assert told
    assert told.limit == 3 * 2**20


def test_a_folder_that_cannot_be_used_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("not a folder")
    for place in ("file", "file/below", "\0"):
        monkeypatch.setattr(
            os, "environ", {"EMCATALOG_DISK_CACHE": f"{tmp_path}/{place}"}
        )
        with pytest.raises(OptionError, match="^EMCATALOG_DISK_CACHE: got the folder"):
            disk_cache()
    monkeypatch.undo()
    monkeypatch.setenv("EMCATALOG_DISK_CACHE", str(tmp_path))
    with (
        mock.patch("os.access", return_value=False),  # root may write everywhere
        pytest.raises(OptionError, match=r"written to.*unset EMCATALOG_DISK_CACHE"),
    ):
        disk_cache()

"""One folder of the disk cache under many threads and processes that may be killed."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from emcatalog.cache import DiskCache, lock, room

LIMIT = 2**20
TAGS = ("a", "b")


def content(key: int, tag: str) -> bytes:
    """What the entry of a key and version holds, 0 to 60 kB, the same everywhere."""
    seed = hashlib.sha256(f"{key} {tag}".encode()).digest()
    return seed * (int.from_bytes(seed[:2]) * 60 // 65536 * 1000 // len(seed))


def use(folder: Path, seed: int, count: int) -> int:
    """Ask for entries and put those that are not there; how often they were."""
    cache, rng, hits = DiskCache(folder, LIMIT), np.random.default_rng(seed), 0
    for key, tag in zip(
        rng.integers(0, 60, count), rng.choice(TAGS, count), strict=True
    ):
        found = cache.get(str(key), tag)
        assert found in (None, content(key, tag))
        hits += found is not None
        if found is None:
            cache.put(str(key), tag, content(key, tag))
    return hits


def work(folder: Path, seed: int) -> None:
    """What one process does: use the folder from four threads."""
    with ThreadPoolExecutor(4) as pool:
        hits = sum(
            pool.map(lambda thread: use(folder, 10 * seed + thread, 150), range(4))
        )
    assert hits, "nothing was ever served: the test shows nothing"


def bytes_on_disk(folder: Path) -> int:
    """Bytes of all files while nobody may add one."""
    with lock.locked(folder / "lock") as held:
        assert held is not None
        # what is moved meanwhile from "new" is seen in neither, never in both
        entries = list(folder.glob("??/*"))
        sizes = [_size(path) for path in (*entries, *folder.glob("new/*"))]
    return sum(sizes)


def _size(path: Path) -> int:
    try:
        return room.taken(path.stat().st_size)
    except FileNotFoundError:
        return 0


def test_processes_and_threads_share_a_folder_within_its_limit(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=work, args=(tmp_path, i)) for i in range(3)]
    for worker in workers:
        worker.start()
    most = 0
    while any(worker.is_alive() for worker in workers):
        most = max(most, bytes_on_disk(tmp_path))
        workers[0].join(0.01)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    most = max(most, bytes_on_disk(tmp_path))
    assert LIMIT // 2 < most <= LIMIT
    assert not list(tmp_path.glob("new/*"))
    assert DiskCache(tmp_path, LIMIT).used() == bytes_on_disk(tmp_path) <= LIMIT


ENDLESS = """
import itertools, sys
from pathlib import Path
from test_cache_processes import DiskCache, LIMIT, content
cache = DiskCache(Path(sys.argv[1]), LIMIT)
for key in itertools.count():
    print(key, flush=True)
    cache.put(str(key % 60), "a", content(key % 60, "a"))
"""
HALF = """
import sys
from pathlib import Path
from emcatalog.cache import DiskCache
from emcatalog.cache.disk import HEAD
cache = DiskCache(Path(sys.argv[1]), 2**20)
with cache._room.reserve(50000) as file:
    file.write(bytes(25000))
    file.flush()
    print("half", flush=True)
    sys.stdin.read()
"""


def started(code: str, folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", code, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
    )


@pytest.mark.parametrize("lines", [1, 7, 50, 200])
def test_a_writer_that_is_killed_leaves_nothing_wrong(
    tmp_path: Path, lines: int
) -> None:
    with started(ENDLESS, tmp_path) as writer:
        assert writer.stdout
        for _ in range(lines):
            writer.stdout.readline()
        writer.kill()  # somewhere in the middle of what follows
    cache = DiskCache(tmp_path, LIMIT)
    for key in range(60):
        assert cache.get(str(key), "a") in (None, content(key, "a"))
    use(tmp_path, 1, 100)  # which no lock of the dead holds up
    assert bytes_on_disk(tmp_path) <= LIMIT


def test_half_an_entry_is_never_seen_and_cleared_away(tmp_path: Path) -> None:
    with started(HALF, tmp_path) as writer:
        assert writer.stdout
        assert writer.stdout.readline() == b"half\n"
        writer.kill()
    (half,) = tmp_path.glob("new/*")
    assert not list(tmp_path.glob("??/*"))
    old = half.stat().st_mtime - room.ABANDONED_SECONDS - 1
    os.utime(half, (old, old))
    use(tmp_path, 1, 200)  # more than the folder takes
    assert not half.exists()

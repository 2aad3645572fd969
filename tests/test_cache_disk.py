"""The disk cache: bounds and versions as laws, and whatever befalls its files."""

from __future__ import annotations

import errno
import os
import shutil
import warnings
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emcatalog.cache import DiskCache, lock, room
from emcatalog.cache.disk import HEAD

KEY, TAG, VOXELS = "https://a.org/volume/0.0.0?token=secret", '"etag-1"', bytes(500)

Puts = list[tuple[int, str, int]]
puts = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from("ab"), st.integers(0, 9000)),
    max_size=40,
)


@pytest.fixture
def cache(tmp_path: Path) -> DiskCache:
    return DiskCache(tmp_path, 2**20)


def files(folder: Path) -> list[Path]:
    """All files of a cache but the one that is its lock."""
    return [p for p in folder.rglob("*") if p.is_file() and p.name != "lock"]


def bytes_on_disk(folder: Path) -> int:
    return sum(room.taken(path.stat().st_size) for path in files(folder))


@given(puts)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
    max_examples=50,
)
def test_an_entry_is_of_its_key_and_version_and_all_are_within_the_limit(
    tmp_path: Path, given: Puts
) -> None:
    folder = tmp_path / os.urandom(8).hex()
    folder.mkdir()
    latest: dict[int, tuple[str, bytes]] = {}
    for key, version, size in given:
        cache = DiskCache(folder, 65536)  # each put as by a process of its own
        data = os.urandom(size)
        cache.put(str(key), version, data)
        if size < 8192 - HEAD.size:  # an eighth of the limit
            assert cache.get(str(key), version) == data
            latest[key] = version, data
        for known, (right, content) in latest.items():
            assert cache.get(str(known), right) in (content, None)
            assert cache.get(str(known), "ba"[right > "a"]) is None
            assert cache.find(str(known)) in ((right, content), None)
        assert cache.used() == bytes_on_disk(folder) <= 65536


def test_the_least_recently_used_go_first(cache: DiskCache) -> None:
    names = [str(i) for i in range(11)]
    for name in names[:8]:
        cache.put(name, TAG, bytes(100_000))
        _age(cache, name, 100 - int(name))
    for name in names[:2]:
        assert cache.get(name, TAG)
    for name in names[8:]:  # the last of which is one too many
        cache.put(name, TAG, bytes(100_000))
    gone = [name for name in names if not cache.get(name, TAG)]
    assert gone == ["2", "3", "4"]


def _age(cache: DiskCache, key: str, seconds: float) -> None:
    path = cache._path(key)
    used = path.stat().st_mtime - seconds
    os.utime(path, (used, used))


def test_what_has_no_version_is_not_kept(cache: DiskCache) -> None:
    cache.put(KEY, "", VOXELS)
    assert cache.get(KEY, "") is None
    assert not files(cache.folder)


def test_no_secret_is_written(cache: DiskCache) -> None:
    cache.put(KEY, TAG, VOXELS)
    (kept,) = files(cache.folder)
    assert "secret" not in str(kept.relative_to(cache.folder))
    assert b"secret" not in kept.read_bytes()
    assert kept.stat().st_mode & 0o077 == 0


def test_a_smaller_limit_holds_from_the_next_entry_on(cache: DiskCache) -> None:
    for i in range(100):
        cache.put(str(i), TAG, VOXELS)
    smaller = DiskCache(cache.folder, 65536)
    smaller.put("one more", TAG, VOXELS)
    assert smaller.get("one more", TAG) == VOXELS
    assert bytes_on_disk(cache.folder) <= 65536
    DiskCache(cache.folder, 0).put("nothing", TAG, b"")
    assert cache.get("nothing", TAG) is None


@given(st.text(st.characters()), st.text(st.characters(), min_size=1))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_text_is_a_key_and_a_version(
    cache: DiskCache, key: str, version: str
) -> None:
    """Halves of characters too, as headers and paths that are no text have them."""
    for tail in ("", "\udcff"):
        cache.put(key + tail, version + tail, VOXELS)
        assert cache.find(key + tail) == (version + tail, VOXELS)
        cache.drop(key + tail)
        assert cache.find(key + tail) is None


def test_files_of_others_are_left_alone(cache: DiskCache) -> None:
    (cache.folder / "00").mkdir()
    others = [cache.folder / "notes.txt", cache.folder / "00" / "notes.txt"]
    for path in others:
        path.write_bytes(bytes(10_000))
    smaller = DiskCache(cache.folder, 32768)
    for i in range(20):
        smaller.put(str(i), TAG, VOXELS)
    assert all(path.exists() for path in others)


def _damaged(content: bytes) -> list[bytes]:
    rng = np.random.default_rng(7)
    flips = rng.integers(1, 256, len(content))
    spoiled = []
    for place, flip in enumerate(flips):
        flipped = bytearray(content)
        flipped[place] ^= int(flip)
        spoiled.append(bytes(flipped))
    cut = [content[:size] for size in range(len(content))]
    return [*spoiled, *cut, content + b"\0", b"\0" * len(content)]


def test_a_damaged_entry_is_dropped_and_never_served(cache: DiskCache) -> None:
    """Each byte is changed, and the file is cut at each length."""
    data = os.urandom(50)
    cache.put(KEY, TAG, data)
    (kept,) = files(cache.folder)
    content = kept.read_bytes()
    for spoiled in _damaged(content):
        kept.write_bytes(spoiled)
        assert cache.get(KEY, TAG) is None
        assert not kept.exists()
        kept.write_bytes(spoiled)
        assert cache.find(KEY) is None
    kept.write_bytes(content)
    assert cache.get(KEY, TAG) == data
    cache.put("another", TAG, b"its voxels")
    cache._path("another").rename(kept)
    assert cache.get(KEY, TAG) is None


def test_an_entry_that_cannot_be_read_is_not_there(cache: DiskCache) -> None:
    cache.put(KEY, TAG, VOXELS)
    (kept,) = files(cache.folder)
    with mock.patch.object(Path, "open", side_effect=OSError(errno.EIO, "broken")):
        assert cache.get(KEY, TAG) is None
    kept.unlink()
    kept.mkdir()  # which cannot be read nor dropped
    assert cache.get(KEY, TAG) is None


def test_a_full_disk_is_told_once_and_reads_go_on(cache: DiskCache) -> None:
    cache.put(KEY, TAG, VOXELS)
    full = OSError(errno.ENOSPC, "No space left on device")
    with (
        mock.patch.object(Path, "replace", side_effect=full),
        warnings.catch_warnings(record=True) as told,
    ):
        warnings.simplefilter("default")
        for i in range(3):
            cache.put(str(i), TAG, VOXELS)
            assert cache.get(str(i), TAG) is None
            assert cache.get(KEY, TAG) == VOXELS
    (once,) = told
    assert "keeps nothing: No space left on device" in str(once.message)
    assert str(cache.folder) in str(once.message)
    assert len(files(cache.folder)) == 1
    cache.put("1", TAG, VOXELS)
    assert cache.get("1", TAG) == VOXELS


def test_a_file_that_cannot_be_made_large_enough_is_told(cache: DiskCache) -> None:
    """By the system itself, as for a full quota."""
    resource = pytest.importorskip("resource")
    cache.put(KEY, TAG, VOXELS)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.warns(UserWarning, match="keeps nothing: File too large"):
            cache.put("large", TAG, bytes(30_000))
        assert cache.get(KEY, TAG) == VOXELS
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert len(files(cache.folder)) == 1


def test_a_folder_that_is_gone_is_told(cache: DiskCache) -> None:
    cache.put(KEY, TAG, VOXELS)
    shutil.rmtree(cache.folder)
    assert cache.get(KEY, TAG) is None
    with pytest.warns(UserWarning, match="keeps nothing: No such file or directory"):
        cache.put(KEY, TAG, VOXELS)
    assert cache.used() == 0


def test_a_folder_that_may_not_be_written_to_still_serves(cache: DiskCache) -> None:
    cache.put(KEY, TAG, VOXELS)
    denied = PermissionError(errno.EROFS, "Read-only file system")
    with (
        mock.patch("os.open", side_effect=denied),
        mock.patch("os.utime", side_effect=denied),
    ):
        assert cache.get(KEY, TAG) == VOXELS
        with pytest.warns(UserWarning, match="Read-only file system"):
            cache.put("another", TAG, VOXELS)


def test_nothing_waits_for_a_process_that_is_stopped(
    cache: DiskCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "PATIENCE_SECONDS", 0)
    cache.put(KEY, TAG, VOXELS)
    with lock.locked(cache.folder / "lock") as held:
        assert held is not None
        cache.put("another", TAG, VOXELS)
        assert cache.get("another", TAG) is None
        assert cache.get(KEY, TAG) == VOXELS
    cache.put("another", TAG, VOXELS)
    assert cache.get("another", TAG) == VOXELS


@pytest.mark.parametrize("text", [b"", b"x", b"9" * 20, b"-5", b"\xff" * 20])
def test_a_spoiled_sum_is_counted_anew(tmp_path: Path, text: bytes) -> None:
    cache = DiskCache(tmp_path, 65536)
    for round_ in range(3):
        for i in range(15):
            cache.put(f"{round_}-{i}", TAG, VOXELS)
        (tmp_path / "lock").write_bytes(text)
        cache.put(f"{round_}", TAG, VOXELS)
        assert cache.get(f"{round_}", TAG) == VOXELS
        assert bytes_on_disk(tmp_path) <= 65536


def test_an_unfinished_file_goes_only_when_nobody_will_finish_it(
    tmp_path: Path,
) -> None:
    cache = DiskCache(tmp_path, 65536)
    file = cache._room.reserve(8000)
    assert file is not None
    file.close()
    place = Path(file.name)
    for i in range(20):
        cache.put(str(i), TAG, VOXELS)
    assert place.stat().st_size == 8000
    old = place.stat().st_mtime - room.ABANDONED_SECONDS - 1
    os.utime(place, (old, old))
    for i in range(20):
        cache.put(str(i), TAG, VOXELS)
    assert not place.exists()

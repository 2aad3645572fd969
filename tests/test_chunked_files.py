"""Chunks that are not the files that they should be: refused before they are read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import store_writer as writer
from emcatalog.chunked import files
from emcatalog.errors import CorruptError
from emcatalog.geometry import Region
from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport
from emcatalog.volume import Volume
from emcatalog_ngff import open_pyramid
from emcatalog_precomputed import open_pyramid as open_precomputed

TRANSPORT = Transport(mirrors=Mirrors())
SHAPE = (16, 16, 16)
FIRST, LAST = Region((0, 0, 0), (9, 8, 8)), Region((8, 8, 8), SHAPE)
WANT = writer.noise(SHAPE)


def _zarr(root: Path, version: Any) -> tuple[Volume, Path]:
    writer.write_array(root, WANT, zarr_format=version, chunks=(8, 8, 8))
    volume = open_pyramid(str(root), TRANSPORT, voxel_size_nm=1).level(0)
    return volume, root / ("c/0/0/0" if version == 3 else "0.0.0")


def _n5(root: Path) -> tuple[Volume, Path]:
    writer.write_n5(root / "a.n5", WANT, (8, 8, 8), codec="gzip")
    volume = open_pyramid(f"{root}/a.n5", TRANSPORT, voxel_size_nm=1).level(0)
    return volume, root / "a.n5/0/0/0"


def _precomputed(root: Path) -> tuple[Volume, Path]:
    writer.write_precomputed(root, WANT, chunk_sizes=[[8, 8, 8]])
    volume = open_precomputed(str(root), TRANSPORT).level(0)
    chunk = min((root / "8_8_8").iterdir())
    return volume, chunk


@pytest.fixture(autouse=True)
def _forget() -> None:
    files._seen.cache_clear()


@pytest.fixture(params=["zarr2", "zarr3", "n5", "precomputed", "suffixed"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Volume, Path]:
    """A volume, and its first chunk."""
    if request.param.startswith("zarr"):
        return _zarr(tmp_path / "a.zarr", int(request.param[-1]))
    if request.param == "n5":
        return _n5(tmp_path)
    volume, chunk = _precomputed(tmp_path)
    if request.param == "suffixed":
        other = chunk.with_name(f"{max(chunk.parent.iterdir()).name}.gz")
        other.write_bytes(b"")
        volume = open_precomputed(str(tmp_path), TRANSPORT).level(0)
        other.unlink()
    return volume, chunk


def test_a_file_far_too_large(store: tuple[Volume, Path]) -> None:
    """A sparse file takes no disk and would take all memory."""
    volume, chunk = store
    with chunk.open("r+b") as file:
        file.truncate(2**36)
    with pytest.raises(CorruptError, match=r"68719476736 bytes as the chunk .* 512"):
        volume.read(FIRST)
    with pytest.raises(CorruptError, match="68719476736"):
        list(volume.read_many([FIRST, LAST]))
    np.testing.assert_array_equal(volume.read(LAST), WANT[LAST.slices])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(store: tuple[Volume, Path]) -> None:
    volume, chunk = store
    chunk.unlink()
    os.mkfifo(chunk)
    with pytest.raises(CorruptError, match=r"a pipe, socket or device.*regular file"):
        volume.read(FIRST)
    np.testing.assert_array_equal(volume.read(LAST), WANT[LAST.slices])


def test_an_absent_chunk_is_still_fill(store: tuple[Volume, Path]) -> None:
    volume, chunk = store
    chunk.unlink()
    assert not volume.read(Region((0, 0, 0), (8, 8, 8))).any()


def test_each_chunk_is_looked_at_once(
    store: tuple[Volume, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = list[object]()
    look = files._ensure_file

    def noted(folder: str, keys: Any, cell: Any, itemsize: int) -> None:
        looked.append(cell)
        look(folder, keys, cell, itemsize)

    monkeypatch.setattr(files, "_ensure_file", noted)
    volume, _ = store
    volume.read(FIRST)
    volume.read(FIRST)
    assert len(looked) == len(set(looked)) > 0
    monkeypatch.setattr(files, "RECHECK_SECONDS", 1e-6)
    volume.read(FIRST)
    assert len(looked) == 2 * len(set(looked))
    monkeypatch.setattr(files, "MOST_SEEN", 1)
    volume.read(FIRST)
    assert len(looked) == 3 * len(set(looked))

"""Chunks that are bare voxels once they are unpacked, put in their places directly."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from emcatalog.chunked.bare import Bare, assembled
from emcatalog.chunked.keys import ChunkKeys
from emcatalog.errors import CorruptError
from emcatalog.geometry import Region
from emcatalog_precomputed import PrecomputedSource

OFFSET, SIZE, CHUNK = (5, -3, 7), (50, 33, 21), (16, 8, 10)  # x, y, z


def _voxels(channels: int, dtype: str) -> NDArray[np.generic]:
    """Channels, z, y, x."""
    count = channels * SIZE[0] * SIZE[1] * SIZE[2]
    flat = np.random.default_rng(4).integers(0, 250, count)
    return flat.reshape(channels, *SIZE[::-1]).astype(dtype)


def _stored(folder: Path, voxels: NDArray[np.generic]) -> ChunkKeys:
    """Write gzipped raw chunks and their info, from the format's description."""
    keys = ChunkKeys("", OFFSET, SIZE, CHUNK, channels=len(voxels))
    info = {
        "@type": "neuroglancer_multiscale_volume",
        "type": "image",
        "data_type": voxels.dtype.name,
        "num_channels": len(voxels),
        "scales": [
            {
                "key": "8_8_8",
                "size": SIZE,
                "resolution": [8, 8, 8],
                "voxel_offset": OFFSET,
                "chunk_sizes": [CHUNK],
                "encoding": "raw",
            }
        ],
    }
    (folder / "8_8_8").mkdir()
    (folder / "info").write_text(json.dumps(info))
    little = voxels.astype(voxels.dtype.newbyteorder("<"))
    for cell in keys.cells(Region((0, 0, 0), SIZE[::-1])):
        chunk = little[(slice(None), *keys.box(cell).slices)]
        path = folder / "8_8_8" / f"{keys.key(cell).decode()}.gz"
        path.write_bytes(gzip.compress(chunk.tobytes()))
    return keys


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "uint64"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_chunk_comes_to_its_place(
    tmp_path: Path, dtype: str, channels: int
) -> None:
    voxels = _voxels(channels, dtype)
    _stored(tmp_path, voxels)
    for channel in range(channels):
        volume = PrecomputedSource(str(tmp_path), channel=channel).volume
        for start, stop in [((0, 0, 0), SIZE[::-1]), ((3, 7, 15), (4, 9, 33))]:
            region = Region(start, stop)
            read = volume.read(region)
            np.testing.assert_array_equal(read, voxels[channel][region.slices])
            assert read.dtype == voxels.dtype


@given(st.data())
def test_a_region_is_put_together_of_the_chunks_that_it_meets(
    data: st.DataObject,
) -> None:
    voxels = _voxels(2, "<u2")
    keys = ChunkKeys("", OFFSET, SIZE, CHUNK, channels=2)
    ends = [
        sorted(data.draw(st.lists(st.integers(0, n), min_size=2, max_size=2)))
        for n in SIZE[::-1]
    ]
    (z, z_end), (y, y_end), (x, x_end) = ends
    region = Region((z, y, x), (z_end, y_end, x_end))
    cells = list(keys.cells(region))
    absent = data.draw(st.sampled_from([None, *cells]))
    chunks = [
        (c, voxels[(slice(None), *keys.box(c).slices)].tobytes())
        for c in cells
        if c != absent
    ]
    want = voxels[1].copy()
    if absent is not None:
        want[keys.box(absent).slices] = 0
    found = assembled(region, Bare(keys, "<u2", 1), chunks)
    np.testing.assert_array_equal(found, want[region.slices])


def test_a_chunk_of_another_length_is_named(tmp_path: Path) -> None:
    keys = _stored(tmp_path, _voxels(1, "uint8"))
    path = tmp_path / "8_8_8" / f"{keys.key((0, 0, 0)).decode()}.gz"
    path.write_bytes(gzip.compress(bytes(1279)))
    volume = PrecomputedSource(str(tmp_path)).volume
    with pytest.raises(CorruptError, match=r"1279 bytes in .*5-21_-3-5_7-17"):
        volume.read(Region((0, 0, 0), (1, 1, 1)))
    beside = Region((0, 0, 16), (10, 8, 32))
    assert volume.read(beside).any()


def test_a_name_without_a_suffix_goes_before_one_with_it(tmp_path: Path) -> None:
    voxels = _voxels(1, "uint8")
    keys = _stored(tmp_path, voxels)
    name = keys.key((0, 0, 0)).decode()
    (tmp_path / "8_8_8" / name).write_bytes(bytes([9]) * 1280)
    volume = PrecomputedSource(str(tmp_path)).volume
    assert (volume.read(keys.box((0, 0, 0))) == 9).all()

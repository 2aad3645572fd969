"""What the chunked engine asks servers and disks for, and how much of it at once."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tensorstore
from numpy.typing import NDArray

import servers
import store_writer as writer
from chunked_volumes import CHUNKS, box, cells, served, volume_of
from emcatalog.cache.budget import CACHE_VARIABLE
from emcatalog.driver import VolumeSource
from emcatalog.errors import AccessDeniedError
from emcatalog.geometry import Region
from emcatalog.testing import traffic
from emcatalog_ngff import NgffSource
from emcatalog_precomputed import PrecomputedSource

if TYPE_CHECKING:
    from servers.fixtures import Serve


def overlapping(count: int = 6) -> list[Region]:
    """Regions of 9 voxels a side along a diagonal, far from the order of the chunks."""
    return [box((n, n, 2 * n), (9, 9, 9)) for n in (5, 0, 3, 1, 4, 2)[:count]]


@pytest.mark.parametrize(("cache", "late"), [("0", 2.0), ("64MiB", 0.0)])
def test_shared_chunks_are_one_request(
    cache: str, late: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the cache, or because who comes later finds them on their way."""
    monkeypatch.setenv(CACHE_VARIABLE, cache)
    want, regions = writer.noise((24, 24, 24)), overlapping()
    names = (".".join(map(str, cell)) for r in regions for cell in cells(r))
    met = {f"/0/{name}" for name in names}
    with servers.http(tmp_path) as server:
        volume = served(volume_of(tmp_path, want), server.url)
        server.faults.add(servers.delay(late))
        for index, voxels in volume.read_many(regions):
            np.testing.assert_array_equal(voxels, want[regions[index].slices])
        assert len(met) <= 128
        assert Counter(request.path for request in server.requests) == Counter(met)


def test_shared_chunks_of_files_are_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files are looked at again, and read if they have changed."""
    monkeypatch.setenv(CACHE_VARIABLE, "64MiB")
    want = writer.noise((24, 24, 24))
    volume, regions = volume_of(tmp_path, want), overlapping()
    with traffic() as seen:
        for index, voxels in volume.read_many(regions):
            np.testing.assert_array_equal(voxels, want[regions[index].slices])
    assert seen.bytes == len(set().union(*map(cells, regions))) * 64


def test_many_requests_are_in_flight(tmp_path: Path) -> None:
    """All chunks of all regions at once, as the server holds each back for a while."""
    want = writer.noise((16, 16, 16))
    with servers.http(tmp_path) as server:
        volume = served(volume_of(tmp_path, want), server.url)
        server.faults.add(servers.delay(2.0))
        regions = list(volume.grid.region.tiles((8, 8, 8)))
        assert len(dict(volume.read_many(regions))) == 8
        assert 32 <= server.log.under_way.most <= 64


def test_a_slow_chunk_holds_up_no_other_region(tmp_path: Path) -> None:
    want = writer.noise((16, 16, 16))
    with servers.http(tmp_path) as server:
        volume = served(volume_of(tmp_path, want), server.url)
        server.faults.add(servers.delay(2.0), path=r"/0\.0\.0$")
        regions = list(volume.grid.region.tiles((8, 8, 8)))
        order = [index for index, _ in volume.read_many(regions)]
    assert order[-1] == 0
    assert sorted(order) == list(range(8))


def test_a_chunk_that_fails_ends_the_batch(tmp_path: Path) -> None:
    want = writer.noise((16, 16, 16))
    with servers.http(tmp_path) as server:
        volume = served(volume_of(tmp_path, want), server.url)
        server.faults.add(servers.status(403), path=r"/3\.3\.3$")
        regions = list(volume.grid.region.tiles((8, 8, 8)))
        with pytest.raises(AccessDeniedError) as caught:
            list(volume.read_many(regions))
    assert caught.value.entry == server.url


def test_connections_are_kept_from_block_to_block(tmp_path: Path) -> None:
    """The second block opens none, in a process of its own: threads are set once."""
    want = writer.noise((32, 16, 16))
    code = (
        "import pickle, sys\n"
        "volume = pickle.loads(bytes.fromhex(sys.argv[1]))\n"
        "for region in volume.grid.region.tiles((16, 16, 16)):\n"
        "    print(volume.read(region).shape, flush=True)\n"
        "    sys.stdin.readline()\n"
    )
    command = [sys.executable, "-c", code]
    with servers.http(tmp_path) as server:
        volume = served(volume_of(tmp_path, want), server.url)
        server.faults.add(servers.delay(2.0))  # so that all are in flight together
        with subprocess.Popen(
            [*command, pickle.dumps(volume).hex()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as child:
            assert child.stdin
            assert child.stdout
            for _ in range(2):
                assert child.stdout.readline() == "(16, 16, 16)\n"
                # curl may open another before one is free again
                assert 32 <= server.connections.ever < 128
                child.stdin.write("\n")
                child.stdin.flush()
        assert server.log.under_way.most == 64


PRECOMPUTED = {
    "@type": "neuroglancer_uint64_sharded_v1",
    "hash": "identity",
    "preshift_bits": 0,
    "minishard_bits": 2,
    "shard_bits": 0,
    "minishard_index_encoding": "gzip",
    "data_encoding": "raw",
}


def precomputed_shards(root: Path, want: NDArray[Any]) -> None:
    """64 chunks of 4 voxels a side in four minishards of one shard, by TensorStore."""
    scale = {
        "size": want.shape[::-1],
        "encoding": "raw",
        "chunk_size": CHUNKS,
        "resolution": (8, 8, 8),
        "sharding": PRECOMPUTED,
        "key": "8",
    }
    told = {"type": "image", "data_type": "uint8", "num_channels": 1}
    spec = {
        "driver": "neuroglancer_precomputed",
        "kvstore": {"driver": "file", "path": f"{root}/"},
        "multiscale_metadata": told,
        "scale_metadata": scale,
    }
    store = tensorstore.open(spec, create=True).result()
    store[..., 0] = want.T


def zarr_shards(root: Path, want: NDArray[Any]) -> None:
    """64 chunks of 4 voxels a side in one shard of an OME-Zarr."""
    options = {"chunks": CHUNKS, "shards": want.shape, "compressors": None}
    members = writer.multiscale("zyx", [[8.0] * 3])
    writer.write_ome(root, [want], members, version=3, **options)


Write = Callable[[Path, NDArray[Any]], None]
SHARDS = [(precomputed_shards, PrecomputedSource, 2), (zarr_shards, NgffSource, 1)]


@pytest.mark.parametrize(("write", "driver", "indices"), SHARDS)
def test_round_trips_to_voxels_in_shards(
    write: Write,
    driver: type[VolumeSource],
    indices: int,
    tmp_path: Path,
    nginx_at: Serve,
) -> None:
    """As many as the format has indices, and one for the chunk; later only that one.

    Each waits for the one before, so the requests are the round trips.
    """
    want = writer.noise((16, 16, 16))
    write(tmp_path, want)
    server = nginx_at(tmp_path)
    volume = driver(server.url).volume
    for corner, trips in (((0, 0, 0), indices + 1), ((0, 8, 8), 1)):
        server.forget()
        region = box(corner, (1, 1, 1))
        np.testing.assert_array_equal(volume.read(region), want[region.slices])
        assert len(server.requests) == trips
    server.forget()
    volume.read(region)  # its chunk is in the cache
    assert server.requests == []


@pytest.mark.parametrize(("write", "driver", "indices"), SHARDS)
def test_regions_in_remote_shards_bring_little_beside_them(
    write: Write,
    driver: type[VolumeSource],
    indices: int,
    tmp_path: Path,
    nginx_at: Serve,
) -> None:
    """How many chunks TensorStore joins to one request depends on the moment."""
    want = writer.noise((16, 16, 16))
    write(tmp_path, want)
    server = nginx_at(tmp_path)
    volume = driver(server.url).volume
    whole = volume.grid.region
    regions = [*whole.tiles((8, 8, 8)), *whole.tiles((8, 8, 16))]
    volume.read(regions[0])
    server.forget()
    for index, voxels in volume.read_many(regions[1:]):
        np.testing.assert_array_equal(voxels, want[regions[1 + index].slices])
    chunks = [request.bytes_sent for request in server.requests]
    # seven eighths of the chunks; what lies between two of them may come along
    assert want.size * 7 // 8 <= sum(chunks) <= 3 * want.size

"""Which chunks a store really holds, asked without reading them.

TensorStore's own ``storage_statistics`` does this for Zarr and N5; for precomputed it
is not implemented for shards and asks for wrong names over HTTP (0.1.86).
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from emcatalog.chunked.engine import open_kvstore
from emcatalog.chunked.keys import ChunkKeys
from emcatalog.chunked.staged import suffixed_file
from emcatalog.geometry import Region, Triple

IN_FLIGHT = 128


def present(keys: ChunkKeys, tiles: Iterable[Region]) -> Iterator[bool]:
    """Whether each chunk is there; tiles are cut at chunks (z, y, x, from voxel 0).

    One HEAD request for an unsharded chunk; for sharded ones the indices are read,
    which TensorStore keeps. Raises ValueError, as TensorStore does.
    """
    cells = (cell_of(keys, tile) for tile in tiles)
    if keys.suffixed:
        return (suffixed_file(keys, cell) is not None for cell in cells)
    store = open_kvstore(_spec(keys))
    nothing = slice(0, 0)  # an empty range: whether it is there, not what is in it
    answers = in_flight(
        lambda cell: store.read(keys.key(cell), byte_range=nothing), cells
    )
    return (answer.state == "value" for answer in answers)


def cell_of(keys: ChunkKeys, tile: Region) -> Triple:
    """The chunk (x, y, z) in which a tile (z, y, x) begins."""
    x, y, z = (a // c for a, c in zip(reversed(tile.start), keys.chunk, strict=True))
    return x, y, z


def in_flight(ask: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
    """Results of the futures that ``ask`` gives, in order, a limited number at once."""
    waiting: deque[Any] = deque()
    for item in items:
        if len(waiting) == IN_FLIGHT:
            yield waiting.popleft().result()
        waiting.append(ask(item))
    while waiting:
        yield waiting.popleft().result()


def _spec(keys: ChunkKeys) -> str:
    if not keys.sharding:
        return keys.store
    spec = {
        "driver": "neuroglancer_uint64_sharded",
        "metadata": json.loads(keys.sharding),
        "base": json.loads(keys.store),
    }
    return json.dumps(spec, sort_keys=True)

"""Which chunks a store really holds, asked without reading them.

TensorStore's own ``storage_statistics`` does this for Zarr and N5; for precomputed it
is not implemented for shards and asks for wrong names over HTTP (0.1.86).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from emcatalog.chunked.engine import open_kvstore
from emcatalog.chunked.keys import Cell, Keys
from emcatalog.geometry import Region

IN_FLIGHT = 128


def present(keys: Keys, tiles: Iterable[Region]) -> Iterator[bool]:
    """Whether each chunk is there; tiles are cut at chunks (z, y, x, from voxel 0).

    One HEAD request for an unsharded chunk; for sharded ones the indices are read,
    which TensorStore keeps. Raises ValueError, as TensorStore does.
    """
    nothing = slice(0, 0)  # an empty range: whether it is there, not what is in it

    def ask(cell: Cell) -> list[Any]:
        store = open_kvstore(keys.store_of(cell))
        names = [keys.key(cell) + suffix.encode() for suffix, _ in keys.packings]
        return [store.read(name, byte_range=nothing) for name in names]

    cells = (cell for tile in tiles for cell in keys.cells(tile))
    for answers in in_flight(ask, cells):
        yield any(answer.result().state == "value" for answer in answers)


def in_flight(ask: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
    """What ``ask`` gives for each item, in order, with a limited number asked ahead."""
    waiting: deque[Any] = deque()
    for item in items:
        if len(waiting) == IN_FLIGHT:
            yield waiting.popleft()
        waiting.append(ask(item))
    yield from waiting

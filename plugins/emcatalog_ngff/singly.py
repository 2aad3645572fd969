"""The chunks of an array that TensorStore decodes, as they are fetched one by one.

Chunks in the shards of Zarr v3 are had through TensorStore's key-value store of one
shard, in which they are numbered from the shard's first.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from emcatalog.chunked import PLAIN, Axes, ByChunk, Cell, spec_text
from emcatalog.geometry import Region
from emcatalog_ngff.codecs import SHARDS
from emcatalog_ngff.lattice import Lattice, Naming
from emcatalog_ngff.model import Array

Json = Mapping[str, Any]
LOOSE = Naming("c/", "/")
"""How chunks are named that lie in no shard."""


@dataclass(frozen=True)
class Sharded:
    """The chunks in the shards of an array, `emcatalog.chunked.Keys` for it.

    ``shards`` are the shards as objects, ``chunk`` the voxels of a chunk along each
    stored dimension, ``index`` what tells where chunks lie in a shard (JSON text).
    """

    shards: Lattice
    chunk: tuple[int, ...]
    index: str
    packings: tuple[tuple[str, str], ...] = PLAIN

    def store_of(self, cell: Cell) -> str:
        """The shard in which the chunk lies."""
        base = json.loads(self.shards.store)
        shard = tuple(i // n for i, n in zip(cell, self._counts, strict=True))
        base["path"] = base.get("path", "") + self.shards.key(shard).decode()
        store = {
            "driver": "zarr3_sharding_indexed",
            "base": base,
            "grid_shape": self._counts,
            **json.loads(self.index),
        }
        return json.dumps(store, sort_keys=True)

    def cells(self, region: Region) -> Iterator[Cell]:
        """The chunks in which the voxels of ``region`` (z, y, x) lie."""
        return self._chunks.cells(region)

    def key(self, cell: Cell) -> bytes:
        """Where the chunk lies in its shard, counted in chunks along each dimension."""
        inside = (i % n for i, n in zip(cell, self._counts, strict=True))
        return struct.pack(f">{len(cell)}I", *inside)

    def plain(self, cell: Cell) -> bytes:
        """As the array without shards names the chunk."""
        return self._chunks.key(cell)

    def shape(self, cell: Cell) -> tuple[int, ...]:
        """Voxels of the chunk, also at the edges."""
        return self.chunk

    @property
    def _chunks(self) -> Lattice:
        return Lattice("", self.chunk, self.shards.axes, LOOSE)

    @property
    def _counts(self) -> tuple[int, ...]:
        """Chunks of a shard along each dimension."""
        sides = zip(self.shards.chunk, self.chunk, strict=True)
        return tuple(shard // chunk for shard, chunk in sides)


def is_sharded(array: Array) -> bool:
    """Whether chunks lie in shards, and not in files of their own."""
    codecs = array.metadata.get("codecs", [])
    return any(codec["name"] == SHARDS for codec in codecs)


def singly(array: Array, spec: str, place: Json, axes: Axes) -> ByChunk | None:
    """How the chunks of an array are fetched one by one.

    ``spec`` is the array's, ``place`` the key-value store of its folder. None for
    shards in shards and for shards with codecs around them.
    """
    folder = json.dumps(place, sort_keys=True)
    codecs = array.metadata.get("codecs", [])
    if not is_sharded(array):
        return ByChunk(spec, Lattice(folder, array.chunks, axes, array.naming))
    configuration = codecs[0].get("configuration", {})
    inner = configuration.get("codecs", [])
    if len(codecs) > 1 or any(codec["name"] == SHARDS for codec in inner):
        return None
    shard = array.metadata["chunk_grid"]["configuration"]["chunk_shape"]
    index = {
        n: configuration[n]
        for n in ("index_codecs", "index_location")
        if n in configuration
    }
    loose = {
        **array.metadata,
        "chunk_grid": {
            "name": "regular",
            "configuration": {"chunk_shape": array.chunks},
        },
        "chunk_key_encoding": {"name": "default"},
        "codecs": inner,
    }
    shards = Lattice(folder, tuple(shard), axes, array.naming)
    keys = Sharded(shards, array.chunks, json.dumps(index, sort_keys=True))
    return ByChunk(spec_text(array.driver, place, metadata=loose), keys)

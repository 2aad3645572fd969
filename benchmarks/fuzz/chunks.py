"""Targets of stored pieces: chunks of every codec, shards, suffixed files.

The first byte of an input chooses the metadata, the rest are the bytes of the piece.
"""

from __future__ import annotations

import functools
import gzip
import json
from collections.abc import Mapping, Sequence
from typing import Any

import imagecodecs
import numpy as np

from benchmarks.fuzz import seeds, stores
from benchmarks.fuzz.exploring import explore
from benchmarks.fuzz.files import driver_of
from benchmarks.fuzz.memory import Alone, folder
from benchmarks.fuzz.target import Target

Files = Mapping[str, bytes]
Case = tuple[Files, str, bytes]
"""Metadata files, the name of the piece, and a valid piece."""

BLOSC = 5 << 30
"""Address space: TensorStore asks for what the header of blosc declares, up to 2 GiB,
before it looks at the rest; what is not written to takes no memory."""

VOXELS = np.arange(1, 513, dtype=np.uint8).reshape(8, 8, 8) % 251


def check_piece(kind: str, data: bytes) -> str:
    """A chunk or shard of the array that the first byte chooses."""
    cases = cases_of(kind)
    files, name, _ = cases[(data[0] if data else 0) % len(cases)]
    place = folder({**files, name: data[1:]})
    opener = driver_of("precomputed" if "info" in files else "ngff")
    options = {} if "info" in files else {"voxel_size_nm": 8.0}
    return explore(opener(str(place), transport=Alone(), **options))


@functools.lru_cache(maxsize=8)
def cases_of(kind: str) -> tuple[Case, ...]:
    """The cases of one kind: zarr, n5, precomputed, shards."""
    makers = {"zarr": _zarr, "n5": _n5, "precomputed": _precomputed, "shards": _shards}
    return tuple(makers[kind]())


def _one_chunk(files: Files) -> Case:
    """The case of a store that has a single chunk."""
    last = [name.split("/")[-1] for name in files]
    known = (*stores.METADATA, "info")
    told = {n: c for n, c in files.items() if n.split("/")[-1] in known}
    (piece,) = [n for n, end in zip(files, last, strict=True) if end not in known]
    return told, piece, files[piece]


def _zarr() -> list[Case]:
    import zarr.codecs as v3
    from numcodecs import BZ2, Blosc, GZip, Zlib, Zstd

    store = seeds.writer("store_writer")
    image = store.multiscale("zyx", [(8, 8, 8)])
    v2: list[Any] = [None, GZip(), Zlib(), BZ2(), Zstd()]
    v2 += [Blosc(cname=name) for name in ("lz4", "zstd", "zlib", "blosclz", "lz4hc")]
    options: list[dict[str, Any]] = [{"compressors": c} for c in v2]
    found = [_written(store, image, **option) for option in options]
    news: list[Any] = [None, v3.GzipCodec(), v3.ZstdCodec(), v3.BloscCodec()]
    found += [_written(store, image, version=3, compressors=codec) for codec in news]
    sharded = {"shards": (8, 8, 8), "chunks": (4, 4, 4), "compressors": v3.GzipCodec()}
    return [*found, _written(store, image, version=3, **sharded)]


def _written(store: Any, image: Any, **options: Any) -> Case:
    def write(root: Any) -> None:
        store.write_ome(root, [VOXELS], image, **options)

    return _one_chunk(stores.written(write))


def _n5() -> list[Case]:
    store, found = seeds.writer("store_writer"), []
    for codec in ("raw", "gzip"):

        def write(root: Any, codec: str = codec) -> None:
            store.write_n5(root, VOXELS, (8, 8, 8), {"resolution": [8] * 3}, codec)

        found.append(_one_chunk(stores.written(write)))
    told, name, plain = found[0]
    attributes = json.loads(told["attributes.json"])
    packers = {
        "bzip2": imagecodecs.bz2_encode,
        "xz": imagecodecs.lzma_encode,
        "zstd": imagecodecs.zstd_encode,
        "blosc": imagecodecs.blosc_encode,
        "lz4": imagecodecs.lz4_encode,
    }
    for codec, pack in packers.items():
        members = {**attributes, "compression": {"type": codec}}
        if codec == "blosc":
            members["compression"] |= {"cname": "lz4", "clevel": 5, "shuffle": 1}
        text = json.dumps(members).encode()
        found.append(({"attributes.json": text}, name, plain[:16] + pack(plain[16:])))
    return found


def _info(encoding: str, kind: str = "uint8", **members: Any) -> Files:
    store = seeds.writer("store_writer")
    scale = store.scale("s", (8, 8, 8), encoding=encoding, **members)
    scale["chunk_sizes"] = [[8, 8, 8]]
    sort = "segmentation" if kind in ("uint32", "uint64") else "image"
    return {"info": json.dumps(store.info([scale], kind, sort)).encode()}


def _precomputed() -> list[Case]:
    name, raw = "s/0-8_0-8_0-8", VOXELS.tobytes()
    flat = VOXELS.reshape(64, 8)
    found = [
        (_info("raw"), name, raw),
        (_info("jpeg"), name, bytes(imagecodecs.jpeg8_encode(flat))),
        (_info("png"), name, bytes(imagecodecs.png_encode(flat))),
        (_info("raw"), f"{name}.gz", gzip.compress(raw)),
        (_info("raw"), f"{name}.br", bytes(imagecodecs.brotli_encode(raw))),
        (_info("raw"), f"{name}.zstd", bytes(imagecodecs.zstd_encode(raw))),
        (_info("png"), f"{name}.gz", gzip.compress(imagecodecs.png_encode(flat))),
    ]
    labels = VOXELS.astype(np.uint32) // 60
    block = {"compressed_segmentation_block_size": [8, 8, 8]}
    members = _info("compressed_segmentation", "uint32", **block)
    found.append((members, name, _compressed_segmentation(labels)))
    found.append((_info("compresso", "uint32"), name, _compresso(labels)))
    members = _info("compresso", "uint64")
    found.append(
        (members, f"{name}.gz", gzip.compress(_compresso(labels.astype("u8"))))
    )
    return found


def _compressed_segmentation(labels: Any) -> bytes:
    """One block of 8 x 8 x 8 labels in 4 bits, by the format's description."""
    values = np.unique(labels)
    coded = np.searchsorted(values, labels).ravel().astype(np.uint8)
    packed = (coded[::2] | coded[1::2] << 4).tobytes()
    # channel offset; then the header: table offset and bits, offset of the values
    table = 2 + len(packed) // 4
    head = [1, table | 4 << 24, 2]
    return bytes(np.array(head, "<u4")) + packed + bytes(values.astype("<u4"))


def _compresso(labels: Any) -> bytes:
    try:
        import compresso
    except ImportError:  # the library is optional
        return b"cpso\0\4" + bytes(100)
    return bytes(compresso.compress(np.asfortranarray(labels.T)))


def _sharding(data: str, index: str) -> dict[str, Any]:
    return {
        "@type": "neuroglancer_uint64_sharded_v1",
        "hash": "identity",
        "preshift_bits": 0,
        "minishard_bits": 1,
        "shard_bits": 0,
        "minishard_index_encoding": index,
        "data_encoding": data,
    }


def _shard(chunk: bytes, packed_index: bool, packed_data: bool) -> bytes:
    """A shard of two minishards of which the first holds one chunk, numbered 0."""
    body = gzip.compress(chunk) if packed_data else chunk
    index = np.array([[0], [0], [len(body)]], "<u8").tobytes()
    index = gzip.compress(index) if packed_index else index
    start, stop = len(body), len(body) + len(index)
    head = np.array([[start, stop], [stop, stop]], "<u8").tobytes()
    return head + body + index


def _shards() -> list[Case]:
    raw, found = VOXELS.tobytes(), []
    for data in ("raw", "gzip"):
        for index in ("raw", "gzip"):
            piece = _shard(raw, index == "gzip", data == "gzip")
            told = _info("raw", sharding=_sharding(data, index))
            found.append((told, "s/0.shard", piece))
    jpeg = bytes(imagecodecs.jpeg8_encode(VOXELS.reshape(64, 8)))
    told = _info("jpeg", sharding=_sharding("raw", "raw"))
    labels = VOXELS.astype(np.uint32) // 60
    second = _info("compresso", "uint32", sharding=_sharding("raw", "gzip"))
    piece = _shard(_compresso(labels), packed_index=True, packed_data=False)
    found.append((told, "s/0.shard", _shard(jpeg, False, False)))
    return [*found, (second, "s/0.shard", piece)]


def _seeds(kind: str, real: bool) -> Sequence[bytes]:
    return [bytes([n]) + piece for n, (_, _, piece) in enumerate(cases_of(kind))]


def _target(name: str, kind: str, about: str, words: tuple[bytes, ...] = ()) -> Target:
    seed = functools.partial(_seeds, kind)
    check = functools.partial(check_piece, kind)
    return Target(name, about, "bytes", seed, check, words, 1 << 13, BLOSC)


TARGETS = [
    _target(
        "zarr-chunks",
        "zarr",
        "chunks and shards of Zarr, every codec",
        (b"\x1f\x8b", b"BZh9", b"\x28\xb5\x2f\xfd", b"\x02\x01"),
    ),
    _target("n5-blocks", "n5", "blocks of N5, every codec", (b"\0\0\0\3", b"\0\1\0\3")),
    _target(
        "precomputed-chunks",
        "precomputed",
        "raw, jpeg, png, segmentations, compresso, and files with a suffix",
        (b"\xff\xc0", b"IHDR", b"cpso", b"\x1f\x8b"),
    ),
    _target("shards", "shards", "shards of precomputed: index and data"),
]

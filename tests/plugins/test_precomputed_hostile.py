"""The precomputed driver on files that want memory: peaks are those of one process.

Not bounded, and so not here: gzip that TensorStore or its HTTP client undo themselves,
which is what shards (index and data) of raw, jpeg and compressed_segmentation volumes
and a Content-Encoding are. There a chunk may take a thousand times its stored size
before it is refused.
"""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest

import store_writer as writer

MIB = 2**20
SHARDING = {
    "@type": "neuroglancer_uint64_sharded_v1",
    "hash": "identity",
    "preshift_bits": 0,
    "minishard_bits": 0,
    "shard_bits": 0,
    "minishard_index_encoding": "raw",
    "data_encoding": "gzip",
}

READ = """
import resource, sys
from emcatalog.errors import EmcatalogError
from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport
from emcatalog_precomputed import open_pyramid

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

def attempt(place):
    try:
        pyramid = open_pyramid(place, Transport(mirrors=Mirrors(), attempts=1))
        volume = pyramid.level(0)
        voxels = volume.read(volume.grid.region)
        return f"read {int(voxels.sum())}"
    except EmcatalogError as error:
        return f"{type(error).__name__} {error.got}"

attempt(sys.argv[1])
for place in sys.argv[2:]:
    before = peak()
    answer = attempt(place)
    print(peak() - before, answer, sep="\\t")
"""


def gzipped(size: int, wbits: int = 31) -> bytes:
    """So many zeros, a thousand times smaller."""
    packer, zeros = zlib.compressobj(9, zlib.DEFLATED, wbits), bytes(MIB)
    return b"".join(packer.compress(zeros) for _ in range(size // MIB)) + packer.flush()


def png(width: int, height: int, content: bytes) -> bytes:
    def part(kind: bytes, data: bytes) -> bytes:
        end = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + end

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", content)
        + part(b"IEND", b"")
    )  # fmt: skip


def jpeg(width: int, height: int) -> bytes:
    """A small picture that declares to be large."""
    small = bytearray(imagecodecs.jpeg8_encode(np.zeros((512, 512), "u1")))
    place = small.index(b"\xff\xc0")
    small[place + 5 : place + 9] = struct.pack(">HH", height, width)
    return bytes(small)


def shard(start: int, stop: int, index: list[int], data: bytes) -> bytes:
    """One minishard; ``index`` is the chunk's number, offset and size."""
    return struct.pack("<QQ", start, stop) + data + struct.pack("<3Q", *index)


COMPRESSO = b"cpso" + struct.pack(
    "<BB3H3BQIQB", 1, 4, 64, 64, 64, 4, 4, 1, 2**60, 2**31, 2**60, 4
)
BOMB = 512 * MIB
LARGE = struct.pack("<I", 1) + struct.pack("<II", 0xFFFFFF | 32 << 24, 0xFFFFFFFF)

FILES: dict[str, Callable[[], tuple[str, str, bytes]]] = {
    "a gzip file": lambda: ("raw", ".gz", gzipped(BOMB)),
    "a brotli file": lambda: (
        "raw", ".br", bytes(imagecodecs.brotli_encode(bytes(BOMB), level=3))
    ),
    "a zstandard file": lambda: (
        "raw", ".zstd", bytes(imagecodecs.zstd_encode(bytes(BOMB), level=1)) * 2
    ),
    "a gzip file of jpeg": lambda: ("jpeg", ".gz", gzipped(BOMB)),
    "a large png": lambda: ("png", "", png(60_000, 60_000, gzipped(BOMB, 15))),
    "a png of more rows": lambda: ("png", "", png(512, 512, gzipped(BOMB, 15))),
    "a large jpeg": lambda: ("jpeg", "", jpeg(65_000, 65_000)),
    "a large jxl": lambda: (
        "jxl", "", bytes(imagecodecs.jpegxl_encode(np.zeros((9000, 9000), "u1")))
    ),
    "compresso's counts": lambda: ("compresso", "", COMPRESSO + bytes(1000)),
    "blocks beyond the end": lambda: ("compressed_segmentation", "", LARGE * 9),
}  # fmt: skip

SHARDS: dict[str, tuple[str, bytes]] = {
    "an index beyond the end": ("raw", shard(10**12, 10**12 + 24, [0, 0, 9], b"")),
    "an index of all bytes": ("raw", shard(0, 2**62, [0, 0, 9], b"")),
    "an index that ends first": ("raw", shard(24, 0, [0, 0, 9], b"")),
    "a chunk beyond the end": ("raw", shard(0, 24, [0, 10**12, 2**40], b"")),
    "a chunk of all bytes": ("raw", shard(0, 24, [0, 0, 2**63], b"")),
    "an index on the chunk": ("raw", shard(0, 24, [0, 0, 24], b"")),
}


def volume(root: Path, encoding: str, name: str, content: bytes, **more: Any) -> str:
    dtype = "uint32" if encoding.startswith("compress") else "uint8"
    level = writer.scale(
        "8", [64, 64, 64], encoding=encoding, chunk_sizes=[[64, 64, 64]], **more
    )
    root.mkdir()
    writer.write_json(root / "info", writer.info([level], dtype))
    (root / "8").mkdir()
    (root / "8" / name).write_bytes(content)
    return str(root)


@pytest.mark.skipif(sys.platform == "win32", reason="peak memory is counted by POSIX")
def test_memory_is_bounded(tmp_path: Path) -> None:
    plain = "0-64_0-64_0-64"
    warm = volume(tmp_path / "warm", "raw", f"{plain}.gz", b"x")
    places = {}
    for name, make in FILES.items():
        encoding, suffix, content = make()
        places[name] = volume(tmp_path / name, encoding, plain + suffix, content)
    for name, (encoding, content) in SHARDS.items():
        places[name] = volume(
            tmp_path / name, encoding, "0.shard", content, sharding=SHARDING
        )
    packed = gzipped(BOMB)
    bombs = shard(len(packed), len(packed) + 24, [0, 0, len(packed)], packed)
    for encoding in ("compresso", "png", "jxl"):  # unpacked here
        name = f"{encoding} in a shard"
        root = tmp_path / name
        places[name] = volume(root, encoding, "0.shard", bombs, sharding=SHARDING)
    done = subprocess.run(
        [sys.executable, "-c", READ, warm, *places.values()],
        capture_output=True, text=True, check=True, timeout=200,
    )  # fmt: skip
    answers = [line.split("\t") for line in done.stdout.splitlines()]
    for (grown, answer), name in zip(answers, places, strict=True):
        assert answer.startswith("CorruptError"), f"{name}: {answer}"
        assert int(grown) < 48 * MIB, f"{name}: {grown} bytes for {answer}"

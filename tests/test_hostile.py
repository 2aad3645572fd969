"""Declared sizes and small files that unfold: each is bounded, and the bound is said.

Every case runs in a process of its own whose memory limit is 64 MiB. What comes out is
an error of ours or voxels, and the process never grows by more than `BOUND` (a case
that has another bound says why).
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest

import store_writer as store
from bounded import MIB, Outcome, measured
from emcatalog.driver.registry import driver

BOUND = 160 * MIB
"""Twice the memory limit, and what loading TensorStore's threads takes."""

SECONDS = 20.0
ZEROS = 320 * MIB
"""What the packed zeros unfold to: twice the bound."""

GROWTH = 2 * 1032
"""How much TensorStore makes of a byte of gzip in a shard, which it unpacks whole."""


def opened(name: str, place: str, options: Mapping[str, Any], read: bool = True) -> str:
    """Open with the driver ``name``, and read one voxel."""
    source = driver(name)(place, **options)
    array = source.to_xarray()
    return str(int(array[0, 0, 0])) if read else str(array.shape)


def kept(outcome: Outcome, *kinds: str, bound: int = BOUND) -> None:
    """The outcome is an error of one of ``kinds``, or voxels for ``str``, in bounds."""
    assert outcome.kind in kinds, outcome
    assert outcome.is_ours or outcome.kind in ("str", "int", "list"), outcome
    assert outcome.peak <= bound, f"{outcome.peak / MIB:.0f} MiB: {outcome}"
    assert outcome.seconds < SECONDS, outcome
    assert len(outcome.text) < 3999


def packed_zeros(codec: str) -> bytes:
    """`ZEROS` zeros, packed."""
    if codec == "zstd":
        return bytes(imagecodecs.zstd_encode(bytes(ZEROS), level=1))
    if codec == "brotli":
        return bytes(imagecodecs.brotli_encode(bytes(ZEROS), level=1))
    if codec == "packbits":
        return b"\x81\0" * (ZEROS // 128 // 16)
    packer: Any = {
        "gzip": lambda: zlib.compressobj(wbits=31),
        "deflate": zlib.compressobj,
        "bz2": bz2.BZ2Compressor,
        "lzma": lzma.LZMACompressor,
    }[codec]()
    piece = bytes(16 * MIB)
    parts = [packer.compress(piece) for _ in range(ZEROS // len(piece))]
    return b"".join(parts) + bytes(packer.flush())


@pytest.fixture(scope="module")
def bombs() -> dict[str, bytes]:
    names = ("gzip", "deflate", "zstd", "brotli", "packbits", "bz2", "lzma")
    return {name: packed_zeros(name) for name in names}


def tiff(
    tags: Mapping[int, tuple[int, int, int]], strip: bytes, following: int = 0
) -> bytes:
    """A TIFF of one page; ``tags`` are type, count and value; the strip is at 8."""
    place = 8 + len(strip) + len(strip) % 2
    rows = b"".join(
        struct.pack("<HHII", code, *tag) for code, tag in sorted(tags.items())
    )
    head = struct.pack("<4sI", b"II*\0", place)
    table = struct.pack("<H", len(tags)) + rows + struct.pack("<I", following)
    return head + strip.ljust(place - 8, b"\0") + table


def grey(rows: int, columns: int, compression: int, count: int) -> dict[int, Any]:
    """Tags of a grey page in one strip."""
    return {
        256: (4, 1, columns),
        257: (4, 1, rows),
        258: (3, 1, 8),
        259: (3, 1, compression),
        262: (3, 1, 1),
        273: (4, 1, 8),
        277: (3, 1, 1),
        278: (4, 1, rows),
        279: (4, 1, count),
    }


TIFF_CODES = {"deflate": 8, "zstd": 50000, "lzma": 34925, "packbits": 32773}
VOXEL = {"voxel_size_nm": 8.0}


@pytest.mark.parametrize("codec", TIFF_CODES)
@pytest.mark.parametrize("size", [(16, 16), (28000, 28000)])
def test_tiff_strips_that_unfold(
    tmp_path: Path, bombs: dict[str, bytes], codec: str, size: tuple[int, int]
) -> None:
    """A strip is unpacked to its declared size, which the memory limit bounds."""
    strip = bombs[codec]
    place = tmp_path / "a.tif"
    place.write_bytes(tiff(grey(*size, TIFF_CODES[codec], len(strip)), strip))
    found = measured(opened, "tiff", str(place), VOXEL)
    if size == (16, 16):  # the segment is too long to be one, or is cut
        kept(found, "str", "FormatError", "CorruptError", bound=BOUND)
    else:
        kept(found, "MemoryLimitError", "CorruptError", "FormatError")


def png(rows: int, columns: int, data: bytes = b"") -> bytes:
    """A PNG picture of any declared size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    head = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    body = chunk(b"IDAT", data or zlib.compress(b"\0"))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + body + chunk(b"IEND", b"")


def jpeg(rows: int, columns: int) -> bytes:
    """A JPEG picture whose frame says another size than it has."""
    whole = bytes(imagecodecs.jpeg8_encode(np.zeros((8, 8), np.uint8)))
    at = whole.index(b"\xff\xc0") + 5
    return whole[:at] + struct.pack(">HH", rows, columns) + whole[at + 4 :]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("1.png", png(60000, 60000)),
        ("1.png", png(2**31 - 1, 2**31 - 1)),
        ("1.jpg", jpeg(65000, 65000)),
        ("1.pgm", b"P5 60000 60000 255\n"),
        ("1.pgm", b"P5 99999999999 99999999999 255\n"),
    ],
)
def test_pictures_of_giant_size(tmp_path: Path, name: str, content: bytes) -> None:
    """Nothing is allocated for a picture that is larger than the memory limit."""
    (tmp_path / name).write_bytes(content)
    found = measured(opened, "images", str(tmp_path / name), VOXEL)
    kinds = ("MemoryLimitError", "CorruptError", "FormatError", "TruncatedError")
    kept(found, *kinds, "GeometryError")


def test_a_png_that_unfolds(tmp_path: Path, bombs: dict[str, bytes]) -> None:
    """A picture of 28000 x 28000 zeros takes 800 kB: it is above the memory limit."""
    (tmp_path / "1.png").write_bytes(png(28000, 28000, bombs["deflate"]))
    found = measured(opened, "images", str(tmp_path / "1.png"), VOXEL)
    kept(found, "MemoryLimitError", "CorruptError", "FormatError")


@pytest.mark.parametrize("suffix", ["gz", "br", "zstd"])
def test_precomputed_chunks_with_a_suffix(
    tmp_path: Path, bombs: dict[str, bytes], suffix: str
) -> None:
    """A chunk unpacks to four times its voxels and a MiB at most."""
    packed = bombs[{"gz": "gzip", "br": "brotli", "zstd": "zstd"}[suffix]]
    scale = store.scale("s", (8, 8, 8), chunk_sizes=[[8, 8, 8]])
    store.write_json(tmp_path / "info", store.info([scale]))
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / f"0-8_0-8_0-8.{suffix}").write_bytes(packed)
    kept(measured(opened, "precomputed", str(tmp_path), {}), "CorruptError")


def sharded(tmp_path: Path, shard: bytes, data: str = "raw") -> str:
    """A volume of one chunk in one shard, whose minishard index is gzip."""
    told = {
        "@type": "neuroglancer_uint64_sharded_v1",
        "hash": "identity",
        "preshift_bits": 0,
        "minishard_bits": 0,
        "shard_bits": 0,
        "minishard_index_encoding": "gzip",
        "data_encoding": data,
    }
    scale = store.scale("s", (8, 8, 8), chunk_sizes=[[8, 8, 8]], sharding=told)
    store.write_json(tmp_path / "info", store.info([scale]))
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "0.shard").write_bytes(shard)
    return str(tmp_path)


def test_a_shard_index_that_unfolds(tmp_path: Path, bombs: dict[str, bytes]) -> None:
    packed = bombs["gzip"]
    place = sharded(tmp_path, struct.pack("<QQ", 0, len(packed)) + packed)
    found = measured(opened, "precomputed", place, {})
    kept(found, "CorruptError", bound=BOUND + GROWTH * len(packed))


def test_a_sharded_chunk_that_unfolds(tmp_path: Path, bombs: dict[str, bytes]) -> None:
    packed = bombs["gzip"]
    index = gzip.compress(struct.pack("<QQQ", 0, 0, len(packed)))
    head = struct.pack("<QQ", len(packed), len(packed) + len(index))
    place = sharded(tmp_path, head + packed + index, "gzip")
    found = measured(opened, "precomputed", place, {})
    kept(found, "CorruptError", bound=BOUND + GROWTH * len(packed))


@pytest.mark.parametrize("which", ["offset", "size"])
def test_a_shard_index_of_giant_size(tmp_path: Path, which: str) -> None:
    """What a shard index points at is never allocated before it is there."""
    span = (0, 2**62) if which == "size" else (2**62, 2**62 + 24)
    place = sharded(tmp_path, struct.pack("<QQ", *span) + bytes(64))
    found = measured(opened, "precomputed", place, {})
    kept(found, "CorruptError", "MemoryLimitError", "FormatError", "TransportError")


def zarr2(tmp_path: Path, chunk: bytes, compressor: Any, size: int = 8) -> str:
    """An array of one chunk whose stored bytes are ``chunk``."""
    members = {
        "zarr_format": 2, "shape": [size] * 3, "chunks": [size] * 3, "dtype": "|u1",
        "compressor": compressor, "fill_value": 0, "order": "C", "filters": None,
    }  # fmt: skip
    store.write_json(tmp_path / ".zarray", members)
    (tmp_path / "0.0.0").write_bytes(chunk)
    return str(tmp_path)


@pytest.mark.parametrize("codec", ["gzip", "bz2", "zstd"])
def test_zarr_chunks_that_unfold(
    tmp_path: Path, bombs: dict[str, bytes], codec: str
) -> None:
    place = zarr2(tmp_path, bombs[codec], {"id": codec, "level": 1})
    kept(measured(opened, "ngff", place, VOXEL), "CorruptError", "MemoryLimitError")


@pytest.mark.parametrize("codec", ["gzip", "bzip2", "zstd", "xz"])
def test_n5_blocks_that_unfold(
    tmp_path: Path, bombs: dict[str, bytes], codec: str
) -> None:
    packed = bombs[{"bzip2": "bz2", "xz": "lzma"}.get(codec, codec)]
    members = {
        "dimensions": [8] * 3, "blockSize": [8] * 3, "dataType": "uint8",
        "compression": {"type": codec},
    }  # fmt: skip
    store.write_json(tmp_path / "attributes.json", members)
    (tmp_path / "0" / "0").mkdir(parents=True)
    head = struct.pack(">HHIII", 0, 3, 8, 8, 8)
    (tmp_path / "0" / "0" / "0").write_bytes(head + packed)
    kept(measured(opened, "ngff", str(tmp_path), VOXEL), "CorruptError")


def test_a_blosc_header_that_claims_two_gibibytes(tmp_path: Path) -> None:
    head = struct.pack("<BBBBIII", 2, 1, 1, 1, 2**31 - 17, 2**20, 64) + bytes(48)
    place = zarr2(tmp_path, head, {"id": "blosc", "cname": "lz4", "clevel": 5})
    kept(measured(opened, "ngff", place, VOXEL), "CorruptError")


def test_a_chunk_above_the_memory_limit(
    tmp_path: Path, bombs: dict[str, bytes]
) -> None:
    """One voxel of a chunk of 700 MiB is a request for the chunk."""
    place = zarr2(tmp_path, bombs["gzip"], {"id": "gzip", "level": 1}, 896)
    kept(measured(opened, "ngff", place, VOXEL), "MemoryLimitError", "CorruptError")


def test_a_shape_of_giant_size(tmp_path: Path) -> None:
    """Labels are 8 bytes for each voxel of an axis: they too are a request."""
    place = zarr2(tmp_path, b"", None)
    members = json.loads((tmp_path / ".zarray").read_text())
    members["shape"] = [2**25] * 3
    store.write_json(tmp_path / ".zarray", members)
    found = measured(opened, "ngff", place, VOXEL, False)
    kept(found, "MemoryLimitError", bound=64 * MIB)


def dm3(*tags: bytes) -> bytes:
    """A DM3 file of these tags."""
    body = b"\1\0" + struct.pack(">I", len(tags)) + b"".join(tags)
    return struct.pack(">III", 3, len(body), 1) + body + bytes(8)


def value(*codes: int, name: bytes = b"Data", data: bytes = b"") -> bytes:
    kind = struct.pack(f">{1 + len(codes)}I", len(codes), *codes)
    return struct.pack(">BH", 21, len(name)) + name + b"%%%%" + kind + data


def many_tags() -> bytes:
    """A group that says it has 2^32 - 1 members, and 4 MB of them."""
    return struct.pack(">IIIHI", 3, 0, 1, 256, 2**32 - 1) + value(
        3, name=b"", data=bytes(4)
    ) * (4 * MIB // 20)


DM3 = {
    "array": dm3(value(20, 12, 2**32 - 1)),
    "text": dm3(value(18, 2**32 - 1)),
    "structure": dm3(value(15, 0, 2**31, *(0, 3) * 20)),
    "codes": dm3(struct.pack(">BHI", 21, 0, 0)[:3] + b"%%%%" + b"\xff" * 4),
    "groups": dm3(struct.pack(">BH", 20, 0) + b"\1\0" + b"\xff" * 4) * 3,
    "nested": struct.pack(">III", 3, 0, 1)
    + (b"\1\0" + struct.pack(">IBH", 1, 20, 0)) * 50000,
    "many": many_tags(),
}


@pytest.mark.parametrize("name", DM3)
def test_dm_tags_of_giant_size(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.dm3").write_bytes(DM3[name])
    found = measured(opened, "dm3", str(tmp_path / "a.dm3"), VOXEL)
    kept(found, "FormatError", "TruncatedError", bound=64 * MIB)


def test_a_dm4_array_of_a_tebibyte(tmp_path: Path) -> None:
    kind = struct.pack(">QQQQ", 3, 20, 10, 2**40)
    tag = struct.pack(">BHQ", 21, 0, 2**40) + b"%%%%" + kind
    body = b"\1\0" + struct.pack(">Q", 1) + tag
    place = tmp_path / "a.dm4"
    place.write_bytes(struct.pack(">IQI", 4, len(body), 1) + body + bytes(64))
    kept(measured(opened, "dm3", str(place), VOXEL), "TruncatedError", "FormatError")


def bad_tags(**changes: tuple[int, int, int]) -> dict[int, Any]:
    """Tags of a small page, some of them changed."""
    return grey(4, 4, 1, 16) | {int(k[1:]): v for k, v in changes.items()}


TIFFS = {
    "strips": tiff(bad_tags(_273=(4, 2**32 - 1, 8), _279=(4, 2**32 - 1, 8)), bytes(16)),
    "rows of a strip": tiff(
        bad_tags(_257=(4, 1, 2**32 - 1), _278=(4, 1, 1)), bytes(16)
    ),
    "samples": tiff(bad_tags(_277=(3, 1, 65535), _258=(3, 65535, 8)), bytes(16)),
    "size": tiff(bad_tags(_256=(4, 1, 2**31), _257=(4, 1, 2**31)), bytes(16)),
    "text": tiff(bad_tags(_270=(2, 2**32 - 1, 8)), bytes(16)),
    "loop": tiff(bad_tags(), bytes(16), following=24),
    "tags": tiff(bad_tags(), bytes(16))[:24] + b"\xff\xff" + bytes(800_000),
}


@pytest.mark.parametrize("name", TIFFS)
def test_tiff_headers_of_giant_size(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.tif").write_bytes(TIFFS[name])
    found = measured(opened, "tiff", str(tmp_path / "a.tif"), VOXEL)
    kinds = ("FormatError", "TruncatedError", "GeometryError", "MemoryLimitError")
    kept(found, *kinds, "str" if name == "text" else "CorruptError")


DEEP = b'{"multiscales": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("ngff", ".zattrs"),
        ("ngff", "zarr.json"),
        ("ngff", "attributes.json"),
        ("precomputed", "info"),
    ],
)
@pytest.mark.parametrize("text", [DEEP, b"[" * 100_000, b'{"a":' * 100_000])
def test_json_that_is_nested_deep(
    tmp_path: Path, name: str, file: str, text: bytes
) -> None:
    (tmp_path / file).write_bytes(text)
    found = measured(opened, name, str(tmp_path), {})
    kept(found, "FormatError", "NotFoundError", bound=64 * MIB)


def laughs() -> bytes:
    """OME-XML whose entities stand for 10^9 others."""
    entities = [b'<!ENTITY a0 "ha">']
    entities += [
        b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 10)
    ]
    text = b"<!DOCTYPE OME [%s]>" % b"".join(entities)
    return b'<?xml version="1.0"?>' + text + b"<OME><Image>&a9;</Image></OME>"


def test_an_xml_bomb(tmp_path: Path) -> None:
    """A document type is not read at all."""
    text = laughs() + b"\0"
    tags = bad_tags(_270=(2, len(text), 24))
    (tmp_path / "a.ome.tif").write_bytes(tiff(tags, bytes(16) + text))
    found = measured(opened, "tiff", str(tmp_path / "a.ome.tif"), VOXEL)
    kept(found, "FormatError", bound=64 * MIB)


def listed(place: str) -> list[str]:
    """What is wrong with a catalog, and its names."""
    from emcatalog.catalog import open_catalog, problems

    catalog = open_catalog(place)
    return [*problems(catalog), *catalog]


def described(place: str) -> str:
    """All entries of a catalog, made and shown."""
    from emcatalog.catalog import open_catalog

    catalog = open_catalog(place)
    return "".join(str(catalog[name])[:10] for name in catalog)


@pytest.mark.parametrize("work", [listed, described])
def test_a_yaml_alias_bomb(tmp_path: Path, work: Any) -> None:
    rows = ["a0: &a0 [x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    entry = "sources: {b: {driver: tiff, args: {urlpath: *a11}}}"
    place = tmp_path / "c.yaml"
    place.write_text("\n".join([*rows, entry]))
    found = measured(work, str(place), seconds=30)
    kept(found, "FormatError", "OptionError", "list", "str")


def test_a_catalog_in_itself(tmp_path: Path) -> None:
    """A catalog that is an entry of its own ends."""
    place = tmp_path / "c.yaml"
    path = "{{ CATALOG_DIR }}/c.yaml"
    args = f"{{path: '{path}'}}"
    place.write_text(f"sources: {{a: {{driver: yaml_file_cat, args: {args}}}}}")
    found = measured(listed, str(place), seconds=30)
    kept(found, "FormatError", "OptionError", "list")


def zipped(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return out.getvalue()


def test_a_zip_member_that_unfolds(tmp_path: Path) -> None:
    (tmp_path / "a.zarr.zip").write_bytes(zipped(".zattrs", b" " * (256 * MIB)))
    found = measured(opened, "ngff", str(tmp_path / "a.zarr.zip"), VOXEL)
    kept(found, "FormatError")


def test_a_zip_that_claims_a_giant_directory(tmp_path: Path) -> None:
    whole = zipped(".zattrs", b"{}")
    at = whole.index(b"PK\5\6")
    for place, size in ((8, 2), (12, 4), (16, 4)):
        damaged = bytearray(whole)
        damaged[at + place : at + place + size] = b"\xfe" * size
        (tmp_path / "a.zip").write_bytes(damaged)
        found = measured(opened, "ngff", str(tmp_path / "a.zip"), VOXEL)
        kept(found, "FormatError", "NotFoundError", bound=64 * MIB)


class _Endless:
    """An ASGI application whose every answer is a gigabyte of blanks."""

    def __init__(self, packed: bytes = b"", *, announced: bool = True) -> None:
        self.packed, self.announced = packed, announced

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        size = len(self.packed) or 2**30
        headers = [(b"content-type", b"application/json")]
        headers += [(b"content-length", str(size).encode())] * self.announced
        headers += [(b"content-encoding", b"gzip")] * bool(self.packed)
        start = {"type": "http.response.start", "status": 200, "headers": headers}
        await send(start)
        pieces = [self.packed] if self.packed else [b" " * MIB] * 1024
        for piece in pieces:
            body = {"type": "http.response.body", "body": piece, "more_body": True}
            await send(body)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


@pytest.mark.parametrize("way", ["announced", "chunked", "gzip"])
def test_an_info_of_a_gigabyte(way: str, bombs: dict[str, bytes]) -> None:
    """At most 16 MiB of metadata are read, packed or not."""
    from servers.asgi import serve_asgi

    packed = bombs["gzip"] if way == "gzip" else b""
    with serve_asgi(_Endless(packed, announced=way != "chunked")) as url:
        found = measured(opened, "precomputed", f"{url}/v", {})
    kept(found, "ContentError", "FormatError", bound=96 * MIB)


def test_the_measure_measures() -> None:
    """A process that takes 300 MiB is seen to."""
    found = measured(_greedy)
    assert found.peak > 250 * MIB
    assert found.kind == "int"


def _greedy() -> int:
    return len(bytearray(300 * MIB).replace(b"\0", b"\1"))

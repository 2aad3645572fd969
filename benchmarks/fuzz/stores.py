"""Targets of folders: OME-Zarr, N5 and precomputed metadata, and stores in zip files.

An input is one JSON object: the metadata files of the folder, by path. What is no JSON
object is taken for the text of the one file that is read first.
"""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.fuzz import seeds
from benchmarks.fuzz.exploring import explore
from benchmarks.fuzz.files import driver_of
from benchmarks.fuzz.memory import Alone, folder
from benchmarks.fuzz.target import Target

METADATA = (
    ".zattrs",
    ".zarray",
    ".zgroup",
    "zarr.json",
    "attributes.json",
    ".zmetadata",
)
Writer = Callable[[Path], object]


def laid_out(data: bytes, first: str) -> Mapping[str, bytes]:
    """The files that an input stands for."""
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError):
        tree = None
    if not isinstance(tree, dict) or not all(map(_harmless, tree)):
        return {first: data}
    files: dict[str, bytes] = {}
    for name, content in tree.items():
        files[name] = json.dumps(content).encode()
    return files


def _harmless(name: str) -> bool:
    """Whether a name may be written below a folder of ours."""
    parts = name.split("/")
    known = parts[-1] in (*METADATA, "info")
    plain = all(p.isascii() and p.isprintable() and p not in ("", "..") for p in parts)
    return known and plain and len(name) < 80 and not set(parts[:-1]) & set(METADATA)


def check_folder(name: str, first: str, data: bytes) -> str:
    """A folder of metadata files, by the driver ``name``."""
    place = folder(laid_out(data, first))
    options: dict[str, Any] = {} if name == "precomputed" else {"voxel_size_nm": 8.0}
    pyramid = driver_of(name)(str(place), transport=Alone(), **options)
    return explore(pyramid, labels=len(data) % 8 == 3)


def check_zip(data: bytes) -> str:
    """A zip file that holds a store."""
    place = folder({"a.zip": data}) / "a.zip"
    pyramid = driver_of("ngff")(str(place), transport=Alone(), voxel_size_nm=8.0)
    return explore(pyramid)


def written(write: Writer) -> dict[str, bytes]:
    """All files of a store, by path."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "store"
        write(root)
        found = (p for p in sorted(root.rglob("*")) if p.is_file())
        return {p.relative_to(root).as_posix(): p.read_bytes() for p in found}


def bundle(files: Mapping[str, bytes]) -> bytes:
    """The metadata among ``files`` as one input."""
    known = (*METADATA, "info")
    chosen = {n: json.loads(c) for n, c in files.items() if n.split("/")[-1] in known}
    return json.dumps(chosen).encode()


def images() -> list[Writer]:
    """Writers of OME-Zarr of several versions, codecs and axes."""
    store = seeds.writer("store_writer")
    grey = store.noise((5, 6, 7))
    colours = store.noise((2, 5, 6, 7), "u2")
    flat = store.multiscale("zyx", [(50, 8, 8)])
    two = store.multiscale("zyx", [(50, 8, 8), (100, 16, 16)])
    channels = store.multiscale("czyx", [(1, 50, 8, 8)], "micrometer")
    channels["omero"] = {"channels": [{"label": "a", "window": {"start": 0, "end": 9}}]}
    half = grey[::2, ::2, ::2]
    sharded = {"shards": (8, 8, 8), "chunks": (4, 4, 4)}
    return [
        lambda root: store.write_ome(root, [grey], flat),
        lambda root: store.write_ome(root, [grey, half], two),
        lambda root: store.write_ome(root, [colours], channels),
        lambda root: store.write_ome(root, [grey], flat, version=3),
        lambda root: store.write_ome(root, [grey, half], two, version=3, **sharded),
        lambda root: store.write_ome(root, [colours], channels, version=3),
    ]


def viewers() -> list[Writer]:
    """Writers of N5 with the metadata of COSEM, n5-viewer and Neuroglancer."""
    store = seeds.writer("store_writer")
    grey, block = store.noise((5, 6, 7)), (4, 4, 4)
    transform = {
        "axes": ["z", "y", "x"],
        "units": ["nm"] * 3,
        "scale": [4.0, 4.0, 4.0],
        "translate": [0.0, 0.0, 2.0],
    }
    resolved = {"resolution": [4, 4, 40], "units": ["nm", "nm", "nm"]}
    viewer = {
        "pixelResolution": {"unit": "um", "dimensions": [0.004, 0.004, 0.04]},
        "downsamplingFactors": [[1, 1, 1], [2, 2, 2]],
    }
    listed = {"multiscales": [{"datasets": [{"path": "s0", "transform": transform}]}]}

    def group(root: Path, told: Mapping[str, Any], own: Mapping[str, Any]) -> None:
        store.write_json(root / "attributes.json", told)
        store.write_n5(root / "s0", grey, block, own)
        store.write_n5(root / "s1", grey[::2, ::2, ::2], block, own, "gzip")

    return [
        lambda root: store.write_n5(root, grey, block, {"transform": transform}),
        lambda root: store.write_n5(root, grey, block, resolved, "gzip"),
        lambda root: group(root, viewer, {}),
        lambda root: group(root, listed, {}),
        lambda root: group(root, {"n5": "2.0.0"}, {"transform": transform}),
        lambda root: group(root, {"scales": [[1, 1, 1], [2, 2, 2]], **resolved}, {}),
    ]


def infos() -> list[bytes]:
    """Files ``info`` of every encoding, sharded and not."""
    store = seeds.writer("store_writer")
    sharding = {
        "@type": "neuroglancer_uint64_sharded_v1",
        "hash": "murmurhash3_x86_128",
        "preshift_bits": 1,
        "minishard_bits": 2,
        "shard_bits": 1,
        "minishard_index_encoding": "gzip",
        "data_encoding": "gzip",
    }
    block = {"compressed_segmentation_block_size": [8, 8, 8]}
    rows: list[tuple[str, dict[str, Any]]] = [
        ("uint8", {"encoding": "raw", "voxel_offset": [-3, 5, 70]}),
        ("uint8", {"encoding": "jpeg", "jpeg_quality": 75}),
        ("uint16", {"encoding": "png"}),
        ("uint64", {"encoding": "compressed_segmentation", **block}),
        ("uint32", {"encoding": "compresso"}),
        ("float32", {"sharding": sharding}),
    ]
    found = []
    for kind, members in rows:
        scales = [
            store.scale("8_8_8", (20, 18, 17), **members),
            store.scale("16_16_16", (10, 9, 9), **members, resolution=[16, 16, 16]),
        ]
        sort = "segmentation" if kind in ("uint32", "uint64") else "image"
        about = store.info(scales, kind, sort)
        found.append(json.dumps({"info": about}).encode())
    return found


def _ngff(real: bool) -> Sequence[bytes]:
    found = [bundle(written(write)) for write in images()]
    if real:
        told = seeds.sample().rglob(".zattrs")
        groups = [p.parent for p in told if "multiscales" in p.read_text("utf-8")]
        found += [seeds.bundles(group, METADATA) for group in groups[:3]]
        raw = seeds.real("zarr/**/.zattrs", "zarr/**/zarr.json", "derived/**/.zattrs")
        found += [b'{".zattrs": %s}' % text for text in raw if text.startswith(b"{")]
    return [data for data in found if len(data) < seeds.SMALL]


def _n5(real: bool) -> Sequence[bytes]:
    found = [bundle(written(write)) for write in viewers()]
    if real:
        raw = seeds.real("n5/**/attributes.json")
        found += [b'{"attributes.json": %s}' % t for t in raw if t.startswith(b"{")]
    return found


def _infos(real: bool) -> Sequence[bytes]:
    found = infos()
    if real:
        raw = seeds.real("precomputed/**/info", "derived/**/info", "em_stacks/**/info")
        found += [b'{"info": %s}' % text for text in raw if text.startswith(b"{")]
    return found


def _zips(real: bool) -> Sequence[bytes]:
    found = [packed(written(write), n) for n, write in enumerate(images()[:5])]
    return found + (seeds.real("zarr/**/*.zip") if real else [])


def packed(files: Mapping[str, bytes], number: int = 0) -> bytes:
    """``files`` in a zip file, plain or deflated, below a folder or not."""
    out = io.BytesIO()
    kind = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)[number % 2]
    with zipfile.ZipFile(out, "w", kind) as archive:
        for name, content in files.items():
            archive.writestr("a.zarr/" * (number % 3 == 2) + name, content)
    return out.getvalue()


_OME = (
    b"multiscales", b"ome", b"version", b"0.1", b"0.2", b"0.3", b"0.4", b"0.5", b"0.6",
    b"axes", b"datasets", b"path", b"coordinateTransformations", b"scale", b"identity",
    b"translation", b"affine", b"rotation", b"sequence", b"z", b"y", b"x", b"c", b"t",
    b"micrometer", b"space", b"channel", b"omero", b"labels", b"plate", b"well",
    b"bioformats2raw.layout", b"zarr_format", b"node_type", b"array", b"group",
    b"shape", b"chunks", b"dtype", b"<u2", b">f8", b"|b1", b"compressor", b"blosc",
    b"zstd", b"gzip", b"filters", b"order", b"F", b"fill_value", b"NaN", b"codecs",
    b"sharding_indexed", b"transpose", b"crc32c", b"bytes", b"dimension_separator",
    b"dimension_names", b"chunk_grid", b"coordinateSystems", b"input", b"output",
)  # fmt: skip
_N5_WORDS = (
    b"dimensions", b"blockSize", b"dataType", b"compression", b"type", b"raw", b"bzip2",
    b"gzip", b"xz", b"lz4", b"blosc", b"zstd", b"useZlib", b"compressionType",
    b"transform", b"axes", b"units", b"scale", b"translate", b"order", b"F", b"C",
    b"resolution", b"pixelResolution", b"downsamplingFactors", b"scales", b"axes",
    b"uint8", b"float64", b"isLabelMultiset", b"painteraData", b"maxId", b"nm", b"um",
)  # fmt: skip
_INFO = (
    b"@type", b"type", b"data_type", b"num_channels", b"scales", b"key", b"size",
    b"voxel_offset", b"chunk_sizes", b"resolution", b"encoding", b"jpeg", b"png",
    b"compressed_segmentation", b"compresso", b"jxl", b"zfpc", b"fpzip", b"kempressed",
    b"sharding", b"hash", b"identity", b"murmurhash3_x86_128", b"preshift_bits",
    b"minishard_bits", b"shard_bits", b"minishard_index_encoding", b"data_encoding",
    b"uint8", b"int16", b"uint64", b"float32", b"image", b"segmentation", b"graph",
    b"compressed_segmentation_block_size", b"data_dir", b"mesh", b"../x", b"..",
)  # fmt: skip

TARGETS = [
    Target(
        "ngff",
        "metadata of OME-Zarr on Zarr v2 and v3",
        "json",
        _ngff,
        partial(check_folder, "ngff", ".zattrs"),
        _OME,
    ),
    Target(
        "n5",
        "attributes of N5",
        "json",
        _n5,
        partial(check_folder, "ngff", "attributes.json"),
        _N5_WORDS,
    ),
    Target(
        "precomputed",
        "the info of precomputed volumes",
        "json",
        _infos,
        partial(check_folder, "precomputed", "info"),
        _INFO,
    ),
    Target(
        "zips",
        "stores in zip files",
        "bytes",
        _zips,
        check_zip,
        (
            b"PK\1\2",
            b"PK\3\4",
            b"PK\5\6",
            b"PK\6\6",
            b"PK\6\7",
            b".zattrs",
            b"0/.zarray",
        ),
    ),
]

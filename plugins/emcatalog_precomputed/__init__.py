"""Driver ``precomputed``: Neuroglancer precomputed volumes, sharded or not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from emcatalog.chunked import (
    PACKED_FILES,
    PLAIN,
    Axes,
    Bare,
    ByChunk,
    ChunkedVolume,
    ChunkKeys,
    Transcode,
    above,
    child,
    folder,
    holds_suffixed,
    kvstore,
    local_path,
    spec_text,
    unpack,
    verify,
)
from emcatalog.driver import VolumeSource, backend
from emcatalog.errors import EmcatalogError, OptionError
from emcatalog.geometry import Grid, Lengths, Triple
from emcatalog.record import Claim, Record
from emcatalog.transport import Transport
from emcatalog.volume import Pyramid
from emcatalog_precomputed.info import Info, Scale, parse_info
from emcatalog_precomputed.transcode import readable, transcoder

__all__ = ["PrecomputedBackend", "PrecomputedSource", "open_pyramid"]

INFO_LIMIT = 16 * 2**20
GZIP = b"\x1f\x8b"
"""How an info begins that lies packed in a bucket of S3, which does not unpack it."""

SAME_BITS = MappingProxyType({"int64": "uint64", "float64": "uint64"})
"""What TensorStore reads in place of the types that it does not know."""

ORDERED = ("raw", "compressed_segmentation")
"""Encodings that keep voxels as they lie in memory."""

LOSSY = ("jpeg", "jxl")
"""Encodings that may change voxels; jxl may also be without loss."""


def open_pyramid(urlpath: str, transport: Transport, *, channel: int = 0) -> Pyramid:
    """Open a precomputed volume: image or segmentation, all its scales.

    Reads the file ``info`` and nothing else. Voxel ``i`` of an axis spans
    ``[offset + i, offset + i + 1) * resolution``, so its centre lies at
    ``(offset + i + 0.5) * resolution``, as Neuroglancer shows it.

    Args:
        urlpath: Folder that holds ``info``: ``gs://``, ``s3://``, ``https://`` or a
            local path, also in Neuroglancer's spelling ``precomputed://gs://...``.
        transport: How bytes are had.
        channel: Which channel of an image, from 0.

    Encodings: raw, jpeg, png, compressed_segmentation, compresso and jxl; sharded or
    not; gzip, brotli or Zstandard around local chunks or as a Content-Encoding. Of
    several chunk sizes the first is read. What a chunk may unpack to is bounded by its
    voxels, but for gzip that TensorStore undoes: that of shards of raw, jpeg and
    compressed_segmentation, and Content-Encoding. There a hostile chunk may take a
    thousand times its stored size before it is refused.

    Raises FormatError for an ``info`` that is damaged or uses another encoding, and
    OptionError for a channel that does not exist.
    """
    url = folder(urlpath.removeprefix("precomputed://"))
    place = child(url, "info")
    try:
        text = transport.read(place, limit=INFO_LIMIT, kind="application/json")
        if text.startswith(GZIP):
            text = unpack(text, "gzip", INFO_LIMIT)
        info = parse_info(text)
        if not 0 <= channel < info.channels:
            raise OptionError(
                got=f"channel={channel}", expected=f"0 to {info.channels - 1}"
            )
        volumes = tuple(
            _volume(url, transport, info, scale, channel) for scale in info.scales
        )
    except EmcatalogError as error:
        error.about(place)
        raise
    record = Record(_claims(info, channel))
    return Pyramid(volumes, record, {"info": info.raw})


def _volume(
    url: str, transport: Transport, info: Info, scale: Scale, channel: int
) -> ChunkedVolume:
    place = child(url, scale.key)
    store = kvstore(place, transport)
    parent, name = above(store)
    transcode = transcoder(scale.encoding, info.data_type)
    members = readable(scale.members) if transcode else scale.members
    spec = spec_text(
        "neuroglancer_precomputed",
        parent,
        multiscale_metadata={
            "type": info.kind,
            "data_type": SAME_BITS.get(info.data_type, info.data_type),
            "num_channels": info.channels,
        },
        scale_metadata={**members, "key": name},
    )
    verify(spec)
    sharding, packings = _packed(scale, transcode, local_path(place, transport))
    keys = ChunkKeys(
        folder=json.dumps(store, sort_keys=True),
        offset=scale.offset,
        size=scale.size,
        chunk=scale.chunk,
        sharding=json.dumps(sharding, sort_keys=True) if sharding else "",
        packings=packings,
        name=name,
        channels=info.channels,
    )
    is_staged = transcode is not None or packings != PLAIN
    dtype = np.dtype(info.data_type)
    is_bare = is_staged and members["encoding"] == "raw"
    return ChunkedVolume(
        grid=_grid(scale),
        dtype=dtype,
        chunks=_zyx(scale.chunk),
        spec=spec,
        axes=Axes((2, 1, 0), fixed=((3, channel),)),
        url=place,
        keys=keys,
        transcode=transcode,
        by_chunk=None if is_staged else _singly(spec, keys),
        bare=Bare(keys, dtype.newbyteorder("<").str, channel) if is_bare else None,
    )


def _singly(spec: str, keys: ChunkKeys) -> ByChunk:
    """How chunks that TensorStore decodes are fetched singly, packed as they lie."""
    if not keys.sharding:
        return ByChunk(spec, keys)
    members, sharding = json.loads(spec), json.loads(keys.sharding)
    members["scale_metadata"].pop("sharding")
    if sharding["data_encoding"] == "gzip":
        # TensorStore would fetch a chunk anew to tell whether it is the same
        keys = replace(keys, packings=(("", "gzip"),))
    raw = json.dumps({**sharding, "data_encoding": "raw"}, sort_keys=True)
    return ByChunk(json.dumps(members, sort_keys=True), replace(keys, sharding=raw))


def _packed(
    scale: Scale, transcode: Transcode | None, local: Path | None
) -> tuple[Mapping[str, Any] | None, tuple[tuple[str, str], ...]]:
    """How TensorStore is to see the shards, and what is left to unpack."""
    if not scale.sharding:
        return None, PACKED_FILES if local and holds_suffixed(local) else PLAIN
    if transcode and scale.sharding["data_encoding"] == "gzip":
        # TensorStore would inflate it without a bound
        return {**scale.sharding, "data_encoding": "raw"}, (("", "gzip"),)
    return scale.sharding, PLAIN


def _grid(scale: Scale) -> Grid:
    x, y, z = (
        (start + 0.5) * step
        for start, step in zip(scale.offset, scale.resolution, strict=True)
    )
    return Grid(_zyx(scale.size), _lengths_zyx(scale.resolution), (z, y, x))


def _zyx(triple: Triple) -> Triple:
    x, y, z = triple
    return z, y, x


def _lengths_zyx(lengths: Lengths) -> Lengths:
    x, y, z = lengths
    return z, y, x


def _claims(info: Info, channel: int) -> tuple[Claim, ...]:
    finest, grid = info.scales[0], _grid(info.scales[0])
    told: list[tuple[str, Any, str]] = [
        ("format", "Neuroglancer precomputed", "@type"),
        ("kind", info.kind, "type"),
        ("pixel_type", info.data_type, "data_type"),
        ("compression", _encoding(finest), "scales[0].encoding"),
        ("lossy", int(finest.encoding in LOSSY), "scales[0].encoding"),
        ("rendered", 0, "type"),
    ]
    if info.channels > 1:
        names = tuple(str(i) for i in range(info.channels))
        told += [("channels", names, "num_channels"), ("channel", channel, "channel")]
    if others := _others(info.scales):
        told.append(("note", others, "scales[].encoding"))
    claims = [Claim(name, value, "file", where) for name, value, where in told]
    if finest.encoding in ORDERED and np.dtype(info.data_type).itemsize > 1:
        where = f"the format: {finest.encoding} is little-endian"
        claims.append(Claim("byte_order", "little", "default", where))
    for axis, size, origin in zip("zyx", grid.voxel_size, grid.origin, strict=True):
        where = "scales[0].resolution"
        claims.append(Claim(f"voxel_size_{axis}", size, "file", where, "nm"))
        where = "scales[0].voxel_offset"
        claims.append(Claim(f"origin_{axis}", origin, "file", where, "nm"))
    return tuple(claims)


def _others(scales: Sequence[Scale]) -> str:
    """How scales are stored that are stored otherwise than the finest one."""
    first, *coarser = [(scale.key, _encoding(scale)) for scale in scales]
    odd = [f"{key} as {kind}" for key, kind in coarser if kind != first[1]]
    return f"stored otherwise: {', '.join(odd)}" if odd else ""


def _encoding(scale: Scale) -> str:
    """Such as ``jpeg quality 75, sharded, gzip``."""
    parts = [scale.encoding]
    if scale.jpeg_quality is not None and scale.encoding == "jpeg":
        parts[0] += f" quality {scale.jpeg_quality}"
    if scale.sharding:
        parts.append("sharded")
        if scale.sharding["data_encoding"] == "gzip":
            parts.append("gzip")
    return ", ".join(parts)


class PrecomputedSource(VolumeSource):
    """A Neuroglancer precomputed volume on GCS, S3, a web server or disk.

    ``channel`` chooses a channel of an image. Chunks that are not stored read as 0;
    ``stored`` tells them apart.
    """

    name = "precomputed"
    open_pyramid = staticmethod(open_pyramid)


PrecomputedBackend = backend(PrecomputedSource)

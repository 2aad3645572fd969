"""Which compressors and codecs are read, and the members that matter for reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emcatalog.errors import FormatError
from emcatalog_ngff.model import integers, mapping, sequence, shown

Json = dict[str, Any]

_V2_MEMBERS: Mapping[str, tuple[str, ...]] = {
    "blosc": ("cname", "clevel", "shuffle", "blocksize"),
    "bz2": (),
    "gzip": (),
    "zlib": (),
    "zstd": (),
}
"""Compression levels are of no use to a reader, and some writers use odd ones."""

_N5_MEMBERS: Mapping[str, tuple[str, ...]] = {
    "blosc": ("cname", "clevel", "shuffle", "blocksize"),
    "bzip2": (),
    "gzip": ("useZlib",),
    "raw": (),
    "xz": (),
    "zstd": (),
}
_V3_CODECS = ("bytes", "transpose", "blosc", "gzip", "zstd", "crc32c")
_SHARDS = "sharding_indexed"
_NESTED = 4


def no_filters(value: object) -> None:
    """Raise FormatError for Zarr v2 filters, which TensorStore does not apply."""
    if value:
        names = [f.get("id") if isinstance(f, dict) else f for f in _items(value)]
        raise _unknown("filter", names, ())


def v2_compressor(value: object) -> Json | None:
    """The ``compressor`` of a Zarr v2 array; None for none."""
    if value is None:
        return None
    members = mapping(value, "compressor")
    name = members.get("id")
    if not isinstance(name, str) or name not in _V2_MEMBERS:
        raise _unknown("compressor", name, _V2_MEMBERS)
    return {"id": name} | _only(members, _V2_MEMBERS[name])


def n5_compression(members: Mapping[str, Any]) -> Json:
    """The compression of an N5 array, also in the spelling of its first version."""
    value = members.get("compression")
    if value is None and "compressionType" in members:
        value = {"type": members["compressionType"]}
    given = mapping(value, "compression")
    name = given.get("type")
    if not isinstance(name, str) or name not in _N5_MEMBERS:
        raise _unknown("compression", name, _N5_MEMBERS)
    return {"type": name} | _only(given, _N5_MEMBERS[name])


def v3_codecs(value: object, depth: int = 0) -> tuple[list[Json], list[str]]:
    """The codecs of a Zarr v3 array, and the names of those that compress."""
    codecs, names = [], []
    for item in sequence(value, "codecs", 16):
        members = {"name": item} if isinstance(item, str) else mapping(item, "codec")
        name = members.get("name")
        given = members.get("configuration")
        configuration = mapping(given or {}, "configuration")
        if name == _SHARDS and depth < _NESTED:
            configuration, inner = _shards(configuration, depth)
            names += inner
        elif name not in _V3_CODECS:
            raise _unknown("codec", name, (*_V3_CODECS, _SHARDS))
        elif name in ("blosc", "gzip", "zstd"):
            names.append(_described(name, configuration))
        codecs.append({"name": name, "configuration": _readable(name, configuration)})
    return codecs, names


def v3_inner_chunks(codecs: Sequence[Json]) -> tuple[int, ...] | None:
    """What the innermost shards hold as one piece; None without shards.

    A codec before the shards may turn the axes round; then the outer chunk counts.
    """
    first = codecs[0] if codecs else {}
    if first.get("name") != _SHARDS:
        return None
    configuration = first["configuration"]
    inner = integers(configuration.get("chunk_shape"), "chunk_shape of the shards")
    return v3_inner_chunks(configuration["codecs"]) or inner


def _shards(configuration: Mapping[str, Any], depth: int) -> tuple[Json, list[str]]:
    codecs, names = v3_codecs(configuration.get("codecs"), depth + 1)
    index, _ = v3_codecs(configuration.get("index_codecs"), depth + 1)
    return {**configuration, "codecs": codecs, "index_codecs": index}, names


def _readable(name: str, configuration: Mapping[str, Any]) -> Json:
    if name in ("gzip", "zstd"):  # levels and checksums matter to writers only
        return {"level": 1}
    return dict(configuration)


def _described(name: str, configuration: Mapping[str, Any]) -> str:
    cname = configuration.get("cname")
    return f"blosc {shown(cname)[1:-1]}" if name == "blosc" and cname else name


def _only(members: Mapping[str, Any], names: Sequence[str]) -> Json:
    return {name: members[name] for name in names if name in members}


def _items(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]


def _unknown(what: str, value: object, known: Sequence[str] | Mapping[str, Any]) -> Any:
    return FormatError(
        got=f"the {what} {shown(value)}",
        expected=f"one of {', '.join(known)}" if known else f"no {what}s",
        hint="TensorStore, which decodes the chunks, does not have it; zarr-python may"
        ", and can write anew",
    )

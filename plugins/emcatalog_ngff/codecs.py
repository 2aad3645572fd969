"""Which compressors and codecs are read, and the members that matter for reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emcatalog.errors import FormatError
from emcatalog.json_text import mapping, shown
from emcatalog_ngff.model import integers, sequence
from emcatalog_ngff.transcoding import (
    COMPRESSORS,
    FILTERS,
    codec_text,
    known_codec,
)

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
    "lz4": (),
    "raw": (),
    "xz": (),
    "zstd": (),
}
_V3_CODECS = ("bytes", "transpose", "blosc", "gzip", "zstd", "crc32c")
_NUMCODECS = "numcodecs."
SHARDS = "sharding_indexed"
_NESTED = 4


def v2_codecs(members: Mapping[str, Any]) -> tuple[Json | None, tuple[str, ...]]:
    """The compressor of a Zarr v2 array for TensorStore, or codecs to undo before.

    Filters, and compressors that TensorStore lacks, come as configurations of
    numcodecs in the order in which they encode; then there is no compressor.
    """
    given = members.get("filters")
    filters = sequence(given, "filters", 16) if given else []
    value = members.get("compressor")
    compressor = None if value is None else mapping(value, "compressor")
    if compressor is None and not filters:
        return None, ()
    name = compressor.get("id") if compressor is not None else None
    if not filters and compressor and isinstance(name, str) and name in _V2_MEMBERS:
        return {"id": name} | _defaults(name) | _only(compressor, _V2_MEMBERS[name]), ()
    known = (*sorted(COMPRESSORS), *sorted(FILTERS))
    texts = []
    for i, item in enumerate(
        [*filters, *([compressor] if compressor is not None else [])]
    ):
        codec = mapping(item, f"filters[{i}]")
        if not known_codec(codec.get("id")):
            what = "filter" if i < len(filters) else "compressor"
            raise _unknown(what, codec.get("id"), known)
        texts.append(codec_text(codec))
    return None, tuple(texts)


def v3_chain(value: object) -> tuple[str, ...]:
    """Codecs of a Zarr v3 array to undo before TensorStore reads it.

    Empty unless there are some of numcodecs, which TensorStore lacks. Then all must be
    of numcodecs or known to it, and voxels little-endian. Raises FormatError.
    """
    items = [_named(item) for item in sequence(value, "codecs", 16)]
    if not any(str(name).startswith(_NUMCODECS) for name, _ in items):
        return ()
    texts = []
    for name, configuration in items:
        plain = str(name).removeprefix(_NUMCODECS)
        if name == "bytes":
            if configuration.get("endian", "little") != "little":
                raise _unknown("codec", "bytes, big-endian, with numcodecs", ())
        elif name in ("gzip", "zstd", "blosc") or (
            plain != name and known_codec(plain)
        ):
            texts.append(codec_text({**configuration, "id": plain}))
        else:
            raise _unknown("codec", name, tuple(sorted({*COMPRESSORS, *FILTERS})))
    return tuple(texts)


def _named(item: object) -> tuple[object, Mapping[str, Any]]:
    """Name and configuration of a Zarr v3 codec, which may be a name only."""
    members = {"name": item} if isinstance(item, str) else mapping(item, "codec")
    return members.get("name"), mapping(
        members.get("configuration") or {}, "configuration"
    )


def n5_compression(members: Mapping[str, Any]) -> Json:
    """The compression of an N5 array, also in the spelling of its first version."""
    value = members.get("compression")
    if value is None and "compressionType" in members:
        value = {"type": members["compressionType"]}
    given = mapping(value, "compression")
    name = given.get("type")
    if not isinstance(name, str) or name not in _N5_MEMBERS:
        raise _unknown("compression", name, _N5_MEMBERS)
    return {"type": name} | _defaults(name) | _only(given, _N5_MEMBERS[name])


def v3_codecs(value: object, depth: int = 0) -> tuple[list[Json], list[str]]:
    """The codecs of a Zarr v3 array, and the names of those that compress."""
    codecs, names = [], []
    for item in sequence(value, "codecs", 16):
        name, configuration = _named(item)
        if name == SHARDS and depth < _NESTED:
            configuration, inner = _shards(configuration, depth)
            names += inner
        elif name not in _V3_CODECS:
            raise _unknown("codec", name, (*_V3_CODECS, SHARDS))
        elif name in ("blosc", "gzip", "zstd"):
            names.append(_described(str(name), configuration))
        codecs.append(
            {"name": name, "configuration": _readable(str(name), configuration)}
        )
    return codecs, names


def v3_inner_chunks(codecs: Sequence[Json]) -> tuple[int, ...] | None:
    """What the innermost shards hold as one piece; None without shards.

    A codec before the shards may turn the axes round; then the outer chunk counts.
    """
    first = codecs[0] if codecs else {}
    if first.get("name") != SHARDS:
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


def _defaults(name: str) -> Json:
    """What TensorStore wants to know and does not need: blosc's own header tells."""
    if name != "blosc":
        return {}
    return {"cname": "lz4", "clevel": 5, "shuffle": 1, "blocksize": 0}


def _only(members: Mapping[str, Any], names: Sequence[str]) -> Json:
    return {name: members[name] for name in names if name in members}


def _unknown(what: str, value: object, known: Sequence[str] | Mapping[str, Any]) -> Any:
    return FormatError(
        got=f"the {what} {shown(value)}",
        expected=f"one of {', '.join(known)}" if known else f"no {what}s",
        hint="neither TensorStore nor this driver has it; zarr-python may, and can "
        "write the array anew",
    )


def v3_byte_order(codecs: object) -> str:
    """How the codec ``bytes`` orders them, also within shards; empty if none tells."""
    for codec in codecs if isinstance(codecs, list) else []:
        members = codec if isinstance(codec, dict) else {}
        inner = members.get("configuration")
        inner = inner if isinstance(inner, dict) else {}
        if members.get("name") == SHARDS:
            return v3_byte_order(inner.get("codecs"))
        if members.get("name") == "bytes" and inner.get("endian") in ("little", "big"):
            return str(inner["endian"])
    return ""

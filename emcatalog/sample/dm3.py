"""A writer of Gatan DigitalMicrograph 3 files, for the sample's slices.

The file is a tree of tags: its skeleton big-endian, its values little-endian. A group
is a ``dict`` (named tags) or a ``list`` (unnamed tags); a leaf is a `Leaf`, a ``str``
(UTF-16), a ``bool``, an ``int`` (32 bits, unsigned unless negative) or a ``float``
(64 bits). Format as described by Greg Jefferis and Chris Boothroyd (dmformat) and by
the files that DigitalMicrograph writes.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

_GROUP, _LEAF = 20, 21
_SHORT, _INT, _USHORT, _UINT, _FLOAT, _DOUBLE, _BOOL, _OCTET = 2, 3, 4, 5, 6, 7, 8, 10
_STRUCT, _ARRAY = 15, 20


@dataclass(frozen=True)
class Leaf:
    """One value: the integers that describe its type, and its bytes."""

    kind: tuple[int, ...]
    data: bytes


Tree: TypeAlias = (
    Mapping[str, "Tree"] | Sequence["Tree"] | Leaf | str | bool | int | float
)


def short(value: int) -> Leaf:
    """A 16-bit integer."""
    return Leaf((_SHORT,), struct.pack("<h", value))


def signed(value: int) -> Leaf:
    """A 32-bit signed integer."""
    return Leaf((_INT,), struct.pack("<i", value))


def single(value: float) -> Leaf:
    """A 32-bit float."""
    return Leaf((_FLOAT,), struct.pack("<f", value))


def singles(*values: float) -> Leaf:
    """A structure of 32-bit floats, as points and rectangles are."""
    fields = (0, _FLOAT) * len(values)
    kind = (_STRUCT, 0, len(values), *fields)
    return Leaf(kind, struct.pack(f"<{len(values)}f", *values))


def pixels(image: NDArray[np.generic]) -> Leaf:
    """The pixels of an image (y, x) of 8 bits, or of RGBA bytes (y, x, 4)."""
    if image.ndim == 3:
        packed = np.ascontiguousarray(image, np.uint8).view("<u4")
        return Leaf((_ARRAY, _INT, packed.size), packed.tobytes())
    return Leaf((_ARRAY, _OCTET, image.size), image.tobytes())


def colours() -> Leaf:
    """The grey look-up table: 256 structures of three 16-bit integers."""
    ramp = np.repeat(np.arange(256) * 257, 3).astype("<u2")
    kind = (_ARRAY, _STRUCT, 0, 3, 0, _SHORT, 0, _SHORT, 0, _SHORT, 256)
    return Leaf(kind, ramp.tobytes())


def encode(root: Mapping[str, Tree]) -> bytes:
    """Return the bytes of a version 3 file with the tags of ``root``.

    >>> encode({"InImageMode": True})[:12].hex()
    '000000030000002100000001'
    """
    body = _group(root)
    return struct.pack(">3i", 3, len(body), 1) + body + bytes(8)


def _group(tree: Mapping[str, Tree] | Sequence[Tree]) -> bytes:
    named = isinstance(tree, Mapping)
    items = tree.items() if isinstance(tree, Mapping) else [("", t) for t in tree]
    head = struct.pack(">??i", named, False, len(items))
    return head + b"".join(_tag(name, value) for name, value in items)


def _tag(name: str, value: Tree) -> bytes:
    label = name.encode("latin-1")
    if isinstance(value, Mapping) or (
        isinstance(value, Sequence) and not isinstance(value, str)
    ):
        return struct.pack(">BH", _GROUP, len(label)) + label + _group(value)
    leaf = _leaf(value)
    kind = struct.pack(f">4s{len(leaf.kind) + 1}i", b"%%%%", len(leaf.kind), *leaf.kind)
    return struct.pack(">BH", _LEAF, len(label)) + label + kind + leaf.data


def _leaf(value: Leaf | str | bool | int | float) -> Leaf:
    if isinstance(value, Leaf):
        return value
    if isinstance(value, str):
        return Leaf((_ARRAY, _USHORT, len(value)), value.encode("utf-16-le"))
    if isinstance(value, bool):
        return Leaf((_BOOL,), struct.pack("<?", value))
    if isinstance(value, int):
        return signed(value) if value < 0 else Leaf((_UINT,), struct.pack("<I", value))
    return Leaf((_DOUBLE,), struct.pack("<d", value))

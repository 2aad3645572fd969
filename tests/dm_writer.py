"""A writer of DM3 and DM4 files of either byte order, for tests of the reader.

A group is a dict (named tags) or a list (unnamed); a leaf is a `Leaf`, an array of
numpy, a str, a bool, an int (32 bits) or a float (64 bits).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

DATA_TYPES = {
    "int16": 1, "float32": 2, "complex64": 3, "uint8": 6, "int32": 7, "int8": 9,
    "uint16": 10, "uint32": 11, "float64": 12, "complex128": 13, "bool": 14,
    "int64": 39, "uint64": 40,
}  # fmt: skip
RGB = (8, 23)
_CODES = {
    "i2": (2,), "i4": (3,), "u2": (4,), "u4": (5,), "f4": (6,), "f8": (7,),
    "b1": (8,), "i1": (9,), "u1": (10,), "i8": (11,), "u8": (12,),
    "c8": (15, 0, 2, 0, 6, 0, 6), "c16": (15, 0, 2, 0, 7, 0, 7),
}  # fmt: skip
Calibration = tuple[float, str] | tuple[float, str, float]


@dataclass(frozen=True)
class Leaf:
    """Type codes, and the values as `struct` packs them, without byte order."""

    codes: tuple[int, ...]
    form: str
    values: tuple[Any, ...]


def single(value: float) -> Leaf:
    """A 32-bit float."""
    return Leaf((6,), "f", (value,))


def encode(root: Mapping[str, Any], version: int = 3, order: str = "<") -> bytes:
    """The bytes of a file with the tags of ``root``."""
    writer = _Writer(version, order)
    body = writer.group(root)
    head = struct.pack(">I", version) + writer.length(len(body))
    return head + struct.pack(">I", order == "<") + body + bytes(8)


def image(
    pixels: NDArray[Any],
    units: Sequence[Calibration] = (),
    name: str = "",
    kind: int | None = None,
    tags: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """One entry of ImageList; ``units`` are scale, unit and origin along x, y, z, t.

    With a ``kind`` of `RGB` the pixels have a last axis of red, green, blue and alpha.
    """
    stored = _packed(pixels) if kind in RGB else pixels
    shape = stored.shape
    given = [(*known, 0.0)[:3] for known in [*units, *[(1.0, "")] * 4][: len(shape)]]
    axes = [
        {"Origin": single(origin), "Scale": single(scale), "Units": unit}
        for scale, unit, origin in given
    ]
    return {
        "ImageData": {
            "Calibrations": {"Dimension": axes, "DisplayCalibratedUnits": True},
            "Data": stored,
            "DataType": DATA_TYPES[pixels.dtype.name] if kind is None else kind,
            "Dimensions": list(reversed(shape)),
            "PixelDepth": stored.dtype.itemsize,
        },
        "ImageTags": dict(tags or {}),
        "Name": name,
    }


def document(
    *images: Mapping[str, Any],
    thumbnail: tuple[int, int] | None = (3, 5),
    window: tuple[float, float] = (10.0, 200.0),
    first: Mapping[str, Any] | None = None,
    last: bool = False,
) -> dict[str, Any]:
    """The tags of a file with a thumbnail of that many rows, columns.

    It is the ``last`` image, or the first. ``first`` are tags before all others.
    """
    small = [] if thumbnail is None else [_thumbnail(*thumbnail)]
    before = 0 if last else len(small)
    shown = range(before, before + len(images))
    return {
        **(first or {}),
        "DocumentObjectList": [
            {
                "ImageDisplayInfo": {
                    "CLUT": Leaf(
                        (20, 15, 0, 3, 0, 2, 0, 2, 0, 2, 256), "768h", (7,) * 768
                    ),
                    "HighLimit": single(window[1]),
                    "LowLimit": single(window[0]),
                },
                "ImageSource": n,
            }
            for n in range(len(images))
        ],
        "ImageList": [*images, *small] if last else [*small, *images],
        "ImageSourceList": [{"ImageRef": n} for n in shown],
        "Thumbnails": [{"ImageIndex": len(images) * last} for _ in small],
        "WindowPosition": Leaf((15, 0, 2, 0, 6, 0, 6), "2f", (1.0, 2.0)),
    }


def _packed(colours: NDArray[Any]) -> NDArray[np.int32]:
    """Integers of 32 bits: alpha is the highest byte, then red, green and blue."""
    red, green, blue, alpha = np.moveaxis(colours.astype(np.uint32), -1, 0)
    return (alpha << 24 | red << 16 | green << 8 | blue).astype(np.int32)


def _thumbnail(rows: int, columns: int) -> dict[str, Any]:
    return image(np.full((rows, columns, 4), 77, np.uint8), kind=23, name="small")


@dataclass(frozen=True)
class _Writer:
    version: int
    order: str

    def length(self, count: int) -> bytes:
        return struct.pack(">I" if self.version == 3 else ">Q", count)

    def group(self, tree: Mapping[str, Any] | Sequence[Any]) -> bytes:
        items = tree.items() if isinstance(tree, Mapping) else [("", t) for t in tree]
        parts = [self._tag(name, value) for name, value in items]
        return b"\1\0" + self.length(len(parts)) + b"".join(parts)

    def _tag(self, name: str, value: Any) -> bytes:
        label, is_group = name.encode("latin-1"), isinstance(value, dict | list)
        body = self.group(value) if is_group else self._value(value)
        size = b"" if self.version == 3 else struct.pack(">Q", len(body))
        head = struct.pack(">BH", 20 if is_group else 21, len(label))
        return head + label + size + body

    def _value(self, value: Any) -> bytes:
        codes, data = self._coded(value)
        kind = b"".join(map(self.length, (len(codes), *codes)))
        return b"%%%%" + kind + data

    def _coded(self, value: Any) -> tuple[tuple[int, ...], bytes]:
        if isinstance(value, Leaf):
            return value.codes, struct.pack(self.order + value.form, *value.values)
        if isinstance(value, np.ndarray):
            ordered = value.astype(value.dtype.newbyteorder(self.order))
            codes = _CODES[value.dtype.str[1:]]
            return (20, *codes, value.size), ordered.tobytes()
        if isinstance(value, str):
            name = "utf-16-le" if self.order == "<" else "utf-16-be"
            data = value.encode(name)
            return (20, 4, len(data) // 2), data
        if isinstance(value, bool):
            return (8,), bytes([value])
        form, code = ("i", 3) if isinstance(value, int) else ("d", 7)
        return (code,), struct.pack(self.order + form, value)


def from_dump(tags: Mapping[str, str]) -> dict[str, Any]:
    """The tree of tags whose texts stand by their paths, from ``root.`` on.

    Numbers and truth values are told by their looks; arrays, of which the dump has size
    and offset, are filled with zeros. The image has pixels of its size.
    """
    root: dict[str, Any] = {}
    for path, text in tags.items():
        *groups, name = path.removeprefix("root.").split(".")
        node = root
        for group in groups:
            node = node.setdefault(group, {})
        node[name] = _guessed(text)
    _filled(root)
    return root


def _guessed(text: str) -> Any:
    if text in ("True", "False"):
        return text == "True"
    try:
        number = float(text)
    except ValueError:
        return text
    return int(text) if text.lstrip("-").isdecimal() and abs(number) < 2**31 else number


def _filled(tree: dict[str, Any]) -> None:
    """Arrays in place of what a dump tells of them; lists in place of numbers."""
    for name, value in tree.items():
        if isinstance(value, dict) and set(value) == {"Size", "Offset"}:
            tree[name] = np.zeros(value["Size"], np.uint8)
        elif isinstance(value, dict):
            _filled(value)

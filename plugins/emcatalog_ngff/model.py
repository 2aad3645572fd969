"""What the metadata of every flavour is turned into: axes, levels, placements."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from emcatalog.chunked import Transcode
from emcatalog.errors import FormatError
from emcatalog.json_text import shown, wrong
from emcatalog.record import Claim
from emcatalog.units import unit_nm
from emcatalog_ngff.lattice import SLASHED, Naming

AXES = ("t", "c", "z", "y", "x")
MOST_LEVELS = 64
MOST_DIMENSIONS = 16

Row = tuple[object, ...]
"""What is told of each dimension, unchecked."""


@dataclass(frozen=True)
class Axis:
    """A dimension: ``name`` is one of t, c, z, y, x, or another for one of length 1.

    ``nm`` is how many nanometres its ``unit`` has; None if the unit is unknown.
    """

    name: str
    nm: float | None = None
    unit: str = ""

    @classmethod
    def of(cls, name: str, unit: object) -> Axis:
        """A dimension whose unit the metadata spell so."""
        return cls(name, unit_nm(unit), unit[:64] if isinstance(unit, str) else "")


@dataclass(frozen=True)
class Placement:
    """Where voxel centres lie: ``translation + i * scale``, for each dimension."""

    scale: tuple[float, ...]
    translation: tuple[float, ...]

    @classmethod
    def identity(cls, dimensions: int) -> Placement:
        """Voxel i lies at i."""
        return cls((1.0,) * dimensions, (0.0,) * dimensions)


@dataclass(frozen=True)
class Placed:
    """Axes and placement of one array, in the order of N5's dimensions.

    ``placement`` is None where the metadata do not tell. ``locator`` says where it
    was read.
    """

    axes: tuple[Axis, ...]
    placement: Placement | None
    locator: str


@dataclass(frozen=True)
class Level:
    """One array: its path below the group, and where it lies."""

    path: str
    placement: Placement


@dataclass(frozen=True)
class Statement:
    """Sizes of the finest voxels along the stored dimensions, with their units.

    ``locator`` is the name of the attribute and ``holder`` the path of the array whose
    it is, empty for a group. Nothing is checked: what is no length is doubted later.
    """

    holder: str
    locator: str
    sizes: Row
    units: Row

    @property
    def place(self) -> str:
        """Where it stands, for a claim."""
        return f"{self.holder}: {self.locator}" if self.holder else self.locator

    def claim(self, axis: str, dimension: int) -> Claim:
        """What it says of the axis, which is that dimension."""
        size, unit = self.sizes[dimension], self.units[dimension]
        is_plain = isinstance(size, str | int | float) and not isinstance(size, bool)
        value: Any = size if is_plain else shown(size)
        known = unit if isinstance(unit, str) else ""
        return Claim(f"voxel_size_{axis}", value, "file", self.place, known).examined()


@dataclass(frozen=True)
class Multiscale:
    """One image. Dimensions are in the order in which TensorStore has them.

    ``locator`` is the JSON path at which placements stand, for the record, and
    ``statements`` are what else is said of voxel sizes.
    """

    format: str
    axes: tuple[Axis, ...]
    levels: tuple[Level, ...]
    name: str
    locator: str
    statements: tuple[Statement, ...] = ()


@dataclass(frozen=True)
class Array:
    """The metadata of one stored array, in the form that TensorStore takes.

    ``driver`` is TensorStore's; ``chunks`` is what is decoded as one piece, and
    ``stored_bytes`` what the voxels of one stored object, a chunk or a shard, take.
    ``attributes`` are the array's own; ``naming`` says how chunks, or shards, are
    called. Where TensorStore cannot decode the chunks, ``transcode`` does it, and
    ``metadata`` are those of the array without compression. ``byte_order`` is that of
    the voxels as stored, empty where a voxel is one byte; ``raw`` is the JSON that was
    read.
    """

    driver: str
    metadata: Mapping[str, Any]
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: np.dtype[np.generic]
    encoding: str
    stored_bytes: int
    attributes: Mapping[str, Any]
    naming: Naming = SLASHED
    transcode: Transcode | None = None
    byte_order: str = ""
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


def numbers(value: object, count: int, where: str) -> tuple[float, ...]:
    """``count`` finite numbers; FormatError names ``where`` they stand."""
    if not isinstance(value, list) or len(value) != count:
        raise wrong(where, value, f"{count} numbers, one for each dimension")
    for number in value:
        if not isinstance(number, int | float) or isinstance(number, bool):
            raise wrong(where, value, f"{count} numbers")
        if abs(number) > 1e300 or not math.isfinite(number):
            raise wrong(where, value, "finite numbers")
    return tuple(float(number) for number in value)


def scales(value: object, count: int, where: str) -> tuple[float, ...]:
    """``count`` positive numbers; FormatError names ``where`` they stand."""
    given = numbers(value, count, where)
    if any(scale <= 0 for scale in given):
        raise FormatError(
            got=f"{where} = {shown(value)}",
            expected="positive scales",
            hint="a mirrored axis has no place in a grid whose labels ascend: copy the "
            "volume with that axis turned round",
        )
    return given


def integers(value: object, where: str, least: int = 1) -> tuple[int, ...]:
    """Whole numbers from ``least`` to 2**48; FormatError names ``where`` they stand."""
    if not isinstance(value, list) or not 0 < len(value) <= MOST_DIMENSIONS:
        raise wrong(where, value, "a list of whole numbers")
    for number in value:
        if not isinstance(number, int) or isinstance(number, bool):
            raise wrong(where, value, "whole numbers")
        if not least <= number <= 2**48:
            raise wrong(where, value, f"numbers from {least} to 2**48")
    return tuple(value)


def sequence(value: object, where: str, most: int = 1024) -> Sequence[Any]:
    """A JSON array of 1 to ``most`` items; FormatError names where it should stand."""
    if not isinstance(value, list) or not 0 < len(value) <= most:
        raise wrong(where, value, f"a list of 1 to {most} items")
    return value


def text(value: object, where: str) -> str:
    """A string; FormatError names ``where`` it should stand."""
    if not isinstance(value, str) or not value:
        raise wrong(where, value, "a string")
    return value

"""Coordinate transformations of OME-NGFF, as far as they keep the axes apart.

Written from the specification, https://ngff.openmicroscopy.org, versions 0.4 to 0.6
(RFC-5). What only scales, moves, turns round or exchanges axes is an `AxisMap`, however
it is spelled; what mixes axes is refused by name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from emcatalog.errors import FormatError
from emcatalog.json_text import mapping, shown, wrong
from emcatalog_ngff.model import integers, numbers, sequence

NESTED = 8
"""Sequences within sequences."""

MIXED = 1e-12
"""What is left of a zero in a matrix that was computed from sines and cosines."""


@dataclass(frozen=True)
class AxisMap:
    """Output axis i is ``scale[i] * input[source[i]] + translation[i]``."""

    source: tuple[int, ...]
    scale: tuple[float, ...]
    translation: tuple[float, ...]

    @classmethod
    def of(
        cls, scale: tuple[float, ...] | None, translation: tuple[float, ...]
    ) -> AxisMap:
        """Axes that stay in their order; without ``scale``, only moved."""
        count = len(translation)
        return cls(tuple(range(count)), scale or (1.0,) * count, translation)

    @classmethod
    def identity(cls, dimensions: int) -> AxisMap:
        """Every axis as it is."""
        return cls.of(None, (0.0,) * dimensions)

    def then(self, outer: AxisMap) -> AxisMap:
        """This map first, ``outer`` on its result.

        >>> AxisMap((0,), (2.0,), (10.0,)).then(AxisMap((0,), (2.0,), (1.0,)))
        AxisMap(source=(0,), scale=(4.0,), translation=(21.0,))
        """
        rows = zip(outer.source, outer.scale, outer.translation, strict=True)
        made = [
            (self.source[j], self.scale[j] * s, self.translation[j] * s + t)
            for j, s, t in rows
        ]
        source, scale, translation = zip(*made, strict=True)
        return AxisMap(source, scale, translation)


def axis_map(value: object, where: str, count: int, depth: int = 0) -> AxisMap:
    """The transformation ``value`` of ``count`` axes.

    Raises FormatError for what is damaged, and for what no regular grid can express:
    shear, any rotation that is not by quarter turns, fields of displacements or
    coordinates, other numbers of axes, and numbers kept in a file of their own.
    """
    members = mapping(value, where)
    kind = members.get("type")
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    if reader is None or depth > NESTED:
        raise _refused(where, kind)
    if "path" in members:
        raise _elsewhere(where, kind, members["path"])
    return reader(members, where, count, depth)


Reader = Callable[[Mapping[str, Any], str, int, int], AxisMap]


def _identity(
    members: Mapping[str, Any], where: str, count: int, depth: int
) -> AxisMap:
    return AxisMap.identity(count)


def _scale(members: Mapping[str, Any], where: str, count: int, depth: int) -> AxisMap:
    scale = numbers(members.get("scale"), count, f"{where}.scale")
    return AxisMap.of(scale, (0.0,) * count)


def _translation(
    members: Mapping[str, Any], where: str, count: int, depth: int
) -> AxisMap:
    place = f"{where}.translation"
    return AxisMap.of(None, numbers(members.get("translation"), count, place))


def _map_axis(
    members: Mapping[str, Any], where: str, count: int, depth: int
) -> AxisMap:
    source = _indices(members.get("mapAxis"), f"{where}.mapAxis", count)
    _permutation(source, f"{where}.mapAxis", count)
    return AxisMap(source, (1.0,) * count, (0.0,) * count)


def _affine(members: Mapping[str, Any], where: str, count: int, depth: int) -> AxisMap:
    rows = _matrix(members.get("affine"), f"{where}.affine", (count, count + 1))
    return _apart([row[:-1] for row in rows], [row[-1] for row in rows], where)


def _rotation(
    members: Mapping[str, Any], where: str, count: int, depth: int
) -> AxisMap:
    rows = _matrix(members.get("rotation"), f"{where}.rotation", (count, count))
    return _apart(rows, [0.0] * count, where)


def _sequence(
    members: Mapping[str, Any], where: str, count: int, depth: int
) -> AxisMap:
    place, total = f"{where}.transformations", AxisMap.identity(count)
    for i, item in enumerate(sequence(members.get("transformations"), place, 64)):
        total = total.then(axis_map(item, f"{place}[{i}]", count, depth + 1))
    return total


def _bijection(
    members: Mapping[str, Any], where: str, count: int, depth: int
) -> AxisMap:
    return axis_map(members.get("forward"), f"{where}.forward", count, depth + 1)


def _by_dimension(
    members: Mapping[str, Any], where: str, count: int, depth: int
) -> AxisMap:
    """Each output axis is made by exactly one of the parts."""
    place = f"{where}.transformations"
    rows: dict[int, tuple[int, float, float]] = {}
    for i, item in enumerate(sequence(members.get("transformations"), place, 64)):
        at = f"{place}[{i}]"
        part = mapping(item, at)
        inputs = _axes_of(part, ("inputAxes", "input_axes"), at, count)
        outputs = _axes_of(part, ("outputAxes", "output_axes"), at, count)
        if len(inputs) != len(outputs) or rows.keys() & set(outputs):
            raise wrong(f"{at}.outputAxes", list(outputs), "each axis exactly once")
        made = axis_map(part.get("transformation"), at, len(inputs), depth + 1)
        found = zip(outputs, made.source, made.scale, made.translation, strict=True)
        rows |= {axis: (inputs[j], s, t) for axis, j, s, t in found}
    if rows.keys() != set(range(count)):
        raise wrong(f"output axes of {place}", sorted(rows), "each axis exactly once")
    source, scale, shift = zip(*(rows[i] for i in range(count)), strict=True)
    _permutation(source, place, count)
    return AxisMap(source, scale, shift)


_READERS: Mapping[str, Reader] = MappingProxyType(
    {
        "identity": _identity,
        "scale": _scale,
        "translation": _translation,
        "mapAxis": _map_axis,
        "affine": _affine,
        "rotation": _rotation,
        "sequence": _sequence,
        "bijection": _bijection,
        "byDimension": _by_dimension,
    }
)


def _axes_of(
    part: Mapping[str, Any], names: tuple[str, str], where: str, count: int
) -> tuple[int, ...]:
    name = names[0] if names[0] in part else names[1]  # as drafts of 0.6 spell it
    return _indices(part.get(name), f"{where}.{name}", count)


def _indices(value: object, where: str, count: int) -> tuple[int, ...]:
    if isinstance(value, dict) or (
        isinstance(value, list) and value and isinstance(value[0], str)
    ):
        raise FormatError(
            got=f"{where} = {shown(value)}, names of axes",
            expected="indices of axes, as since 0.6",
            hint="drafts of the specification had names: write the metadata anew",
        )
    found = integers(value, where, least=0)
    if max(found) >= count:
        raise wrong(where, value, f"indices of {count} axes")
    return found


def _permutation(source: tuple[int, ...], where: str, count: int) -> None:
    if sorted(source) != list(range(count)):
        raise wrong(f"input axes of {where}", list(source), "each axis exactly once")


def _matrix(value: object, where: str, shape: tuple[int, int]) -> list[list[float]]:
    height, width = shape
    rows = sequence(value, where, 64)
    if len(rows) != height:
        raise wrong(where, value, f"a matrix of {height} rows and {width} columns")
    return [list(numbers(row, width, f"{where}[{i}]")) for i, row in enumerate(rows)]


def _apart(rows: list[list[float]], shift: list[float], where: str) -> AxisMap:
    """A matrix with one number in each row and column."""
    least = MIXED * max(abs(value) for row in rows for value in row)
    held = [[j for j, v in enumerate(row) if abs(v) > least] for row in rows]
    source = tuple(row[0] for row in held if len(row) == 1)
    if sorted(source) != list(range(len(rows))):
        raise FormatError(
            got=f"{where}, a matrix that mixes the axes: {shown(rows)}",
            expected="axes that are scaled, moved or exchanged",
            hint="a volume that is rotated or sheared does not fit a regular grid with "
            "labels in nanometres; resample it first",
        )
    scale = tuple(row[j] for row, j in zip(rows, source, strict=True))
    return AxisMap(source, scale, tuple(shift))


def _refused(where: str, kind: object) -> FormatError:
    return FormatError(
        got=f"{where} of type {shown(kind)}",
        expected=f"one of {', '.join(_READERS)}, with its numbers",
        hint="a transformation of that kind does not fit a regular grid with labels in "
        "nanometres; resample the volume first",
    )


def _elsewhere(where: str, kind: object, path: object) -> FormatError:
    return FormatError(
        got=f"{where} of type {shown(kind)} whose numbers are in a separate array, "
        f"path = {shown(path)}",
        expected="the numbers in the metadata itself; such arrays are not read",
        hint=f"write them there, as {shown(kind)}: [...] in place of 'path', or open "
        "the array of one level with voxel_size_nm=[z, y, x]",
    )


def finite(found: AxisMap, where: str) -> AxisMap:
    """``found``, unless its numbers have grown out of bounds."""
    if not all(map(math.isfinite, (*found.scale, *found.translation))):
        raise wrong(where, found.scale, "transformations of finite size")
    return found

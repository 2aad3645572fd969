"""OME-NGFF multiscales: axes and coordinate transformations.

Written from the specification, https://ngff.openmicroscopy.org, versions 0.1 to 0.5:
the transformations of a dataset apply first, then those of the multiscale; a
translation is where the centre of voxel 0 lies, as downsampled levels of published
volumes show (their translation grows by half a voxel).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emcatalog.errors import FormatError, OptionError
from emcatalog.units import unit_nm
from emcatalog_ngff.model import (
    AXES,
    MOST_DIMENSIONS,
    MOST_LEVELS,
    Axis,
    Level,
    Multiscale,
    Placement,
    mapping,
    numbers,
    scales,
    sequence,
    shown,
    text,
)

_LONG_NAMES = {"channel": "c", "time": "t"}


def attributes_of_ome(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Where OME keeps its members: under ``ome`` since 0.5, at the top before."""
    inside = attributes.get("ome")
    return inside if isinstance(inside, dict) else attributes


def parse_multiscale(
    attributes: Mapping[str, Any], choice: int | str, zarr_format: int
) -> Multiscale:
    """The multiscale ``choice`` (index or name) of a group's attributes.

    Raises OptionError for one that does not exist, and FormatError for what is not
    OME-NGFF 0.1 to 0.5 or holds transformations that no regular grid can express.
    """
    inside = attributes_of_ome(attributes)
    found = sequence(inside.get("multiscales"), "multiscales")
    index = _chosen(found, choice)
    where = f"multiscales[{index}]"
    members = mapping(found[index], where)
    version = members.get("version", inside.get("version", ""))
    if "coordinateSystems" in members:
        raise FormatError(
            got=f"OME-Zarr version {shown(version)} with coordinate systems",
            expected="version 0.1 to 0.5",
            hint="this version was not released when this driver was written",
        )
    axes = _axes(members.get("axes"), f"{where}.axes")
    outer = _placement(members, where, len(axes))
    levels = [
        _level(item, f"{where}.datasets[{i}]", len(axes), outer)
        for i, item in enumerate(
            sequence(members.get("datasets"), f"{where}.datasets", MOST_LEVELS)
        )
    ]
    name = members.get("name")
    default = "0.4" if zarr_format == 2 else "0.5"
    shown_version = version if isinstance(version, str) and version else default
    return Multiscale(
        format=f"OME-Zarr {shown_version[:16]}",
        axes=axes,
        levels=tuple(levels),
        name=name if isinstance(name, str) else "",
        locator=f"{where}.datasets[0].coordinateTransformations",
    )


def _chosen(found: Sequence[Any], choice: int | str) -> int:
    names = [m.get("name") if isinstance(m, dict) else None for m in found]
    if isinstance(choice, str) and choice in names:
        return names.index(choice)
    if isinstance(choice, str) and choice.isdecimal():
        choice = int(choice)
    if isinstance(choice, int) and 0 <= choice < len(found):
        return choice
    raise OptionError(
        got=f"multiscale={choice!r}",
        expected=f"0 to {len(found) - 1}, or one of the names {names}",
        hint="the group's metadata list them under multiscales",
    )


def _axes(value: object, where: str) -> tuple[Axis, ...]:
    if value is None:  # versions 0.1 and 0.2 have always these five
        return tuple(Axis(name) for name in AXES)
    given = sequence(value, where, MOST_DIMENSIONS)
    axes = tuple(_axis(item, f"{where}[{i}]") for i, item in enumerate(given))
    names = [axis.name for axis in axes]
    if len(set(names)) < len(names):
        raise FormatError(
            got=f"{where} named {names}",
            expected="different names",
            hint="the metadata are damaged",
        )
    return axes


def _axis(value: object, where: str) -> Axis:
    if isinstance(value, str):  # version 0.3
        return Axis(_LONG_NAMES.get(value.lower(), value.lower()))
    members = mapping(value, where)
    name = text(members.get("name"), f"{where}.name").lower()
    kind = members.get("type")
    by_kind = _LONG_NAMES.get(kind, "") if isinstance(kind, str) else ""
    name = by_kind or _LONG_NAMES.get(name, name)
    return Axis(name, unit_nm(members.get("unit")) if name in "zyx" else None)


def _level(
    value: object, where: str, dimensions: int, outer: Placement | None
) -> Level:
    members = mapping(value, where)
    path = text(members.get("path"), f"{where}.path")
    inner = _placement(members, where, dimensions)
    if inner and outer:
        return Level(path, inner.then(outer))
    return Level(path, inner)


def _placement(
    members: Mapping[str, Any], where: str, dimensions: int
) -> Placement | None:
    """Its transformations in their order, as one; None where there are none."""
    given = members.get("coordinateTransformations")
    if given is None:
        return None
    total = Placement.identity(dimensions)
    where = f"{where}.coordinateTransformations"
    for i, item in enumerate(sequence(given, where)):
        total = total.then(_transformation(item, f"{where}[{i}]", dimensions))
    return total


def _transformation(value: object, where: str, dimensions: int) -> Placement:
    members, nothing = mapping(value, where), Placement.identity(dimensions)
    kind = members.get("type")
    if kind == "identity":
        return nothing
    if kind == "scale" and "scale" in members:
        scale = scales(members["scale"], dimensions, f"{where}.scale")
        return Placement(scale, nothing.translation)
    if kind == "translation" and "translation" in members:
        place = f"{where}.translation"
        shift = numbers(members["translation"], dimensions, place)
        return Placement(nothing.scale, shift)
    what = "kept in a file of its own" if "path" in members else "of that kind"
    raise FormatError(
        got=f"{where} of type {shown(kind)}",
        expected="identity, scale or translation, with its numbers",
        hint=f"a transformation {what} does not fit a regular grid with labels in "
        "nanometres; resample the volume first",
    )

"""OME-NGFF multiscales: axes, coordinate systems, and where levels lie.

Written from the specification, https://ngff.openmicroscopy.org, versions 0.1 to 0.6:
the transformations of a dataset apply first, then, up to 0.5, those of the multiscale;
a translation is where the centre of voxel 0 lies (0.6 says so, and downsampled levels
of older volumes show it: their translation grows by half a voxel). Since 0.6 the
transformations of a dataset lead to a named coordinate system, and those of the
multiscale from there to others, of which the reader may choose one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emcatalog.errors import FormatError, OptionError
from emcatalog.json_text import mapping, shown
from emcatalog_ngff.model import (
    AXES,
    MOST_DIMENSIONS,
    MOST_LEVELS,
    Axis,
    Level,
    Multiscale,
    Placement,
    sequence,
    text,
)
from emcatalog_ngff.systems import Systems
from emcatalog_ngff.transformations import AxisMap, axis_map, finite

_LONG_NAMES = {"channel": "c", "time": "t"}


@dataclass(frozen=True)
class Wanted:
    """Which image of a group, by index or name, in which coordinate system.

    ``axes`` are names that replace those of the metadata, slowest first.
    """

    image: int | str = 0
    system: str = ""
    axes: tuple[str, ...] = ()


def attributes_of_ome(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Where OME keeps its members: under ``ome`` since 0.5, at the top before."""
    inside = attributes.get("ome")
    return inside if isinstance(inside, dict) else attributes


def parse_multiscale(
    attributes: Mapping[str, Any], wanted: Wanted, zarr_format: int
) -> Multiscale:
    """The wanted multiscale of a group's attributes.

    Levels of which it is not said where their voxels lie are left out, but for the
    finest. Raises OptionError for an image or a coordinate system that does not exist,
    and FormatError for what is not OME-NGFF 0.1 to 0.6 or holds transformations that
    no regular grid can express.
    """
    inside = attributes_of_ome(attributes)
    found = sequence(inside.get("multiscales"), "multiscales")
    index = chosen_image(found, wanted.image)
    where = f"multiscales[{index}]"
    members = mapping(found[index], where)
    axes, levels = _levels(members, where, wanted)
    version = members.get("version", inside.get("version"))
    default = "0.4" if zarr_format == 2 else "0.5"
    shown_version = version if isinstance(version, str) and version else default
    name = members.get("name")
    return Multiscale(
        format=f"OME-Zarr {shown_version[:16]}",
        axes=axes,
        levels=levels,
        name=name if isinstance(name, str) else "",
        locator=f"{where}.datasets[0].coordinateTransformations",
    )


def chosen_image(found: Sequence[Any], choice: int | str) -> int:
    """The index of the multiscale ``choice`` (index or name); OptionError for none."""
    names = [m.get("name") if isinstance(m, dict) else None for m in found]
    if isinstance(choice, str) and choice in names:
        return names.index(choice)
    if isinstance(choice, str) and choice.isdecimal():
        choice = int(choice)
    if isinstance(choice, int) and 0 <= choice < len(found):
        return choice
    raise OptionError(
        got=f"multiscale={choice!r}",
        expected=f"0 to {len(found) - 1}, or one of the names {shown(names)}",
        hint="the group's metadata list its images under multiscales",
    )


def _levels(
    members: Mapping[str, Any], where: str, wanted: Wanted
) -> tuple[tuple[Axis, ...], tuple[Level, ...]]:
    """Axes and levels, in the order of the stored dimensions."""
    place = f"{where}.datasets"
    datasets = [
        mapping(item, f"{place}[{i}]")
        for i, item in enumerate(sequence(members.get("datasets"), place, MOST_LEVELS))
    ]
    if "coordinateSystems" in members:
        systems = Systems.of(members, datasets, where, wanted.system)
        axes = _axes(systems.axes, f"{where}.coordinateSystems", wanted.axes)
        maps: list[AxisMap | None] = [
            systems.level(d, i) for i, d in enumerate(datasets)
        ]
    else:
        no_system(wanted)
        axes = _axes(members.get("axes"), f"{where}.axes", wanted.axes)
        maps = _plain_maps(members, datasets, where, len(axes))
    stored = _stored_order(axes, maps)
    if maps[0] is None:  # the units say what a voxel would measure, not that it is one
        stored = tuple(Axis(axis.name) for axis in stored)
    paths = [text(d.get("path"), f"{place}[{i}].path") for i, d in enumerate(datasets)]
    levels = [
        Level(path, _placement(m, axes, f"{place}[{i}]"))
        for i, (path, m) in enumerate(zip(paths, maps, strict=True))
        if m or i == 0
    ]
    return stored, tuple(levels)


def no_system(wanted: Wanted) -> None:
    """Raise OptionError where a coordinate system is wanted and there are none."""
    if wanted.system:
        raise OptionError(
            got=f"system={wanted.system!r}",
            expected="no system, as the image names none",
            hint="coordinate systems came with OME-Zarr 0.6",
        )


def _plain_maps(
    members: Mapping[str, Any],
    datasets: Sequence[Mapping[str, Any]],
    where: str,
    count: int,
) -> list[AxisMap | None]:
    """Versions up to 0.5: lists of transformations, one after the other."""
    outer = _listed(members, where, count)
    inner = [
        _listed(d, f"{where}.datasets[{i}]", count) for i, d in enumerate(datasets)
    ]
    if inner[0] is None:
        return [outer, *(None for _ in inner[1:])]
    last = outer or AxisMap.identity(count)
    maps: list[AxisMap | None] = []
    for i, found in enumerate(inner):
        if found is None:
            raise FormatError(
                got=f"no coordinateTransformations of {where}.datasets[{i}]",
                expected="where its voxels lie, as the other levels tell",
                hint="add them to the metadata, or leave the level out",
            )
        maps.append(finite(found.then(last), where))
    return maps


def _listed(members: Mapping[str, Any], where: str, count: int) -> AxisMap | None:
    given = members.get("coordinateTransformations")
    if given is None:
        return None
    where, total = f"{where}.coordinateTransformations", AxisMap.identity(count)
    for i, item in enumerate(sequence(given, where, 64)):
        total = total.then(axis_map(item, f"{where}[{i}]", count))
    return total


def _stored_order(
    axes: tuple[Axis, ...], maps: Sequence[AxisMap | None]
) -> tuple[Axis, ...]:
    """The axis that each stored dimension is; the same at all levels."""
    orders = {m.source for m in maps if m} or {tuple(range(len(axes)))}
    if len(orders) > 1:
        raise FormatError(
            got=f"levels whose axes are exchanged in different ways: {sorted(orders)}",
            expected="one order of the axes",
            hint="open the levels one by one: add the path to the URL",
        )
    (order,) = orders
    return tuple(axes[order.index(d)] for d in range(len(axes)))


def _placement(found: AxisMap | None, axes: tuple[Axis, ...], where: str) -> Placement:
    """Where voxels lie, in the order of the stored dimensions.

    A channel or a time point is picked by its index, so their scales may be anything.
    """
    if found is None:
        return Placement.identity(len(axes))
    for axis, scale in zip(axes, found.scale, strict=True):
        if axis.name in tuple("zyx") and scale <= 0:
            raise FormatError(
                got=f"the scale {scale:g} along {axis.name} in {where}",
                expected="positive scales",
                hint="a mirrored axis has no place in a grid whose labels ascend: copy "
                "the volume with that axis turned round",
            )
    rows = [found.source.index(d) for d in range(len(axes))]
    return Placement(
        tuple(found.scale[i] for i in rows), tuple(found.translation[i] for i in rows)
    )


def _axes(value: object, where: str, names: tuple[str, ...]) -> tuple[Axis, ...]:
    if value is None:  # versions 0.1 and 0.2 have always these five
        return tuple(Axis(name) for name in names or AXES)
    given = sequence(value, where, MOST_DIMENSIONS)
    if names and len(names) != len(given):
        raise OptionError(
            got=f"axes={''.join(names)!r}",
            expected=f"{len(given)} letters, as the image has axes",
            hint="slowest dimension first; without axes= the metadata name them",
        )
    axes = tuple(
        _axis(item, f"{where}[{i}]", names[i] if names else "")
        for i, item in enumerate(given)
    )
    found = [axis.name for axis in axes]
    if len(set(found)) < len(found):
        raise FormatError(
            got=f"{where} named {found}",
            expected="different names",
            hint="the metadata are damaged; axes='czyx' would replace the names",
        )
    return axes


def _axis(value: object, where: str, letter: str) -> Axis:
    if isinstance(value, str):  # version 0.3
        return Axis(letter or _LONG_NAMES.get(value.lower(), value.lower()))
    members = mapping(value, where)
    kind = members.get("type")
    by_kind = _LONG_NAMES.get(kind, "") if isinstance(kind, str) else ""
    name = letter or by_kind or text(members.get("name"), f"{where}.name").lower()
    name = _LONG_NAMES.get(name, name)
    return Axis.of(name, members.get("unit") if name in tuple("zyx") else None)

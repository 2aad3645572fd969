"""N5 metadata: COSEM, n5-viewer and Neuroglancer conventions.

N5 lists dimensions fastest first, so ``dimensions``, ``blockSize``, ``axes``,
``resolution``, ``pixelResolution``, ``scales`` and ``downsamplingFactors`` are in the
order x, y, z. COSEM's ``transform`` is in the opposite order unless its ``order`` is
"F". Written from these descriptions:

* COSEM: the models in janelia-cellmap/cellmap-schemas, ``multiscale/cosem.py``;
* n5-viewer: the README of saalfeldlab/n5-viewer and N5SingleScaleMetadataParser of
  saalfeldlab/n5-universe. A level downsampled by f has its first centre (f - 1) / 2
  voxels of the finest level further on; ``pixelResolution`` is that of the finest
  level where ``downsamplingFactors`` stand beside it;
* Neuroglancer: ``src/datasource/n5/index.rst`` of google/neuroglancer;
* Paintera: ``resolution`` and ``offset``, the place of voxel 0, in the README of
  saalfeldlab/paintera;
* n5-universe's *canonical* ``spatialTransform``, in N5's order of dimensions: the
  documentation of its metadata translations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emcatalog.errors import FormatError
from emcatalog.json_text import mapping
from emcatalog_ngff.canonical import canonical
from emcatalog_ngff.model import (
    AXES,
    MOST_DIMENSIONS,
    MOST_LEVELS,
    Axis,
    Level,
    Placed,
    Placement,
    numbers,
    scales,
    sequence,
    text,
)

Json = Mapping[str, Any]


def listed_paths(group: Json) -> tuple[str, ...]:
    """Paths of the levels that the attributes of a group tell; empty if none."""
    if "multiscales" in group:
        members = mapping(
            sequence(group["multiscales"], "multiscales")[0], "multiscale"
        )
        where = "multiscales[0].datasets"
        datasets = sequence(members.get("datasets"), where, MOST_LEVELS)
        return tuple(
            text(mapping(item, f"{where}[{i}]").get("path"), f"{where}[{i}].path")
            for i, item in enumerate(datasets)
        )
    factors = _group_factors(group)
    return tuple(f"s{i}" for i in range(len(factors)))


def title(group: Json) -> str:
    """The name of an image, told by its multiscale or by the group; empty for none."""
    images = group.get("multiscales") or [{}]
    names = (members.get("name") for members in (images[0], group))
    return next((name for name in names if isinstance(name, str)), "")


def place(group: Json, arrays: Sequence[Json], dimensions: int) -> list[Placed]:
    """Axes and placement of each level, from the group's attributes and its own.

    Raises FormatError for numbers that do not fit or do not agree on the axes.
    """
    placed = [
        _place(group, array, i, arrays[0], dimensions) for i, array in enumerate(arrays)
    ]
    names = [[axis.name for axis in level.axes] for level in placed]
    for i, own in enumerate(names):
        if own != names[0]:
            raise FormatError(
                got=f"axes {own} of level {i}",
                expected=f"{names[0]}, as level 0 has them",
                hint="open one level by itself: the URL of its array",
            )
    return placed


def _place(
    group: Json, array: Json, index: int, finest: Json, dimensions: int
) -> Placed:
    """The most explicit convention wins: transform, then resolution and factors."""
    listed = _listed_transform(group, index)
    if listed is not None:
        locator = f"multiscales[0].datasets[{index}].transform"
        return _transform(listed, locator, dimensions)
    if "transform" in array:
        return _transform(array["transform"], "transform", dimensions)
    if "spatialTransform" in array:
        return canonical(array["spatialTransform"], dimensions)
    axes = _axis_names({**group, **array}, dimensions)
    factors = _factors(group, array, index, dimensions)
    # both conventions keep the resolution of the finest level in these two places
    found = _resolution(finest, dimensions) or _resolution(group, dimensions)
    if not found:
        steps = _downsampled(factors, (1.0,) * dimensions) if factors else None
        return Placed(tuple(Axis(name) for name in axes), steps, "downsamplingFactors")
    scale, units, locator = found
    named = [Axis.of(name, u) for name, u in zip(axes, units, strict=True)]
    if not factors:
        return Placed(tuple(named), None, locator)
    steps, start = (
        _downsampled(factors, scale),
        _offset({**group, **finest}, dimensions),
    )
    moved = [a + b for a, b in zip(steps.translation, start, strict=True)]
    return Placed(tuple(named), Placement(steps.scale, tuple(moved)), locator)


def _downsampled(factors: tuple[float, ...], sizes: tuple[float, ...]) -> Placement:
    """A level of coarse voxels; ``sizes`` are those of the finest ones."""
    pairs = list(zip(factors, sizes, strict=True))
    return Placement(
        tuple(f * size for f, size in pairs),
        tuple((f - 1.0) / 2 * size for f, size in pairs),
    )


def _offset(members: Json, dimensions: int) -> tuple[float, ...]:
    """Where voxel 0 of the finest level lies, in the unit of ``resolution``."""
    if "resolution" not in members or "offset" not in members:
        return (0.0,) * dimensions
    return numbers(members["offset"], dimensions, "offset")


def _listed_transform(group: Json, index: int) -> object:
    if "multiscales" not in group:
        return None
    datasets = group["multiscales"][0]["datasets"]
    members = datasets[index] if index < len(datasets) else {}
    if "coordinateTransformations" in members:
        raise FormatError(
            got="OME-NGFF transformations in an N5 group",
            expected="COSEM's transform",
            hint="OME-NGFF says nothing of N5, so the order of its numbers is unknown",
        )
    return members.get("transform")


def _transform(value: object, where: str, dimensions: int) -> Placed:
    """COSEM's transform; its numbers are turned into N5's order of dimensions."""
    members = mapping(value, where)
    axes = [
        text(name, f"{where}.axes").lower()
        for name in sequence(members.get("axes"), f"{where}.axes", MOST_DIMENSIONS)
    ]
    units = list(sequence(members.get("units"), f"{where}.units", MOST_DIMENSIONS))
    scale = scales(members.get("scale"), dimensions, f"{where}.scale")
    shift = numbers(members.get("translate"), dimensions, f"{where}.translate")
    if not len(axes) == len(units) == dimensions or len(set(axes)) < dimensions:
        raise FormatError(
            got=f"{where} of axes {axes} in {units}",
            expected=f"{dimensions} different axes with units, as the array has",
            hint="the metadata are damaged",
        )
    step = 1 if members.get("order") == "F" else -1
    named = [Axis.of(name, u) for name, u in zip(axes, units, strict=True)]
    return Placed(tuple(named[::step]), Placement(scale[::step], shift[::step]), where)


def _axis_names(members: Json, dimensions: int) -> tuple[str, ...]:
    """Names in N5's order; x, y, z, c, t are what its tools assume without names."""
    names = members.get("axes")
    strings = isinstance(names, list) and all(isinstance(n, str) for n in names)
    if strings and isinstance(names, list) and len(names) == dimensions:
        return tuple(name.lower() for name in names)
    if dimensions <= 3:
        return AXES[::-1][:dimensions]
    return tuple(f"dimension {i}" for i in range(dimensions))


def _group_factors(group: Json) -> Sequence[object]:
    for name in ("downsamplingFactors", "scales"):
        value = group.get(name)
        if isinstance(value, list) and value and isinstance(value[0], list):
            return sequence(value, name, MOST_LEVELS)
    return ()


def _factors(
    group: Json, array: Json, index: int, dimensions: int
) -> tuple[float, ...] | None:
    """How much coarser than the finest level an array is, along each dimension."""
    listed = _group_factors(group)
    if listed:
        return scales(listed[index], dimensions, f"scales[{index}]")
    own = array.get("downsamplingFactors")
    if own is not None:
        return scales(own, dimensions, "downsamplingFactors")
    return (1.0,) * dimensions if index == 0 else None


def _resolution(
    members: Json, dimensions: int
) -> tuple[tuple[float, ...], Sequence[object], str] | None:
    """Voxel size of the finest level, units and where they stand."""
    value, units = members.get("resolution"), members.get("units")
    if isinstance(value, list):
        where = "resolution"
        told = units if isinstance(units, list) else [None] * dimensions
        return scales(value, dimensions, where), _fit(told, dimensions), where
    value = members.get("pixelResolution")
    if isinstance(value, dict):
        where = "pixelResolution.dimensions"
        unit = value.get("unit")
        size = scales(value.get("dimensions"), dimensions, where)
        return size, [unit] * dimensions, where
    if isinstance(value, list):  # n5-viewer's older form has no unit
        where = "pixelResolution"
        return scales(value, dimensions, where), [None] * dimensions, where
    return None


def _fit(units: Sequence[object], dimensions: int) -> Sequence[object]:
    if len(units) != dimensions:
        raise FormatError(
            got=f"units = {units!r}",
            expected=f"{dimensions} units, one for each dimension",
            hint="the metadata are damaged",
        )
    return units


def as_levels(paths: Sequence[str], placed: Sequence[Placed]) -> tuple[Level, ...]:
    """Levels of paths and placements; a level that says nothing is an error."""
    levels = []
    for path, found in zip(paths, placed, strict=True):
        if found.placement is None:
            raise FormatError(
                got=f"no downsamplingFactors and no transform of level {path}",
                expected="where its voxels lie",
                hint="open the finest level by itself: the URL of its array",
            )
        levels.append(Level(path, found.placement))
    return tuple(levels)

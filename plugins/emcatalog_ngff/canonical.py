"""The *canonical* metadata of n5-universe: a ``spatialTransform`` of an N5 array.

Its numbers are in N5's order of dimensions, fastest first. Written from the
documentation of n5-universe's metadata translations: an ``affine`` is a flat list, row
by row; ``scale_offset`` is both at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emcatalog.errors import FormatError
from emcatalog.json_text import mapping
from emcatalog_ngff.model import AXES, Axis, Placed, Placement, scales
from emcatalog_ngff.transformations import AxisMap, axis_map

WHERE = "spatialTransform"


def canonical(value: object, dimensions: int) -> Placed:
    """Axes and placement that a ``spatialTransform`` tells.

    Raises FormatError for what is damaged, mixes or exchanges axes, or mirrors one.
    """
    members = mapping(value, WHERE)
    found = _map(mapping(members.get("transform"), WHERE), dimensions)
    if found.source != tuple(range(dimensions)):
        raise FormatError(
            got=f"a {WHERE} that exchanges axes",
            expected="axes that are scaled and moved",
            hint="copy the volume with its axes in their order",
        )
    scale = scales(list(found.scale), dimensions, WHERE)
    return Placed(
        _axes(members, dimensions), Placement(scale, found.translation), WHERE
    )


def _map(members: Mapping[str, Any], dimensions: int) -> AxisMap:
    flat, width = members.get("affine"), dimensions + 1
    if members.get("type") == "scale_offset":
        parts = [
            {"type": "scale", "scale": members.get("scale")},
            {"type": "translation", "translation": members.get("offset")},
        ]
        return axis_map(
            {"type": "sequence", "transformations": parts}, WHERE, dimensions
        )
    if members.get("type") == "affine" and isinstance(flat, list):
        rows = [flat[i : i + width] for i in range(0, len(flat), width)]
        return axis_map({"type": "affine", "affine": rows}, WHERE, dimensions)
    return axis_map(members, WHERE, dimensions)


def _axes(members: Mapping[str, Any], dimensions: int) -> tuple[Axis, ...]:
    """Axes by their ``label``; x, y, z where there are none. One unit serves all."""
    rows = members.get("axes")
    rows = rows if isinstance(rows, list) and len(rows) == dimensions else []
    told = [row if isinstance(row, dict) else {"label": row} for row in rows]
    names = [row.get("label") for row in told]
    if len({*map(str, names)}) < dimensions:
        names = list(AXES[::-1][:dimensions])
        told = [{} for _ in names]
    unit = members.get("unit")
    return tuple(
        Axis.of(str(name).lower(), row.get("unit") or unit)
        for name, row in zip(names, told, strict=True)
    )

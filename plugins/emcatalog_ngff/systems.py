"""Named coordinate systems of OME-NGFF 0.6 (RFC-5), and the ways between them.

Levels lead to one system, the *intrinsic* one, in which the specification wants images
read "unless a use case dictates otherwise"; transformations of the multiscale lead from
there to others. ``input`` and ``output`` are names, or objects with a ``name``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emcatalog.errors import FormatError, OptionError
from emcatalog.json_text import mapping, shown, wrong
from emcatalog_ngff.model import MOST_DIMENSIONS, sequence, text
from emcatalog_ngff.transformations import AxisMap, axis_map, finite

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Systems:
    """The way from the levels of one multiscale to the system that was chosen.

    ``axes`` are those of the chosen system, as JSON.
    """

    axes: Sequence[Any]
    intrinsic: str
    outer: AxisMap
    where: str

    @classmethod
    def of(
        cls, members: Json, datasets: Sequence[Json], where: str, wanted: str
    ) -> Systems:
        """Read the systems of a multiscale, and choose the one that is ``wanted``.

        Nothing wanted means the intrinsic one, or the first that is reached from there
        where the intrinsic one counts voxels. Raises OptionError for one that is not
        there.
        """
        axes = _axes_by_name(members["coordinateSystems"], f"{where}.coordinateSystems")
        first = _edges(datasets[0], f"{where}.datasets[0]")[0]
        intrinsic = _end(first.get("output"))
        if intrinsic not in axes:
            raise wrong(
                f"output of {where}.datasets[0]", intrinsic, f"one of {shown([*axes])}"
            )
        ways = _leading_from(intrinsic, members, where)
        reached = [intrinsic, *(name for name in ways if name in axes)]
        name = wanted or _default(reached, axes)
        if name not in reached:
            raise OptionError(
                got=f"system={wanted!r}",
                expected=f"one of {shown(reached)}",
                hint=f"without it the volume is read in {_default(reached, axes)!r}",
            )
        outer = AxisMap.identity(len(axes[intrinsic]))
        if name != intrinsic:
            edge, place = ways[name]
            outer = axis_map(edge, place, len(axes[intrinsic]))
        if len(axes[name]) != len(axes[intrinsic]):
            raise wrong(
                f"axes of {name!r}", axes[name], f"as many as {intrinsic!r} has"
            )
        return cls(axes[name], intrinsic, outer, where)

    def level(self, dataset: Json, index: int) -> AxisMap:
        """From the voxels of a level to the chosen system."""
        where = f"{self.where}.datasets[{index}]"
        found = [
            (i, edge)
            for i, edge in enumerate(_edges(dataset, where))
            if _end(edge.get("output")) == self.intrinsic
        ]
        if len(found) != 1:
            raise FormatError(
                got=f"{len(found)} transformations of {where} to {self.intrinsic!r}",
                expected="one, as all levels lead to the same coordinate system",
                hint="the metadata are damaged",
            )
        at = f"{where}.coordinateTransformations[{found[0][0]}]"
        inner = axis_map(found[0][1], at, len(self.outer.source))
        return finite(inner.then(self.outer), where)


def _axes_by_name(value: object, where: str) -> dict[str, Sequence[Any]]:
    found: dict[str, Sequence[Any]] = {}
    for i, item in enumerate(sequence(value, where, 64)):
        members = mapping(item, f"{where}[{i}]")
        name = text(members.get("name"), f"{where}[{i}].name")
        place = f"{where}[{i}].axes"
        found.setdefault(name, sequence(members.get("axes"), place, MOST_DIMENSIONS))
    return found


def _edges(members: Json, where: str) -> list[Json]:
    where = f"{where}.coordinateTransformations"
    given = sequence(members.get("coordinateTransformations"), where, 64)
    return [mapping(item, f"{where}[{i}]") for i, item in enumerate(given)]


def _leading_from(
    intrinsic: str, members: Json, where: str
) -> dict[str, tuple[Json, str]]:
    """Transformations of the multiscale that begin at ``intrinsic``, by their end."""
    if members.get("coordinateTransformations") is None:
        return {}
    ways: dict[str, tuple[Json, str]] = {}
    for i, edge in enumerate(_edges(members, where)):
        if _end(edge.get("input")) == intrinsic and not _elsewhere(edge.get("input")):
            place = f"{where}.coordinateTransformations[{i}]"
            ways.setdefault(_end(edge.get("output")), (edge, place))
    return ways


def _default(reached: Sequence[str], axes: Mapping[str, Sequence[Any]]) -> str:
    """The intrinsic system, or one in lengths where that one counts voxels."""
    lengths = [name for name in reached if not all(map(_is_index, axes[name]))]
    return lengths[0] if lengths else reached[0]


def _is_index(axis: object) -> bool:
    return isinstance(axis, dict) and axis.get("type") == "array"


def _end(value: object) -> str:
    name = value.get("name") if isinstance(value, dict) else value
    return name if isinstance(name, str) else ""


def _elsewhere(value: object) -> bool:
    """Whether an end is a system of another image, such as one of the labels."""
    return isinstance(value, dict) and bool(value.get("path"))

"""What attributes say of voxel sizes besides those that place the voxels.

Tools of N5 and Zarr each write attributes of their own beside those of others, and
nobody keeps them alike. All of them are claims, so that a disagreement shows. Their
forms are described in `emcatalog_ngff.n5`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emcatalog.errors import FormatError
from emcatalog_ngff.canonical import canonical
from emcatalog_ngff.model import Array, Row, Statement

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Source:
    """Attributes of a group or an array, which is at ``holder`` below the group.

    ``is_n5`` tells the order of stored dimensions: fastest first, as in N5, or slowest
    first, as in Zarr.
    """

    members: Json
    holder: str
    dimensions: int
    is_n5: bool

    def statements(self) -> Iterator[Statement]:
        """All that is said, in the order in which it is trusted."""
        ways: tuple[tuple[str, Callable[[object], Statement]], ...] = (
            ("transform", self._transform),
            ("spatialTransform", self._canonical),
            ("resolution", self._resolution),
            ("pixelResolution", self._pixels),
        )
        for name, way in ways:
            # in Zarr nothing tells the order and the unit of a plain resolution
            if name in self.members and (self.is_n5 or name != "resolution"):
                yield way(self.members[name])

    def listed(self, image: Json, where: str) -> Iterator[Statement]:
        """COSEM's transform of the finest level, in the list of an image's levels."""
        levels = image.get("datasets")
        finest = levels[0] if isinstance(levels, list) and levels else None
        if isinstance(finest, dict) and "transform" in finest:
            yield self._transform(finest["transform"], f"{where}.datasets[0].transform")

    def _transform(self, value: object, where: str = "transform") -> Statement:
        members = value if isinstance(value, dict) else {"scale": value}
        is_fastest_first = members.get("order") == "F"
        step = 1 if is_fastest_first == self.is_n5 else -1
        sizes, units = (self._row(members.get(n)) for n in ("scale", "units"))
        return Statement(self.holder, where, sizes[::step], units[::step])

    def _canonical(self, value: object) -> Statement:
        try:
            found = canonical(value, self.dimensions)
        except FormatError:
            return self._made("spatialTransform", self._row(value), None)
        sizes = found.placement.scale if found.placement else self._row(value)
        units = tuple(axis.unit for axis in found.axes)
        return Statement(self.holder, "spatialTransform", tuple(sizes), units)

    def _resolution(self, value: object) -> Statement:
        return self._made("resolution", self._coarser(value), self.members.get("units"))

    def _pixels(self, value: object) -> Statement:
        if not isinstance(value, dict):
            return self._made("pixelResolution", self._coarser(value), None)
        sizes = self._coarser(value.get("dimensions"))
        units = [value.get("unit")] * self.dimensions
        return self._made("pixelResolution.dimensions", sizes, units)

    def _made(self, locator: str, sizes: Row, units: object) -> Statement:
        """A statement whose numbers are for x, y and z, in this order."""
        step = 1 if self.is_n5 else -1
        rows = sizes[::step], self._row(units)[::step]
        return Statement(self.holder, locator, *rows)

    def _coarser(self, value: object) -> Row:
        """Sizes of the finest level's voxels as those of this one's."""
        sizes = self._row(value)
        factors = self._row(self.members.get("downsamplingFactors", 1))
        pairs = list(zip(sizes, factors, strict=True))
        if not all(isinstance(n, int | float) for pair in pairs for n in pair):
            return sizes
        try:
            return tuple(s * f for s, f in pairs)  # type: ignore[operator]  # numbers
        except OverflowError:  # of an integer that no float can hold
            return sizes

    def _row(self, value: object) -> Row:
        """One value for each dimension; what is none stands whole in each place."""
        if isinstance(value, list) and len(value) == self.dimensions:
            return tuple(value)
        return (value,) * self.dimensions


@dataclass(frozen=True)
class Group:
    """Attributes of a group, and the one of its images, which is at ``where``."""

    members: Json
    image: Json
    where: str

    def of_zarr(self, path: str, finest: Array) -> Iterator[Statement]:
        """What COSEM and n5-viewer say of sizes: their attributes are in Zarr, too."""
        return self._all(path, finest, is_n5=False)

    def of_n5(self, path: str, finest: Array) -> Iterator[Statement]:
        """All that is said, that which places the voxels first."""
        return self._all(path, finest, is_n5=True)

    def _all(self, path: str, finest: Array, *, is_n5: bool) -> Iterator[Statement]:
        count = len(finest.shape)
        group = Source(self.members, "", count, is_n5)
        yield from group.listed(self.image, self.where)
        yield from Source(finest.attributes, path, count, is_n5).statements()
        yield from group.statements()


def without(found: Sequence[Statement], locator: str) -> tuple[Statement, ...]:
    """All but the first statement of that name, which is the one that was used."""
    names = [statement.locator for statement in found]
    if locator not in names:
        return tuple(found)
    at = names.index(locator)
    return (*found[:at], *found[at + 1 :])

"""The volumes of a plan: what is read for a block, from which dataset."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from emcatalog.blocks.arrays import volume_of
from emcatalog.driver import VolumeSource
from emcatalog.errors import EmcatalogError, GeometryError, LevelError, OptionError
from emcatalog.geometry import Grid, Region, Triple
from emcatalog.index import nanometres
from emcatalog.record import Record
from emcatalog.volume import Volume

MAIN = "image"
"""The name of what a block's ``data`` are, where a dataset has several arrays."""

ALIGNED = 0.01
"""Voxels by which the frames of two arrays may differ and still be one."""

Voxels = NDArray[np.generic]


@dataclass(frozen=True, eq=False)
class Channel:
    """One array of a member, read in the member's voxels.

    Voxel ``v`` of the member is voxel ``v + offset`` of ``volume``; ``entry`` names it
    in errors.
    """

    volume: Volume
    offset: Triple
    entry: str

    def read(self, region: Region) -> Voxels:
        """Voxels of ``region``; what cannot be read raises."""
        try:
            return self.volume.read(self._moved(region))
        except EmcatalogError as error:
            error.about(self.entry)
            raise

    def read_many(self, regions: Sequence[Region]) -> Iterator[tuple[int, Voxels]]:
        """``(index into regions, its voxels)`` as they come, each index once."""
        try:
            yield from self.volume.read_many([self._moved(r) for r in regions])
        except EmcatalogError as error:
            error.about(self.entry)
            raise

    def stored(self, region: Region) -> NDArray[np.bool_]:
        """Which voxels of ``region`` the source really holds."""
        try:
            return self.volume.stored(self._moved(region))
        except EmcatalogError as error:
            error.about(self.entry)
            raise

    def _moved(self, region: Region) -> Region:
        if self.offset == (0, 0, 0):
            return region
        return _moved(region, self.offset)


@dataclass(frozen=True, eq=False)
class Member:
    """One dataset of a plan, at one level.

    ``grid`` are the voxels of the array that was given, in nm; ``within`` is the part
    of it in which blocks lie, and nothing beyond it is ever read. ``riders`` are
    further arrays, such as labels, in the same voxels. ``attrs`` are the attributes of
    an array that came without a record.
    """

    name: str
    image: Channel
    grid: Grid
    within: Region
    level: int = 0
    record: Record = field(default_factory=Record, repr=False)
    riders: Mapping[str, Channel] = field(default_factory=dict)
    attrs: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def volume_nm3(self) -> float:
        """Size of the part in which blocks lie, in cubic nanometres."""
        return self.within.size * math.prod(self.grid.voxel_size)

    def cropped(self, within: Region) -> Member:
        """The same dataset, whose blocks lie in this part of it alone."""
        return replace(self, within=self.within.intersect(within))

    def with_rider(self, name: str, rider: Member) -> Member:
        """The member with one more array, where both are.

        Raises GeometryError for an array with other voxels, in size or in place, and
        for one that lies elsewhere.
        """
        offset = _shift(self, rider, name)
        channel = replace(rider.image, offset=_plus(rider.image.offset, offset))
        there = rider.within
        low = tuple(max(0, a - o) for a, o in zip(there.start, offset, strict=True))
        high = tuple(max(0, b - o) for b, o in zip(there.stop, offset, strict=True))
        shared = self.within.intersect(Region(_triple(low), _triple(high)))
        if not shared.size:
            raise GeometryError(
                entry=self.name,
                got=f"{name!r}, which lies {_span(rider.grid)} (z, y, x)",
                expected=f"one that overlaps the image, which lies {_span(self.grid)}",
                hint="the two may have different origins",
            )
        return replace(self, within=shared, riders={**self.riders, name: channel})


def members(arrays: Any, voxel_size: Any = "native") -> tuple[Member, ...]:
    """The datasets of a plan.

    ``arrays`` is one of these, or a mapping of names to them: a source of a catalog, a
    `xarray.DataArray` of z, y, x in nm (lazy, on dask, in memory), a mapping or
    `xarray.Dataset` of several such arrays of one place, of which ``"image"`` is what a
    block's data are and the others are its riders, or a `Member`. Of a source with
    several levels the one is taken whose voxels are nearest to ``voxel_size`` nm (a
    number, text or quantity), by default the one that the source shows.

    Raises OptionError for what is none of these, GeometryError and UnitError for arrays
    that have no place, and for riders in other voxels.
    """
    wanted = None if voxel_size == "native" else _voxel_size(voxel_size)
    named = _named(arrays)
    found = tuple(member(str(name), named[name], wanted) for name in named)
    if not found:
        raise OptionError(got="no arrays", expected="at least one dataset")
    return found


def _named(arrays: Any) -> Any:
    """``arrays`` as a mapping of names to them."""
    if isinstance(arrays, list | tuple):
        named = {_name(part, number): part for number, part in enumerate(arrays)}
        if len(named) < len(arrays):
            raise OptionError(
                got=f"{len(arrays)} arrays with {len(named)} names",
                expected="a name for each",
                hint="a mapping of names to arrays",
            )
        return named
    if isinstance(arrays, tuple(KINDS)) or _is_group(arrays):
        return {_name(arrays, 0): arrays}
    # catalogs are no Mapping
    known = hasattr(arrays, "keys") and hasattr(arrays, "__getitem__")
    return arrays if known else {_name(arrays, 0): arrays}


def member(name: str, given: Any, voxel_nm: float | None = None) -> Member:
    """One dataset; see `members`."""
    try:
        if _is_group(given):
            return _grouped(name, given, voxel_nm)
        for kind, made in KINDS.items():
            if isinstance(given, kind):
                return made(name, given, voxel_nm)
    except EmcatalogError as error:
        error.about(name)
        raise
    raise OptionError(
        entry=name,
        got=f"a {type(given).__name__}",
        expected="a source of a catalog, or an xarray.DataArray of z, y, x in nm",
    )


def _of_member(name: str, given: Member, _: float | None) -> Member:
    return replace(given, name=name)


def _of_array(name: str, given: xr.DataArray, _: float | None) -> Member:
    volume, offset, grid = volume_of(given)
    level = given.attrs.get("level", 0)
    return Member(
        name,
        Channel(volume, offset, name),
        grid,
        grid.region,
        level if isinstance(level, int) else 0,
        attrs=dict(given.attrs),
    )


def _of_source(name: str, given: VolumeSource, voxel_nm: float | None) -> Member:
    pyramid = given.pyramid
    level = given.level_index if voxel_nm is None else pyramid.nearest(voxel_nm)
    volume = pyramid.level(level)
    channel = Channel(volume, (0, 0, 0), name)
    grid = volume.grid
    return Member(name, channel, grid, grid.region, level, pyramid.record)


KINDS: dict[type, Callable[[str, Any, float | None], Member]] = {
    Member: _of_member,
    xr.DataArray: _of_array,
    VolumeSource: _of_source,
}


def _grouped(name: str, given: Mapping[str, Any], voxel_nm: float | None) -> Member:
    found = member(name, given[MAIN], voxel_nm)
    # riders come at the voxel size of their image, if they have that level
    side = math.prod(found.grid.voxel_size) ** (1 / 3)
    for rider in given:
        if rider != MAIN:
            part = member(f"{name}.{rider}", given[rider], side)
            found = found.with_rider(str(rider), part)
    return found


def _is_group(given: Any) -> bool:
    return isinstance(given, Mapping) and MAIN in given


def _name(given: Any, number: int) -> str:
    told = getattr(given, "entry_name", None) or getattr(given, "name", None)
    return str(told or f"array{number}")


def _voxel_size(given: Any) -> float:
    size = nanometres(given)
    if size.ndim or not 0 < size < math.inf:
        raise LevelError(
            got=f"voxel_size={given!r:.60}",
            expected="one positive length in nanometres, or 'native'",
        )
    return float(size)


def _shift(image: Member, rider: Member, name: str) -> Triple:
    """Voxels of the rider at which the image begins."""
    ours, theirs = image.grid, rider.grid
    pairs = list(zip(ours.voxel_size, theirs.voxel_size, strict=True))
    longest = max(ours.shape)
    if any(abs(a - b) * longest > ALIGNED * a for a, b in pairs):
        raise GeometryError(
            entry=image.name,
            got=f"{name!r} with voxels of {theirs.voxel_size} nm (z, y, x)",
            expected=f"those of the image, {ours.voxel_size} nm",
            hint="take the levels of both that agree, or resample one before: "
            "xarray's .interp(..., method='nearest') keeps labels",
        )
    gaps = [
        (a - b) / s
        for a, b, s in zip(ours.origin, theirs.origin, ours.voxel_size, strict=True)
    ]
    if any(abs(gap - round(gap)) > ALIGNED for gap in gaps):
        raise GeometryError(
            entry=image.name,
            got=f"{name!r}, whose voxels lie {_shown(gaps)} voxels (z, y, x) from "
            "those of the image",
            expected="whole voxels between both",
            hint="half a voxel is often a corner told for a centre: da.assign_coords",
        )
    return _triple(map(round, gaps))


def _shown(numbers: Sequence[float]) -> str:
    return f"({', '.join(f'{number:g}' for number in numbers)})"


def _span(grid: Grid) -> str:
    return " x ".join("{:g} to {:g} nm".format(*grid.edges(axis)) for axis in range(3))


def _moved(region: Region, offset: Triple) -> Region:
    return Region(_plus(region.start, offset), _plus(region.stop, offset))


def _plus(a: Triple, b: Triple) -> Triple:
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]


def _triple(values: Any) -> Triple:
    z, y, x = values
    return int(z), int(y), int(x)

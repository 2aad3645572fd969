"""What may be a dataset of a plan, as a `Member`."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from emcatalog.accessor.source import pyramid_of
from emcatalog.blocks.arrays import volume_of
from emcatalog.blocks.members import MAIN, Channel, Member
from emcatalog.blocks.resample import is_in_place, resampled
from emcatalog.blocks.riders import with_rider
from emcatalog.driver import VolumeSource
from emcatalog.errors import EmcatalogError, OptionError
from emcatalog.geometry import Lengths
from emcatalog.index import nanometres
from emcatalog.record import Record
from emcatalog.volume import Pyramid, Volume


def members(
    arrays: Any, voxel_size: Any = "native", resample: bool = False
) -> tuple[Member, ...]:
    """The datasets of a plan.

    ``arrays`` is one of these, or a mapping of names to them: a source of a catalog, a
    `xarray.DataArray` of z, y, x in nm (lazy, on dask, in memory), a mapping or
    `xarray.Dataset` of several such arrays of one place, of which ``"image"`` is what a
    block's data are and the others are its riders, or a `Member`.

    Of a source with several levels the one is taken whose voxels are nearest to
    ``voxel_size`` (nm: a number, text or quantity, or three, z, y, x), by default the
    one that the source shows; riders come at the level nearest to that of their image.
    ``resample`` makes the voxels of all exactly so large, from the nearest level that
    is finer, and puts riders into those of their image: images by linear interpolation
    and, where voxels become larger, by the mean of what they cover; labels, and what
    nobody calls an image, by the nearest.

    Raises OptionError for what is none of these, GeometryError and UnitError for arrays
    that have no place, and for riders in other voxels unless they are resampled.
    """
    wanted = None if _is_native(voxel_size) else _voxel_size(voxel_size)
    named = _named(arrays)
    found = tuple(member(str(name), named[name], wanted, resample) for name in named)
    if not found:
        raise OptionError(got="no arrays", expected="at least one dataset")
    return found


def member(
    name: str, given: Any, wanted: Lengths | None = None, resample: bool = False
) -> Member:
    """One dataset; see `members`."""
    try:
        if not _is_group(given):
            return _single(name, given, wanted, resample)
        image = member(name, given[MAIN], wanted, resample)
        for rider in given:
            if rider != MAIN:
                # the level of a rider that is nearest to its image
                part = _single(f"{name}.{rider}", given[rider], image.grid.voxel_size)
                image = with_rider(image, str(rider), part, resample)
    except EmcatalogError as error:
        error.about(name)
        raise
    return image


def _single(
    name: str, given: Any, wanted: Lengths | None, resample: bool = False
) -> Member:
    for kind, made in KINDS.items():
        if isinstance(given, kind):
            if wanted is None or not resample:
                return made(name, given, wanted)
            level = wanted
            if isinstance(given, VolumeSource):
                level = finer(given.pyramid, wanted)
            return resampled(made(name, given, level), wanted)
    raise OptionError(
        entry=name,
        got=f"a {type(given).__name__}",
        expected="a source of a catalog, or an xarray.DataArray of z, y, x in nm",
    )


def _of_member(name: str, given: Member, _: Lengths | None) -> Member:
    return replace(given, name=name)


def _of_array(name: str, given: xr.DataArray, _: Lengths | None) -> Member:
    volume, offset, grid = volume_of(given)
    level, kind = given.attrs.get("level", 0), given.attrs.get("kind", "")
    coarser: tuple[Volume, ...] = ()
    try:
        pyramid = pyramid_of(given)
        record = pyramid.record
        if is_in_place(volume, offset, grid):
            coarser = below(pyramid, volume)
    except OptionError:
        record = Record()
    return Member(
        name,
        Channel(volume, offset, name, coarser),
        grid,
        grid.region,
        level if isinstance(level, int) else 0,
        record,
        str(kind),
    )


def _of_source(name: str, given: VolumeSource, wanted: Lengths | None) -> Member:
    pyramid, level = given.pyramid, given.level_index
    if wanted is not None:
        level = pyramid.nearest(math.prod(wanted) ** (1 / 3))
    volume, record = pyramid.level(level), pyramid.record
    kind = str(record.value("kind") or "")
    grid = volume.grid
    channel = Channel(volume, (0, 0, 0), name, below(pyramid, volume))
    return Member(name, channel, grid, grid.region, level, record, kind)


def finer(pyramid: Pyramid, wanted: Lengths) -> Lengths:
    """The voxel size of the coarsest level of which no voxel is larger than ``wanted``.

    What a coarser one has lost cannot be made again. If none is so fine, it is that of
    the level that is nearest.
    """
    sizes = [level.grid.voxel_size for level in pyramid.levels]
    fine = [s for s in sizes if all(map(operator.le, s, [1.001 * w for w in wanted]))]
    if fine:
        return max(fine, key=math.prod)
    return sizes[pyramid.nearest(math.prod(wanted) ** (1 / 3))]


def below(pyramid: Pyramid, volume: Volume) -> tuple[Volume, ...]:
    """The levels of ``pyramid`` that are coarser than ``volume``, finest first."""
    steps = volume.grid.voxel_size
    return tuple(
        level
        for level in pyramid.levels
        if math.prod(level.grid.voxel_size) > 1.5 * math.prod(steps)
        and all(a >= b for a, b in zip(level.grid.voxel_size, steps, strict=True))
    )


KINDS: dict[type, Callable[[str, Any, Lengths | None], Member]] = {
    Member: _of_member,
    xr.DataArray: _of_array,
    VolumeSource: _of_source,
}


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


def _is_group(given: Any) -> bool:
    return isinstance(given, Mapping) and MAIN in given


def _name(given: Any, number: int) -> str:
    told = getattr(given, "entry_name", None) or getattr(given, "name", None)
    return str(told or f"array{number}")


def _is_native(voxel_size: Any) -> bool:
    return isinstance(voxel_size, str) and voxel_size == "native"


def _voxel_size(given: Any) -> Lengths:
    sizes = nanometres(given)
    if sizes.shape not in ((), (3,)) or not ((sizes > 0) & (sizes < math.inf)).all():
        raise OptionError(
            got=f"voxel_size={given!r:.60}",
            expected="a positive length in nanometres, or three, or 'native'",
        )
    z, y, x = (float(size) for size in sizes + np.zeros(3))
    return z, y, x

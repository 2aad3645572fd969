"""``da.em``: blocks of voxels around places in nanometres, one or many.

The accessor is there wherever emcatalog made an array; after ``import
emcatalog.accessor`` it is on every `xarray.DataArray`. It asks for dimensions ``z``,
``y`` and ``x``, in any order, and for coordinates in nanometres (``attrs["units"] ==
"nm"``), which are centres of voxels.

A block lies around a centre like this: the voxel that contains the centre - the one
that ``da.sel`` takes for it - is voxel ``n // 2`` of the block's ``n`` along that axis.
So it is the middle one of an odd ``n``, and of an even one the first of the upper half.
A centre on the face between two voxels is the exact middle of an even block.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import xarray as xr

from emcatalog.accessor.axes import labelled
from emcatalog.accessor.places import Starts, around, at, inside, sides
from emcatalog.accessor.source import Window, pyramid_of, window_of
from emcatalog.errors import OptionError
from emcatalog.geometry import AXES, DIGITS, Lengths, Triple
from emcatalog.index import VoxelIndex
from emcatalog.record import Record

__all__ = ["EmAccessor"]


@xr.register_dataarray_accessor("em")  # type: ignore[no-untyped-call]
class EmAccessor:
    """Voxels of an array in nanometres; ``da.em``.

    Raises GeometryError and UnitError for an array that is not of z, y and x in nm,
    when it is first asked.

    >>> from emcatalog.geometry import Grid
    >>> from emcatalog.index import voxel_coords
    >>> grid = Grid((9, 9, 9), (8.0, 4.0, 4.0))
    >>> da = xr.DataArray(0, voxel_coords(grid))
    >>> da.em.block(("32 nm", 16, 16), 5).shape
    (5, 5, 5)
    >>> da.em.voxel_size, da.em.extent
    ((8.0, 4.0, 4.0), (72.0, 36.0, 36.0))
    """

    def __init__(self, array: xr.DataArray) -> None:
        self._array = array

    @property
    def voxel_size(self) -> Lengths:
        """Size of a voxel along z, y and x, in nanometres."""
        z, y, x = (index.step for index in self._indexes)
        return z, y, x

    @property
    def extent(self) -> Lengths:
        """Length from the first face to the last along z, y and x, in nanometres."""
        z, y, x = (round(abs(b - a), DIGITS) for a, b in map(_faces, self._indexes))
        return z, y, x

    @property
    def box(self) -> dict[str, slice]:
        """Where it lies, from face to face, as slices in nanometres.

        ``other.sel(da.em.box)`` is the same place of another array in the same frame.
        """
        pairs = zip(AXES, map(_faces, self._indexes), strict=True)
        return {dim: slice(*faces) for dim, faces in pairs}

    @property
    def record(self) -> Record:
        """All claims about the volume that it shows, each with who says so.

        It is there as long as the array is one that a source gave, sliced or not, in
        this process. Raises OptionError for what was computed or loaded, or came from
        another process: ``source.record`` is always there.
        """
        return pyramid_of(self._array).record

    @property
    def raw_metadata(self) -> Mapping[str, object]:
        """Tags and attributes of the source as they are; for which arrays: `record`."""
        return pyramid_of(self._array).raw

    def block(
        self,
        center: Any = None,
        shape: int | Iterable[int] = 128,
        *,
        start: Iterable[int] | None = None,
    ) -> xr.DataArray:
        """The block of exactly ``shape`` voxels (z, y, x) around ``center``, lazy.

        ``center`` is z, y, x in nanometres, numbers, quantities or texts such as
        ``"1.2 um"``; the module says which voxels lie around it. ``start`` is, in place
        of it, the first voxel (z, y, x), counted from 0. ``shape`` may be one number
        for a cube. It costs what ``da.isel`` costs. Raises LabelError for a block that
        sticks out, UnitError for a centre that is not three lengths, and OptionError
        for a shape or a start that cannot be.
        """
        wanted = sides(shape)
        centers = None if center is None else [center]
        (first,) = self._starts(centers, None if start is None else [start], wanted)
        return self._cut((first[0], first[1], first[2]), wanted)

    def blocks(
        self,
        centers: Any = None,
        shape: int | Iterable[int] = 128,
        *,
        starts: Any = None,
    ) -> Iterator[tuple[int, xr.DataArray]]:
        """``(index into centers, its block)``, loaded, as they come, each index once.

        Arguments are many of those of `block`, and so are the errors, which are raised
        before anything is read. What blocks of an array on a volume have in common is
        read once, past dask if the array is on it, with many requests in flight and in
        bounded memory; keep no more blocks than you need. Of other arrays each block is
        computed in turn.
        """
        wanted = sides(shape)
        firsts = self._starts(centers, starts, wanted)
        corners = [(int(z), int(y), int(x)) for z, y, x in firsts]
        window = window_of(self._array) if self._array.dims == AXES else None
        if window is not None and window.shares:
            return self._read(window, corners, wanted)
        cuts = (self._cut(corner, wanted) for corner in corners)
        return ((index, block.load()) for index, block in enumerate(cuts))

    @functools.cached_property
    def _indexes(self) -> tuple[VoxelIndex, ...]:
        return labelled(self._array)

    def _starts(self, centers: Any, starts: Any, shape: Triple) -> Starts:
        if (centers is None) == (starts is None):
            raise OptionError(
                got="neither a centre nor a start" if centers is None else "both",
                expected="where the block lies: centres in nanometres, or starts",
                hint="da.em.block(('1 um', 2000, 2000)), or start=(0, 512, 512)",
            )
        indexes = self._indexes
        firsts = at(starts) if centers is None else around(indexes, centers, shape)
        return inside(firsts, shape, indexes)

    def _cut(self, start: Triple, shape: Triple) -> xr.DataArray:
        return self._array.isel(dict(zip(AXES, _slices(start, shape), strict=True)))

    def _read(
        self, window: Window, starts: list[Triple], shape: Triple
    ) -> Iterator[tuple[int, xr.DataArray]]:
        parts = [_slices(start, shape) for start in starts]
        for index, voxels in window.read_many(parts):
            # not deep: that would copy the index and all attributes
            yield index, self._cut(starts[index], shape).copy(deep=False, data=voxels)


def _slices(start: Triple, shape: Triple) -> tuple[slice, ...]:
    return tuple(slice(a, a + n) for a, n in zip(start, shape, strict=True))


def _faces(index: VoxelIndex) -> tuple[float, float]:
    """Where an axis begins and ends, in the direction in which it runs."""
    labels = index.index.to_numpy()
    first, last = float(labels[0]), float(labels[-1])
    half = index.step / 2 if last >= first else -index.step / 2
    return round(first - half, DIGITS), round(last + half, DIGITS)

"""Volume + Record -> a labelled, lazy DataArray in nanometres."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from dask.base import tokenize
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

import emcatalog.accessor  # noqa: F401 - registers da.em
from emcatalog.driver.chunks import Chunks, coarse_chunks
from emcatalog.driver.lazy import lazy_array
from emcatalog.driver.window import Window
from emcatalog.errors import EmcatalogError
from emcatalog.geometry import AXES, Region
from emcatalog.index import voxel_coords
from emcatalog.record import FIELDS, Record, Value
from emcatalog.volume import Pyramid, Volume, ensure_fits

FEW_LABELS = 2**22
"""More labels than these are a request of their own: few bytes can declare many."""

WHOLE = slice(None)
"""What is taken of a block as it comes."""

Key = int | np.integer[Any] | slice | NDArray[np.integer[Any]]


class VolumeArray(BackendArray):
    """What xarray indexes lazily: a volume, or the mask of its stored voxels.

    ``pyramid`` is that of the volume, for `da.em.record`. It stays in this process:
    tasks that are sent to others should not carry all metadata.
    """

    def __init__(
        self,
        volume: Volume,
        entry: str,
        *,
        mask: bool = False,
        pyramid: Pyramid | None = None,
    ) -> None:
        self.volume, self.entry, self.mask = volume, entry, mask
        self.pyramid = pyramid
        self.shape: tuple[int, ...] = volume.grid.shape
        self.dtype = np.dtype(np.bool_) if mask else volume.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        if isinstance(key, indexing.BasicIndexer | indexing.OuterIndexer):
            # the adapter fails on empty slices with a negative step
            return self._read(key.tuple)
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER, self._read
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "pyramid": None}

    def __deepcopy__(self, memo: object) -> VolumeArray:
        return self  # nothing of it changes

    @property
    def window(self) -> Window:
        """All of it, to be sliced."""
        return Window.whole(self)

    @functools.cached_property
    def _token(self) -> str:
        # of a table of thousands of pages it takes milliseconds
        return str(tokenize(type(self).__name__, self.volume, self.mask))

    def __dask_tokenize__(self) -> str:
        return self._token

    def _read(self, key: tuple[Key, ...]) -> NDArray[np.generic]:
        axes = [
            _Axis.of(k, n, c)
            for k, n, c in zip(key, self.shape, self.volume.chunks, strict=True)
        ]
        whole = [axis.length for axis in axes]
        try:
            ensure_fits(whole, self.dtype)
            out = self._assemble(axes)
        except EmcatalogError as error:
            error.about(self.entry)
            raise
        return out[tuple(0 if axis.scalar else slice(None) for axis in axes)]

    def _assemble(self, axes: list[_Axis]) -> NDArray[np.generic]:
        parts = list(itertools.product(*(axis.runs for axis in axes)))
        regions = [_region(part) for part in parts]
        if len(parts) == 1:
            ((_, block),) = self._blocks(regions)
            taken = _take(block, parts[0])
            # a few voxels of each thousand should not keep all of them in memory
            return taken if taken.size == block.size else taken.copy()
        out = np.empty([axis.length for axis in axes], self.dtype)
        for index, block in self._blocks(regions):
            part = parts[index]
            out[np.ix_(*(run.put for run in part))] = _take(block, part)
        return out

    def _blocks(
        self, regions: list[Region]
    ) -> Iterator[tuple[int, NDArray[np.generic]]]:
        """Each region's index and voxels, in any order."""
        if self.mask:
            return enumerate(map(self.volume.stored, regions))
        if len(regions) == 1:  # alone it shares nothing
            return enumerate(map(self.volume.read, regions))
        return self.volume.read_many(regions)


@dataclass(frozen=True)
class _Run:
    """Voxels start..stop of an axis: ``take`` of the block goes to ``put``."""

    start: int
    stop: int
    take: slice | NDArray[np.intp]
    put: range | NDArray[np.intp]


@dataclass(frozen=True)
class _Axis:
    """What an index asks of one axis, as runs of neighbouring voxels."""

    runs: tuple[_Run, ...]
    length: int
    scalar: bool = False

    @classmethod
    def of(cls, key: Key, size: int, chunk: int) -> _Axis:
        if isinstance(key, int | np.integer):
            start = range(size)[int(key)]  # raises where % would wrap around
            run = _Run(start, start + 1, WHOLE, range(1))
            return cls((run,), 1, scalar=True)
        if isinstance(key, slice) and abs(key.step or 1) <= chunk:
            return cls._of_slice(key, size)
        return cls._of_places(np.arange(size)[key], chunk)

    @classmethod
    def _of_slice(cls, key: slice, size: int) -> _Axis:
        places = range(*key.indices(size))
        if not places:
            return cls((_Run(0, 0, WHOLE, range(0)),), 0)
        low, high = min(places[0], places[-1]), max(places[0], places[-1])
        take = WHOLE if places.step == 1 else slice(None, None, places.step)
        return cls((_Run(low, high + 1, take, range(len(places))),), len(places))

    @classmethod
    def _of_places(cls, places: NDArray[np.intp], chunk: int) -> _Axis:
        if not places.size:
            return cls((_Run(0, 0, WHOLE, places),), 0)
        order = np.argsort(places, kind="stable")
        # places further apart than a chunk share none: reading between them is waste
        cuts = np.nonzero(np.diff(places[order]) > chunk)[0] + 1
        runs = []
        for put in np.split(order, cuts):
            start = int(places[put[0]])
            stop = int(places[put[-1]]) + 1
            runs.append(_Run(start, stop, places[put] - start, put))
        if len(runs) == 1:  # one block: take in the order that was asked for
            low, high = runs[0].start, runs[0].stop
            runs = [_Run(low, high, places - low, np.arange(places.size))]
        return cls(tuple(runs), int(places.size))


def _region(part: tuple[_Run, ...]) -> Region:
    z, y, x = part
    return Region((z.start, y.start, x.start), (z.stop, y.stop, x.stop))


def _take(block: NDArray[np.generic], part: tuple[_Run, ...]) -> NDArray[np.generic]:
    for axis, run in enumerate(part):
        if run.take is not WHOLE:
            block = block[(slice(None),) * axis + (run.take,)]
    return block


def to_dataset(
    pyramid: Pyramid,
    level: int,
    entry: str,
    extra: Mapping[str, Any],
    chunks: Chunks | None = None,
) -> xr.Dataset:
    """One level as a Dataset of one lazy variable: ``image`` or ``segmentation``.

    ``extra`` are further attributes, such as the driver's name; ``chunks`` are those of
    the dask array, None for a lazy array without dask.
    """
    volume = pyramid.level(level)
    name = variable_name(pyramid.record)
    attrs = attributes(pyramid, level) | dict(extra)
    array = VolumeArray(volume, entry, pyramid=pyramid)
    variable = _variable(array, attrs, chunks)
    variable.encoding["preferred_chunks"] = coarse_chunks(volume)
    return xr.Dataset({name: variable}, _coords(volume), attrs)


def to_mask(pyramid: Pyramid, level: int, entry: str, chunks: Chunks) -> xr.DataArray:
    """Which voxels of a level are really stored, as a boolean array on dask."""
    volume = pyramid.level(level)
    attrs = {"long_name": "voxels that the source really holds"}
    variable = _variable(VolumeArray(volume, entry, mask=True), attrs, chunks)
    return xr.DataArray(variable, _coords(volume), name="stored")


def _coords(volume: Volume) -> xr.Coordinates:
    labels = sum(volume.grid.shape)
    if labels > FEW_LABELS:
        ensure_fits([2 * labels], np.dtype(np.float64))
    return voxel_coords(volume.grid)


def _variable(
    array: VolumeArray, attrs: Mapping[str, Any], chunks: Chunks | None
) -> xr.Variable:
    if chunks is None:
        return xr.Variable(AXES, indexing.LazilyIndexedArray(array), dict(attrs))
    return xr.Variable(AXES, lazy_array(array.window, chunks), dict(attrs))


def variable_name(record: Record) -> str:
    """Name of the data variable."""
    return "segmentation" if record.value("kind") == "segmentation" else "image"


def attributes(pyramid: Pyramid, level: int) -> dict[str, Any]:
    """Attributes in the one vocabulary of all sources: winners of the record.

    Plain strings, numbers and lists only: they survive netCDF and Zarr. Voxel size,
    and origin and extent of the whole volume, are lists in z, y, x order and
    nanometres; ``voxel_size_source`` says who said so. All other fields have the names
    of `emcatalog.record.FIELDS`; the unit of ``dwell_time`` is ``dwell_time_units``.
    ``depth``, ``height`` and ``width`` are those of the finest level.
    """
    grid = pyramid.level(level).grid
    attrs: dict[str, Any] = {
        "level": level % len(pyramid.levels),
        "levels": len(pyramid.levels),
        "voxel_size_nm": list(grid.voxel_size),
        "voxel_size_source": voxel_size_source(pyramid.record),
        "volume_origin_nm": list(grid.origin),
        "volume_extent_nm": list(grid.extent),
    }
    for field in pyramid.record.fields:
        claim, kind = pyramid.record.winner(field), FIELDS[field]
        if claim and not kind.per_axis:
            attrs[field] = _plain(claim.value)
            if kind.unit:
                attrs[f"{field}_units"] = kind.unit
    return attrs


def voxel_size_source(record: Record) -> str:
    """Who says what about the voxel size, axis by axis.

    >>> from emcatalog.record import Claim
    >>> claim = Claim("voxel_size_z", 5.0, "catalog", "args", "nm")
    >>> voxel_size_source(Record((claim,)))
    'z: catalog (args)'
    """
    winners = [(axis, record.winner(f"voxel_size_{axis}")) for axis in AXES]
    return "; ".join(
        f"{axis}: {claim.source} ({claim.locator})" for axis, claim in winners if claim
    )


def _plain(value: Value) -> Any:
    return list(value) if isinstance(value, tuple) else value

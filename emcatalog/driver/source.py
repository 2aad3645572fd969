"""The Intake face of a driver, written once."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
import xarray as xr
from intake.source.base import DataSource, Schema

from emcatalog.driver.array import to_dataset, to_mask, variable_name
from emcatalog.driver.card import card
from emcatalog.driver.chunks import CHUNK_BYTES, Chunks, coarse_chunks, dask_chunks
from emcatalog.driver.facts import completed
from emcatalog.driver.identity import identity, placed
from emcatalog.driver.options import FACE, checked, known, plain
from emcatalog.driver.parameters import typed, user_parameters
from emcatalog.errors import EmcatalogError
from emcatalog.mirror import Mirrors, current_mirrors
from emcatalog.record import Record, authored
from emcatalog.transport import Transport
from emcatalog.units import parse_bytes
from emcatalog.volume import Pyramid, Volume, allowing

Place = str | os.PathLike[str] | list[str] | list[os.PathLike[str]]


class VolumeSource(DataSource):  # type: ignore[misc]  # intake has no types
    """One volume of a catalog: opened lazily, labelled in nanometres.

    A driver is a subclass with a ``name`` and an ``open_pyramid(urlpath, transport,
    *, ...)`` that returns a `Pyramid`; its keyword arguments are the driver's options.

    ``level`` is the resolution level (0 is the finest, -1 the coarsest); ``voxel_nm``
    chooses instead the level whose voxels are nearest to that size in nanometres.
    ``storage_options`` are those of fsspec. ``metadata`` is what the catalog's author
    knows: fields of the common vocabulary become attributes.

    Raises UnknownNameError for an option that the driver does not have.
    """

    name: ClassVar[str] = ""
    container = "xarray"
    version = "1"
    partition_access = False
    open_pyramid: ClassVar[Callable[..., Pyramid]]

    # IPython would show the source as YAML instead of the card below
    _ipython_display_ = None

    def __init__(
        self,
        urlpath: Place | None = None,
        *,
        level: int = 0,
        voxel_nm: float | None = None,
        storage_options: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        given = {
            "level": level,
            "voxel_nm": voxel_nm,
            "storage_options": plain(storage_options),
            "metadata": plain(metadata),
        }
        face = checked(type(self).name, _face, given)
        # a copy: intake adds what opening tells
        super().__init__(
            storage_options=face["storage_options"] or {},
            metadata=face["metadata"] or {},
        )
        if urlpath is not None:
            options["urlpath"] = plain(urlpath)
        # what pickles, YAML and equality are made of
        made_of = self.__dict__
        made_of["_captured_init_args"] = tuple(
            map(plain, made_of["_captured_init_args"])
        )
        made_of["_captured_init_kwargs"] = plain(made_of["_captured_init_kwargs"])
        self.level: int = face["level"]
        self.voxel_nm: float | None = face["voxel_nm"]
        self.options = checked(type(self).name, type(self).open_pyramid, options)
        self._authored = authored(self.metadata, self._urlpath)
        self._chosen: dict[str, Any] = {}
        self._opened: tuple[Mirrors, Pyramid] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """What makes the source, and its name, which attributes and errors tell."""
        return {**super().__getstate__(), "name": vars(self).get("name")}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        """Make the source again; nothing is opened yet."""
        super().__setstate__(dict(state))
        self.__dict__["name"] = state["name"]

    @classmethod
    def opened(cls, transport: Transport, **options: Any) -> Pyramid:
        """The pyramid that the driver opens with ``options``, read by ``transport``."""
        given = dict(checked(cls.name, cls.open_pyramid, options))
        urlpath = given.pop("urlpath", None)
        place = [placed(urlpath)] if urlpath is not None else []
        return cls.open_pyramid(*place, transport=transport, **given)

    @property
    def entry_name(self) -> str:
        """Name of the catalog entry, or of the driver if it was made without one."""
        own = vars(self).get("name")
        return str(own) if own else f"driver {type(self).name}"

    @property
    def pyramid(self) -> Pyramid:
        """All levels and the record; opened on first use (metadata only)."""
        mirrors = current_mirrors()
        if self._opened is None or self._opened[0] != mirrors:
            transport = Transport(dict(self.storage_options or {}), mirrors)
            try:
                bare = self.opened(transport, **self.options)
                self._opened = mirrors, completed(bare, self._authored)
            except EmcatalogError as error:
                error.about(self.entry_name)
                raise
        return self._opened[1]

    @property
    def record(self) -> Record:
        """All claims about the data, each with who says so; opened on first use."""
        return self.pyramid.record

    @property
    def raw_metadata(self) -> Mapping[str, object]:
        """Tags and attributes as they are, as JSON holds them; opened on first use."""
        return self.pyramid.raw

    @property
    def identity(self) -> str:
        """Names the data: the driver, its place and what chooses among images there.

        The same for every entry, level and declared value; without queries, passwords
        and storage options. Nothing is opened.

        >>> from emcatalog.driver import driver
        >>> driver("ngff")("s3://bucket/a.zarr?token=x", level=2, channel=1).identity
        'ngff s3://bucket/a.zarr channel=1'
        """
        return identity(type(self), self.options)

    @property
    def _urlpath(self) -> str:
        """Where the data lies: the first place, or the driver's own."""
        own = known(type(self).open_pyramid)["urlpath"].default
        place = self.options.get("urlpath", own)
        return str(place[0] if isinstance(place, list) else place)

    @property
    def level_index(self) -> int:
        """Index of the chosen level, counted from the finest."""
        pyramid = self.pyramid
        try:
            if self.voxel_nm is not None:
                return pyramid.nearest(self.voxel_nm)
            pyramid.level(self.level)
        except EmcatalogError as error:
            error.about(self.entry_name)
            raise
        return self.level % len(pyramid.levels)

    @property
    def volume(self) -> Volume:
        """The chosen level, for reading without labels."""
        return self.pyramid.level(self.level_index)

    def to_xarray(self) -> xr.DataArray:
        """The chosen level as a lazy, labelled array without dask.

        Each access reads just its box from the source, with no task graph: the way to
        take single blocks.
        """
        dataset = self._dataset(self.level_index)
        return dataset[variable_name(self.pyramid.record)]

    def to_dask(
        self, chunks: Any = None, *, chunk_bytes: int | str = CHUNK_BYTES
    ) -> xr.DataArray:
        """The chosen level as a labelled array on dask, in chunks of storage chunks.

        A chunk holds at most ``chunk_bytes``, a number of bytes or a text such as
        ``"16MiB"``, as far as storage chunks and a bounded number of tasks allow.
        ``chunks`` is what xarray's ``chunk`` takes: ``{"z": 64}``, a size, ``"auto"``.
        Basic slices cost no graph, however large the volume is: docs/dask.md. Raises
        OptionError for chunks that cannot be.
        """
        limit = parse_bytes(str(chunk_bytes))
        sizes = dask_chunks(self.volume, chunks, limit)
        dataset = self._dataset(self.level_index, sizes)
        return dataset[variable_name(self.pyramid.record)]

    def read(self, memory_limit: int | str | None = None) -> xr.DataArray:
        """The chosen level, loaded.

        Raises MemoryLimitError if it is larger than ``memory_limit``, a number of bytes
        or a text such as ``"4GiB"``; by default EMCATALOG_MEMORY_LIMIT or half of what
        is free.
        """
        try:
            with allowing(memory_limit):
                return self.to_xarray().load()
        except EmcatalogError as error:
            error.about(self.entry_name)
            raise

    def to_datatree(self) -> xr.DataTree:
        """All levels as a tree with nodes ``s0`` (the finest), ``s1`` and so on."""
        return xr.DataTree.from_dict(
            {
                f"/s{index}": self._dataset(index, dask_chunks(volume))
                for index, volume in enumerate(self.pyramid.levels)
            },
            name=self.entry_name,
        )

    def stored(self) -> xr.DataArray:
        """Which voxels the source really holds, as a lazy array labelled like the data.

        ``source.stored().sel(...)`` tells fill values of absent chunks from data.
        """
        chunks = dask_chunks(self.volume)
        return to_mask(self.pyramid, self.level_index, self.entry_name, chunks)

    def configure_new(self, **kwargs: Any) -> VolumeSource:
        """The same entry with other parameters or options; also ``source(**kwargs)``.

        Raises UnknownNameError for a name that neither the entry nor the driver has,
        and OptionError for a value that does not fit.
        """
        with user_parameters(self.entry_name):
            # intake forgets the earlier parameters that are no options of the driver
            chosen = {**self._chosen, **typed(kwargs, self._entry)}
            source: VolumeSource = super().configure_new(**chosen)
        source._chosen = chosen
        source.__dict__["name"] = vars(self).get("name")
        return source

    __call__ = get = configure_new

    def describe(self) -> dict[str, Any]:
        """All that is known: the entry, its arguments, and what opening tells."""
        if self._entry is not None:
            facts = dict(self._entry.describe())
        else:
            facts = {"name": self.entry_name, "driver": [type(self).name]}
        facts["args"] = dict(self.options)
        attrs = self.to_xarray().attrs
        shape, dtype = list(self.volume.grid.shape), str(self.volume.dtype)
        return facts | {"shape": shape, "dtype": dtype, "attrs": attrs}

    def _dataset(self, level: int, chunks: Chunks | None = None) -> xr.Dataset:
        extra = {"dataset": self.entry_name, "driver": type(self).name}
        return to_dataset(self.pyramid, level, self.entry_name, extra, chunks)

    def _get_schema(self) -> Schema:
        volume, dims = self.volume, coarse_chunks(self.volume)
        counts = [
            -(-n // c) for n, c in zip(volume.grid.shape, dims.values(), strict=True)
        ]
        return Schema(
            datashape=None,
            dtype=str(volume.dtype),
            shape=volume.grid.shape,
            npartitions=int(np.prod(counts)),
            extra_metadata=self.to_xarray().attrs,
        )

    def _close(self) -> None:
        self._opened, self._schema = None, None

    def _repr_html_(self) -> str:
        rows = {"driver": type(self).name, **self.options, **(self.metadata or {})}
        if self._opened is not None:
            rows["shape"] = " x ".join(map(str, self.volume.grid.shape)) + " (z, y, x)"
            rows["voxel size"] = f"{self.volume.grid.voxel_size} nm (z, y, x)"
        return card(self.entry_name, rows)


def _face(
    level: int = 0,
    voxel_nm: float | None = None,
    storage_options: dict[str, Any] | None = None,
    metadata: dict[str, Any] | None = None,
) -> None:
    """Carries the types of the options that every driver has."""


def option_names(source: type[VolumeSource]) -> tuple[str, ...]:
    """Names of all options of a driver, those of the face included."""
    return (*known(source.open_pyramid), *FACE)

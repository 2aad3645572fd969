"""Block: what a plan reads - voxels, which of them are real, and where they lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from emcatalog.blocks.members import MAIN, MASK
from emcatalog.blocks.places import Box, Place
from emcatalog.geometry import AXES
from emcatalog.index import voxel_coords
from emcatalog.record import Record

Voxels = NDArray[np.generic]


@dataclass(frozen=True, eq=False)
class Block:
    """Voxels of one place.

    ``data`` is z, y, x in C order, and yours: nothing else refers to it. ``riders`` are
    the dataset's other arrays there, of the same shape. ``real`` is None if every voxel
    is real; ask for `mask` instead. ``skipped`` are places that were drawn before this
    one and left out, because voxels of theirs are missing.
    """

    data: Voxels
    place: Place
    record: Record = field(default_factory=Record, repr=False)
    riders: Mapping[str, Voxels] = field(default_factory=dict)
    real: NDArray[np.bool_] | None = None
    skipped: tuple[Place, ...] = ()

    @property
    def mask(self) -> NDArray[np.bool_]:
        """True where a voxel is real: inside the volume, stored, and a number.

        Read-only where it is True everywhere, since it then takes no memory.
        """
        whole = np.broadcast_to(np.bool_(True), self.place.shape)
        return whole if self.real is None else self.real

    @property
    def dataset(self) -> str:
        """Name of the dataset in its plan."""
        return self.place.dataset

    @property
    def level(self) -> int:
        """The resolution level that was read."""
        return self.place.level

    @property
    def box(self) -> Box:
        """Where it begins and ends, from face to face, in nanometres (z, y, x)."""
        return self.place.box

    def to_xarray(self) -> xr.Dataset:
        """``image``, ``mask`` and each rider, labelled by voxel centres in nm.

        >>> from emcatalog.blocks import plan
        >>> from emcatalog.geometry import Grid
        >>> grid = Grid((8, 8, 8), (50.0, 4.0, 4.0))
        >>> array = xr.DataArray(np.ones(grid.shape), voxel_coords(grid))
        >>> plan(array, 4)[0].to_xarray().image.em.extent
        (200.0, 16.0, 16.0)
        """
        arrays: dict[str, Any] = {MAIN: self.data, MASK: self.mask, **self.riders}
        place = self.place
        attrs = {
            "dataset": place.dataset,
            "level": place.level,
            "start": list(place.start),
            "voxel_size_nm": list(place.voxel_size),
        }
        variables = {name: (AXES, voxels) for name, voxels in arrays.items()}
        return xr.Dataset(variables, voxel_coords(place.grid), attrs)

"""Three planes through a labelled array, with their place in nanometres."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from emcatalog.errors import GeometryError
from emcatalog.geometry import AXES, Lengths, Triple

Span = tuple[float, float]


@dataclass(frozen=True)
class Plane:
    """One plane: voxels (rows, columns), and the axes ``down`` and ``across``.

    Of complex voxels it has the modulus.
    """

    values: NDArray[Any]
    down: str
    across: str

    @property
    def name(self) -> str:
        """``xy``, ``xz`` or ``yz``."""
        return "".join(sorted((self.down, self.across)))


@dataclass(frozen=True)
class Planes:
    """The planes xy, xz and yz of one box, and where they lie (z, y, x; nm)."""

    planes: tuple[Plane, Plane, Plane]
    shape: Triple
    voxel_size: Lengths
    edges: tuple[Span, Span, Span]
    """Outer faces of the box along z, y and x."""
    at: Lengths
    """Where the three planes cut each other."""
    labels: bool
    """Whether the voxels are labels of a segmentation, and not brightness."""

    def extent(self, axis: str) -> float:
        """Physical length of the box along ``axis``."""
        low, high = self.edges[AXES.index(axis)]
        return high - low


def cut(array: xr.DataArray, at: Mapping[str, object] | None = None) -> Planes:
    """Cut ``array`` (dims z, y, x; coordinates in nm) along three planes.

    Only the three planes are read from a lazy array. ``at`` places them: lengths by
    axis, as for ``.sel``; the middle is taken for an axis that it does not name. Raises
    GeometryError for an array of other dimensions, and LabelError for a place outside.

    >>> from emcatalog.geometry import Grid
    >>> from emcatalog.index import voxel_coords
    >>> coords = voxel_coords(Grid((4, 6, 8), (50.0, 8.0, 8.0)))
    >>> planes = cut(xr.DataArray(np.zeros((4, 6, 8)), coords))
    >>> [(p.name, p.values.shape) for p in planes.planes]
    [('xy', (6, 8)), ('xz', (4, 8)), ('yz', (6, 4))]
    """
    _check(array)
    array = array.isel({axis: _rising(array, axis) for axis in AXES})
    where = dict.fromkeys(AXES, None) | dict(at or {})
    place = {axis: _index(array, axis, where[axis]) for axis in AXES}
    sizes = [_voxel_size(array, axis) for axis in AXES]
    centres = [array[axis].to_numpy() for axis in AXES]
    spans = [
        (float(c.min()) - s / 2, float(c.max()) + s / 2)
        for c, s in zip(centres, sizes, strict=True)
    ]
    shown = [float(c[place[a]]) for a, c in zip(AXES, centres, strict=True)]
    return Planes(
        planes=(
            _plane(array, "z", place, ("y", "x")),
            _plane(array, "y", place, ("z", "x")),
            _plane(array, "x", place, ("y", "z")),
        ),
        shape=(array.sizes["z"], array.sizes["y"], array.sizes["x"]),
        voxel_size=(sizes[0], sizes[1], sizes[2]),
        edges=(spans[0], spans[1], spans[2]),
        at=(shown[0], shown[1], shown[2]),
        labels=array.name == "segmentation",
    )


def _check(array: xr.DataArray) -> None:
    if set(array.dims) != set(AXES) or not array.size:
        raise GeometryError(
            got=f"an array with dims {dict(array.sizes)}",
            expected="z, y and x, with at least one voxel along each",
            hint="take a box with .sel(z=slice(...), y=slice(...), x=slice(...))",
        )
    bare = [axis for axis in AXES if axis not in array.coords]
    if bare:
        raise GeometryError(
            got=f"an array without coordinates along {', '.join(bare)}",
            expected="voxel centres in nanometres along z, y and x",
            hint="open it with a driver, or give it emcatalog.index.voxel_coords",
        )


def _rising(array: xr.DataArray, axis: str) -> slice:
    centres = array[axis].to_numpy()
    return slice(None, None, -1 if centres[0] > centres[-1] else 1)


def _index(array: xr.DataArray, axis: str, where: object) -> int:
    if where is None:
        return array.sizes[axis] // 2
    centre = float(array[axis].sel({axis: where}))
    return int(np.abs(array[axis].to_numpy() - centre).argmin())


def _plane(
    array: xr.DataArray, normal: str, place: Mapping[str, int], dims: tuple[str, str]
) -> Plane:
    values = array.isel({normal: place[normal]}).transpose(*dims).to_numpy()
    shown = np.abs(values) if np.iscomplexobj(values) else values
    return Plane(shown, down=dims[0], across=dims[1])


def _voxel_size(array: xr.DataArray, axis: str) -> float:
    # the distance between labels is that of strided arrays too, which fills the gaps
    centres = array[axis].to_numpy()
    if len(centres) > 1:
        return abs(float(centres[-1] - centres[0])) / (len(centres) - 1)
    step = getattr(array.xindexes.get(axis), "step", None)
    if step is None:
        raise GeometryError(
            got=f"one voxel along {axis} and no voxel size",
            expected="an axis with a VoxelIndex, or more than one voxel",
            hint="emcatalog.index.relabel(array, voxel_size={...}) gives it one",
        )
    return float(step)

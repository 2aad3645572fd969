"""VoxelIndex: an axis of voxels as an xarray index."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike
from xarray.indexes import PandasIndex

from emcatalog.errors import GeometryError, OptionError, UnitError
from emcatalog.index.axis import SLACK, Axis, Positions, rounded
from emcatalog.index.lengths import Floats, nanometres

SMALLEST_STEP = 1e-3
# ^ nm; labels are rounded to a thousandth of it. Finer is a mix-up of units


class VoxelIndex(PandasIndex):
    """The index of one axis of voxels: their centres and their width, in nanometres.

    ``step`` is the size of a voxel, and not the distance between labels:
    ``da.isel(z=slice(None, None, 2))`` leaves gaps between voxels of the same size.
    It survives whatever keeps an index: isel, concat, align, rename, pickling. Build
    one with `from_centres`, `voxel_coords` or `relabel`, or on a coordinate that has
    no index with ``da.set_xindex("z", VoxelIndex, step=8.0)``; without ``step``, the
    labels must be evenly spaced. Only ``da.reindex(z=[...])`` needs
    ``drop_indexes("z")`` first, because xarray compares the kinds of both indexes.

    >>> index = VoxelIndex.from_centres("z", np.arange(564) * 2.96, 2.96)
    >>> da = xr.DataArray(np.zeros(564), xr.Coordinates.from_xindex(index))
    >>> float(da.sel(z="1.2 um").z)
    1198.8
    >>> da.sel(z=slice(0, 296)).sizes["z"]
    100
    """

    step: float

    __slots__ = ("step",)

    def __init__(
        self,
        array: Any,
        dim: Hashable,
        coord_dtype: Any = None,
        *,
        step: float,
        fastpath: bool = False,
    ) -> None:
        super().__init__(array, dim, coord_dtype, fastpath=fastpath)
        self.step = step

    @classmethod
    def from_centres(
        cls, dim: Hashable, centres: ArrayLike, step: object
    ) -> VoxelIndex:
        """Index ``dim`` by the ``centres`` (nm) of voxels that are ``step`` nm wide.

        ``step`` may also be a quantity, or a text such as ``"8 nm"``. Raises
        GeometryError for a voxel size that is not finite or below 0.001 nm, and for
        centres that are not one axis of finite numbers.
        """
        width, labels = nanometres(step), np.asarray(centres, np.float64)
        if width.ndim or not SMALLEST_STEP <= width < math.inf:
            raise GeometryError(
                got=f"the voxel size {width} nm along {dim!r}",
                expected=f"one finite length of at least {SMALLEST_STEP} nm",
                hint="it may be in another unit",
            )
        if labels.ndim != 1 or not np.isfinite(labels).all():
            raise GeometryError(
                got=f"centres along {dim!r} of shape {labels.shape}, "
                f"{np.count_nonzero(~np.isfinite(labels))} of them not finite",
                expected="one axis of finite positions in nanometres",
            )
        return cls(pd.Index(rounded(labels)), dim, step=float(width))

    @classmethod
    def from_variables(
        cls, variables: Mapping[Any, xr.Variable], *, options: Mapping[str, Any]
    ) -> VoxelIndex:
        """Build from one coordinate in nm, with the option ``step``: `set_xindex`.

        Raises UnitError for a coordinate whose attrs name another unit, and
        GeometryError where ``step`` is needed and missing.
        """
        plain = PandasIndex.from_variables(variables, options={})
        for option in set(options) - {"step"}:
            raise OptionError(
                got=f"the option {option!r} of VoxelIndex",
                expected="step, the voxel size in nanometres",
            )
        for variable in variables.values():
            _check_unit(plain.dim, variable.attrs.get("units"))
        labels = plain.index.to_numpy(np.float64)
        step = options.get("step")
        step = _spacing(plain.dim, labels) if step is None else step
        made = cls.from_centres(plain.dim, labels, step)
        made.index.name = plain.index.name
        return made

    def _replace(
        self, index: Any, dim: Hashable | None = None, coord_dtype: Any = None
    ) -> VoxelIndex:
        # each operation of PandasIndex on a single index ends here
        dim = self.dim if dim is None else dim
        coord_dtype = self.coord_dtype if coord_dtype is None else coord_dtype
        return type(self)(index, dim, coord_dtype, step=self.step, fastpath=True)

    def create_variables(
        self, variables: Mapping[Any, xr.Variable] | None = None
    ) -> dict[Any, xr.Variable]:
        """Make the coordinate; with its unit, where ``variables`` bring no attrs."""
        made: dict[Any, xr.Variable] = super().create_variables(variables)
        if variables is None:
            for variable in made.values():
                variable.attrs = describing(self.dim)
        return made

    @classmethod
    def concat(
        cls,
        indexes: Sequence[Any],
        dim: Hashable,
        positions: Iterable[Iterable[int]] | None = None,
    ) -> VoxelIndex:
        """Join axes end to end; GeometryError unless all have one voxel size."""
        step = _common_step(indexes)
        plain = PandasIndex.concat(indexes, dim, positions)
        return cls(plain.index, dim, plain.coord_dtype, step=step)

    def join(self, other: Any, how: str = "inner") -> VoxelIndex:
        """Labels of both or of either; GeometryError unless of one voxel size."""
        step = _common_step([self, other])
        here, there = (
            PandasIndex(each.index, each.dim, each.coord_dtype)
            for each in (self, other)
        )
        joined = here.join(there, how)
        return type(self)(joined.index, self.dim, joined.coord_dtype, step=step)

    def reindex_like(
        self, other: Any, method: Any = None, tolerance: Any = None
    ) -> dict[Hashable, Any]:
        """Positions of the labels of ``other``; GeometryError as in `join`."""
        _common_step([self, other])
        return super().reindex_like(other, method, tolerance)

    def equals(
        self, other: xr.Index, *, exclude: frozenset[Hashable] | None = None
    ) -> bool:
        """Whether both have the same labels, dimension and voxel size."""
        return (
            isinstance(other, VoxelIndex)
            and abs(self.step - other.step) < SLACK
            and bool(super().equals(other, exclude=exclude))
        )

    def sel(
        self, labels: dict[Any, Any], method: Any = None, tolerance: Any = None
    ) -> xr.IndexSelResult:
        """Positions of labels in nanometres; `emcatalog.index` says what they mean.

        ``method="nearest"`` takes the voxel with the nearest centre, for a label
        outside the volume too, unless it is farther than ``tolerance`` (a length).
        Raises LabelError, UnitError, and OptionError for what the index does not know.
        """
        (label,) = labels.values()
        if isinstance(label, slice):
            _check_method(method, tolerance, known=None)
            return xr.IndexSelResult({self.dim: self._axis.window(label)})
        _check_method(method, tolerance, known="nearest")
        wanted = nanometres(label)
        if method is None:
            found = self._axis.locate(wanted)
        else:
            found = self._axis.nearest(wanted, _reach(tolerance))
        return xr.IndexSelResult({self.dim: _like(label, found)})

    @property
    def _axis(self) -> Axis:
        # pandas caches both answers, and passes them on to slices
        rises = self.index.is_monotonic_increasing
        direction = 1 if rises else -1 if self.index.is_monotonic_decreasing else 0
        return Axis(str(self.dim), self.index.to_numpy(), direction, self.step)

    def __repr__(self) -> str:
        return f"VoxelIndex({self.index!r}, step={self.step})"

    def _repr_inline_(self, max_width: int) -> str:
        return f"VoxelIndex(step={self.step:.10g} nm)"[:max_width]


def describing(dim: Hashable) -> dict[Hashable, Any]:
    """Return the attrs of a coordinate of voxel centres along ``dim``."""
    return {"units": "nm", "long_name": f"voxel centre, {dim} axis"}


def _check_unit(dim: Hashable, unit: object) -> None:
    if isinstance(unit, str) and not np.isclose(nanometres(f"1 {unit}"), 1):
        raise UnitError(
            got=f"the coordinate {dim!r} in {unit!r}",
            expected="voxel centres in nanometres",
            hint="convert it, and set its attrs['units'] to 'nm'",
        )


def _check_method(method: object, tolerance: object, known: str | None) -> None:
    if method is None and tolerance is None:
        return
    if known is None or method != known:
        raise OptionError(
            got=f"method={method!r} with tolerance={tolerance!r}",
            expected="method='nearest', with a tolerance or without, or neither"
            if known
            else "neither beside a slice, which is cut at the faces of the volume",
        )


def _reach(tolerance: object) -> float:
    reach = np.array(math.inf) if tolerance is None else nanometres(tolerance)
    if reach.ndim or not reach >= 0:
        raise OptionError(
            got=f"tolerance={tolerance!r}", expected="one length of at least 0"
        )
    return float(reach)


def _like(label: object, found: Positions) -> Any:
    # dimensions and coordinates of the labels go to the selection, as in xarray
    if isinstance(label, xr.DataArray):
        return xr.DataArray(found, label.coords, label.dims)
    if isinstance(label, xr.Variable):
        return xr.Variable(label.dims, found)
    return found if found.ndim else int(found)


def _spacing(dim: Hashable, labels: Floats) -> float:
    if len(labels) > 1:
        mean = (labels[-1] - labels[0]) / (len(labels) - 1)
        # a spacing with few digits is what was meant, where it explains the labels
        for step in (float(rounded(mean)), float(mean)):
            ideal = labels[0] + step * np.arange(len(labels))
            if step and np.abs(ideal - labels).max() <= SLACK:
                return abs(step)
    raise GeometryError(
        got=f"{len(labels)} labels along {dim!r} that are not evenly spaced",
        expected="evenly spaced centres, two at least, or the voxel size",
        hint="give it: set_xindex(dim, VoxelIndex, step=8.0) or relabel(voxel_size=)",
    )


def _common_step(indexes: Sequence[Any]) -> float:
    steps = [getattr(index, "step", None) for index in indexes]
    first = steps[0]
    if first is None or any(s is None or abs(s - first) >= SLACK for s in steps):
        shown = ", ".join(
            "none" if s is None else f"{s:.10g}" for s in dict.fromkeys(steps)
        )
        raise GeometryError(
            got=f"arrays with the voxel sizes {shown} nm along {indexes[0].dim!r}",
            expected="one voxel size",
            hint="they may be two levels of a pyramid; relabel() gives a voxel size "
            "to an array without one",
        )
    return float(first)

"""Boxes as people write them on a command line: ``0:500,1um:1.5um,0:512``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from emcatalog.errors import GeometryError, LabelError, OptionError
from emcatalog.geometry import AXES, Region, Triple

if TYPE_CHECKING:
    import xarray as xr

Bounds = dict[str, tuple[str, str]]
"""For each axis the two ends as they were written; empty where one was left out."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def parse(text: str, option: str = "--box") -> Bounds:
    """Take ``START:STOP`` for z, y and x apart; either end may be left out.

    Axes may be named (``x=0:512``), in any order; one that is left out is taken whole.
    Raises OptionError for anything else.

    >>> parse("0:500, 1um:1.5um, 0:")
    {'z': ('0', '500'), 'y': ('1um', '1.5um'), 'x': ('0', '')}
    >>> parse("x=0:512")
    {'x': ('0', '512')}
    """
    parts = [part.strip() for part in text.split(",")]
    named = [part.partition("=") for part in parts]
    if all(equals for _, equals, _ in named):
        axes = [name.strip() for name, _, _ in named]
        ranges = [value for _, _, value in named]
    else:
        axes, ranges = list(AXES), parts
    whole = len(axes) == len(ranges) == len(set(axes))
    if (
        not whole
        or not set(axes) <= set(AXES)
        or any(r.count(":") != 1 for r in ranges)
    ):
        example = "0:500,1um:1.5um,0:512" if option == "--box" else "0:64,0:128,0:128"
        raise OptionError(
            got=f"{option} {text!r}",
            expected="START:STOP for z, y and x, with commas between them",
            hint=f'{option} "{example}", or {option} "x=0:512" for one axis',
        )
    ends = [r.partition(":") for r in ranges]
    return {a: (e[0].strip(), e[2].strip()) for a, e in zip(axes, ends, strict=True)}


def physical(array: xr.DataArray, bounds: Bounds) -> Region:
    """The voxels of ``array`` (the whole volume) whose centres lie in a box of lengths.

    Numbers are nanometres. Raises UnitError for what is not a length, LabelError for a
    box outside the volume, and GeometryError for one that holds no voxel.
    """
    chosen = array.coords.to_dataset()
    for axis, (low, high) in bounds.items():
        chosen = chosen.sel({axis: slice(_length(low), _length(high))})
    start, stop = [], []
    for axis in AXES:
        centres = chosen[axis].to_numpy()
        if not centres.size:
            raise _empty(array, axis, bounds)
        first = int(array[axis].to_numpy().searchsorted(centres[0]))
        start.append(first)
        stop.append(first + len(centres))
    return Region(_triple(start), _triple(stop))


def voxels(shape: Triple, bounds: Bounds) -> Region:
    """The voxels of a box of indices; negative ones count from the end.

    Raises OptionError for what is not a whole number, and LabelError for a box that
    does not lie in the volume of ``shape`` voxels.
    """
    start, stop = [], []
    for axis, size in zip(AXES, shape, strict=True):
        low, high = bounds.get(axis, ("", ""))
        first, last = _count(low, 0, size), _count(high, size, size)
        if not 0 <= first < last <= size:
            raise LabelError(
                got=f"voxels {low}:{high} along {axis}",
                expected=f"START:STOP within 0:{size}, at least one voxel",
                hint="the stop is not included; --box takes lengths",
            )
        start.append(first)
        stop.append(last)
    return Region(_triple(start), _triple(stop))


def _length(text: str) -> float | str | None:
    if not text:
        return None
    return float(text) if _NUMBER.fullmatch(text) else text


def _count(text: str, default: int, size: int) -> int:
    if not text:
        return default
    if not re.fullmatch(r"[+-]?\d{1,18}", text):
        raise OptionError(
            got=f"the voxel {text!r}",
            expected="a whole number",
            hint='lengths such as "1um" go with --box',
        )
    return int(text) + (size if text.startswith("-") else 0)


def _empty(array: xr.DataArray, axis: str, bounds: Bounds) -> GeometryError:
    low, high = bounds.get(axis, ("", ""))
    sizes = dict(zip(AXES, array.attrs.get("voxel_size_nm", (0, 0, 0)), strict=True))
    return GeometryError(
        got=f"{low}:{high} along {axis}, which holds the centre of no voxel",
        expected=f"START:STOP with at least one voxel of {sizes[axis]:.6g} nm",
        hint="a larger box, with the start before the stop",
    )


def _triple(values: list[int]) -> Triple:
    z, y, x = values
    return z, y, x

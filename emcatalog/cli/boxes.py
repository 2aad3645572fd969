"""Boxes as people write them on a command line: ``0:500,1um:1.5um,0:512``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from emcatalog.errors import GeometryError, LabelError, OptionError
from emcatalog.geometry import AXES

if TYPE_CHECKING:
    import xarray as xr

EXAMPLES = {"--box": "0:500,1um:1.5um,0:512", "--voxels": "0:64,0:128,0:128"}

_RANGE = re.compile(r"(?:([zyx])\s*=)?([^:=]*):([^:=]*)")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_INDEX = re.compile(r"[+-]?\d{1,18}")


def parse(text: str, option: str = "--box") -> dict[str, tuple[str, str]]:
    """Take ``START:STOP`` for z, y and x apart; either end may be left out.

    Axes may be named (``x=0:512``), in any order; one that is left out is taken whole.
    Raises OptionError for anything else.

    >>> parse("0:500, 1um:1.5um, 0:")
    {'z': ('0', '500'), 'y': ('1um', '1.5um'), 'x': ('0', '')}
    >>> parse("x=0:512")
    {'x': ('0', '512')}
    """
    parts = text.split(",")
    found = [m.groups() for m in (_RANGE.fullmatch(p.strip()) for p in parts) if m]
    axes = [axis for axis, _, _ in found]
    if axes == [None, None, None]:
        axes = list(AXES)
    if None in axes or len(set(axes)) < len(parts):
        raise OptionError(
            got=f"{option} {text!r}",
            expected="START:STOP for z, y and x, with commas between them",
            hint=f'{option} "{EXAMPLES[option]}", or {option} "x=0:512" for one axis',
        )
    ends = [(low.strip(), high.strip()) for _, low, high in found]
    return dict(zip(axes, ends, strict=True))


def by_length(array: xr.DataArray, text: str) -> xr.DataArray:
    """The voxels whose centres lie in a box of lengths; bare numbers are nanometres.

    Raises OptionError and UnitError for what is not a box or not a length, LabelError
    for a box outside the volume, and GeometryError for one that holds no voxel.
    """
    bounds = parse(text)
    chosen = array.sel(
        {axis: slice(*map(_length, ends)) for axis, ends in bounds.items()}
    )
    for axis, (low, high) in bounds.items():
        if not chosen.sizes[axis]:
            size = array.xindexes[axis].step  # type: ignore[attr-defined]  # VoxelIndex
            raise GeometryError(
                got=f"{low}:{high} along {axis}, which holds the centre of no voxel",
                expected=f"START:STOP with at least one voxel of {size:.6g} nm",
                hint="a larger box, with the start before the stop",
            )
    return chosen


def by_voxel(array: xr.DataArray, text: str) -> xr.DataArray:
    """The voxels of a box of indices; negative ones count from the end.

    Raises OptionError for what is not a box of whole numbers, and LabelError for one
    that does not lie in the volume or is empty.
    """
    taken = {}
    for axis, (low, high) in parse(text, "--voxels").items():
        size = array.sizes[axis]
        first, last = _index(low, 0, size), _index(high, size, size)
        if not 0 <= first < last <= size:
            raise LabelError(
                got=f"voxels {low}:{high} along {axis}",
                expected=f"START:STOP within 0:{size}, at least one voxel",
                hint="the stop is not included; --box takes lengths",
            )
        taken[axis] = slice(first, last)
    return array.isel(taken)


def _length(text: str) -> float | str | None:
    return float(text) if _NUMBER.fullmatch(text) else text or None


def _index(text: str, default: int, size: int) -> int:
    if not text:
        return default
    if not _INDEX.fullmatch(text):
        raise OptionError(
            got=f"the voxel {text!r}",
            expected="a whole number",
            hint='lengths such as "1um" go with --box',
        )
    return int(text) + (size if text.startswith("-") else 0)

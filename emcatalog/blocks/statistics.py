"""What the values of datasets are like: seen once on a coarse level, and kept."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emcatalog.blocks.coarse import Look, counts, looks, size
from emcatalog.blocks.datasets import members
from emcatalog.blocks.members import Member
from emcatalog.blocks.stratified import near
from emcatalog.errors import MissingError, OptionError
from emcatalog.geometry import Region
from emcatalog.json_text import mapping, parsed, wrong
from emcatalog.units import parse_bytes

PERCENTS = (0.1, 0.5, 1.0, 2.0, 5.0, 25.0, 50.0, 75.0, 95.0, 98.0, 99.0, 99.5, 99.9)
"""Percentiles that are kept if nobody asks for others."""

LOOKED_AT = "16 MiB"
"""Voxels of a dataset that are looked at, at most."""


@dataclass(frozen=True)
class Statistics:
    """What the values of one dataset are like, and where that was seen.

    ``voxels`` were counted on ``level``, whose voxels have ``voxel_size`` nm (z, y, x);
    ``left_out`` were looked at, but are not stored or no numbers. ``share`` is the part
    of the dataset that was looked at: 1 is all of it. ``sha256`` is that of the voxels
    and names what was seen; ``time`` says when. ``percentiles`` are pairs of a
    percentage and a value. Values have twelve digits, so that machines agree.
    """

    dataset: str
    level: int
    voxel_size: tuple[float, float, float]
    voxels: int
    left_out: int
    share: float
    sha256: str
    time: str
    mean: float
    std: float
    low: float
    high: float
    percentiles: tuple[tuple[float, float], ...]

    def percentile(self, percent: float) -> float:
        """The value below which ``percent`` % of the voxels lie.

        Raises OptionError for one that was not kept.
        """
        known = {0.0: self.low, **dict(self.percentiles), 100.0: self.high}
        if percent not in known:
            raise OptionError(
                entry=self.dataset,
                got=f"percentile {percent:g}",
                expected=f"one of {', '.join(f'{kept:g}' for kept in sorted(known))}",
                hint=f"measure(..., percents=[{percent:g}]) keeps others",
            )
        return known[percent]

    def to_json(self) -> dict[str, Any]:
        """The same as JSON holds it."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: object) -> Statistics:
        """What `to_json` gave; FormatError that names what is not as it should be."""
        told = mapping(document, "statistics")
        made: dict[str, Any] = {}
        for field in fields(cls):
            made[field.name] = _told(field.name, str(field.type), told.get(field.name))
        return cls(**made)


def measure(
    arrays: Any,
    percents: Sequence[float] = PERCENTS,
    *,
    nbytes: int | str = LOOKED_AT,
) -> dict[str, Statistics]:
    """What the values of each dataset are like, by its name.

    ``arrays`` are those of a plan, such as ``plan.members``. Of each no more than
    ``nbytes`` are looked at: all of the finest level that is so small, or, where even
    the coarsest is larger, pieces that lie evenly in it. Voxels that are not stored, or
    no numbers, do not count. A coarse level is smoother than the one that is read; more
    bytes look at a finer one. Raises MissingError for a dataset without any values, and
    OptionError for percents that cannot be.

    >>> import xarray as xr
    >>> from emcatalog.geometry import Grid
    >>> from emcatalog.index import voxel_coords
    >>> grid = Grid((2, 10, 5), (8.0, 8.0, 8.0))
    >>> array = xr.DataArray(np.arange(100.0).reshape(grid.shape), voxel_coords(grid))
    >>> told = measure({"cells": array})["cells"]
    >>> told.mean, told.percentile(50), told.voxels, told.share
    (49.5, 49.5, 100, 1.0)
    """
    wanted = _percents(percents)
    limit = parse_bytes(str(nbytes))
    return {each.name: _of(each, wanted, limit) for each in members(arrays)}


def write_statistics(path: str | Path, told: Mapping[str, Statistics]) -> None:
    """Write what `measure` gave as a JSON file."""
    document = {name: each.to_json() for name, each in told.items()}
    Path(path).write_text(json.dumps(document, indent=1) + "\n", "utf-8")


def read_statistics(path: str | Path) -> dict[str, Statistics]:
    """What `write_statistics` wrote; FormatError for a file that is not so."""
    text = Path(path).read_bytes()
    hint = "write_statistics(path, measure(...)) makes it anew"
    document = mapping(parsed(text, "statistics", hint, str(path)), str(path))
    return {name: Statistics.from_json(each) for name, each in document.items()}


def _percents(given: Iterable[float]) -> list[float]:
    try:
        percents = sorted({float(percent) for percent in given})
    except (TypeError, ValueError):
        percents = [math.nan]
    if not percents or not all(0 <= percent <= 100 for percent in percents):
        raise OptionError(
            got=f"the percents {given!r:.60}", expected="numbers from 0 to 100"
        )
    return percents


def _of(member: Member, percents: list[float], limit: int) -> Statistics:
    found = list(looks(member.image, member.grid, member.within))
    look = next((each for each in found if size(each) <= limit), found[-1])
    pieces = sample(look, limit)
    seen: dict[Region, Any] = {}
    for region, voxels, real in look.read(pieces):
        good = real & np.isfinite(voxels) if voxels.dtype.kind == "f" else real
        seen[region] = voxels[good]
    # in the order of the pieces, not of their coming
    values = np.concatenate([seen[region] for region in pieces])
    looked = sum(region.size for region in pieces)
    level = member.level + look.steps
    if not values.size:
        raise MissingError(
            entry=member.name,
            got=f"no value in {looked} voxels on level {level}: none is stored and a "
            "number",
            expected="some values",
            hint="take the part that has values with .sel, or a larger nbytes",
        )
    low, high = float(values.min()), float(values.max())
    cuts = np.percentile(values, percents)
    return Statistics(
        dataset=member.name,
        level=level,
        voxel_size=look.grid.voxel_size,
        voxels=values.size,
        left_out=looked - values.size,
        share=_rounded(looked / look.region.size),
        sha256=hashlib.sha256(values.tobytes()).hexdigest(),
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        mean=_rounded(float(values.mean(dtype=np.float64))),
        std=_rounded(float(values.std(dtype=np.float64))),
        low=_rounded(low),
        high=_rounded(high),
        percentiles=tuple(zip(percents, map(_rounded, cuts.tolist()), strict=True)),
    )


def sample(look: Look, limit: int) -> list[Region]:
    """Pieces of no more than ``limit`` bytes that lie evenly; all, if so many may be.

    At least one is given.
    """
    if size(look) <= limit:
        return list(look.pieces())
    shape = look.piece()
    places = counts(look.region, shape)
    number = math.prod(places)
    few = limit // (math.prod(shape) * look.channel.volume.dtype.itemsize)
    steps = look.grid.voxel_size
    side = [n * s for n, s in zip(shape, steps, strict=True)]
    found = []
    for turn in range(max(1, min(few, number))):
        which = (2 * turn + 1) * number // (2 * max(1, min(few, number)))
        cell = near(which, [range(n) for n in places], (side[0], side[1], side[2]))
        axes = zip(cell, look.region.start, shape, strict=True)
        z, y, x = ((i + low // s) * s for i, low, s in axes)
        stop = (z + shape[0], y + shape[1], x + shape[2])
        found.append(look.region.intersect(Region((z, y, x), stop)))
    return found


def _rounded(value: float) -> float:
    return float(f"{value:.12g}")


def _told(name: str, kind: str, value: object) -> Any:
    if kind == "str" and isinstance(value, str):
        return value
    if kind == "int" and isinstance(value, int) and not isinstance(value, bool):
        return value
    if kind == "float" and _is_number(value):
        return float(value)  # type: ignore[arg-type]
    if kind.startswith("tuple") and isinstance(value, list | tuple):
        rows = [tuple(row) if isinstance(row, list) else row for row in value]
        flat: NDArray[Any] = np.array(rows if rows else [0.0], dtype=object)
        shape = (3,) if name == "voxel_size" else (len(rows), 2)
        if flat.shape == shape and all(map(_is_number, flat.ravel().tolist())):
            return tuple(rows)
    raise wrong(name, value, f"{kind} as measure(...).to_json() gives it")


def _is_number(value: object) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value)  # type: ignore[arg-type]

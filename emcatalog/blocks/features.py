"""Numbers that describe blocks, as arrays and tables of dask: out of core, anywhere.

A partition of an array or table is a run of blocks, which are read together by
`Plan.read_many` where the partition is computed: in threads, in processes, on a
cluster. A plan and a function that can be pickled are all that travels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from emcatalog.blocks.block import Block
from emcatalog.blocks.counter import whole
from emcatalog.blocks.places import Place
from emcatalog.blocks.planning import Plan
from emcatalog.errors import ExtraError, OptionError
from emcatalog.geometry import AXES

if TYPE_CHECKING:
    import dask.dataframe as dd
    import pandas as pd

Feature = Callable[[Block], Any]
Rows = NDArray[np.float64]

LEAST_BLOCKS = 16
MOST_PARTITIONS = 4096
"""A partition holds at least so many blocks; there are no more partitions than these,
unless it is told how many blocks one has."""


def features(
    plan: Plan,
    function: Feature,
    names: Sequence[str] = (),
    *,
    partition: int | None = None,
) -> da.Array:
    """What ``function`` tells of each block: (blocks, features), float64, lazy.

    ``function(block)`` returns a number or a row of numbers for a `Block`. Their count
    is that of ``names``; without names, block 0 is read now to know it. A chunk has the
    rows of ``partition`` blocks. Row ``i`` is that of ``plan[i]``.

    Raises OptionError for other than numbers, and for rows of another length, where
    they are computed; and what reading raises.

    >>> import xarray as xr
    >>> from emcatalog.blocks import Tiles, plan
    >>> from emcatalog.geometry import Grid
    >>> from emcatalog.index import voxel_coords
    >>> grid = Grid((8, 8, 8), (50.0, 4.0, 4.0))
    >>> array = xr.DataArray(np.ones(grid.shape, "u1"), voxel_coords(grid))
    >>> told = features(plan(array, 4, Tiles()), lambda b: [b.data.sum(), 0])
    >>> told.shape, told[0].compute().tolist()
    ((8, 2), [64.0, 0.0])
    """
    width = _width(plan, function, names)
    numbers = da.arange(len(plan), chunks=_partition(plan, partition), dtype=np.int64)
    rows: da.Array = da.map_blocks(
        partial(_rows, plan, function, width),
        numbers,
        dtype=np.float64,
        new_axis=1,
        chunks=(*numbers.chunks, (width,)),
        meta=np.empty((0, 0)),
    )
    return rows


def table(
    plan: Plan,
    function: Feature,
    names: Sequence[str] = (),
    *,
    partition: int | None = None,
) -> dd.DataFrame:
    """What `features` tells, as a dask.dataframe that says where each block lies.

    Its columns are ``dataset`` (a category); ``z``, ``y`` and ``x``, the centre of the
    block in nm; and the features by their ``names``, or f0, f1 and so on. The index is
    that of the plan. Needs the extra ``dataframe``; OptionError without it.
    """
    frames = _dataframes()
    width = _width(plan, function, names)
    columns = list(names) or [f"f{number}" for number in range(width)]
    if taken := sorted({"dataset", *AXES} & set(columns)):
        raise OptionError(
            got=f"features called {', '.join(taken)}",
            expected="other names: these tell where a block lies",
        )
    step = _partition(plan, partition)
    starts = range(0, len(plan), step) or range(1)
    runs = [range(a, min(a + step, len(plan))) for a in starts]
    made = partial(_frame, plan, function, columns)
    ends = (*(run.start for run in runs), max(len(plan) - 1, 0))
    told: dd.DataFrame = frames.from_map(
        made, runs, meta=made(range(0)), divisions=ends
    )
    return told


def _rows(plan: Plan, function: Feature, width: int, indices: NDArray[Any]) -> Rows:
    return _told(plan, function, width, indices.tolist())[0]


def _told(
    plan: Plan, function: Feature, width: int, indices: Sequence[int]
) -> tuple[Rows, list[Place]]:
    """The row of each block, and where it was read; blocks are not kept."""
    rows, places = np.empty((len(indices), width)), {}
    turns = {index: turn for turn, index in enumerate(indices)}
    for index, block in plan.read_many(indices):
        rows[turns[index]], places[index] = _row(function, block, width), block.place
    return rows, [places[index] for index in indices]


def _frame(
    plan: Plan, function: Feature, columns: Sequence[str], indices: range
) -> pd.DataFrame:
    import pandas as pd

    rows, places = _told(plan, function, len(columns), indices)
    kind = pd.CategoricalDtype([member.name for member in plan.members])
    centres = np.array([list(_centre(p)) for p in places]).reshape(-1, 3)
    told: dict[str, Any] = {
        "dataset": pd.Categorical([p.dataset for p in places], dtype=kind),
        **dict(zip(AXES, centres.T, strict=True)),
        **dict(zip(columns, rows.T, strict=True)),
    }
    return pd.DataFrame(told, index=pd.RangeIndex(indices.start, indices.stop))


def _centre(place: Place) -> Iterator[float]:
    low, high = place.box
    return ((a + b) / 2 for a, b in zip(low, high, strict=True))


def _row(function: Feature, block: Block, width: int | None = None) -> Rows:
    """What the function tells of a block, checked."""
    try:
        row = np.atleast_1d(np.asarray(function(block), np.float64))
    except (TypeError, ValueError) as error:
        error.add_note(f"features was at the block {block.box} nm of {block.dataset}")
        raise
    if row.ndim != 1 or width not in (None, row.size):
        raise OptionError(
            entry=block.dataset,
            got=f"features of shape {row.shape} of the block {block.box} nm (z, y, x)",
            expected="a row of numbers" if width is None else f"{width} numbers",
        )
    return row


def _width(plan: Plan, function: Feature, names: Sequence[str]) -> int:
    if isinstance(names, str) or len(set(names)) < len(names):
        raise OptionError(
            got=f"names={names!r:.200}", expected="a different name for each feature"
        )
    if not names and not len(plan):
        raise OptionError(
            got="a plan without blocks", expected="one, or names for the features"
        )
    return len(names) or _row(function, plan[0]).size


def _partition(plan: Plan, told: int | None) -> int:
    if told is not None:
        return whole(told, "partition", least=1)
    return max(LEAST_BLOCKS, -(-len(plan) // MOST_PARTITIONS))


def _dataframes() -> Any:
    try:
        import dask.dataframe as found
    except ImportError as error:
        raise ExtraError(
            got="a table of blocks without dask.dataframe",
            expected="dask[dataframe]",
            hint="pip install 'emcatalog[dataframe]', or take features()",
        ) from error
    return found

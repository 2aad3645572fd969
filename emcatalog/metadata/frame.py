"""Rows as a pandas DataFrame: numbers that may be absent, and text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from emcatalog.metadata.formats import Cell, Row, plain

if TYPE_CHECKING:
    import pandas as pd


def frame(rows: Sequence[Row], columns: Sequence[str]) -> pd.DataFrame:
    """A column for each name: int, float, bool or text; what is absent is <NA>.

    >>> frame([{"depth": 3}, {}], ["depth"])["depth"].dtype
    Int64Dtype()
    """
    import pandas as pd

    made = {c: _typed([row.get(c) for row in rows]) for c in columns}
    # the stubs know no dtype that is a variable
    array: Any = pd.array
    return pd.DataFrame({c: array(v, dtype=kind) for c, (kind, v) in made.items()})


def _typed(cells: Sequence[Cell]) -> tuple[str, list[Cell]]:
    """The narrowest pandas type of the cells, and the cells as that type."""
    kinds = {type(cell) for cell in cells if cell is not None}
    for kind, name in ((bool, "boolean"), (int, "Int64")):
        if kinds == {kind}:
            return name, list(cells)
    if kinds and kinds <= {int, float}:
        return "Float64", list(cells)
    return "string", [None if cell is None else plain(cell) for cell in cells]

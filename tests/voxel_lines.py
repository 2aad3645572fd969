"""Axes of voxels that hold their own position, and strategies that draw them."""

from __future__ import annotations

import numpy as np
import xarray as xr
from hypothesis import settings
from hypothesis import strategies as st

from emcatalog.index import VoxelIndex

laws = settings(derandomize=True, deadline=None, max_examples=100)
SIZES = st.sampled_from([2.96, 4.0, 5.24, 8.0, 1.0, 30.0, 1 / 3, 0.5, 3.3])
ORIGINS = st.sampled_from([0.0, 4.0, 1.48, -17.3, 123456.789012])


def line(centres, step, dim="z"):
    """Voxels that hold their own position, on one labelled axis."""
    coords = xr.Coordinates.from_xindex(VoxelIndex.from_centres(dim, centres, step))
    return xr.DataArray(np.arange(len(centres)), coords, (dim,))


def regular(count=128, step=8.0, origin=0.0):
    return line(origin + np.arange(count) * step, step)


@st.composite
def lines(draw, most=60):
    return regular(draw(st.integers(1, most)), draw(SIZES), draw(ORIGINS))

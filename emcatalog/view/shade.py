"""Voxels -> colours: one contrast for all planes of a volume, colours for labels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
PERCENTILES = (0.4, 99.6)
"""The darkest and brightest voxels that keep their differences."""


def limits(planes: Iterable[NDArray[Any]]) -> tuple[float, float]:
    """Values shown as black and as white: percentiles over all ``planes`` together.

    The same rule for every volume makes pictures of 8 and 16 bits comparable. NaN and
    infinite voxels do not count. The second is always larger than the first.

    >>> limits([np.arange(1001, dtype=np.uint16)])
    (4.0, 996.0)
    """
    values = np.concatenate([np.ravel(plane) for plane in planes]).astype(np.float64)
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = (float(v) for v in np.percentile(values, PERCENTILES))
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def grey(plane: NDArray[Any], low: float, high: float) -> Bytes:
    """Brightness from 0 (``low`` and less) to 255 (``high`` and more)."""
    scaled = (plane.astype(np.float64) - low) / (high - low)
    return _bytes(np.clip(np.nan_to_num(scaled), 0.0, 1.0))


def coloured(plane: NDArray[Any]) -> Bytes:
    """Red, green and blue for labels: the same for a label wherever it is met.

    Label 0 is black. Formula: hues are steps of the golden ratio, by the low 32 bits of
    the label.
    """
    label = plane.astype(np.uint64) & np.uint64(0xFFFFFFFF)
    hue = (label.astype(np.float64) * 0.6180339887498949) % 1.0
    wheel = np.stack([hue, hue + 2 / 3, hue + 1 / 3], axis=-1)
    colour = 0.62 + 0.36 * np.cos(2 * np.pi * wheel)
    return _bytes(np.where(label[..., None] == 0, 0.0, colour))


def _bytes(shares: NDArray[np.float64]) -> Bytes:
    return np.rint(shares * 255).astype(np.uint8)

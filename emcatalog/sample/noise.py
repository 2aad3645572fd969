"""Reproducible randomness: hashes of integers, and smooth noise that is a function.

Every number here comes from integer hashes and plain arithmetic (no ``exp``, no
matrix product, no random generator with a changing stream), so a voxel has the same
value on every machine and in whatever piece of the volume it is computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_ODD = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9)
_FINISH = np.uint64(0x94D049BB133111EB)
_GAIN = 3.0
"""A cubic B-spline of white noise has a third of its spread; this restores it."""


def scramble(seed: int, *index: NDArray[Any]) -> NDArray[np.uint64]:
    """Return 64 well-mixed bits for each (broadcast) tuple of integers in ``index``.

    The mixer is SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
    """
    with np.errstate(over="ignore"):
        state = np.full((1,), seed, np.uint64) * _ODD
        for part in index:
            state = (state ^ np.asarray(part).astype(np.int64).view(np.uint64)) + _ODD
            state = (state ^ (state >> np.uint64(30))) * _MIX
            state = (state ^ (state >> np.uint64(27))) * _FINISH
            state = state ^ (state >> np.uint64(31))
    return state


def uniform(seed: int, *index: NDArray[Any]) -> NDArray[np.float64]:
    """Return numbers in [0, 1), one for each (broadcast) tuple of integers."""
    return (scramble(seed, *index) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def grain(seed: int, z: int, shape: tuple[int, int]) -> Floats:
    """Return the detector's noise in slice ``z``: a bell-shaped spread of one.

    Each value is the sum of two 16-bit numbers, less their mean.
    """
    size = shape[0] * shape[1]
    bits = scramble(seed, np.array([z]), np.arange(-(-size // 2)))
    parts = bits.astype("<u8", copy=False).view("<u2").astype(np.float32).reshape(-1, 2)
    noise = parts[:size, 0] + parts[:size, 1]
    noise -= np.float32(65535.0)
    noise *= np.float32(1 / 26754.9)
    return noise.reshape(shape)


@dataclass(frozen=True)
class Noise:
    """Smooth noise over all of space: a cubic B-spline of random lattice values.

    Values lie within -3 to 3 and mostly within -1 to 1; ``spacing`` (nm) is the
    distance of lattice points, so the finest detail.

    >>> axis = np.arange(4) * 5.0
    >>> block = Noise(seed=1, spacing=40.0).on_grid((axis, axis, axis))
    >>> block.shape, block.dtype.name
    ((4, 4, 4), 'float32')
    """

    seed: int
    spacing: float

    def on_grid(self, axes: tuple[NDArray[np.float64], ...]) -> Floats:
        """Evaluate at every point of the grid that ``axes`` (z, y, x in nm) span."""
        taps = [_taps(axis / self.spacing) for axis in axes]
        lattice = np.ix_(*[np.arange(i.min(), i.max() + 4) for i, _ in taps])
        values = _centred(self.seed, lattice)
        # x first: what is interpolated last is copied in whole planes, which is fast
        for axis in (2, 1, 0):
            first, weights = taps[axis]
            values = _contract(values, axis, first - first.min(), weights)
        return values

    def at(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Evaluate at ``points``, an array (..., 3) of z, y, x in nm."""
        taps = [_taps(points[..., k] / self.spacing) for k in range(3)]
        lattice = np.ix_(*[np.arange(i.min(), i.max() + 4) for i, _ in taps])
        values = _centred(self.seed, lattice)
        starts = [first - first.min() for first, _ in taps]
        total = np.zeros(points.shape[:-1])
        for steps in np.ndindex(4, 4, 4):
            z, y, x = (start + d for start, d in zip(starts, steps, strict=True))
            value = values[z, y, x].astype(np.float64)
            for (_, weights), d in zip(taps, steps, strict=True):
                value *= weights[d]
            total += value
        return total


def _centred(seed: int, index: Any) -> Floats:
    """Return lattice values in -1 to 1, times the gain."""
    return ((uniform(seed, *index) * 2 - 1) * _GAIN).astype(np.float32)


def _taps(t: NDArray[np.float64]) -> tuple[NDArray[np.int64], list[Floats]]:
    """Return the first of four lattice indices, and the four B-spline weights."""
    first = np.floor(t).astype(np.int64)
    f = t - first
    g = 1 - f
    weights = [
        g * g * g / 6,
        (4 - 6 * f * f + 3 * f * f * f) / 6,
        (4 - 6 * g * g + 3 * g * g * g) / 6,
        f * f * f / 6,
    ]
    return first - 1, [w.astype(np.float32) for w in weights]


def _contract(
    values: Floats, axis: int, first: NDArray[np.int64], weights: list[Floats]
) -> Floats:
    """Interpolate along one axis."""
    shape = [1, 1, 1]
    shape[axis] = len(first)
    total = np.take(values, first, axis)
    total *= weights[0].reshape(shape)
    for k in (1, 2, 3):
        part = np.take(values, first + k, axis)
        part *= weights[k].reshape(shape)
        total += part
    return total

"""Augmentations: steps that change a block as its seed, epoch and index say.

Each is a pure function of a block and its `Counter`, so a block is changed in the same
way in every process. They are added with `Plan.then`, and come in that order::

    plan(...).then(Rotate()).then(Mirror()).then(Intensity()).then(Noise(0.02))

Two of one kind need a ``stream`` of their own each, or they draw the same numbers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emcatalog.blocks.block import Block
from emcatalog.blocks.counter import Counter
from emcatalog.blocks.turned import Turn, turned
from emcatalog.errors import OptionError
from emcatalog.geometry import AXES

ALIKE = 1e-3
"""Voxel sizes along two axes that differ by no more of themselves are one."""


@dataclass(frozen=True)
class Mirror:
    """Turns each axis of ``axes`` round or not, each as likely as the other.

    Data, mask and riders are turned alike.
    """

    axes: str = "zyx"
    stream: str = "mirror"

    def __post_init__(self) -> None:
        _check_axes(self.axes)

    def __call__(self, block: Block, at: Counter) -> Block:
        """The block, mirrored."""
        draws = at.draws(self.stream)
        z, y, x = (axis in self.axes and draws.below(2) == 1 for axis in AXES)
        return turned(block, Turn((0, 1, 2), (z, y, x)))


@dataclass(frozen=True)
class Rotate:
    """Rotates by right angles, each rotation as likely as any other.

    Only rotations that keep the block's shape and its voxel size are met: of voxels of
    50 x 4 x 4 nm the half turns, and quarter turns about z. What ``axes`` does not name
    stays as it is: ``Rotate("yx")`` turns in the plane of sections alone. Nothing is
    mirrored; data, mask and riders are turned alike.
    """

    axes: str = "zyx"
    stream: str = "rotate"

    def __post_init__(self) -> None:
        _check_axes(self.axes)

    def __call__(self, block: Block, at: Counter) -> Block:
        """The block, rotated."""
        sizes = [(n, s) for n, s in zip(block.data.shape, sizes_of(block), strict=True)]
        turns = rotations(sizes, self.axes)
        return turned(block, turns[at.draws(self.stream).below(len(turns))])


def rotations(sides: Sequence[tuple[int, float]], axes: str = "zyx") -> list[Turn]:
    """The rotations by right angles that keep ``sides``: voxels and their size.

    >>> [len(rotations([(16, z), (64, 4.0), (64, 4.0)])) for z in (50.0, 4.0)]
    [8, 8]
    >>> len(rotations([(64, 4.0)] * 3)), len(rotations([(64, 4.0)] * 3, "yx"))
    (24, 4)
    """
    found = []
    for order in itertools.permutations(range(3)):
        moved = [a for a, b in enumerate(order) if a != b]
        if any(AXES[a] not in axes for a in moved):
            continue
        if not all(_alike(sides[a], sides[b]) for a, b in enumerate(order)):
            continue
        # two axes that change places are a mirror, three in a ring are none
        odd = len(moved) == 2
        for number in range(8):
            z, y, x = flips = (number > 3, number % 4 > 1, number % 2 > 0)
            named = all(AXES[a] in axes for a, flip in enumerate(flips) if flip)
            if named and sum(flips) % 2 == odd:
                found.append(Turn((order[0], order[1], order[2]), (z, y, x)))
    return found


def sizes_of(block: Block) -> list[float]:
    """Voxel size along the axes of ``block.data``, in nm, turned or not."""
    turn: Turn = getattr(block, "turn", Turn())
    return [block.place.voxel_size[axis] for axis in turn.order]


@dataclass(frozen=True)
class Intensity:
    """Changes values: ``sign(v) * abs(v)**gamma * scale + shift``, drawn for a block.

    ``scale`` lies within ``1 - self.scale`` and ``1 + self.scale``, ``shift`` up to
    ``self.shift`` to both sides, and the logarithm of ``gamma`` up to ``self.gamma``.
    Floats are taken as they are, best after `Normalize`; whole numbers as parts of the
    largest of their type, which they stay within. The dtype is kept.
    """

    shift: float = 0.1
    scale: float = 0.1
    gamma: float = 0.2
    stream: str = "intensity"

    def __post_init__(self) -> None:
        wrong = not 0 <= self.scale < 1 or not 0 <= self.gamma < math.inf
        if wrong or not 0 <= self.shift < math.inf:
            raise OptionError(
                got=f"{self}",
                expected="numbers of at least 0, and a scale below 1",
            )

    def __call__(self, block: Block, at: Counter) -> Block:
        """The block, lighter or darker."""
        draws = at.draws(self.stream)
        scale = draws.between(1 - self.scale, 1 + self.scale)
        shift = draws.between(-self.shift, self.shift)
        gamma = math.exp(draws.between(-self.gamma, self.gamma))

        def changed(values: Any) -> Any:
            exact = values.dtype.type
            if self.gamma:
                values = np.sign(values) * np.abs(values) ** exact(gamma)
            return values * exact(scale) + exact(shift)

        return replace(block, data=_with_values(block.data, changed))


@dataclass(frozen=True)
class Noise:
    """Adds noise to each voxel, of the standard deviation ``std``.

    It is bell-shaped: the sum of four even numbers, which are made of whole numbers and
    so equal on every machine; it does not go beyond 3.5 deviations. Of whole numbers
    ``std`` is a part of the largest of their type. The dtype is kept.
    """

    std: float = 0.02
    stream: str = "noise"

    def __post_init__(self) -> None:
        if not 0 <= self.std < math.inf:
            raise OptionError(got=f"std={self.std}", expected="a number of at least 0")

    def __call__(self, block: Block, at: Counter) -> Block:
        """The block with noise."""
        words = at.words(self.stream, block.data.size)
        # four whole numbers of 16 bits each; their order in memory does not matter
        sums = words.view(np.uint16).reshape(-1, 4).sum(1, np.int32)
        # less their mean, over their deviation
        noise = (sums - 2 * 65535) / np.float32(math.sqrt((2**32 - 1) / 3))
        noise = noise.reshape(block.data.shape)

        def changed(values: Any) -> Any:
            return values + noise.astype(values.dtype) * values.dtype.type(self.std)

        return replace(block, data=_with_values(block.data, changed))


def _with_values(data: NDArray[Any], changed: Callable[[Any], Any]) -> NDArray[Any]:
    """``changed`` of floats; whole numbers as parts of the largest, cut and rounded."""
    if data.dtype.kind == "f":
        made: NDArray[Any] = changed(data).astype(data.dtype, copy=False)
        return made
    if data.dtype.kind not in "iu":
        raise OptionError(got=f"voxels of {data.dtype}", expected="numbers")
    limits = np.iinfo(data.dtype)
    exact = np.dtype(np.float32 if data.dtype.itemsize < 4 else np.float64).type
    values = changed(data.astype(exact) / exact(limits.max)) * exact(limits.max)
    # the largest of 64 bits is no float, but one less than one
    most = (
        np.nextafter(exact(limits.max), 0) if data.dtype.itemsize == 8 else limits.max
    )
    return np.asarray(np.clip(np.rint(values), limits.min, most).astype(data.dtype))


def _check_axes(axes: str) -> None:
    if not axes or not set(axes) <= set(AXES) or len(set(axes)) < len(axes):
        raise OptionError(got=f"axes={axes!r:.60}", expected="some of 'zyx'")


def _alike(one: tuple[int, float], other: tuple[int, float]) -> bool:
    return one[0] == other[0] and abs(one[1] - other[1]) <= ALIKE * one[1]

"""Course: what is taught - from which voxels, how large, how often, in what order."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emcatalog.blocks import (
    Foreground,
    Intensity,
    Member,
    Mirror,
    Normalize,
    Plan,
    Rotate,
    measure,
    members,
    plan,
    split,
)
from emcatalog.blocks.counter import whole
from emcatalog.errors import OptionError
from emcatalog.geometry import Triple
from emcatalog.sample import CLASSES

LABELS = "labels"
"""The rider that a dataset needs."""

TRAIN, HELD_OUT = "train", "held out"
SHARES = {TRAIN: 2, HELD_OUT: 1}
"""How much of each dataset is learnt from, and how much is kept to judge."""

ACROSS = "y"
"""Along this axis datasets are cut. Along x the one part of the sample's dataset1 is a
nucleus, and the other has all the mitochondria."""


@dataclass(frozen=True)
class Course:
    """All that decides what a network becomes.

    Blocks of ``size`` voxels (z, y, x), all of them ``voxel_size`` nm large, ``batch``
    at a time for ``steps`` steps. ``wanted`` is the label that is learnt, ``buffer``
    the distance in nm from what is learnt to what is held out, ``width`` the channels
    of the network's first level, ``rate`` the highest rate of learning.

    >>> Course(steps=0)
    Traceback (most recent call last):
    emcatalog.errors.OptionError: got steps=0; expected a whole number of at least 1
    """

    steps: int = 300
    batch: int = 4
    size: Triple = (24, 40, 40)
    voxel_size: float = 16.0
    seed: int = 0
    wanted: int = CLASSES.index("mitochondrion")
    buffer: float = 64.0
    width: int = 8
    rate: float = 0.01

    def __post_init__(self) -> None:
        whole(self.steps, "steps", least=1)
        whole(self.batch, "batch", least=1)
        whole(self.width, "width", least=1)
        whole(self.seed, "seed")
        for name in ("rate", "voxel_size"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise OptionError(got=f"{name}={value!r:.60}", expected="more than 0")


@dataclass(frozen=True, eq=False)
class Parts:
    """Datasets in two parts that share no voxel, and one scale of values for both.

    The scale is that of the first part: nothing is known of what is held out.
    """

    train: tuple[Member, ...]
    held_out: tuple[Member, ...]
    scale: Normalize


def prepare(arrays: Mapping[str, Any], course: Course) -> Parts:
    """Bring datasets to the voxels of ``course``, and cut each in two.

    ``arrays`` are those of a plan (see `emcatalog.blocks.members`), each a mapping with
    ``"image"`` and ``"labels"``; labels are classes. Raises what `members`, `split` and
    `measure` raise.
    """
    found = members(arrays, course.voxel_size, resample=True)
    cut = split(found, SHARES, buffer=course.buffer, axis=ACROSS)
    scale = Normalize(measure(cut[TRAIN]), "zscore")
    return Parts(cut[TRAIN], cut[HELD_OUT], scale)


def lessons(parts: Parts, course: Course) -> Plan:
    """The blocks to learn from, in their order: a plan with one block for each.

    Every dataset is met equally often. At least half of the blocks are laid around a
    voxel of what is wanted; all are turned, mirrored, made lighter or darker. Raises
    MissingError for a dataset without a wanted voxel.
    """
    around = Foreground(
        LABELS,
        [course.wanted],
        count=course.steps * course.batch,
        weights="equal",
        share=0.5,
    )
    blocks = plan(
        parts.train,
        course.size,
        around,
        pad="reflect",
        normalize=parts.scale,
        seed=course.seed,
    )
    return blocks.then(Rotate()).then(Mirror()).then(Intensity())

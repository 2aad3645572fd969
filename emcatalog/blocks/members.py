"""Member and Channel: one dataset of a plan, and what is read of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from emcatalog.errors import EmcatalogError
from emcatalog.geometry import Grid, Region, Triple
from emcatalog.record import Record
from emcatalog.volume import Volume

MAIN = "image"
"""The name of what a block's ``data`` are, where a dataset has several arrays."""

MASK = "mask"
"""The name of a block's mask beside them."""

AHEAD_BYTES = 2**26
"""Voxels that are held at once where several channels are read together."""

Voxels = NDArray[np.generic]


@dataclass(frozen=True, eq=False)
class Channel:
    """One array of a member, read in the member's voxels.

    Voxel ``v`` of the member is voxel ``v + offset`` of ``volume``; ``entry`` names it
    in errors. ``coarser`` are further levels of it, finest first, in the same frame of
    nanometres: never read for blocks, but to look at all of it.
    """

    volume: Volume
    offset: Triple
    entry: str
    coarser: tuple[Volume, ...] = field(default=(), repr=False)

    def read(self, region: Region) -> Voxels:
        """Voxels of ``region``; what cannot be read raises."""
        try:
            return self.volume.read(self._there(region))
        except EmcatalogError as error:
            error.about(self.entry)
            raise

    def read_many(self, regions: Sequence[Region]) -> Iterator[tuple[int, Voxels]]:
        """``(index into regions, its voxels)`` as they come, each index once."""
        try:
            yield from self.volume.read_many([self._there(r) for r in regions])
        except EmcatalogError as error:
            error.about(self.entry)
            raise

    def stored(self, region: Region) -> NDArray[np.bool_]:
        """Which voxels of ``region`` the source really holds."""
        try:
            return self.volume.stored(self._there(region))
        except EmcatalogError as error:
            error.about(self.entry)
            raise

    def _there(self, region: Region) -> Region:
        if self.offset == (0, 0, 0):
            return region
        return Region(_plus(region.start, self.offset), _plus(region.stop, self.offset))


@dataclass(frozen=True, eq=False)
class Member:
    """One dataset of a plan, at one level.

    ``grid`` are the voxels of the array that was given, in nm; ``within`` is the part
    of it in which blocks lie, and nothing beyond it is ever read. ``kind`` is "image",
    "segmentation" or "", if nobody says. ``riders`` are further arrays, such as labels,
    in the same voxels.
    """

    name: str
    image: Channel
    grid: Grid
    within: Region
    level: int = 0
    record: Record = field(default_factory=Record, repr=False)
    kind: str = ""
    riders: Mapping[str, Channel] = field(default_factory=dict)

    @property
    def volume_nm3(self) -> float:
        """Size of the part in which blocks lie, in cubic nanometres."""
        return self.within.size * math.prod(self.grid.voxel_size)

    def read(self, region: Region) -> dict[str, Voxels]:
        """Voxels of ``region`` of the image and each rider, by their names."""
        channels = {MAIN: self.image, **self.riders}
        return {name: channel.read(region) for name, channel in channels.items()}

    def read_many(
        self, regions: Sequence[Region]
    ) -> Iterator[tuple[int, dict[str, Voxels]]]:
        """``(index into regions, what `read` gives of it)``, each index once.

        Of an image alone they come as its volume gives them. With riders some are read
        at a time, as many as `AHEAD_BYTES` hold, and come in order.
        """
        if not self.riders:
            for index, voxels in self.image.read_many(regions):
                yield index, {MAIN: voxels}
            return
        channels = {MAIN: self.image, **self.riders}
        sizes = sum(c.volume.dtype.itemsize for c in channels.values())
        most = max((region.size for region in regions), default=1) * sizes
        few = max(1, AHEAD_BYTES // most)
        for first in range(0, len(regions), few):
            part = regions[first : first + few]
            read = {name: dict(c.read_many(part)) for name, c in channels.items()}
            for index in range(len(part)):
                yield first + index, {n: each.pop(index) for n, each in read.items()}

    def cropped(self, within: Region) -> Member:
        """The same dataset, whose blocks lie in this part of it alone."""
        return replace(self, within=self.within.intersect(within))


def _plus(a: Triple, b: Triple) -> Triple:
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]

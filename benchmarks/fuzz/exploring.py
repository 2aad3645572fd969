"""What is done with a volume that was opened from an input."""

from __future__ import annotations

import math
import zlib

from emcatalog.driver.array import attributes, to_dataset
from emcatalog.geometry import Region
from emcatalog.volume import Pyramid, Volume

SMALL = 1 << 15
"""Voxels of a volume that is read whole, and bytes of a chunk that is decoded."""

LABELLED = 4096


class ContractError(Exception):
    """A volume that does not do what its contract says."""


def explore(pyramid: Pyramid, *, labels: bool = False) -> str:
    """Read of each of the first levels what is small; tell what was seen.

    What stands behind the semicolon is a digest of the voxels. ``labels`` also makes
    the labelled array, which takes a while.
    """
    kinds, digest = [], 0
    for volume in pyramid.levels[:2]:
        kinds.append(str(volume.dtype))
        digest = _read(volume, digest)
    attributes(pyramid, 0)
    if labels and max(pyramid.levels[0].grid.shape) <= LABELLED:
        to_dataset(pyramid, 0, "fuzz", {})
    return f"{len(pyramid.levels)} levels of {' and '.join(kinds)}; {digest:08x}"


def _read(volume: Volume, digest: int) -> int:
    if math.prod(volume.chunks) * volume.dtype.itemsize > 32 * SMALL:
        return digest
    region = volume.grid.region
    if region.size > SMALL:
        z, y, x = (min(n, 9) for n in volume.grid.shape)
        region = Region((0, 0, 0), (z, y, x))
    voxels = volume.read(region)
    if voxels.shape != region.shape or voxels.dtype != volume.dtype:
        got = voxels.shape, voxels.dtype
        raise ContractError(f"{got} for {region.shape}, {volume.dtype}")
    if volume.stored(region).shape != region.shape:
        raise ContractError("a mask of another shape")
    return zlib.crc32(voxels.tobytes(), digest)

"""What `Volume.read_many` owes its readers, as tests."""

from __future__ import annotations

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from emcatalog.driver import VolumeSource
from emcatalog.errors import GeometryError
from emcatalog.geometry import Grid, Region
from emcatalog.testing.boxes import regions


def _many(grid: Grid) -> list[Region]:
    """Regions that overlap, some asked for twice, one without voxels."""
    boxes = regions(grid, seed=1)
    return [*boxes, *boxes[::2], Region(boxes[-1].start, boxes[-1].start)]


class ReadManyTests:
    """The part of `VolumeTests` about many regions at once."""

    def test_many_regions(self, source: VolumeSource) -> None:
        """Obligation 7: overlapping and repeated regions come each once, as read."""
        for volume in source.pyramid.levels:
            boxes = _many(volume.grid)
            seen = []
            for index, voxels in volume.read_many(boxes):
                seen.append(index)
                expected = volume.read(boxes[index])
                assert voxels.dtype == expected.dtype
                assert voxels.flags.c_contiguous
                np.testing.assert_array_equal(voxels, expected)
            assert sorted(seen) == list(range(len(boxes)))
            assert list(volume.read_many([])) == []

    def test_many_regions_own_their_voxels(self, source: VolumeSource) -> None:
        """Obligation 7: what is written into one result is seen in no other read."""
        volume, box = source.volume, regions(source.volume.grid)[-1]
        expected = volume.read(box).copy()
        for _, voxels in volume.read_many([box] * 3):
            np.testing.assert_array_equal(voxels, expected)
            voxels[...] = np.logical_not(voxels)
        np.testing.assert_array_equal(volume.read(box), expected)

    def test_many_regions_are_left_early(self, source: VolumeSource) -> None:
        """Obligation 7: what was not taken is given up, and reading goes on."""
        volume, boxes = source.volume, _many(source.volume.grid)
        unused, left = volume.read_many(boxes), volume.read_many(boxes)
        index, voxels = next(left)
        np.testing.assert_array_equal(voxels, volume.read(boxes[index]))
        held = weakref.ref(voxels)
        del unused, left, voxels
        gc.collect()
        assert held() is None, "voxels that were given are still held"
        assert len(list(volume.read_many(boxes))) == len(boxes)

    def test_many_regions_in_threads(self, source: VolumeSource) -> None:
        """Obligations 4 and 7: several threads read many regions at once."""
        volume, boxes = source.volume, _many(source.volume.grid)
        alone = dict(volume.read_many(boxes))
        with ThreadPoolExecutor(4) as pool:
            together = pool.map(lambda _: dict(volume.read_many(boxes)), range(8))
            for found in together:
                for index, voxels in alone.items():
                    np.testing.assert_array_equal(found[index], voxels)

    def test_many_regions_one_outside(self, source: VolumeSource) -> None:
        """A region beyond the volume raises, wherever in the list it stands."""
        volume, boxes = source.volume, _many(source.volume.grid)
        z, y, x = volume.grid.shape
        outside = Region((0, 0, 0), (z, y, x + 1))
        for place in (0, len(boxes)):
            with pytest.raises(GeometryError):
                list(volume.read_many([*boxes[:place], outside, *boxes[place:]]))

"""The contract of a driver, on three kinds of store that ngff reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import store_writer as writer
from emcatalog.mirror import Mirrors, use_mirror
from emcatalog.sample import truth
from emcatalog.sample.buckets import NACC_IMAGE, NACC_NUCLEI
from emcatalog.testing import VolumeTests
from emcatalog.transport import Transport
from emcatalog_ngff import NgffSource, open_pyramid


class TestSample(VolumeTests):
    """Miniature 4, as Janelia publishes it: no consolidated metadata."""

    @pytest.fixture
    def truth(self) -> NDArray[np.generic]:
        return truth("dataset4")[0]

    @pytest.fixture
    def source(self, sample_root: Path) -> Iterator[NgffSource]:
        with use_mirror(sample_root):
            yield NgffSource(NACC_IMAGE)

    @pytest.fixture
    def damaged(self, tmp_path: Path) -> NgffSource:
        members = writer.multiscale("zyx", [[1, 1, 1]])
        root = writer.write_ome(tmp_path / "a.zarr", [writer.noise((9, 9, 9))], members)
        chunk = root / "0/0.0.0"
        chunk.write_bytes(chunk.read_bytes()[:-9])
        return NgffSource(str(root))


class TestShardedZarr3(VolumeTests):
    """OME-Zarr 0.5 with shards and a channel axis."""

    @pytest.fixture
    def truth(self) -> NDArray[np.generic]:
        return writer.noise((2, 20, 30, 40), "u2")[1]

    @pytest.fixture
    def source(self, tmp_path: Path) -> NgffSource:
        fine = writer.noise((2, 20, 30, 40), "u2")
        members = writer.multiscale("czyx", [[1, 5, 4, 4], [1, 10, 8, 8]])
        writer.write_ome(
            tmp_path / "a.zarr",
            [fine, fine[:, ::2, ::2, ::2]],
            members,
            version=3,
            chunks=(1, 8, 8, 8),
            shards=(2, 16, 16, 16),
        )
        return NgffSource(str(tmp_path / "a.zarr"), channel=1)


class TestN5(VolumeTests):
    """N5 with COSEM metadata."""

    @pytest.fixture
    def truth(self) -> NDArray[np.generic]:
        return writer.noise((12, 20, 30), "u2")

    @pytest.fixture
    def source(self, tmp_path: Path, truth: NDArray[np.generic]) -> NgffSource:
        transform = {
            "axes": ["z", "y", "x"], "units": ["nm"] * 3,
            "scale": [5.24, 4, 4], "translate": [0, 0, 0],
        }  # fmt: skip
        datasets = [{"path": "s0", "transform": transform}]
        writer.write_json(
            tmp_path / "v.n5/em/attributes.json",
            {"multiscales": [{"datasets": datasets}]},
        )
        writer.write_n5(tmp_path / "v.n5/em/s0", truth, (8, 8, 8), codec="gzip")
        return NgffSource(str(tmp_path / "v.n5/em"))


def test_the_published_volume(sample_root: Path) -> None:
    """Sizes and half-voxel offsets of the sample are those of jrc_mus-nacc-2."""
    transport = Transport(mirrors=Mirrors((str(sample_root),)))
    pyramid = open_pyramid(NACC_IMAGE, transport)
    for k, volume in enumerate(pyramid.levels):
        fine = (2.96, 4.0, 4.0)
        assert volume.grid.voxel_size == pytest.approx([v * 2**k for v in fine])
        offset = [v * (2**k - 1) / 2 for v in fine]
        assert volume.grid.origin == pytest.approx(offset)
    nuclei = open_pyramid(NACC_NUCLEI, transport).level(0).grid
    assert nuclei.voxel_size == pytest.approx(pyramid.level(3).grid.voxel_size)
    assert nuclei.origin == pytest.approx(pyramid.level(3).grid.origin)
    claim = pyramid.record.winner("voxel_size_z")
    assert claim
    assert (claim.value, claim.unit, claim.source) == (2.96, "nm", "file")
    assert "coordinateTransformations" in claim.locator

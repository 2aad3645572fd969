"""The contract of a driver, on two kinds of store that precomputed reads."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import store_writer as writer
from emcatalog.mirror import Mirrors, use_mirror
from emcatalog.sample import truth
from emcatalog.sample.buckets import HEMIBRAIN_BODIES, HEMIBRAIN_CLAHE
from emcatalog.testing import VolumeTests
from emcatalog.transport import Transport
from emcatalog.volume import Pyramid
from emcatalog_precomputed import PrecomputedSource, open_pyramid


def voxels(pyramid: Pyramid) -> NDArray[Any]:
    volume = pyramid.level(0)
    return volume.read(volume.grid.region)


class TestSample(VolumeTests):
    """Miniature 5 as FlyEM publishes it; JPEG, so the truth is only near."""

    @pytest.fixture
    def source(self, sample_root: Path) -> Iterator[PrecomputedSource]:
        with use_mirror(sample_root):
            yield PrecomputedSource(f"precomputed://{HEMIBRAIN_CLAHE}")

    @pytest.fixture
    def damaged(self, tmp_path: Path) -> PrecomputedSource:
        root = writer.write_precomputed(tmp_path, writer.noise((20, 20, 20)))
        chunk = root / "8_8_8/0-16_0-16_0-16"
        chunk.write_bytes(chunk.read_bytes()[:-1])
        return PrecomputedSource(str(root))


def test_the_sample_is_near_the_truth(sample_root: Path) -> None:
    transport = Transport(mirrors=Mirrors((str(sample_root),)))
    pyramid = open_pyramid(HEMIBRAIN_CLAHE, transport)
    image, _ = truth("dataset5")
    assert np.abs(voxels(pyramid).astype(float) - image).mean() < 6
    record = pyramid.record
    assert record.value("lossy") == 1
    assert record.value("compression") == "jpeg quality 85, sharded, gzip"
    bodies = open_pyramid(HEMIBRAIN_BODIES, transport)
    assert bodies.record.value("kind") == "segmentation"
    assert bodies.record.value("lossy") == 0
    assert voxels(bodies).max() > 2**32


class TestSuffixedChunks(VolumeTests):
    """A folder as cloud-volume writes it to disk."""

    @pytest.fixture
    def truth(self) -> NDArray[np.generic]:
        return writer.noise((20, 30, 40), "u2")

    @pytest.fixture
    def source(self, tmp_path: Path, truth: NDArray[Any]) -> PrecomputedSource:
        writer.write_precomputed(tmp_path, truth)
        for file in (tmp_path / "8_8_8").iterdir():
            file.with_name(f"{file.name}.gz").write_bytes(
                gzip.compress(file.read_bytes())
            )
            file.unlink()
        return PrecomputedSource(str(tmp_path))

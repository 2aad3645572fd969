"""The phantom: a function of position, with the structures that its labels name."""

from __future__ import annotations

import numpy as np
import pytest

from emcatalog import sample
from emcatalog.geometry import Grid
from emcatalog.sample import tissue
from emcatalog.sample.noise import Noise, grain
from emcatalog.sample.phantom import Phantom

NAMES = list(sample.SAMPLES)


def part(
    one: sample.Sample, start: tuple[int, int, int], shape: tuple[int, int, int]
) -> tissue.Picture:
    """Draw a box of voxels of a miniature."""
    voxel = one.grid.voxel_size
    z, y, x = (i * v for i, v in zip(start, voxel, strict=True))
    return Phantom(one.tissue).render(Grid(shape, voxel, (z, y, x)))


@pytest.mark.parametrize("name", NAMES)
def test_phantom_is_a_function_of_position(name: str) -> None:
    one = sample.SAMPLES[name]
    large = part(one, (0, 0, 0), (14, 80, 130))
    small = part(one, (5, 23, 41), (9, 50, 80))
    for field in ("brightness", "semantic", "instance"):
        seen = getattr(large, field)[5:14, 23:73, 41:121]
        assert np.array_equal(getattr(small, field), seen)


@pytest.mark.parametrize("name", NAMES)
def test_tissue_has_structure(name: str) -> None:
    one = sample.SAMPLES[name]
    middle = one.grid.shape[0] // 2
    picture = part(one, (middle, 0, 0), (6, *one.grid.shape[1:]))
    image = one.image(picture.brightness)
    counts = np.bincount(picture.semantic.ravel(), minlength=8) / image.size
    assert counts[tissue.MEMBRANE] > 0.005
    assert counts[tissue.CYTOPLASM] > 0.1
    assert counts[tissue.MITOCHONDRION] > 0.01
    assert picture.semantic.max() < len(sample.CLASSES)
    dark = image[picture.semantic == tissue.MEMBRANE].mean()
    assert dark < image[picture.semantic == tissue.CYTOPLASM].mean()
    span = np.iinfo(image.dtype)
    assert ((image == span.min) | (image == span.max)).mean() < 0.01
    assert ((picture.instance == 0) == (picture.semantic == tissue.OUTSIDE)).all()


def test_the_five_look_different() -> None:
    spreads = set()
    for one in sample.SAMPLES.values():
        picture = part(one, (4, 0, 0), (2, 60, 60))
        spreads.add(round(float(one.image(picture.brightness).std()), 1))
    assert len(spreads) == 5


def test_noise_is_the_same_at_points_and_on_a_grid() -> None:
    noise = Noise(7, 30.0)
    axes = tuple(np.linspace(0.0, 40.0, n) for n in (3, 4, 5))
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    assert np.allclose(noise.on_grid(axes), noise.at(points), atol=1e-5)


def test_detector_noise_is_centred_and_differs_by_slice() -> None:
    first, second = grain(1, 2, (99, 101)), grain(1, 3, (99, 101))
    assert abs(float(first.mean())) < 0.05
    assert 0.95 < float(first.std()) < 1.05
    assert abs(float((first * second).mean())) < 0.05

"""The five miniatures: their geometry, the tissue in them and how it is imaged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emcatalog.errors import UnknownNameError, suggest
from emcatalog.geometry import Grid
from emcatalog.sample.noise import Floats, grain, uniform
from emcatalog.sample.phantom import Phantom
from emcatalog.sample.tissue import Nucleus, Picture, Tissue


@dataclass(frozen=True)
class Imaging:
    """How brightness becomes numbers: ``black + gain * brightness``, with faults."""

    black: float
    gain: float
    noise: float
    """Spread of the detector's noise, in brightness."""
    flicker: float
    """Greatest change of brightness from slice to slice."""


@dataclass(frozen=True)
class Sample:
    """One miniature: where its voxels lie (as a reader sees it) and what is in them."""

    name: str
    grid: Grid
    dtype: str
    tissue: Tissue
    imaging: Imaging

    def picture(self) -> Picture:
        """Evaluate the phantom on the grid; some seconds for the larger ones."""
        local = Grid(self.grid.shape, self.grid.voxel_size)
        return Phantom(self.tissue).render(local)

    def image(self, brightness: Floats) -> NDArray[Any]:
        """Return the voxels (z, y, x) that the instrument makes of ``brightness``."""
        return expose(brightness, self.imaging, self.tissue.seed, np.dtype(self.dtype))


def expose(
    brightness: Floats, imaging: Imaging, seed: int, dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Image ``brightness`` (z, y, x) slice by slice, noise and flicker included."""
    image = np.empty(brightness.shape, dtype)
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    for z, plane in enumerate(brightness):
        flicker = imaging.flicker * (2 * float(uniform(seed, np.array([z]))[0]) - 1)
        noisy = plane + np.float32(imaging.noise) * grain(seed, z, plane.shape)
        value = (noisy + np.float32(flicker)) * np.float32(imaging.gain)
        np.rint(value + np.float32(imaging.black), out=value)
        image[z] = np.clip(value, low, high).astype(dtype)
    return image


def truth(name: str) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """Return image and semantic labels of ``dataset1`` to ``dataset5``, computed anew.

    Both are z, y, x; the image has the dtype of the source, and the labels index
    `emcatalog.sample.CLASSES`. A reader of the sample gets the same image voxel for
    voxel, except for dataset5, whose JPEG encoding is lossy. Raises UnknownNameError.

    >>> image, labels = truth("dataset2")
    >>> image.shape, image.dtype.name, labels.dtype.name
    ((16, 200, 198), 'uint8', 'uint8')
    """
    sample = named(name)
    picture = sample.picture()
    return sample.image(picture.brightness), picture.semantic


def instances(name: str) -> NDArray[np.uint32]:
    """Return the number of the cell (from 1; 0 between cells) at each voxel, z, y, x.

    Raises UnknownNameError.
    """
    return named(name).picture().instance


def named(name: str) -> Sample:
    """Return the miniature called ``name``; raises UnknownNameError."""
    if name not in SAMPLES:
        raise UnknownNameError(
            got=f"the sample {name!r}",
            expected="dataset1 to dataset5",
            hint=suggest(name, SAMPLES),
        )
    return SAMPLES[name]


_U2OS = Sample(
    name="dataset1",
    grid=Grid((46, 97, 140), (20.0, 20.0, 20.0)),
    dtype="uint8",
    tissue=Tissue(
        seed=11,
        extent=(920.0, 1940.0, 2800.0),
        sharpness=20.0,
        cell=6000.0,
        mitochondria=430.0,
        synapses=0.0,
        tube=36.0,
        mesh=190.0,
        wave=150.0,
        nucleus=Nucleus((460.0, 700.0, 200.0), 1500.0, 4000.0, (460.0, 500.0, 300.0)),
    ),
    imaging=Imaging(black=14.0, gain=215.0, noise=0.03, flicker=0.01),
)
_RETINA = Sample(
    name="dataset2",
    grid=Grid((16, 200, 198), (50.0, 7.998250424861908, 7.998250424861908)),
    dtype="uint8",
    tissue=Tissue(
        seed=23,
        extent=(800.0, 1600.0, 1584.0),
        sharpness=8.0,
        cell=400.0,
        nucleus=Nucleus((400.0, 1500.0, 1450.0), 620.0, 160.0),
    ),
    imaging=Imaging(black=58.0, gain=60.0, noise=0.055, flicker=0.03),
)
_HIPPOCAMPUS = Sample(
    name="dataset3",
    grid=Grid((100, 256, 320), (5.0, 5.0, 5.0)),
    dtype="uint8",
    tissue=Tissue(seed=3, extent=(500.0, 1280.0, 1600.0), sharpness=5.0, cell=280.0),
    imaging=Imaging(black=12.0, gain=230.0, noise=0.04, flicker=0.008),
)
_ACCUMBENS = Sample(
    name="dataset4",
    grid=Grid((141, 315, 324), (2.96, 4.0, 4.0)),
    dtype="int16",
    tissue=Tissue(
        seed=47,
        extent=(417.36, 1260.0, 1296.0),
        sharpness=4.0,
        cell=270.0,
        nucleus=Nucleus((100.0, 1500.0, -250.0), 620.0, 120.0),
    ),
    imaging=Imaging(black=-2300.0, gain=3400.0, noise=0.045, flicker=0.006),
)
_FLY = Sample(
    name="dataset5",
    grid=Grid((100, 180, 170), (8.0, 8.0, 8.0), (4.0, 4.0, 4.0)),
    dtype="uint8",
    tissue=Tissue(
        seed=59,
        extent=(800.0, 1440.0, 1360.0),
        sharpness=8.0,
        cell=200.0,
        mitochondria=480.0,
        synapses=330.0,
        wave=45.0,
        variety=0.16,
    ),
    imaging=Imaging(black=-14.0, gain=252.0, noise=0.035, flicker=0.006),
)

SAMPLES: Mapping[str, Sample] = MappingProxyType(
    {s.name: s for s in (_U2OS, _RETINA, _HIPPOCAMPUS, _ACCUMBENS, _FLY)}
)
"""The five miniatures by name."""

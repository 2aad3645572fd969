"""Miniature 3 as EPFL's CVLab publishes it: multipage TIFFs beside each other.

``volumedata.tif`` is the whole; ``training.tif`` and ``testing.tif`` are parts of it
and have ground truth, in which a mitochondrion is 255 and all else 0.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emcatalog.sample import tiff
from emcatalog.sample.tissue import MITOCHONDRION

FOLDER = (
    "https://documents.epfl.ch/groups/c/cv/cvlab-unit/www/data/"
    "%20ElectronMicroscopy_Hippocampus"
)
FILE = f"{FOLDER}/volumedata.tif"
TRAINING = (slice(0, 40), slice(0, 128), slice(0, 160))
"""Where the training part lies in the volume (z, y, x)."""
TESTING = (slice(60, 100), slice(128, 256), slice(160, 320))
"""Where the testing part lies in the volume (z, y, x)."""


def write(
    place: Callable[[str], Path],
    image: NDArray[np.uint8],
    semantic: NDArray[np.uint8],
) -> None:
    """Write the volume, and the parts with their ground truth."""
    target = place(FILE)
    target.parent.mkdir(parents=True, exist_ok=True)
    tiff.insight(target, image)
    mitochondria = np.where(semantic == MITOCHONDRION, 255, 0).astype(np.uint8)
    for name, part in (("training", TRAINING), ("testing", TESTING)):
        tiff.insight(place(f"{FOLDER}/{name}.tif"), image[part])
        truth = mitochondria[part]
        tiff.insight(place(f"{FOLDER}/{name}_groundtruth.tif"), truth)

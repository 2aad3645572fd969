"""Volumes that codecs find as hard as real ones: procedural tissue, or a real stack.

Both begin as a cube that is mirrored at its faces until it is large enough, so nothing
jumps where copies meet. The detector's noise of the procedural one is put on after
that. Its brightness is spread about as a microscope gives it before any contrast is
stretched; Blosc with Zstandard then makes it 1.4 times smaller, and the real FIB-SEM
stack of the medulla, whose contrast is stretched, 1.2 times.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from emcatalog.geometry import Grid
from emcatalog.sample.datasets import Imaging, expose
from emcatalog.sample.phantom import Phantom
from emcatalog.sample.tissue import Tissue

VOXEL_NM = 8.0
SIZE, QUICK_SIZE = 512, 256
"""Sides of a volume, and of a quick one, in voxels."""

_IMAGING = Imaging(black=60.0, gain=110.0, noise=0.03, flicker=0.008)
_SEED = 7


def tissue(folder: Path, quick: bool) -> Path:
    """The ``.npy`` file of a procedural volume (z, y, x; uint8), made where missing."""
    size = QUICK_SIZE if quick else SIZE
    path = folder / f"tissue-{size}.npy"
    if not path.exists():
        side = size // 2
        nm = side * VOXEL_NM
        recipe = Tissue(seed=_SEED, extent=(nm, nm, nm), sharpness=VOXEL_NM, cell=280.0)
        grid = Grid((side, side, side), (VOXEL_NM, VOXEL_NM, VOXEL_NM))
        brightness: NDArray[np.float32] = mirrored(
            Phantom(recipe).render(grid).brightness, size
        )
        _save(path, expose(brightness, _IMAGING, _SEED, np.dtype(np.uint8)))
    return path


def real(folder: Path, quick: bool, pictures: Path) -> Path:
    """The ``.npy`` file of the stack of 8-bit ``pictures`` of a folder.

    Each picture is a section; they are sorted by name. Raises FileNotFoundError for a
    folder without PNG files.
    """
    size = QUICK_SIZE if quick else SIZE
    path = folder / f"real-{size}.npy"
    if not path.exists():
        sections = sorted(pictures.glob("*.png"))
        if not sections:
            raise FileNotFoundError(f"no PNG files in {pictures}")
        stack = [np.asarray(Image.open(section).convert("L")) for section in sections]
        _save(path, mirrored(np.stack(stack), size))
    return path


def mirrored(cube: NDArray[Any], size: int) -> NDArray[Any]:
    """Mirror at the faces until each side has ``size`` voxels; larger ones are cut.

    >>> mirrored(np.arange(3).reshape(1, 1, 3), 7)[0, 0]
    array([0, 1, 2, 2, 1, 0, 0])
    """
    room = [(0, max(0, size - n)) for n in cube.shape]
    return np.pad(cube, room, mode="symmetric")[:size, :size, :size]


def _save(path: Path, voxels: NDArray[np.generic]) -> None:
    """Write beside and move: a run that is ended leaves no half of a volume."""
    beside = path.with_suffix(".part.npy")
    np.save(beside, np.ascontiguousarray(voxels))
    beside.rename(path)

"""Miniatures 4 and 5 as Janelia's buckets hold them, and the labels of all five."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emcatalog.geometry import Lengths
from emcatalog.sample import stores
from emcatalog.sample.datasets import Imaging, Sample, expose
from emcatalog.sample.tissue import CLASSES, NUCLEUS, Picture

NACC = "s3://janelia-cosem-datasets/jrc_mus-nacc-2/jrc_mus-nacc-2.zarr"
NACC_IMAGE = f"{NACC}/recon-2/em/fibsem-int16"
NACC_NUCLEI = f"{NACC}/recon-2/labels/inference/segmentations/nuc"
HEMIBRAIN = "gs://neuroglancer-janelia-flyem-hemibrain"
HEMIBRAIN_CLAHE = f"{HEMIBRAIN}/emdata/clahe_yz/jpeg"
HEMIBRAIN_RAW = f"{HEMIBRAIN}/emdata/raw/jpeg"
HEMIBRAIN_BODIES = f"{HEMIBRAIN}/v1.2/segmentation"
_RAW = Imaging(black=66.0, gain=118.0, noise=0.035, flicker=0.02)
_BODIES_SHAPE = (102, 178, 172)
_FIRST_BODY = 5_813_000_000
_FIVE, _FOUR = 5, 4
Place = Callable[[str], Path]


def write_nacc(
    place: Place, image: NDArray[np.int16], picture: Picture, voxel: Lengths
) -> None:
    """Write the OME-Zarr pyramid and, from level 3 on, the nuclei beside it."""
    centre = (0.0, 0.0, 0.0)
    levels = stores.mean_pyramid(image, _FIVE, partial=False)
    stores.pyramid(place(NACC_IMAGE), levels, voxel, 1, centre)
    share = np.where(picture.semantic == NUCLEUS, 255, 0).astype(np.uint8)
    shares = stores.mean_pyramid(share, 3 + 3, partial=False)[3:]
    coarse = [(level > 127).astype(np.uint8) for level in shares]
    z, y, x = voxel
    start = (z * 3.5, y * 3.5, x * 3.5)
    stores.pyramid(place(NACC_NUCLEI), coarse, (z * 8, y * 8, x * 8), 6, start)
    for leaf in (NACC_IMAGE, NACC_NUCLEI):
        _groups_above(place(NACC), place(leaf))


def _groups_above(top: Path, leaf: Path) -> None:
    """Make each folder from ``top`` down to ``leaf`` a Zarr group."""
    for folder in (top, *(p for p in leaf.parents if top in p.parents)):
        stores.group(folder)


def write_hemibrain(
    place: Place, image: NDArray[np.uint8], picture: Picture, seed: int
) -> None:
    """Write both JPEG volumes and the segmentation, whose size differs a little."""
    raw = expose(picture.brightness, _RAW, seed, np.dtype(np.uint8))
    for url, volume in ((HEMIBRAIN_CLAHE, image), (HEMIBRAIN_RAW, raw)):
        levels = stores.mean_pyramid(volume, _FOUR, partial=True)
        encoding = {"encoding": "jpeg", "jpeg_quality": 85}
        stores.precomputed(place(url), levels, 8.0, encoding)
    levels = stores.label_pyramid(bodies(picture.instance), _FOUR)
    encoding = {
        "encoding": "compressed_segmentation",
        "compressed_segmentation_block_size": [8, 8, 8],
    }
    stores.precomputed(place(HEMIBRAIN_BODIES), levels, 8.0, encoding)


def bodies(instance: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """Return body numbers (z, y, x) in the size of the segmentation: cut or padded.

    Numbers exceed 32 bits, as FlyEM's do; 0 is no body.
    """
    volume = np.zeros(_BODIES_SHAPE, np.uint64)
    shared = tuple(
        slice(0, min(a, b)) for a, b in zip(instance.shape, _BODIES_SHAPE, strict=True)
    )
    part = instance[shared].astype(np.uint64)
    volume[shared] = np.where(part > 0, part + np.uint64(_FIRST_BODY), part)
    return volume


def write_labels(folder: Path, sample: Sample, picture: Picture) -> None:
    """Write the truth of one miniature: OME-Zarr 0.4 groups semantic and instance.

    Both have one level and the coordinates of the image.
    """
    properties = [
        {"label-value": k, "name": name, "class": name}
        for k, name in enumerate(CLASSES)
    ]
    stores.group(folder)
    parts: dict[str, tuple[NDArray[Any], dict[str, Any]]] = {
        "semantic": (picture.semantic, {"version": "0.4", "properties": properties}),
        "instance": (picture.instance, {"version": "0.4"}),
    }
    grid = sample.grid
    for name, (labels, about) in parts.items():
        stores.pyramid(folder / name, [labels], grid.voxel_size, 6, grid.origin)
        stores.annotate(folder / name, {"image-label": about})

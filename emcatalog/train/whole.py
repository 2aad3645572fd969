"""Whole volumes: what a model says of each voxel, as OME-Zarr, block by block."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from emcatalog.blocks import stitch
from emcatalog.train.exam import HALO, SIZE
from emcatalog.train.model import Model

BATCH = 4


def predict(
    model: Model,
    array: Any,
    out: str | Path,
    *,
    normalize: Any = "zscore",
    **options: Any,
) -> Path:
    """Write how likely each voxel of a volume is what ``model`` learnt, 0 to 1.

    ``array`` is one dataset without labels, of any size; ``out`` a folder to be, an
    OME-Zarr of float32 in the model's voxels. Blocks overlap, and fade into each other.
    By default values are brought to the scale of the volume's own mean and spread.
    ``options`` are further ones of `emcatalog.blocks.stitch.predict`, such as
    ``progress`` and ``force``; a run that was killed goes on where it was.
    """
    return stitch.predict(
        array,
        model,
        out,
        SIZE,
        halo=HALO,
        overlap="blend",
        batch=BATCH,
        label=model.label,
        voxel_size=model.course.voxel_size,
        resample=True,
        normalize=normalize,
        **options,
    )

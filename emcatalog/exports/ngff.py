"""OME-NGFF metadata of a pyramid: axes, and where the voxels of every level lie.

Written from the specifications 0.4 and 0.5 (https://ngff.openmicroscopy.org).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from emcatalog.errors import OptionError, suggest
from emcatalog.exports.told import Json
from emcatalog.geometry import AXES, Grid
from emcatalog.record import Record

VERSIONS = ("0.4", "0.5")


def ngff(
    grids: Sequence[Grid],
    name: str = "",
    version: str = "0.5",
    paths: Sequence[str] = (),
    record: Record | None = None,
) -> Json:
    """Attributes of the group that holds the arrays of ``grids``, the finest first.

    They go into ``.zattrs`` of Zarr v2 (version 0.4) or into the ``attributes`` of
    ``zarr.json`` (0.5). Axes are z, y, x in nanometres; the scale of a level is its
    voxel size and its translation the centre of its voxel (0, 0, 0). ``paths`` are
    the arrays' names, s0, s1 and so on unless told. Where ``record`` tells the display
    window of an image, it becomes the ``omero`` block. Raises OptionError for another
    version, for no grid, for levels that are not ordered from fine to coarse, and for
    paths that do not name each level.

    >>> found = ngff([Grid((4, 4, 4), (50.0, 8.0, 8.0))], "retina", "0.4")
    >>> found["multiscales"][0]["datasets"][0]["coordinateTransformations"]
    [{'type': 'scale', 'scale': [50.0, 8.0, 8.0]},
     {'type': 'translation', 'translation': [0.0, 0.0, 0.0]}]
    """
    _check_version(version)
    paths = paths or [f"s{k}" for k in range(len(grids))]
    _check(grids, paths)
    image: Json = {
        **({"name": name} if name else {}),
        "axes": [{"name": a, "type": "space", "unit": "nanometer"} for a in AXES],
        "datasets": [
            {"path": path, "coordinateTransformations": _placement(grid)}
            for path, grid in zip(paths, grids, strict=True)
        ],
    }
    omero = _omero(record or Record())
    if version == "0.4":
        return {"multiscales": [{"version": version, **image}], **omero}
    return {"ome": {"version": version, "multiscales": [image], **omero}}


def _check_version(version: str) -> None:
    if version not in VERSIONS:
        raise OptionError(
            got=f"version {version!r} of OME-NGFF",
            expected=" or ".join(VERSIONS),
            hint=suggest(version, VERSIONS),
        )


def _placement(grid: Grid) -> list[Json]:
    return [
        {"type": "scale", "scale": [float(size) for size in grid.voxel_size]},
        {"type": "translation", "translation": [float(at) for at in grid.origin]},
    ]


def _check(grids: Sequence[Grid], paths: Sequence[str]) -> None:
    if not grids:
        raise OptionError(got="no level", expected="the grid of each level")
    for fine, coarse in itertools.pairwise(grids):
        pairs = zip(fine.voxel_size, coarse.voxel_size, strict=True)
        if any(a > b for a, b in pairs):
            raise OptionError(
                got=f"voxels of {coarse.voxel_size} nm after {fine.voxel_size} nm",
                expected="levels from the finest to the coarsest",
            )
    if len(paths) != len(grids) or len(set(paths)) != len(paths):
        raise OptionError(
            got=f"the paths {list(paths)}",
            expected=f"a path for each of {len(grids)} levels",
        )


def _omero(record: Record) -> Json:
    """How to display the one channel, if that is known; else nothing."""
    window = record.value("display_window")
    if not isinstance(window, tuple) or len(window) != 2:
        return {}
    start, end = window
    if isinstance(start, str) or isinstance(end, str):
        return {}
    least, most = _range(record.value("pixel_type")) or (start, end)
    shown = {"start": start, "end": end, "min": least, "max": most}
    label = _label(record)
    channel = {
        "active": True,
        "color": "FFFFFF",
        **({"label": label} if label else {}),
        "window": shown,
    }
    return {"omero": {"channels": [channel]}}


def _label(record: Record) -> str:
    """Name of the channel that is read; empty if it has none."""
    names, index = record.value("channels"), record.value("channel") or 0
    if isinstance(names, tuple) and isinstance(index, int) and index < len(names):
        return str(names[index])
    return ""


def _range(pixel_type: object) -> tuple[int, int] | None:
    """Least and most that whole numbers of ``pixel_type`` can be."""
    try:
        limits = np.iinfo(np.dtype(str(pixel_type)))
    except (TypeError, ValueError):
        return None
    return int(limits.min), int(limits.max)

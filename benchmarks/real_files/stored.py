"""Metadata of chunked stores, read without a driver: what is declared, to compare with.

Written from the specifications of Zarr v2 and v3, OME-NGFF, N5 and Neuroglancer's
precomputed volumes. Nothing is checked here beyond what is needed: the drivers do that.
"""

from __future__ import annotations

import json
import lzma
import os
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.real_files.findings import Stored

LIMIT = 16 * 2**20
_UNITS = {
    "angstrom": 0.1, "nanometer": 1.0, "nm": 1.0, "micrometer": 1e3, "um": 1e3,
    "µm": 1e3, "millimeter": 1e6, "meter": 1e9, "picometer": 1e-3,
}  # fmt: skip


Place = Path | zipfile.Path

DAMAGED_ZIP = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError,
)  # fmt: skip
"""What a damaged or encrypted zip file, or an unknown method in it, makes Python raise.

An unknown method is a NotImplementedError, which is a RuntimeError.
"""


def is_there(place: Place | os.DirEntry[str]) -> bool:
    """Whether it is a file; what cannot be told for want of permission is none."""
    try:
        return place.is_file()
    except OSError:  # Path.is_file() raises that of a folder that is not to be entered
        return False


def read_object(place: Place) -> Mapping[str, Any]:
    """The JSON object in a file; empty for everything else."""
    return read_whole(place) or {}


def read_whole(place: Place) -> Mapping[str, Any] | None:
    """The JSON object in a file, empty where no file is; None if it holds no object."""
    try:
        if not place.is_file():
            return {}
        with place.open("rb") as file:
            members = json.loads(file.read(LIMIT))
    except (OSError, ValueError, RecursionError, *DAMAGED_ZIP):
        return None
    return members if isinstance(members, dict) else None


def ome_group(attributes: Mapping[str, Any]) -> Stored | None:
    """What the attributes of a Zarr group say of its (first) multiscale image."""
    ome = attributes.get("ome")
    told = ome if isinstance(ome, dict) else attributes
    images = told.get("multiscales")
    if not isinstance(images, list):
        return None
    image = images[0] if images and isinstance(images[0], dict) else {}
    systems = image.get("coordinateSystems")
    axes = image.get("axes")
    if isinstance(systems, list) and systems and isinstance(systems[0], dict):
        axes = axes or systems[0].get("axes")
    axes = axes if isinstance(axes, list) else list("tczyx")
    names = [a.get("name") if isinstance(a, dict) else a for a in axes]
    units = [a.get("unit") if isinstance(a, dict) else None for a in axes]
    datasets = image.get("datasets")
    return Stored(
        letters=_letters(names),
        nm=tuple(_UNITS.get(u) if isinstance(u, str) else None for u in units),
        paths=_paths(datasets if isinstance(datasets, list) else []),
    )


def _paths(datasets: Sequence[object]) -> tuple[str, ...]:
    found = [d.get("path") for d in datasets if isinstance(d, dict)]
    return tuple(p for p in found if isinstance(p, str))


def _letters(names: Sequence[object]) -> str:
    """Letters of axes; one that is not of t, c, z, y, x is a ``q``.

    >>> _letters(["c", "Z", "space", "x"])
    'czqx'
    """
    short = [str(name).lower() for name in names]
    return "".join(name if name in set("tczyx") else "q" for name in short)


def zarr_array(members: Mapping[str, Any], attributes: Mapping[str, Any]) -> Stored:
    """The dimensions of a Zarr array, as it names them, else the last of t c z y x."""
    shape = members.get("shape")
    count = len(shape) if isinstance(shape, list) else 0
    for names in (members.get("dimension_names"), attributes.get("_ARRAY_DIMENSIONS")):
        if isinstance(names, list) and len(names) == count:
            letters = _letters(names)
            if "q" not in letters and len(set(letters)) == count:
                return Stored(letters)
    return Stored("tczyx"[5 - count :] if count <= 5 else "q" * count)


def n5_array(members: Mapping[str, Any]) -> Stored:
    """The dimensions of an N5 array in N5's order, the fastest first."""
    sizes = members.get("dimensions")
    count = len(sizes) if isinstance(sizes, list) else 0
    axes = members.get("axes")
    if isinstance(axes, list) and len(axes) == count and "q" not in _letters(axes):
        return Stored(_letters(axes))
    return Stored("xyzct"[:count] if count <= 5 else "q" * count)


def scale_keys(info: Mapping[str, Any]) -> tuple[str, ...]:
    """The folders of the scales of a precomputed volume."""
    scales = info.get("scales")
    given = (
        [s.get("key") for s in scales if isinstance(s, dict)]
        if isinstance(scales, list)
        else []
    )
    return tuple(key.strip("/") for key in given if isinstance(key, str))

"""Other libraries on the same files, each used in the way that its own pages show."""

from __future__ import annotations

import importlib.metadata
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.recfunctions import structured_to_unstructured

from benchmarks.real_files.findings import Item

MOST_VOXELS = 2**29
"""Arrays of so many voxels or more are not asked for: they would be read at once."""


@dataclass(frozen=True)
class Array:
    """One array of an item; ``path`` is the one that rows about it have.

    ``letters`` name its axes, ``axes`` is its calibration as text, both empty where the
    library does not tell. What ``read`` raises keeps no other from being read.
    """

    path: str
    read: Callable[[], Any]
    letters: str = ""
    axes: str = ""


@dataclass(frozen=True)
class Peer:
    """A library: its packages, the kinds that it reads, and the call, as written."""

    name: str
    packages: tuple[str, ...]
    kinds: tuple[str, ...]
    call: str
    arrays: Callable[[Item], Iterator[Array]]

    @property
    def version(self) -> str:
        """Versions of its packages; empty if one is not installed."""
        try:
            found = [importlib.metadata.version(name) for name in self.packages]
        except importlib.metadata.PackageNotFoundError:
            return ""
        return " + ".join(found)


def _ncempy(item: Item) -> Iterator[Array]:
    from ncempy.io import dm  # type: ignore[import-untyped]

    with dm.fileDM(item.places[0], on_memory=True) as file:
        count = file.numObjects - int(file.thumbnail)
    for number in range(max(1, count)):

        def read(number: int = number) -> Any:
            return dm.dmReader(item.places[0], dSetNum=number)["data"]

        yield Array(item.path, read, "zyx")


def _rosettasciio(item: Item) -> Iterator[Array]:
    if item.kind == "DM":
        from rsciio.digitalmicrograph import (  # type: ignore[import-untyped]
            file_reader,
        )
    else:
        from rsciio.tiff import file_reader  # type: ignore[import-untyped]
    for signal in file_reader(item.places[0]):
        axes = [(str(a.get("name", "")), a) for a in signal["axes"]]
        letters = "".join(n if n in ("z", "y", "x") else "q" for n, _ in axes)
        text = ",".join(f"{n}:{a['scale']:.8g} {a.get('units') or ''}" for n, a in axes)
        told = text if item.kind == "DM" else ""
        yield Array(item.path, partial(_colours, signal["data"]), letters, told)


def _tifffile(item: Item) -> Iterator[Array]:
    import tifffile
    import zarr

    with tifffile.TiffFile(item.places[0]) as tiff:
        letters = tiff.series[0].axes.lower()
    with tifffile.imread(item.places[0], aszarr=True) as store:
        found: Any = zarr.open(store, mode="r")
        array = found["0"] if isinstance(found, zarr.Group) else found
        yield Array(item.path, partial(_whole, array), letters)


def _pillow(item: Item) -> Iterator[Array]:
    from PIL import Image, ImageSequence

    with Image.open(item.places[0]) as picture:
        frames = [np.asarray(frame) for frame in ImageSequence.Iterator(picture)]
    colour = "s" if frames[0].ndim == 3 else ""
    if len(frames) == 1:
        yield Array(item.path, lambda: frames[0], f"yx{colour}")
    else:
        yield Array(item.path, lambda: np.stack(frames), f"zyx{colour}")


def _tensorstore(item: Item) -> Iterator[Array]:
    import tensorstore

    store: dict[str, Any] = {"driver": "file", "path": item.places[0]}
    drivers = {"TIFF": "tiff", ".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg"}
    suffix = Path(item.path).suffix.lower()
    if name := drivers.get(item.kind) or drivers.get(suffix):
        array = tensorstore.open({"driver": name, "kvstore": store}).result()
        yield Array(item.path, partial(_whole, array), "yxs")
        return
    store["path"] += "/"
    if item.kind != "precomputed":
        v3 = (Path(item.places[0]) / "zarr.json").is_file()
        name = "n5" if item.kind == "N5" else "zarr3" if v3 else "zarr"
        array = tensorstore.open({"driver": name, "kvstore": store}).result()
        yield Array(item.path, partial(_whole, array), item.stored.letters)
        return
    for number, key in enumerate(item.stored.paths):
        spec = {"driver": "neuroglancer_precomputed", "kvstore": store}
        array = tensorstore.open(spec | {"scale_index": number}).result()
        yield Array(f"{item.path}#{key}", partial(_whole, array), "xyzc")


def _zarr(item: Item) -> Iterator[Array]:
    import zarr

    letters, place = item.stored.letters, Path(item.places[0])
    if item.kind != "OME-Zarr":
        array = zarr.open_array(item.places[0], mode="r")
        yield Array(item.path, partial(_whole, array), letters)
        return
    store = place if place.is_dir() else zarr.storage.ZipStore(place, mode="r")
    group = zarr.open_group(store, mode="r")
    for path in item.stored.paths:
        read = partial(lambda path: _whole(group[path]), path)
        yield Array(f"{item.path}/{path}", read, letters)


def _cloudvolume(item: Item) -> Iterator[Array]:
    from cloudvolume import CloudVolume  # type: ignore[import-untyped]

    place = f"precomputed://file://{item.places[0]}"
    for mip, key in enumerate(item.stored.paths):
        volume = CloudVolume(place, mip=mip, progress=False)
        yield Array(f"{item.path}#{key}", partial(_whole, volume), "xyzc")


def _whole(array: Any) -> Any:
    """All voxels of a lazy array, unless they are too many to be read at once."""
    if math.prod(int(n) for n in array.shape) >= MOST_VOXELS:
        raise MemoryError(f"{array.shape}: too large to be asked of every library")
    return np.asarray(array[...] if hasattr(array, "chunks") else array[:])


def _colours(array: Any) -> Any:
    """Colours that are fields of one pixel as a last axis, as others give them."""
    return structured_to_unstructured(array) if array.dtype.names else array


PEERS = (
    Peer("ncempy", ("ncempy",), ("DM",), "ncempy.io.dm.dmReader(path)", _ncempy),
    Peer("rosettasciio", ("rosettasciio",), ("DM", "TIFF"),
         "rsciio.digitalmicrograph.file_reader(path), rsciio.tiff.file_reader(path)",
         _rosettasciio),
    Peer("tifffile + zarr", ("tifffile", "zarr"), ("TIFF",),
         "zarr.open(tifffile.imread(path, aszarr=True), mode='r')[...]", _tifffile),
    Peer("Pillow", ("pillow",), ("TIFF", "picture"),
         "numpy.asarray(PIL.Image.open(path)), each frame", _pillow),
    Peer("tensorstore", ("tensorstore",),
         ("Zarr", "N5", "precomputed", "TIFF", "picture"),
         "tensorstore.open({'driver': ..., 'kvstore': ...}).result().read().result()",
         _tensorstore),
    Peer("zarr-python", ("zarr",), ("Zarr", "OME-Zarr"),
         "zarr.open_array(path, mode='r')[...]", _zarr),
    Peer("cloud-volume", ("cloud-volume", "pyspng-seunglab"), ("precomputed",),
         "cloudvolume.CloudVolume('precomputed://file://' + path, mip=n)[:]",
         _cloudvolume),
)  # fmt: skip
BY_NAME = {peer.name: peer for peer in PEERS}

"""Arrays to files: written beside, verified, moved; the format by the suffix."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emcatalog.cli.terminal import number_of_bytes
from emcatalog.errors import CorruptError, OptionError

if TYPE_CHECKING:
    import xarray as xr

IMAGEJ_TYPES = ("uint8", "uint16", "int16", "float32")
IMAGEJ_LIMIT = 2**32 - 2**20
"""Classic TIFF counts bytes with 32 bits; a little is left for the header."""


@dataclass(frozen=True)
class Format:
    """A way to keep an array: ``write`` it to a path, and ``read`` the voxels back."""

    write: Callable[[xr.DataArray, Path], None]
    read: Callable[[Path], Any]
    """Returns something that slices along its first axis to the voxels, and casts."""


def _write_npy(array: xr.DataArray, path: Path) -> None:
    np.save(path, array.to_numpy(), allow_pickle=False)


def _read_npy(path: Path) -> NDArray[Any]:
    mapped: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return mapped


def _write_tiff(array: xr.DataArray, path: Path) -> None:
    """An ImageJ hyperstack, calibrated in nanometres along x, y and z.

    Source of the format: the TIFF variant that ImageJ 1.11a and newer write; origins
    are counted in voxels there, and what is known of the data stands in its Info.
    """
    import tifffile

    z, y, x = (_step(array, axis) for axis in ("z", "y", "x"))
    known = {"name": array.name, "sizes": dict(array.sizes), "attrs": array.attrs}
    calibration: dict[str, Any] = {
        "axes": "ZYX",
        "spacing": z,
        "unit": "nm",
        "Info": json.dumps(known, default=str, ensure_ascii=True),
    }
    for axis, size in (("z", z), ("y", y), ("x", x)):
        calibration[f"{axis}origin"] = -float(array[axis][0]) / size
    tifffile.imwrite(
        path,
        array.to_numpy(),
        imagej=True,
        resolution=(1 / x, 1 / y),
        metadata=calibration,
    )


def _read_tiff(path: Path) -> NDArray[Any]:
    import tifffile

    mapped: NDArray[Any] = tifffile.memmap(path, mode="r")
    return mapped


def _write_zarr(array: xr.DataArray, path: Path) -> None:
    chunks = tuple(min(n, 128) for n in array.shape)
    name = str(array.name or "image")
    dataset = array.to_dataset(name=name)
    encoding = {name: {"chunks": chunks}}
    # version 2 is what every reader of Zarr has; its metadata is consolidated
    dataset.to_zarr(path, mode="w-", zarr_format=2, encoding=encoding)


def _read_zarr(path: Path) -> Any:
    import zarr

    group = zarr.open_group(path, mode="r")
    (name,) = (key for key, member in group.arrays() if member.ndim == 3)
    return group[name]


_TIFF = Format(_write_tiff, _read_tiff)
FORMATS = {
    ".npy": Format(_write_npy, _read_npy),
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".zarr": Format(_write_zarr, _read_zarr),
}


def check(array: xr.DataArray, path: Path, *, force: bool) -> None:
    """Refuse what cannot be written, before anything is read.

    Raises OptionError for an unknown suffix, a voxel type or size that the format does
    not have, a file that exists (unless ``force``), a folder that does not, and a disk
    without the space.
    """
    _check_suffix(path)
    if path.suffix.lower() in (".tif", ".tiff"):
        _check_imagej(array, path)
    if not path.parent.is_dir():
        raise OptionError(
            got=f"{path}, whose folder does not exist",
            expected="a place in a folder that exists",
            hint=f"make it first: mkdir -p {path.parent}",
        )
    if path.exists():
        _check_replaceable(path, force=force)
    free = shutil.disk_usage(path.parent).free
    if array.nbytes > free:
        raise OptionError(
            got=f"{number_of_bytes(array.nbytes)} to write to {path.parent}",
            expected=f"at most the {number_of_bytes(free)} that are free there",
            hint="a smaller --box, a coarser -p level=, or another disk",
        )


def save(array: xr.DataArray, path: Path) -> int:
    """Write a loaded ``array`` to ``path`` in the format of its suffix.

    It is written into a hidden folder beside, read back and compared, and moved; what
    was at ``path`` is replaced only then. Returns the bytes written. Raises
    CorruptError if the disk does not give back what was written.
    """
    kind = FORMATS[path.suffix.lower()]
    scratch = Path(
        tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    )
    try:
        fresh = scratch / path.name
        kind.write(array, fresh)
        _verify(array, kind.read(fresh), path)
        files = fresh.rglob("*") if fresh.is_dir() else [fresh]
        size = sum(p.stat().st_size for p in files if p.is_file())
        if path.is_dir():  # a folder is not replaced in one step, as a file is
            path.rename(scratch / "old")
        fresh.replace(path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return size


def _check_suffix(path: Path) -> None:
    if path.suffix.lower() not in FORMATS:
        raise OptionError(
            got=f"the suffix {path.suffix!r} of {path.name!r}",
            expected=f"one of {', '.join(FORMATS)}",
            hint="NumPy opens .npy, ImageJ .tif, xarray .zarr",
        )


def _check_imagej(array: xr.DataArray, path: Path) -> None:
    if str(array.dtype) not in IMAGEJ_TYPES:
        raise OptionError(
            got=f"voxels of {array.dtype} for {path.name}",
            expected=f"what ImageJ reads from TIFF: {', '.join(IMAGEJ_TYPES)}",
            hint="write .zarr or .npy",
        )
    if array.nbytes > IMAGEJ_LIMIT:
        raise OptionError(
            got=f"{number_of_bytes(array.nbytes)} for {path.name}",
            expected=f"at most {number_of_bytes(IMAGEJ_LIMIT)} in an ImageJ TIFF",
            hint="write .zarr or .npy, or a smaller --box",
        )


def _check_replaceable(path: Path, *, force: bool) -> None:
    if not force:
        raise OptionError(
            got=f"{path}, which exists",
            expected="a new file",
            hint="another name, or --force to replace it",
        )
    is_store = (path / ".zgroup").is_file() or (path / "zarr.json").is_file()
    if path.is_dir() and not (is_store and path.suffix.lower() == ".zarr"):
        raise OptionError(
            got=f"{path}, a folder that is not a Zarr store",
            expected="a file or a store that --force may replace",
            hint="another name",
        )


def _verify(array: xr.DataArray, written: Any, path: Path) -> None:
    # a TIFF forgets axes of one voxel, and its bytes may be swapped
    kept = [n for n in array.shape if n > 1]
    same = kept == [n for n in written.shape if n > 1]
    wanted = array.to_numpy().reshape(written.shape) if same else array.to_numpy()
    for start in range(0, len(wanted) if same else 0, 128):
        piece = slice(start, start + 128)
        read = np.asarray(written[piece], array.dtype)
        same &= read.tobytes() == wanted[piece].tobytes()
    if not same:
        raise CorruptError(
            entry=str(path),
            got="other voxels than those that were written",
            expected="the same",
            hint="the disk may be full or failing; try another",
        )


def _step(array: xr.DataArray, axis: str) -> float:
    return float(array.xindexes[axis].step)  # type: ignore[attr-defined]  # VoxelIndex

"""Arrays to files: written beside, read back, moved; the format by the suffix."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from dask.utils import format_bytes
from numpy.typing import NDArray

from emcatalog.beside import beside
from emcatalog.errors import CorruptError, OptionError
from emcatalog.geometry import AXES

if TYPE_CHECKING:
    import xarray as xr

IMAGEJ_TYPES = ("uint8", "uint16", "int16", "float32")
IMAGEJ_LIMIT = 2**32 - 2**20
"""Classic TIFF counts bytes with 32 bits; a little is left for the header."""


def _write_npy(array: xr.DataArray, path: Path) -> None:
    np.save(path, array.to_numpy(), allow_pickle=False)


def _write_tiff(array: xr.DataArray, path: Path) -> None:
    """An ImageJ hyperstack, calibrated in nanometres along x, y and z.

    Source of the format: the TIFF variant that ImageJ 1.11a and newer write; origins
    are counted in voxels there, and what is known of the data stands in its Info.
    """
    import tifffile

    steps = dict(zip(AXES, array.attrs["voxel_size_nm"], strict=True))
    known = {"name": array.name, "sizes": dict(array.sizes), "attrs": array.attrs}
    calibration: dict[str, Any] = {
        "axes": "ZYX",
        "spacing": steps["z"],
        "unit": "nm",
        "Info": json.dumps(known, default=str),
    }
    for axis, step in steps.items():
        calibration[f"{axis}origin"] = -float(array[axis][0]) / step
    tifffile.imwrite(
        path,
        array.to_numpy(),
        imagej=True,
        resolution=(1 / steps["x"], 1 / steps["y"]),
        metadata=calibration,
    )


def _write_zarr(array: xr.DataArray, path: Path) -> None:
    name = str(array.name)
    encoding = {name: {"chunks": tuple(min(n, 128) for n in array.shape)}}
    # version 2 is what every reader of Zarr has; its metadata is consolidated
    array.to_dataset().to_zarr(path, mode="w-", zarr_format=2, encoding=encoding)


def _read_tiff(path: Path) -> NDArray[Any]:
    import tifffile

    return np.asarray(tifffile.imread(path))


def _read_zarr(path: Path) -> NDArray[Any]:
    import xarray as xr

    with xr.open_dataarray(path, engine="zarr") as array:
        return array.to_numpy()


Write = Callable[["xr.DataArray", Path], None]
Read = Callable[[Path], NDArray[Any]]
FORMATS: dict[str, tuple[Write, Read]] = {
    ".npy": (_write_npy, np.load),
    ".tif": (_write_tiff, _read_tiff),
    ".tiff": (_write_tiff, _read_tiff),
    ".zarr": (_write_zarr, _read_zarr),
}


def check(array: xr.DataArray, path: Path, *, force: bool) -> None:
    """Refuse what cannot be written, before anything is read.

    Raises OptionError for an unknown suffix, a voxel type or size that the format does
    not have, a file that exists (unless ``force``), a folder that does not, and a disk
    without the space.
    """
    if path.suffix.lower() not in FORMATS:
        raise OptionError(
            got=f"the suffix {path.suffix!r} of {path.name!r}",
            expected=f"one of {', '.join(FORMATS)}",
            hint="NumPy opens .npy, ImageJ .tif, xarray .zarr",
        )
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
            got=f"{format_bytes(array.nbytes)} to write to {path.parent}",
            expected=f"at most the {format_bytes(free)} that are free there",
            hint="a smaller --box, a coarser -p level=, or another disk",
        )


def save(array: xr.DataArray, path: Path) -> None:
    """Write a loaded ``array`` to ``path`` in the format of its suffix.

    It is written beside, read back and moved; what was at ``path`` is replaced only
    then. Raises CorruptError if the disk does not hold what was written.
    """
    write, read = FORMATS[path.suffix.lower()]
    with beside(path) as fresh:
        write(array, fresh)
        stored = read(fresh).reshape(array.shape)
        if stored.tobytes() != array.to_numpy().tobytes():
            raise CorruptError(
                entry=str(path),
                got="other voxels than were written",
                expected="the same",
                hint="the disk may be failing or full: try another",
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
            got=f"{format_bytes(array.nbytes)} for {path.name}",
            expected=f"at most {format_bytes(IMAGEJ_LIMIT)} in an ImageJ TIFF",
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

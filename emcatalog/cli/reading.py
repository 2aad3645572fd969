"""``emcatalog read``: a box of a dataset into a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emcatalog.cli.arguments import (
    CatalogPath,
    Name,
    Parameters,
    opened,
    parameters,
    source_of,
)
from emcatalog.cli.terminal import number_of_bytes, progress, say, times, whisper
from emcatalog.errors import EmcatalogError, MemoryLimitError, OptionError

if TYPE_CHECKING:
    import xarray as xr

    from emcatalog.driver import VolumeSource
    from emcatalog.geometry import Region

SLAB_BYTES = 32 * 2**20
"""The progress bar moves after about so much, in whole storage chunks."""


def read(  # noqa: PLR0913 - one for each option of the command
    name: Name,
    *,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="File: .npy, .tif, .tiff or .zarr.")
    ],
    box: Annotated[
        str | None,
        typer.Option(
            metavar="Z,Y,X", help='Lengths, nm unless said: "0:500,1um:1.5um,0:512".'
        ),
    ] = None,
    voxels: Annotated[
        str | None,
        typer.Option(metavar="Z,Y,X", help='Voxel indices: "0:64,0:128,0:128".'),
    ] = None,
    param: Parameters = None,
    catalog: CatalogPath = None,
    force: Annotated[
        bool, typer.Option("--force", "-f", help="Replace an existing file.")
    ] = False,
) -> None:
    """Read a box of a dataset into a file; without one, the whole level.

    A box is half-open over voxel centres, z first. A TIFF is calibrated for ImageJ, a
    Zarr store keeps coordinates and attributes and opens with xarray.open_zarr. The
    file appears when it is complete and verified. What does not fit in memory is
    refused.

      emcatalog read dataset4 --box "0:500,1um:1.5um,0:512" --out box.tif
      emcatalog read dataset5 -p level=3 --voxels "0:64,:,:" --out slab.zarr
    """
    from emcatalog.cli import writing

    if box is not None and voxels is not None:
        raise OptionError(
            got="--box and --voxels",
            expected="one of them",
            hint="--box takes lengths, --voxels counts voxels",
        )
    source = source_of(opened(catalog), name, parameters(param))
    target = out.expanduser().absolute()
    try:
        whole = source.to_xarray()
        region = _region(whole, box, voxels)
        array = _cut(whole, region)
        _check_memory(array)
        writing.check(array, target, force=force)
        _announce(name, source, array)
        array = _loaded(source, array, region)
    except EmcatalogError as error:
        error.about(name)
        raise
    size = writing.save(array, target)
    say(f"wrote {target} ({number_of_bytes(size)})")


def _region(whole: xr.DataArray, box: str | None, voxels: str | None) -> Region:
    from emcatalog.cli import boxes

    shape = (whole.sizes["z"], whole.sizes["y"], whole.sizes["x"])
    if box is not None:
        return boxes.physical(whole, boxes.parse(box))
    bounds = boxes.parse(voxels, "--voxels") if voxels is not None else {}
    return boxes.voxels(shape, bounds)


def _cut(whole: xr.DataArray, region: Region) -> xr.DataArray:
    """The voxels of ``region``, with attributes that tell where they lie."""
    from emcatalog.geometry import AXES, DIGITS

    array = whole.isel(dict(zip(AXES, region.slices, strict=True)))
    sizes = whole.attrs["voxel_size_nm"]
    pairs = zip(region.shape, sizes, strict=True)
    place = {
        "origin_nm": [float(array[axis][0]) for axis in AXES],
        "extent_nm": [round(n * size, DIGITS) for n, size in pairs],
    }
    return array.assign_attrs(place)


def _check_memory(array: xr.DataArray) -> None:
    from emcatalog.volume import MEMORY_VARIABLE, ensure_fits

    try:
        ensure_fits(array.shape, array.dtype)
    except MemoryLimitError as error:
        error.hint = (
            "a smaller --box, a coarser level (-p level=3, see emcatalog show), or "
            f"{MEMORY_VARIABLE} to raise the limit"
        )
        raise


def _announce(name: str, source: VolumeSource, array: xr.DataArray) -> None:
    ends = (
        f"{axis} {array[axis].values[0]:g} to {array[axis].values[-1]:g}"
        for axis in map(str, array.dims)
    )
    whisper(
        f"{name}, level {source.level_index}: {times(array.shape)} voxels (z, y, x) of "
        f"{array.dtype}, {number_of_bytes(array.nbytes)}"
    )
    whisper(f"voxel centres {', '.join(ends)} nm")


def _loaded(source: VolumeSource, array: xr.DataArray, region: Region) -> xr.DataArray:
    """Read it slab by slab, so that a progress bar can move."""
    import numpy as np

    values = np.empty(array.shape, array.dtype)
    tile = (_thickness(source, array), *source.volume.grid.shape[1:])
    parts = list(region.tiles(tile))
    with progress("reading") as report:
        blocks = source.volume.read_many(parts)
        for part, block in zip(parts, blocks, strict=True):
            here = part.relative_to(region.start).slices
            values[here] = block
            report("reading", here[0].stop / region.shape[0])
    return array.copy(data=values)


def _thickness(source: VolumeSource, array: xr.DataArray) -> int:
    chunk = source.volume.chunks[0]
    slab = array.nbytes / array.sizes["z"] * chunk
    return chunk * max(1, int(SLAB_BYTES // max(slab, 1)))

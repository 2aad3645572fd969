"""``emcatalog read``: a box of a dataset into a file."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import click

from emcatalog.cli.arguments import (
    catalog_option,
    name_argument,
    parameter_option,
    parameters,
    source_of,
)
from emcatalog.cli.terminal import progress, say, times, whisper
from emcatalog.errors import EmcatalogError, MemoryLimitError, OptionError

if TYPE_CHECKING:
    import xarray as xr

    from emcatalog.driver import VolumeSource

SLAB_BYTES = 32 * 2**20
"""The progress bar moves after about so much, in whole storage chunks."""

EXAMPLES = """\b
Examples:
  emcatalog read dataset4 --box "0:500,1um:1.5um,0:512" --out box.tif
  emcatalog read dataset5 -p level=3 --voxels "0:64,:,:" --out slab.zarr
"""


@click.command(epilog=EXAMPLES)
@name_argument
@click.option(
    "--out",
    "-o",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Where to: .npy, .tif, .tiff or .zarr.",
)
@click.option(
    "--box",
    metavar="Z,Y,X",
    help='Lengths, nm unless said: "0:500,1um:1.5um,0:512".',
)
@click.option("--voxels", metavar="Z,Y,X", help='Voxel indices: "0:64,0:128,0:128".')
@parameter_option
@catalog_option
@click.option("--force", "-f", is_flag=True, help="Replace an existing file.")
def read(  # noqa: PLR0913 - one for each option of the command
    *,
    name: str,
    out: Path,
    box: str | None,
    voxels: str | None,
    words: tuple[str, ...],
    catalog_path: str | None,
    force: bool,
) -> None:
    """Read a box of a dataset into a file; without a box, all of it.

    NAME is that of an entry, such as dataset4 or more.fafb. A box is half-open over
    voxel centres, z first. A TIFF is calibrated for ImageJ, a Zarr store keeps
    coordinates and attributes and opens with xarray.open_zarr. The file appears when
    it is complete and verified. What does not fit in memory is refused.
    """
    from emcatalog.catalog import open_catalog
    from emcatalog.cli import writing

    source = source_of(open_catalog(catalog_path), name, parameters(words))
    target = out.expanduser().absolute()
    try:
        array = _cut(source.to_xarray(), box, voxels)
        _check_memory(array)
        writing.check(array, target, force=force)
        _announce(name, array)
        array = _loaded(source, array)
    except EmcatalogError as error:
        error.about(name)
        raise
    writing.save(array, target)
    say(f"wrote {target}")


def _cut(whole: xr.DataArray, box: str | None, voxels: str | None) -> xr.DataArray:
    from emcatalog.cli import boxes

    if box is not None and voxels is not None:
        raise OptionError(
            got="--box and --voxels",
            expected="one of them",
            hint="--box takes lengths, --voxels counts voxels",
        )
    if box is not None:
        return boxes.by_length(whole, box)
    return boxes.by_voxel(whole, voxels) if voxels is not None else whole


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


def _announce(name: str, array: xr.DataArray) -> None:
    from dask.utils import format_bytes

    whisper(
        f"{name}, level {array.attrs['level']}: {times(array.shape)} voxels (z, y, x) "
        f"of {array.dtype}, {format_bytes(array.nbytes)}"
    )
    centres = [array[axis].to_numpy() for axis in array.dims]
    ends = (
        f"{a} {c[0]:g} to {c[-1]:g}" for a, c in zip(array.dims, centres, strict=True)
    )
    whisper(f"voxel centres {', '.join(ends)} nm")


def _loaded(source: VolumeSource, array: xr.DataArray) -> xr.DataArray:
    """Read it slab by slab of whole chunks, so that a progress bar can move."""
    import numpy as np

    size, chunk = array.sizes["z"], source.volume.chunks[0]
    chunk_bytes = array.nbytes / size * chunk
    thickness = chunk * max(1, int(SLAB_BYTES // chunk_bytes))
    above = int(np.searchsorted(source.to_xarray().z.values, array.z.values[0]))
    cuts = range(thickness - above % thickness, size, thickness)
    values = np.empty(array.shape, array.dtype)
    with progress("reading") as report:
        for start, stop in pairwise((0, *cuts, size)):
            values[start:stop] = array[start:stop].to_numpy()
            report("reading", stop / size)
    return array.copy(data=values)

"""Volumes of pages as microscopes leave them: multipage TIFF and series of DM3 slices.

The TIFFs are of the size of a FIB-SEM stack: one as the Insight Toolkit writes it
(plain, strips of four rows, a directory after each page, so that no stride leads from
page to page), one as tifffile does with Deflate in strips of 32 rows. The DM3 slices
are as large as those of EMPIAR-11759, with their tags. Each is written once in a folder
of stores.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.reads.task import Format, Stored
from benchmarks.reads.volumes import VOXEL_NM, tissue
from emcatalog.geometry import Triple
from emcatalog.mirror import mirror_path
from emcatalog.sample import empiar, tiff

BLOCK = (128, 128, 128)
QUICK_BLOCK = (24, 64, 64)
ROWS = 32
"""Rows of a compressed strip."""

SLICES = 16
_STEP = 37
_FILES = mirror_path(empiar.FOLDER) / "F57-8_test1_3VBSED_slice_"
SERIES = f"{_FILES}{{0000..{SLICES - 1:04d}}}.dm3"
"""All slices, as the driver takes them."""

Plane = NDArray[np.uint8]


@dataclass(frozen=True)
class Pages:
    """How pages are stored, and how many of which size: z, y, x.

    ``path`` is of the file or files below the store's folder; ``rows`` are those of a
    piece that cannot be had in parts. ``write`` is given the folder and all voxels.
    """

    title: str
    driver: str
    path: str
    shape: Triple
    quick_shape: Triple
    block: Triple
    quick_block: Triple
    write: Callable[[Path, Plane], None]
    rows: int = 1


def _insight(folder: Path, voxels: Plane) -> None:
    tiff.insight(folder / "stack.tif", voxels)


def _deflate(folder: Path, voxels: Plane) -> None:
    import tifffile

    path = folder / "stack.tif"
    tifffile.imwrite(
        path,
        iter(voxels),
        shape=voxels.shape,
        dtype=voxels.dtype,
        photometric="minisblack",
        compression="zlib",
        rowsperstrip=ROWS,
        metadata=None,
    )
    with tifffile.TiffFile(path) as written:
        counts = [page.databytecounts for page in written.pages]
    np.save(folder / "sizes.npy", np.asarray(counts, np.int64)[..., np.newaxis])


def _slices(folder: Path, voxels: Plane) -> None:
    empiar.write(partial(_place, folder), voxels)


def _place(folder: Path, url: str) -> Path:
    path = folder / mirror_path(url)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


_STACK, _QUICK_STACK = (160, 1536, 2048), (32, 768, 1024)
PAGED: Mapping[str, Pages] = {
    "tiff": Pages(
        "TIFF, plain", "tiff", "stack.tif", _STACK, _QUICK_STACK, BLOCK, QUICK_BLOCK,
        _insight,
    ),
    "tiff-deflate": Pages(
        "TIFF, Deflate", "tiff", "stack.tif", _STACK, _QUICK_STACK, BLOCK, QUICK_BLOCK,
        _deflate, ROWS,
    ),
    "dm3": Pages(
        f"DM3, {SLICES} slices", "dm3", SERIES, (SLICES, 5496, 5500),
        (SLICES, 1400, 1408), (SLICES, 128, 128), (SLICES, 64, 64), _slices,
    ),
}  # fmt: skip


def paged_formats() -> dict[str, Format]:
    """Multipage TIFF and DM3 slices, by name."""
    return {
        name: Format(
            name,
            pages.block,
            pages.quick_block,
            partial(write_pages, name=name),
            far=1,  # of 128 whole pages, which other libraries fetch for a block
        )
        for name, pages in PAGED.items()
    }


def write_pages(folder: Path, quick: bool, *, name: str) -> Stored:
    """Write the pages of that name under ``folder``, unless they are there."""
    pages = PAGED[name]
    shape = pages.quick_shape if quick else pages.shape
    truth = _truth(folder, shape, quick)
    place = f"{truth.stem}-{name}"
    if not (folder / place).exists():
        beside = folder / f"{place}.part"
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir()
        pages.write(beside, np.load(truth, mmap_mode="r"))
        beside.rename(folder / place)
    is_plain = pages.rows == 1
    return Stored(
        format=name,
        title=pages.title,
        driver=pages.driver,
        path=f"{place}/{pages.path}",
        truth=truth,
        pieces=(1, pages.rows, shape[2]),
        piece_bytes=shape[2] if is_plain else folder / place / "sizes.npy",
        options={"voxel_size_nm": [50.0, VOXEL_NM, VOXEL_NM]},
    )


def _truth(folder: Path, shape: Triple, quick: bool) -> Path:
    """A ``.npy`` file of tissue of that shape, made where it is missing."""
    path = folder / f"pages-{'x'.join(map(str, shape))}.npy"
    if not path.exists():
        beside = path.with_suffix(".part.npy")
        planes = _planes(np.load(tissue(folder, quick), mmap_mode="r"), shape)
        out = np.lib.format.open_memmap(beside, "w+", np.dtype(np.uint8), shape)
        for z, plane in enumerate(planes):
            out[z] = plane
        out.flush()
        beside.rename(path)
    return path


def _planes(cube: Plane, shape: Triple) -> Iterator[Plane]:
    """Pages laid with sections of a cube, each another one.

    Were they the same, a codec would find in each row what it has seen before.
    """
    depth, rows, columns = cube.shape
    plane = np.empty(shape[1:], np.uint8)
    for z in range(shape[0]):
        corners = product(range(0, shape[1], rows), range(0, shape[2], columns))
        for number, (y, x) in enumerate(corners):
            tile = plane[y : y + rows, x : x + columns]
            section = cube[(z + _STEP * number) % depth]
            tile[...] = section[: tile.shape[0], : tile.shape[1]]
        yield plane

"""Real files of every format through one small catalog, equal to EXPECTED.csv.

The files are not part of the project: the tests skip where they are absent. The values
were found by independent readers (see the folder's own README).
"""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import xarray as xr
from PIL import Image

from emcatalog.catalog import VolumeCatalog, open_catalog, problems

CATALOG = """
sources:
  tem_slice:
    driver: dm3
    args: {{urlpath: "{root}/{tem}"}}
    parameters: {{}}
  dm3_stack:
    driver: dm3
    args: {{urlpath: "{root}/{stack}", voxel_size_nm: [50, null, null]}}
  fibsem_stack:
    driver: tiff
    args: {{urlpath: "{tmp}/stack.tif", voxel_size_nm: 10}}
  fibsem_slices:
    driver: tiff
    args: {{urlpath: "{tmp}/slices/*.tif", voxel_size_nm: 10}}
  n5:
    driver: ngff
    args: {{urlpath: "{root}/n5/elf-paintera/test.n5/range", voxel_size_nm: 8}}
  ome_zarr_04:
    driver: ngff
    args: {{urlpath: "{root}/derived/omezarr_fib25s1_v04.zarr"}}
  ome_zarr_05:
    driver: ngff
    args: {{urlpath: "{root}/derived/omezarr_fib25s1_v05.zarr"}}
  sharded_jpeg:
    driver: precomputed
    args: {{urlpath: "{root}/derived/ts_fib25s1_sharded_jpeg"}}
  sharded_raw_with_offset:
    driver: precomputed
    args: {{urlpath: "{root}/derived/ts_fib25s1_sharded_raw_gzip"}}
  sharded_segmentation:
    driver: precomputed
    args: {{urlpath: "{root}/derived/ts_fib25s2crop_sharded_cseg_u32"}}
  png:
    driver: precomputed
    args: {{urlpath: "{root}/derived/ts_fib25s1_unsharded_png"}}
  gzipped_files:
    driver: precomputed
    args: {{urlpath: "{root}/derived/cv_fib25s1_raw_gzip"}}
  jpeg:
    driver: precomputed
    args: {{urlpath: "{root}/derived/cv_fib25s1_jpeg"}}
  gzipped_segmentation:
    driver: precomputed
    args: {{urlpath: "{root}/derived/cv_fib25s2_cseg_gz_u64"}}
  real_png:
    driver: precomputed
    args: {{urlpath: "{root}/precomputed/webknossos-libs/simple_ng_dataset2/color"}}
"""

STACK = "dm/rosettasciio/test_stackbuilder_imagestack.dm3"

EXPECTED = {
    "dm3_stack": [STACK],
    "n5": ["n5/elf-paintera/test.n5/range"],
    "ome_zarr_04": [f"derived/omezarr_fib25s1_v04.zarr/s{n}" for n in range(3)],
    "ome_zarr_05": [f"derived/omezarr_fib25s1_v05.zarr/s{n}" for n in range(3)],
    "sharded_jpeg": [
        f"derived/ts_fib25s1_sharded_jpeg#{n}_{n}_{n}" for n in (10, 20, 40)
    ],
    "sharded_raw_with_offset": ["derived/ts_fib25s1_sharded_raw_gzip#10_10_10"],
    "sharded_segmentation": ["derived/ts_fib25s2crop_sharded_cseg_u32#10_10_10"],
    "png": ["derived/ts_fib25s1_unsharded_png#10_10_10"],
    "gzipped_files": ["derived/cv_fib25s1_raw_gzip#10_10_10"],
    "jpeg": ["derived/cv_fib25s1_jpeg#10_10_10"],
    "gzipped_segmentation": ["derived/cv_fib25s2_cseg_gz_u64#10_10_10"],
    "real_png": ["precomputed/webknossos-libs/simple_ng_dataset2/color#1"],
}


@pytest.fixture(scope="module")
def rows(realdata: Path) -> dict[str, dict[str, str]]:
    with (realdata / "EXPECTED.csv").open(encoding="utf-8") as file:
        return {row["path"]: row for row in csv.DictReader(file)}


def slices(realdata: Path) -> list[Path]:
    found = sorted(realdata.glob("em_stacks/neuroproof-fib25/*/grayscale_maps/*.png"))
    return found[:24]


@pytest.fixture(scope="module")
def catalog(
    realdata: Path, rows: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> VolumeCatalog:
    """A catalog of real files; the FIB-SEM sections as TIFF, as a lab has them."""
    tmp = tmp_path_factory.mktemp("real")
    (tmp / "slices").mkdir()
    images = [np.asarray(Image.open(path)) for path in slices(realdata)]
    tifffile.imwrite(tmp / "stack.tif", np.stack(images), compression="zlib")
    for number, image in enumerate(images):
        tifffile.imwrite(tmp / f"slices/iso.{number:04}.tif", image, rowsperstrip=16)
    tem = next(path for path in rows if "openNCEM" in path or "ncem" in path.lower())
    text = CATALOG.format(root=realdata, tmp=tmp, tem=tem, stack=STACK)
    (tmp / "real.yaml").write_text(text, "utf-8")
    return open_catalog(tmp / "real.yaml")


def digest(array: xr.DataArray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array.values).tobytes()).hexdigest()[:16]


def test_the_catalog_is_sound(catalog: VolumeCatalog) -> None:
    assert problems(catalog) == []


@pytest.mark.parametrize("name", EXPECTED)
def test_voxels_equal_those_of_independent_readers(
    catalog: VolumeCatalog, rows: dict[str, dict[str, str]], name: str
) -> None:
    source = catalog[name]
    for level, path in enumerate(EXPECTED[name]):
        array = source(level=level).to_dask()
        values = array.transpose("x", "y", "z") if name == "n5" else array
        # precomputed is hashed in Fortran order of x, y, z: C order of z, y, x
        assert digest(values) == rows[path]["array_sha256_16_C"], path
        assert array.dtype == rows[path]["dtype"]


def test_calibrations_are_those_of_the_files(catalog: VolumeCatalog) -> None:
    stack = catalog["dm3_stack"].to_dask()
    assert stack.attrs["voxel_size_nm"] == pytest.approx([50, 59.982903, 59.982903])
    for name in ("ome_zarr_04", "ome_zarr_05"):
        levels = [catalog[name](level=n).to_dask() for n in range(3)]
        assert [float(a.z[0]) for a in levels] == [0.0, 5.0, 15.0]
        assert [float(a.z[1] - a.z[0]) for a in levels] == [10.0, 20.0, 40.0]
    moved = catalog["sharded_raw_with_offset"].to_dask()
    first = [float(moved[axis][0]) for axis in "xyz"]
    assert first == [(n + 0.5) * 10 for n in (1000, 2001, 3002)]


@pytest.mark.parametrize("name", ["fibsem_stack", "fibsem_slices"])
def test_a_real_fibsem_stack(
    catalog: VolumeCatalog,
    realdata: Path,
    rows: dict[str, dict[str, str]],
    name: str,
) -> None:
    array = catalog[name].to_dask()
    for z, path in enumerate(slices(realdata)):
        row = rows[str(path.relative_to(realdata))]
        assert digest(array.sel(z=10 * z)) == row["array_sha256_16_C"]
    crop = array.sel(z=slice("20 nm", "0.1 um"), y=slice(500, 1000), x=slice(0, 640))
    assert crop.shape == (8, 50, 64)


def test_the_same_place_is_the_same_tissue_in_every_format(
    catalog: VolumeCatalog,
) -> None:
    """The derived volumes are crops of one FIB-SEM volume, at 10 nm."""
    zarr = catalog["ome_zarr_04"].to_dask().isel(z=slice(0, 50))
    other = catalog["ome_zarr_05"].to_dask().isel(z=slice(0, 50))
    xr.testing.assert_equal(zarr, other)

"""The product's main job: five differently stored volumes behave as one.

The shipped, unchanged catalog opens the embedded sample from disk and from real servers
of each protocol, equal voxel for voxel to what the phantom truly is.
"""

from __future__ import annotations

import functools
import time
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import xarray as xr

import servers
from emcatalog.catalog import open_catalog
from emcatalog.errors import (
    AccessDeniedError,
    CorruptError,
    LabelError,
    RangeError,
    TruncatedError,
    UnreachableError,
)
from emcatalog.mirror import mirror_path, use_mirror
from emcatalog.sample import SAMPLES, truth
from emcatalog.testing import traffic

FIVE = [f"dataset{n}" for n in range(1, 6)]
LOSSY = {"dataset5"}
SLICE = (
    "https://ftp.ebi.ac.uk/empiar/world_availability/11759/data/"
    "F57-8_test1_3VBSED_slice_0007.dm3"
)


@functools.cache
def image_of(name: str) -> Any:
    return truth(name)[0]


def assert_equals_truth(array: xr.DataArray, name: str) -> None:
    image = image_of(name)
    assert array.shape == image.shape
    assert array.dtype == image.dtype
    if name in LOSSY:
        # JPEG moves single grey values, not the picture
        assert np.abs(array.values.astype(float) - image).mean() < 6
    else:
        np.testing.assert_array_equal(array.values, image)


@pytest.mark.parametrize("name", FIVE)
def test_the_sample_on_disk(name: str, sample_root: Path) -> None:
    with use_mirror(sample_root):
        array = open_catalog()[name].to_dask()
        assert array.dims == ("z", "y", "x")
        grid = SAMPLES[name].grid
        assert array.attrs["voxel_size_nm"] == pytest.approx(grid.voxel_size, rel=1e-6)
        assert array.attrs["volume_origin_nm"] == pytest.approx(grid.origin)
        assert array.attrs["dataset"] == name
        assert array.attrs["title"]
        assert array.attrs["lossy"] == int(name in LOSSY)
        assert_equals_truth(array, name)


def at(server: Any, *hosts: str) -> dict[str, str]:
    """Rules that send hosts to a loopback server of the mirror directory."""
    return {f"https://{host}/": f"{server.url}/https/{host}/" for host in hosts}


EBI, EPFL = "ftp.ebi.ac.uk", "documents.epfl.ch"


@pytest.mark.parametrize("kind", ["nginx", "http"])
@pytest.mark.parametrize("name", FIVE)
def test_over_http(
    name: str, kind: str, sample_root: Path, request: pytest.FixtureRequest
) -> None:
    server = request.getfixturevalue(f"{kind}_at")(sample_root)
    rules = at(server, EBI, EPFL) | {
        f"{scheme}://": f"{server.url}/{scheme}/" for scheme in ("s3", "gs")
    }
    options: dict[str, Any] = {}
    if name == "dataset1":  # what OMERO says is a page of its own
        root = sample_root / "https/idr.openmicroscopy.org"
        with use_mirror(sample_root, rules=rules):
            assert root.is_dir()
            array = open_catalog()[name](**options).to_dask()
            assert_equals_truth(array, name)
        return
    with use_mirror(rules=rules):
        array = open_catalog()[name](storage_options={}).to_dask()
        assert_equals_truth(array, name)
    assert server.requests


def test_dm3_slices_over_ftp(ftp_at: Any, sample_root: Path) -> None:
    server = ftp_at(sample_root)
    folder = str(mirror_path(SLICE).parent)
    with use_mirror(rules={"https://ftp.ebi.ac.uk/": f"{server.url}/https/{EBI}/"}):
        assert_equals_truth(open_catalog().dataset2.to_dask(), "dataset2")
        listed = open_catalog().empiar_dm(voxel_size_nm=[50, 8, 8]).to_dask()
        assert_equals_truth(listed, "dataset2")
    assert folder in str(server.requests)


def test_ome_zarr_on_s3(s3_at: Any, sample_root: Path) -> None:
    server = s3_at(sample_root / "s3")
    options = {"anon": True, "endpoint_url": server.url}
    source = open_catalog().dataset4(storage_options=options)
    assert_equals_truth(source.to_dask(), "dataset4")


def test_precomputed_on_gcs(gcs_at: Any, sample_root: Path) -> None:
    server = gcs_at(sample_root / "gs")
    options = {"endpoint_url": server.url}
    source = open_catalog().dataset5(storage_options=options)
    assert_equals_truth(source.to_dask(), "dataset5")
    assert source.level_index == 0
    assert source(level=2).to_dask().sizes["z"] == 25


@pytest.fixture
def omero(omero_for: Any) -> Any:
    image = image_of("dataset1")
    picture = servers.OmeroImage(
        image[np.newaxis, np.newaxis], pixel_size_um=(0.02, 0.02, 0.02)
    )
    return omero_for(picture)


def test_rendered_planes_from_omero(omero: Any) -> None:
    rules = {"https://idr.openmicroscopy.org": omero.url}
    with use_mirror(rules=rules):
        source = open_catalog().dataset1(route="rendered")
        array = source.to_dask()
        assert (array.attrs["rendered"], array.attrs["lossy"]) == (1, 0)
        assert array.attrs["route"] == "rendered"
        assert_equals_truth(array, "dataset1")
        omero.expire_sessions()
        np.testing.assert_array_equal(array.isel(z=5).values, image_of("dataset1")[5])


def test_the_file_behind_an_omero_image(
    omero: Any, nginx_at: Any, sample_root: Path
) -> None:
    rules = {"https://idr.openmicroscopy.org": omero.url}
    with use_mirror(rules=rules | at(nginx_at(sample_root), EBI)):
        array = open_catalog().dataset1.to_dask()
        assert (array.attrs["rendered"], array.attrs["route"]) == (0, "file")
        assert_equals_truth(array, "dataset1")


class TestTheSameBox:
    """`.sel` with the same lengths means the same tissue volume everywhere."""

    box: ClassVar = {
        "z": slice(100, 300),
        "y": slice("0.2 um", "0.6 um"),
        "x": slice(200, 600),
    }

    @pytest.mark.parametrize("name", FIVE)
    def test_extent(self, name: str, sample_root: Path) -> None:
        with use_mirror(sample_root):
            array = open_catalog()[name].to_dask().sel(self.box)
        sizes = array.attrs["voxel_size_nm"]
        for size, count, width in zip(sizes, array.shape, (200, 400, 400), strict=True):
            assert abs(size * count - width) <= size
        assert array.mean().compute() != 0

    @pytest.mark.parametrize("name", FIVE)
    def test_labels_outside_name_the_extent(self, name: str, sample_root: Path) -> None:
        with use_mirror(sample_root):
            array = open_catalog()[name].to_dask()
        with pytest.raises(LabelError, match=r"5 mm|5000000 nm.*nm"):
            array.sel(z="5 mm")


def test_the_lines_of_the_front_page(sample_root: Path) -> None:
    with use_mirror(sample_root):
        catalog = open_catalog()
        da = catalog.dataset4.to_dask()
        box = da.sel(z=slice(100, 200), y=slice("1 um", "1.5 um"), x=slice(0, 512))
        assert np.isfinite(box.mean().compute())
        block = catalog.dataset5(level=2).to_dask()
        block = block.isel(z=slice(0, 128), y=slice(0, 128), x=slice(0, 128))
        assert block.compute().sum() > 0


class TestTrafficIsSmall:
    @pytest.mark.parametrize("name", ["dataset3", "dataset4", "dataset5"])
    def test_a_box_moves_little(
        self, name: str, http_at: Any, sample_root: Path
    ) -> None:
        server = http_at(sample_root)
        rules = at(server, EBI, EPFL) | {
            f"{scheme}://": f"{server.url}/{scheme}/" for scheme in ("s3", "gs")
        }
        with use_mirror(rules=rules):
            array = open_catalog()[name](storage_options={}).to_dask()
            server.forget()
            corner = array.isel(z=slice(0, 4), y=slice(0, 20), x=slice(0, 20))
            assert corner.values.shape == (4, 20, 20)
        moved, requests = server.bytes_sent, server.requests
        assert moved < array.nbytes / 8
        if name == "dataset3":  # 20 rows of each of four sections, in whole bands
            assert 4 * 20 * 320 <= moved <= 1.3 * 4 * 20 * 320
            assert len(requests) <= 4
        else:  # the one chunk, found in at most three steps
            assert len(requests) <= 3

    def test_opening_hemibrain_reads_info_alone(
        self, http_at: Any, sample_root: Path
    ) -> None:
        server = http_at(sample_root)
        with use_mirror(rules={"gs://": f"{server.url}/gs/"}):
            open_catalog().dataset5.to_dask()
        assert [r.path.rpartition("/")[2] for r in server.requests] == ["info"]

    def test_counting_in_process(self, sample_root: Path) -> None:
        with use_mirror(sample_root), traffic() as seen:
            open_catalog().dataset5.to_dask()
        assert seen.requests == 1


class TestBadServers:
    """What goes wrong is an error of ours that names the entry."""

    @pytest.fixture
    def server(self, faulty_http: Any, sample_root: Path) -> Any:
        return faulty_http(sample_root)

    def rules(self, server: Any) -> dict[str, str]:
        return at(server, EBI, EPFL) | {
            f"{scheme}://": f"{server.url}/{scheme}/" for scheme in ("s3", "gs")
        }

    @pytest.mark.parametrize("name", FIVE[1:])
    def test_403(self, name: str, server: Any) -> None:
        server.faults.add(servers.status(403))
        with (
            use_mirror(rules=self.rules(server)),
            pytest.raises(AccessDeniedError, match="anonymous"),
        ):
            open_catalog()[name](storage_options={}).to_dask()

    @pytest.mark.parametrize("name", ["dataset4", "dataset5"])
    def test_403_of_chunks_is_never_zeros(self, name: str, server: Any) -> None:
        with use_mirror(rules=self.rules(server)):
            array = open_catalog()[name](storage_options={}).to_dask()
        server.faults.add(servers.status(403))
        with pytest.raises(AccessDeniedError):
            array.isel(z=0).compute()

    @pytest.mark.parametrize("name", FIVE[1:])
    def test_html_in_place_of_data(self, name: str, server: Any) -> None:
        server.faults.add(servers.login_page)
        with use_mirror(rules=self.rules(server)), pytest.raises(OSError, match="HTML"):
            open_catalog()[name](storage_options={}).to_dask()

    @pytest.mark.parametrize("name", ["dataset2", "dataset3", "dataset5"])
    def test_a_server_that_ignores_ranges(self, name: str, server: Any) -> None:
        with use_mirror(rules=self.rules(server)):
            array = open_catalog()[name](storage_options={}).to_dask()
        server.faults.add(servers.ignore_range)
        with pytest.raises(RangeError, match="ignores .*ranges"):
            array.isel(z=0).compute()

    @pytest.mark.parametrize("name", ["dataset4", "dataset5"])
    def test_corrupt_chunks(self, name: str, server: Any) -> None:
        with use_mirror(rules=self.rules(server)):
            array = open_catalog()[name](storage_options={}).to_dask()
        server.faults.add(servers.login_page)
        with pytest.raises((CorruptError, RangeError)):
            array.isel(z=0).compute()

    @pytest.mark.parametrize("name", FIVE[1:])
    def test_nobody_there(self, name: str) -> None:
        rules = {
            f"{scheme}://": "http://127.0.0.1:9/" for scheme in ("https", "s3", "gs")
        }
        begun = time.monotonic()
        with (
            use_mirror(rules=rules),
            pytest.raises(
                UnreachableError, match="no answer from 127.0.0.1:9.*emcatalog doctor"
            ),
        ):
            open_catalog()[name](storage_options={}).to_dask()
        assert time.monotonic() - begun < 30

    def test_a_truncated_slice(self, sample_root: Path, tmp_path: Path) -> None:
        import shutil

        copy = tmp_path / mirror_path(SLICE).parent
        shutil.copytree(sample_root / mirror_path(SLICE).parent, copy)
        cut = tmp_path / mirror_path(SLICE)
        cut.write_bytes(cut.read_bytes()[:-25_000])
        with (
            use_mirror(tmp_path),
            pytest.raises((TruncatedError, ValueError), match="slice_0007"),
        ):
            open_catalog().dataset2.to_dask().compute()

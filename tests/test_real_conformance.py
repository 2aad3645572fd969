"""The contract of a driver, on real files of every driver.

The files are not part of the project: the tests skip where they are absent. A damaged
copy of each, made here, must be refused.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from emcatalog.driver import VolumeSource
from emcatalog.driver.registry import driver
from emcatalog.errors import FormatError
from emcatalog.testing import VolumeTests
from emcatalog_idr import IdrSource
from servers.omero_image import OmeroImage
from servers.omero_server import RunningOmero

Options = dict[str, Any]
LUNG = "qupath-inline/TestImageMetadataResponseParser_01.json"
METADATA = (".zarray", ".zattrs", ".zgroup", "zarr.json", "attributes.json", "info",
            "provenance")  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A real file or store, and the options with which it is opened."""

    driver: str
    path: str
    options: Options = field(default_factory=dict)

    def source(self, root: Path) -> VolumeSource:
        """The source of the file below ``root``."""
        return driver(self.driver)(str(root / self.path), **self.options)


ANY = {"voxel_size_nm": [50.0, 8.0, 8.0]}
CASES = [
    # a large image among several, a stack, a volume, other pixel types, a real one
    Case("dm3", "dm/rosettasciio/2D/multi_signal.dm3", {"image": 1, **ANY}),
    Case("dm3", "dm/rosettasciio/test_stackbuilder_imagestack.dm3", ANY),
    Case("dm3", "dm/openNCEM/dmTest_3D_int16_64,65,66.dm3"),
    Case("dm3", "dm/openNCEM/dmTest_float32_nonSquare_diffPixelSize.dm4", ANY),
    Case("dm3", "dm/rosettasciio/tiff/test_dm_image_um_unit.dm3", ANY),
    Case("dm3", "dm/rosettasciio/3D/test-12.dm4", ANY),
    Case("tiff", "tiff/tensorstore/D75_08b_grey.tiff", ANY),
    Case("tiff", "tiff/tensorstore/D75_08b_tiled.tiff", {"channel": 1, **ANY}),
    Case("tiff", "tiff/image-rs/tiled-oversize-gray-i8.tif", ANY),
    Case("tiff", "tiff/image-rs/minisblack-1c-8b.tiff", ANY),
    Case("tiff", "tiff/webknossos-libs/tiff/test.0000.tiff", ANY),
    Case(
        "tiff",
        "tiff/webknossos-libs/4D/multi_channel_z_series/multi-channel-z-series.ome.tif",
        {"channel": 2, **ANY},
    ),
    Case("tiff", "tiff/rosettasciio/test_loading_image_saved_with_imageJ_stack_no_"
         "scale.tif", ANY),
    Case("images", "em_stacks/isbi2012-png/train/image", ANY),
    Case("images", "em_stacks/neuroproof-fib25/training_sample1/grayscale_maps",
         {"voxel_size_nm": 10.0}),
    Case("images", "em_stacks/wk-temca2-jpg/2/60/140.jpg", ANY),
    Case("images", "em_stacks/temca-tiles/stitch-test/16_bit_source_left.png",
         ANY),
    Case("ngff", "derived/omezarr_fib25s1_v04.zarr"),
    Case("ngff", "derived/omezarr_fib25s1_v05.zarr"),
    Case("ngff", "zarr/webknossos-libs/simple_zarr3_dataset/color"),
    Case("ngff", "zarr/zarr_implementations/zarr.zr/blosc", ANY),
    Case("ngff", "n5/elf-paintera/test.n5/range", ANY),
    Case("ngff", "n5/zarr_implementations/z5py.n5/gzip", ANY),
    Case("precomputed", "derived/ts_fib25s1_sharded_jpeg"),
    Case("precomputed", "derived/ts_fib25s1_sharded_raw_gzip"),
    Case("precomputed", "derived/ts_fib25s2crop_sharded_cseg_u32"),
    Case("precomputed", "derived/cv_fib25s2_cseg_gz_u64"),
    Case("precomputed", "derived/ts_fib25s1_unsharded_png"),
    Case("precomputed", "precomputed/webknossos-libs/simple_ng_dataset2/color"),
]  # fmt: skip


def case_name(case: Case) -> str:
    """Short enough to be read in a list of tests."""
    return f"{case.driver}-{case.path.rpartition('/')[2]}"


@pytest.fixture(params=CASES, ids=case_name, scope="module")
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


def cut_copy(case: Case, root: Path, folder: Path) -> VolumeSource:
    """A copy whose files with voxels have lost their last halves."""
    target = folder / case.path
    target.parent.mkdir(parents=True)
    if (root / case.path).is_dir():
        shutil.copytree(root / case.path, target)
        files = [p for p in target.rglob("*") if p.is_file() and p.name not in METADATA]
    else:
        shutil.copy(root / case.path, target)
        files = [target]
    for file in files:
        file.chmod(0o644)
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    return case.source(folder)


class TestRealFiles(VolumeTests):
    """The whole contract on each of the files."""

    @pytest.fixture
    def source(self, case: Case, realdata: Path) -> VolumeSource:
        return case.source(realdata)

    @pytest.fixture
    def damaged(self, case: Case, realdata: Path, tmp_path: Path) -> VolumeSource:
        return cut_copy(case, realdata, tmp_path)


@pytest.fixture(scope="module")
def sections(realdata: Path) -> NDArray[np.uint8]:
    """Quarters of four real sections, z, y, x."""
    folder = realdata / "em_stacks/isbi2012-png/train/image"
    whole = [np.asarray(Image.open(folder / f"{z}.png")) for z in range(4)]
    return np.stack(whole)[:, :256, :256].copy()


class TestRealVoxelsOfOmero(VolumeTests):
    """Real sections from an OMERO gateway; that one is ours, for none can be installed.

    The real answers of public servers come without their pixels.
    """

    @pytest.fixture
    def source(
        self, sections: NDArray[np.uint8], omero_for: Callable[..., RunningOmero]
    ) -> IdrSource:
        image = OmeroImage(sections[None, None], (0.05, 0.004, 0.004), image_id=7)
        server = omero_for(image)
        return IdrSource(server.url, image_id=7, route="rendered")

    @pytest.fixture
    def truth(self, sections: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return sections


@pytest.mark.parametrize(
    ("path", "pixel_type", "refusal"),
    [
        # of an OMERO before 5.1, and of one whose pixels no picture can hold
        ("omero-docs/WebGateway_01.json", "", "got the pixel type None"),
        (LUNG, "", "got pixels of the type float; expected uint8"),
        (LUNG, "uint8", ""),
    ],
)
def test_real_answers_of_omero(
    realdata: Path,
    omero_for: Callable[..., RunningOmero],
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    pixel_type: str,
    refusal: str,
) -> None:
    """What real servers say of an image is understood, or refused in our words."""
    answer = json.loads((realdata / "json_omero" / path).read_text("utf-8"))
    if pixel_type:  # as if it were of an image that can be had plane by plane
        answer["meta"]["pixelsType"], answer["tiles"] = pixel_type, False
    monkeypatch.setattr("servers.omero_server.image_data", lambda image: answer)
    image = OmeroImage(np.zeros((1, 1, 1, 4, 4), np.uint8), (1, 1, 1), image_id=7)
    server = omero_for(image)
    source = IdrSource(server.url, image_id=7, route="rendered", channel=0, time=0)
    if refusal:
        with pytest.raises(FormatError, match=refusal):
            _ = source.volume
        return
    size, pixel = answer["size"], answer["pixel_size"]
    grid = source.volume.grid
    assert grid.shape == (size["z"], size["height"], size["width"])
    assert grid.voxel_size == pytest.approx([1e3 * pixel[a] for a in "zyx"])

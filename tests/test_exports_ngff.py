"""OME-NGFF metadata: valid by others' models, and read back by our own driver."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from emcatalog.errors import OptionError
from emcatalog.exports import ngff
from emcatalog.geometry import Grid
from emcatalog.record import Claim, Record
from emcatalog.transport import Transport
from emcatalog_ngff import open_pyramid
from told_records import RETINA

SHAPES = [(7, 5, 3), (16, 9, 12)]
SIZES = [(50.0, 7.998250424861908, 7.998250424861908), (2.96, 4.0, 4.0)]


def halved(grid: Grid, levels: int) -> list[Grid]:
    """Grids each half as fine, whose centres lie amid those that they stand for."""
    grids = []
    for factor in (2**k for k in range(levels)):
        pairs = zip(grid.origin, grid.voxel_size, strict=True)
        z, y, x = (o + size * (factor - 1) / 2 for o, size in pairs)
        depth, height, width = (-(-n // factor) for n in grid.shape)
        a, b, c = (size * factor for size in grid.voxel_size)
        grids.append(Grid((depth, height, width), (a, b, c), (z, y, x)))
    return grids


def valid(document: dict[str, Any], version: str) -> Any:
    """The metadata as ome-zarr-models has them; it raises for what is not valid."""
    models = pytest.importorskip("ome_zarr_models")
    read = json.loads(json.dumps(document))
    if version == "0.4":
        return models.v04.image.ImageAttrs.model_validate(read)
    return models.v05.image.ImageAttrs.model_validate(read["ome"])


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", SIZES)
def test_our_driver_reads_the_grids_back(
    tmp_path: Path,
    version: str,
    shape: tuple[int, int, int],
    size: tuple[float, float, float],
) -> None:
    grids = halved(Grid(shape, size, (100.0, -30.5, 12.25)), 3)
    attributes = ngff(grids, "retina", version)
    form = 2 if version == "0.4" else 3
    group = zarr.create_group(tmp_path / "a.zarr", zarr_format=form)
    group.attrs.update(attributes)
    for k, grid in enumerate(grids):
        array = group.create_array(
            f"s{k}", shape=grid.shape, dtype="u1", chunks=(4, 4, 4)
        )
        array[:] = np.full(grid.shape, k, np.uint8)
    pyramid = open_pyramid(str(tmp_path / "a.zarr"), Transport())
    assert [volume.grid for volume in pyramid.levels] == grids
    assert pyramid.record.value("title") == "retina"
    assert pyramid.record.value("format") == f"OME-Zarr {version}"


sizes = st.floats(0.01, 1e4)
places = st.floats(-1e6, 1e6)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@settings(deadline=None)  # the first import of the models takes long
@given(size=st.tuples(sizes, sizes, sizes), origin=st.tuples(places, places, places))
def test_every_level_is_valid_and_exact(
    version: str,
    size: tuple[float, float, float],
    origin: tuple[float, float, float],
) -> None:
    grids = halved(Grid((9, 8, 7), size, origin), 3)
    (image,) = valid(ngff(grids, "em", version), version).multiscales
    assert [axis.name for axis in image.axes] == ["z", "y", "x"]
    assert {axis.unit for axis in image.axes} == {"nanometer"}
    for grid, dataset in zip(grids, image.datasets, strict=True):
        scale, translation = dataset.coordinateTransformations
        assert tuple(scale.scale) == grid.voxel_size
        assert tuple(translation.translation) == grid.origin


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_the_display_window_is_read_back(tmp_path: Path, version: str) -> None:
    record = RETINA.with_claims(
        (
            Claim("display_window", (65, 123), "file"),
            Claim("channels", ("3VBSED",), "file"),
        )
    )
    grid = Grid((2, 3, 4), (50.0, 8.0, 8.0))
    document = ngff([grid], version=version, record=record)
    inside = document if version == "0.4" else document["ome"]
    (channel,) = inside["omero"]["channels"]
    assert channel["window"] == {"start": 65, "end": 123, "min": 0, "max": 255}
    valid(document, version)
    form = 2 if version == "0.4" else 3
    group = zarr.create_group(tmp_path / "a.zarr", zarr_format=form)
    group.attrs.update(document)
    group.create_array("s0", shape=grid.shape, dtype="u1")
    found = open_pyramid(str(tmp_path / "a.zarr"), Transport()).record
    assert found.value("display_window") == (65.0, 123.0)
    assert found.value("channels") == ("3VBSED",)


def test_what_is_not_known_is_left_out() -> None:
    grid = Grid((2, 3, 4), (50.0, 8.0, 8.0))
    (image,) = ngff([grid], record=Record())["ome"]["multiscales"]
    assert set(image) == {"axes", "datasets"}
    assert "omero" not in ngff([grid], record=RETINA)["ome"]


def test_paths_are_the_callers() -> None:
    grids = halved(Grid((8, 8, 8), (4.0, 4.0, 4.0)), 2)
    datasets = ngff(grids, paths=["0", "1"])["ome"]["multiscales"][0]["datasets"]
    assert [dataset["path"] for dataset in datasets] == ["0", "1"]


FINE, COARSE = halved(Grid((8, 8, 8), (4.0, 4.0, 4.0)), 2)


@pytest.mark.parametrize(
    ("grids", "options", "message"),
    [
        ([FINE], {"version": "0.3"}, "expected 0.4 or 0.5"),
        ([], {}, "got no level"),
        ([COARSE, FINE], {}, "from the finest to the coarsest"),
        ([FINE, COARSE], {"paths": ["a"]}, "a path for each of 2 levels"),
        ([FINE, COARSE], {"paths": ["a", "a"]}, "a path for each of 2 levels"),
    ],
)
def test_errors(grids: list[Grid], options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        ngff(grids, **options)

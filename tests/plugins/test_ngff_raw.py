"""How Zarr and N5 say that they are stored, and their JSON as it was read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import store_writer as writer
from emcatalog.errors import EmcatalogError
from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport
from emcatalog.volume import Pyramid
from emcatalog_ngff import open_pyramid

TRANSPORT = Transport(mirrors=Mirrors())
VOXELS = writer.noise((4, 5, 6), "i2")


def opened(place: Path | str, **options: Any) -> Pyramid:
    return open_pyramid(str(place), TRANSPORT, **options)


def test_raw_json_of_zarr3_without_what_is_consolidated(tmp_path: Path) -> None:
    root = tmp_path / "a.zarr"
    writer.write_array(root / "0", VOXELS, zarr_format=3)
    ome = {"version": "0.5", "multiscales": [writer.multiscale("zyx", [[50, 8, 8]])]}
    group = {"zarr_format": 3, "node_type": "group", "attributes": {"ome": ome},
             "consolidated_metadata": {"metadata": {"0": {}}}}  # fmt: skip
    writer.write_json(root / "zarr.json", group)
    raw = opened(root).raw
    assert raw["zarr.json"] == {**group, "consolidated_metadata": "<left out>"}
    assert raw["0/zarr.json"] == writer.read_json(root / "0/zarr.json")


def test_real_stores_have_raw_json(realdata: Path) -> None:
    seen = 0
    for folder in ("n5", "zarr", "derived"):
        for place in sorted((realdata / folder).rglob("*")):
            if place.name not in ("attributes.json", ".zarray", ".zattrs", "zarr.json"):
                continue
            try:
                pyramid = opened(place.parent, voxel_size_nm=8)
            except EmcatalogError:
                continue
            json.dumps(pyramid.raw)
            assert pyramid.raw
            seen += 1
    assert seen > 20


@pytest.mark.parametrize(
    ("form", "dtype", "order"),
    [(2, "<i2", "little"), (2, ">i2", "big"), (2, "u1", None), (3, "<i2", "little"),
     (3, "u1", None)],
)  # fmt: skip
def test_byte_order_of_zarr(
    tmp_path: Path, form: int, dtype: str, order: str | None
) -> None:
    voxels = writer.noise((4, 5, 6), dtype)
    root = writer.write_array(tmp_path / "a.zarr", voxels, zarr_format=form)
    pyramid = opened(root, voxel_size_nm=8)
    assert pyramid.record.value("byte_order") == order
    name = ".zarray" if form == 2 else "zarr.json"
    assert pyramid.raw[name] == writer.read_json(root / name)


def test_byte_order_in_shards(tmp_path: Path) -> None:
    root = writer.write_array(
        tmp_path / "a.zarr", VOXELS.astype(np.int16), shards=(4, 6, 6), chunks=(2, 3, 3)
    )
    record = opened(root, voxel_size_nm=8).record
    assert record.value("byte_order") == "little"
    assert "sharded" in str(record.value("compression"))


def test_byte_order_of_n5(tmp_path: Path) -> None:
    root = writer.write_n5(tmp_path / "a.n5/s0", VOXELS, (4, 5, 6))
    record = opened(root, voxel_size_nm=8).record
    assert record.value("byte_order") == "big"


@pytest.mark.parametrize(
    ("filters", "lossy"),
    [([{"id": "quantize", "digits": 2, "dtype": "<f4", "astype": "<f4"}], 1),
     ([{"id": "fixedscaleoffset", "offset": 0, "scale": 1, "dtype": "<f4",
        "astype": "<f4"}], None),
     ([{"id": "delta", "dtype": "<f4", "astype": "<f4"}], 0), (None, 0)],
)  # fmt: skip
def test_filters_that_change_voxels(
    tmp_path: Path, filters: Any, lossy: int | None
) -> None:
    root = tmp_path / "a.zarr"
    array = {
        "zarr_format": 2, "shape": [4, 5, 6], "chunks": [4, 5, 6], "dtype": "<f4",
        "order": "C", "fill_value": 0, "filters": filters,
        "compressor": {"id": "zlib", "level": 1},
    }  # fmt: skip
    writer.write_json(root / ".zarray", array)
    assert opened(root, voxel_size_nm=8).record.value("lossy") == lossy

"""Damaged metadata of OME-Zarr and N5 lead to errors of ours, never to others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numcodecs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import store_writer as writer
from damage import mutated
from emcatalog.errors import EmcatalogError
from emcatalog.geometry import Region
from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport
from emcatalog_ngff import open_pyramid

TRANSPORT = Transport(mirrors=Mirrors(), attempts=1)


@settings(max_examples=250, deadline=None)
@given(data=st.data(), version=st.sampled_from(["2", "3", "6", "n5", "coded", "plate"]))
def test_damaged_metadata_give_errors_of_ours(
    data: st.DataObject, version: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp() / f"fuzz-{version}.n5"
    if not folder.exists():
        _fuzzable(folder, version)
        assert _complaint(folder) is None
    names = ("zarr.json", "attributes.json", ".zattrs", ".zarray")
    files = [p for p in sorted(folder.rglob("*")) if p.name in names]
    file = data.draw(st.sampled_from([p for p in files if writer.read_json(p)]))
    before = file.read_bytes()
    try:
        damaged = mutated(json.loads(before), data)
        file.write_text(json.dumps(damaged), encoding="utf-8")
        complaint = _complaint(folder)
    finally:
        file.write_bytes(before)
    if complaint:
        assert complaint.entry
        assert complaint.expected


def _complaint(folder: Path) -> EmcatalogError | None:
    """What the driver says of a folder; None if it reads it."""
    try:
        volume = open_pyramid(str(folder), TRANSPORT).level(0)
        volume.read(Region((0, 0, 0), (1, 1, 1)))
    except EmcatalogError as error:
        return error
    return None


def _fuzzable(folder: Path, version: str) -> None:
    fine = writer.noise((16, 16, 16))
    members = writer.multiscale("zyx", [[3, 2, 1]])
    if version in ("2", "plate"):
        writer.write_ome(folder, [fine], members)
    elif version == "3":
        writer.write_ome(folder, [fine], members, 3, shards=(16, 16, 16))
    elif version == "6":
        writer.write_ome(folder, [fine], _with_systems(), 3)
    elif version == "coded":
        filters, packed = [numcodecs.Delta("u1")], numcodecs.LZ4()
        writer.write_ome(folder, [fine], members, filters=filters, compressors=packed)
    else:
        _fuzzable_n5(folder, fine)
    if version == "plate":
        told = writer.read_json(folder / ".zattrs")
        told["plate"] = {"wells": [{"path": "A/1"}], "rows": [{"name": "A"}]}
        told["bioformats2raw.layout"] = 3
        writer.write_json(folder / ".zattrs", told)


def _with_systems() -> dict[str, Any]:
    """An image of 0.6 with every kind of transformation that is read."""
    parts = [
        {"inputAxes": [i], "outputAxes": [i], "transformation": {"type": "identity"}}
        for i in range(3)
    ]
    eye = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    steps = [
        {"type": "mapAxis", "mapAxis": [1, 2, 0]},
        {"type": "affine", "affine": [[*row, 0] for row in eye]},
        {"type": "rotation", "rotation": eye},
        {"type": "byDimension", "transformations": parts},
        {"type": "bijection", "forward": {"type": "scale", "scale": [3, 2, 1]}},
    ]
    way = {"type": "sequence", "transformations": steps}
    near = {"input": {"path": "0"}, "output": {"name": "voxels"}}
    far = {"input": "voxels", "output": "lengths", "type": "identity"}
    array = [{"name": f"dim_{i}", "type": "array"} for i in range(3)]
    return {
        "coordinateSystems": [
            {"name": "voxels", "axes": array},
            {"name": "lengths", "axes": writer.axes("zyx")},
        ],
        "datasets": [{"path": "0", "coordinateTransformations": [{**near, **way}]}],
        "coordinateTransformations": [far],
    }


def _fuzzable_n5(folder: Path, fine: NDArray[Any]) -> None:
    told = {
        "axes": ["z", "y", "x"], "units": ["nm"] * 3, "scale": [3, 2, 1],
        "translate": [0, 0, 0], "order": "C",
    }  # fmt: skip
    own = {"downsamplingFactors": [1, 1, 1], "pixelResolution": [1, 2, 3]}
    writer.write_n5(folder / "s0", fine, (8, 8, 8), {"transform": told, **own})
    group = {"multiscales": [{"datasets": [{"path": "s0", "transform": told}]}]}
    writer.write_json(folder / "attributes.json", {**group, "scales": [[1, 1, 1]]})

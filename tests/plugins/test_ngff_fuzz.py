"""Damaged metadata of OME-Zarr and N5 lead to errors of ours, never to others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import store_writer as writer
from damage import mutated
from emcatalog.errors import EmcatalogError
from emcatalog.geometry import Region
from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport
from emcatalog_ngff import open_pyramid

TRANSPORT = Transport(mirrors=Mirrors(), attempts=1)


@settings(max_examples=250, deadline=None)
@given(data=st.data(), version=st.sampled_from(["2", "3", "n5"]))
def test_damaged_metadata_give_errors_of_ours(
    data: st.DataObject, version: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp() / f"fuzz-{version}.n5"
    if not folder.exists():
        _fuzzable(folder, version)
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
    if version != "n5":
        members = writer.multiscale("zyx", [[3, 2, 1]])
        more: dict[str, Any] = {"shards": (16, 16, 16)} if version == "3" else {}
        writer.write_ome(folder, [fine], members, int(version), **more)
        return
    told = {
        "axes": ["z", "y", "x"], "units": ["nm"] * 3, "scale": [3, 2, 1],
        "translate": [0, 0, 0], "order": "C",
    }  # fmt: skip
    own = {"downsamplingFactors": [1, 1, 1], "pixelResolution": [1, 2, 3]}
    writer.write_n5(folder / "s0", fine, (8, 8, 8), {"transform": told, **own})
    group = {"multiscales": [{"datasets": [{"path": "s0", "transform": told}]}]}
    writer.write_json(folder / "attributes.json", {**group, "scales": [[1, 1, 1]]})

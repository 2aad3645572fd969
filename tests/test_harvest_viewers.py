"""States of Neuroglancer, and the server DVID."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emcatalog.errors import FormatError
from emcatalog.harvest import Evidence, understood
from emcatalog.record import Claim, Record

URL = "https://a.org/state.json"


def said(kind: str, document: object, url: str = URL) -> Record:
    return Record(understood(Evidence(kind, url), json.dumps(document).encode()))


def of(record: Record, field: str) -> list[Claim]:
    return [claim for claim in record.claims if claim.field == field]


def size(record: Record, field: str = "voxel_size") -> list[Any]:
    return [record.value(f"{field}_{axis}") for axis in "zyx"]


STATE = {
    "title": "A brain",
    "dimensions": {axis: [8e-9, "m"] for axis in "xyz"},
    "layers": [
        {"type": "image", "name": "em", "source": "precomputed://gs://b/em"},
        {"type": "segmentation", "name": "cells", "source": "precomputed://gs://b/s"},
        {"type": "segmentation", "name": "mito", "source": {"url": "x"}},
        {"type": "annotation", "name": "synapses", "source": "y"},
    ],
}


def test_a_state_of_neuroglancer() -> None:
    record = said("neuroglancer", STATE)
    assert {f: record.value(f) for f in record.fields} == {
        "title": "A brain",
        "download": ("precomputed://gs://b/em",),
        "voxel_size_z": 8.0,
        "voxel_size_y": 8.0,
        "voxel_size_x": 8.0,
        "segmentations": ("cells", "mito"),
    }
    assert {claim.source for claim in record.claims} == {"page"}
    assert of(record, "voxel_size_z")[0].locator.endswith("(grid of the viewer)")


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("a", ("a",)),
        ({"url": "a"}, ("a",)),
        (["a", {"url": "b"}, 3, {"url": 4}], ("a", "b")),
        (5, None),
    ],
)
def test_sources_of_a_layer(source: Any, found: Any) -> None:
    record = said("neuroglancer", {"layers": [{"type": "image", "source": source}]})
    assert record.value("download") == found


def test_states_of_old() -> None:
    old = {
        "layers": {"em": {"type": "image"}, "mito": {"type": "segmentation"}},
        "navigation": {"pose": {"position": {"voxelSize": [4, 5, 40]}}},
    }
    record = said("neuroglancer", old)
    assert size(record) == [40.0, 5.0, 4.0]
    assert record.value("segmentations") == ("mito",)


@pytest.mark.parametrize(
    "scale", [[8, ""], [8e-9, "s"], [8e-9, None], [0, "m"], [1, "m"], ["wide", "m"], 8]
)
def test_a_grid_that_is_no_length_is_doubted(scale: Any) -> None:
    record = said("neuroglancer", {"layers": [], "dimensions": {"z": scale}})
    assert [claim.field for claim in record.doubts()] == ["voxel_size_z"]


def test_other_documents_are_no_state() -> None:
    with pytest.raises(FormatError, match="JSON without layers"):
        said("neuroglancer", {"dimensions": {}})


def dvid(**extended: Any) -> Record:
    members = {
        "MinPoint": [0, 0, 0],
        "MaxPoint": [34431, 39724, 41407],
        "BlockSize": [64, 64, 64],
        "VoxelSize": [8, 9, 10],
        "VoxelUnits": ["nanometers", "nanometers", "nanometers"],
        "Values": [{"DataType": "uint8"}],
    }
    return said("dvid", {"Base": {}, "Extended": members | extended})


def test_dvid_counts_from_the_first_to_the_last_voxel_along_x_y_z() -> None:
    record = dvid()
    assert {f: record.value(f) for f in record.fields} == {
        "depth": 41408,
        "height": 39725,
        "width": 34432,
        "pixel_type": "uint8",
        "bits": 8,
        "voxel_size_z": 10.0,
        "voxel_size_y": 9.0,
        "voxel_size_x": 8.0,
    }
    places = [of(record, field)[0].locator for field in ("width", "height")]
    assert places[0].endswith("MaxPoint.0 (last voxel; whole blocks)")
    assert places[1].endswith("MaxPoint.1 (last voxel)")
    moved = dvid(MinPoint=[1000, 0, -8])
    assert [moved.value(f) for f in ("depth", "width")] == [41416, 33432]


@pytest.mark.parametrize("first", [None, [], [None] * 3, "0", ["a", "b", "c"]])
def test_a_last_voxel_without_a_first_is_no_size(first: Any) -> None:
    record = dvid(MinPoint=first)
    assert [record.value(f) for f in ("depth", "height", "width")] == [None] * 3
    assert len(record.doubts()) == 3


def test_other_documents_are_no_info_of_dvid() -> None:
    with pytest.raises(FormatError, match="without the member Extended"):
        said("dvid", {"Base": {}})

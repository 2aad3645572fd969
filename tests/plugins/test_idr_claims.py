"""What imgData tells, as claims of the server: facts, doubts, and the answer itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emcatalog.mirror import use_mirror
from emcatalog.record import Claim
from emcatalog_idr import IdrSource
from emcatalog_idr.server import ServerImage

IMAGE = 9846137
ANSWER: dict[str, Any] = {
    "meta": {
        "imageName": "grey.tif", "pixelsType": "uint8", "imageTimestamp": 1591778400.0,
        "projectName": "idr0086", "datasetName": "U2OS",
    },
    "pixel_size": {"x": 0.02, "y": 0.02, "z": 0.02},
    "channels": [{"label": "0", "window": {"start": 36.0, "end": 199.0}}],
}  # fmt: skip


def told(field: str, **members: Any) -> list[Claim]:
    """Claims about a field, of an answer with other members."""
    answer = {**ANSWER, **members}
    image = ServerImage(7, "url", (4, 20, 30), 1, 1, "uint8", False, answer)
    return [claim for claim in image.claims(0) if claim.field == field]


def test_micrometres_are_a_thousand_nanometres() -> None:
    for axis in "zyx":
        (claim,) = told(f"voxel_size_{axis}")
        assert (claim.value, claim.unit, claim.source) == (20.0, "nm", "server")
        assert claim.locator == f"pixel_size.{axis}"


@pytest.mark.parametrize("size", [None, "absent"])
def test_a_size_that_is_not_told_is_no_claim(size: Any) -> None:
    sizes = {"y": 0.02} if size == "absent" else {"x": None, "y": 0.02}
    assert told("voxel_size_x", pixel_size=sizes) == []
    assert told("voxel_size_x", pixel_size=None) == []


@pytest.mark.parametrize(
    ("size", "word"),
    [
        (0, "0 nm"), (-0.02, "-20 nm"), (1e6, "1e+09 nm"), (float("nan"), "nan"),
        ("20 nm wide", "20 nm wide"), ([0.02], "[0.02]"), (True, "True"),
        (10**400, "not"),
    ],
)  # fmt: skip
def test_a_size_that_cannot_be_is_a_doubt(size: Any, word: str) -> None:
    (claim,) = told("voxel_size_x", pixel_size={"x": size})
    assert word in claim.doubt


@given(st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text()),
    lambda inner: st.lists(inner, max_size=3),
))  # fmt: skip
def test_any_size_and_any_timestamp(value: Any) -> None:
    found = told("voxel_size_x", pixel_size={"x": value})
    assert len(found) == (value is not None)
    days = told("acquired", meta={**ANSWER["meta"], "imageTimestamp": value})
    assert all(claim.doubt for claim in days)


def test_the_day_may_be_that_of_import() -> None:
    (claim,) = told("acquired")
    assert claim.value == "2020-06-10"
    assert "import" in claim.doubt


def test_raw_is_the_answer_and_what_the_file_says(sample_root: Path) -> None:
    with use_mirror(sample_root):
        file = IdrSource(image_id=IMAGE).pyramid
        rendered = IdrSource(image_id=IMAGE, route="rendered").pyramid
    raw: Any = file.raw
    assert raw["imgData"]["pixel_size"] == {"x": 0.02, "y": 0.02, "z": 0.02}
    assert raw["file"]["tags"]["XResolution"] == [50000000, 1000000]
    assert rendered.raw == {"imgData": raw["imgData"]}
    json.dumps(raw, allow_nan=False)
    record = file.record
    assert [c.value for c in record.about("voxel_size_z")] == [20.0, 20.0]
    assert [c.source for c in record.about("voxel_size_z")] == ["file", "server"]
    assert record.value("byte_order") == "big"

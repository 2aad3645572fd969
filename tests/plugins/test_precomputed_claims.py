"""What an info file says, as claims: of each scale, doubts, and the file itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import store_writer as writer
from emcatalog.errors import EmcatalogError, FormatError
from emcatalog.mirror import Mirrors
from emcatalog.testing import traffic
from emcatalog.transport import Transport
from emcatalog.volume import Pyramid
from emcatalog_precomputed import open_pyramid

TRANSPORT = Transport(mirrors=Mirrors(), attempts=1)
SHARDING = {
    "@type": "neuroglancer_uint64_sharded_v1", "hash": "identity", "preshift_bits": 9,
    "minishard_bits": 6, "shard_bits": 15, "minishard_index_encoding": "gzip",
    "data_encoding": "gzip",
}  # fmt: skip


def opened(folder: Path, *scales: dict[str, Any], **members: Any) -> Pyramid:
    writer.write_json(folder / "info", writer.info(scales, **members))
    return open_pyramid(str(folder), TRANSPORT)


def level(n: int, **members: Any) -> dict[str, Any]:
    """Scale number ``n``, twice as coarse as the one before."""
    told = {"resolution": [8 << n] * 3, **members}
    return writer.scale(f"{8 << n}_{8 << n}_{8 << n}", [64 >> n] * 3, **told)


def test_a_lossy_sharded_image(tmp_path: Path) -> None:
    """As the electron microscopy of FlyEM is stored."""
    more = {"encoding": "jpeg", "jpeg_quality": 75, "sharding": SHARDING}
    with traffic() as seen:
        pyramid = opened(tmp_path, *(level(n, **more) for n in range(4)))
    assert seen.requests == 1
    record = pyramid.record
    expected = {
        "compression": "jpeg quality 75, sharded, gzip", "lossy": 1, "kind": "image",
        "pixel_type": "uint8", "note": None, "byte_order": None,
        "voxel_size_z": 8.0, "origin_z": 4.0,
    }  # fmt: skip
    assert {name: record.value(name) for name in expected} == expected
    assert record.conflicts() == ()
    assert record.doubts() == ()


def test_scales_that_are_stored_otherwise_are_told(tmp_path: Path) -> None:
    pyramid = opened(tmp_path, level(0, encoding="jpeg"), level(1), level(2))
    note = "stored otherwise: 16_16_16 as raw, 32_32_32 as raw"
    assert pyramid.record.value("note") == note
    assert pyramid.record.value("lossy") == 1


@pytest.mark.parametrize(
    ("data_type", "encoding", "order"),
    [("uint16", "raw", "little"), ("uint8", "raw", None), ("uint16", "png", None),
     ("uint64", "compressed_segmentation", "little")],
)  # fmt: skip
def test_byte_order_follows_from_the_format(
    tmp_path: Path, data_type: str, encoding: str, order: str | None
) -> None:
    scale = level(0, encoding=encoding)
    record = opened(tmp_path, scale, data_type=data_type).record
    assert record.value("byte_order") == order
    assert {c.source for c in record.about("byte_order")} <= {"default"}


@pytest.mark.parametrize("size", [0, -8, 1e9, 1e-9, float("nan"), "8", None])
def test_voxels_that_cannot_be_are_refused(tmp_path: Path, size: Any) -> None:
    """No option declares them: the info file alone knows."""
    with pytest.raises(FormatError, match="resolution"):
        opened(tmp_path, level(0, resolution=[8, 8, size]))


def test_coarse_scales_may_be_of_any_size(tmp_path: Path) -> None:
    pyramid = opened(tmp_path, level(0), level(1, resolution=[3e7] * 3))
    assert pyramid.level(1).grid.voxel_size == (3e7,) * 3


def test_raw_is_the_info_file(tmp_path: Path) -> None:
    more = {"mesh": "mesh", "comment": {"by": ["us"]}}
    pyramid = opened(tmp_path, level(0, hidden=True), **more)
    assert pyramid.raw == {"info": writer.read_json(tmp_path / "info")}


def test_real_infos(realdata: Path) -> None:
    seen = 0
    for place in sorted((realdata / "precomputed").rglob("info")):
        try:
            pyramid = open_pyramid(str(place.parent), TRANSPORT)
        except EmcatalogError:
            continue
        assert pyramid.raw == {"info": json.loads(place.read_text("utf-8"))}
        assert pyramid.record.doubts() == ()
        seen += 1
    assert seen > 5

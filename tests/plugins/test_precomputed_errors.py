"""The precomputed driver on info files that are damaged, foreign or not read."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import store_writer as writer
from damage import mutated
from emcatalog.errors import (
    AccessDeniedError,
    ContentError,
    EmcatalogError,
    FormatError,
    NotFoundError,
)
from emcatalog.geometry import Region
from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport
from emcatalog.volume import Pyramid
from emcatalog_precomputed import open_pyramid
from emcatalog_precomputed.info import parse_info
from servers import login_page, status

TRANSPORT = Transport(mirrors=Mirrors(), attempts=1)
SHARDING = {
    "@type": "neuroglancer_uint64_sharded_v1",
    "hash": "identity",
    "preshift_bits": 9,
    "minishard_bits": 6,
    "shard_bits": 15,
    "minishard_index_encoding": "gzip",
    "data_encoding": "gzip",
}

SCALE = writer.scale("8_8_8", [20, 20, 20])


def opened(place: Path | str, **options: Any) -> Pyramid:
    return open_pyramid(str(place), TRANSPORT, **options)


def _one(**members: Any) -> bytes:
    scale = {**writer.scale("8_8_8", [20, 20, 20]), **members}
    return json.dumps(writer.info([scale])).encode()


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"encoding": "crackle"}, r"the chunk encoding 'crackle' in scales\[0\]"),
        ({"encoding": "fpzip"}, "expected one of raw, jpeg, png, compressed_segm"),
        ({"encoding": "zfpc"}, "write the volume anew, as raw or compressed_segm"),
        ({"encoding": "kempressed"}, "cloud-volume may"),
        ({"encoding": 5}, "the chunk encoding 5"),
        ({"key": ""}, r"scales\[0\]\.key = ''; expected the name of a folder"),
        ({"key": "../other/8_8_8"}, "a path inside the volume's folder"),
        ({"key": "/etc"}, "a path inside the volume's folder"),
        ({"size": [20, 20]}, r"scales\[0\]\.size = .* three whole numbers: x, y, z"),
        ({"size": [20, 20, 0]}, "a number from 1 to"),
        ({"size": [20, 20, 2**50]}, "a number from 1 to"),
        ({"size": [20, 20, 1.5]}, "a whole number"),
        ({"size": [20, 20, True]}, "a whole number"),
        ({"voxel_offset": "0"}, r"voxel_offset = '0'"),
        ({"resolution": [8, 8, -8]}, "positive lengths in nanometres"),
        ({"resolution": [8, 8, 1e400]}, "positive lengths in nanometres"),
        ({"resolution": [8, 8, "8"]}, "three lengths in nanometres"),
        ({"chunk_sizes": []}, "a list of chunk sizes"),
        ({"chunk_sizes": [[2048, 2048, 2048]]}, "at most 4 GiB a chunk"),
        ({"sharding": []}, r"sharding = \[\]; expected a JSON object"),
        ({"sharding": {**SHARDING, "hash": "md5"}}, "hash = 'md5'"),
        ({"sharding": {**SHARDING, "shard_bits": 99}}, "a number from 0 to 64"),
        ({"sharding": {**SHARDING, "data_encoding": "br"}}, "data_encoding = 'br'"),
        ({"sharding": {**SHARDING, "minishard_bits": 61}}, "from 0 to 60"),
    ],
)
def test_scales_that_are_refused(
    tmp_path: Path, members: dict[str, Any], message: str
) -> None:
    (tmp_path / "info").write_bytes(_one(**members))
    with pytest.raises(FormatError, match=message) as caught:
        opened(tmp_path)
    assert caught.value.entry.startswith(str(tmp_path))


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"@type": "neuroglancer_annotations_v1"}, "annotations, meshes and skeletons"),
        ({"type": "mesh"}, "info: type = 'mesh'; expected one of image, segmentation"),
        (
            {"data_type": "float16"},
            "info: data_type = 'float16'; expected one of uint8",
        ),
        ({"num_channels": 0}, "info: num_channels = 0; expected a number from 1"),
        (
            {
                "num_channels": 2,
                "scales": [writer.scale("8", [9] * 3, encoding="jpeg")],
            },
            r"2 channels of uint8 as jpeg in scales\[0\]; expected 1 or 3 channels",
        ),
        (
            {"data_type": "int32", "scales": [SCALE | {"encoding": "compresso"}]},
            "int32 as compresso in .* expected 1 channels of uint8 or uint16 or",
        ),
        ({"scales": []}, "a list of 1 to 64 scales"),
        ({"scales": [1]}, r"scales\[0\] = 1; expected a JSON object"),
        ({"graph": {}, "data_dir": "gs://b/ws"}, "a volume at 'gs://b/ws'"),
    ],
)
def test_infos_that_are_refused(members: dict[str, Any], message: str) -> None:
    told = {**json.loads(_one()), **members}
    with pytest.raises(FormatError, match=message):
        parse_info(json.dumps(told).encode())


def test_what_is_tolerated() -> None:
    told = json.loads(_one(chunk_sizes=[[16, 16, 16], [8, 8, 8]], size=[20.0, 20, 20]))
    del told["@type"], told["scales"][0]["voxel_offset"]
    told["scales"][0]["hidden"] = True
    found = parse_info(json.dumps(told).encode())
    assert found.scales[0].chunk == (16, 16, 16)
    assert found.scales[0].offset == (0, 0, 0)


def test_infos_as_editors_and_others_leave_them(tmp_path: Path) -> None:
    """A byte order mark, gzip, unknown members; the first of several chunk sizes."""
    told = json.loads(_one(chunk_sizes=[[16, 16, 16], [8, 8, 8]], note={"a": [1]}))
    text = json.dumps(told | {"mesh": "mesh", "unknown": None}).encode()
    for content in (b"\xef\xbb\xbf" + text, gzip.compress(text), b"\n " + text):
        (tmp_path / "info").write_bytes(content)
        assert opened(tmp_path).level(0).chunks == (16, 16, 16)
    (tmp_path / "info").write_bytes(gzip.compress(text)[:-20])
    with pytest.raises(EmcatalogError, match="does not unpack"):
        opened(tmp_path)


def test_info_that_is_refused(faulty_http: Any, tmp_path: Path) -> None:
    (tmp_path / "info").write_bytes(_one())
    server = faulty_http(tmp_path)
    server.faults.add(status(403))
    with pytest.raises(AccessDeniedError, match="/info"):
        opened(server.url)
    server.faults.clear()
    server.faults.add(login_page)
    with pytest.raises(ContentError, match="/info.*HTML"):
        opened(server.url)


def test_info_that_is_something_else(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="info"):
        opened(tmp_path)
    for text, kind in (
        (b"{", FormatError),
        (b"[" * 100_000, FormatError),
        (b"[1]", FormatError),
        (b"\xff\xfe", FormatError),
        (b"<html></html>", ContentError),
    ):
        (tmp_path / "info").write_bytes(text)
        with pytest.raises(kind):
            opened(tmp_path)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_damaged_infos_give_errors_of_ours(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.getbasetemp() / "fuzz-precomputed"
    more = data.draw(st.sampled_from([{}, {"sharding": SHARDING}]))
    told = mutated(json.loads(_one(voxel_offset=[1, 2, 3], **more)), data)
    writer.write_json(root / "info", told)
    complaint = _complaint(root)
    if complaint:
        assert complaint.entry
        assert complaint.expected


def _complaint(root: Path) -> EmcatalogError | None:
    """What the driver says of a folder; None if it reads it."""
    try:
        volume = opened(root).level(0)
        volume.read(Region((0, 0, 0), (1, 1, 1)))
        volume.stored(Region((0, 0, 0), (1, 1, 1)))
    except EmcatalogError as error:
        return error
    return None

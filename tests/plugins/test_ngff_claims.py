"""What Zarr, NGFF and N5 metadata say: claims by each convention, doubts, raw JSON."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import store_writer as writer
from emcatalog.errors import EmcatalogError
from emcatalog.mirror import Mirrors
from emcatalog.record import Record
from emcatalog.testing import traffic
from emcatalog.transport import Transport
from emcatalog.volume import Pyramid
from emcatalog_ngff import open_pyramid

TRANSPORT = Transport(mirrors=Mirrors())
VOXELS = writer.noise((4, 5, 6), "i2")
COSEM = {
    "axes": ["z", "y", "x"], "units": ["nm"] * 3, "scale": [5.24, 4.0, 4.0],
    "translate": [0.0, 0.0, 0.0],
}  # fmt: skip


def opened(place: Path | str, **options: Any) -> Pyramid:
    return open_pyramid(str(place), TRANSPORT, **options)


def about(record: Record, axis: str) -> list[Any]:
    """What files say of a voxel size and is believed."""
    found = record.about(f"voxel_size_{axis}")
    return [c.value for c in found if c.source == "file" and not c.doubt]


def doubts(record: Record) -> list[tuple[str, str]]:
    return [(c.field[-1], c.doubt) for c in record.doubts()]


def n5(
    folder: Path, array: dict[str, Any], group: dict[str, Any] | None = None
) -> Path:
    """An N5 group of the level s0, with attributes of the array and of the group."""
    root = folder / "a.n5"
    writer.write_n5(root / "s0", VOXELS, (4, 5, 6))
    place = root / "s0/attributes.json"
    writer.write_json(place, {**writer.read_json(place), **array})
    writer.write_json(root / "attributes.json", group or {"n5": "2.5.0"})
    return root


def of_group(folder: Path, *rows: tuple[str, Any]) -> Path:
    """A Zarr v2 group of one level, with OME's attributes and ``rows`` besides."""
    root = folder / "a.zarr"
    writer.write_ome(root, [VOXELS], writer.multiscale("zyx", [[50, 8, 8]]))
    told = writer.read_json(root / ".zattrs")
    writer.write_json(root / ".zattrs", {**told, **dict(rows)})
    return root


def test_the_attributes_of_the_nucleus_accumbens(sources: Path, tmp_path: Path) -> None:
    text = (sources / "nacc2_fibsem-int16_zattrs.json").read_text("utf-8")
    root, attributes = tmp_path / "a.zarr", json.loads(text)
    tree = json.loads((sources / "nacc2_zarr_tree.json").read_text("utf-8"))
    for path, told in tree["children"].items():
        array = {
            "zarr_format": 2, "shape": told["shape"], "chunks": told["chunks"],
            "dtype": "<i2", "order": "C", "fill_value": 0, "filters": None,
            "dimension_separator": "/", "compressor": {"id": "zstd", "level": 1},
        }  # fmt: skip
        writer.write_json(root / path / ".zarray", array)
    writer.write_json(root / ".zattrs", attributes)
    with traffic() as seen:
        pyramid = opened(root)
    assert seen.requests <= 1 + len(tree["children"])
    record = pyramid.record
    expected = {
        "voxel_size_z": 2.96, "voxel_size_y": 4.0, "voxel_size_x": 4.0,
        "pixel_type": "int16", "compression": "zstd", "byte_order": "little",
        "format": "OME-Zarr 0.4", "lossy": 0,
    }  # fmt: skip
    assert {name: record.value(name) for name in expected} == expected
    assert record.conflicts() == ()
    assert record.doubts() == ()
    assert pyramid.raw[".zattrs"] == attributes
    assert len(pyramid.raw) == 1 + len(tree["children"])
    json.dumps(pyramid.raw)


def test_cosem_and_n5_viewer_that_disagree_are_a_conflict(tmp_path: Path) -> None:
    """The transform places the voxels, z last in N5's own list of resolutions."""
    pixels = {"dimensions": [4.0, 4.0, 3.24], "unit": "nm"}
    record = opened(
        n5(tmp_path, {"transform": COSEM, "pixelResolution": pixels})
    ).record
    assert about(record, "z") == [5.24, 3.24]
    (conflict,) = record.conflicts()
    assert conflict.field == "voxel_size_z"
    assert conflict.winner.locator == "transform"
    assert conflict.losers[0].locator == "s0: pixelResolution.dimensions"


@pytest.mark.parametrize(
    ("array", "group", "z"),
    [
        ({"transform": COSEM}, {}, [5.24]),
        ({"transform": {**COSEM, "order": "F", "axes": ["x", "y", "z"],
                        "scale": [4.0, 4.0, 5.24]}}, {}, [5.24]),
        ({"resolution": [4, 4, 5.24], "units": ["nm"] * 3}, {}, [5.24]),
        ({"resolution": [4, 4, 5.24], "units": ["nm"] * 3},
         {"pixelResolution": {"dimensions": [4, 4, 5], "unit": "nm"}}, [5.24, 5.0]),
        ({"pixelResolution": {"dimensions": [4, 4, 5], "unit": "nm"}},
         {"pixelResolution": {"dimensions": [4, 4, 5], "unit": "nm"}}, [5.0, 5.0]),
        ({"transform": COSEM, "resolution": [4, 4, 0.00524], "units": ["um"] * 3}, {},
         [5.24, 5.24]),
        ({}, {"multiscales": [{"datasets": [{"path": "s0", "transform": COSEM}]}]},
         [5.24]),
        ({"transform": {**COSEM, "scale": [6.0, 4.0, 4.0]}},
         {"multiscales": [{"datasets": [{"path": "s0", "transform": COSEM}]}]},
         [5.24, 6.0]),
        ({"spatialTransform": {"transform": {"type": "scale", "scale": [4, 4, 7]},
                               "unit": "nm"}, "transform": COSEM}, {}, [5.24, 7.0]),
    ],
)  # fmt: skip
def test_each_convention_of_n5_is_a_claim(
    tmp_path: Path, array: dict[str, Any], group: dict[str, Any], z: list[float]
) -> None:
    record = opened(n5(tmp_path, array, group)).record
    assert about(record, "z") == z
    assert len(about(record, "x")) == len(z)
    assert doubts(record) == []


@pytest.mark.parametrize(
    ("array", "word"),
    [
        ({"pixelResolution": [4, 4, 5]}, "unit is not told"),
        ({"pixelResolution": {"dimensions": [4, 4, 5], "unit": "pixel"}}, "pixel"),
        ({"pixelResolution": {"dimensions": [4, 4], "unit": "nm"}}, "[4, 4]"),
        ({"pixelResolution": {"dimensions": [0, -1, 1e9], "unit": "nm"}}, "nm is"),
        ({"pixelResolution": "fine"}, "fine"),
        ({"resolution": [10**400] * 3, "units": ["nm"] * 3,
          "downsamplingFactors": [1.0] * 3}, "no finite number"),
        ({"resolution": [4, 4, 5]}, "unit is not told"),
        ({"spatialTransform": {"transform": {"type": "wave"}}}, "wave"),
    ],
)  # fmt: skip
def test_what_cannot_be_beside_a_transform_is_a_doubt(
    tmp_path: Path, array: dict[str, Any], word: str
) -> None:
    record = opened(n5(tmp_path, {"transform": COSEM, **array})).record
    assert about(record, "z") == [5.24]
    found = doubts(record)
    assert {axis for axis, _ in found} == set("zyx")
    assert all(word in doubt for _, doubt in found), found


def test_coarser_levels_have_the_resolution_of_the_finest(tmp_path: Path) -> None:
    pixels = {"dimensions": [4.0, 4.0, 5.0], "unit": "nm"}
    array = {"pixelResolution": pixels, "downsamplingFactors": [2, 2, 1],
             "transform": {**COSEM, "scale": [5.0, 8.0, 8.0]}}  # fmt: skip
    root = n5(tmp_path, array)
    record = opened(root / "s0").record
    assert [about(record, axis) for axis in "zyx"] == [[5.0] * 2, [8.0] * 2, [8.0] * 2]


def test_conventions_of_n5_in_zarr_are_claims_too(tmp_path: Path) -> None:
    """In Zarr z is the first dimension; n5-viewer lists x first all the same."""
    pixels = {"dimensions": [8.0, 8.0, 40.0], "unit": "nm"}
    record = opened(of_group(tmp_path, ("pixelResolution", pixels))).record
    assert [about(record, axis) for axis in "zyx"] == [[50, 40], [8, 8], [8, 8]]
    assert [c.field for c in record.conflicts()] == ["voxel_size_z"]
    record = opened(of_group(tmp_path, ("transform", COSEM))).record
    assert [about(record, axis) for axis in "zyx"] == [[50, 5.24], [8, 4], [8, 4]]


def test_a_transform_of_a_plain_array_is_beside_what_is_declared(
    tmp_path: Path,
) -> None:
    attributes = {"transform": {**COSEM, "scale": [40.0, 4.0, 4.0]}}
    root = writer.write_array(tmp_path / "a.zarr", VOXELS, attributes=attributes)
    pyramid = opened(root, voxel_size_nm=[50, 4, 4])
    (conflict,) = pyramid.record.conflicts()
    assert (conflict.winner.value, conflict.losers[0].value) == (40.0, 50.0)
    assert pyramid.level(0).grid.voxel_size == (40.0, 4.0, 4.0)


@pytest.mark.parametrize(
    ("unit", "scale", "word"),
    [
        (None, 50.0, "unit is not told"),
        ("pixel", 50.0, "pixel"),
        ("pixel", 1.0, "pixel"),
        ("nanometer", 1e9, "1e+09"),
        ("nanometer", 1e-9, "1e-09"),
        (None, 1.0, ""),
    ],
)
def test_scales_of_ngff_that_cannot_be_are_doubts(
    tmp_path: Path, unit: str | None, scale: float, word: str
) -> None:
    root = of_group(tmp_path)
    told = writer.multiscale("zyx", [[scale, 8, 8]], "nanometer")
    told["axes"][0] = {"name": "z", "type": "space", **({"unit": unit} if unit else {})}
    writer.write_json(root / ".zattrs", {"multiscales": [told]})
    with pytest.raises(EmcatalogError, match="no voxel size along z"):
        opened(root)
    pyramid = opened(root, voxel_size_nm=[40, None, None])
    assert pyramid.level(0).grid.voxel_size == (40.0, 8.0, 8.0)
    found = doubts(pyramid.record)
    assert [(axis, word in doubt) for axis, doubt in found] == [("z", True)] * bool(
        word
    )


NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False), st.integers(), st.none(),
    st.text(max_size=5), st.booleans(), st.lists(st.integers(), max_size=3),
)  # fmt: skip
ATTRIBUTES = st.fixed_dictionaries(
    {},
    optional={
        "pixelResolution": st.one_of(
            NUMBERS,
            st.fixed_dictionaries({}, optional={
                "dimensions": st.one_of(NUMBERS, st.lists(NUMBERS, max_size=4)),
                "unit": st.one_of(NUMBERS, st.just("nm")),
            }),
        ),
        "resolution": st.one_of(NUMBERS, st.lists(NUMBERS, max_size=4)),
        "units": st.one_of(NUMBERS, st.lists(st.sampled_from(["nm", "s"]), max_size=4)),
        "spatialTransform": NUMBERS,
        "downsamplingFactors": st.one_of(NUMBERS, st.lists(NUMBERS, max_size=4)),
    },
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(ATTRIBUTES, ATTRIBUTES)
def test_any_attributes_beside_a_transform_are_claims_or_doubts(
    array: dict[str, Any], group: dict[str, Any]
) -> None:
    told = len({"pixelResolution", "resolution", "spatialTransform"} & array.keys())
    told += len({"pixelResolution", "resolution", "spatialTransform"} & group.keys())
    with tempfile.TemporaryDirectory() as folder:
        root = n5(Path(folder), {**array, "transform": COSEM}, group)
        try:
            pyramid = opened(root)
        except EmcatalogError:  # of factors and axes that place the levels
            return
    assert len(pyramid.record.about("voxel_size_z")) == 1 + told
    assert pyramid.level(0).grid.voxel_size == (5.24, 4.0, 4.0)
    json.dumps(pyramid.raw)

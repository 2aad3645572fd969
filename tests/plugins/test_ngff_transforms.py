"""Coordinate transformations of OME-NGFF, and the coordinate systems of 0.6."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import store_writer as writer
from emcatalog.errors import FormatError, OptionError
from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport
from emcatalog.volume import Pyramid
from emcatalog_ngff import open_pyramid
from emcatalog_ngff.transformations import AxisMap, axis_map

TRANSPORT = Transport(mirrors=Mirrors())
SHAPE = (4, 5, 6)
Json = dict[str, Any]


def opened(place: Path | str, **options: Any) -> Pyramid:
    return open_pyramid(str(place), TRANSPORT, **options)


def write(
    root: Path,
    transformation: Json,
    outer: list[Json] | None = None,
    systems: list[Json] | None = None,
) -> Path:
    """A 0.6 image of one level, which leads to the system ``world``."""
    own = [{"name": "world", "axes": writer.axes("zyx")}]
    edge = {**transformation, "input": {"path": "0"}, "output": {"name": "world"}}
    members = {
        "coordinateSystems": systems or own,
        "datasets": [{"path": "0", "coordinateTransformations": [edge]}],
        **({"coordinateTransformations": outer} if outer else {}),
    }
    return writer.write_ome(root, [writer.noise(SHAPE)], members, version=3)


numbers = st.floats(0.01, 100).map(lambda v: round(v, 3))
maps = st.permutations([0, 1, 2]).flatmap(
    lambda order: st.builds(
        AxisMap,
        st.just(tuple(order)),
        st.tuples(numbers, numbers, numbers),
        st.tuples(*(st.floats(-50, 50),) * 3),
    )
)


def put(found: AxisMap, point: tuple[float, ...]) -> tuple[float, ...]:
    rows = zip(found.source, found.scale, found.translation, strict=True)
    return tuple(point[j] * s + t for j, s, t in rows)


@given(a=maps, b=maps, c=maps, index=st.integers(0, 100))
def test_maps_compose(a: AxisMap, b: AxisMap, c: AxisMap, index: int) -> None:
    """One after the other is the same as both at once; identity changes nothing."""
    point = (float(index), 3.0, 7.0)
    assert put(a.then(b), point) == pytest.approx(put(b, put(a, point)))
    left, right = a.then(b).then(c), a.then(b.then(c))
    assert left.source == right.source
    assert left.scale == pytest.approx(right.scale)
    assert left.translation == pytest.approx(right.translation, abs=1e-6)
    same = AxisMap.identity(3)
    assert a.then(same) == a == same.then(a)


@given(a=maps, b=maps)
def test_spellings_agree(a: AxisMap, b: AxisMap) -> None:
    """A sequence, a matrix and parts by dimension say the same."""
    sequence = {"type": "sequence", "transformations": [*_steps(a), *_steps(b)]}
    want = put(a.then(b), (2.0, 3.0, 5.0))
    assert put(axis_map(sequence, "", 3), (2.0, 3.0, 5.0)) == pytest.approx(want)
    assert axis_map({"type": "affine", "affine": _matrix(a)}, "", 3) == a
    parts = {"type": "byDimension", "transformations": _parts(a)}
    assert put(axis_map(parts, "", 3), (2.0, 3.0, 5.0)) == pytest.approx(
        put(a, (2.0, 3.0, 5.0))
    )
    pair = {"type": "bijection", "forward": sequence, "inverse": {}}
    assert axis_map(pair, "", 3) == axis_map(sequence, "", 3)


def _steps(found: AxisMap) -> list[Json]:
    return [
        {"type": "mapAxis", "mapAxis": list(found.source)},
        {"type": "scale", "scale": list(found.scale)},
        {"type": "translation", "translation": list(found.translation)},
    ]


def _matrix(found: AxisMap) -> list[list[float]]:
    rows = np.zeros((3, 4))
    for i, (j, s, t) in enumerate(
        zip(found.source, found.scale, found.translation, strict=True)
    ):
        rows[i, j], rows[i, 3] = s, t
    return [[float(v) for v in row] for row in rows]


def _parts(found: AxisMap) -> list[Json]:
    return [
        {
            "inputAxes": [j],
            "outputAxes": [i],
            "transformation": {"type": "affine", "affine": [[s, t]]},
        }
        for i, (j, s, t) in enumerate(
            zip(found.source, found.scale, found.translation, strict=True)
        )
    ]


def test_computed_rotations(tmp_path: Path) -> None:
    """Quarter turns exchange axes; sines and cosines leave tiny numbers for zeros."""
    c, s = math.cos(math.pi / 2), math.sin(math.pi / 2)
    cyclic = {"type": "rotation", "rotation": [[c, s, 0], [0, c, s], [s, 0, c]]}
    assert axis_map(cyclic, "", 3).source == (1, 2, 0)
    turn = {"type": "rotation", "rotation": [[1, 0, 0], [0, c, -s], [0, s, c]]}
    with pytest.raises(FormatError, match=r"scale -1 along y.*mirrored axis"):
        opened(write(tmp_path / "a.zarr", turn))


def test_exchanged_axes(tmp_path: Path) -> None:
    """The output axes name the stored dimensions, from which they come."""
    want = writer.noise(SHAPE)
    steps = [
        {"type": "mapAxis", "mapAxis": [2, 0, 1]},  # z is stored last, then y, x
        {"type": "scale", "scale": [30, 8, 4]},
        {"type": "translation", "translation": [3, 2, 1]},
    ]
    sequence = {"type": "sequence", "transformations": steps}
    volume = opened(write(tmp_path / "a.zarr", sequence)).level(0)
    assert volume.grid.shape == (6, 4, 5)
    assert volume.grid.voxel_size == (30.0, 8.0, 4.0)
    assert volume.grid.origin == (3.0, 2.0, 1.0)
    found = volume.read(volume.grid.region)
    np.testing.assert_array_equal(found, want.transpose(2, 0, 1))


def test_levels_exchanged_differently(tmp_path: Path) -> None:
    root = write(tmp_path / "a.zarr", {"type": "mapAxis", "mapAxis": [2, 0, 1]})
    told = writer.read_json(root / "zarr.json")
    image = told["attributes"]["ome"]["multiscales"][0]
    again = {"type": "identity", "input": "0", "output": "world"}
    image["datasets"].append({"path": "0", "coordinateTransformations": [again]})
    writer.write_json(root / "zarr.json", told)
    with pytest.raises(FormatError, match="exchanged in different ways"):
        opened(root)


def test_mirrored_twice(tmp_path: Path) -> None:
    """Only what comes out in the end counts."""
    flip = {"type": "scale", "scale": [-1, 1, 1]}
    pair = {"type": "sequence", "transformations": [flip, flip]}
    assert opened(write(tmp_path / "a.zarr", pair)).level(0).grid.voxel_size[0] == 1
    with pytest.raises(FormatError, match="scale -1 along z"):
        opened(write(tmp_path / "b.zarr", flip))


SYSTEMS = [
    {"name": "far", "axes": writer.axes("zyx", "micrometer")},
    {"name": "world", "axes": writer.axes("zyx")},
    {"name": "tilted", "axes": writer.axes("zyx")},
]


def _to(name: str, origin: str = "world", **members: Any) -> Json:
    return {"input": {"name": origin}, "output": {"name": name}, **members}


def test_coordinate_systems(tmp_path: Path) -> None:
    """Levels lead to the intrinsic system; others are chosen by name."""
    scale = {"type": "scale", "scale": [30, 8, 4]}
    outer = [
        _to("far", "elsewhere", type="identity"),
        _to("tilted", type="affine", affine=[[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]),
        _to("far", type="translation", translation=[1, 2, 3]),
    ]
    root = write(tmp_path / "a.zarr", scale, outer, SYSTEMS)
    assert opened(root).level(0).grid.voxel_size == (30.0, 8.0, 4.0)
    assert opened(root).record.value("format") == "OME-Zarr 0.5"
    far = opened(root, system="far").level(0).grid
    assert far.voxel_size == (30e3, 8e3, 4e3)
    assert far.origin == (1e3, 2e3, 3e3)
    with pytest.raises(FormatError, match="a matrix that mixes the axes"):
        opened(root, system="tilted")
    with pytest.raises(OptionError, match=r"one of \['world', 'tilted', 'far'\]"):
        opened(root, system="near")


def test_system_of_voxels(tmp_path: Path) -> None:
    """The specification's example: levels count voxels, one step leads to lengths."""
    systems = [
        {"name": "physical", "axes": writer.axes("zyx")},
        {
            "name": "world",
            "axes": [{"name": f"dim_{i}", "type": "array"} for i in range(3)],
        },
    ]
    outer = [_to("physical", type="scale", scale=[30, 8, 4])]
    root = write(tmp_path / "a.zarr", {"type": "identity"}, outer, systems)
    assert opened(root).level(0).grid.voxel_size == (30.0, 8.0, 4.0)
    voxels = opened(root, system="world", axes="zyx", voxel_size_nm=2).level(0).grid
    assert voxels.voxel_size == (2.0, 2.0, 2.0)


def test_damaged_systems(tmp_path: Path) -> None:
    scale = {"type": "scale", "scale": [1, 1, 1]}
    for systems, message in (
        ([{"name": "a", "axes": writer.axes("zyx")}], r"output of .* = 'world'"),
        ([{"name": "world"}], r"axes = None"),
        ([{"axes": writer.axes("zyx")}], r"name = None"),
        (7, "coordinateSystems = 7"),
        ([{"name": "world", "axes": writer.axes("yx")}], "2 numbers"),
    ):
        with pytest.raises(FormatError, match=message):
            opened(write(tmp_path / "a.zarr", scale, None, systems))  # type: ignore[arg-type]


def test_deep_sequences(tmp_path: Path) -> None:
    deep: Json = {"type": "identity"}
    for _ in range(50):
        deep = {"type": "sequence", "transformations": [deep]}
    with pytest.raises(FormatError, match="of type 'sequence'"):
        opened(write(tmp_path / "a.zarr", deep))


def test_numbers_that_grow(tmp_path: Path) -> None:
    huge = {"type": "scale", "scale": [1e299, 1, 1]}
    steps = {"type": "sequence", "transformations": [huge, huge]}
    with pytest.raises(FormatError, match="transformations of finite size"):
        opened(write(tmp_path / "a.zarr", steps))


def test_group_without_levels_of_its_own(tmp_path: Path) -> None:
    """A scale of the group places the finest level; the others stay unknown."""
    members = writer.multiscale("zyx", [[1, 1, 1], [1, 1, 1]])
    for dataset in members["datasets"]:
        del dataset["coordinateTransformations"]
    members["coordinateTransformations"] = [{"type": "scale", "scale": [30, 8, 4]}]
    fine = writer.noise((8, 8, 8))
    root = writer.write_ome(tmp_path / "a.zarr", [fine, fine[::2, ::2, ::2]], members)
    grids = [volume.grid for volume in opened(root).levels]
    assert [g.voxel_size for g in grids] == [(30.0, 8.0, 4.0)]


def test_level_that_is_not_placed(tmp_path: Path) -> None:
    members = writer.multiscale("zyx", [[1, 1, 1], [2, 2, 2]])
    del members["datasets"][1]["coordinateTransformations"]
    fine = writer.noise((8, 8, 8))
    root = writer.write_ome(tmp_path / "a.zarr", [fine, fine[::2, ::2, ::2]], members)
    with pytest.raises(FormatError, match=r"no coordinateTransformations of .*\[1\]"):
        opened(root)


def test_scales_of_other_axes_do_not_matter(tmp_path: Path) -> None:
    """A channel is picked by its index, whatever scale a writer gave it."""
    members = writer.multiscale("czyx", [[0, 30, 8, 4]])
    root = writer.write_ome(tmp_path / "a.zarr", [writer.noise((2, 4, 5, 6))], members)
    assert opened(root, channel=1).level(0).grid.voxel_size == (30.0, 8.0, 4.0)

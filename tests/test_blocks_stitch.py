"""predict: results stitched into an OME-Zarr are those of the whole volume."""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from block_volumes import Sparse, labelled, lazy, numbered, sparse
from emcatalog.blocks.running import THREADS, footprint
from emcatalog.blocks.stitch import predict
from emcatalog.driver import driver
from emcatalog.errors import (
    MemoryLimitError,
    MissingError,
    OptionError,
    TruncatedError,
)
from emcatalog.geometry import Grid
from emcatalog.volume import allowing

SHAPE = (20, 17, 23)
GRID = Grid(SHAPE, (8.0, 4.0, 4.0), (100.0, 0.0, -8.0))
SMALL = {"size": 8, "halo": 2}


def image() -> xr.DataArray:
    return labelled(GRID, numbered(SHAPE, np.float32))


def same(block: Any) -> Any:
    return block


def smoothed(block: Any) -> Any:
    """The mean of 5 x 5 x 5 voxels, edges repeated: what a halo of 2 is enough for."""
    wide = np.pad(block.astype(np.float64), 2, mode="edge")
    views = np.lib.stride_tricks.sliding_window_view(wide, (5, 5, 5))
    return views.mean(axis=(3, 4, 5))


def opened(out: Path, **options: Any) -> xr.DataArray:
    return driver("ngff")(str(out), **options).to_xarray()


def read(out: Path) -> Any:
    return np.asarray(zarr.open_group(out, mode="r")["s0"])


def test_the_result_lies_where_the_source_does(tmp_path: Path) -> None:
    source = lazy(sparse(SHAPE)).isel(z=slice(3, None), x=slice(1, 20))
    out = predict(source, same, tmp_path / "a.zarr", **SMALL)
    ours = opened(out)
    np.testing.assert_array_equal(ours, source)
    np.testing.assert_array_equal(read(out), source)
    assert ours.dtype == source.dtype
    for dim in "zyx":
        np.testing.assert_array_equal(ours[dim], source[dim])
    assert ours.attrs["voxel_size_nm"] == [8.0, 4.0, 4.0]
    (image,) = zarr.open_group(out, mode="r").attrs["ome"]["multiscales"]
    assert image["datasets"][0]["coordinateTransformations"] == [
        {"type": "scale", "scale": [8.0, 4.0, 4.0]},
        {"type": "translation", "translation": [124.0, 0.0, -4.0]},
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["a.zarr"]


@pytest.mark.parametrize("overlap", ["crop", "blend"])
def test_each_file_is_one_cell_and_zeros_are_stored(
    tmp_path: Path, overlap: str
) -> None:
    nothing = labelled(GRID, np.zeros(SHAPE, np.float32))
    out = predict(nothing, same, tmp_path / "a.zarr", overlap=overlap, **SMALL)
    stored = zarr.open_group(out, mode="r")["s0"]
    assert (stored.shards, stored.chunks) == ((4, 4, 4), (4, 4, 4))
    files = [path for path in (out / "s0" / "c").rglob("*") if path.is_file()]
    assert len(files) == 5 * 5 * 6
    volume = driver("ngff")(str(out)).volume
    assert volume.stored(GRID.region).all()


@settings(max_examples=12, deadline=None)
@given(
    shape=st.tuples(*[st.integers(1, 13)] * 3),
    size=st.tuples(*[st.integers(4, 9)] * 3),
    halo=st.integers(0, 3),
    overlap=st.sampled_from(["crop", "blend"]),
    batch=st.sampled_from([None, 1, 3]),
)
def test_what_does_not_look_around_comes_back_exactly(
    tmp_path_factory: pytest.TempPathFactory,
    shape: Any,
    size: Any,
    halo: int,
    overlap: str,
    batch: int | None,
) -> None:
    """Of blends as well, to the last bit: weights sum to one."""
    halos = tuple(min(halo, (n - 3) // 2) for n in size)
    values = numbered(shape, np.float32) / np.float32(7)
    source = labelled(Grid(shape, (8.0, 4.0, 4.0)), values)
    out = tmp_path_factory.mktemp("out") / "a.zarr"
    options: Any = {"overlap": overlap, "batch": batch}
    predict(source, same, out, size, halo=halos, **options)
    np.testing.assert_array_equal(read(out), values)


@pytest.mark.parametrize("overlap", ["crop", "blend"])
def test_a_halo_as_wide_as_a_filter_leaves_no_seams(
    tmp_path: Path, overlap: str
) -> None:
    source = image()
    whole = smoothed(source.to_numpy())
    # results are right in a block but for 2 voxels: blends see those, crops do not
    halo = 2 if overlap == "crop" else 4
    size = {"crop": 8, "blend": 16}[overlap]
    out = predict(
        source, smoothed, tmp_path / "a.zarr", size, halo=halo, overlap=overlap
    )
    if overlap == "crop":
        np.testing.assert_allclose(read(out), whole, rtol=1e-12)
    else:
        # half a weight at most, of what is a little wrong there
        assert 0 < np.abs(read(out) - whole).max() < 0.5 * np.ptp(whole)


def test_blends_fade_in_straight_lines(tmp_path: Path) -> None:
    calls = iter(range(1000))
    source = labelled(Grid((1, 1, 16), (8.0, 8.0, 8.0)), np.zeros((1, 1, 16)))
    out = predict(
        source,
        lambda block: np.full(block.shape, float(next(calls))),
        tmp_path / "a.zarr",
        (1, 1, 12),
        halo=(0, 0, 2),
        overlap="blend",
    )
    expected = [0.0] * 6 + [0.125, 0.375, 0.625, 0.875] + [1.0] * 6
    np.testing.assert_array_equal(read(out).ravel(), expected)


def test_channels_types_and_batches(tmp_path: Path) -> None:
    seen: list[Any] = []

    def classes(blocks: Any) -> Any:
        seen.append(blocks.shape)
        return np.stack([blocks > 1000, blocks % 2 == 0], axis=1)

    source = image()
    out = predict(source, classes, tmp_path / "a.zarr", batch=4, **SMALL)
    assert set(seen) == {(4, 8, 8, 8), (150 % 4, 8, 8, 8)}
    big, even = opened(out), opened(out, channel=1)
    assert big.dtype == np.uint8
    np.testing.assert_array_equal(big, source > 1000)
    np.testing.assert_array_equal(even, source % 2 == 0)
    stored = zarr.open_group(out, mode="r")["s0"]
    assert (stored.shards, stored.chunks) == ((2, 4, 4, 4), (1, 4, 4, 4))
    assert stored.metadata.dimension_names == ("c", "z", "y", "x")


@pytest.mark.parametrize("lead", [(), (2,)])
def test_the_metadata_are_those_of_ngff(tmp_path: Path, lead: tuple[int, ...]) -> None:
    """The oracle is a model of OME-NGFF 0.5 by others."""
    models = pytest.importorskip("ome_zarr_models.v05")

    def channels(block: Any) -> Any:
        return np.broadcast_to(block, (*lead, *block.shape))

    out = predict(image(), channels, tmp_path / "a.zarr", **SMALL)
    found = models.Image.from_zarr(zarr.open_group(out, mode="r"))
    (told,) = found.ome_attributes.multiscales
    names = ["c", "z", "y", "x"][1 - len(lead) :]
    assert [axis.name for axis in told.axes] == names


def test_riders_are_seen_too(tmp_path: Path) -> None:
    twice = image() * 2
    group = {"image": image(), "more": twice.assign_attrs(image().attrs)}
    out = predict(
        {"a": group}, lambda both: both[0] + both[1], tmp_path / "a", 8, halo=2
    )
    np.testing.assert_array_equal(read(out), image() * 3)


def test_a_function_may_use_its_memory_again(tmp_path: Path) -> None:
    buffer = np.empty((8, 8, 8), np.float32)

    def reusing(block: Any) -> Any:
        buffer[:] = block
        return buffer

    out = predict(image(), reusing, tmp_path / "a.zarr", **SMALL)
    np.testing.assert_array_equal(read(out), image())


def test_thin_volumes_are_padded_unless_told(tmp_path: Path) -> None:
    thin = image().isel(z=slice(0, 3))
    out = predict(thin, same, tmp_path / "a.zarr", **SMALL)
    np.testing.assert_array_equal(read(out), thin)
    with pytest.raises(Exception, match="fit into the volume"):
        predict(thin, same, tmp_path / "b.zarr", pad="never", **SMALL)


def test_missing_voxels_are_told_or_zero(tmp_path: Path) -> None:
    source = lazy(sparse(absent=frozenset({(1, 1, 1)})))
    with pytest.raises(MissingError):
        predict(source, same, tmp_path / "a.zarr", **SMALL)
    out = predict(source, lambda b: b + 1, tmp_path / "b.zarr", missing="mask", **SMALL)
    expected = numbered((12, 16, 20)) + 1
    expected[4:8, 4:8, 4:8] = 0
    np.testing.assert_array_equal(read(out), expected)


BAD: dict[str, tuple[Callable[[Any], Any], str]] = {
    "shape": (lambda block: block[1:], r"\(7, 8, 8\) for a block of \(8, 8, 8\)"),
    "text": (lambda block: "cells", "a result of <U5"),
    "nothing": (lambda block: None, "a result of object"),
    "ragged": (lambda block: [[1], [1, 2]], "a list, which is no array"),
    "complex": (lambda block: block * 1j, "a result of complex"),
    "no channel": (lambda block: block[None][:0], r"shape \(0, 8, 8, 8\)"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_result_is_told(tmp_path: Path, name: str) -> None:
    function, message = BAD[name]
    with pytest.raises(OptionError, match=message) as caught:
        predict(image(), function, tmp_path / "a.zarr", **SMALL)
    assert "predict was at the block" in caught.value.__notes__[0]
    assert not (tmp_path / "a.zarr").exists()


def test_results_must_be_alike(tmp_path: Path) -> None:
    kinds = iter([np.float32, np.float64])
    with pytest.raises(OptionError, match="result of float64.*expected float32"):
        predict(image(), lambda b: b.astype(next(kinds)), tmp_path / "a.zarr", **SMALL)
    with pytest.raises(OptionError, match="3 blocks"):
        predict(image(), lambda b: b[0], tmp_path / "b.zarr", batch=3, **SMALL)
    with pytest.raises(OptionError, match="no mean of labels"):
        predict(
            image(),
            lambda b: b.astype(int),
            tmp_path / "c.zarr",
            overlap="blend",
            **SMALL,
        )


def test_arguments_that_cannot_be(tmp_path: Path) -> None:
    out = tmp_path / "a.zarr"
    with pytest.raises(OptionError, match="'crop' or 'blend'"):
        predict(image(), same, out, overlap="mean")
    with pytest.raises(OptionError, match="larger than two halos"):
        predict(image(), same, out, 8, halo=4)
    with pytest.raises(OptionError, match="batch=0"):
        predict(image(), same, out, batch=0)
    with pytest.raises(OptionError, match="threads=0"):
        predict(image(), same, out, threads=0)
    with pytest.raises(OptionError, match="the datasets a, b"):
        predict({"a": image(), "b": image()}, same, out, **SMALL)
    with pytest.raises(OptionError, match="whose folder does not exist"):
        predict(image(), same, tmp_path / "no" / "a.zarr", **SMALL)
    assert not list(tmp_path.iterdir())


def test_a_failed_read_raises(tmp_path: Path) -> None:
    with pytest.raises(TruncatedError):
        predict(lazy(sparse(broken=True)), same, tmp_path / "a.zarr", **SMALL)
    assert not (tmp_path / "a.zarr").exists()


def test_progress_is_told_in_the_callers_thread(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    threads = set()

    def function(block: Any) -> Any:
        threads.add(threading.get_ident())
        return block

    def progress(done: int, total: int) -> None:
        threads.add(threading.get_ident())
        seen.append((done, total))

    predict(image(), function, tmp_path / "a.zarr", progress=progress, **SMALL)
    assert seen[0] == (0, 150)
    assert seen[-1] == (150, 150)
    assert seen == sorted(seen)
    assert threads == {threading.get_ident()}


@pytest.mark.parametrize("overlap", ["crop", "blend"])
def test_several_threads_may_call_at_once(tmp_path: Path, overlap: str) -> None:
    """They meet in pairs, so two are always in the function."""
    meeting = threading.Barrier(2, timeout=60)

    def function(blocks: Any) -> Any:
        meeting.wait()
        return np.sin(blocks)

    one, two = tmp_path / "one.zarr", tmp_path / "two.zarr"
    options: Any = {"overlap": overlap, "batch": 5, **SMALL}
    predict(image(), np.sin, one, **options)
    predict(image(), function, two, threads=2, **options)
    assert read(one).tobytes() == read(two).tobytes()
    bad = tmp_path / "bad.zarr"
    with pytest.raises(OptionError, match="result of shape"):
        predict(image(), lambda b: b[..., 1:], bad, threads=3, **options)


@pytest.mark.parametrize("overlap", ["crop", "blend"])
def test_memory_is_that_of_some_batches(tmp_path: Path, overlap: str) -> None:
    """However large the volume is: it is several times what `footprint` says."""
    side, halo = 48, {"crop": 0, "blend": 8}[overlap]
    volume = Sparse(Grid((side * 4,) * 3, (8.0, 8.0, 8.0)))
    source = lazy(volume)
    noise = np.random.default_rng(0).random((side,) * 3, np.float32)  # no codec helps
    bound = footprint(1, side**3, noise.nbytes, blend=overlap == "blend")
    options: Any = {"size": side, "halo": halo, "overlap": overlap, "missing": "fill"}
    first = source.isel(z=slice(0, 48), y=slice(0, 48))
    predict(first, lambda block: noise, tmp_path / "first.zarr", **options)
    tracemalloc.start()
    try:
        predict(source, lambda block: noise, tmp_path / "a.zarr", **options)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < bound
    assert source.size * noise.itemsize > 1.5 * bound


def test_batches_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with allowing("1 MiB"), pytest.raises(MemoryLimitError, match="smaller batch"):
        predict(image(), same, tmp_path / "a.zarr", **SMALL)
    assert THREADS > 1

"""Features of blocks: rows of dask arrays and tables are those of the blocks."""

from __future__ import annotations

import builtins
import pickle
from typing import Any

import cloudpickle
import dask
import numpy as np
import pytest

from block_volumes import Sparse, labelled, lazy, numbered, sparse
from emcatalog.blocks import Block, Plan, Random, Tiles, plan
from emcatalog.blocks.features import MOST_PARTITIONS, features, table
from emcatalog.errors import ExtraError, OptionError, TruncatedError
from emcatalog.geometry import Grid

NAMES = ("mean", "most")


def described(block: Block) -> list[float]:
    return [float(block.data.mean()), float(block.data.max())]


def arrays() -> dict[str, Any]:
    other = Grid((6, 9, 7), (50.0, 4.0, 4.0), (1000.0, 0.0, 0.0))
    return {"a": lazy(sparse()), "b": labelled(other, numbered(other.shape, "f4"))}


def made(count: int = 37) -> Plan:
    return plan(arrays(), (4, 5, 6), Random(count, "equal"))


def expected(blocks: Plan) -> Any:
    return np.array([described(block) for block in blocks])


def test_rows_are_those_of_the_blocks() -> None:
    blocks = made()
    told = features(blocks, described, NAMES, partition=10)
    assert told.shape == (37, 2)
    assert told.chunks == ((10, 10, 10, 7), (2,))
    assert told.dtype == np.float64
    np.testing.assert_array_equal(told.compute(), expected(blocks))
    np.testing.assert_array_equal(told[12:15, 1].compute(), expected(blocks)[12:15, 1])


def test_a_number_is_a_row_of_one() -> None:
    told = features(made(), lambda block: block.data.size)
    assert told.compute().tolist() == [[120.0]] * 37


def test_parts_of_a_plan_and_epochs_have_their_own_rows() -> None:
    blocks = made().epoch(2)[5:30:3]
    told = features(blocks, described, NAMES, partition=4)
    np.testing.assert_array_equal(told.compute(), expected(blocks))


def test_nothing_is_read_until_it_is_computed() -> None:
    volume = sparse()
    blocks = plan(lazy(volume), 4, Tiles())
    told = features(blocks, described, NAMES, partition=7)
    frame = table(blocks, described, NAMES, partition=7)
    assert not volume.seen
    told[:7].compute()
    assert len(volume.seen) == 7
    frame.partitions[1].compute()
    assert len(volume.seen) == 14
    features(blocks, described)  # the width of its rows
    assert len(volume.seen) == 15


def test_tables_say_where_blocks_lie() -> None:
    blocks = made()
    told = table(blocks, described, NAMES, partition=10)
    assert told.npartitions == 4
    assert told.known_divisions
    frame = told.compute()
    assert list(frame.columns) == ["dataset", "z", "y", "x", *NAMES]
    assert frame.index.tolist() == list(range(37))
    assert frame.dataset.cat.categories.tolist() == ["a", "b"]
    np.testing.assert_array_equal(frame[list(NAMES)], expected(blocks))
    for index in (0, 11, 36):
        place = blocks.place(index)
        centre = (np.array(place.box[0]) + place.box[1]) / 2
        assert frame.loc[index, "dataset"] == place.dataset
        assert frame.loc[index, ["z", "y", "x"]].tolist() == centre.tolist()
    means = told.groupby("dataset", observed=True)["mean"].mean().compute()
    wanted = frame.groupby("dataset", observed=True)["mean"].mean()
    np.testing.assert_allclose(means.loc[wanted.index], wanted)
    assert told.loc[11:13].compute().equals(frame.loc[11:13])


def test_tables_say_where_blocks_were_taken_instead_of_missing_ones() -> None:
    volume = sparse(absent=frozenset({(0, 0, 0), (1, 1, 1), (2, 3, 4)}))
    blocks = plan(lazy(volume), 4, Random(40), missing="skip")
    frame = table(blocks, described, NAMES).compute()
    assert any(block.skipped for block in blocks)
    boxes = [np.mean(block.box, axis=0).tolist() for block in blocks]
    assert frame[["z", "y", "x"]].to_numpy().tolist() == boxes


def test_features_without_names_are_numbered() -> None:
    assert list(table(made(), described).columns)[4:] == ["f0", "f1"]


def test_an_empty_plan_has_an_empty_table() -> None:
    blocks = made()[:0]
    assert features(blocks, described, NAMES).compute().shape == (0, 2)
    assert list(table(blocks, described, NAMES).compute().columns)[4:] == list(NAMES)
    with pytest.raises(OptionError, match="a plan without blocks"):
        features(blocks, described)


@pytest.mark.parametrize("made_of", [features, table])
def test_graphs_travel(made_of: Any) -> None:
    """What a cluster does: pickle the tasks, and compute them elsewhere."""
    blocks = made()
    told = made_of(blocks, described, NAMES, partition=10)
    again = pickle.loads(cloudpickle.dumps(told))
    rows = np.asarray(again.compute(scheduler="synchronous"))[:, -2:].astype(float)
    np.testing.assert_array_equal(rows, expected(blocks))


def test_other_processes_compute_the_same() -> None:
    blocks = made()
    told = features(blocks, described, NAMES, partition=19)
    with dask.config.set({"multiprocessing.context": "spawn"}):
        rows = told.compute(scheduler="processes", num_workers=1)
    np.testing.assert_array_equal(rows, expected(blocks))


def test_plans_of_millions_make_few_tasks() -> None:
    grid = Grid((34432, 39552, 41408), (8.0, 8.0, 8.0))
    blocks = plan(lazy(Sparse(grid, chunks=(64, 64, 64))), 128, Tiles())
    told = features(blocks, described, NAMES)
    assert len(blocks) == 26_931_204
    assert told.shape == (len(blocks), 2)
    assert told.npartitions <= MOST_PARTITIONS
    assert table(blocks, described, NAMES).npartitions <= MOST_PARTITIONS
    some = features(blocks[-2:], described, NAMES)
    assert some.compute().tolist() == [[7.0, 7.0]] * 2


def test_rows_that_cannot_be_are_told() -> None:
    blocks = made()
    with pytest.raises(OptionError, match=r"shape \(1, 2\) of the block"):
        features(blocks, lambda block: [described(block)])
    with pytest.raises(OptionError, match=r"shape \(3,\).*expected 2 numbers"):
        features(blocks, lambda block: [1, 2, 3], NAMES).compute()
    with pytest.raises(ValueError, match="could not convert") as caught:
        features(blocks, lambda block: "cells")
    assert "features was at the block" in caught.value.__notes__[0]
    with pytest.raises(OptionError, match="a different name for each"):
        features(blocks, described, ("mean", "mean"))
    with pytest.raises(OptionError, match="a different name for each"):
        features(blocks, described, "ab")
    with pytest.raises(OptionError, match="partition=0"):
        features(blocks, described, NAMES, partition=0)
    with pytest.raises(OptionError, match="features called dataset, z"):
        table(blocks, described, ("z", "dataset"))


def test_a_failed_read_raises() -> None:
    blocks = plan(lazy(sparse(broken=True)), 4, Tiles())
    with pytest.raises(TruncatedError):
        features(blocks, described, NAMES).compute()


def test_without_dataframes_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def without(name: str, *args: Any, **options: Any) -> Any:
        if name == "dask.dataframe":
            raise ImportError("No module named 'pyarrow'")
        return original(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ExtraError, match=r"pip install 'emcatalog\[dataframe\]'"):
        table(made(), described, NAMES)

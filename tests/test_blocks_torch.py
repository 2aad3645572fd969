"""PyTorch's DataLoader gives the plan's blocks, whatever reads them and from where."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from block_volumes import labelled, numbered
from emcatalog.blocks import Block, Counter, Plan, Points, Random, Tiles, plan
from emcatalog.blocks.turns import Batches, Turn
from emcatalog.errors import OptionError, TruncatedError, UnknownNameError
from emcatalog.geometry import Grid
from loader_plans import COUNT, expected, found, mixed

torch = pytest.importorskip("torch", reason="needs emcatalog[torch]")

from torch.utils.data import DataLoader, Subset  # noqa: E402

from emcatalog.blocks.torch import dataset, loader  # noqa: E402

pytestmark = pytest.mark.filterwarnings(
    "ignore:This DataLoader will create", "ignore:.*fork:DeprecationWarning"
)

GRID = Grid((12, 16, 20), (8.0, 4.0, 4.0))


@pytest.fixture(scope="module", autouse=True)
def _loaded_once() -> None:
    # else each worker imports all of it anew
    multiprocessing.set_forkserver_preload(["emcatalog.blocks.torch"])


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("loader") / "volume"


@pytest.fixture(scope="module")
def made(root: Path) -> Plan:
    return mixed(root)


@pytest.fixture(scope="module")
def epochs(made: Plan) -> list[list[str]]:
    """The hashes of 1000 blocks in each of two epochs."""
    return [expected(made.epoch(number)) for number in range(2)]


def hashes(batches: Any) -> list[str]:
    return list(itertools.chain.from_iterable(map(found, batches)))


def small(**options: Any) -> Plan:
    return plan({"a": labelled(GRID)}, (4, 5, 6), Random(23), **options)


def indices(batches: Any) -> list[tuple[int, int]]:
    return [
        pair
        for batch in batches
        for pair in zip(batch["epoch"].tolist(), batch["index"].tolist(), strict=True)
    ]


def test_epochs_differ(epochs: list[list[str]]) -> None:
    assert len(set(epochs[0]) | set(epochs[1])) == 2 * COUNT
    assert not set(epochs[0]) & set(epochs[1])


@pytest.mark.parametrize(
    ("workers", "start"),
    [(0, None), (2, "forkserver"), (4, "forkserver"), (2, "spawn")],
)
def test_a_thousand_blocks_are_the_same(
    made: Plan, epochs: list[list[str]], workers: int, start: str | None
) -> None:
    options = {"multiprocessing_context": start} if start else {}
    batches = loader(made, 48, workers=workers, **options)
    for number in range(2):
        assert hashes(batches) == epochs[number]
    batches.load_state_dict({"epoch": 1, "blocks": 480, "length": COUNT, "seed": 5})
    assert hashes(batches) == epochs[1][480:]


FORKED = """
import sys
from pathlib import Path
from torch.utils.data import DataLoader
from emcatalog.blocks.torch import dataset, loader
from emcatalog.errors import ForkError
from loader_plans import found, mixed
made = mixed(Path(sys.argv[1]))
blocks = dataset(made)
fork = {"multiprocessing_context": "fork"}
plain = DataLoader(blocks, 48, num_workers=2, **fork)
ours = loader(made, 48, workers=2, **fork)
if sys.argv[2] == "read":
    made[0], made[1], made[2]
for batches in (plain, ours):
    for epoch in range(2):
        blocks.set_epoch(epoch)
        try:
            for batch in batches:
                print(*found(batch), sep="\\n")
        except ForkError as error:
            print("a letter:", error)
"""


def forked(root: Path, before: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKED, str(root), before],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        check=True, capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    return done.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_a_fork_where_nothing_was_read_is_right(
    root: Path, epochs: list[list[str]]
) -> None:
    assert forked(root, "nothing").split() == 2 * (epochs[0] + epochs[1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_a_fork_after_reading_names_the_remedy(made: Plan, root: Path) -> None:
    letters = forked(root, "read").split("a letter: ")
    assert letters.pop(0) == ""
    assert len(letters) == 4
    for told in letters:
        assert told.startswith("got Caught ForkError in DataLoader worker process")
        assert "multiprocessing_context='forkserver'" in told


def test_a_plain_loader_needs_nothing(made: Plan, epochs: list[list[str]]) -> None:
    blocks = dataset(made[:200])
    batches = DataLoader(
        blocks,
        batch_size=32,
        num_workers=2,
        multiprocessing_context="forkserver",
        persistent_workers=True,
    )
    for number in (0, 1, 0):
        blocks.set_epoch(number)
        assert hashes(batches) == epochs[number][:200]


def test_workers_of_a_copy_hear_of_epochs_too(
    made: Plan, epochs: list[list[str]]
) -> None:
    blocks = pickle.loads(pickle.dumps(dataset(made.epoch(1)[:20])))
    batches = DataLoader(
        blocks,
        batch_size=10,
        num_workers=1,
        multiprocessing_context="forkserver",
        persistent_workers=True,
    )
    assert hashes(batches) == epochs[1][:20]
    blocks.set_epoch(0)
    assert hashes(batches) == epochs[0][:20]


def test_blocks_are_tensors(made: Plan) -> None:
    blocks = dataset(made)
    one = blocks[7]
    assert one["image"].shape == one["mask"].shape == one["cells"].shape == (1, 4, 5, 6)
    assert [one[name].dtype for name in ("image", "mask", "cells", "box")] == [
        torch.uint32, torch.bool, torch.uint16, torch.float64,
    ]  # fmt: skip
    assert (one["index"], one["epoch"], one["dataset"]) == (
        7, 0, made.place(7).dataset,
    )  # fmt: skip
    np.testing.assert_array_equal(one["box"], made.place(7).box)
    one["image"].zero_()
    assert blocks[7]["image"].any()
    assert len(blocks) == COUNT
    with pytest.raises(IndexError):
        blocks[COUNT]


def test_a_batch_is_read_together_and_in_its_order(made: Plan) -> None:
    blocks = dataset(made)
    wanted = [5, Turn(1, 9), 5, -1, Turn(0, 3), Turn(1, 2)]
    read = blocks.__getitems__(wanted)
    for index, one in zip(wanted, read, strict=True):
        other = blocks[index]
        assert one.keys() == other.keys()
        for name, value in one.items():
            assert np.array_equal(value, other[name])
    part = Subset(blocks, [4, 2, 4])
    assert indices(DataLoader(part, 3)) == [(0, 4), (0, 2), (0, 4)]


def flipped(block: Block, at: Counter) -> Block:
    from dataclasses import replace

    frozen = block.data[::-1, :, ::-1].astype(">i4")
    frozen.flags.writeable = False
    return replace(block, data=frozen)


def test_steps_may_give_views_and_other_orders() -> None:
    made = small().then(flipped)
    one = dataset(made)[3]["image"]
    np.testing.assert_array_equal(one[0], small()[3].data[::-1, :, ::-1])
    assert one.dtype == torch.int32


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 40), st.integers(1, 7), st.integers(1, 4), st.booleans(), st.data()
)
def test_ranks_share_out_each_block_once(
    length: int, size: int, world: int, drop_last: bool, data: st.DataObject
) -> None:
    ranks = [Batches(length, size, r, world, drop_last) for r in range(world)]
    parts = [list(rank) for rank in ranks]
    assert [len(part) for part in parts] == [len(rank) for rank in ranks]
    seen = [turn.number for part in parts for batch in part for turn in batch]
    assert len(set(seen)) == len(seen)
    if drop_last:
        assert {len(part) for part in parts} == {length // (size * world)}
        assert sorted(seen) == list(range(length // (size * world) * size * world))
    else:
        assert sorted(seen) == list(range(length))
    # from any step on there is just what was left
    step = data.draw(st.integers(0, max(map(len, parts))))
    for rank, part in zip(ranks, parts, strict=True):
        rank.begun = min(length, step * size * world)
        assert list(rank) == part[step:]


def test_shards_are_those_of_the_plan() -> None:
    made = small()
    for rank in range(3):
        seen = indices(loader(made, 4, rank=rank, world=3))
        shard = made.shard(rank, 3)
        assert seen == [(0, shard.counter(i).index) for i in range(len(shard))]


@pytest.mark.parametrize("workers", [0, 2])
def test_each_pass_is_the_next_epoch_and_one_left_early_begins_anew(
    workers: int,
) -> None:
    batches = loader(small(), 5, workers=workers, prefetch_factor=2)
    assert len(batches) == 5
    first = indices(itertools.islice(batches, 2))
    assert first == [(0, i) for i in range(10)]
    assert indices(batches) == [(0, i) for i in range(23)]
    assert indices(batches) == [(1, i) for i in range(23)]
    batches.set_epoch(7)
    assert indices(batches)[0] == (7, 0)
    assert indices(loader(small().epoch(3), 5))[0] == (3, 0)


@pytest.mark.parametrize("workers", [0, 2])
def test_it_goes_on_where_it_stood(workers: int) -> None:
    kept, seen = [], []
    batches = loader(small(), 5, workers=workers)
    for _ in range(2):
        for batch in batches:
            seen.append(indices([batch]))
            kept.append(json.loads(json.dumps(batches.state_dict())))
    for step, state in enumerate(kept):
        again = loader(small(), 5, workers=0)
        again.load_state_dict(state)
        assert again.state_dict() == state
        again.set_epoch(state["epoch"])  # as trainers do before each pass
        rest = seen[step + 1 : 5 if step < 5 else 10]
        assert [indices([batch]) for batch in again] == rest
        assert again.state_dict() == {
            "epoch": state["epoch"] + 1, "blocks": 0, "length": 23, "seed": 0,
        }  # fmt: skip


def test_another_number_of_ranks_goes_on() -> None:
    before = [loader(small(), 2, rank=rank, world=2) for rank in range(2)]
    seen = [pair for part in before for pair in indices(itertools.islice(part, 3))]
    (state,) = {tuple(part.state_dict().items()) for part in before}
    after = [loader(small(), 5, rank=rank, world=3) for rank in range(3)]
    for part in after:
        part.load_state_dict(dict(state))
        seen += indices(part)
    assert sorted(seen) == [(0, i) for i in range(23)]


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"epoch": 0, "blocks": 5, "length": 24, "seed": 0}, "length is 24"),
        ({"epoch": 0, "blocks": 5, "length": 23, "seed": 1}, "seed is 1"),
        ({"epoch": 0, "length": 23, "seed": 0}, "blocks=None"),
        ({"epoch": "0", "blocks": 5, "length": 23, "seed": 0}, "epoch='0'"),
    ],
)
def test_states_of_other_plans_are_refused(state: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        loader(small(), 5).load_state_dict(state)


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"batch_size": 0}, OptionError, "batch_size=0"),
        ({"workers": -1}, OptionError, "workers=-1"),
        ({"rank": 2, "world": 2}, OptionError, "rank 2 of 2"),
        ({"shuffle": True}, UnknownNameError, "the plan has an order"),
        ({"pinmemory": True}, UnknownNameError, "did you mean 'pin_memory'"),
    ],
)
def test_wrong_arguments_are_letters(options: Any, kind: Any, message: str) -> None:
    with pytest.raises(kind, match=message):
        loader(small(), **options)


def test_epochs_are_whole_numbers() -> None:
    for thing in (dataset(small()), loader(small())):
        with pytest.raises(OptionError, match=r"epoch=-1"):
            thing.set_epoch(-1)


def explode_at_7(block: Block, at: Counter) -> Block:
    if at.index == 7:
        raise TruncatedError(got="7 bytes", expected="64")
    return block


@pytest.mark.parametrize("workers", [0, 2])
def test_what_cannot_be_read_is_raised_as_what_it_is(workers: int) -> None:
    batches = iter(loader(small().then(explode_at_7), 4, workers=workers))
    assert len(next(batches)["index"]) == 4
    with pytest.raises(TruncatedError, match="got 7 bytes; expected 64"):
        next(batches)


def test_batches_that_cannot_be_stacked_say_why() -> None:
    made = plan({"a": labelled(GRID)}, 8, Tiles(edge="partial"))
    with pytest.raises(OptionError, match="beside 1 x 8 x 8 x 8"):
        list(loader(made, 8))
    assert len(list(loader(made, 1))) == len(made)


def test_every_type_of_voxel_comes_as_it_is() -> None:
    for dtype in ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"):
        array = labelled(GRID, numbered(GRID.shape, dtype))
        made = plan({"a": array}, 4, Points([[40, 20, 20], [40, 24, 20]]))
        (batch,) = loader(made, 2)
        assert batch["image"].numpy().dtype == dtype
        np.testing.assert_array_equal(batch["image"][1, 0], made[1].data)


NO_TORCH = """
import sys
sys.modules["torch"] = None
try:
    import emcatalog.blocks.torch
except ImportError as error:
    print(error)
"""


def test_without_pytorch_the_extra_is_named() -> None:
    done = subprocess.run(
        [sys.executable, "-c", NO_TORCH], check=True, capture_output=True, text=True
    )
    assert "pip install 'emcatalog[torch]'" in done.stdout

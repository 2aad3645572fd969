"""Many regions at once: their order, memory and errors."""

from __future__ import annotations

import itertools
import os
import pickle
import subprocess
import sys
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import store_writer as writer
from bounded import MIB, measured
from chunked_volumes import CHUNKS, box, cells, volume_of
from emcatalog.cache.budget import CACHE_VARIABLE
from emcatalog.chunked.batches import Reading, as_they_come, near_together
from emcatalog.errors import MemoryLimitError, NotFoundError
from emcatalog.geometry import Region
from emcatalog.testing import traffic
from emcatalog.volume import MEMORY_VARIABLE
from emcatalog_ngff import NgffSource

if TYPE_CHECKING:
    pass


@st.composite
def boxes(draw: st.DrawFn) -> Region:
    corner = [draw(st.integers(0, 30)) for _ in range(3)]
    return box(tuple(corner), tuple(draw(st.integers(0, 9)) for _ in range(3)))


@dataclass
class Slow:
    """Regions that come when the test says so; only the first comes by itself."""

    asked: dict[Region, Future[Any]] = field(default_factory=dict)

    def begin(self, region: Region) -> Future[Any]:
        future = self.asked[region] = Future()
        if len(self.asked) == 1:
            self.come(region)
        return future

    def come(self, region: Region) -> None:
        self.asked[region].set_result(np.zeros(region.shape))

    @property
    def reading(self) -> Reading:
        return Reading(self.begin, lambda _, future: future.result(), CHUNKS, 1)

    @property
    def in_flight(self) -> list[Region]:
        return [r for r, future in self.asked.items() if not future.done()]


@given(st.lists(boxes(), max_size=12))
def test_the_order_has_all_and_keeps_chunks_together(
    regions: list[Region],
) -> None:
    order = near_together(regions, CHUNKS)
    assert sorted(order) == list(range(len(regions)))
    first = [tuple(a // 4 for a in regions[i].start) for i in order]
    assert len(list(itertools.groupby(first))) == len(set(first))


@given(st.lists(boxes(), unique=True, max_size=12), st.integers(0, 5000), st.data())
def test_memory_is_bounded_and_each_comes_once(
    regions: list[Region], budget: int, data: st.DataObject
) -> None:
    """Whatever comes when: what is in flight and not taken fits, or is alone."""
    slow = Slow()
    many = as_they_come(regions, slow.reading, budget)
    waiting = set(regions)
    while waiting:
        if slow.asked and not waiting & (set(slow.asked) - set(slow.in_flight)):
            slow.come(data.draw(st.sampled_from(slow.in_flight)))
        index, voxels = next(many)
        waiting.remove(regions[index])
        assert voxels.shape == regions[index].shape
        held = waiting & set(slow.asked)
        cost = sum(r.size + 64 * len(cells(r)) for r in held)
        assert cost <= budget or len(held) == 1
    assert next(many, None) is None


def test_a_slow_region_holds_up_no_other() -> None:
    slow = Slow()
    regions = [box((n, 0, 0), (1, 1, 1)) for n in range(5)]
    many = as_they_come(regions, slow.reading, 10**6)
    assert next(many)[0] == 0
    for n in (3, 1, 4):
        slow.come(regions[n])
        assert next(many)[0] == n
    slow.come(regions[2])
    assert [index for index, _ in many] == [2]


@pytest.mark.parametrize("how", ["closed", "failed"])
def test_what_is_in_flight_is_cancelled(how: str) -> None:
    slow = Slow()
    regions = [box((n, 0, 0), (1, 1, 1)) for n in range(4)]
    many = as_they_come(regions, slow.reading, 10**6)
    next(many)
    if how == "closed":
        many.close()
    else:
        slow.asked[regions[2]].set_exception(NotFoundError(got="no", expected="yes"))
        with pytest.raises(NotFoundError):
            next(many)
        del slow.asked[regions[2]]
    assert all(slow.asked[r].cancelled() for r in slow.asked if r != regions[0])
    assert next(many, None) is None


def test_a_region_that_cannot_be_asked_for_ends_the_others() -> None:
    slow = Slow()
    regions = [box((n, 0, 0), (1, 1, 1)) for n in range(3)]

    def begin(region: Region) -> Future[Any]:
        if region == regions[2]:
            raise NotFoundError(got="nothing", expected="something")
        return slow.begin(region)

    reading = Reading(begin, slow.reading.finish, CHUNKS, 1)
    with pytest.raises(NotFoundError):
        next(as_they_come(regions, reading, 10**6))
    assert slow.asked[regions[1]].cancelled()


def test_a_region_above_the_limit_is_refused_before_any_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = volume_of(tmp_path, writer.noise((16, 16, 16)))
    regions = [box((0, 0, 0), (1, 1, 1)), volume.grid.region]
    monkeypatch.setenv(MEMORY_VARIABLE, "2KiB")
    with traffic() as seen, pytest.raises(MemoryLimitError, match="at most 2 KiB"):
        list(volume.read_many(regions))
    assert seen.requests == 0
    monkeypatch.setenv(MEMORY_VARIABLE, "4KiB")  # which is less than it costs in all
    assert len(list(volume.read_many(regions))) == 2


def _read_all(folder: str) -> int:
    os.environ[CACHE_VARIABLE] = "0"
    volume = NgffSource(folder, level=0).volume
    corners = np.random.default_rng(0).integers(0, 128, (120, 3)).tolist()
    regions = [box(tuple(corner), (128,) * 3) for corner in corners]
    return sum(int(voxels[0, 0, 0]) for _, voxels in volume.read_many(regions))


def test_the_peak_of_memory_is_that_of_the_budget(tmp_path: Path) -> None:
    """240 MiB of regions that overlap, in a process that may take 64 MiB at once."""
    options = {"chunks": (64,) * 3}
    members = writer.multiscale("zyx", [[8.0] * 3])
    writer.write_ome(tmp_path, [np.ones((256,) * 3, "u1")], members, **options)
    outcome = measured(_read_all, str(tmp_path))
    assert (outcome.kind, outcome.text) == ("int", "120")
    assert outcome.peak < 140 * MIB


def test_a_process_may_end_in_the_middle(tmp_path: Path) -> None:
    volume = volume_of(tmp_path, writer.noise((16, 16, 16)))
    code = (
        "import pickle, sys\n"
        "volume = pickle.loads(bytes.fromhex(sys.argv[1]))\n"
        "many = volume.read_many(list(volume.grid.region.tiles((5, 5, 5))))\n"
        "print(next(many)[1].shape)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, pickle.dumps(volume).hex()],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "(5, 5, 5)\n", "")

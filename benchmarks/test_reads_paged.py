"""Pages are written as they should be, and every contestant reads what is true."""

from __future__ import annotations

import contextlib
import doctest
import importlib.util
import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.reads import paged_limits, paged_stores, proxy, serving
from benchmarks.reads.paged_engines import PAGED_ENGINES
from benchmarks.reads.paged_limits import PAGED_LIMITS, Table, files
from benchmarks.reads.paged_stores import PAGED, SLICES, paged_formats, write_pages
from benchmarks.reads.task import Engine, Serving, Stored, Task
from emcatalog.geometry import Region

EVERYONE: tuple[Engine, ...] = (*PAGED_LIMITS, *PAGED_ENGINES)
REGIONS = (Region((3, 5, 7), (9, 41, 50)), Region((0, 0, 0), (1, 1, 1)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with small stores of every format."""
    place = tmp_path_factory.mktemp("stores")
    dice = np.random.default_rng(0)
    np.save(place / "tissue-256.npy", dice.integers(0, 255, (20, 30, 40), np.uint8))
    small = {
        name: replace(pages, quick_shape=(SLICES, 70, 90))
        for name, pages in PAGED.items()
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paged_stores, "PAGED", small)
        for name in small:
            write_pages(place, quick=True, name=name)
        yield place


def task_of(
    folder: Path, name: str, kind: Serving = "disk", base: str = "", batch: int = 1
) -> Task:
    """A task of one of the small stores."""
    stored: Stored = write_pages(folder, quick=True, name=name)
    place = f"{base or f'{folder}/'}{stored.path}"
    block = (2, 3, 4)
    return Task("t", stored, kind, place, str(folder), block, 8, batch)


@pytest.mark.parametrize("name", PAGED)
def test_what_is_there_is_not_written_again(folder: Path, name: str) -> None:
    """Every format tells the same truth, and lies where it says."""
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    stored = paged_formats()[name].write(folder, True)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    assert not list(folder.glob("*.part*"))
    assert stored.voxels().shape == (SLICES, 70, 90)
    for path in files(str(folder / stored.path)):
        assert Path(path).is_file()


def test_no_tile_of_a_page_is_like_another(folder: Path) -> None:
    """So that a codec finds nothing twice."""
    page: NDArray[np.uint8] = write_pages(folder, True, name="tiff").voxels()[0]
    tiles = [page[y : y + 10, x : x + 10] for y in (0, 30, 60) for x in (0, 40, 80)]
    assert len({tile.tobytes() for tile in tiles}) == len(tiles)


@pytest.mark.parametrize("name", PAGED)
@pytest.mark.parametrize("region", REGIONS)
def test_bytes_needed_are_those_of_the_pieces_met(
    folder: Path, name: str, region: Region
) -> None:
    """What tables of the file's own offsets say, and what is told to the judge."""
    task = task_of(folder, name)
    spans = list(Table.of(task, task.place).spans(region))
    assert len(spans) == region.shape[0]
    assert sum(b - a for _, a, b in spans) == task.stored.sizes(region).sum()


def engines_for(task: Task) -> list[Engine]:
    """Those that take part and are installed."""
    there = [
        engine
        for engine in PAGED_ENGINES
        if engine.fits(task) and not any(map(_lacking, engine.needs))
    ]
    assert {"emcatalog", "tifffile", "ncempy"} & {engine.name for engine in there}
    return there


def _lacking(module: str) -> bool:
    return importlib.util.find_spec(module) is None


def check(engine: Engine, task: Task) -> None:
    """One by one and in a batch, it reads what is true."""
    truth = task.stored.voxels()
    opened: Engine = pickle.loads(pickle.dumps(engine))  # noqa: S301 - our own
    with contextlib.closing(opened.open(task)) as reader:
        for region in REGIONS:
            found = reader.read(region)
            np.testing.assert_array_equal(found, truth[region.slices], engine.name)
            assert found.dtype == truth.dtype
        many = dict(reader.read_many(REGIONS))
        assert sorted(many) == list(range(len(REGIONS)))
        for number, found in many.items():
            right = truth[REGIONS[number].slices]
            np.testing.assert_array_equal(found, right, engine.name)


@pytest.mark.parametrize("name", PAGED)
@pytest.mark.parametrize("batch", [1, 2])
def test_contestants_read_what_is_true(folder: Path, name: str, batch: int) -> None:
    """From the disk."""
    task = task_of(folder, name, batch=batch)
    for engine in engines_for(task):
        check(engine, task)


def test_the_limit_of_decoding_decodes(folder: Path) -> None:
    """What it fills its buffers with is what the pages have there."""
    task, region = task_of(folder, "tiff-deflate"), REGIONS[0]
    table, truth = Table.of(task, task.place), task.stored.voxels()
    rows = np.empty(table.most, np.uint8)
    for z, (name, begin, end) in enumerate(table.spans(region), region.start[0]):
        table.decode(region, z, Path(name).read_bytes()[begin:end], rows)
        found = rows.reshape(-1, truth.shape[2])[: 2 * paged_stores.ROWS]
        np.testing.assert_array_equal(found, truth[z, : 2 * paged_stores.ROWS])
    (limit,) = PAGED_LIMITS
    with contextlib.closing(limit.open(task)) as reader:
        assert reader.read(region).size == 0


@pytest.mark.parametrize("name", PAGED)
def test_contestants_read_from_servers(folder: Path, name: str) -> None:
    """From nginx; the way there and back changes no byte."""
    if reason := serving.missing():
        pytest.skip(reason)
    with serving.nginx(folder) as server:
        task = task_of(folder, name, "nginx", server.url)
        for engine in engines_for(task):
            check(engine, task)
        assert server.moved().bytes > 0


@pytest.mark.parametrize(
    ("name", "kind", "there", "absent"),
    [
        (
            "tiff",
            "disk",
            {paged_limits.MAPPED, "Pillow"},
            {"ncempy", "decode-only limit"},
        ),
        ("tiff-deflate", "disk", {"decode-only limit"}, {paged_limits.MAPPED}),
        ("tiff", "proxy", {paged_limits.BY_HAND, "tifffile"}, {paged_limits.MAPPED}),
        ("dm3", "disk", {paged_limits.MAPPED, "ncempy"}, {"tifffile"}),
        ("dm3", "disk", {paged_limits.MAPPED_ANEW}, {"Pillow"}),
        ("dm3", "proxy", {paged_limits.BY_HAND, "rosettasciio"}, {"lazy rosettasciio"}),
    ],
)
def test_who_takes_part(
    folder: Path, name: str, kind: Serving, there: set[str], absent: set[str]
) -> None:
    """Everyone in what it can read, and emcatalog in all; names are no one else's."""
    task = task_of(folder, name, kind, "http://127.0.0.1/")
    names = [engine.name for engine in EVERYONE if engine.fits(task)]
    assert {"emcatalog", *there} <= set(names)
    assert not absent & set(names)
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", PAGED)
def test_slow_ones_take_no_part_in_batches_from_servers(
    folder: Path, name: str
) -> None:
    """Those that read a block after the other; but in single blocks."""
    single = task_of(folder, name, "proxy", "http://127.0.0.1/")
    batch = replace(single, batch=8)
    left = {e.name for e in EVERYONE if e.fits(single) and not e.fits(batch)}
    peers = {"tifffile"} if name != "dm3" else {"ncempy", "rosettasciio"}
    assert peers <= left
    assert not any(name.startswith("emcatalog") for name in left)


@pytest.mark.parametrize("module", [proxy, paged_limits])
def test_examples_are_true(module: object) -> None:
    """Those in docstrings."""
    found = doctest.testmod(module)  # type: ignore[arg-type]
    assert found.attempted
    assert not found.failed

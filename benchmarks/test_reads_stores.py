"""The harness of reading: stores hold the truth, limits decode it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.reads import limits, rounds, stores, volumes
from benchmarks.reads.engines import CHUNKED, OURS
from benchmarks.reads.limits import DECODERS
from benchmarks.reads.peers import CHUNKED_PEERS, CLOUDVOLUME
from benchmarks.reads.small import small_stores, task_of
from benchmarks.reads.stores import LAYOUTS, chunk_files
from benchmarks.reads.task import Link, Stored, Task
from emcatalog.geometry import Region


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of stores of a volume with a side of 128."""
    return small_stores(tmp_path_factory.mktemp("stores"))


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_holds_the_truth(folder: Path, name: str) -> None:
    """Read by every engine that reads it, here in one process."""
    task = task_of(folder, name)
    truth = task.stored.voxels()
    original = np.load(folder / f"tissue-{volumes.QUICK_SIZE}.npy")
    differ = np.abs(truth.astype(int) - original)
    assert differ.max() <= (40 if "jpeg" in name else 0)
    region = Region((3, 20, 41), (73, 101, 128))
    readers = [e for e in (*CHUNKED, *CHUNKED_PEERS) if e.fits(task)]
    there, _ = rounds.installed(readers)
    assert OURS in [engine.name for engine in there]
    for engine in there:
        if engine.name == CLOUDVOLUME:
            continue  # it changes how warnings are shown, and is run in a process below
        reader = engine.open(task)
        np.testing.assert_array_equal(reader.read(region), truth[region.slices])
        together = dict(reader.read_many([region, region]))
        np.testing.assert_array_equal(together[1], truth[region.slices])
        reader.close()


@pytest.mark.parametrize("name", [n for n, lay in LAYOUTS.items() if not lay.twin])
def test_sizes_and_decoding(folder: Path, name: str) -> None:
    """Sizes are those of files; the limit's decoders give the voxels of each chunk."""
    task, layout = task_of(folder, name), LAYOUTS[name]
    at = folder / task.stored.path.removesuffix(f"/{stores.ARRAY}")
    truth, side = task.stored.voxels(), layout.chunk
    sizes = np.load(task.stored.piece_bytes)
    for cell, plain in chunk_files(at, truth.shape, layout):
        path = plain if plain.exists() else plain.with_name(f"{plain.name}.gz")
        assert sizes[cell] == path.stat().st_size
        place = tuple(slice(n * side, (n + 1) * side) for n in cell)
        if (layout.driver, layout.encoding) in DECODERS:
            out = np.empty(side**3, np.uint8)
            DECODERS[layout.driver, layout.encoding]()(path.read_bytes(), out)
            np.testing.assert_array_equal(out, truth[place].ravel())


def test_needed_bytes_count_pieces_once(folder: Path) -> None:
    """Two blocks of a batch share their chunks; the wire is asked once for a batch."""
    task = task_of(folder, "raw")
    one, two = Region((0, 0, 0), (65, 10, 10)), Region((5, 0, 0), (66, 64, 64))
    assert limits.needed_bytes(task, [[one, two]]) == 2 * 64**3
    assert limits.needed_bytes(task, [[one], [two]]) == 4 * 64**3
    assert limits.wire_seconds(task, [[one]]) is None
    far = Task(**{**vars(task), "link": Link(0.03, 64**3)})
    assert limits.wire_seconds(far, [[one, two]]) == pytest.approx(1.03)
    assert limits.wire_seconds(far, [[one], [two]]) == pytest.approx(2.06)


def test_rows_are_pieces_of_one_size() -> None:
    """A number stands for a lattice of equal pieces."""
    stored = Stored("x", "x", "tiff", "x", Path(), (1, 1, 500), 500)
    sizes = stored.sizes(Region((2, 10, 40), (4, 13, 50)))
    assert sizes.tolist() == [500] * 6


def test_the_real_stack(tmp_path: Path) -> None:
    """Sections in the order of their names, mirrored until they are large enough."""
    from PIL import Image

    dice = np.random.default_rng(0)
    planes = dice.integers(0, 255, (3, 20, 30), np.uint8)
    for number, plane in enumerate(planes):
        Image.fromarray(plane).save(tmp_path / f"iso.{number:04d}.png")
    made = np.load(volumes.real(tmp_path, True, tmp_path), mmap_mode="r")
    assert made.shape == (volumes.QUICK_SIZE,) * 3
    np.testing.assert_array_equal(made[:3, :20, :30], planes)
    np.testing.assert_array_equal(made[3:6, :20, :30], planes[::-1])
    with pytest.raises(FileNotFoundError, match="no PNG files"):
        volumes.real(tmp_path / "x", True, tmp_path / "x")

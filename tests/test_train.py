"""emcatalog.train: what is learnt, from which voxels, and how it is judged."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from emcatalog.blocks import Block, Counter
from emcatalog.errors import EmcatalogError, FormatError, MissingError, OptionError
from emcatalog.geometry import Grid
from emcatalog.index import voxel_coords
from emcatalog.mirror import use_mirror

torch = pytest.importorskip("torch", reason="needs emcatalog[torch]")

from emcatalog.train import (  # noqa: E402
    Course,
    Model,
    Score,
    Tally,
    UNet,
    answers,
    chosen,
    fit,
    lessons,
    load,
    marks,
    picture,
    predict,
    prepare,
    with_truth,
)
from emcatalog.train.exam import together  # noqa: E402
from emcatalog.train.picture import GUTTER, MARGIN, PIXELS  # noqa: E402

COURSE = Course(steps=12, batch=2, size=(8, 16, 16), voxel_size=16.0, width=4)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Sums have one order, and other tests their processors."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def balls(seed: int = 0, shape: tuple[int, int, int] = (20, 40, 60)) -> dict[str, Any]:
    """Dark balls of label 3 in a bright noise, of voxels of 16 nm."""
    rng = np.random.default_rng(seed)
    grid = Grid(shape, (16.0, 16.0, 16.0))
    points = np.stack(np.indices(shape), axis=-1)
    inside = np.zeros(shape, bool)
    for centre in rng.uniform(0, shape, (14, 3)):
        inside |= ((points - centre) ** 2).sum(axis=-1) < 25
    image = np.where(inside, 80, 160) + rng.normal(0, 12, shape)
    coords = voxel_coords(grid)
    return {
        "image": xr.DataArray(image.astype("u1"), coords),
        "labels": xr.DataArray(np.where(inside, 3, 2).astype("u1"), coords),
    }


@pytest.fixture
def arrays() -> dict[str, Any]:
    return {"a": balls(1), "b": balls(2)}


def weights(model: Model) -> bytes:
    tensors = model.network.state_dict().values()
    return b"".join(tensor.numpy().tobytes() for tensor in tensors)


def test_the_loss_falls_and_the_model_beats_what_is_trivial(
    arrays: dict[str, Any],
) -> None:
    course = dataclasses.replace(COURSE, steps=40)
    parts = prepare(arrays, course)
    told: list[tuple[int, float]] = []
    model = fit(lessons(parts, course), course, "cpu", lambda *each: told.append(each))
    assert [step for step, _ in told] == list(range(1, 41))
    losses = [loss for _, loss in told]
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])
    all_of_it = together(marks(model, parts))
    assert all_of_it.model.dice > all_of_it.everything.dice + 0.3


def test_a_model_follows_from_its_seed(arrays: dict[str, Any]) -> None:
    def learnt(seed: int) -> Model:
        course = dataclasses.replace(COURSE, seed=seed, steps=3)
        return fit(lessons(prepare(arrays, course), course), course, "cpu")

    torch.manual_seed(5)
    one, state = learnt(0), torch.random.get_rng_state()
    torch.manual_seed(6)
    assert weights(learnt(0)) == weights(one)
    assert weights(learnt(1)) != weights(one)
    torch.manual_seed(5)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_no_voxel_is_learnt_from_and_judged_by(arrays: dict[str, Any]) -> None:
    parts = prepare(arrays, COURSE)
    for learnt, held in zip(parts.train, parts.held_out, strict=True):
        assert not learnt.within.intersect(held.within).size
        gap = held.within.start[1] - learnt.within.stop[1]
        assert gap * 16.0 >= COURSE.buffer
        assert learnt.within.size > 1.5 * held.within.size


def test_what_is_held_out_decides_nothing(arrays: dict[str, Any]) -> None:
    """Other voxels there, and the same network comes of it."""

    def learnt() -> tuple[bytes, object]:
        parts = prepare(arrays, COURSE)
        scale = parts.scale.scale(parts.scale.told["a"])
        return weights(fit(lessons(parts, COURSE)[:4], COURSE, "cpu")), scale

    before = learnt()
    for name in arrays:
        arrays[name]["image"].data[:, 29:] = 7
        arrays[name]["labels"].data[:, 29:] = 3
    assert learnt() == before
    arrays["a"]["image"].data[:, :10] = 7
    assert learnt() != before


def test_blocks_are_of_all_datasets_and_show_what_is_learnt(
    arrays: dict[str, Any],
) -> None:
    plan = lessons(prepare(arrays, COURSE), COURSE)
    assert len(plan) == COURSE.steps * COURSE.batch
    blocks = list(plan)
    assert {block.dataset for block in blocks} == {"a", "b"}
    shown = [bool((block.riders["labels"] == 3).any()) for block in blocks]
    assert np.mean(shown) >= 0.5
    assert {block.data.dtype.name for block in blocks} == {"float32"}


def test_a_dataset_without_what_is_learnt_is_an_error(arrays: dict[str, Any]) -> None:
    arrays["b"]["labels"].data[:] = 0
    with pytest.raises(MissingError, match="b"):
        lessons(prepare(arrays, COURSE), COURSE)


def test_a_model_is_the_same_from_its_file(
    arrays: dict[str, Any], tmp_path: Path
) -> None:
    parts = prepare(arrays, COURSE)
    model = fit(lessons(parts, COURSE)[:4], COURSE, "cpu")
    model.save(tmp_path / "model.pt")
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt"]
    found = load(tmp_path / "model.pt")
    blocks = np.random.default_rng(0).normal(size=(2, 9, 10, 11))
    assert found.course == COURSE
    assert found.label == model.label
    assert np.array_equal(found(blocks), model(blocks))


class Evil:
    """What runs code when it is unpickled."""

    def __reduce__(self) -> Any:
        return (Path.touch, (Path("ran"),))


@pytest.mark.parametrize("kind", ["code", "text", "other", "wide", "weights", "course"])
def test_files_that_are_no_model_are_refused(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model.pt"
    Model(UNet(4), COURSE).save(path)
    document = torch.load(path, weights_only=True)
    if kind == "code":
        document["course"] = Evil()
    elif kind == "wide":
        document["course"]["width"] = 10**6
    elif kind == "weights":
        document["weights"].popitem()
    elif kind == "course":
        document["course"]["more"] = 1
    torch.save([1] if kind == "other" else document, path)
    if kind == "text":
        path.write_text("no model")
    with pytest.raises(FormatError, match="expected a model of emcatalog"):
        load(path)
    assert not (tmp_path / "ran").exists()


def test_a_file_that_cannot_be_written_leaves_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    model = Model(UNet(4), COURSE)
    model.save(path)
    before = path.read_bytes()
    with pytest.raises(AttributeError):  # nothing else can be written of it
        Model(None, COURSE).save(path)  # type: ignore[arg-type]
    with pytest.raises(FormatError):  # it is read back before it is moved
        Model(UNet(5), COURSE).save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["model.pt"]


def test_a_device_that_is_not_there() -> None:
    assert chosen("cpu").type == "cpu"
    assert chosen("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    for name in ("none such", "cuda:99"):
        with pytest.raises(OptionError, match="the device"):
            chosen(name)


@pytest.mark.parametrize("shape", [(8, 16, 16), (1, 5, 7), (10, 3, 30)])
def test_blocks_of_any_size_are_answered(shape: tuple[int, int, int]) -> None:
    answer = Model(UNet(4), COURSE)(np.zeros((2, *shape)))
    assert answer.shape == (2, *shape)
    assert answer.dtype == np.float32
    assert ((answer >= 0) & (answer <= 1)).all()


def test_padding_does_not_count(arrays: dict[str, Any]) -> None:
    from emcatalog.train.fit import _loss, begun

    network = begun(COURSE)
    image = np.random.default_rng(0).normal(size=(1, 8, 8, 8)).astype("f4")
    labels = np.full((1, 8, 8, 8), 3)
    mask = np.ones(image.shape, bool)
    mask[:, 5:] = False
    batch = {"image": image, "labels": labels, "mask": mask}
    first = _loss(network, batch, COURSE, torch.device("cpu"))
    labels[:, 5:] = 0
    assert first == _loss(network, batch, COURSE, torch.device("cpu"))
    labels[:, :5] = 0
    assert first != _loss(network, batch, COURSE, torch.device("cpu"))


def test_a_best_threshold_is_the_best_of_all() -> None:
    rng = np.random.default_rng(3)
    values = rng.integers(0, 1000, 500) / 1000 + 0.0005
    wanted = rng.random(500) < 0.2 + 0.6 * (values < 0.3)
    tally = Tally.of(values[:200], wanted[:200], 0, 1)
    tally += Tally.of(values[200:], wanted[200:], 0, 1)

    def score(taken: Any) -> Score:
        both = int((taken & wanted).sum())
        return Score(both, int(wanted.sum()) - both, int((taken & ~wanted).sum()))

    cuts = np.arange(1001) / 1000
    every = [score(values >= cut) for cut in cuts] + [score(values < c) for c in cuts]
    assert tally.best().dice == max(one.dice for one in every)
    assert tally.above(0.3) == score(values >= 0.3)
    assert tally.everything() == score(values > -1)


def test_scores_are_those_of_the_books() -> None:
    truth, said = np.zeros((2, 4, 4, 4), bool)
    truth[:2], said[1:] = True, True
    both = int((truth & said).sum())
    score = Score(both, int((truth & ~said).sum()), int((said & ~truth).sum()))
    assert score.dice == 2 * both / (truth.sum() + said.sum())
    assert score.iou == both / (truth | said).sum()
    assert Score(0, 0, 0).dice == Score(0, 0, 0).iou == 1
    assert Score(0, 5, 5).dice == 0


def test_marks_count_every_held_out_voxel_once(arrays: dict[str, Any]) -> None:
    parts = prepare(arrays, COURSE)
    found = marks(Model(UNet(4), COURSE), parts)
    for member in parts.held_out:
        score = found[member.name].everything
        assert score.missed == 0
        assert score.found + score.wrong == member.within.size
        labels = member.read(member.within)["labels"]
        assert score.found == np.count_nonzero(labels == 3)
        said = found[member.name].model
        assert said.found + said.missed == score.found


def test_the_picture_shows_the_truth_in_orange(arrays: dict[str, Any]) -> None:
    parts = prepare(arrays, COURSE)
    found = answers(Model(UNet(4), COURSE), parts)
    for member in parts.held_out:
        plane, labels = found[member.name], member.read(member.within)["labels"]
        z = round((plane.z - member.grid.origin[0]) / 16.0)
        start = member.within.start[0]
        assert np.array_equal(plane.truth, labels[z - start] == 3)
        assert plane.truth.sum() == (labels == 3).sum(axis=(1, 2)).max()
        assert plane.likely.shape == plane.truth.shape
    sure = {
        name: dataclasses.replace(each, likely=each.truth.astype("f4"))
        for name, each in found.items()
    }
    pixels = np.asarray(picture(sure, "a note").convert("RGB")).astype(int)
    orange = pixels[..., 0] - pixels[..., 2] > 60
    lefts = [round(MARGIN + column * (60 * PIXELS + GUTTER)) for column in range(3)]
    shown = [orange[:, left : left + round(60 * PIXELS)] for left in lefts]
    assert not shown[0].any()
    assert shown[1].sum() > 200
    assert np.array_equal(shown[1], shown[2])


def test_a_whole_volume_is_answered_without_a_seam(
    arrays: dict[str, Any], tmp_path: Path
) -> None:
    """What looks at one voxel alone says the same of it, whatever its block is."""
    network = torch.nn.Conv3d(1, 1, 1)
    model = Model(network, COURSE)  # type: ignore[arg-type]
    image = arrays["a"]["image"]
    found = _array(predict(model, {"a": image}, tmp_path / "a.ome.zarr"))
    voxels = image.to_numpy().astype("f8")
    scaled = (voxels - voxels.mean()) / voxels.std()
    weight, bias = network.weight.item(), network.bias.item()
    assert found.dtype == np.float32
    assert np.allclose(found, 1 / (1 + np.exp(-weight * scaled - bias)), atol=1e-4)


def _array(store: Path) -> Any:
    import zarr

    return zarr.open_array(store / "s0", mode="r")[:]


def test_the_truth_is_that_of_the_sample(sample_root: Path) -> None:
    import emcatalog
    from emcatalog.sample import truth

    with use_mirror(sample_root):
        found = with_truth(emcatalog.open_catalog(), sample_root)
        assert list(found) == [f"dataset{n}" for n in range(1, 6)]
        image, labels = truth("dataset2")
        given = found["dataset2"]
        assert np.array_equal(given["labels"].to_xarray().to_numpy(), labels)
        assert np.array_equal(given["image"].to_xarray().to_numpy(), image)


def test_a_folder_without_labels_is_an_error(tmp_path: Path) -> None:
    import emcatalog

    with pytest.raises(EmcatalogError, match="the labels of the sample"):
        with_truth(emcatalog.open_catalog(), tmp_path)


@pytest.mark.parametrize("name", ["steps", "batch", "width", "rate", "voxel_size"])
def test_a_course_of_nothing_is_an_error(name: str) -> None:
    with pytest.raises(OptionError, match=f"{name}=0"):
        Course(**{name: 0})


def _spoilt(block: Block, at: Counter) -> Block:
    return dataclasses.replace(block, data=block.data * np.float32("nan"))


def test_a_loss_that_is_no_number_ends_it(arrays: dict[str, Any]) -> None:
    plan = lessons(prepare(arrays, COURSE), COURSE).then(_spoilt)
    with pytest.raises(FormatError, match="a loss of nan at step 1"):
        fit(plan, COURSE, "cpu")


WITHOUT = """
import sys
sys.modules["torch"] = None
from emcatalog.cli import main
sys.argv = ["emcatalog", "train"]
main()
"""


def test_without_pytorch_the_extra_is_named(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1
    assert "pip install 'emcatalog[torch]'" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())

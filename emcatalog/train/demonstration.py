"""The demonstration: learn, judge, draw and predict, all of it into one folder."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from emcatalog.beside import beside
from emcatalog.errors import OptionError
from emcatalog.train.course import Course, Parts, lessons, prepare
from emcatalog.train.exam import Answers, Marks, answers, marks, together
from emcatalog.train.fit import fit
from emcatalog.train.model import Model, chosen
from emcatalog.train.picture import picture
from emcatalog.train.score import Score
from emcatalog.train.whole import predict

MODEL, SCORES, PICTURE, WHOLE = "model.pt", "scores.json", "held-out.png", "predictions"
"""What is written into the folder."""

Report = Callable[[str, float], object]
"""Told a line of text and the share done, from 0 to 1."""

LEARNT, JUDGED = 0.75, 0.85
"""The share that is done after learning, and after the exam."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of it: the folder, the loss of each step, the marks of each dataset."""

    folder: Path
    device: str
    losses: tuple[float, ...]
    seconds: float
    """Of learning alone."""
    marks: Mapping[str, Marks]

    @property
    def together(self) -> Marks:
        """The marks of all datasets as one."""
        return together(self.marks)

    def to_json(self, course: Course) -> dict[str, Any]:
        """All but the folder, as plain values."""
        named = {**self.marks, "together": self.together}
        return {
            "course": asdict(course),
            "device": self.device,
            "seconds": round(self.seconds, 3),
            "losses": [round(loss, 6) for loss in self.losses],
            "held_out": {name: _told(each) for name, each in named.items()},
        }


def demonstrate(
    arrays: Mapping[str, Any],
    folder: Path,
    course: Course,
    *,
    device: str = "auto",
    force: bool = False,
    report: Report | None = None,
) -> Outcome:
    """Learn from ``arrays`` by ``course``; write all that comes of it to ``folder``.

    ``arrays`` are those of `prepare`. Written are `MODEL` (see `load`), `SCORES`,
    `PICTURE`, and in `WHOLE` an OME-Zarr for each whole dataset; each is written beside
    its place and moved there. Raises OptionError for a folder that is not empty, unless
    ``force``, and what the parts of it raise.
    """
    tell = report or _silent
    tell("preparing", 0.0)
    _check(folder, force=force)
    place = chosen(device)
    parts = prepare(arrays, course)
    plan = lessons(parts, course)
    losses: list[float] = []

    def watch(step: int, loss: float) -> None:
        losses.append(loss)
        share = LEARNT * step / course.steps
        tell(f"step {step} of {course.steps}, loss {loss:.3f}", share)

    begun = time.perf_counter()
    model = fit(plan, course, str(place), watch)
    seconds = time.perf_counter() - begun
    judged = marks(model, parts, partial(_judging, tell))
    outcome = Outcome(folder, str(place), tuple(losses), seconds, judged)
    folder.mkdir(parents=True, exist_ok=True)
    model.save(folder / MODEL)
    _write(outcome, course, answers(model, parts))
    _predict(model, parts, arrays, folder / WHOLE, tell)
    tell("done", 1.0)
    return outcome


def _write(outcome: Outcome, course: Course, planes: Mapping[str, Answers]) -> None:
    """Write the scores and the picture."""
    with beside(outcome.folder / SCORES) as fresh:
        document = outcome.to_json(course)
        fresh.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    all_of_it = outcome.together
    note = (
        f"Dice {all_of_it.model.dice:.2f}, best threshold "
        f"{all_of_it.threshold.dice:.2f}; {course.steps} steps, "
        f"voxels of {course.voxel_size:g} nm."
    )
    with beside(outcome.folder / PICTURE) as fresh:
        picture(planes, note).save(fresh)


def _predict(
    model: Model, parts: Parts, arrays: Mapping[str, Any], folder: Path, tell: Report
) -> None:
    """Write what the model says of each whole volume."""
    folder.mkdir(exist_ok=True)
    for number, (name, array) in enumerate(arrays.items()):
        predict(
            model,
            {name: array["image"]},
            folder / f"{name}.ome.zarr",
            normalize=parts.scale,
            progress=partial(_predicting, tell, name, number, len(arrays)),
            force=True,
        )


def _predicting(
    tell: Report, name: str, number: int, count: int, done: int, total: int
) -> None:
    share = (number + done / total) / count
    tell(f"predicting {name}", JUDGED + (1 - JUDGED) * share)


def _judging(tell: Report, name: str, share: float) -> None:
    tell(f"judging {name}", LEARNT + (JUDGED - LEARNT) * share)


def _check(folder: Path, *, force: bool) -> None:
    """Refuse a folder that holds something, before anything is learnt."""
    if folder.exists() and not folder.is_dir():
        raise OptionError(got=f"{folder}, a file", expected="a folder, or none")
    there = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    if there and not force:
        raise OptionError(
            got=f"{folder}, which holds {there[0]}",
            expected="a new or empty folder",
            hint="another --out, or --force to replace what this command writes there",
        )
    if not folder.parent.is_dir():
        raise OptionError(
            got=f"{folder}, above which there is no folder",
            expected="a place in a folder that exists",
            hint=f"make it first: mkdir -p {folder.parent}",
        )


def _told(each: Marks) -> dict[str, dict[str, float]]:
    rows = {
        "unet": each.model,
        "best_threshold": each.threshold,
        "everything": each.everything,
    }
    return {name: _numbers(score) for name, score in rows.items()}


def _numbers(score: Score) -> dict[str, float]:
    return {
        "dice": round(score.dice, 6),
        "iou": round(score.iou, 6),
        **asdict(score),
    }


def _silent(_line: str, _share: float) -> None:
    """Nobody watches."""

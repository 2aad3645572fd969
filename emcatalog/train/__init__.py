"""A network that learns mitochondria from blocks of all datasets: a demonstration.

A small U-Net in PyTorch, what it is taught, and how it is judged; ``emcatalog train``
on the command line. It needs the extra ``torch``::

    from emcatalog.train import Course, fit, lessons, prepare, predict

    course = Course(steps=200)
    parts = prepare({"a": {"image": cat.dataset3, "labels": labels}}, course)
    model = fit(lessons(parts, course), course)
    predict(model, cat.dataset3, "mitochondria.ome.zarr")

- `course`: all that is chosen, and parts of datasets that lie apart; `truth`: the
  images of the sample with their labels;
- `unet`, `model`, `fit`: the network, files of it, and how it learns;
- `score`, `exam`: what it knows of voxels that it never saw, beside what a threshold
  knows; `picture`: three of them side by side;
- `whole`: its answer for volumes of any size, as OME-Zarr;
- `demonstration`: all of it, into one folder.
"""

from emcatalog.train.course import Course, Parts, lessons, prepare
from emcatalog.train.demonstration import Outcome, demonstrate
from emcatalog.train.exam import Answers, Marks, answers, marks
from emcatalog.train.fit import fit
from emcatalog.train.model import Model, chosen, load
from emcatalog.train.picture import picture
from emcatalog.train.score import Score, Tally
from emcatalog.train.truth import with_truth
from emcatalog.train.unet import UNet
from emcatalog.train.whole import predict

__all__ = [
    "Answers",
    "Course",
    "Marks",
    "Model",
    "Outcome",
    "Parts",
    "Score",
    "Tally",
    "UNet",
    "answers",
    "chosen",
    "demonstrate",
    "fit",
    "lessons",
    "load",
    "marks",
    "picture",
    "predict",
    "prepare",
    "with_truth",
]

"""What reading must show: targets, each with the figure that was measured for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from benchmarks.reads import figures
from benchmarks.reads.engines import (
    ACCESSOR,
    BARE,
    ONE_BY_ONE,
    OURS,
    TENSORSTORE,
    TENSORSTORE_128,
    layout_of,
)
from benchmarks.reads.limits import DECODING
from benchmarks.reads.paged_limits import MAPPED, MAPPED_ANEW
from benchmarks.reads.peers import CLOUDVOLUME, XARRAY_DASK, ZARR, ZARR_TUNED
from benchmarks.reads.rounds import Outcome
from benchmarks.reads.task import Task

Measure = Callable[[Outcome], float | None]


@dataclass(frozen=True)
class Target:
    """A bound on a figure of some tasks: ``least``, or ``most``."""

    text: str
    covers: Callable[[Task], bool]
    measure: Measure
    least: float | None = None
    most: float | None = None

    def met(self, value: float) -> bool:
        """Whether the figure, as it is shown, keeps the bound."""
        shown = round(value, 2)
        if self.least is not None and shown < self.least:
            return False
        return self.most is None or shown <= self.most


class Verdict(NamedTuple):
    """A target on one task, and what was measured."""

    target: Target
    task: str
    value: float

    @property
    def met(self) -> bool:
        """Whether the target is met."""
        return self.target.met(self.value)


def verdicts(outcomes: Sequence[Outcome]) -> list[Verdict]:
    """Every target on every task that it covers and that has the engines for it."""
    measured = (
        (target, outcome.task.name, target.measure(outcome))
        for target in TARGETS
        for outcome in outcomes
        if target.covers(outcome.task)
    )
    return [Verdict(t, name, value) for t, name, value in measured if value is not None]


@dataclass(frozen=True)
class Over:
    """How many times as fast we are as the fastest of ``others``."""

    others: tuple[str, ...]
    ours: str = OURS

    def __call__(self, outcome: Outcome) -> float | None:
        """None where we or all others are missing."""
        ratios = (
            figures.compared_with(outcome, self.ours, other) for other in self.others
        )
        return min((r.middle for r in ratios if r), default=None)


@dataclass(frozen=True)
class Where:
    """Tasks: ``served`` so, ``batch`` or not (None: both), of these formats.

    ``near`` are blocks that share chunks.
    """

    served: str
    batch: bool | None
    near: bool = False
    formats: Callable[[Task], bool] = lambda task: bool(layout_of(task))

    def __call__(self, task: Task) -> bool:
        """Whether the task is one of them."""
        return (
            task.serving == self.served
            and self.batch in (None, task.batch > 1)
            and self.near == (task.within is not None)
            and self.formats(task)
        )


def _driver(*names: str) -> Callable[[Task], bool]:
    return lambda task: task.stored.driver in names


def _layouts(*names: str) -> Callable[[Task], bool]:
    return lambda task: layout_of(task) in names


def _others(outcome: Outcome) -> float | None:
    """How many times as fast we are as the fastest peer that reads pages."""
    peers = [n for n in outcome.notes if n.startswith(PAGED_PEERS)]
    return Over(tuple(peers))(outcome)


def _moved(outcome: Outcome) -> float | None:
    return figures.moved(outcome, OURS) if OURS in outcome.notes else None


PAGED_PEERS = ("tifffile", "ncempy", "rosettasciio", "fsspec")
SHARED = _layouts("zarr2-64", "zarr3-shards")
PAGES = _driver("tiff", "dm3")
TARGETS: tuple[Target, ...] = (
    Target(
        "single blocks on a disk, `da.isel`: of raw TensorStore",
        Where("disk", batch=False),
        Over((TENSORSTORE,)),
        least=0.95,
    ),
    Target(
        "single blocks on a disk, `volume.read`: of raw TensorStore",
        Where("disk", batch=False),
        Over((TENSORSTORE,), ours=BARE),
        least=0.95,
    ),
    Target(
        "single blocks on a disk, `da.isel`: of decoding alone",
        Where("disk", batch=False),
        Over((DECODING,)),
        least=0.9,
    ),
    Target(
        "a stream of blocks on a disk, `da.em.blocks`: of raw TensorStore",
        Where("disk", batch=True),
        Over((TENSORSTORE,), ours=ACCESSOR),
        least=0.95,
    ),
    Target(
        "a stream of blocks on a disk, `da.em.blocks`: of decoding alone",
        Where("disk", batch=True),
        Over((DECODING,), ours=ACCESSOR),
        least=0.9,
    ),
    Target(
        "64³ chunks and shards on a disk: times zarr-python",
        Where("disk", batch=False, formats=SHARED),
        Over((ZARR,)),
        least=2,
    ),
    Target(
        "64³ chunks and shards on a disk: times a dask task per chunk",
        Where("disk", batch=False, formats=SHARED),
        Over((XARRAY_DASK,)),
        least=5,
    ),
    Target(
        "single blocks on a disk: times cloud-volume",
        Where("disk", batch=False),
        Over((CLOUDVOLUME,)),
        least=1.5,
    ),
    Target(
        "batches that share chunks, on a disk: times one by one",
        Where("disk", batch=True, near=True),
        Over((ONE_BY_ONE,)),
        least=2,
    ),
    Target(
        "far away: of the best of TensorStore and zarr-python, tuned",
        Where("proxy", batch=None),
        Over((TENSORSTORE, TENSORSTORE_128, ZARR_TUNED)),
        least=0.9,
    ),
    Target(
        "far away: times zarr-python as it comes",
        Where("proxy", batch=None),
        Over((ZARR,)),
        least=1.5,
    ),
    Target(
        "far away: times cloud-volume",
        Where("proxy", batch=None),
        Over((CLOUDVOLUME,)),
        least=1.5,
    ),
    Target(
        "pages far away: times the fastest other library",
        Where("proxy", batch=None, formats=PAGES),
        _others,
        least=5,
    ),
    Target(
        "pages far away: bytes moved over bytes of the rows needed",
        Where("proxy", batch=None, formats=PAGES),
        _moved,
        most=1.3,
    ),
    Target(
        "DM3 on a disk: times the fastest of ncempy and rosettasciio",
        Where("disk", batch=False, formats=_driver("dm3")),
        _others,
        least=20,
    ),
    Target(
        "DM3 on a disk: of memory maps at known offsets, made for each block",
        Where("disk", batch=False, formats=_driver("dm3")),
        Over((MAPPED_ANEW,)),
        least=1 / 1.3,
    ),
    Target(
        "DM3 on a disk: of memory maps at known offsets that stay open",
        Where("disk", batch=False, formats=_driver("dm3")),
        Over((MAPPED,)),
        least=1 / 1.3,
    ),
)
"""Ratios of medians of one run."""

"""From turns to figures: medians, ratios of medians and their spread, and targets."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from benchmarks.blocks import contestants as who
from benchmarks.blocks.rounds import Outcome
from benchmarks.reads.figures import Ratio, faster

LOAD_HEADS = (
    "contestant",
    "blocks/s",
    "ms/block",
    "times emcatalog",
    "times by hand",
    "peak MiB",
    "compared",
)
PLAN_HEADS = (
    "contestant",
    "blocks",
    "ms to plan",
    "times emcatalog",
    "ms to open",
    "peak MiB",
)
PEERS = tuple(c.name for c in who.PEERS)
SINGLE = tuple(c.name for c in who.PEERS if not c.workers)
DOUBLE = tuple(c.name for c in who.PEERS if c.workers)


def compared(outcome: Outcome, one: str, other: str) -> Ratio | None:
    """How many times as fast ``one`` is as ``other``; None where either is missing.

    A plan that was made once is compared with the medians of others.
    """
    a, b = outcome.seconds.get(one), outcome.seconds.get(other)
    if not a or not b:
        return None
    if len(a) != len(b):
        a, b = [statistics.median(a)], [statistics.median(b)]
    return faster(a, b)


def rows(outcome: Outcome) -> list[list[str]]:
    """The cells of a table, the fastest first."""
    medians = {n: statistics.median(s) for n, s in outcome.seconds.items() if s}
    row = _loaded if outcome.kind == "load" else _planned
    names = sorted(medians, key=medians.__getitem__)
    return [row(outcome, name, medians[name]) for name in names]


def _loaded(outcome: Outcome, name: str, median: float) -> list[str]:
    count = outcome.task.count
    checked, known = outcome.checked[name], outcome.known[name]
    told = f"{checked}" if known == checked else f"{checked}, places found"
    return [
        name,
        f"{count / median:.1f}",
        f"{median / count * 1e3:.2f}",
        _ratio(outcome, name, who.AHEAD.name),
        _ratio(outcome, name, who.HAND_AHEAD.name),
        _mib(outcome, name),
        told,
    ]


def _planned(outcome: Outcome, name: str, median: float) -> list[str]:
    ratio = _ratio(outcome, name, who.AHEAD.name)
    blocks = f"{outcome.checked[name]:,}"
    opening = f"{statistics.median(outcome.opening[name]) * 1e3:.1f}"
    planning = f"{median * 1e3:,.2f}"
    return [name, blocks, planning, ratio, opening, _mib(outcome, name)]


def _ratio(outcome: Outcome, name: str, other: str) -> str:
    ratio = compared(outcome, name, other) if name != other else None
    if ratio is None:
        return ""
    if ratio.middle < 0.01:
        return f"{ratio.middle:.1e}"
    return str(ratio)


def _mib(outcome: Outcome, name: str) -> str:
    return f"{outcome.peaks[name] / 2**20:.0f}" if name in outcome.peaks else ""


class Verdict(NamedTuple):
    """A target on a task: a figure, and the least or the most that it may be."""

    text: str
    task: str
    value: float
    least: float | None = None
    most: float | None = None

    @property
    def bound(self) -> str:
        """The bound, as it is shown."""
        return f"≥ {self.least:g}" if self.most is None else f"≤ {self.most:g}"

    @property
    def met(self) -> bool:
        """Whether the figure, as it is shown, keeps the bound."""
        shown = round(self.value, 2)
        if self.most is not None:
            return shown <= self.most
        return shown >= (self.least or 0)


def verdicts(outcomes: Sequence[Outcome]) -> list[Verdict]:
    """Every target that there are contestants for."""
    return [
        verdict
        for outcome in outcomes
        for verdict in (_of_load if outcome.kind == "load" else _of_plan)(outcome)
    ]


def _of_load(outcome: Outcome) -> Iterator[Verdict]:
    task = outcome.task.name
    for text, ours, hand in (
        ("read ahead: of TensorStore by hand", who.AHEAD, who.HAND_AHEAD),
        ("DataLoader: of TensorStore by hand", who.LOADER, who.HAND),
        ("DataLoader, 2 workers: of TensorStore by hand", who.LOADER_2, who.HAND_2),
    ):
        if ratio := compared(outcome, ours.name, hand.name):
            yield Verdict(text, task, ratio.middle, least=0.85)
    for text, ours, peers in (
        ("read ahead: times the fastest peer", who.AHEAD, PEERS),
        ("DataLoader: times the fastest peer", who.LOADER, SINGLE),
        ("DataLoader, 2 workers: times the fastest peer", who.LOADER_2, DOUBLE),
    ):
        found = [compared(outcome, ours.name, peer) for peer in peers]
        if ratios := [ratio.middle for ratio in found if ratio]:
            yield Verdict(text, task, min(ratios), least=1.0)
    for text, ours, peers in (
        ("DataLoader: memory over the least of peers", who.LOADER, SINGLE),
        ("DataLoader, 2 workers: memory over the least", who.LOADER_2, DOUBLE),
    ):
        yield from _memory(outcome, text, ours.name, peers)


def _of_plan(outcome: Outcome) -> Iterator[Verdict]:
    task, ours = outcome.task.name, who.AHEAD.name
    found = [compared(outcome, ours, peer) for peer in PEERS]
    if ratios := [ratio.middle for ratio in found if ratio]:
        yield Verdict("plan: times the quickest peer", task, min(ratios), least=1.0)
    yield from _memory(outcome, "plan: memory over the least of peers", ours, PEERS)


def _memory(
    outcome: Outcome, text: str, ours: str, peers: Sequence[str]
) -> Iterator[Verdict]:
    """Peaks below a MiB are all the same."""
    there = [max(2**20, outcome.peaks[p]) for p in peers if p in outcome.peaks]
    if there and ours in outcome.peaks:
        value = max(2**20, outcome.peaks[ours]) / min(there)
        yield Verdict(text, outcome.task.name, value, most=1.0)

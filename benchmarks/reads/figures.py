"""From turns to figures: medians, ratios of medians and their spread, cells of tables.

Engines are compared in the rounds that they shared: a ratio is that of the medians, its
spread the middle half of the ratios round by round.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.reads.engines import TENSORSTORE
from benchmarks.reads.limits import COPYING, DECODING, WIRE
from benchmarks.reads.paged_limits import MAPPED
from benchmarks.reads.rounds import Note, Outcome

HEADS = (
    "engine",
    "ms/block",
    "of the limit",
    "of TensorStore",
    "CPU s/GB",
    "requests",
    "moved",
    "peak MiB",
)


class Ratio(NamedTuple):
    """How many times as fast: of the medians, and the middle half round by round."""

    middle: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.middle:.2f} ({self.low:.2f}–{self.high:.2f})"


def faster(one: Sequence[float], other: Sequence[float]) -> Ratio:
    """How many times as fast ``one`` is, from seconds in the same rounds.

    >>> print(faster([1.0, 2.0, 1.0], [2.0, 2.0, 3.0]))
    2.00 (1.50–2.50)
    """
    each = [b / a for a, b in zip(one, other, strict=True)]
    low, high = np.quantile(each, (0.25, 0.75))
    middle = statistics.median(other) / statistics.median(one)
    return Ratio(middle, float(low), float(high))


def seconds(outcome: Outcome, name: str) -> list[float]:
    """The wall seconds of an engine's turns, or of the wire's limit; may be empty."""
    if name == WIRE:
        return list(outcome.wire)
    return [note.turn.seconds for note in outcome.notes.get(name, [])]


def limit(outcome: Outcome) -> str:
    """The name of the limit that a task is held against; empty if there is none."""
    for name in (WIRE, DECODING, COPYING, MAPPED):
        if seconds(outcome, name):
            return name
    return ""


def compared_with(outcome: Outcome, name: str, other: str) -> Ratio | None:
    """How many times as fast ``name`` is as ``other``; None where either is missing."""
    one, two = seconds(outcome, name), seconds(outcome, other)
    return faster(one, two) if one and two else None


def moved(outcome: Outcome, name: str) -> float:
    """Bytes moved over bytes needed: the median of the rounds."""
    shares = [
        (note.moved.bytes or note.turn.bytes) / needed
        for note, needed in zip(outcome.notes[name], outcome.needed, strict=True)
    ]
    return statistics.median(shares)


def requests(outcome: Outcome, name: str) -> float:
    """Requests for a block (read calls where there is no server): the median."""
    is_local = outcome.task.serving == "disk"
    counts = [
        note.turn.calls if is_local else note.moved.requests
        for note in outcome.notes[name]
    ]
    return statistics.median(counts) / outcome.task.count


def rows(outcome: Outcome) -> list[list[str]]:
    """The cells of `HEADS` for each engine, limits first, then the fastest."""
    limits = (DECODING, COPYING)
    names = sorted(
        outcome.notes,
        key=lambda n: (n not in limits, statistics.median(seconds(outcome, n))),
    )
    found = [_row(outcome, name) for name in names]
    if outcome.wire:
        per_block = statistics.median(outcome.wire) / outcome.task.count
        found.insert(0, [WIRE, _ms(per_block), *[""] * (len(HEADS) - 2)])
    return found


def _row(outcome: Outcome, name: str) -> list[str]:
    notes = outcome.notes[name]
    ratios = [
        compared_with(outcome, name, other) if other != name else None
        for other in (limit(outcome), TENSORSTORE)
    ]
    per_block = statistics.median(seconds(outcome, name)) / outcome.task.count
    is_limit = name in (DECODING, COPYING)
    return [
        name,
        _ms(per_block),
        *("" if ratio is None else str(ratio) for ratio in ratios),
        f"{_cpu(notes, outcome.asked):.2f}",
        "" if is_limit else f"{requests(outcome, name):.1f}",
        "" if is_limit else f"{moved(outcome, name):.2f}",
        f"{max(note.turn.peak for note in notes) / 2**20:.0f}",
    ]


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.2f}"


def _cpu(notes: Sequence[Note], asked: int) -> float:
    """CPU seconds for 10^9 bytes of voxels."""
    return statistics.median(note.turn.cpu for note in notes) / asked * 1e9

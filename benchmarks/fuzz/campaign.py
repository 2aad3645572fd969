"""One target, many inputs, in one process that others watch."""

from __future__ import annotations

import os
import random
import resource
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.fuzz.mutation import Mutator

MEMORY_LIMIT = "32MiB"
"""EMCATALOG_MEMORY_LIMIT while fuzzing: more is refused as too large a request."""

Note = Callable[[bytes], None]
Tell = Callable[[Any], None]

HANG = 20.0
"""Seconds, on a machine that does other things too."""

POOL = 400
"""Inputs that are kept because something new came of them."""


@dataclass(frozen=True)
class Order:
    """What to run: ``runs`` inputs or ``seconds``, whichever ends first.

    An input hangs that takes more than ``hang`` seconds of the clock.
    """

    target: str
    runs: int
    seconds: float
    seed: int
    real: bool = False
    hang: float = HANG


@dataclass
class Tally:
    """What was counted so far. ``failures`` are input and detail by broken law."""

    runs: int = 0
    seconds: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    coverage: int = 0

    def add(self, other: Tally) -> None:
        """Count what another process did."""
        self.runs += other.runs
        self.seconds += other.seconds
        self.outcomes.update(other.outcomes)
        self.coverage = max(self.coverage, other.coverage)
        for name, found in other.failures.items():
            self.failures.setdefault(name, found)


class Trial:
    """Tries inputs of one target and counts; ``note`` is told each before it is tried.

    Every 64th input is tried twice.
    """

    def __init__(self, order: Order, note: Callable[[bytes], None]) -> None:
        from benchmarks.fuzz.laws import judge
        from benchmarks.fuzz.target import targets

        self.target = targets()[order.target]
        self.tally, self._note, self._judge = Tally(), note, judge
        self.seeds = list(self.target.seeds(order.real))
        for data in self.seeds:  # libraries are loaded before anything is measured
            judge(self.target, data)
        guard(self.target.headroom)
        self._begun = time.monotonic()

    def __call__(self, data: bytes) -> bool:
        """Try one input; whether its outcome is new."""
        self._note(data)
        tally = self.tally
        verdict = self._judge(self.target, data, twice=tally.runs % 64 == 0)
        tally.runs += 1
        tally.seconds = time.monotonic() - self._begun
        tally.outcomes[verdict.outcome] += 1
        if verdict.broken and verdict.broken not in tally.failures:
            tally.failures[verdict.broken] = data, verdict.detail
        return tally.outcomes[verdict.outcome] == 1


def prepare() -> None:
    """Settings under which laws hold; before anything of ours is imported."""
    os.environ["EMCATALOG_MEMORY_LIMIT"] = MEMORY_LIMIT
    os.environ.pop("EMCATALOG_MIRROR", None)


def guard(headroom: int) -> None:
    """Bound the address space; warnings are errors from now on."""
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
        used = int(file.read().split()[0]) * resource.getpagesize()
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (used + headroom, hard))
    strict()


def strict() -> None:
    """Make warnings errors."""
    warnings.simplefilter("error")
    # how other libraries end is not what is tried
    warnings.simplefilter("ignore", ResourceWarning)
    warnings.simplefilter("ignore", DeprecationWarning)


def mutate(order: Order, note: Note, tell: Tell) -> None:
    """Run an order with our own mutator; ``tell`` gets the tally now and then."""
    trial = Trial(order, note)
    dice = random.Random(f"{order.target} {order.seed}")  # noqa: S311
    target = trial.target
    change = Mutator(dice, target.form, target.words, target.longest)
    pool: list[bytes] = [data for data in trial.seeds if data] or [b""]
    first, told = len(pool), time.monotonic()
    for data in trial.seeds[: order.runs]:
        trial(data)
    while trial.tally.runs < order.runs and trial.tally.seconds < order.seconds:
        data = change(_picked(dice, pool, first), dice.choice(pool))
        if trial(data):
            _keep(dice, pool, first, data)
        if time.monotonic() - told > 1:
            told = time.monotonic()
            tell(trial.tally)
    tell(trial.tally)


def _picked(dice: random.Random, pool: Sequence[bytes], first: int) -> bytes:
    """A seed, or an input that something new came of."""
    if dice.random() < 0.6:
        return pool[dice.randrange(first)]
    return dice.choice(pool)


def _keep(dice: random.Random, pool: list[bytes], first: int, data: bytes) -> None:
    if len(pool) < first + POOL:
        pool.append(data)
    else:
        pool[dice.randrange(first, len(pool))] = data

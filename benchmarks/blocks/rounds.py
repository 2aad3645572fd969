"""Contestants in turn: plans of many blocks, and epochs of which each block is checked.

Each has a process of its own for each task. A first turn is not counted. Those that
follow are timed, the last one is not but weighed: looking at memory costs time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.blocks.ours import plan_of, starts_of
from benchmarks.blocks.process import ContestantError, Limits, Process
from benchmarks.blocks.task import Contestant, Task

SLOW = 10.0
"""Seconds of a plan that is made only once."""


@dataclass(frozen=True)
class Outcome:
    """What has come of one task.

    ``seconds`` of each turn, by contestant, and of plans those of ``opening`` before;
    ``peaks``, the most bytes beyond those of the opened process; how many blocks were
    ``checked``, and of how many of them the contestant said where they lie
    (``known``). ``failures`` are those that raised or went beyond a limit, ``wrong``
    those that gave other voxels than the source's.
    """

    task: Task
    kind: str
    seconds: dict[str, list[float]] = field(default_factory=dict)
    opening: dict[str, list[float]] = field(default_factory=dict)
    peaks: dict[str, int] = field(default_factory=dict)
    checked: dict[str, int] = field(default_factory=dict)
    known: dict[str, int] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Bench:
    """How tasks are run: the Python of each contestant, rounds, limits.

    ``tick`` is told what happens.
    """

    pythons: Mapping[str, Path]
    rounds: int
    limits: Limits = field(default_factory=Limits)
    tick: Callable[[str], None] = lambda _: None

    def load(self, task: Task, contestants: Sequence[Contestant]) -> Outcome:
        """Epochs of ``task``, read by all whose order it is."""
        those = [c for c in contestants if task.order in c.orders]
        outcome, made = Outcome(task, "load"), plan_of(task)
        with self._crew(those) as crew:
            before: dict[str, int] = {}
            for name in list(crew):
                self._try(outcome, crew, name, "open", task.told())
                if name in crew:
                    before[name] = crew[name].weight()
            for number in range(self.rounds + 2):
                starts = starts_of(made, number)
                last = number == self.rounds + 1
                for name in _turned(list(crew), number):
                    kept = self._epoch(outcome, crew, name, (number, starts), last)
                    if last and name in crew:
                        peak = crew[name].peak - before[name] - kept
                        outcome.peaks[name] = max(0, peak)
                    elif number == 0:
                        outcome.seconds.pop(name, None)
                    self.tick(f"{task.name}: {name}")
        return outcome

    def plan(
        self, task: Task, small: Task, contestants: Sequence[Contestant]
    ) -> Outcome:
        """Plans of ``task``; a first one of ``small`` imports what it takes."""
        outcome = Outcome(replace(task, count=_tiles(task)), "plan")
        with self._crew([c for c in contestants if c.plans]) as crew:
            for name in list(crew):
                told = replace(small, count=_tiles(small)).told()
                self._try(outcome, crew, name, "plan", told)
            for number in range(self.rounds):
                for name in _turned(list(crew), number):
                    self._planned(outcome, crew, name)
                    self.tick(f"{task.name}: {name}")
        return outcome

    def _planned(self, outcome: Outcome, crew: dict[str, Process], name: str) -> None:
        told = self._try(outcome, crew, name, "plan", outcome.task.told())
        if told:
            outcome.seconds.setdefault(name, []).append(told["seconds"])
            outcome.opening.setdefault(name, []).append(told["opening"])
            outcome.peaks.setdefault(name, told["peak"])
            outcome.checked[name] = told["length"]
            if told["seconds"] >= SLOW:  # it may hold much of the memory
                crew.pop(name).end()

    def _epoch(
        self,
        outcome: Outcome,
        crew: dict[str, Process],
        name: str,
        asked: tuple[Any, ...],
        weigh: bool,
    ) -> int:
        """One epoch; the bytes that the loop itself has kept of it."""
        told = self._try(outcome, crew, name, "turn", *asked, weigh=weigh)
        if told is None:
            return 0
        if told["fault"]:
            outcome.wrong[name] = told["fault"]
            self._out(outcome, crew, name)
            return 0
        for counts, key in ((outcome.checked, "blocks"), (outcome.known, "known")):
            counts[name] = counts.get(name, 0) + told[key]
        if not weigh:
            outcome.seconds.setdefault(name, []).append(told["seconds"])
        return int(told["kept"])

    def _try(
        self,
        outcome: Outcome,
        crew: dict[str, Process],
        name: str,
        *asked: Any,
        weigh: bool = False,
    ) -> Any:
        """The answer; None of a contestant that fails, and is out."""
        try:
            return crew[name].ask(*asked, limits=self.limits, weigh=weigh)
        except ContestantError as error:
            outcome.failures[name] = str(error)
            self._out(outcome, crew, name)
            return None

    def _out(self, outcome: Outcome, crew: dict[str, Process], name: str) -> None:
        outcome.seconds.pop(name, None)
        crew.pop(name).end()

    @contextmanager
    def _crew(self, those: Sequence[Contestant]) -> Iterator[dict[str, Process]]:
        crew: dict[str, Process] = {}
        try:
            for one in those:
                crew[one.name] = Process(one, self.pythons[one.environment])
            yield crew
        finally:
            for process in crew.values():
                process.end()


def _turned(names: list[str], number: int) -> list[str]:
    """Nobody is always behind the same one."""
    first = number % max(1, len(names))
    return names[first:] + names[:first]


def _tiles(task: Task) -> int:
    z, y, x = (n // b for n, b in zip(task.shape, task.block, strict=True))
    return z * y * x

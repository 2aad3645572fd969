"""Processes that run campaigns, watched: what crashes or hangs is noted and goes on."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.fuzz.campaign import Note, Order, Tally, Tell, mutate, prepare
from benchmarks.fuzz.guided import guide

START = 240.0
LONGEST = 1 << 17
MOST_ENDS = 50
"""Crashes and hangs after which a target is given up."""

Engine = Callable[[Order, Note, Tell], None]
ENGINES: dict[str, Engine] = {"mutate": mutate, "atheris": guide}
_context = multiprocessing.get_context("spawn")
Report = Callable[[Tally], None]


class Slot:
    """Memory that two processes share: the input under trial, and its number."""

    def __init__(self) -> None:
        self._data = _context.RawArray("c", LONGEST)
        self._length = _context.RawValue("q", 0)
        self._number = _context.RawValue("q", 0)

    def note(self, data: bytes) -> None:
        """Called before an input is tried."""
        self._length.value = min(len(data), LONGEST)
        self._data[: self._length.value] = data[:LONGEST]
        self._number.value += 1

    @property
    def number(self) -> int:
        """How many inputs were noted."""
        return int(self._number.value)

    @property
    def data(self) -> bytes:
        """The last input."""
        return bytes(self._data[: self._length.value])


def run(
    order: Order, engine: Engine = mutate, report: Report = lambda t: None
) -> Tally:
    """Run one order to its end, however often its process must be started again."""
    total = Tally()
    for ends in range(MOST_ENDS):
        rest = replace(
            order,
            runs=order.runs - total.runs,
            seconds=order.seconds - total.seconds,
            seed=order.seed + 1000 * ends,
        )
        if rest.runs <= 0 or rest.seconds <= 0:
            break
        slot = Slot()
        tally, fate = _watched(rest, engine, slot, total, report)
        if fate:
            tally.runs = max(tally.runs, slot.number)
            tally.failures.setdefault(fate, (slot.data, fate))
            tally.outcomes[fate] += 1
        total.add(tally)
        if not fate:
            break
        if not slot.number:
            break  # it does not even start
    return total


def _watched(
    order: Order, engine: Engine, slot: Slot, before: Tally, report: Report
) -> tuple[Tally, str]:
    """The tally of one process, and how it ended if not well."""
    ours, theirs = _context.Pipe(duplex=False)
    process = _context.Process(
        target=_work, args=(order, engine, slot, theirs), daemon=True
    )
    process.start()
    theirs.close()
    tally, number, since = Tally(), -1, time.monotonic()
    while True:
        told, ended = _told(ours)
        if told is not None:
            tally = told
            shown = Tally()
            shown.add(before)
            shown.add(tally)
            report(shown)
        if ended:
            process.join(30)
            code = process.exitcode or 0
            if code > 0:
                raise RuntimeError(f"the campaign of {order.target} itself failed")
            return tally, f"crash, signal {-code}" if code else ""
        if slot.number != number:
            number, since = slot.number, time.monotonic()
        elif time.monotonic() - since > (order.hang if number > 0 else START):
            process.kill()
            process.join()
            return tally, "hang"


def _told(ours: Connection) -> tuple[Tally | None, bool]:
    """The last tally that was sent, if any, and whether the process has ended."""
    tally: Tally | None = None
    wait = 0.5
    try:
        while ours.poll(wait):
            tally, wait = ours.recv(), 0.0
    except (EOFError, OSError):
        return tally, True
    return tally, False


def _work(order: Order, engine: Engine, slot: Slot, out: Any) -> None:
    prepare()
    engine(order, slot.note, out.send)

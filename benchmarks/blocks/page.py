"""Tables in the terminal, and the page of the documentation."""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping, Sequence

from rich.box import SIMPLE
from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.table import Table

from benchmarks.blocks.environments import PINNED
from benchmarks.blocks.figures import LOAD_HEADS, PLAN_HEADS, Verdict, rows
from benchmarks.blocks.rounds import Outcome
from benchmarks.reads.page import busy, machine, versions
from benchmarks.reads.stores import LAYOUTS

VERDICT_HEADS = ("target", "at", "bound", "figure", "met")
HEAD = """\
# Blocks for training, measured

Plans of many blocks, and blocks per second into a training loop: by emcatalog, by other
libraries, and by a ``Dataset`` as one writes it by hand. Written by the measurement
itself:

```sh
{command}
```

{machine} {date}. Rounds: {rounds}. {load}

{versions}; in environments of their own: {pinned}.

## Targets

"""
WAY = """\

## How it is measured

- Each contestant lives in a process of its own, on the same stores as
  [reading](reading.md). In each round all of them, in turn, read an epoch; a first one
  is not counted. Worker processes are started before, and stay. Nobody keeps voxels
  from block to block.
- The loop does with a batch of four blocks what a training does: it takes it, copies it
  to memory that was there before, and lets go of it.
- **Every block of every epoch is compared with the source**, voxel for voxel, when the
  clock has stopped: at the place where its reader says that it lies, or, where a
  library does not tell (*places found*), wherever its voxels are found.
- *Anywhere* are random places, mostly unaligned: a block of 128³ meets 27 chunks of
  64³. *Tiles* lie on the grid of chunks and meet 8, since that is all that xbatcher and
  zarrdataset have; shuffled. torch-em and cellmap-data have places anywhere, but for
  the last voxel along each axis. cellmap-data gives float32, the others uint8.
- A *plan* begins with an opened array without chunks and ends where the first block of
  a shuffled epoch lies (of torch-em and cellmap-data: of as many random ones). By hand
  it is `DataLoader(shuffle=True)`. *Opening* the array by its path stands beside, and
  is 0 where the library does it within its plan. Importing is not counted.
- Ratios are speeds: 2.00 is twice as fast. They are ratios of medians over the rounds,
  and in brackets is the middle half of the ratios round by round.
- *Peak*: the most memory of the process and its workers (what they share counts once,
  mapped files do not) beyond that of the opened dataset, without the loop's own, in a
  last epoch that is not timed; of plans beyond that before planning.
"""


def title(outcome: Outcome) -> str:
    """What a table is about, in words."""
    task = outcome.task
    sides = " x ".join(map(str, task.block))
    if outcome.kind == "plan":
        return f"Plans of {sides} blocks in {' x '.join(map(str, task.shape))} voxels"
    form, _, order = task.name.partition("/")
    where = "anywhere" if order == "anywhere" else "in shuffled tiles"
    return f"{LAYOUTS[form].title}: {task.count} blocks of {sides} {where}"


def show(console: Console, outcome: Outcome) -> None:
    """The table of one task, and who is not in it."""
    cells = [heads(outcome), *rows(outcome)]
    _show(console, title(outcome), cells)
    for name, text in outcome.wrong.items():
        console.print(f"{name} is WRONG: {text}", style="bold red", markup=False)
    for name, text in outcome.failures.items():
        console.print(f"{name} failed: {text}", style="yellow", markup=False)


def show_verdicts(console: Console, found: Sequence[Verdict]) -> None:
    """A line for each target."""
    _show(console, "Targets", [VERDICT_HEADS, *map(_cells, found)])


def page(
    outcomes: Sequence[Outcome],
    found: Sequence[Verdict],
    absent: Mapping[str, str],
    command: str,
) -> str:
    """The whole page as Markdown."""
    rounds = max((len(s) for o in outcomes for s in o.seconds.values()), default=0)
    head = HEAD.format(
        command=command,
        machine=machine(),
        date=datetime.datetime.now(tz=datetime.UTC).date(),
        rounds=rounds,
        load=busy(os.getloadavg()[2]) if hasattr(os, "getloadavg") else "",
        versions=versions(),
        pinned=", ".join(f"{name} ({', '.join(v)})" for name, v in PINNED.items()),
    )
    parts = [head, _table([VERDICT_HEADS, *map(_cells, found)]), WAY]
    for outcome in outcomes:
        parts += [f"\n## {title(outcome)}\n\n`--only {outcome.task.name}`\n\n"]
        parts.append(_table([heads(outcome), *rows(outcome)]))
        for name, text in (*outcome.wrong.items(), *outcome.failures.items()):
            parts.append(f"\n{name}: {_plain(text)}\n")
    if absent:
        told = "; ".join(f"{name} ({_plain(why)})" for name, why in absent.items())
        parts.append(f"\nLeft out: {told}.\n")
    return "".join(parts)


def heads(outcome: Outcome) -> Sequence[str]:
    """The heads of a task's table."""
    return LOAD_HEADS if outcome.kind == "load" else PLAN_HEADS


def _cells(verdict: Verdict) -> list[str]:
    figure = f"{verdict.value:.2f}" if verdict.value < 1000 else f"{verdict.value:.1e}"
    met = "yes" if verdict.met else "no"
    return [verdict.text, verdict.task, verdict.bound, figure, met]


def _show(console: Console, name: str, cells: Sequence[Sequence[str]]) -> None:
    table = Table(title=name, title_justify="left", box=SIMPLE)
    for number, head in enumerate(cells[0]):
        justify: JustifyMethod = "right" if number else "left"
        table.add_column(head, justify=justify)
    for line in cells[1:]:
        table.add_row(*map(escape, line))
    console.print(table)


def _table(cells: Sequence[Sequence[str]]) -> str:
    rule = ["---", *["---:"] * (len(cells[0]) - 1)]
    lines = [cells[0], rule, *cells[1:]]
    return "".join(f"| {' | '.join(map(_plain, line))} |\n" for line in lines)


def _plain(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")

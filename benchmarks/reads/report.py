"""Tables in the terminal: one for each task, then the verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.box import SIMPLE
from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.table import Table

from benchmarks.reads.figures import HEADS, rows
from benchmarks.reads.rounds import Outcome
from benchmarks.reads.task import Link, Task
from benchmarks.reads.verdicts import Target, Verdict


def title(task: Task) -> str:
    """What a table is about, in words."""
    shape = " x ".join(map(str, task.block))
    where = {"disk": "on a disk", "nginx": "from nginx", "proxy": _far(task.link)}
    near = " near each other" if task.within else ""
    asked = f"{task.batch} blocks of {shape}{near} at once" if task.batch > 1 else shape
    return f"{task.stored.title}, {where[task.serving]}: {asked}"


def _far(link: Link | None) -> str:
    if link is None:
        return "through a proxy"
    return (
        f"from {link.latency * 1e3:g} ms away, "
        f"{link.bandwidth / 1e6:g} MB/s per connection"
    )


def show(console: Console, outcome: Outcome) -> None:
    """The table of one task, and who is not in it."""
    table = Table(title=title(outcome.task), title_justify="left", box=SIMPLE)
    for head in HEADS:
        justify: JustifyMethod = "left" if head == HEADS[0] else "right"
        table.add_column(head, justify=justify, no_wrap=True)
    for cells in rows(outcome):
        table.add_row(*map(escape, cells))
    console.print(table)
    for name, text in outcome.wrong.items():
        console.print(f"{name} is WRONG: {text}", style="bold red", markup=False)
    for name, text in outcome.failures.items():
        console.print(f"{name} failed: {text}", style="yellow", markup=False)


def show_verdicts(console: Console, found: Sequence[Verdict]) -> None:
    """A line for each target: met or not, the worst figure, and where it is missed."""
    table = Table("target", title="Targets", title_justify="left", box=SIMPLE)
    for head in ("bound", "worst", "met", "missed at"):
        table.add_column(head, justify="left" if head == "missed at" else "right")
    for cells in verdict_rows(found):
        table.add_row(*map(escape, cells))
    console.print(table)


def verdict_rows(found: Sequence[Verdict]) -> list[list[str]]:
    """The cells of the targets: text, bound, worst figure, how many met, the missed."""
    return [
        _row(target, list(group))
        for target, group in groupby(found, key=lambda verdict: verdict.target)
    ]


def _row(target: Target, found: Sequence[Verdict]) -> list[str]:
    values = [verdict.value for verdict in found]
    worst = min(values) if target.most is None else max(values)
    missed = [f"{v.task} {v.value:.2f}" for v in found if not v.met]
    sign = f"≥ {target.least:.2f}" if target.most is None else f"≤ {target.most:.2f}"
    met = f"{len(found) - len(missed)} of {len(found)}"
    return [target.text, sign, f"{worst:.2f}", met, ", ".join(missed)]

"""What is written to a terminal: lines, tables, progress, JSON and letters.

Names and texts of files may hold anything, a terminal's commands as well. What is
written here shows them escaped.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from emcatalog.errors import EmcatalogError, printable, readable

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

MANY = 130
"""Columns of text that a wide table needs."""

WIDE = 160
"""Columns of output that goes to a file or a pipe, so that tables stay whole."""

Report = Callable[[str, float], None]
"""Told a line of text and the share done, from 0 to 1."""


def console(*, error: bool = False) -> Console:
    """The console of standard output, or of standard error."""
    from rich.console import Console

    stream = sys.stderr if error else sys.stdout
    piped = not stream.isatty() and "COLUMNS" not in os.environ
    return Console(file=stream, highlight=False, width=WIDE if piped else None)


def say(*lines: RenderableType, style: str = "") -> None:
    """Write to standard output; text is a line each, without markup.

    Text is not broken into lines, so that a command in it can be copied.
    """
    out = console()
    for line in lines:
        if isinstance(line, str):
            out.print(_line(line), style=style or None, soft_wrap=True)
        else:
            out.print(line, style=style or None)


def say_json(value: Any) -> None:
    """Write ``value`` as JSON that another program can read."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    # JSON lets most of what is not printed stand as it is
    sys.stdout.write(re.sub(r"[^\n -~]", _json_letter, text) + "\n")


def whisper(line: str) -> None:
    """Write a remark to standard error, where it disturbs no pipe."""
    console(error=True).print(_line(line), style="dim")


def letter(error: EmcatalogError) -> None:
    """Write an error of ours to standard error: entry, got, expected, try."""
    err = console(error=True)
    entry = readable(error.entry, keep="")
    err.print(cell(f"error: {entry}" if entry else "error", "bold red"))
    lines = (("got", error.got), ("expected", error.expected), ("try", error.hint))
    err.print(facts((f"  {name}", readable(text)) for name, text in lines))


def table(*columns: str) -> Table:
    """An empty table; a column whose name begins with ``>`` holds numbers.

    Numbers are kept on one line, and so is the first column.
    """
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, header_style="dim", pad_edge=False)
    for name in columns:
        number = name.startswith(">")
        made.add_column(
            name.removeprefix(">"),
            justify="right" if number else "left",
            no_wrap=number or not made.columns,
            overflow="fold",
        )
    return made


def is_wide() -> bool:
    """Whether there is room for tables of many columns."""
    return console().width >= MANY


def cell(value: object, style: str = "") -> RenderableType:
    """A value as text, without markup."""
    from rich.text import Text

    # in a cell a new line stays in its column, and a tab is a few spaces
    text = "" if value is None else printable(str(value), keep="\n\t")
    return Text(text, style=style)


def facts(rows: Iterable[tuple[str, object]]) -> Table:
    """Two columns, names and values, without a head; empty values are left out."""
    from rich.table import Table

    made = Table.grid(padding=(0, 3, 0, 0))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in rows:
        if value not in (None, ""):
            made.add_row(cell(name), cell(value))
    return made


@contextlib.contextmanager
def progress(title: str) -> Iterator[Report]:
    """Give a function that moves a progress bar; silent where there is no terminal."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    err = console(error=True)
    told = TextColumn("{task.description}", markup=False)
    parts = (told, BarColumn(), TimeElapsedColumn())
    with Progress(
        *parts, console=err, transient=True, disable=not err.is_terminal
    ) as bar:
        task = bar.add_task(printable(title, keep=""), total=1.0)
        yield lambda line, share: bar.update(
            task, description=printable(line, keep=""), completed=share
        )


def _line(text: str) -> RenderableType:
    return cell(printable(text, keep=""))


def _json_letter(found: re.Match[str]) -> str:
    letter = found[0]
    return letter if printable(letter) == letter else json.dumps(letter)[1:-1]


def times(values: Sequence[float]) -> str:
    """Numbers of an axis triple as people write them.

    >>> times((2.96, 4.0, 4.0))
    '2.96 × 4 × 4'
    """
    return " × ".join(f"{v:.10g}" for v in values)

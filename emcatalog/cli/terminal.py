"""What is written to a terminal: lines, tables, progress, JSON and letters."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from emcatalog.errors import EmcatalogError

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

    made = Console(stderr=error, highlight=False, soft_wrap=False)
    if not made.is_terminal and "COLUMNS" not in made._environ:  # noqa: SLF001
        made.width = WIDE
    return made


def say(*lines: RenderableType, style: str = "") -> None:
    """Write to standard output; text is taken as it is, without markup.

    Text is not broken into lines, so that a command in it can be copied.
    """
    out = console()
    for line in lines:
        text = isinstance(line, str)
        out.print(line, markup=False, style=style or None, soft_wrap=text)


def whisper(line: str) -> None:
    """Write a remark to standard error, where it disturbs no pipe."""
    console(error=True).print(line, markup=False, style="dim")


def is_wide() -> bool:
    """Whether there is room for tables of many columns."""
    return console().width >= MANY


def table(*columns: str, keep_first: bool = True) -> Table:
    """An empty table; a column whose name begins with ``>`` holds numbers.

    Numbers are kept on one line, and so is the first column unless it may be folded.
    """
    from rich import box
    from rich.table import Table

    made = Table(
        box=box.SIMPLE_HEAD,
        header_style="dim",
        pad_edge=False,
    )
    for name in columns:
        number = name.startswith(">")
        made.add_column(
            name.removeprefix(">"),
            justify="right" if number else "left",
            no_wrap=number or (keep_first and not made.columns),
            overflow="fold",
        )
    return made


def cell(value: object, style: str = "") -> RenderableType:
    """A value as text, without markup."""
    from rich.text import Text

    return Text("" if value is None else str(value), style=style)


def facts(rows: Sequence[tuple[str, object]]) -> Table:
    """Two columns, names and values, without a head; empty values are left out."""
    from rich.table import Table

    made = Table.grid(padding=(0, 3, 0, 0))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in rows:
        if value not in (None, ""):
            made.add_row(cell(name), cell(value))
    return made


def say_json(value: Any) -> None:
    """Write ``value`` as JSON that another program can read."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    # a console would wrap long lines
    out = console()
    out.file.write(f"{text}\n")


@contextlib.contextmanager
def progress(title: str) -> Iterator[Report]:
    """Give a function that draws a progress bar; nothing where there is no terminal."""
    err = console(error=True)
    if not err.is_terminal:
        yield _silent
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    parts = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*parts, console=err, transient=True) as bar:
        task = bar.add_task(title, total=1.0)
        yield lambda line, share: bar.update(task, description=line, completed=share)


def _silent(_line: str, _share: float) -> None:
    """Draw nothing."""


def letter(error: EmcatalogError) -> None:
    """Write an error of ours to standard error: entry, got, expected, try."""
    err = console(error=True)
    err.print(cell(f"error: {error.entry}" if error.entry else "error", "bold red"))
    lines = (("got", error.got), ("expected", error.expected), ("try", error.hint))
    for name, text in lines:
        if text:
            grid = facts([(f"  {name:8}", text)])
            err.print(grid)


def number_of_bytes(size: float) -> str:
    """A size as people read it.

    >>> number_of_bytes(512), number_of_bytes(64 * 2**20)
    ('512 bytes', '64 MiB')
    """
    units = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")
    power = 0
    while size >= 1024 and power < len(units) - 1:
        size, power = size / 1024, power + 1
    return f"{size:.4g} {units[power]}"


def times(values: Sequence[float]) -> str:
    """Numbers of an axis triple as people write them.

    >>> times((2.96, 4.0, 4.0))
    '2.96 × 4 × 4'
    """
    return " × ".join(f"{v:.10g}" for v in values)

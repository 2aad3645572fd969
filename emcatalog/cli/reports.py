"""Rows in a terminal, and in files of the formats of the metadata table."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emcatalog.cli.terminal import cell, console, facts, say, table, times
from emcatalog.errors import OptionError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from emcatalog.metadata.formats import Row
    from emcatalog.record import Explanation

TERMINAL = "table"
FORMATS = (TERMINAL, "md", "csv", "json", "html", "parquet")
LEAST = 12
"""Columns of text that a column of a table needs, on average, to be readable."""


@dataclass(frozen=True)
class Report:
    """Rows under columns, with a title."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Row]


@dataclass(frozen=True)
class Target:
    """Where a report goes, and how: a format, and a file unless it is the output."""

    form: str = TERMINAL
    path: Path | None = None

    @classmethod
    def of(cls, form: str, path: Path | None) -> Target:
        """A target; the suffix of the file tells the format where nothing else does.

        Raises OptionError for a suffix that names none.
        """
        if path is None or form != TERMINAL:
            return cls(form, path)
        suffix = path.suffix.removeprefix(".")
        if suffix not in FORMATS[1:]:
            raise OptionError(
                got=f"--out {path}",
                expected=f"a file whose name ends in .{', .'.join(FORMATS[1:])}",
                hint="or say it: --format csv",
            )
        return cls(suffix, path)

    @property
    def is_terminal(self) -> bool:
        """Whether people read it, and not programs."""
        return self.form == TERMINAL

    def write(self, report: Report) -> None:
        """Write a report in a format of files; see `show` for the terminal."""
        from emcatalog.metadata import formats

        rows, columns = report.rows, report.columns
        if self.form == "parquet":
            self.put(formats.to_parquet(rows, columns))
        elif self.form == "json":
            known = [
                {c: row[c] for c in columns if row.get(c) not in (None, "", ())}
                for row in rows
            ]
            self.put(formats.to_json(known))
        elif self.form == "html":
            self.put(formats.to_html(rows, columns, report.title))
        else:
            is_csv = self.form == "csv"
            write = formats.to_csv if is_csv else formats.to_markdown
            self.put(write(rows, columns))

    def put(self, made: str | bytes) -> None:
        """Write what was made, to the file or to the output."""
        from emcatalog.beside import beside

        data = made.encode() if isinstance(made, str) else made
        if self.path is not None:
            place = self.path.expanduser().absolute()
            with beside(place) as scratch:
                scratch.write_bytes(data)
            say(f"wrote {place}")
        elif isinstance(made, str):
            sys.stdout.write(made)
        elif sys.stdout.isatty():
            raise OptionError(
                got="--format parquet on a terminal",
                expected="a file",
                hint="--out table.parquet",
            )
        else:
            sys.stdout.buffer.write(data)


def show(report: Report) -> None:
    """Rows in a terminal: a table if it is wide enough, else one after the other."""
    from emcatalog.metadata.formats import plain

    if len(report.columns) * LEAST <= console().width:
        numbers = [f"{'>' * _holds_numbers(report, c)}{c}" for c in report.columns]
        shown = table(*numbers)
        for row in report.rows:
            shown.add_row(*(cell(plain(row.get(c))) for c in report.columns))
        say(shown)
        return
    first, *others = report.columns
    for row in report.rows:
        say(cell(plain(row.get(first)), "bold"))
        say(facts((f"  {c}", plain(row.get(c))) for c in others))


def _holds_numbers(report: Report, column: str) -> bool:
    cells = [row.get(column) for row in report.rows]
    return any(c is not None for c in cells) and all(
        c is None or isinstance(c, int | float) for c in cells
    )


def overview(rows: Sequence[Row]) -> Report:
    """The table for people: what one looks for first, as far as there is room."""
    wide = console().width
    columns = ["name", "voxels z, y, x", "voxel nm", "type", "modality", "organism",
               "organ", "licence"]  # fmt: skip
    room = 8 if wide >= 120 else 6 if wide >= 90 else 5 if wide >= 70 else 4
    kept = columns if room == 8 else [c for c in columns if c != "type"][:room]
    digits = 6 if room == 8 else 4
    shown = [{c: _overviewed(row, c, digits) for c in kept} for row in rows]
    return Report("metadata", tuple(kept), shown)


def _overviewed(row: Row, column: str, digits: int) -> str:
    from emcatalog.metadata.formats import plain
    from emcatalog.metadata.table import displayed

    if column == "voxels z, y, x":
        counts = [row[c] for c in ("depth", "height", "width")]
        known = [c for c in counts if isinstance(c, int)]
        return times(known) if len(known) == len(counts) else ""
    if column == "voxel nm":
        return _voxel(row, digits)
    return plain(displayed(row)[{"type": "pixel_type"}.get(column, column)])


def _voxel(row: Row, digits: int) -> str:
    """The voxel size with a few digits; an asterisk where it is imputed."""
    sizes = [row[f"voxel_size_{axis}"] for axis in "zyx"]
    if not any(sizes):
        return ""
    marked = row["imputed"] if isinstance(row["imputed"], tuple) else ()
    return " × ".join(
        (f"{size:.{digits}g}" if isinstance(size, float) else "?")
        + "*" * (f"voxel_size_{axis}" in marked)
        for axis, size in zip("zyx", sizes, strict=True)
    )


def explanation(name: str, told: Explanation) -> Iterator[RenderableType]:
    """Who says what about one field: the winner, the others, and why."""
    from rich.padding import Padding

    from emcatalog.metadata.formats import plain
    from emcatalog.metadata.settling import claim_rows

    yield cell(f"{name}.{told.field}", "bold")
    for row in claim_rows([(name, told)]):
        verdict, who = str(row["verdict"]), f"{row['source']} {row['time']}".strip()
        quantity = f"{plain(row['value'])} {row['unit']}".strip()
        said = cell(f"{verdict:<8} {quantity}  ({who})", _STYLES[verdict])
        yield Padding(said, (0, 0, 0, 2), expand=False)
        where = [row["locator"], row["why"] if verdict == "doubted" else ""]
        for line in filter(None, where):
            yield Padding(cell(line, "dim"), (0, 0, 0, 11), expand=False)
    yield facts([("  why   ", told.why)])
    yield ""


_STYLES = {"wins": "green", "agrees": "", "loses": "yellow", "doubted": "red"}

"""Rows of the table as Markdown, CSV, JSON, HTML and Parquet.

Texts come from files and servers, so each format escapes them: pipes and markup,
cells that a spreadsheet would run, whatever moves a terminal's cursor. The same rows
give the same bytes.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from emcatalog.errors import OptionError, printable

Cell = str | int | float | bool | tuple[str | int | float, ...] | None
Row = Mapping[str, Cell]

FORMATS = ("md", "csv", "json", "html", "parquet")

_FORMULA = tuple("=+-@\t\r")
_MARKUP = re.compile(r"([\\|`*\[\]<>&~]|(?<![^\W_])_|_(?![^\W_]))")

_STYLE = """
:root { color-scheme: light dark; --line: #8884; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem; }
div { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding: 0 0 1rem; }
th, td { padding: .35rem .8rem; border-bottom: 1px solid var(--line);
  text-align: left; vertical-align: top; overflow-wrap: anywhere; min-width: 5rem; }
th { font-weight: 600; white-space: nowrap; }
td.number { text-align: right; white-space: nowrap; }
"""


def plain(value: Cell) -> str:
    """A value as text that reads back; nothing for what is unknown.

    >>> plain(50.0), plain(7.998250424861908), plain((64, 64, 64)), plain(None)
    ('50', '7.998250424861908', '64, 64, 64', '')
    """
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ", ".join(map(plain, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def to_markdown(rows: Sequence[Row], columns: Sequence[str]) -> str:
    r"""A table of GitHub's Markdown; what would be markup in a value is escaped.

    >>> print(to_markdown([{"name": "a|b", "depth": 3}], ["name", "depth"]), end="")
    | name | depth |
    |---|---|
    | a\|b | 3 |
    """
    lines = [columns, *([plain(row.get(c)) for c in columns] for row in rows)]
    written = [f"| {' | '.join(map(marked_down, line))} |" for line in lines]
    return "\n".join([written[0], "|" + "---|" * len(columns), *written[1:]]) + "\n"


def marked_down(text: str) -> str:
    r"""A text in Markdown, on one line, with nothing in it that is markup.

    >>> print(marked_down("a|b <i> voxel_size"))
    a\|b \<i\> voxel_size
    """
    escaped = _MARKUP.sub(r"\\\1", printable(text, keep="\n"))
    return escaped.replace("\n", "<br>")


def to_csv(rows: Sequence[Row], columns: Sequence[str]) -> str:
    """Comma-separated values with a head, lines ended by a newline alone.

    A text that a spreadsheet would take for a formula has an apostrophe before it.

    >>> print(to_csv([{"name": "=1+1", "depth": 3}], ["name", "depth"]), end="")
    name,depth
    '=1+1,3
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_csv_cell(row.get(c)) for c in columns] for row in rows)
    return out.getvalue()


def to_json(value: Any) -> str:
    """``value`` as JSON, with what is not printed escaped."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=_listed)
    return re.sub(r"[^\n -~]", _json_letter, text) + "\n"


def to_html(rows: Sequence[Row], columns: Sequence[str], title: str) -> str:
    """One page that needs nothing else, and follows light and dark of the reader."""
    head = "".join(f"<th scope='col'>{_html(column)}</th>" for column in columns)
    body = "\n".join(
        f"<tr>{''.join(_html_cell(row.get(c)) for c in columns)}</tr>" for row in rows
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_html(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<div><table>
<caption>{_html(title)}</caption>
<thead><tr>{head}</tr></thead>
<tbody>
{body}
</tbody>
</table></div>
</body>
</html>
"""


def to_parquet(rows: Sequence[Row], columns: Sequence[str]) -> bytes:
    """The bytes of a Parquet file; numbers are numbers, lists are text.

    Raises OptionError where the library for it is not installed.
    """
    from emcatalog.metadata.frame import frame

    out = io.BytesIO()
    try:
        frame(rows, columns).to_parquet(out, index=False)
    except ImportError:
        raise OptionError(
            got="--format parquet without pyarrow",
            expected="a library that writes Parquet",
            hint="pip install 'emcatalog[parquet]', or take --format csv",
        ) from None
    return out.getvalue()


def _csv_cell(value: Cell) -> Cell:
    text = printable(plain(value), keep="\n")
    is_text = not isinstance(value, int | float)
    return f"'{text}" if is_text and text.startswith(_FORMULA) else text


def _html(text: str) -> str:
    return escape(printable(text, keep="\n"))


def _html_cell(value: Cell) -> str:
    text = _html(plain(value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"<td class='number'>{text}</td>"
    # another scheme could be a script
    if isinstance(value, str) and re.fullmatch(r"https?://[^\s]+", value):
        text = f"<a href='{text}' rel='noreferrer'>{text}</a>"
    return f"<td>{text}</td>"


def _json_letter(found: re.Match[str]) -> str:
    letter = found[0]
    return letter if printable(letter) == letter else json.dumps(letter)[1:-1]


def _listed(value: object) -> Any:
    """Sets and mappings that are no dict; JSON has neither."""
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, Iterable) else str(value)

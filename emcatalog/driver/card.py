"""What a source shows of itself in a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from emcatalog.errors import public


def card(name: str, rows: Mapping[str, object]) -> str:
    """HTML of a small table below a name; no passwords of URLs.

    >>> card("a<b", {"url": "s3://me:hush@bucket"}).startswith("<b>a&lt;b</b><table>")
    True
    """
    cells = "".join(
        f"<tr><th style='text-align:left'>{escape(str(k))}</th>"
        f"<td>{escape(public(str(v)))}</td></tr>"
        for k, v in rows.items()
    )
    return f"<b>{escape(name)}</b><table>{cells}</table>"

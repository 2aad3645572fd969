"""The table as Markdown, CSV, JSON, HTML and Parquet: what is in it stays data."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
import unicodedata
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emcatalog.errors import OptionError
from emcatalog.metadata.formats import (
    Row,
    plain,
    to_csv,
    to_html,
    to_json,
    to_markdown,
    to_parquet,
)
from emcatalog.metadata.frame import frame

COLUMNS = ("name", "depth", "voxel_size_z", "chunks", "note")
EVIL = (
    "=1+1|`*_x_*`<script>alert(1)</script>\x1b[2J\u202e&amp;\\ [a](javascript:b)\n# h"
)
ROWS: list[Row] = [
    {"name": EVIL, "depth": 16, "voxel_size_z": 7.998250424861908, "chunks": (1, 2)},
    {"name": "b", "depth": None, "voxel_size_z": 50.0, "note": "https://a.org/x_y?z=1"},
]
texts = st.text(st.characters(exclude_categories=["Cs"]))
rows_of_texts = st.lists(st.fixed_dictionaries({"name": texts, "note": texts}))


def is_tame(text: str) -> bool:
    return all(
        c == "\n" or c.isprintable() or unicodedata.category(c) == "Zs" for c in text
    )


@given(rows_of_texts)
def test_csv_reads_back_and_holds_no_formula(rows: list[Row]) -> None:
    written = to_csv(rows, ("name", "note"))
    assert is_tame(written)
    head, *lines = csv.reader(io.StringIO(written, newline=""))
    assert head == ["name", "note"]
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        for cell, value in zip(line, (row["name"], row["note"]), strict=True):
            assert not cell.startswith(tuple("=+-@\t\r"))
            if is_tame(str(value)):
                assert cell.removeprefix("'") == str(value).removeprefix("'")


def test_csv_keeps_numbers_as_they_are() -> None:
    written = to_csv([{"depth": -3, "voxel_size_z": 7.998250424861908}], COLUMNS[1:3])
    assert written == "depth,voxel_size_z\n-3,7.998250424861908\n"


@given(rows_of_texts)
def test_markdown_has_a_line_for_each_row_and_as_many_cells(rows: list[Row]) -> None:
    written = to_markdown(rows, ("name", "note"))
    assert is_tame(written)
    lines = written.splitlines()
    assert len(lines) == len(rows) + 2
    for line in lines:
        # a pipe after an even number of backslashes parts cells
        assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) == 3


def test_markdown_has_no_markup_of_the_values() -> None:
    line = to_markdown(ROWS, ("name",)).splitlines()[2]
    assert r"\<script\>" in line
    assert r"\[a\](javascript" in line
    assert r"\`\*\_x\_\*\`" in line
    assert "<br># h" in line
    assert re.findall(r"(?<!\\)<(?!br>)", line) == []


def test_json_reads_back() -> None:
    written = to_json(ROWS)
    assert is_tame(written)
    assert json.loads(written)[0]["name"] == EVIL
    assert json.loads(written)[0]["chunks"] == [1, 2]


class Page(HTMLParser):
    """Tags, links and texts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [v or "" for k, v in attrs if k in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_html_is_one_page_that_loads_nothing_and_runs_nothing() -> None:
    page = Page(to_html(ROWS, COLUMNS, EVIL))
    assert "script" not in page.tags
    assert page.links == ["https://a.org/x_y?z=1"]
    assert page.tags.count("tr") == len(ROWS) + 1
    assert page.tags.count("td") == len(ROWS) * len(COLUMNS)
    assert "<script>alert(1)</script>" in page.text
    written = to_html(ROWS, COLUMNS, EVIL)
    assert is_tame(written)
    assert "color-scheme: light dark" in written
    assert "url(" not in written
    assert "@import" not in written


@pytest.mark.parametrize(
    "place", ["javascript:alert(1)", "data:text/html,x", "https://a.org/' x='", "//a"]
)
def test_html_links_lead_only_to_the_web(place: str) -> None:
    page = Page(to_html([{"url": place}], ("url",), "t"))
    assert page.links in ([], [place])
    assert not page.links or page.links[0].startswith("https://a.org/")


def test_parquet_reads_back_with_its_types() -> None:
    back = pd.read_parquet(io.BytesIO(to_parquet(ROWS, COLUMNS)))
    assert list(back.columns) == list(COLUMNS)
    assert back["depth"].tolist() == [16, pd.NA]
    assert str(back["depth"].dtype) == "Int64"
    assert back["voxel_size_z"].tolist() == [7.998250424861908, 50.0]
    assert back["chunks"].tolist()[0] == "1, 2"
    assert back["name"].tolist() == [EVIL, "b"]


def test_a_table_without_rows() -> None:
    assert frame([], COLUMNS).shape == (0, len(COLUMNS))
    assert pd.read_parquet(io.BytesIO(to_parquet([], COLUMNS))).empty
    assert to_csv([], ("name",)) == "name\n"
    assert to_json([]) == "[]\n"


def test_parquet_without_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pyarrow", "fastparquet"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(OptionError, match=r"emcatalog\[parquet\]"):
        to_parquet(ROWS, COLUMNS)


def test_the_extra_is_declared() -> None:
    project = (Path(__file__).parent.parent / "pyproject.toml").read_text("utf-8")
    assert re.search(r'^parquet = \["pyarrow', project, re.MULTILINE)


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers())
def test_numbers_read_back(number: float) -> None:
    assert float(plain(number)) == number

"""Names and texts that hold a terminal's commands: they are shown, and not obeyed."""

from __future__ import annotations

import io
import json
import os
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from cli_fixtures import Run
from emcatalog.cli import terminal
from emcatalog.errors import FormatError, printable

EVIL = "\x1b[31mred\x9b2J\x07\u202egnp\x7f"
SHOWN = r"\x1b[31mred\x9b2J\x07\u202egnp\x7f"
"""The same as it may be printed."""


def tame(done: Any) -> str:
    """What a command wrote, if none of it moves, colours or turns anything."""
    text: str = done.stdout + done.stderr
    kinds = {c: unicodedata.category(c) for c in text if not c.isprintable()}
    assert {c for c, kind in kinds.items() if kind != "Zs"} <= {"\n"}
    return text


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    """A catalog whose every text is evil, of one file that is well."""
    place = tmp_path / f"{EVIL}.tif"
    tifffile.imwrite(place, np.zeros((5, 6, 7), np.uint8))
    args: dict[str, Any] = {"urlpath": str(place), "voxel_size_nm": [8, 8, 8]}
    chosen = {"description": EVIL, "type": "str", "default": EVIL, "allowed": [EVIL]}
    one = {"driver": "tiff", "description": EVIL, "args": args}
    two = one | {"args": args | {"series": "{{ chosen }}"}}
    two["parameters"] = {"chosen": chosen}
    gone = one | {"args": args | {"urlpath": f"{place}/{EVIL}"}}
    meta = {"metadata": {"note": EVIL}}
    own = tmp_path / f"{EVIL}.yaml"
    sources = {"one": one | meta, "two": two, "gone": gone, EVIL: one}
    own.write_text(json.dumps({"sources": sources}))
    return own


def test_list_escapes(run: Run, catalog: Path) -> None:
    assert tame(run("list", "--catalog", str(catalog))).count(SHOWN) >= 4
    found = run("list", "--catalog", str(catalog), "--json")
    tame(found)
    assert EVIL in {entry["name"] for entry in json.loads(found.stdout)}


@pytest.mark.parametrize("name", ["one", EVIL])
def test_show_escapes(name: str, run: Run, catalog: Path) -> None:
    words = ("show", name, "--catalog", str(catalog))
    assert f"{SHOWN}.tif" in tame(run(*words))
    found = run(*words, "--json")
    tame(found)
    assert json.loads(found.stdout)["description"] == EVIL


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("show", "gone"), 1),
        (("show", "two"), 2),
        (("show", "one", "-p", EVIL), 2),
        (("show", "one", "-p", f"{EVIL}=1"), 2),
        (("show", EVIL * 2), 2),
        (("read", "one", "--out", f"{EVIL}.tif", "--box", EVIL), 2),
        (("read", "one", "--out", f"{EVIL}/{EVIL}.tif"), 2),
        (("read", "one", "--out", EVIL), 2),
        (("read", "one", "--out", "a.tif", EVIL), 2),
        (("doctor", "--timeout", "0.1"), 0),
    ],
)
def test_letters_escape(
    words: tuple[str, ...], code: int, run: Run, catalog: Path
) -> None:
    """Whatever is wrong, and whoever says so."""
    if words[0] == "doctor":
        tame(run(*words, "--catalog", f"{catalog}{EVIL}", code=1))
        return
    assert r"\x1b[31m" in tame(run(*words, "--catalog", str(catalog), code=code))


@pytest.mark.parametrize("word", [EVIL, f"--{EVIL}"])
def test_words_that_no_command_knows_are_escaped(word: str, run: Run) -> None:
    tame(run(word, code=2))
    tame(run("list", word, code=2))


@pytest.mark.skipif(os.name == "nt", reason="such names are not for Windows")
def test_names_that_are_no_text(run: Run, catalog: Path, tmp_path: Path) -> None:
    """Half a character in a name neither ends the program nor wrecks the line."""
    target = tmp_path / os.fsdecode(b"half\xff\nok: all is well.npy")
    words = ("read", "one", "--catalog", str(catalog), "--out")
    assert r"half\udcff\nok: all" in tame(run(*words, str(target)))
    assert target.is_file()
    text = tame(run(*words, str(target), code=2))
    assert "\nok: all" not in text.split("got", 1)[0]


def test_what_is_told_of_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bar is drawn by commands to the terminal, none of which is the name's."""
    drawn = io.StringIO()
    own = Console(file=drawn, force_terminal=True, width=250)
    monkeypatch.setattr(terminal, "console", lambda **_: own)
    with terminal.progress(EVIL) as report:
        report(f"[bold]{EVIL}", 0.5)
    assert f"[bold]{SHOWN}" in drawn.getvalue()
    assert "\x1b[31mred" not in drawn.getvalue()


def test_a_letter_is_of_bounded_length(capsys: pytest.CaptureFixture[str]) -> None:
    """Files can hold names of megabytes."""
    long = EVIL * 10_000
    terminal.letter(FormatError(entry=long, got=long, expected=long, hint=long))
    assert len(capsys.readouterr().err) < 50_000


@given(st.text())
def test_what_is_printable_can_be_printed(text: str) -> None:
    """It can be encoded, what can be read in it stays, and twice is as good as once."""
    told = printable(text)
    told.encode()
    assert printable(told) == told
    if text.isprintable():
        assert told == text
    assert not {"\x1b", "\x9b", "\r", "\0", "\u202e"} & set(told)


def test_spaces_of_other_scripts_stay() -> None:
    assert printable("4\xa0nm\u3000\u2009x\n") == "4\xa0nm\u3000\u2009x\n"
    assert printable("a\nb\tc", keep="\t") == "a\\nb\tc"

"""docs/metadata.md and metadata/consolidated.* are those of the snapshots."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

import metadata_page
from emcatalog.harvest import declared_evidence
from emcatalog.record import FIELDS

ROOT = Path(__file__).resolve().parent.parent
TEXT = metadata_page.PAGE.read_text("utf-8")
FILES = [f"consolidated.{suffix}" for suffix in ("csv", "json", "md")]


@pytest.fixture(autouse=True)
def shipped_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EMCATALOG_SNAPSHOTS", str(tmp_path / "none"))


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.M | re.S)


def test_its_tables_are_those_of_the_snapshots() -> None:
    stale = "run python tests/metadata_page.py"
    assert metadata_page.written(TEXT) == TEXT, stale


def test_python_blocks_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(blocks("yaml")[0])
    names: dict[str, Any] = {}
    shown = 0
    for block in blocks("python"):
        exec(compile(block, "docs/metadata.md", "exec"), names)  # noqa: S102 - our own
        for expression, value in re.findall(r"^(\S.*?)  # (.+)$", block, re.M):
            assert repr(eval(expression, names)) == value  # noqa: S307
            shown += 1
    assert shown >= 8


def test_its_evidence_is_understood() -> None:
    told = yaml.safe_load(blocks("yaml")[1])
    assert declared_evidence(told["evidence"])


def test_its_commands_run(run: Any, tmp_path: Path) -> None:
    for line in "".join(blocks("sh")).splitlines():
        _, *words = shlex.split(line, comments=True)
        if "--write" in words:
            words[-1] = str(tmp_path)
        assert run(*words).output.strip()


@pytest.mark.parametrize("name", FILES)
def test_the_consolidated_files_are_fresh(name: str, run: Any, tmp_path: Path) -> None:
    run("metadata", "--write", str(tmp_path))
    fresh, kept = tmp_path / name, ROOT / "metadata" / name
    assert fresh.read_bytes() == kept.read_bytes(), (
        "run emcatalog metadata --write metadata"
    )


def test_the_readme_counts_the_fields() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert f"each of {len(FIELDS)} fields" in readme

"""Fixtures that run the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from emcatalog.cli import app

Run = Callable[..., Any]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command; no mirror, and lines that are long enough."""
    monkeypatch.delenv("EMCATALOG_MIRROR", raising=False)
    monkeypatch.setenv("COLUMNS", "250")

    def invoke(*words: str, code: int = 0) -> Any:
        done = CliRunner().invoke(app, list(words))
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == code, done.output
        return done

    return invoke


@pytest.fixture
def mirrored(run: Run, sample_root: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command that reads from the sample."""
    monkeypatch.setenv("EMCATALOG_MIRROR", str(sample_root))
    return run

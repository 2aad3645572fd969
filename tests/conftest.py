"""Fixtures that many test files share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("any machine", deadline=None)  # a busy one is no fault
settings.load_profile("any machine")

pytest_plugins = ["servers.fixtures", "cli_fixtures"]

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def sample_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded sample, written once for all tests."""
    from emcatalog.sample import write_sample

    return write_sample(tmp_path_factory.mktemp("sample") / "mirror")


@pytest.fixture(scope="session")
def realdata() -> Path:
    """Real files of many sources; tests that need them skip where they are absent."""
    place = Path(os.environ.get("EMCATALOG_REALDATA", ROOT / "../shared/realdata"))
    if not (place / "EXPECTED.csv").is_file():
        pytest.skip("no real files: set EMCATALOG_REALDATA")
    return place.resolve()


@pytest.fixture(scope="session")
def sources() -> Path:
    """Answers of real servers and dumps of real headers; tests skip without them."""
    place = Path(os.environ.get("EMCATALOG_SOURCES", ROOT / "../shared/sources"))
    if not place.is_dir():
        pytest.skip("no answers of real servers: set EMCATALOG_SOURCES")
    return place.resolve()


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    """No chunk that an earlier test read is served from memory; hosts are strangers.

    Servers of different tests may get the same port, and so the same URLs.
    """
    from emcatalog.cache import page_cache
    from emcatalog.chunked import engine, kept
    from emcatalog.transport import speed, systems
    from emcatalog.transport.http import Http

    for system in systems._systems.values():
        if isinstance(system, Http):
            system._habits.clear()
    speed._meters.clear()

    page_cache().clear()
    kept.forget()
    engine._open.cache_clear()
    engine._context.cache_clear()

"""A driver from outside: the README's, installed from a temporary folder.

It passes the whole conformance suite with at most 25 lines of its own and no change to
the core. The suite is also shown to catch drivers that break the contract.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from test_readme import blocks

TESTS = """
import numpy as np
import pytest
from emcatalog.testing import VolumeTests
from emcatalog_npy import NpySource

WHOLE = np.random.default_rng(0).integers(0, 60_000, (11, 70, 65), np.uint16)


class TestNpy(VolumeTests):
    metadata_budget = 8192

    @pytest.fixture
    def source(self, tmp_path):
        np.save(tmp_path / "a.npy", WHOLE)
        return NpySource(str(tmp_path / "a.npy"), voxel_size_nm=[2.96, 4, 4])

    @pytest.fixture
    def truth(self):
        return WHOLE

    @pytest.fixture
    def damaged(self, source, tmp_path):
        whole = (tmp_path / "a.npy").read_bytes()
        (tmp_path / "b.npy").write_bytes(whole[:-1000])
        return NpySource(str(tmp_path / "b.npy"), voxel_size_nm=[2.96, 4, 4])
"""

FAULTS = {
    "test_reads_agree": ("start + z * size", "start + (z // 2) * size"),
    "test_opening_reads_metadata_only": ("0, 4096", "0, 100_000"),
    "test_another_process": (  # a lambda does not go through pickle
        "head = io",
        "transport = type(transport)({'a': lambda: 0}); head = io",
    ),
}


def driver_text() -> str:
    (text,) = [b for b in blocks("python") if "class NpySource" in b]
    return text


def install(site: Path, text: str) -> None:
    site.mkdir(exist_ok=True)
    (site / "emcatalog_npy.py").write_text(text)
    info = site / "emcatalog_npy-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: emcatalog_npy\nVersion: 0.1\n"
    )
    (info / "entry_points.txt").write_text(
        "[intake.drivers]\nnpy = emcatalog_npy:NpySource\n"
        "[xarray.backends]\nnpy = emcatalog_npy:NpyBackend\n"
    )


def run_suite(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    install(folder / "site", text)
    (folder / "test_npy.py").write_text(TESTS)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_npy.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "site")},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def test_the_driver_is_small() -> None:
    lines = [line.strip() for line in driver_text().splitlines()]
    own = [line for line in lines if line and not line.startswith("#")]
    assert len(own) <= 25


def test_a_driver_from_outside_passes_the_contract(tmp_path: Path) -> None:
    done = run_suite(tmp_path, driver_text())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout


@pytest.mark.parametrize("failing", FAULTS)
def test_the_contract_catches_what_breaks_it(tmp_path: Path, failing: str) -> None:
    right, wrong = FAULTS[failing]
    assert right in driver_text()
    done = run_suite(tmp_path, driver_text().replace(right, wrong))
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"::{failing}" in done.stdout

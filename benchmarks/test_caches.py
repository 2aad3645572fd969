"""The benchmark of the caches runs, and what is kept costs no bytes."""

from pathlib import Path

import pytest

from benchmarks.caches import FORMATS, WAYS, measure
from benchmarks.reads.serving import missing


@pytest.mark.skipif(bool(missing()), reason=missing())
def test_caches(tmp_path: Path) -> None:
    """Voxels are compared inside."""
    found = list(measure(tmp_path, quick=True))
    assert len(found) == len(FORMATS) * len(WAYS)
    for _, row in found:
        if row.way.startswith("with"):
            assert row.megabytes > 1
        if "again" in row.way:
            assert row.requests <= 3  # the metadata
        if row.way == "in a new process":
            assert row.megabytes < 0.1

"""The benchmark under network faults, small: nothing wrong, nothing foreign, no hang.

It stands here and not beside the benchmark because it reads the sample that the other
tests have written already.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_every_read_is_exact_or_refused(sample_root: Path) -> None:
    """In a process of its own, because TensorStore reads its timeout once."""
    environment = {k: v for k, v in os.environ.items() if "TENSORSTORE" not in k}
    command = "-m benchmarks.faults --reads 45 --rate 0.15 --seed 1 --sample"
    done = subprocess.run(
        [sys.executable, *command.split(), str(sample_root)],
        env={**environment, "EMCATALOG_TIMEOUT": "1", "COLUMNS": "120"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = re.search(
        r"faults (\d+), reads: exact (\d+), refused (\d+), "
        r"wrong 0, foreign 0, hang 0",
        done.stdout,
    )
    assert said, done.stdout
    faults, exact, refused = map(int, said.groups())
    assert faults > 100
    assert exact > 9
    assert refused > 0
    assert exact + refused == 45
    for way in ("dm3, FTP", "tiff", "ngff, S3", "precomputed", "idr, rendered"):
        assert way in done.stdout

"""Run it: ``python -m benchmarks.faults --reads 1000 --seed 1``."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path


def main() -> None:
    """Read, and print the tables; ends with 1 if a read was not exact or refused."""
    parser = argparse.ArgumentParser(description="every driver under network faults")
    parser.add_argument("--reads", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=0.25, help="of the requests")
    parser.add_argument("--sample", type=Path, help="a written sample; else one is")
    given = parser.parse_args()
    os.environ.setdefault("EMCATALOG_TIMEOUT", "1")
    # the servers are those of the tests
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

    from rich.console import Console

    from benchmarks.faults.running import KINDS, run, tables
    from emcatalog.sample import write_sample

    with tempfile.TemporaryDirectory() as folder:
        root = given.sample or write_sample(Path(folder) / "sample")
        result = run(root, range(given.reads), given.seed, given.rate)
    console = Console()
    for table in tables(result):
        console.print(table)
    counts = ", ".join(f"{kind} {result.count(kind)}" for kind in KINDS)
    console.print(f"faults {result.injected.total()}, reads: {counts}", highlight=False)
    bad = [o for o in result.outcomes if o.kind not in ("exact", "refused")]
    for outcome in bad:
        console.print(f"{outcome.kind}: {outcome.way}: {outcome.said}", markup=False)
    sys.stdout.flush()
    os._exit(1 if bad else 0)  # a read that hangs would keep the process


if __name__ == "__main__":
    main()

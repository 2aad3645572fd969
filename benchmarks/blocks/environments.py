"""Environments of Python for libraries that cannot live beside emcatalog.

Each is made once, in a folder that is kept, with versions that are pinned; PyTorch
above all, which is never taken as it comes.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path

TORCH = "torch==2.13.0"
PINNED: Mapping[str, tuple[str, ...]] = {
    "xbatcher": ("xbatcher==0.4.0", TORCH, "zarr==3.1.6", "dask==2026.8.0"),
    "zarrdataset": ("zarrdataset==0.2.2", TORCH),
    "torch-em": ("torch_em==0.10.9", TORCH),
    "cellmap": ("cellmap-data==2026.3.20.1935", TORCH),
}
"""What is installed in each. zarrdataset and cellmap-data want Zarr before its third
version, and so cannot be with ours; the others bring half a hundred packages along."""

NEWEST = (3, 11)
"""The Python for which all of them have wheels."""


def python_of(folder: Path | None, name: str) -> Path | None:
    """The Python of an environment; this one's for no name, None where it is not."""
    if not name:
        return Path(sys.executable)
    found = folder / name / "bin" / "python" if folder else None
    return found if found and found.exists() else None


def make(folder: Path, name: str) -> None:
    """Make an environment, unless it is there. RuntimeError where that is impossible.

    One that could not be filled is removed under its name, and made anew next time.
    """
    if python_of(folder, name):
        return
    if sys.version_info[:2] != NEWEST:
        raise RuntimeError(f"made with Python {NEWEST[0]}.{NEWEST[1]} only")
    beside = folder / f"{name}.part"
    venv.create(beside, with_pip=True, clear=True)
    command = [str(beside / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    done = subprocess.run(  # noqa: S603 - our own words
        [*command, *PINNED[name]], capture_output=True, text=True, check=False
    )
    if done.returncode:
        told = done.stderr.strip().splitlines() or ["pip said nothing"]
        raise RuntimeError(told[-1][:300])
    beside.rename(folder / name)  # only its python is used, and that may be moved

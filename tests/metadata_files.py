"""Volumes, catalogs and snapshots in small, for the tests of the metadata table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from emcatalog.catalog import VolumeCatalog, open_catalog
from emcatalog.metadata import snapshot
from emcatalog.metadata.consolidate import Described, Reader
from emcatalog.record import Claim

REMOTE = "https://ftp.ebi.ac.uk/empiar/world_availability/11759/data/fish.tif"
"""Where a volume of an archive would lie; tests serve it on loopback."""


def tiff(path: Path, nm: float = 20.0, shape: tuple[int, int, int] = (5, 6, 7)) -> Path:
    """An ImageJ TIFF with cubic voxels of ``nm``, whose file tells so in microns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(
        path,
        np.zeros(shape, np.uint8),
        imagej=True,
        resolution=(1000 / nm, 1000 / nm),
        metadata={"axes": "ZYX", "spacing": nm / 1000, "unit": "um"},
    )
    return path


def entry(place: object, metadata: dict[str, Any] | None = None, **args: Any) -> Any:
    """An entry of a catalog that reads ``place`` as TIFF."""
    found = {"driver": "tiff", "args": {"urlpath": str(place), **args}}
    return found | {"metadata": metadata or {}}


def catalog(folder: Path, **sources: Any) -> VolumeCatalog:
    """A catalog of these entries, in a file ``own.yaml``."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "own.yaml"
    path.write_text(json.dumps({"sources": sources}), "utf-8")
    return open_catalog(path)


def described(own: VolumeCatalog, name: str = "mine", **how: Any) -> Described:
    """What is known of one entry."""
    (found,) = Reader(own, {}, **how).describe([name])
    return found


def keep(source: Any, *claims: Claim, **verdicts: str) -> Path:
    """Keep a snapshot of what ``source`` reads."""
    told = snapshot.Snapshot(source.identity, "kept", claims, verdicts)
    return snapshot.save(told)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of snapshots; none are shipped, and no mirror is read."""
    folder = tmp_path / "snapshots"
    monkeypatch.setenv(snapshot.FOLDER_VARIABLE, str(folder))
    monkeypatch.setattr(snapshot, "SHIPPED", tmp_path / "shipped")
    monkeypatch.delenv("EMCATALOG_MIRROR", raising=False)
    return folder

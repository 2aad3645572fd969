"""One read of one box through one driver, and what came of it."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.faults.mixture import Mixture
from benchmarks.faults.serving import Places
from emcatalog.catalog import open_catalog
from emcatalog.errors import EmcatalogError

EBI = "https/ftp.ebi.ac.uk"
DM3 = f"{EBI}/empiar/world_availability/11759/data/F57-8_test1_3VBSED_slice_"
DM3 += "{0000..0015}.dm3"
TIFF = "https/documents.epfl.ch/groups/c/cv/cvlab-unit/www/data/"
TIFF += "%20ElectronMicroscopy_Hippocampus/volumedata.tif"
ORIGINAL = f"{EBI}/pub/databases/IDR/idr0086-miron-micrographs/20200610-ftp/experimentD"
ORIGINAL += "/Miron_FIB-SEM/Miron_FIB-SEM_processed/Figure_S3B_FIB-SEM_U2OS_20x20x20nm"
ORIGINAL += "_xy.tif"
BUCKET = "janelia-cosem-datasets"
NGFF = "jrc_mus-nacc-2/jrc_mus-nacc-2.zarr/recon-2/em/fibsem-int16"
HEMIBRAIN = "gs/neuroglancer-janelia-flyem-hemibrain/emdata/clahe_yz/jpeg"
IDR = "https/idr.openmicroscopy.org"
HANG = 240.0
"""Seconds after which a read is held to hang; no chain of timeouts is as long."""


def ways(places: Places, number: int) -> dict[str, tuple[str, dict[str, Any]]]:
    """Each way to the sample: dataset of the catalog, and where it lies for a read."""
    web, archive = f"{places.http}/r{number}", f"{places.ftp}/r{number}"
    # one endpoint for all, because each keeps a client of its own
    s3 = {"anon": True, "endpoint_url": f"{places.http}/s3"}
    return {
        "dm3": ("dataset2", {"urlpath": f"{web}/{DM3}"}),
        "dm3, FTP": ("dataset2", {"urlpath": f"{archive}/{DM3}"}),
        "tiff": ("dataset3", {"urlpath": f"{web}/{TIFF}"}),
        "tiff, FTP": ("dataset3", {"urlpath": f"{archive}/{TIFF}"}),
        "ngff": (
            "dataset4",
            {"urlpath": f"{web}/s3/{BUCKET}/{NGFF}", "storage_options": {}},
        ),
        "ngff, S3": (
            "dataset4",
            {"urlpath": f"s3://{BUCKET}/r{number}/{NGFF}", "storage_options": s3},
        ),
        "precomputed": ("dataset5", {"urlpath": f"{web}/{HEMIBRAIN}"}),
        "idr, rendered": (
            "dataset1",
            {"urlpath": f"{web}/{IDR}", "route": "rendered", "file_url": ""},
        ),
        "idr, file": (
            "dataset1",
            {"urlpath": f"{web}/{IDR}", "file_url": f"{web}/{ORIGINAL}"},
        ),
    }


@dataclass(frozen=True)
class Outcome:
    """``kind`` is exact, refused, wrong, foreign or hang; ``error`` a class name."""

    way: str
    kind: str
    seconds: float
    error: str = ""
    said: str = ""


class Reader:
    """Reads numbered boxes under faults and judges them by the same boxes on disk."""

    def __init__(
        self, places: Places, truths: dict[str, NDArray[Any]], mixture: Mixture
    ) -> None:
        self._places, self._truths, self._mixture = places, truths, mixture

    def outcome(self, number: int, seed: int) -> Outcome:
        """Do read ``number``; it has a thread of its own, and may hang there."""
        done: list[Outcome] = []
        begun = time.monotonic()
        thread = threading.Thread(
            target=lambda: done.append(self._judged(number, seed, begun)), daemon=True
        )
        thread.start()
        thread.join(HANG)
        names = list(ways(self._places, number))
        return done[0] if done else Outcome(names[number % len(names)], "hang", HANG)

    def _judged(self, number: int, seed: int, begun: float) -> Outcome:
        random = Random(f"{seed} read {number}")  # noqa: S311
        reached = self._reached(random)
        way, (name, options) = list(ways(reached, number).items())[number % 9]
        wanted = self._truths[name]
        box = tuple(_interval(random, size) for size in wanted.shape)
        kind, error, said = "exact", "", ""
        try:
            found = open_catalog()[name](**options).to_xarray()[box].values
            if not np.array_equal(found, wanted[box]):
                kind = "wrong"
        except EmcatalogError as refusal:
            kind, error, said = "refused", type(refusal).__name__, str(refusal)
        except Exception as foreign:  # noqa: BLE001 - that there is none is the point
            kind, error, said = "foreign", type(foreign).__name__, repr(foreign)
        return Outcome(way, kind, time.monotonic() - begun, error, said)

    def _reached(self, random: Random) -> Places:
        """The servers, or now and then none."""
        web = self._places.http.removeprefix("http://")
        nowhere = {
            "host unknown": Places("http://nowhere.invalid", "ftp://nowhere.invalid"),
            "nobody listens": Places("http://127.0.0.1:9", "ftp://127.0.0.1:9"),
            "no TLS": Places(f"https://{web}", self._places.ftp),
        }
        if random.random() > 0.02:
            return self._places
        kind = random.choice(sorted(nowhere))
        self._mixture.count(kind)
        return nowhere[kind]


def _interval(random: Random, size: int) -> slice:
    length = random.randint(1, min(size, 40))
    start = random.randrange(size - length + 1)
    return slice(start, start + length)

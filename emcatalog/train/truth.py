"""The sample's images with the truth that was written beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from emcatalog.driver.registry import driver
from emcatalog.errors import NotFoundError
from emcatalog.sample import SAMPLES
from emcatalog.train.course import LABELS


def with_truth(catalog: Any, sample: Path) -> dict[str, dict[str, Any]]:
    """The five datasets of ``catalog``, each with its labels, as a plan takes them.

    ``sample`` is the folder that `emcatalog.write_sample` gave back; its mirror is to
    be in use, so that the catalog's images are the sample's. Labels index
    `emcatalog.sample.CLASSES`. Raises NotFoundError for a folder without labels.
    """
    ngff = driver("ngff")
    found = {}
    for name in SAMPLES:
        folder = sample / "labels" / name / "semantic"
        if not folder.is_dir():
            raise NotFoundError(
                entry=name,
                got=f"no {folder}",
                expected="the labels of the sample",
                hint="write_sample(folder) writes them",
            )
        labels = ngff(urlpath=str(folder))
        found[name] = {"image": catalog[name], LABELS: labels}
    return found

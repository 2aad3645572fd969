"""Versions: of Python, of emcatalog and of what it needs."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement

from emcatalog.cli.doctor.finding import Finding

SECTION = "versions"
FAMILY = ("s3fs", "gcsfs")
"""Released together with fsspec: each names the versions of it that it fits."""

SHOWN = (
    "emcatalog", "intake", "xarray", "zarr", "dask", "numpy", "fsspec", "s3fs", "gcsfs",
    "aiohttp", "tensorstore", "tifffile", "imagecodecs", "jinja2", "pint",
    "pint-xarray", "intake-xarray", "matplotlib",
)  # fmt: skip
"""Told always; of the others only what is wrong."""


def versions() -> Iterator[Finding]:
    """One finding for each package that is shown, missing or does not fit."""
    yield Finding(SECTION, "python", "ok", platform.python_version())
    needs = {r.name.lower(): r for r in _requirements("emcatalog")}
    for name in dict.fromkeys((*SHOWN, *needs)):
        finding = _package(name, needs.get(name))
        if finding.state != "ok" or name in SHOWN:
            yield finding
    for name in FAMILY:
        yield from _skew(name)


def _package(name: str, needed: Requirement | None) -> Finding:
    try:
        found = version(name)
    except PackageNotFoundError:
        hint = f"python -m pip install {name}"
        if needed is None:
            return Finding(SECTION, name, "ok", "not installed; nothing here needs it")
        return Finding(SECTION, name, "broken", "not installed", hint)
    if needed is not None and not needed.specifier.contains(found, prereleases=True):
        text = f"{found}, but emcatalog needs {needed.specifier}"
        hint = f'python -m pip install "{needed.name}{needed.specifier}"'
        return Finding(SECTION, name, "broken", text, hint)
    return Finding(SECTION, name, "ok", found)


def _skew(name: str) -> Iterator[Finding]:
    """Whether a relative of fsspec fits the fsspec that is installed."""
    for needed in _requirements(name):
        if needed.name == "fsspec":
            found = version("fsspec")
            if not needed.specifier.contains(found, prereleases=True):
                text = f"{name} needs fsspec{needed.specifier}, not {found}"
                hint = "python -m pip install --upgrade fsspec s3fs gcsfs"
                yield Finding(SECTION, f"{name} and fsspec", "warn", text, hint)


def _requirements(name: str) -> list[Requirement]:
    try:
        lines = requires(name) or []
    except PackageNotFoundError:
        return []
    parsed = [Requirement(line) for line in lines]
    return [r for r in parsed if r.marker is None or r.marker.evaluate({"extra": ""})]

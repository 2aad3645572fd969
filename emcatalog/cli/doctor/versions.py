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


def versions() -> Iterator[Finding]:
    """One finding for each package that is needed, and for those that do not fit."""
    yield Finding(SECTION, "python", "ok", platform.python_version())
    yield _package(Requirement("emcatalog"))
    for needed in _requirements("emcatalog"):
        yield _package(needed)
    for name in FAMILY:
        yield from _skew(name)


def _package(needed: Requirement) -> Finding:
    name = needed.name
    hint = f'python -m pip install "{name}{needed.specifier}"'
    try:
        found = version(name)
    except PackageNotFoundError:
        return Finding(SECTION, name, "broken", "not installed", hint)
    if not needed.specifier.contains(found, prereleases=True):
        text = f"{found}, but emcatalog needs {needed.specifier}"
        return Finding(SECTION, name, "broken", text, hint)
    return Finding(SECTION, name, "ok", found)


def _skew(name: str) -> Iterator[Finding]:
    """Whether a relative of fsspec fits the fsspec that is installed."""
    found = version("fsspec")
    for needed in _requirements(name):
        fits = needed.specifier.contains(found, prereleases=True)
        if needed.name == "fsspec" and not fits:
            text = f"{name} needs fsspec{needed.specifier}, not {found}"
            hint = "python -m pip install --upgrade fsspec s3fs gcsfs"
            yield Finding(SECTION, f"{name} and fsspec", "warn", text, hint)


def _requirements(name: str) -> list[Requirement]:
    """What the package ``name`` needs here, without extras."""
    try:
        lines = requires(name) or []
    except PackageNotFoundError:
        return []
    parsed = [Requirement(line) for line in lines]
    return [r for r in parsed if r.marker is None or r.marker.evaluate({"extra": ""})]

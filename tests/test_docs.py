"""Examples in docstrings run, and everything public is documented."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from collections.abc import Iterator

import pytest

from emcatalog.errors import ExtraError

PACKAGES = [
    "emcatalog",
    "emcatalog_dm3",
    "emcatalog_idr",
    "emcatalog_images",
    "emcatalog_ngff",
    "emcatalog_precomputed",
    "emcatalog_tiff",
]


def modules() -> Iterator[str]:
    for name in PACKAGES:
        package = importlib.import_module(name)
        yield name
        for found in pkgutil.walk_packages(package.__path__, f"{name}."):
            if not found.name.endswith("__main__"):
                yield found.name


@pytest.mark.parametrize("name", list(modules()))
def test_examples_run(name: str) -> None:
    try:
        module = importlib.import_module(name)
    except ExtraError as error:
        pytest.skip(str(error))
    options = doctest.NORMALIZE_WHITESPACE
    assert doctest.testmod(module, optionflags=options).failed == 0

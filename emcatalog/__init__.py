"""emcatalog: public volume-EM datasets as labelled, lazy arrays in nanometres.

>>> import emcatalog
>>> da = emcatalog.open_catalog().dataset4.to_dask()  # doctest: +SKIP
>>> da.sel(z=slice(100, 200), y=slice("1 um", "1.5 um"))  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_FACE = {
    "EmcatalogError": "emcatalog.errors",
    "Grid": "emcatalog.geometry",
    "Region": "emcatalog.geometry",
    "VoxelIndex": "emcatalog.index",
    "open_catalog": "emcatalog.catalog",
    "use_mirror": "emcatalog.mirror",
    "write_sample": "emcatalog.sample",
}

__all__ = ["__version__", *_FACE]  # noqa: PLE0604 - names, as strings


def __getattr__(name: str) -> Any:
    # intake scans entry points at import: what is not asked for is not loaded
    if name in _FACE:
        return getattr(import_module(_FACE[name]), name)
    raise AttributeError(f"module 'emcatalog' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

"""Volume + Record -> DataArray and DataTree: the Intake and the xarray face.

A driver of your own is an ``open_pyramid``, a subclass of `VolumeSource` and one call
of `backend`; see the README for a complete one.
"""

from emcatalog.driver.array import attributes
from emcatalog.driver.backend import VolumeBackend, backend
from emcatalog.driver.chunks import coarse_chunks
from emcatalog.driver.registry import driver, open_pyramid_with
from emcatalog.driver.source import VolumeSource, option_names

__all__ = [
    "VolumeBackend",
    "VolumeSource",
    "attributes",
    "backend",
    "coarse_chunks",
    "driver",
    "open_pyramid_with",
    "option_names",
]

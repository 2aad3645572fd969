"""The xarray face of a driver: ``xr.open_dataset(url, engine=...)``."""

from __future__ import annotations

from typing import Any, ClassVar

import xarray as xr
from xarray.backends import BackendEntrypoint

from emcatalog.driver.array import to_dataset
from emcatalog.driver.source import VolumeSource


class VolumeBackend(BackendEntrypoint):
    """Opens what one driver reads; made by `backend`.

    Options are those of the driver's Intake face. It never guesses from a file name:
    the engine is named by the caller.
    """

    source: ClassVar[type[VolumeSource]]
    supports_groups = True
    open_dataset_parameters = ("filename_or_obj", "drop_variables")

    def open_dataset(
        self,
        filename_or_obj: Any,
        *,
        drop_variables: Any = None,
        **options: Any,
    ) -> xr.Dataset:
        """One level (``level=``, ``voxel_nm=``) as a Dataset with one variable."""
        source = self.source(filename_or_obj, **options)
        level = source.level_index
        extra = {"driver": self.source.name}
        dataset = to_dataset(source.pyramid, level, source.entry_name, extra)
        return dataset.drop_vars(drop_variables or [], errors="ignore")

    def open_datatree(
        self, filename_or_obj: Any, *, drop_variables: Any = None, **options: Any
    ) -> xr.DataTree:
        """All levels as a tree with nodes ``s0``, ``s1`` and so on."""
        groups = self.open_groups_as_dict(
            filename_or_obj, drop_variables=drop_variables, **options
        )
        return xr.DataTree.from_dict(groups)

    def open_groups_as_dict(
        self, filename_or_obj: Any, *, drop_variables: Any = None, **options: Any
    ) -> dict[str, xr.Dataset]:
        """All levels as Datasets, by path."""
        source = self.source(filename_or_obj, **options)
        pyramid, extra = source.pyramid, {"driver": self.source.name}
        levels = range(len(pyramid.levels))
        trees = {
            f"/s{n}": to_dataset(pyramid, n, source.entry_name, extra).drop_vars(
                drop_variables or [], errors="ignore"
            )
            for n in levels
        }
        return {"/": xr.Dataset(attrs=extra), **trees}

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Never: drivers are named, not guessed."""
        return False


def backend(source: type[VolumeSource]) -> type[VolumeBackend]:
    """The xarray engine of a driver, for its ``xarray.backends`` entry point."""
    members = {
        "source": source,
        "description": (source.__doc__ or "").strip().partition("\n")[0],
        "__doc__": f"xarray engine {source.name!r}: {source.__doc__}",
    }
    return type(f"{source.name.capitalize()}Backend", (VolumeBackend,), members)

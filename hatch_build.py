"""Puts the catalogs into wheels; an editable install reads them from the checkout.

A static ``force-include`` would also apply to editable installs, where a folder
``emcatalog`` with nothing but the catalog would hide the package.
"""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CATALOGS = ("catalog.yaml", "catalog-more.yaml")


class CatalogHook(BuildHookInterface):
    """Adds the catalogs to a standard wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before the wheel is built."""
        if version == "standard":
            build_data["force_include"] |= {n: f"emcatalog/{n}" for n in CATALOGS}

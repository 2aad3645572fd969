"""Loaded by every ``import intake`` (entry point ``intake.imports``): keep it light.

YAML catalogs are from then on opened by `emcatalog.catalog.VolumeCatalog`, which is
Intake's own class with one addition: an unknown name is answered with a suggestion.
The class is named as text, so nothing is imported until a catalog is opened.
"""

from intake.source import register_driver

register_driver("yaml_file_cat", "emcatalog.catalog:VolumeCatalog", clobber=True)

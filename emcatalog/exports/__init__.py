"""Metadata in the forms that others read: Croissant, RO-Crate, DataCite, NGFF, text.

Each function takes records (or grids) and gives a JSON-able document or text; nothing
is read and nothing is written. Only winners are exported, with the words that say where
a voxel size comes from; what is not known is absent, and so are contacts.
"""

from __future__ import annotations

from emcatalog.exports.citation import citation
from emcatalog.exports.croissant import croissant
from emcatalog.exports.datacite import datacite
from emcatalog.exports.licences import Licence, licence
from emcatalog.exports.ngff import ngff
from emcatalog.exports.rocrate import ro_crate

__all__ = [
    "Licence",
    "citation",
    "croissant",
    "datacite",
    "licence",
    "ngff",
    "ro_crate",
]

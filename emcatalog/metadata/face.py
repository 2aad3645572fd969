"""The table from Python."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from emcatalog.catalog import VolumeCatalog, open_catalog
from emcatalog.metadata.choosing import choose
from emcatalog.metadata.columns import ALL
from emcatalog.metadata.consolidate import Described, Reader
from emcatalog.metadata.frame import frame
from emcatalog.metadata.search import query
from emcatalog.metadata.settling import unsettled
from emcatalog.metadata.table import rows
from emcatalog.record import Explanation, Record

if TYPE_CHECKING:
    import pandas as pd


def records(
    catalog: VolumeCatalog | None = None,
    names: Sequence[str] = (),
    *,
    refresh: bool = False,
) -> dict[str, Record]:
    """What is known of each entry called ``names``, by name.

    Without names it is that of all entries of the catalog itself (None: the shipped
    one) that are no templates for siblings. ``refresh`` reads headers and archives'
    documents again, and keeps them. Raises UnknownNameError; warns of what could not
    be read, of which the record holds less.
    """
    return {one.name: one.record for one in _described(catalog, names, refresh)}


def conflicts(
    catalog: VolumeCatalog | None = None, names: Sequence[str] = ()
) -> list[tuple[str, Explanation]]:
    """Each field of which claims disagree or are doubted, with its dataset's name.

    What is explained has all claims, and ``why`` the winner is believed. Entries are
    those of `records`.
    """
    return unsettled(_described(catalog, names))


def table(
    found: Mapping[str, Record] | None = None, columns: Sequence[str] = ALL
) -> pd.DataFrame:
    """The records as a table with a row for each, by default those of `records`.

    Lengths are in nanometres; what is not known is <NA>.
    """
    return frame(rows(records() if found is None else found), columns)


def search(catalog: VolumeCatalog | None, text: str) -> dict[str, Record]:
    """The entries of a catalog (None: the shipped one) that a query finds.

    Nested ones are among them. No server is asked: what there is no snapshot of is
    known by what its catalog says, or read where it lies on this machine.
    ``text`` has words, fields and comparisons, all of which have to hold:
    ``'FIB-SEM mouse voxel<10nm -tissue:liver'``; see `emcatalog.metadata.query`.
    Raises OptionError, UnknownNameError or UnitError for what is no query.
    """
    shown = catalog if catalog is not None else open_catalog()
    return {found.name: found.record for found in found_by(text, shown)}


def found_by(text: str, catalog: VolumeCatalog) -> list[Described]:
    """The entries that a query finds, described; see `search`."""
    wanted = query(text)
    choice = choose(catalog)
    names = (*choice.names, *choice.nested)
    entries = Reader(catalog, {}, remote=False).describe(names)
    return [e for e in entries if wanted.finds(f"{e.name} {e.summary}", e.record)]


def _described(
    catalog: VolumeCatalog | None, names: Sequence[str], refresh: bool = False
) -> list[Described]:
    shown = catalog if catalog is not None else open_catalog()
    reader = Reader(shown, {}, refresh=refresh)
    found = list(reader.describe(choose(shown, names).names))
    for trouble in (trouble for one in found for trouble in one.troubles):
        warnings.warn(str(trouble), stacklevel=3)
    return found

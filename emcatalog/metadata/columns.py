"""Columns of the table: the fields, and names that earlier published tables used."""

from __future__ import annotations

from collections.abc import Mapping

from emcatalog.errors import UnknownNameError, suggest
from emcatalog.record import FIELDS

AXES = ("z", "y", "x")
VOXEL_SIZE = tuple(f"voxel_size_{axis}" for axis in AXES)

EARLIER: Mapping[str, tuple[str, ...]] = {
    "name": ("name",),
    "url": ("url",),
    "depth": ("depth",),
    "height": ("height",),
    "width": ("width",),
    "pixel_type": ("pixel_type",),
    "pixel_size_in_nm": VOXEL_SIZE,
    "experiment_type": ("modality",),
    "species": ("organism",),
    "organ": ("organ",),
    "publication_url": ("publication_url", "doi"),
}
"""Columns of earlier published tables of these datasets, and the fields in each."""

MARKS = ("imputed", "unconfirmed", "conflicts", "sources", "as_of")
"""Columns that tell how far a row is to be trusted."""

FIELD_COLUMNS = tuple(name for name in FIELDS if name not in EARLIER)
ALL = (*EARLIER, *FIELD_COLUMNS, *MARKS)
USUAL = (*EARLIER, "imputed", "unconfirmed", "conflicts")
"""Columns where people read the table and choose none."""

SHORTER: Mapping[str, tuple[str, ...]] = {
    "voxel": VOXEL_SIZE,
    "pixel_size": VOXEL_SIZE,
    "dtype": ("pixel_type",),
    "license": ("licence",),
    "technique": ("modality",),
    **{
        stem: tuple(f"{stem}_{axis}" for axis in AXES)
        for stem in ("voxel_size", "extent", "origin")
    },
    **{f"voxel_{axis}": (f"voxel_size_{axis}",) for axis in AXES},
}
"""What else people call fields."""


def fields_of(name: str) -> tuple[str, ...]:
    """The fields that ``name`` means: itself, one for each axis, or by another name.

    Raises UnknownNameError with a suggestion.

    >>> fields_of("voxel_size"), fields_of("species")
    (('voxel_size_z', 'voxel_size_y', 'voxel_size_x'), ('organism',))
    """
    if name in FIELDS:
        return (name,)
    known = {**EARLIER, **SHORTER}
    if name not in known:
        raise UnknownNameError(
            got=f"the field {name!r}",
            expected="a field of the metadata",
            hint=suggest(name, {*FIELDS, *known}).partition("known: ")[0]
            + "emcatalog metadata --fields tells what there is",
        )
    return known[name]


def chosen(words: str) -> tuple[str, ...]:
    """Columns by their names between commas; ``all`` stands for all.

    Raises UnknownNameError with a suggestion.

    >>> chosen("name, voxel_size_z")
    ('name', 'voxel_size_z')
    """
    if words.strip() == "all":
        return ALL
    names = tuple(dict.fromkeys(w.strip() for w in words.split(",") if w.strip()))
    found: list[str] = []
    for name in names:
        found += (name,) if name in ALL else fields_of(name)
    return tuple(dict.fromkeys(found))

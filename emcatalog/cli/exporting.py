"""Records in forms that others read: which function makes which."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emcatalog.metadata.consolidate import Reader
    from emcatalog.record import Record

EXPORTS = ("croissant", "ro-crate", "datacite", "citation", "bibtex", "cff", "ngff")


def exported(form: str, reader: Reader, found: Mapping[str, Record]) -> str:
    """The text of an export, JSON for most; of several records a list of documents.

    Croissant and RO-Crate are one document for all. NGFF opens the data for its
    levels; voxels are not read.
    """
    from emcatalog import exports
    from emcatalog.metadata.formats import to_json

    records = list(found.values())
    if form in ("citation", "bibtex", "cff"):
        said = {"citation": "text"}.get(form, form)
        texts = [exports.citation(record, said).rstrip("\n") for record in records]  # type: ignore[arg-type]  # a form
        return ("\n---\n" if form == "cff" else "\n\n").join(texts) + "\n"
    if form == "croissant":
        return to_json(exports.croissant(records))
    if form == "ro-crate":
        return to_json(exports.ro_crate(records))
    if form == "datacite":
        return to_json(_single([exports.datacite(record) for record in records]))
    return to_json(_single([_ngff(reader, *one) for one in found.items()]))


def _single(documents: list[Any]) -> Any:
    return documents[0] if len(documents) == 1 else documents


def _ngff(reader: Reader, name: str, record: Record) -> Any:
    from emcatalog import exports

    grids = [volume.grid for volume in reader.source(name).pyramid.levels]
    return exports.ngff(grids, name, record=record)

"""What the opened pyramid itself tells, the same for every driver."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from emcatalog.geometry import AXES
from emcatalog.record import Claim, Record, Source, Value, taxon_id, voxel_size
from emcatalog.volume import Pyramid

OPENED = "as it was opened"
"""Where such facts are read: in no single tag, but in what opening made of them."""


def facts(pyramid: Pyramid) -> tuple[Claim, ...]:
    """Claims that any pyramid allows: sizes, levels, pixel type, chunks, extent, taxon.

    What the driver claims with a locator of its own is left to it; a taxon that is not
    the organism's has another beside it. The source is that of what they follow from:
    who knows the pixel type, or the voxel size along an axis.

    >>> from emcatalog.record import Record
    >>> facts(Pyramid((), Record((Claim("organism", "mouse", "file"),))))[0].value
    10090
    """
    record = pyramid.record
    found = _sizes(pyramid) if pyramid.levels else ()
    missing = (claim for claim in found if record.winner(claim.field) is None)
    return (*_taxon(record), *missing)


def completed(pyramid: Pyramid, told: Iterable[Claim]) -> Pyramid:
    """The pyramid with `facts`, what is ``told`` of it besides, and the day.

    Raises FormatError for an absurd voxel size: what is told does not change the grid.
    """
    record = pyramid.record.with_claims(facts(pyramid))
    voxel_size(record)
    record = record.with_claims(told)
    # what follows from what is told
    record = record.with_claims(facts(replace(pyramid, record=record)))
    today = datetime.now(UTC).date().isoformat()
    return replace(pyramid, record=record.read_at(today))


def _sizes(pyramid: Pyramid) -> Iterator[Claim]:
    finest = pyramid.levels[0]
    shape = zip(("depth", "height", "width"), finest.grid.shape, strict=True)
    told: dict[str, Value] = {
        **dict(shape),
        "levels": len(pyramid.levels),
        "pixel_type": finest.dtype.name,
        "bits": 8 * finest.dtype.itemsize,
        "chunks": finest.chunks,
    }
    source = _source(pyramid, "pixel_type", "file")
    for field, value in told.items():
        yield Claim(field, value, source, OPENED)
    yield Claim("kind", "image", "default", "nothing else is said")
    lengths = zip(AXES, finest.grid.voxel_size, finest.grid.extent, strict=True)
    for axis, size, extent in lengths:
        size_of = f"voxel_size_{axis}"
        yield Claim(size_of, size, source, OPENED, "nm")
        who = _source(pyramid, size_of, source)
        yield Claim(f"extent_{axis}", extent, who, f"voxels times {size_of}", "nm")


def _source(pyramid: Pyramid, field: str, else_: Source) -> Source:
    winner = pyramid.record.winner(field)
    return winner.source if winner else else_


def _taxon(record: Record) -> Iterator[Claim]:
    organism = record.winner("organism")
    known = taxon_id(str(organism.value)) if organism else None
    told = {claim.value for claim in record.about("taxon_id") if not claim.doubt}
    if organism and known and known not in told:
        yield Claim("taxon_id", known, organism.source, f"organism {organism.value}")

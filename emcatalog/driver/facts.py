"""What the opened pyramid itself tells, the same for every driver."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from emcatalog.geometry import AXES
from emcatalog.record import Claim, Source, Value, taxon_id, voxel_size
from emcatalog.volume import Pyramid

OPENED = "as it was opened"
"""Where such facts are read: in no single tag, but in what opening made of them."""


def facts(pyramid: Pyramid) -> tuple[Claim, ...]:
    """Claims that any pyramid allows: sizes, levels, pixel type, chunks, extent, taxon.

    What the driver claims with a locator of its own is left to it. The source is that
    of what they follow from: who knows the pixel type, or the voxel size along an axis.

    >>> from emcatalog.record import Record
    >>> facts(Pyramid((), Record((Claim("organism", "mouse", "file"),))))[0].value
    10090
    """
    record = pyramid.record
    found = (*_taxon(pyramid), *(_sizes(pyramid) if pyramid.levels else ()))
    return tuple(claim for claim in found if record.winner(claim.field) is None)


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


def _taxon(pyramid: Pyramid) -> Iterator[Claim]:
    organism = pyramid.record.winner("organism")
    known = taxon_id(str(organism.value)) if organism else None
    if organism and known:
        yield Claim("taxon_id", known, organism.source, f"organism {organism.value}")

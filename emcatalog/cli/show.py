"""``emcatalog show``: everything that is known of one entry."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from emcatalog.cli.arguments import (
    catalog_option,
    json_option,
    name_argument,
    parameter_option,
    parameters,
    source_of,
)
from emcatalog.cli.terminal import (
    cell,
    facts,
    is_wide,
    say,
    say_json,
    table,
    times,
)
from emcatalog.errors import TransportError

if TYPE_CHECKING:
    from rich.table import Table

    from emcatalog.driver import VolumeSource
    from emcatalog.record import Record
    from emcatalog.volume import Volume

EXAMPLES = """\b
Examples:
  emcatalog show dataset5 -p variant=raw -p level=2
  emcatalog show more.fafb
"""


@click.command(epilog=EXAMPLES)
@name_argument
@parameter_option
@catalog_option
@json_option
def show(
    name: str, words: tuple[str, ...], catalog_path: str | None, as_json: bool
) -> None:
    """Tell everything about one dataset, and who says so.

    NAME is that of an entry, such as dataset4 or more.fafb: `emcatalog list`. Sizes,
    levels and metadata are told; only metadata is read. Where the server does not
    answer, what the catalog knows is shown, and the exit status is 1.
    """
    from emcatalog.catalog import entries, open_catalog

    catalog = open_catalog(catalog_path)
    source = source_of(catalog, name, parameters(words))
    entry = dict(entries(catalog))[name].describe()
    known = {
        "name": name,
        "description": entry["description"],
        "driver": entry["driver"][0],
        "args": dict(source.options),
        "parameters": entry["user_parameters"],
        "metadata": entry["metadata"],
    }
    try:
        opening = _opening(source)
    except TransportError:
        if not as_json:
            say(*_entry(known))
        raise
    if as_json:
        say_json(known | opening)
        return
    say(*_entry(known), _levels(opening), _claims(source.pyramid.record))


def _opening(source: VolumeSource) -> dict[str, Any]:
    """What opening tells: levels, attributes and claims; reads metadata only."""
    pyramid, attrs = source.pyramid, source.to_xarray().attrs
    record = pyramid.record
    return {
        "level": source.level_index,
        "levels": [_level(n, volume) for n, volume in enumerate(pyramid.levels)],
        "voxel_size_source": attrs["voxel_size_source"],
        "attrs": attrs,
        "claims": [asdict(claim) for claim in record.claims],
        "conflicts": [asdict(conflict) for conflict in record.conflicts()],
        "doubts": [asdict(claim) for claim in record.doubts()],
    }


def _level(number: int, volume: Volume) -> dict[str, Any]:
    """One level; triples are in z, y, x order, lengths in nanometres."""
    grid, dtype = volume.grid, volume.dtype
    return {
        "level": number,
        "shape": grid.shape,
        "voxel_size_nm": grid.voxel_size,
        "origin_nm": grid.origin,
        "extent_nm": grid.extent,
        "dtype": str(dtype),
        "chunks": volume.chunks,
        "bytes": grid.region.size * dtype.itemsize,
    }


def _entry(known: dict[str, Any]) -> list[Any]:
    lines = [cell(known["name"], "bold"), cell(known["description"]), ""]
    lines.append(facts([("driver", known["driver"]), *known["args"].items()]))
    shown = table("parameter", "type", "default", "allowed", "description")
    for parameter in known["parameters"]:
        allowed = " | ".join(map(str, parameter.get("allowed") or ()))
        row = (parameter["name"], parameter["type"], parameter.get("default"))
        shown.add_row(*map(cell, (*row, allowed, parameter.get("description"))))
    return [*lines, *([shown] if known["parameters"] else [])]


def _levels(opening: dict[str, Any]) -> Table:
    """A row for each level, the chosen one in bold; all columns if there is room."""
    from dask.utils import format_bytes

    wide = is_wide()
    more = (">extent µm", ">chunks") if wide else ()
    shown = table(">level", ">voxels z, y, x", ">voxel nm", "dtype", ">size", *more)
    for level in opening["levels"]:
        row = [
            str(level["level"]),
            times(level["shape"]),
            times(level["voxel_size_nm"]),
            level["dtype"],
            format_bytes(level["bytes"]),
        ]
        if wide:
            row.append(times([round(nm / 1000, 4) for nm in level["extent_nm"]]))
            row.append(times(level["chunks"]))
        style = "bold" if level["level"] == opening["level"] else ""
        shown.add_row(*(cell(value, style) for value in row))
    return shown


def _claims(record: Record) -> Table:
    """Every claim, the most trusted of a field first; those not used are marked."""
    from emcatalog.record import written

    lost = {id(c) for conflict in record.conflicts() for c in conflict.losers}
    shown = table("field", "value", "says", "where")
    for field in record.fields:
        for claim in record.about(field):
            unused = bool(claim.doubt) or id(claim) in lost
            where = "; ".join(filter(None, (claim.locator, claim.doubt)))
            name = f"  not {field}" if unused else field
            row = (name, written(claim), claim.source, where)
            shown.add_row(*(cell(part, "yellow" if unused else "") for part in row))
    if lost or record.doubts():
        shown.caption = (
            "yellow: not used, being doubted or said by a less trusted source"
        )
    return shown

"""``emcatalog show``: everything that is known of one entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emcatalog.cli.arguments import (
    AsJson,
    CatalogPath,
    Name,
    Parameters,
    opened,
    parameters,
    source_of,
)
from emcatalog.cli.terminal import (
    cell,
    facts,
    is_wide,
    number_of_bytes,
    say,
    say_json,
    table,
    times,
)
from emcatalog.errors import TransportError

if TYPE_CHECKING:
    from rich.table import Table


def show(
    name: Name,
    param: Parameters = None,
    catalog: CatalogPath = None,
    as_json: AsJson = False,
) -> None:
    """Tell everything about one dataset: sizes, levels, metadata and who says so.

    Only metadata is read. Where the server does not answer, what the catalog knows is
    shown, and the exit status is 1.

      emcatalog show dataset5 -p variant=raw -p level=2
      emcatalog show more.fafb
    """
    from emcatalog.catalog import entries
    from emcatalog.cli.facts import described

    holder = opened(catalog)
    source = source_of(holder, name, parameters(param))
    entry: dict[str, Any] = dict(entries(holder))[name].describe()
    known = {
        "name": name,
        "description": entry["description"],
        "driver": entry["driver"][0],
        "args": dict(source.options),
        "parameters": entry["user_parameters"],
        "metadata": entry["metadata"],
    }
    try:
        opening = described(source)
    except TransportError:
        if not as_json:
            _say_entry(known)
        raise
    if as_json:
        say_json(known | opening)
        return
    _say_entry(known)
    _say_opening(opening)


def _say_entry(known: dict[str, Any]) -> None:
    say(cell(f"{known['name']}  ", "bold"), cell(known["description"]), "")
    options = [(key, value) for key, value in known["args"].items()]
    say(facts([("driver", known["driver"]), *options]))
    if not known["parameters"]:
        return
    shown = table("parameter", "type", "default", "allowed", "description")
    for parameter in known["parameters"]:
        allowed = " | ".join(map(str, parameter.get("allowed") or ()))
        row = (parameter["name"], parameter["type"], parameter.get("default"))
        shown.add_row(*map(cell, (*row, allowed, parameter.get("description"))))
    say("", shown)


def _say_opening(opening: dict[str, Any]) -> None:
    say("", _levels(opening), _claims(opening))


def _levels(opening: dict[str, Any]) -> Table:
    """A row for each level, the chosen one in bold; all columns if there is room."""
    wide = is_wide()
    more = (">extent µm", ">chunks") if wide else ()
    shown = table(">level", ">voxels z, y, x", ">voxel nm", "dtype", ">size", *more)
    for level in opening["levels"]:
        row = [
            str(level["level"]),
            times(level["shape"]),
            times(level["voxel_size_nm"]),
            level["dtype"],
            number_of_bytes(level["bytes"]),
        ]
        if wide:
            row.append(times([round(nm / 1000, 4) for nm in level["extent_nm"]]))
            row.append(times(level["chunks"]))
        style = "bold" if level["level"] == opening["level"] else ""
        shown.add_row(*(cell(value, style) for value in row))
    return shown


def _claims(opening: dict[str, Any]) -> Table:
    """Every claim, the most trusted of a field first; the others are marked."""
    from emcatalog.record import TRUST

    lost = [(c["field"], c["value"]) for c in opening["conflicts"]]
    shown = table("field", "value", "says", "where")
    claims = sorted(
        opening["claims"], key=lambda c: (c["field"], TRUST.index(c["source"]))
    )
    for claim in claims:
        conflict = (claim["field"], claim["value"]) in lost
        value = claim["value"]
        text = ", ".join(map(str, value)) if isinstance(value, tuple) else f"{value}"
        text = f"{text} {claim['unit']}".strip()
        style = "yellow" if conflict else ""
        field = f"  not {claim['field']}" if conflict else claim["field"]
        row = (field, text, claim["source"], claim["locator"])
        shown.add_row(*(cell(part, style) for part in row))
    if lost:
        shown.caption = "yellow: said by a less trusted source, and not used"
    return shown

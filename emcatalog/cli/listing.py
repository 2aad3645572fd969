"""``emcatalog list``: what a catalog holds, without opening any of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from emcatalog.cli.arguments import AsJson, CatalogPath, opened
from emcatalog.cli.terminal import cell, say, say_json, table

if TYPE_CHECKING:
    from emcatalog.cli.facts import Entry


def list_entries(
    catalog: CatalogPath = None,
    every: Annotated[
        bool, typer.Option("--all", "-a", help="List nested catalogs entry by entry.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the datasets: names, drivers, parameters.

    Nothing is opened, so it works without a network. While a mirror is active
    (EMCATALOG_MIRROR), a column says which entries it holds.

      emcatalog list --all
      emcatalog list --catalog my.yaml --json
    """
    from emcatalog.cli.facts import catalog_entries
    from emcatalog.mirror import current_mirrors

    found = catalog_entries(opened(catalog))
    if as_json:
        say_json([entry.as_json() for entry in found])
        return
    mirrored = bool(current_mirrors().roots)
    columns = ("name", "driver", "description", "parameters")
    shown = table(*columns, *(["mirror"] if mirrored else []))
    for entry in found:
        if every or not entry.group:
            shown.add_row(*_row(entry, mirrored))
    if not every:
        _add_groups(shown, found, mirrored)
    say(shown)
    say("emcatalog show NAME tells everything about one.", style="dim")


def _row(entry: Entry, mirrored: bool) -> list[Any]:
    names = ", ".join(_parameter(p) for p in entry.parameters)
    row = [
        cell(entry.name, "bold"),
        cell(entry.driver),
        cell(entry.description),
        cell(names),
    ]
    if mirrored:
        row.append(cell("yes", "green") if entry.in_mirror else cell("no", "dim"))
    return row


def _parameter(facts: dict[str, Any]) -> str:
    allowed = facts.get("allowed")
    if allowed:
        return f"{facts['name']} ({' or '.join(map(str, allowed))})"
    return str(facts["name"])


def _add_groups(shown: Any, found: list[Entry], mirrored: bool) -> None:
    groups: dict[str, int] = {}
    for entry in found:
        if entry.group:
            groups[entry.group] = groups.get(entry.group, 0) + 1
    for name, count in groups.items():
        told = f"{count} further volumes: emcatalog list --all"
        row = [cell(f"{name}.*", "bold"), cell("catalog"), cell(told), cell("")]
        shown.add_row(*row, *([cell("")] if mirrored else []))

"""``emcatalog list``: what a catalog holds, without opening any of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from emcatalog.cli.arguments import catalog_option, json_option, source_of
from emcatalog.cli.terminal import cell, say, say_json, table
from emcatalog.errors import EmcatalogError

if TYPE_CHECKING:
    from emcatalog.catalog import VolumeCatalog

EXAMPLES = """\b
Examples:
  emcatalog list --all
  emcatalog list --catalog my.yaml --json
"""

KNOWN = ("name", "type", "default", "allowed", "min", "max", "description")
"""What is told of a parameter, where the catalog says it."""


@click.command("list", epilog=EXAMPLES)
@catalog_option
@click.option(
    "--all", "-a", "every", is_flag=True, help="List nested catalogs entry by entry."
)
@json_option
def list_entries(catalog_path: str | None, every: bool, as_json: bool) -> None:
    """List the datasets: names, drivers, parameters.

    Nothing is opened, so it works without a network. While a mirror is active
    (EMCATALOG_MIRROR), a column says which entries it holds.
    """
    from emcatalog.catalog import open_catalog
    from emcatalog.mirror import current_mirrors

    found = list(_entries(open_catalog(catalog_path)))
    if as_json:
        say_json(found)
        return
    mirror = ["mirror"] if current_mirrors().roots else []
    shown = table("name", "driver", "description", "parameters", *mirror)
    for entry in found:
        if every or "." not in entry["name"]:
            shown.add_row(*_row(entry)[: 4 + len(mirror)])
    groups = Counter(entry["name"].rpartition(".")[0] for entry in found)
    for group, count in groups.items():
        if group and not every:
            told = f"{count} further volumes: emcatalog list --all"
            shown.add_row(*map(cell, (f"{group}.*", "catalog", told)))
    say(shown)
    say("emcatalog show NAME tells everything about one.", style="dim")


def _entries(catalog: VolumeCatalog) -> Iterator[dict[str, Any]]:
    """What the YAML tells of every entry, nested ones included; opens none."""
    from emcatalog.catalog import entries

    for name, entry in entries(catalog):
        facts = entry.describe()
        yield {
            "name": name,
            "driver": facts["driver"][0] if facts["driver"] else "not installed",
            "description": facts.get("description") or "",
            "parameters": [
                {key: p[key] for key in KNOWN if p.get(key) not in (None, "")}
                for p in facts["user_parameters"]
            ],
            "in_mirror": _in_mirror(catalog, name),
        }


def _in_mirror(catalog: VolumeCatalog, name: str) -> bool | None:
    """Whether the active mirror holds an entry; None if there is none."""
    from emcatalog.mirror import current_mirrors

    mirrors = current_mirrors()
    if not mirrors.roots:
        return None
    try:
        given = source_of(catalog, name).options.get("urlpath", "")
    except EmcatalogError:
        return False
    urls = [given] if isinstance(given, str) else list(given)
    return all("://" not in mirrors.resolve(_place(url)) for url in urls)


def _place(url: str) -> str:
    """The folder that a pattern is in; a URL without one as it is."""
    plain = re.split(r"[*?{\[]", url, maxsplit=1)[0]
    return url if plain == url else plain.rpartition("/")[0]


def _row(entry: dict[str, Any]) -> list[Any]:
    names = ", ".join(_parameter(p) for p in entry["parameters"])
    return [
        cell(entry["name"], "bold"),
        *map(cell, (entry["driver"], entry["description"], names)),
        cell("yes", "green") if entry["in_mirror"] else cell("no", "dim"),
    ]


def _parameter(facts: dict[str, Any]) -> str:
    allowed = " or ".join(map(str, facts.get("allowed", ())))
    return f"{facts['name']} ({allowed})" if allowed else str(facts["name"])

"""The command: gather the findings, show them, and judge."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import click

from emcatalog.cli.arguments import catalog_option, json_option
from emcatalog.cli.doctor.finding import Finding
from emcatalog.cli.terminal import cell, progress, say, say_json, table
from emcatalog.errors import EmcatalogError

SHOWN_USERS = 3
MARKS = {
    "ok": ("✓", "green"),
    "note": ("·", "yellow"),
    "warn": ("!", "yellow"),
    "broken": ("✗", "bold red"),
}

EXAMPLES = """\b
Examples:
  emcatalog doctor --timeout 20
  emcatalog doctor --all --json
"""


@click.command(epilog=EXAMPLES)
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 600),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="What the servers are given, all together.",
)
@catalog_option
@click.option(
    "--all", "-a", "every", is_flag=True, help="Ask servers of nested catalogs too."
)
@json_option
def doctor(
    timeout: float, catalog_path: str | None, every: bool, as_json: bool
) -> None:
    """Check this installation, this machine and the servers.

    From each server of the catalog a few bytes of one small object are asked, all at
    the same time. The exit status is 1 if something is broken on this machine; a
    server that does not answer, or being offline, is told and is no failure.
    """
    found = list(_findings(catalog_path, timeout, nested=every))
    broken = any(finding.state == "broken" for finding in found)
    if as_json:
        say_json({"ok": not broken, "findings": [asdict(f) for f in found]})
    else:
        _show(found)
        say(_verdict(found), style="bold red" if broken else "bold green")
    if broken:
        click.get_current_context().exit(1)


def _findings(path: str | None, timeout: float, *, nested: bool) -> Iterator[Finding]:
    from emcatalog.catalog import open_catalog
    from emcatalog.cli.doctor.caches import caches
    from emcatalog.cli.doctor.hosts import hosts, probes
    from emcatalog.cli.doctor.machine import catalog_findings, machine
    from emcatalog.cli.doctor.versions import versions

    yield from versions()
    yield from machine()
    yield from caches()
    name = path or "the shipped catalog"
    try:
        catalog = open_catalog(path)
    except EmcatalogError as error:
        yield Finding("catalog", name, "broken", str(error))
        return
    yield from catalog_findings(catalog, name)
    with progress("asking the servers"):
        yield from hosts(probes(catalog, nested=nested), timeout)


def _show(found: list[Finding]) -> None:
    for section in dict.fromkeys(finding.section for finding in found):
        here = [finding for finding in found if finding.section == section]
        hints = ["try"] if any(finding.hint for finding in here) else []
        shown = table("", section, "", *hints)
        for finding in here:
            mark, style = MARKS[finding.state]
            told = cell(finding.text, "" if finding.state == "ok" else style)
            row = (cell(mark, style), cell(_named(finding)), told, cell(finding.hint))
            shown.add_row(*row[: 3 + len(hints)])
        say(shown)


def _named(finding: Finding) -> str:
    if not finding.users:
        return finding.name
    more = ", ..." if len(finding.users) > SHOWN_USERS else ""
    return f"{finding.name}\n  {', '.join(finding.users[:SHOWN_USERS])}{more}"


def _verdict(found: list[Finding]) -> str:
    broken = sum(finding.state == "broken" for finding in found)
    servers = [f.state for f in found if f.section == "servers"]
    quiet = len(servers) - servers.count("ok")
    if broken:
        return f"{broken} broken on this machine."
    if servers and set(servers) == {"note"}:
        return "All is well here, but no server was reached: a mirror works offline."
    return f"All is well here; {quiet} servers are not." if quiet else "All is well."

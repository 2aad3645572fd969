"""The command: gather the findings, show them, and judge."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

import typer

from emcatalog.cli.arguments import AsJson, CatalogPath, opened
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


def doctor(
    timeout: Annotated[
        float,
        typer.Option(min=0.1, max=600, help="Seconds that the servers are given."),
    ] = 5.0,
    catalog: CatalogPath = None,
    every: Annotated[
        bool, typer.Option("--all", "-a", help="Ask servers of nested catalogs too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check this installation, this machine and the servers of the catalog.

    From each server a few bytes of one small object are asked, all at the same time.
    The exit status is 1 if something is broken on this machine; a server that does not
    answer, or being offline, is told and is no failure.

      emcatalog doctor --timeout 20
    """
    found = list(_findings(catalog, timeout, nested=every))
    broken = [finding for finding in found if finding.state == "broken"]
    if as_json:
        say_json({"ok": not broken, "findings": [asdict(f) for f in found]})
    else:
        _show(found)
        say(_verdict(found), style="bold red" if broken else "bold green")
    if broken:
        raise typer.Exit(1)


def _findings(path: str | None, timeout: float, *, nested: bool) -> Iterator[Finding]:
    from emcatalog.cli.doctor.hosts import hosts, probes
    from emcatalog.cli.doctor.machine import catalog_findings, machine
    from emcatalog.cli.doctor.versions import versions

    yield from versions()
    yield from machine()
    name = path or "the shipped catalog"
    try:
        catalog = opened(path)
    except EmcatalogError as error:
        yield Finding("catalog", name, "broken", str(error))
        return
    yield from catalog_findings(catalog, name)
    with progress("asking the servers"):
        asked = probes(catalog, nested=nested)
        yield from sorted(hosts(asked, timeout), key=lambda f: f.name)


def _show(found: list[Finding]) -> None:
    for section in dict.fromkeys(finding.section for finding in found):
        here = [finding for finding in found if finding.section == section]
        hints = any(finding.hint for finding in here)
        shown = table("", section, "", *(["try"] if hints else []))
        for finding in here:
            mark, style = MARKS[finding.state]
            told = cell(finding.text, "" if finding.state == "ok" else style)
            row = (cell(mark, style), cell(_named(finding)), told, cell(finding.hint))
            shown.add_row(*row[: 4 if hints else 3])
        say(shown)


def _named(finding: Finding) -> str:
    if not finding.users:
        return finding.name
    more = ", ..." if len(finding.users) > SHOWN_USERS else ""
    return f"{finding.name}\n  {', '.join(finding.users[:SHOWN_USERS])}{more}"


def _verdict(found: list[Finding]) -> str:
    states = [finding.state for finding in found]
    servers = [f.state for f in found if f.section == "servers"]
    if "broken" in states:
        return f"{states.count('broken')} broken on this machine."
    if servers and set(servers) == {"note"}:
        return "All is well here, but no server was reached: a mirror works offline."
    quiet = len(servers) - servers.count("ok")
    return (
        "All is well." if not quiet else f"All is well here; {quiet} servers are not."
    )

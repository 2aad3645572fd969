"""``emcatalog metadata``: one table over all sources, and who says what."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from emcatalog.cli.answers import MODES, Request, table
from emcatalog.cli.arguments import catalog_option, parameter_option
from emcatalog.cli.exporting import EXPORTS
from emcatalog.cli.reports import FORMATS, TERMINAL
from emcatalog.errors import OptionError

EXAMPLES = """\b
Examples:
  emcatalog metadata                               the five, in short
  emcatalog metadata --format csv --out table.csv  all columns
  emcatalog metadata --fields name,voxel_size,licence
  emcatalog metadata --fields                      what fields there are
  emcatalog metadata --conflicts                   who disagrees, and who wins
  emcatalog metadata dataset2 --conflicts --fields voxel_size
  emcatalog metadata --explain dataset2.voxel_size
  emcatalog metadata idr_image -p image_id=9846152 --refresh
  emcatalog metadata --export croissant dataset4 --out croissant.json
"""


@click.command(epilog=EXAMPLES)
@click.argument("names", nargs=-1)
@click.option("--format", "form", type=click.Choice(FORMATS), default=TERMINAL,
              help="How to write it.")  # fmt: skip
@click.option("--out", "-o", metavar="FILE", type=click.Path(path_type=Path),
              help="Write to a file; its suffix tells the format.")  # fmt: skip
@click.option("--fields", is_flag=False, flag_value="", metavar="[A,B,...|all]",
              help="Choose columns; without a value, list all.")  # fmt: skip
@click.option("--conflicts", is_flag=True,
              help="Each disagreement: all claims, the winner, why.")  # fmt: skip
@click.option("--explain", metavar="NAME[.FIELD]",
              help="Tell who says what about a field.")  # fmt: skip
@click.option("--raw", metavar="NAME",
              help="The vendor's own tags as JSON; reads headers.")  # fmt: skip
@click.option("--refresh", is_flag=True,
              help="Read headers and archives again; keep what they say.")  # fmt: skip
@click.option("--check", is_flag=True,
              help="Tell what changed since the snapshot.")  # fmt: skip
@click.option("--write", metavar="DIR", type=click.Path(path_type=Path),
              help="Write consolidated.csv, .json and .md into a folder.")  # fmt: skip
@click.option("--schema", is_flag=True, help="JSON Schema of a record.")
@click.option("--export", type=click.Choice(EXPORTS),
              help="Write it in a form that others read.")  # fmt: skip
@click.option("--all", "-a", "every", is_flag=True,
              help="Nested catalogs and families too.")  # fmt: skip
@parameter_option
@catalog_option
def metadata(**options: Any) -> None:
    """Tell what is known of the datasets, and who says so.

    NAMES are those of entries, such as dataset4 or more.fafb; a nested catalog stands
    for its volumes. What headers and archives say comes from a snapshot, so no network
    is needed; what there is no snapshot of is read, never its voxels. A value that the
    catalog declares and nobody measured is imputed and marked with an asterisk.

    The exit status is 1 if something could not be read, and with --check if something
    changed or nothing could be compared. A disagreement is no failure.
    """
    modes = {mode: options.pop(mode) for mode in MODES}
    asked = [mode for mode, value in modes.items() if value]
    unfit = _unfit(asked, options)
    if len(asked) > 1 or unfit:
        raise OptionError(
            got=" and ".join((*(f"--{mode}" for mode in asked), *unfit)),
            expected="one question, with options that it takes",
            hint="run the command for each",
        )
    request = Request(**options, modes=modes)
    answer = MODES[asked[0]] if asked else table
    if answer(request):
        click.get_current_context().exit(1)


_TAKEN = {
    "conflicts": ("NAMES", "--fields", "--format", "--out", "--refresh"),
    "explain": ("--format", "--out", "--refresh"),
    "raw": ("--out",),
    "check": ("NAMES", "--format", "--out"),
    "write": ("NAMES", "--refresh"),
    "schema": ("--out",),
    "export": ("NAMES", "--out", "--refresh"),
}
"""What may be said beside each question; the rest would mean nothing."""


def _unfit(asked: list[str], options: Mapping[str, Any]) -> list[str]:
    """Words of the command line that the question asked does not take."""
    said = {
        "NAMES": bool(options["names"]),
        "--fields": options["fields"] is not None,
        "--format": options["form"] != TERMINAL,
        "--out": options["out"] is not None,
        "--refresh": options["refresh"],
    }
    taken = [set(_TAKEN[mode]) for mode in asked]
    return [w for w, given in said.items() if given and any(w not in t for t in taken)]

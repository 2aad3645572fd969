"""``emcatalog search``: volumes by what is known of them."""

from __future__ import annotations

import click

from emcatalog.cli.arguments import catalog_option, json_option
from emcatalog.cli.reports import overview, show
from emcatalog.cli.terminal import say, say_json, whisper

EXAMPLES = """\b
Examples:
  emcatalog search "FIB-SEM mouse voxel<10nm"
  emcatalog search "zebrafish retina"
  emcatalog search '"serial block face" -human'
  emcatalog search "tissue:hippocampus extent_z>1um released>=2020"
  emcatalog search "depth>=500 size<10GB pixel_type=uint8"

\b
What a query is made of; all of it has to hold:
  mouse hippocamp       words, or their beginnings from four letters on; other
                        words for a term find it: mouse is Mus musculus
  "block face"          words that follow each other
  -human                a word that must not be there
  tissue:retina         a word in one field: emcatalog metadata --fields
  voxel<10nm            < <= > >= = != with a unit (nm if none is told), along
                        each axis; voxel_z, extent_x and so on are single axes
  size<10GB             bytes of the whole array
  released>=2024        dates, as far as they are told
What is unknown meets no comparison.
"""


@click.command(epilog=EXAMPLES)
@click.argument("query", nargs=-1, required=True)
@catalog_option
@json_option
def search(query: tuple[str, ...], catalog_path: str | None, as_json: bool) -> None:
    """Find volumes by words and comparisons, nested catalogs included.

    No server is asked: snapshots and the catalog's own words are searched, and files
    on this machine. The exit status is 0, also if nothing is found. Quote the query,
    for a shell takes < and > for itself.
    """
    from emcatalog.catalog import open_catalog
    from emcatalog.metadata.face import found_by
    from emcatalog.metadata.table import document, rows

    found = found_by(" ".join(query), open_catalog(catalog_path))
    if as_json:
        say_json(document(found)["datasets"])
        return
    if not found:
        say("Nothing found.")
        return
    show(overview(rows({entry.name: entry.record for entry in found})))
    unread = sum(entry.taken == "catalog" for entry in found)
    if unread:
        whisper(
            f"of {unread} only what the catalog says is known: --refresh reads more"
        )

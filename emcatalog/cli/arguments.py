"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import click

from emcatalog.errors import OptionError

if TYPE_CHECKING:
    from emcatalog.catalog import VolumeCatalog
    from emcatalog.driver import VolumeSource

name_argument = click.argument("name")
parameter_option = click.option(
    "--param",
    "-p",
    "words",
    multiple=True,
    metavar="KEY=VALUE",
    help="A parameter of the entry or an option of its driver; may be repeated.",
)
catalog_option = click.option(
    "--catalog",
    "catalog_path",
    metavar="PATH",
    help="Another catalog than the shipped one.",
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Write JSON, for programs."
)


def parameters(words: Iterable[str]) -> dict[str, str]:
    """Take ``KEY=VALUE`` words apart; raises OptionError for what is not one.

    >>> parameters(["level=2", "url=https://a.org/?b=c"])
    {'level': '2', 'url': 'https://a.org/?b=c'}
    """
    found: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not (equals and key.strip()) or key.strip() in found:
            raise OptionError(
                got=f"-p {word}",
                expected="one KEY=VALUE for each parameter",
                hint="for instance -p level=2",
            )
        found[key.strip()] = value
    return found


def source_of(
    catalog: VolumeCatalog, name: str, given: Mapping[str, str] | None = None
) -> VolumeSource:
    """The entry called ``name`` with its parameters; nothing is read yet.

    Raises UnknownNameError for a name that does not exist, and OptionError for a
    nested catalog and for a parameter that does not fit.
    """
    entry: Any = catalog
    for part in name.split("."):
        if hasattr(entry, "to_xarray"):
            raise OptionError(
                entry=name,
                got=f"{part!r} after the name of a volume",
                expected="the name alone",
                hint=f"leave out .{part}",
            )
        entry = entry[part]
    if not hasattr(entry, "to_xarray"):
        raise OptionError(
            entry=name,
            got="a catalog of further entries",
            expected="the name of a volume",
            hint=f"{name}.ENTRY; `emcatalog list --all` lists them",
        )
    source: VolumeSource = entry(**(given or {}))
    return source

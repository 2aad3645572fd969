"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emcatalog.errors import OptionError

if TYPE_CHECKING:
    from emcatalog.catalog import VolumeCatalog
    from emcatalog.driver import VolumeSource

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="Name of an entry, such as dataset4 or more.fafb."
    ),
]
Parameters = Annotated[
    list[str] | None,
    typer.Option(
        "--param",
        "-p",
        metavar="KEY=VALUE",
        help="A parameter of the entry or an option of its driver; may be repeated.",
    ),
]
CatalogPath = Annotated[
    str | None,
    typer.Option(
        "--catalog", metavar="PATH", help="Another catalog than the shipped one."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON, for programs.")]


def parameters(words: Sequence[str] | None) -> dict[str, str]:
    """Take ``KEY=VALUE`` words apart; raises OptionError for what is not one.

    >>> parameters(["level=2", "url=https://a.org/?b=c"])
    {'level': '2', 'url': 'https://a.org/?b=c'}
    """
    found: dict[str, str] = {}
    for word in words or ():
        key, equals, value = word.partition("=")
        if not (equals and key.strip()) or key.strip() in found:
            raise OptionError(
                got=f"-p {word}",
                expected="one KEY=VALUE for each parameter",
                hint="for instance -p level=2",
            )
        found[key.strip()] = value
    return found


def opened(path: str | None) -> VolumeCatalog:
    """The catalog that is asked for."""
    from emcatalog.catalog import open_catalog

    return open_catalog(path)


def source_of(
    catalog: VolumeCatalog, name: str, given: Mapping[str, str] | None = None
) -> VolumeSource:
    """The entry called ``name`` with its parameters; nothing is read yet.

    Raises UnknownNameError for a name that does not exist, and OptionError for a
    nested catalog and for a parameter that does not fit.
    """
    entry: Any = catalog
    head, _, rest = name.partition(".")
    while head:
        entry = entry[head]
        if rest and hasattr(entry, "to_xarray"):
            raise OptionError(
                entry=name,
                got=f"{rest!r} after the name of a volume",
                expected="the name alone",
                hint=f"leave out .{rest}",
            )
        head, _, rest = rest.partition(".")
    if not hasattr(entry, "to_xarray"):
        raise OptionError(
            entry=name,
            got="a catalog of further entries",
            expected="the name of a volume",
            hint=f"{name}.ENTRY; `emcatalog list --all` lists them",
        )
    source: VolumeSource = entry(**(given or {}))
    return source
